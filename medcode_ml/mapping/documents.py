"""Documents whole: electronic text, or the pages that were read, joined by a blank line, with each page's place."""

from __future__ import annotations

import numpy as np
import pandas as pd

PAGE_BREAK = "\n\n"
PLACES = ["source", "hospital_id", "record_id", "page_id", "page_number", "start_offset", "end_offset"]


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
    texts = np.where(records["text"].isna(), "", records["text"]).astype(object)
    filed = records["files"].notna().to_numpy()
    places: list[tuple[str, str, str, str, int, int, int]] = []
    for at in np.flatnonzero(filed):
        row = records.iloc[at]
        key = (row["source"], row["hospital_id"], row["record_id"])
        parts = [texts[at]] if texts[at] else []
        start = len(texts[at]) + len(PAGE_BREAK) if parts else 0
        for number, page_id, text in sorted(by_record.get(key, [])):
            places.append((*key, page_id, number, start, start + len(text)))
            parts.append(text)
            start += len(text) + len(PAGE_BREAK)
        texts[at] = PAGE_BREAK.join(parts) if parts else None
    joined = records.assign(document_text=texts, origin=np.where(filed, "pages", "text").astype(object))
    return joined, pd.DataFrame(places, columns=PLACES, dtype=object)
