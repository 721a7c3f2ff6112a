"""Text without headings: each sentence gets the section that its wording tells."""

from __future__ import annotations

import pytest

from medcode_ml.mapping.sections import split_text
from medcode_ml.mapping.untitled import split_units, type_of

NOTE = """71-year-old man presented with three days of cough and fever, worsening since yesterday.

Hypertension, type 2 diabetes, GERD.

Lisinopril 10 mg PO daily; metformin 500 mg PO BID

No known drug allergies.

Retired plumber, smokes a pack a day. Lives with his wife.

Mother had breast cancer.

BP 132/78, HR 88, RR 18, temp 38.1

Alert, no acute distress. Lungs with rhonchi at the right base. RRR, no murmurs.

WBC 14.2, Hgb 12.9, Plt 210. Chest x-ray shows right lower lobe infiltrate.

1. Pneumonia: start ceftriaxone, will follow cultures
2. Diabetes: continue metformin
"""


def test_a_note_without_headings_is_typed_paragraph_by_paragraph() -> None:
    sections = split_text(NOTE, "history_and_physical")
    assert [s.section_type for s in sections] == [
        "history_of_present_illness", "past_medical_history", "medications", "allergies", "social_history",
        "family_history", "vital_signs", "physical_exam", "results", "assessment_plan",
    ]  # fmt: skip
    assert {s.typed_by for s in sections} == {"content"}
    assert {s.heading for s in sections} == {""}


def test_a_note_in_one_paragraph_is_typed_sentence_by_sentence() -> None:
    text = (
        "This 45-year-old woman presents with abdominal pain that began two days ago and is worsening. She noticed "
        "it after dinner and has had episodes of vomiting since then. Blood pressure is 120/70, pulse 80, respiratory "
        "rate 16, temperature 37.0. Abdomen is soft and nontender with normal bowel sounds. Lungs clear to "
        "auscultation, no murmurs, extremities without edema. WBC 9.1, hemoglobin 13.2, creatinine 0.8, lipase normal. "
        "CT of the abdomen showed no acute findings. We will start pantoprazole. I recommend follow-up of the labs and "
        "will continue fluids."
    )
    found = [s.section_type for s in split_text(text)]
    wanted = ["history_of_present_illness", "vital_signs", "physical_exam", "results", "assessment_plan"]
    assert [t for t in wanted if t in found] == wanted


@pytest.mark.parametrize(
    ("text", "section_type"),
    [
        ("Denies chest pain. No nausea, no vomiting. All other systems reviewed and negative.", "review_of_systems"),
        ("The patient was prepped and draped. An incision was made and hemostasis obtained.", "procedures"),
        ("Follow up with your doctor. Return to ED for fever. No heavy lifting.", "discharge_instructions"),
        ("Patient was admitted to the floor. By discharge she had improved and remained afebrile.", "hospital_course"),
        ("Father died of stroke. Sister has diabetes.", "family_history"),
        ("foo bar baz", "other"),
    ],
)
def test_wording_tells_the_section(text: str, section_type: str) -> None:
    assert type_of(text, 0, len(text)) == section_type


def test_the_kind_of_document_tells_what_the_wording_leaves_open() -> None:
    (section,) = split_text("Quux 12 zork\nflim 9", "laboratory_report")
    assert (section.section_type, section.typed_by) == ("results", "document")
    (section,) = split_text("Quux zork flim", None)
    assert (section.section_type, section.typed_by) == ("other", "content")


def test_a_title_of_a_doctor_ends_no_sentence() -> None:
    text = "Seen by Dr. Smith today. Doing well.\nNext line"
    assert [text[u.start : u.end] for u in split_units(text, 0, len(text))] == [
        "Seen by Dr. Smith today.", "Doing well.", "Next line",
    ]  # fmt: skip
