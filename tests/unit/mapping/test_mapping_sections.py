"""Sections: headings in the ways clinicians write them, nothing lost between them, the right type for each."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from medcode_ml.mapping.sections import HEADINGS, split_documents, split_text


def types(text: str) -> list[str]:
    return [s.section_type for s in split_text(text)]


@pytest.mark.parametrize(
    "text",
    [
        "HISTORY OF PRESENT ILLNESS: Cough.\nPAST MEDICAL HISTORY: Asthma.",
        "History of Present Illness\nCough.\n\nPMH\nAsthma.",
        "HPI\n---\nCough.\n\nPMHx\n----\nAsthma.",
        "HPI - cough\nPMH - asthma",
        "# HPI\nCough.\n# Past Medical History\nAsthma.",
        "**HPI:** Cough.\n**PMH:** Asthma.",
    ],
)
def test_a_heading_is_one_however_it_is_written(text: str) -> None:
    assert types(text) == ["history_of_present_illness", "past_medical_history"]


def test_a_short_word_alone_is_a_heading_only_when_written_as_one() -> None:
    assert types("PE\nLungs clear.") == ["physical_exam"]
    assert types("All\n---\nNKDA") == ["allergies"]
    assert types("all\nwell") == ["other"]
    assert types("A\nnote") == ["other"]


def test_a_word_in_a_sentence_is_no_heading() -> None:
    assert types("Plan to discharge. History unclear.\nassessment of pain was done") == ["other"]


def test_a_one_paragraph_section_ends_at_the_blank_line() -> None:
    text = "FH: Brother with colon ca.\n\nShe was treated for sepsis.\n\nPLAN: home"
    assert types(text) == ["family_history", "other", "assessment_plan"]
    assert "sepsis" not in text[split_text(text)[0].start : split_text(text)[0].end]


def test_a_text_without_headings_is_one_section_and_an_empty_one_has_none() -> None:
    assert types("Seen and well.") == ["other"]
    assert types("") == []
    assert split_documents(pd.DataFrame({"document_id": ["a"], "text": [""]})).empty


def test_every_heading_phrase_belongs_to_one_type() -> None:
    phrases = [p for some in HEADINGS.values() for p in some]
    assert len(phrases) == len(set(phrases))


@trials(max_examples=100, deadline=None)
@given(st.text(alphabet=st.sampled_from("HPI:PE \nFH-abc.\t*#=(0)"), max_size=300))
def test_sections_stand_in_order_inside_the_text(text: str) -> None:
    sections = split_text(text)
    at = 0
    for section in sections:
        assert at <= section.start <= section.end <= len(text)
        at = section.end
