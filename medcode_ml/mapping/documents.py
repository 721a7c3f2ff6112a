"""Documents whole: electronic text, or the pages that were read, joined by a blank line, with each page's place."""

from __future__ import annotations

import pandas as pd

PAGE_BREAK = "\n\n"


def join_pages(
    records: pd.DataFrame, pages: pd.DataFrame, released: frozenset[tuple[str, str]]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Add `document_text` and `origin` to `records` (raw.scanned_record) and tell where each page stands.

    A page counts when no gate stopped it, or when a person released it from that gate and it has text. A record with
    files of which none counts has no text (None); one without files and without text has an empty text.
    Returns (records, places[source, hospital_id, record_id, page_id, page_number, start_offset, end_offset]).
    """
    by_record: dict[tuple[str, str, str], list[tuple[int, str, str]]] = {}
    for row in pages.itertuples():
        if row.text is None or (row.gate is not None and (row.page_id, row.gate) not in released):
            continue
        by_record.setdefault((row.source, row.hospital_id, row.record_id), []).append(
            (int(row.page_number), row.page_id, row.text)
        )
    texts: list[str | None] = []
    origins: list[str] = []
    places: list[tuple[str, str, str, str, int, int, int]] = []
    for row in records.itertuples():
        key = (row.source, row.hospital_id, row.record_id)
        readable = sorted(by_record.get(key, []))
        parts = [row.text] if row.text else []
        at = len(row.text) + len(PAGE_BREAK) if row.text else 0
        for number, page_id, text in readable:
            places.append((*key, page_id, number, at, at + len(text)))
            parts.append(text)
            at += len(text) + len(PAGE_BREAK)
        nothing_readable = bool(row.files) and not parts
        texts.append(None if nothing_readable else PAGE_BREAK.join(parts))
        origins.append("pages" if row.files else "text")
    joined = records.assign(
        document_text=pd.Series(texts, index=records.index, dtype=object),
        origin=pd.Series(origins, index=records.index, dtype=object),
    )
    columns = ["source", "hospital_id", "record_id", "page_id", "page_number", "start_offset", "end_offset"]
    return joined, pd.DataFrame(places, columns=columns, dtype=object)
