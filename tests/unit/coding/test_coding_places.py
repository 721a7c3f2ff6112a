"""Where a code is named goes into `document_types`: section, mentions and the place in the order of the section."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from medcode_ml.coding.batch import code_batch
from medcode_ml.mapping.sections import split_documents

SUMMARY = """DISCHARGE DIAGNOSES:
1. Acute kidney injury
2. Pneumonia

HISTORY OF PRESENT ILLNESS:
The patient has a history of stroke and presents with pneumonia. No pulmonary embolism. His father had gout.

HOSPITAL COURSE:
Pneumonia was treated with antibiotics. Acute kidney injury improved with fluids.
"""
DAY = date(2026, 10, 15)


def _places(*texts: str, kind: str | None = "discharge_summary", as_last: bool = False) -> dict[str, list[list[Any]]]:
    documents = pd.DataFrame(
        {
            "document_id": [f"D{n}" for n in range(len(texts))],
            "encounter_id": "E1",
            "text": list(reversed(texts)) if as_last else list(texts),
            "setting": "inpatient",
            "discharge_date": DAY,
            "document_type": kind,
        },
        dtype=object,
    )
    codes = code_batch(documents, split_documents(documents)).codes
    return dict(zip(codes["code"], codes["document_types"], strict=True))


def test_the_first_named_has_place_one_in_each_section() -> None:
    told = _places(SUMMARY)
    assert told["N17.9"] == [
        ["discharge_summary", "discharge_diagnoses", 1, 1],
        ["discharge_summary", "hospital_course", 1, 2],
    ]
    assert ["discharge_summary", "discharge_diagnoses", 1, 2] in told["J18.9"]
    assert ["discharge_summary", "hospital_course", 1, 1] in told["J18.9"]


def test_what_is_denied_or_of_relatives_has_no_place_and_takes_none() -> None:
    told = _places(SUMMARY)
    assert told["I26.99"] == []
    assert ["discharge_summary", "history_of_present_illness", 1, 1] in told["J18.9"]


def test_history_in_a_story_is_past_history_and_what_is_over_at_discharge_is_not() -> None:
    told = _places(SUMMARY)
    assert told["Z86.73"] == [["discharge_summary", "past_medical_history", 1, 1]]
    over = _places("DISCHARGE DIAGNOSES:\n1. Diarrhea, resolved\n2. Pneumonia\n")
    assert over["R19.7"] == [["discharge_summary", "discharge_diagnoses", 1, 1]]


def test_a_line_that_nobody_understands_takes_a_place() -> None:
    told = _places("DISCHARGE DIAGNOSES:\n1. Qwertitis of the zxcv\n2. Pneumonia\n")
    assert told["J18.9"] == [["discharge_summary", "discharge_diagnoses", 1, 2]]


def test_each_document_has_its_own_entry_in_whatever_order_they_come() -> None:
    other = "ASSESSMENT: Pneumonia. Acute kidney injury.\n"
    told = _places(SUMMARY, other, kind=None)
    assert told == _places(SUMMARY, other, kind=None, as_last=True)
    assert ["unknown", "discharge_diagnoses", 1, 2] in told["J18.9"]
    assert len([entry for entry in told["J18.9"] if entry[3] == 1]) >= 2


def test_text_without_headings_is_placed_by_its_wording() -> None:
    note = (
        "cough\n\n55 yo man with 3 days of cough and fever. Denies chest pain.\n\nT 38.5 C, HR 99, BP 131/76\n\n"
        "- pneumonia: augmentin x7d\n- hypertension: continue home meds\n\nReturn to ED for worsening.\n"
    )
    told = _places(note, kind="clinic_note")
    assert told["J18.9"] == [["clinic_note", "assessment_plan", 1, 1]]
    assert told["I10"] == [["clinic_note", "assessment_plan", 1, 2]]
