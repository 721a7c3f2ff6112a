"""People's names are no terms: the surname DOE in a page header was read as dyspnea on exertion."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcode_ml.coding.mentions import read_mentions


def said(text: str) -> list[str]:
    return [text[m.start : m.end] for m in read_mentions(text, [])]


@pytest.mark.parametrize(
    "text",
    [
        "Patient: DOE, ROBIN",
        "PATIENT: DOE, ROBIN A.   MRN: 1234567   DOB: 01/02/1950",
        "Patient: ROBIN A. DOE  MRN: 12",
        "Patient: DOE",
        "Patient: DOE ROBIN\nMRN: 77",
        "Patient Name: Burns, Robert J.",
        "Name: DOE",
        "Attending: JOHN DOE, MD",
        "Dictated by: DOE, JOHN (resident)",
        "DOE, ROBIN   MRN 123456   Page 2 of 3",
        "DOE, ROBIN   Page 2 of 3",
        "Discussed with Dr. Burns.",
        "Mrs. Cramp was seen.",
    ],
)
def test_a_name_in_a_header_or_after_a_title_is_no_term(text: str) -> None:
    assert said(text) == []


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Patient: DOE, ROBIN\nHPI: DOE for two weeks.", ["DOE"]),
        ("Pt: COPD, CHF, here with DOE.", ["COPD", "CHF", "DOE"]),
        ("PATIENT: REPORTS DOE AND PND", ["DOE", "PND"]),
        ("Patient: COPD, worse since Monday", ["COPD"]),
        ("DOE, Cough", ["DOE", "Cough"]),
        ("COPD, Stable  Date: 10/2/2026", ["COPD"]),
        ("ASSESSMENT: DOE, Likely CHF", ["DOE", "CHF"]),
        ("Severe MR. CHF exacerbation.", ["CHF"]),
        ("Burns, right hand.", ["Burns"]),
    ],
)
def test_what_is_said_of_a_patient_stays(text: str, terms: list[str]) -> None:
    assert said(text) == terms


@given(st.text(alphabet="DOE, .:\n(1Mr/", max_size=30), st.text(alphabet=", .:\n(1MRDO", max_size=30))
def test_no_text_upsets_it(before: str, after: str) -> None:
    text = f"{before} DOE {after}"
    assert all(text[m.start : m.end] for m in read_mentions(text, []))
