"""Lines of `medcode rank` that bring documents: read by the coder, weighed by the ranker."""

from __future__ import annotations

from typing import Any

from medcode_ml.documentation import with_documents
from medcode_ml.ranking.records import rank_records

SUMMARY = """DISCHARGE DIAGNOSES:
1. Acute systolic heart failure
2. Type 2 diabetes mellitus

PAST MEDICAL HISTORY: pneumonia last year

HOSPITAL COURSE: Treated with diuretics for acute systolic heart failure. No pulmonary embolism.
"""


def _told(line: dict[str, Any]) -> dict[str, Any]:
    return {entry["code"]: entry.get("document_types") for entry in with_documents([line])[0]["codes"]}


def test_documents_decide_between_two_that_could_lead() -> None:
    line = {"encounter_id": "E1", "codes": ["J18.9", "I50.21", "E11.9"], "setting": "inpatient"}
    heart = "DISCHARGE DIAGNOSES:\n1. Acute systolic heart failure\n\nPAST MEDICAL HISTORY: pneumonia\n"
    lungs = "DISCHARGE DIAGNOSES:\n1. Pneumonia\n\nPAST MEDICAL HISTORY: acute systolic heart failure\n"
    both = [line | {"documents": [{"type": "discharge summary", "text": text}]} for text in (heart, lungs)]
    assert [told["codes"][0]["code"] for told in rank_records(with_documents(both))] == ["I50.21", "J18.9"]


def test_a_listed_code_in_other_words_than_the_note_has_evidence_too() -> None:
    line = {"encounter_id": "E1", "codes": ["I50.9", "E11.65", "I26.99"], "documents": [{"text": SUMMARY}]}
    told = _told(line)
    assert told["I50.9"][0] == ["unknown", "discharge_diagnoses", 1, 1]
    assert told["E11.65"] == [["unknown", "discharge_diagnoses", 1, 2]]
    assert told["I26.99"] is None, "what the note denies speaks for nothing"


def test_lines_keep_their_order_their_copies_and_their_other_keys() -> None:
    lines = [
        {"encounter_id": "A", "codes": ["E11.9"], "own": 1},
        {"encounter_id": "B", "codes": ["I50.21", {"code": "I50.21", "poa": "Y"}], "documents": [{"text": SUMMARY}]},
        {"encounter_id": "B", "codes": [], "documents": [{"text": SUMMARY}]},
        {"encounter_id": "C", "codes": ["I10"], "documents": []},
        {"encounter_id": "D", "codes": ["I10"], "documents": [{"type": None, "text": None}], "discharge_date": None},
    ]
    told = with_documents(lines)
    assert [line["encounter_id"] for line in told] == ["A", "B", "B", "C", "D"]
    assert told[0] == lines[0]
    assert told[2:4] == lines[2:4]
    assert [entry["code"] for entry in told[1]["codes"]] == ["I50.21", "I50.21"]
    assert told[1]["codes"][1]["poa"] == "Y"
    assert told[1]["codes"][0]["document_types"] == told[1]["codes"][1]["document_types"]
    assert told[4]["codes"] == [{"code": "I10"}], "a document without text tells nothing"


def test_what_a_line_says_itself_of_a_code_stays() -> None:
    own = [["discharge summary", "hospital course", 3]]
    line = {"encounter_id": "E", "codes": [{"code": "I50.21", "document_types": own}], "documents": [{"text": SUMMARY}]}
    assert _told(line) == {"I50.21": own}


def test_a_discharge_date_without_a_code_set_is_read_with_the_newest() -> None:
    line = {"encounter_id": "E", "codes": ["I50.21"], "documents": [{"text": SUMMARY}]}
    assert _told(line | {"discharge_date": "2009-05-01"}) == _told(line)
