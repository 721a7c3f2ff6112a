"""From characters of a document to boxes on its scanned pages, so that evidence can be drawn where it stands."""

from __future__ import annotations

from typing import Any

import pandas as pd


def page_boxes(evidence: pd.DataFrame, places: pd.DataFrame, words: dict[str, list[dict[str, Any]]]) -> list[Any]:
    """Return for each row of `evidence` its boxes [{page_id, box [x0, y0, x1, y1]}], or None without a scanned page.

    `places` is mapped.document_page; `words` holds the words of each page with start and end in the page's text. Words
    of one line are drawn as one box.
    """
    by_document: dict[str, list[tuple[str, int, int]]] = {}
    for row in places.itertuples():
        by_document.setdefault(row.document_id, []).append((row.page_id, row.start_offset, row.end_offset))
    found: list[Any] = []
    for row in evidence.itertuples():
        boxes: list[dict[str, Any]] = []
        for page_id, start, end in by_document.get(row.document_id, []):
            if row.start_offset >= end or row.end_offset <= start:
                continue
            boxes += [
                {"page_id": page_id, "box": box}
                for box in _lines(words.get(page_id, []), row.start_offset - start, row.end_offset - start)
            ]
        found.append(boxes or None)
    return found


def _lines(words: list[dict[str, Any]], start: int, end: int) -> list[list[int]]:
    boxes: list[list[int]] = []
    for word in words:
        if word["start"] >= end or word["end"] <= start:
            continue
        x0, y0, x1, y1 = word["box"]
        last = boxes[-1] if boxes else None
        if last is not None and y0 < last[3] and last[1] < y1 and x0 >= last[0]:
            boxes[-1] = [last[0], min(last[1], y0), max(last[2], x1), max(last[3], y1)]
        else:
            boxes.append([x0, y0, x1, y1])
    return boxes
