"""What documents say of listed codes: from the entries of a coder's reading to the arrays that ranking weighs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from medcode_ml.ranking.document_parts import DOCUMENT_WEIGHTS, DOCUMENT_WORDS, document_parts, document_score, heads
from medcode_ml.ranking.documents import documented, entries_of_listed
from medcode_ml.ranking.evidence import DocumentEvidence, document_evidence, named_first, place_of, role_of

SUMMARY = "discharge_summary"
ADMISSION = "history_and_physical"


def _rows(**told: list[list[Any]] | None) -> pd.DataFrame:
    """One encounter: code -> entries."""
    return pd.DataFrame(
        {"encounter_id": "E1", "code": list(told), "mention_count": None, "document_types": list(told.values())},
        dtype=object,
    )


def _evidence(**told: list[list[Any]] | None) -> DocumentEvidence:
    return document_evidence(_rows(**told))


def test_section_types_of_mapping_are_understood() -> None:
    places = {
        "discharge_diagnoses": "discharge",
        "admission_diagnoses": "admission",
        "preoperative_diagnosis": "operation",
        "postoperative_diagnosis": "operation",
        "chief_complaint": "complaint",
        "past_medical_history": "history",
        "past_surgical_history": "history",
        "family_history": "history",
        "social_history": "history",
        "medications": "history",
        "history_of_present_illness": "story",
        "hospital_course": "course",
        "assessment_plan": "plan",
        "impression": "impression",
        "problem_list": "impression",
        "physical_exam": "other",
        "results": "other",
    }
    assert {section: place_of(SUMMARY, section) for section in places} == places


def test_headings_as_people_write_them_are_understood() -> None:
    written = {
        "Discharge Diagnoses": "discharge",
        "Final diagnosis": "discharge",
        "Reason for admission": "admission",
        "Pre-op Dx": "operation",
        "Assessment": "impression",
        "Assessment and Plan": "plan",
        "Assessment/Plan": "plan",
        "HPI": "story",
    }
    assert {section: place_of("note", section) for section in written} == written
    assert place_of("discharge summary", "") == "course", "a discharge summary without headings tells the course"
    assert place_of("note", "") == "other"


def test_kinds_of_documents_are_told_apart() -> None:
    roles = {
        "discharge_summary": "leaving",
        "history_and_physical": "arrival",
        "emergency_note": "arrival",
        "radiology_report": "report",
        "laboratory_report": "report",
        "pathology_report": "report",
        "nursing_note": "report",
        "progress_note": "other",
        "clinic_note": "other",
        "unknown": "other",
    }
    assert {kind: role_of(kind) for kind in roles} == roles


def test_entries_with_and_without_a_place_are_read() -> None:
    new = _evidence(A=[[SUMMARY, "discharge_diagnoses", 2, 1]], B=[[SUMMARY, "discharge_diagnoses", 1, 2]])
    assert new.discharge.tolist() == [True, True]
    assert new.discharge_place.tolist() == [1.0, 2.0]
    old = _evidence(A=[[SUMMARY, "discharge_diagnoses", 2]], B=None)
    assert old.discharge.tolist() == [True, False]
    assert old.discharge_place.tolist() == [0.0, 0.0], "nobody said in which order"
    assert old.mentions.tolist() == [2.0, 0.0]


def test_of_several_documents_the_earliest_place_counts() -> None:
    told = _evidence(
        A=[["progress_note", "assessment_plan", 1, 3], ["progress_note", "assessment_plan", 2, 1]],
        B=[["progress_note", "assessment_plan", 1, 2], ["consultation", "impression", 1, 2]],
    )
    assert told.assessment_place.tolist() == [1.0, 2.0]
    assert told.mentions.tolist() == [3.0, 2.0]


def test_the_plan_is_no_list_of_diagnoses_where_an_impression_stands() -> None:
    told = _evidence(
        diagnosis=[["unknown", "impression", 1, 1]],
        treated=[["unknown", "assessment_plan", 1, 1], ["unknown", "impression", 1, 5]],
    )
    assert told.assessment_place.tolist() == [1.0, 5.0]
    alone = _evidence(treated=[["unknown", "assessment_plan", 1, 1]])
    assert alone.assessment_place.tolist() == [1.0]


def test_history_and_reports_alone_are_no_present_condition() -> None:
    told = _evidence(
        past=[[SUMMARY, "past_medical_history", 1, 1]],
        both=[[SUMMARY, "past_medical_history", 1, 2], [SUMMARY, "hospital_course", 1, 1]],
        film=[["radiology_report", "impression", 1, 1]],
        nobody=None,
    )
    assert told.only_history.tolist() == [True, False, False, False]
    assert told.only_reports.tolist() == [False, False, True, False]
    assert told.assessment_place.tolist() == [0.0, 0.0, 0.0, 0.0], "a radiologist's impression is no assessment"


def test_without_documents_nothing_is_said() -> None:
    told = _evidence(A=None, B=[])
    assert not told.unclaimed.any()
    assert told.mentions.tolist() == [0.0, 0.0]


def test_a_head_that_nobody_understood_may_be_the_code_that_nobody_found() -> None:
    second = [[SUMMARY, "discharge_diagnoses", 1, 2]]
    told = _evidence(found=second, lost=None, past=[[SUMMARY, "past_medical_history", 1, 1]])
    assert told.unclaimed.tolist() == [False, True, True]
    first = _evidence(found=[[SUMMARY, "discharge_diagnoses", 1, 1]], lost=None)
    assert first.unclaimed.tolist() == [False, False], "the head belongs to a listed code"


def test_first_is_looked_for_among_candidates_and_by_encounter() -> None:
    place = np.array([1.0, 2.0, 2.0, 0.0, 3.0])
    encounter = np.array([0, 0, 0, 0, 1], dtype=np.int64)
    among = np.array([False, True, True, True, True])
    assert named_first(place, encounter, among).tolist() == [False, True, True, False, True]
    nothing = np.zeros(0)
    assert named_first(nothing, nothing.astype(np.int64), nothing.astype(np.bool_)).tolist() == []


def test_a_found_code_speaks_for_its_nearest_relative_that_is_listed() -> None:
    here = [(SUMMARY, "discharge_diagnoses", 1, 1)]
    later = [(SUMMARY, "hospital_course", 2, 3)]
    # same category, and the longest beginning of it
    assert set(entries_of_listed(["E1165", "E1022"], {"E119": here})) == {"E1165"}
    assert set(entries_of_listed(["I5020", "I509"], {"I5023": here})) == {"I5020"}
    # another category of the same clinical group
    assert set(entries_of_listed(["J189", "I10"], {"J1569": here})) == {"J189"}
    # added to what the code was found by itself
    assert entries_of_listed(["J189"], {"J1569": here, "J189": later})["J189"] == [
        [SUMMARY, "discharge_diagnoses", 1, 1],
        [SUMMARY, "hospital_course", 2, 3],
    ]


def test_a_listed_code_keeps_its_evidence_to_itself() -> None:
    here = [(SUMMARY, "discharge_diagnoses", 1, 1)]
    assert set(entries_of_listed(["E1165", "E1122"], {"E1122": here})) == {"E1122"}
    # health factors and causes are other facts, not other wordings
    assert entries_of_listed(["Z7901"], {"Z794": here}) == {}
    assert entries_of_listed(["W01XXXA"], {"W010XXA": here}) == {}


def test_relatives_of_one_phrase_do_not_count_as_more_documents() -> None:
    here = [(SUMMARY, "discharge_diagnoses", 1, 1)]
    joined = entries_of_listed(["E1165"], {"E119": here, "E118": [(SUMMARY, "discharge_diagnoses", 2, 4)]})
    assert joined == {"E1165": [[SUMMARY, "discharge_diagnoses", 1, 1]]}


def test_what_a_row_says_itself_stays() -> None:
    own = [["note", "impression", 1, 4]]
    listed = pd.DataFrame(
        [("E1", "J18.9", own), ("E1", "N17.9", None), ("E2", "J18.9", None)],
        columns=["encounter_id", "code", "document_types"],
        dtype=object,
    )
    found = pd.DataFrame(
        [("E1", "J18.9", [[SUMMARY, "impression", 1, 1]]), ("E1", "N17.9", [[SUMMARY, "impression", 1, 2]])],
        columns=["encounter_id", "code", "document_types"],
        dtype=object,
    )
    told = documented(listed, found)["document_types"].tolist()
    assert told == [own, [[SUMMARY, "impression", 1, 2]], None]
    assert listed["document_types"].tolist() == [own, None, None], "the frame given is left as it was"


def test_the_head_of_the_discharge_diagnoses_outweighs_mentions() -> None:
    rows = _rows(
        head=[[SUMMARY, "discharge_diagnoses", 1, 1]],
        often=[[SUMMARY, "discharge_diagnoses", 1, 2], [SUMMARY, "hospital_course", 14, 1]],
        past=[[SUMMARY, "past_medical_history", 1, 1]],
    )
    evidence = document_evidence(rows)
    at, everyone = np.zeros(3, dtype=np.int64), np.ones(3, dtype=np.bool_)
    parts = document_parts(evidence, at, ~everyone, everyone, ~everyone)
    score = document_score(parts)
    assert score[0] > score[1] > score[2]
    assert heads(evidence).tolist() == [True, False, False]
    assert set(parts) == set(DOCUMENT_WEIGHTS)
    assert set(DOCUMENT_WORDS) <= set(parts)


def test_the_reason_of_a_visit_weighs_more_than_that_of_a_stay() -> None:
    evidence = _evidence(A=[["clinic_note", "chief_complaint", 1, 1]], B=None)
    at, everyone = np.zeros(2, dtype=np.int64), np.ones(2, dtype=np.bool_)
    visit = document_score(document_parts(evidence, at, everyone, everyone, ~everyone))
    stay = document_score(document_parts(evidence, at, ~everyone, everyone, ~everyone))
    assert visit[0] - visit[1] > stay[0] - stay[1] > 0


def test_a_complaint_speaks_for_a_symptom_in_visits_only() -> None:
    evidence = _evidence(symptom=[["note", "chief_complaint", 1, 1]], other=None)
    at, everyone, symptom = np.zeros(2, dtype=np.int64), np.ones(2, dtype=np.bool_), np.array([True, False])
    stay = document_parts(evidence, at, ~everyone, everyone, symptom)
    visit = document_parts(evidence, at, everyone, everyone, symptom)
    assert (stay["reason"][0], visit["reason"][0]) == (0.0, 1.0)
    assert (stay["first_reason"][0], visit["first_reason"][0]) == (0.0, 1.0)


def test_a_condition_that_the_discharge_diagnoses_leave_out_is_less_likely_the_principal() -> None:
    told = _evidence(
        head=[[SUMMARY, "discharge_diagnoses", 1, 1]],
        only_course=[[SUMMARY, "hospital_course", 1, 1]],
        past=[[SUMMARY, "past_medical_history", 1, 1]],
    )
    assert told.left_out.tolist() == [False, True, False]
    assert not _evidence(only_course=[[SUMMARY, "hospital_course", 1, 1]]).left_out.any()


_ENTRY = st.tuples(
    st.sampled_from([SUMMARY, ADMISSION, "radiology_report", "unknown", ""]),
    st.sampled_from(["discharge_diagnoses", "impression", "assessment_plan", "past_medical_history", "other", ""]),
    st.integers(1, 9),
    st.integers(1, 20),
).map(list)


@given(st.lists(st.one_of(st.none(), st.lists(_ENTRY, max_size=4)), min_size=1, max_size=6), st.randoms())
def test_the_order_of_rows_and_entries_changes_nothing(told: list[list[Any] | None], random: Any) -> None:
    rows = pd.DataFrame(
        {
            "encounter_id": [f"E{n % 2}" for n in range(len(told))],
            "code": [f"C{n}" for n in range(len(told))],
            "mention_count": None,
            "document_types": pd.Series(told, dtype=object),
        }
    )
    order = list(range(len(told)))
    random.shuffle(order)
    moved = rows.iloc[order].reset_index(drop=True)
    moved["document_types"] = pd.Series(
        [None if own is None else random.sample(own, len(own)) for own in moved["document_types"]], dtype=object
    )
    plain, shuffled = document_evidence(rows), document_evidence(moved)
    for name in DocumentEvidence.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(plain, name)[order], getattr(shuffled, name), err_msg=name)
