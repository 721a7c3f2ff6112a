"""Rule 39, page counts reconciled per document and batch; pages with handwriting; like sheets of two patients."""

from __future__ import annotations

import pandas as pd
import pytest

from medcode_ml.intake.duplicates import find_duplicates
from medcode_ml.intake.gates import gate_pages, page_count_figures, page_counts


def counted(gates: list[str | None], announced: int | None) -> dict:
    pages = pd.DataFrame({"record_id": "R1", "gate": pd.Series(gates, dtype=object)})
    return page_counts(pages, {} if announced is None else {"R1": announced}).iloc[0].to_dict()


@pytest.mark.parametrize(
    ("gates", "announced", "missing", "fits"),
    [
        ([None, None], 2, 0, True),
        ([None, None], 3, 1, False),
        ([None, None], 1, 0, False),
        ([None, None], None, 0, True),
        ([None, "blank_page"], 1, 0, True),
        ([None, "duplicate_page"], 2, 0, True),
        ([None, "identity_mismatch"], 1, 0, True),  # a stray sheet does not make the document too long
        ([None, "broken_file"], 7, 0, True),  # the file that cannot be opened may hold the others
        ([None, "broken_file"], 1, 0, False),
        ([None, "unreadable_page"], 2, 0, True),
    ],
)
def test_rule_39_page_counts_are_reconciled(gates, announced, missing, fits):
    row = counted(gates, announced)
    assert (row["came"], row["missing"], row["fits"]) == (len(gates), missing, fits)


def test_a_document_of_which_nothing_came_is_missed():
    row = page_counts(pd.DataFrame({"record_id": [], "gate": []}, dtype=object), {"R9": 4}).iloc[0]
    assert (row["record_id"], row["came"], row["missing"], bool(row["fits"])) == ("R9", 0, 4, False)


def test_the_reason_gives_whole_numbers_of_pages():
    pages = pd.DataFrame([read("a", NOTE, record_id="R1"), read("b", NOTE[::-1], record_id="R2")])
    out = gate_pages(pages, pd.DataFrame({"record_id": ["R1", "R2"], "page_count": ["3", None]}))
    assert "announced with 3 pages, 1 came." in out["gate_reason"][0]
    assert out["gate"][1] is None


def test_figures_of_a_batch():
    pages = pd.DataFrame({"record_id": ["A", "A", "A", "B"], "gate": [None, "blank_page", "duplicate_page", None]})
    records = pd.DataFrame({"record_id": ["A", "B", "C"], "page_count": ["1", "3", "many"]})
    assert page_count_figures(pages, records) == {
        "pages_announced": 4, "pages_came": 4, "pages_blank": 1, "pages_repeated": 1, "pages_astray": 0,
        "pages_unopened": 0, "pages_missing": 2, "documents_not_reconciled": 1,
    }  # fmt: skip


def read(page_id: str, text: str, confidence: float = 96.0, **more) -> dict:
    """A page row without a picture: every word read with one confidence."""
    words, at = [], 0
    for token in text.split():
        start = text.index(token, at)
        at = start + len(token)
        words.append({"text": token, "box": [0, 0, 50, 10], "confidence": confidence, "start": start, "end": at})
    quality = {"letter_share": 0.05, "garbage_share": 0.0, "image_hash": "0f" * 32, "width": 1000, "height": 1300}
    row = {"page_id": page_id, "content_hash": page_id, "page": 1, "text": text, "words": words}
    return row | {"confidence": confidence, "quality": quality, "gate": None, "gate_reason": None} | more


NOTE = " ".join(f"finding{n % 7} of organ{n} was seen" for n in range(60))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("pain controlled", "pain uncontrolled"),
        ("left knee", "right knee"),
        ("note of 11/04/2026", "note of 11/05/2026"),
        ("weight 81.4", "weight 81.1"),
        ("hypotension", "hypertension"),
    ],
)
def test_one_surely_read_word_or_number_makes_a_copied_forward_note_another_page(first, second):
    pages = pd.DataFrame([read("a", f"{NOTE} {first}"), read("b", f"{NOTE} {second}")])
    assert find_duplicates(pages) == {}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("newborn seen", "newbom seen"),
        ("MRN 00482913", "MRN00482913"),
        ("SpO2 98", "Sp02 98"),
        ("none discharged today", "discharged today"),  # lost beneath a stamp
    ],
)
def test_what_a_reader_confuses_does_not_hide_a_duplicate(first, second):
    pages = pd.DataFrame([read("a", f"{NOTE} {first} {NOTE[:80]}"), read("b", f"{NOTE} {second} {NOTE[:80]}")])
    assert list(find_duplicates(pages)) == [1]


def test_one_leaflet_handed_to_two_patients_is_no_duplicate_but_one_named_sheet_is():
    people = pd.DataFrame(
        [
            {"record_id": "R1", "patient_name": "Miriam Harlow", "mrn": "00482913", "birth_date": "1951-03-14"},
            {"record_id": "R2", "patient_name": "Tobias Okafor", "mrn": "00771204", "birth_date": "1984-09-02"},
        ]
    )
    leaflet = [read("a", NOTE, record_id="R1"), read("b", NOTE, record_id="R2")]
    assert gate_pages(pd.DataFrame(leaflet), encounters=people)["gate"].isna().all()
    again = [read("a", NOTE, record_id="R1"), read("b", NOTE, record_id="R1")]
    assert list(gate_pages(pd.DataFrame(again), encounters=people)["gate"]) == [None, "duplicate_page"]
    named = [read(p, f"MRN: 00482913\n{NOTE}", record_id=r) for p, r in (("a", "R1"), ("b", "R2"))]
    assert list(gate_pages(pd.DataFrame(named), encounters=people)["gate"]) == [None, "identity_mismatch"]


def test_a_signature_passes_and_a_handwritten_page_goes_to_a_person():
    signature = [{"kind": "handwriting", "box": [100, 1100, 300, 1160]}]
    note = [{"kind": "handwriting", "box": [80, 200, 900, 1200]}]
    stamp = [{"kind": "stamp", "box": [80, 200, 900, 1200]}]
    pages = pd.DataFrame([read(str(n), NOTE[:90], regions=r) for n, r in enumerate((signature, note, stamp, None))])
    pages["text"] = [f"{text} {n * 11111}" for n, text in enumerate(pages["text"])]
    out = gate_pages(pages)
    assert list(out["gate"])[:2] == [None, "unreadable_page"]
    assert "Have a person read it" in out["gate_reason"][1]
    assert out["gate"][2] != "unreadable_page"


def test_a_stamp_or_signature_does_not_make_a_sparse_page_unreadable():
    page = read("a", "See attached. RECEIVED NOV 12")
    page["words"][-1]["confidence"] = page["words"][-2]["confidence"] = 5.0
    page |= {"confidence": 60.0, "quality": page["quality"] | {"garbage_share": 0.3}}
    assert gate_pages(pd.DataFrame([page]))["gate"].isna().all()
    for word in page["words"]:
        word["confidence"] = 45.0
    assert list(gate_pages(pd.DataFrame([page]))["gate"]) == ["unreadable_page"]


def test_noise_in_which_writing_may_hide_is_not_called_blank():
    sheet = {"text": "", "words": [], "confidence": 0.0}
    quiet = read("a", "") | sheet | {"quality": {"letter_share": 0.0, "grain": 8.0}}
    loud = read("b", "") | sheet | {"quality": {"letter_share": 0.0, "grain": 60.0}}
    assert list(gate_pages(pd.DataFrame([quiet, loud]))["gate"]) == ["blank_page", "unreadable_page"]
