"""Documents on a line are read for where they name a code."""

from __future__ import annotations

from medcode_ml.ranking.documents import document_types_of
from medcode_ml.ranking.evidence import place_of
from medcode_ml.ranking.records import rank_records

SUMMARY = """Chief Complaint: shortness of breath
Past Medical History: pneumonia, type 2 diabetes mellitus
Hospital Course: treated with diuretics. No pulmonary embolism.
Discharge Diagnoses:
1. Acute systolic heart failure
2. Diabetes mellitus
"""


def test_sections_are_told_apart() -> None:
    found = document_types_of(["I50.21", "J18.9", "I26.99"], [{"type": "discharge summary", "text": SUMMARY}])
    assert found["I50.21"] == [["discharge summary", "discharge diagnoses", 1]]
    assert found["J18.9"] == [["discharge summary", "past medical history", 1]]
    assert "I26.99" not in found, "a negated line names nothing"


def test_documents_decide_between_two_that_could_lead() -> None:
    line = {"encounter_id": "E1", "codes": ["J18.9", "I50.9", "E11.9"]}
    silent = rank_records([line])[0]["codes"][0]["code"]
    told = rank_records([line | {"documents": [{"type": "discharge summary", "text": SUMMARY}]}])[0]["codes"][0]
    assert (silent, told["code"]) == ("J18.9", "I50.9")
    assert "Named in the discharge diagnoses" in told["reasons"]


def test_section_types_of_mapping_are_understood() -> None:
    places = {
        "discharge_diagnoses": "discharge",
        "admission_diagnoses": "admission",
        "preoperative_diagnosis": "admission",
        "chief_complaint": "complaint",
        "past_medical_history": "history",
        "family_history": "history",
        "medications": "history",
        "history_of_present_illness": "course",
        "hospital_course": "course",
        "assessment_plan": "course",
        "impression": "course",
        "physical_exam": "other",
        "results": "other",
    }
    assert {section: place_of("discharge summary", section) for section in places} == places
