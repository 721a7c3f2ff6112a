"""Matching: what fits is carried, what does not is set aside with its reason, nothing is guessed, nothing is lost."""

from __future__ import annotations

from typing import Any

import pandas as pd

from medcode_ml.contracts.raw import DELIVERED, delivered_columns
from medcode_ml.mapping.records import map_batch

Tables = dict[str, pd.DataFrame]
NO_PAGES = pd.DataFrame(columns=["source", "hospital_id", "record_id", "text", "gate", "page_id", "page_number"])


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


def matched(known: pd.DataFrame | None = None, **tables: list[dict[str, Any]]) -> Tables:
    """Match a delivery of these rows; a patient, a stay and nothing else unless said otherwise."""
    delivered = {"patient": [PATIENT], "encounter": [STAY], **tables}
    return map_batch({name: rows(name, *delivered.get(name, [])) for name in DELIVERED}, NO_PAGES, known)


def aside(day: Tables) -> list[tuple[str, str]]:
    return list(zip(day["unmatched"]["record_kind"], day["unmatched"]["rule"], strict=True))


def test_numbers_written_differently_are_one_patient() -> None:
    day = matched(scanned_record=[NOTE])
    assert len(day["encounter"]) == 1
    assert day["encounter"]["patient_id"][0] == day["patient"]["patient_id"][0]
    assert len(day["document"]) == 1
    assert aside(day) == []


def test_rule_40_a_misread_number_is_repaired_where_one_patient_confirms_it() -> None:
    day = matched(encounter=[{**STAY, "mrn": "MROO42"}])
    assert day["encounter"]["patient_id"][0] == day["patient"]["patient_id"][0]
    assert day["encounter"]["repairs"][0][0]["rule"] == "misread_number"


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
    assert day["encounter"].empty


def test_the_same_encounter_delivered_twice_is_carried_once() -> None:
    day = matched(encounter=[STAY, STAY])
    assert aside(day) == [("encounter", "delivered_twice")]
    assert len(day["encounter"]) == 1


def test_a_patient_of_an_earlier_delivery_is_known() -> None:
    earlier = matched()["patient"]
    day = matched(known=earlier, patient=[])
    assert len(day["encounter"]) == 1


def test_lines_under_two_spellings_of_an_encounter_number_do_not_clash() -> None:
    charge = {"hospital_id": "H1", "line_number": "1", "revenue_code": "0120", "units": "1", "charge": "5"}
    day = matched(charge=[{**charge, "encounter_number": "E100"}, {**charge, "encounter_number": "E-100"}])
    assert len(day["charge"]) == 1
    assert aside(day) == [("charge", "one_number_two_spellings")]


def test_rule_40_a_repair_shows_what_stood_there_and_what_is_registered() -> None:
    day = matched(encounter=[{**STAY, "mrn": "MROO42"}])
    assert day["encounter"]["repairs"][0] == [
        {"rule": "misread_number", "column": "mrn", "from": "MROO42", "to": "MR0042"}
    ]
    assert day["encounter"]["mrn"][0] == "MR0042"


def test_rule_39_a_document_of_another_patient_is_set_aside() -> None:
    day = matched(scanned_record=[{**NOTE, "mrn": "MR7777"}])
    assert aside(day) == [("document", "document_of_another_patient")]


def test_values_that_cannot_be_typed_are_kept_as_delivered() -> None:
    day = matched(encounter=[{**STAY, "admission_date": "32.13.26"}])
    row = day["encounter"].iloc[0]
    assert row["admission_date"] is None
    assert row["unreadable"] == {"admission_date": "32.13.26"}


def test_an_unknown_code_system_is_set_aside_with_the_original() -> None:
    line = {"hospital_id": "H1", "encounter_number": "E100", "line_number": "1", "code": "Q7", "code_system": "HOUSE"}
    day = matched(diagnosis=[line])
    assert aside(day) == [("diagnosis", "unknown_code_system")]
    assert day["unmatched"]["original"][0] == "Q7 (HOUSE)"


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
    assert day["diagnosis"]["code"].tolist() == ["J18.9"]
    assert day["crosswalk"]["chosen"].tolist() == [True]


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
    assert day["diagnosis"]["code"].tolist() == ["E11.9", "E87.20"]
    second = day["crosswalk"].query("line_number == 2")
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
    assert day["diagnosis"]["part_number"].tolist() == [1, 2]


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
    carried = len(day["charge"])
    assert carried + sum(1 for kind, _ in aside(day) if kind == "charge") == len(charges)
