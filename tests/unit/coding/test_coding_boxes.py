"""From characters of a document to boxes on its pages: words of one line make one box, other pages are left alone."""

from __future__ import annotations

import pandas as pd

from medcode_ml.coding.boxes import page_boxes

WORDS = {
    "p2": [
        {"text": "acute", "box": [10, 100, 60, 120], "confidence": 95, "start": 0, "end": 5},
        {"text": "kidney", "box": [70, 101, 140, 121], "confidence": 95, "start": 6, "end": 12},
        {"text": "injury", "box": [10, 140, 70, 160], "confidence": 95, "start": 13, "end": 19},
    ]
}
PLACES = pd.DataFrame(
    [("d", "p1", 0, 50), ("d", "p2", 52, 71)], columns=["document_id", "page_id", "start_offset", "end_offset"]
)


def evidence(start: int, end: int, document: str = "d") -> pd.DataFrame:
    return pd.DataFrame([(document, start, end)], columns=["document_id", "start_offset", "end_offset"])


def test_words_of_a_line_are_one_box_and_the_next_line_is_another() -> None:
    assert page_boxes(evidence(52, 71), PLACES, WORDS) == [
        [{"page_id": "p2", "box": [10, 100, 140, 121]}, {"page_id": "p2", "box": [10, 140, 70, 160]}]
    ]


def test_one_word_is_its_own_box() -> None:
    assert page_boxes(evidence(58, 64), PLACES, WORDS) == [[{"page_id": "p2", "box": [70, 101, 140, 121]}]]


def test_evidence_in_an_electronic_document_has_no_box() -> None:
    assert page_boxes(evidence(0, 5, "electronic"), PLACES, WORDS) == [None]
