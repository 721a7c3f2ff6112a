"""Sections: headings in the ways clinicians write them, nothing lost between them, the right type for each."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from medcode_ml.contracts import mapped
from medcode_ml.mapping.heading_table import heading_table, letters, look_up
from medcode_ml.mapping.sections import Section, split_documents, split_text

HPI_PMH = ["history_of_present_illness", "past_medical_history"]


def types(text: str, document_type: str | None = None) -> list[str]:
    return [s.section_type for s in split_text(text, document_type)]


def headings(text: str) -> list[str]:
    return [s.heading for s in split_text(text)]


@pytest.mark.parametrize(
    "text",
    [
        "HISTORY OF PRESENT ILLNESS: Cough.\nPAST MEDICAL HISTORY: Asthma.",
        "History of Present Illness\nCough.\n\nPMH\nAsthma.",
        "HPI\n---\nCough.\n\nPMHx\n----\nAsthma.",
        "HPI - cough\nPMH - asthma",
        "# HPI\nCough.\n# Past Medical History\nAsthma.",
        "**HPI:** Cough.\n**PMH:** Asthma.",
        "--- HPI ---\nCough.\n\n--- Past Medical History ---\nAsthma.",
        "1. HISTORY OF PRESENT ILLNESS:\nCough.\n2. PAST MEDICAL HISTORY:\nAsthma.",
        "IV. HISTORY OF PRESENT ILLNESS: Cough.\nV. PAST MEDICAL HISTORY: Asthma.",
        "HPI (per daughter): Cough.\nPAST MEDICAL HISTORY (PMH): Asthma.",
        "HPI: Cough. PMH: Asthma.",
        "HISTORY OF PRESENT ILLNESS: Cough.PAST MEDICAL HISTORY:1.  Asthma.",
        "[HPI]\nCough.\n[PMH]\nAsthma.",
        "HPI\r\n---\r\nCough.\r\n\r\nPMH\r\n---\r\nAsthma.\r\n",
    ],
)
def test_a_heading_is_one_however_it_is_written(text: str) -> None:
    assert types(text) == HPI_PMH


@pytest.mark.parametrize(
    "text",
    [
        "H1STORY OF PRESENT lLLNESS: Cough.\nPAST MEDlCAL HIST0RY: Asthma.",
        "History of Presemt Illness: Cough.\nPast Medica Histary: Asthma.",
        "HIST ORY OF PRESENT ILLNESS: Cough.\nPAST MED ICAL HISTORY: Asthma.",
        "HISTORY OF PRESENT ILLNESS  Cough.\nPAST MEDICAL HISTORY  Asthma.",
        "History of Present Illness; cough\nPast Medical History. asthma",
        "HISTORY OF PRESENTILLNESS: Cough.\nPASTMEDICAL HISTORY: Asthma.",
    ],
)
def test_a_scanner_may_misread_a_heading(text: str) -> None:
    assert types(text) == HPI_PMH


def test_headings_glued_to_the_line_before_or_to_each_other_are_found() -> None:
    assert headings("ALLERGIES: NKDASOCIAL HISTORY: smokes") == ["ALLERGIES", "SOCIAL HISTORY"]
    assert headings("Past Medical History: weaknessFamily History: none") == ["Past Medical History", "Family History"]
    assert types("PHYSICAL EXAMINATIONGENERAL: well.\nHEENT: clear.") == ["physical_exam"] * 3


def test_a_short_word_alone_is_a_heading_only_when_written_as_one() -> None:
    assert types("PE\nLungs clear.") == ["physical_exam"]
    assert types("All\n---\nNKDA") == ["allergies"]
    assert headings("all\nwell") == [""]
    assert headings("A\nnote") == [""]


def test_single_letters_are_headings_only_together() -> None:
    assert headings("S: feels ok. O: BP 120/80. A: HTN. P: continue.") == ["S", "O", "A", "P"]
    assert headings("Pulse taken. P: 80") == [""]


def test_a_word_in_a_sentence_is_no_heading() -> None:
    assert headings("Plan to discharge. History unclear.\nassessment of pain was done") == [""]
    assert headings("Seen at 10:30 for cough.") == [""]


def test_a_heading_that_nobody_listed_is_one_by_its_form() -> None:
    text = "ZEBRA NOTES:\nfoo bar\n\nWOMBAT:\nbaz"
    assert [(s.section_type, s.heading, s.typed_by) for s in split_text(text)] == [
        ("other", "ZEBRA NOTES", "heading"),
        ("other", "WOMBAT", "heading"),
    ]
    told = split_text("--- Qwerty Uiop ---\nNo acute distress. RRR, CTAB, abdomen soft.")[0]
    assert (told.section_type, told.heading, told.typed_by) == ("physical_exam", "Qwerty Uiop", "content")


def test_parts_of_an_examination_stay_in_it() -> None:
    text = "PHYSICAL EXAM:\nHEENT: clear.\nLUNGS: clear.\nREVIEW OF SYSTEMS:\nGI: no nausea.\nPLAN: home"
    assert types(text) == [*["physical_exam"] * 3, *["review_of_systems"] * 2, "assessment_plan"]
    assert types("ROS: negative. Lungs: no cough. PE: RRR. Neck: supple.") == ["review_of_systems", "physical_exam"]


def test_an_examination_goes_on_after_the_vital_signs_in_it() -> None:
    text = "PHYSICAL EXAMINATION:\n\nWEIGHT: 189 pounds.\n\nBP: 140/80.\n\nGENERAL: well."
    assert types(text) == ["physical_exam", "vital_signs", "vital_signs", "physical_exam"]


def test_an_item_of_a_plan_is_no_heading() -> None:
    text = "ASSESSMENT AND PLAN:\n1. CHF: lasix\n2. Diet: low salt\n3. Follow up: PCP\n\nDISPOSITION: home"
    assert types(text) == ["assessment_plan", "disposition"]


def test_numbered_headings_of_one_word_are_headings() -> None:
    text = "1. Chief complaint: cough\n2. Past history: none\n3. Medications: asa\n4. Impression: URI"
    assert types(text) == ["chief_complaint", "past_medical_history", "medications", "impression"]


def test_labs_run_in_after_the_examination_are_a_section() -> None:
    assert types("PE: lungs clear. Labs: WBC 9. A/P: URI.") == ["physical_exam", "results", "assessment_plan"]


def test_a_problem_in_capitals_stays_in_the_plan_and_in_its_text() -> None:
    text = "ASSESSMENT:\nCOPD: stable\nCHF: diuresis"
    sections = split_text(text)
    assert {s.section_type for s in sections} == {"assessment_plan"}
    assert "COPD" in "".join(text[s.start : s.end] for s in sections)


def test_a_heading_means_what_it_means_in_its_kind_of_document() -> None:
    operative = "PRE-OP DX: hernia\nPOST-OP DX: same\nANESTHESIA: general\nTECHNIQUE: prepped and draped."
    assert types(operative) == ["preoperative_diagnosis", "postoperative_diagnosis", "procedures", "procedures"]
    radiology = "EXAM: CXR\nCOMPARISON: none\nFINDINGS: clear\nIMPRESSION: no acute process"
    assert types(radiology, "radiology_report") == ["results", "results", "results", "impression"]
    assert types(radiology) == ["results", "results", "results", "impression"]
    assert types("EXAM: lungs clear", "progress_note") == ["physical_exam"]


def test_a_one_paragraph_section_ends_at_the_blank_line() -> None:
    text = "FH: Brother with colon ca.\n\nShe was treated for sepsis.\n\nPLAN: home"
    sections = split_text(text)
    assert [s.section_type for s in sections][::2] == ["family_history", "assessment_plan"]
    assert sections[1].section_type != "family_history"
    assert sections[1].typed_by == "content"
    assert "sepsis" not in text[sections[0].start : sections[0].end]


def test_a_single_study_heads_its_line_only() -> None:
    text = "Seen for cough.\nChest x-ray: clear.\nShe was admitted and treated with antibiotics and improved."
    assert types(text)[1] == "results"
    assert "antibiotics" not in text[split_text(text)[1].start : split_text(text)[1].end]


def test_an_empty_text_has_no_sections_and_rows_are_those_of_the_contract() -> None:
    assert split_text("") == []
    assert split_text(" \n ") == []
    rows = split_documents(pd.DataFrame({"document_id": ["a", "b"], "text": ["HPI: cough", None]}))
    assert list(rows.columns) == [c.name for c in mapped.document_section.columns if c.name != "received_date"]
    assert rows["document_id"].tolist() == ["a"]


def test_every_heading_phrase_belongs_to_one_type_and_is_found_by_itself() -> None:
    table = heading_table()
    assert not table.parts & set(table.types)
    for key in table.types:
        assert look_up(key, False) == key
    assert letters("A & P") == letters("a and p")


def test_one_wrong_letter_is_forgiven_in_long_phrases_only() -> None:
    assert look_up("zistory", True) == "history"
    assert look_up("zistory", False) is None
    assert look_up("pna", True) is None
    assert look_up("pre op dx", True) == "preopdx"
    assert look_up("preap diagnosis", True) == "preopdiagnosis"


@trials(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from("HPI:PE \nFH-abc.\t*#=(0)MEDSé12"), max_size=300))
def test_sections_stand_in_order_inside_the_text(text: str) -> None:
    at = 0
    for section in split_text(text):
        assert at <= section.start <= section.end <= len(text)
        at = section.end


@trials(max_examples=100, deadline=None)
@given(st.text(max_size=200), st.sampled_from([None, "nursing_note", "operative_note", "?"]))
def test_any_text_is_split(text: str, document_type: str | None) -> None:
    assert all(isinstance(s, Section) and s.section_type for s in split_text(text, document_type))


@trials(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(["HPI: cough.", "Plan: rest.", "none", "BP 120/80", "", "1. HTN", "LABS:\nWBC 9"]), max_size=12
    )
)
def test_no_word_is_lost_but_headings(lines: list[str]) -> None:
    text = "\n".join(lines)
    kept = "".join(text[s.start : s.end] for s in split_text(text))
    for word in ("cough", "rest", "none", "120", "HTN", "WBC"):
        assert kept.count(word) == text.count(word)
