"""Matching: what fits is carried, what does not is set aside with its reason, nothing is guessed, nothing is lost."""

from __future__ import annotations

from typing import Any

import pandas as pd

from medcode_ml.contracts.raw import DELIVERED, delivered_columns
from medcode_ml.mapping.documents import join_pages
from medcode_ml.mapping.matching import Known, MappedDay, match_day

NOBODY = Known(pd.DataFrame(columns=["source", "hospital_id", "mrn"], dtype=object), frozenset())


def rows(table: str, *records: dict[str, Any]) -> pd.DataFrame:
    """Raw rows with every column of the contract; what a record leaves out is missing."""
    frame = pd.DataFrame(list(records), dtype=object).reindex(columns=delivered_columns(table)).astype(object)
    frame = frame.where(frame.notna(), None)
    frame["source"], frame["source_file"] = "folder", f"2026-10-05/{table}.csv"
    frame["source_line"] = list(range(2, 2 + len(frame)))
    frame["copy_number"] = frame.groupby(list(DELIVERED[table][1])).cumcount() + 1 if len(frame) else []
    return frame


PATIENT = {
    "hospital_id": "H1",
    "mrn": "MR-0042",
    "last_name": "Roe",
    "first_name": "Ann",
    "birth_date": "1950-02-03",
    "sex": "F",
}
STAY = {
    "hospital_id": "H1", "encounter_number": "E100", "mrn": "MR0042", "setting": "inpatient",
    "admission_date": "2026-10-01", "discharge_date": "2026-10-03",
}  # fmt: skip
NOTE = {
    "hospital_id": "H1",
    "record_id": "R1",
    "encounter_number": "E100",
    "mrn": "MR 0042",
    "document_type": "progress_note",
    "text": "Seen.",
}


def matched(known: Known = NOBODY, **tables: list[dict[str, Any]]) -> MappedDay:
    """Match a delivery of these rows; a patient, a stay and nothing else unless said otherwise."""
    delivered = {"patient": [PATIENT], "encounter": [STAY], **tables}
    raw = {name: rows(name, *delivered.get(name, [])) for name in DELIVERED}
    documents, _ = join_pages(
        raw["scanned_record"],
        pd.DataFrame(columns=["source", "hospital_id", "record_id", "text", "gate", "page_id", "page_number"]),
        frozenset(),
    )
    return match_day(raw, documents, known)


def aside(day: MappedDay) -> list[tuple[str, str]]:
    return [(u["record_kind"], u["rule"]) for u in day.unmatched]


def test_numbers_written_differently_are_one_patient() -> None:
    day = matched(scanned_record=[NOTE])
    assert len(day.tables["encounter"]) == 1
    assert day.tables["encounter"]["patient_id"][0] == day.tables["patient"]["patient_id"][0]
    assert len(day.tables["document"]) == 1
    assert aside(day) == []


def test_rule_40_a_misread_number_is_repaired_where_one_patient_confirms_it() -> None:
    day = matched(encounter=[{**STAY, "mrn": "MROO42"}])
    assert day.tables["encounter"]["patient_id"][0] == day.tables["patient"]["patient_id"][0]
    assert day.tables["encounter"]["repairs"][0][0]["rule"] == "misread_number"


def test_rule_40_a_misread_number_that_two_patients_could_have_is_not_guessed() -> None:
    twins = [{**PATIENT, "mrn": "MR5042"}, {**PATIENT, "mrn": "MRS042"}]
    day = matched(patient=twins, encounter=[{**STAY, "mrn": "MR5O42"}])
    assert aside(day) == [("encounter", "unknown_patient")]


def test_an_encounter_of_an_unknown_patient_is_set_aside_with_its_lines() -> None:
    charge = {
        "hospital_id": "H1",
        "encounter_number": "E100",
        "line_number": "1",
        "revenue_code": "0120",
        "units": "1",
        "charge": "5",
    }
    day = matched(encounter=[{**STAY, "mrn": "XX9"}], charge=[charge], scanned_record=[NOTE])
    assert aside(day) == [
        ("encounter", "unknown_patient"),
        ("document", "unknown_encounter"),
        ("charge", "unknown_encounter"),
    ]


def test_two_encounters_with_one_number_are_both_set_aside() -> None:
    day = matched(encounter=[STAY, {**STAY, "discharge_date": "2026-10-09"}])
    assert aside(day) == [("encounter", "conflicting_copies")] * 2
    assert day.tables["encounter"].empty


def test_the_same_encounter_delivered_twice_is_carried_once() -> None:
    day = matched(encounter=[STAY, STAY])
    assert aside(day) == [("encounter", "delivered_twice")]
    assert len(day.tables["encounter"]) == 1


def test_an_encounter_of_an_earlier_delivery_stands() -> None:
    first = matched().tables["encounter"]["encounter_id"][0]
    day = matched(known=Known(NOBODY.patients, frozenset({first})))
    assert aside(day) == [("encounter", "already_received")]


def test_a_patient_of_an_earlier_delivery_is_known() -> None:
    earlier = pd.DataFrame([("folder", "H1", "MR0042")], columns=["source", "hospital_id", "mrn"], dtype=object)
    day = matched(known=Known(earlier, frozenset()), patient=[])
    assert len(day.tables["encounter"]) == 1


def test_rule_39_a_document_of_another_patient_is_set_aside() -> None:
    day = matched(scanned_record=[{**NOTE, "mrn": "MR7777"}])
    assert aside(day) == [("document", "document_of_another_patient")]


def test_values_that_cannot_be_typed_are_kept_as_delivered() -> None:
    day = matched(encounter=[{**STAY, "admission_date": "32.13.26"}])
    row = day.tables["encounter"].iloc[0]
    assert row["admission_date"] is None
    assert row["unreadable"] == {"admission_date": "32.13.26"}


def test_an_unknown_code_system_is_set_aside_with_the_original() -> None:
    line = {"hospital_id": "H1", "encounter_number": "E100", "line_number": "1", "code": "Q7", "code_system": "HOUSE"}
    day = matched(diagnosis=[line])
    assert aside(day) == [("diagnosis", "unknown_code_system")]
    assert day.unmatched[0]["original"] == "Q7 (HOUSE)"


def test_a_local_code_goes_by_the_hospitals_map() -> None:
    line = {"hospital_id": "H1", "encounter_number": "E100", "line_number": "1", "code": "Q7", "code_system": "HOUSE"}
    known = {
        "hospital_id": "H1",
        "code_system": "house",
        "code": "q7",
        "target_system": "ICD-10-CM",
        "target_code": "J189",
    }
    day = matched(diagnosis=[line], code_map=[known])
    assert day.tables["diagnosis"]["code"].tolist() == ["J18.9"]
    assert day.tables["crosswalk"]["chosen"].tolist() == [True]


def test_icd9_keeps_every_alternative_and_chooses_one_that_is_billable_at_discharge() -> None:
    line = {
        "hospital_id": "H1",
        "encounter_number": "E100",
        "line_number": "1",
        "code": "25000",
        "code_system": "ICD-9-CM",
    }
    divided = {**line, "line_number": "2", "code": "2762"}  # acidosis: E87.2 was divided in October 2022
    day = matched(diagnosis=[line, divided])
    assert day.tables["diagnosis"]["code"].tolist() == ["E11.9", "E87.20"]
    second = day.tables["crosswalk"].query("line_number == 2")
    assert set(second["target_code"]) >= {"E87.2", "E87.20", "E87.21", "E87.22"}
    assert second["chosen"].sum() == 1


def test_an_icd9_combination_gives_every_code_of_it() -> None:
    from medcode_ml.codes.crosswalk import icd9_alternatives

    code = next(
        c
        for c in ("24941", "25041", "4041", "40493", "9654", "9694")
        if all(a.combination for a in icd9_alternatives(c, "diagnosis"))
    )
    line = {
        "hospital_id": "H1",
        "encounter_number": "E100",
        "line_number": "1",
        "code": code,
        "code_system": "ICD-9-CM",
    }
    day = matched(diagnosis=[line])
    assert day.tables["diagnosis"]["part_number"].tolist() == [1, 2]


def test_nothing_is_lost_in_a_delivery_with_every_fault() -> None:
    charge = {
        "hospital_id": "H1",
        "encounter_number": "E100",
        "line_number": "1",
        "revenue_code": "0120",
        "units": "1",
        "charge": "5",
    }
    charges = [charge, {**charge, "line_number": "x"}, {**charge, "line_number": "2", "encounter_number": "E9"}, charge]
    day = matched(charge=charges)
    carried = len(day.tables["charge"])
    assert carried + sum(1 for kind, _ in aside(day) if kind == "charge") == len(charges)
