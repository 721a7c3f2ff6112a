"""Faults planted in the delivered tables, and what the pipeline is expected to do about each.

A network of 120 encounters or more has every kind at least once; a smaller one has about one fault in 25 encounters.
Page faults are planned in `scanning`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from medcode_ml.simulation.stays import Stay

Row = dict[str, str]


@dataclass
class Rows:
    """The rows of one encounter, table by table, while they can still be spoilt."""

    stay: Stay
    tables: dict[str, list[Row]]

    @property
    def encounter(self) -> Row:
        """Row of the encounter."""
        return self.tables["encounter"][0]


@dataclass(frozen=True)
class Fault:
    """A kind of fault: how it spoils the rows (returns the record spoilt, or None where the encounter does not fit)."""

    kind: str
    expected: str
    plant: Callable[[Rows], tuple[str, str] | None]


def _birth_in_future(rows: Rows) -> tuple[str, str] | None:
    rows.tables["patient"][0]["birth_date"] = (rows.stay.received + timedelta(days=400)).isoformat()
    return "patient", rows.stay.person.mrn


def _delivered_twice(rows: Rows) -> tuple[str, str] | None:
    again = dict(rows.encounter)
    again["discharge_hour"] = "09" if again["discharge_hour"] != "09" else "10"
    rows.tables["encounter"].append(again)
    return "encounter", rows.stay.encounter_number


def _unknown_patient(rows: Rows) -> tuple[str, str] | None:
    rows.tables["patient"].clear()
    return "encounter", rows.stay.encounter_number


def _invalid_npi(rows: Rows) -> tuple[str, str] | None:
    npi = rows.encounter["attending_npi"]
    rows.encounter["attending_npi"] = npi[:9] + str((int(npi[9]) + 3) % 10)
    return "encounter", rows.stay.encounter_number


def _short_revenue_code(rows: Rows) -> tuple[str, str] | None:
    for row in rows.tables["charge"]:
        if row["revenue_code"] == "0250":
            row["revenue_code"] = "25O"
            return "charge", f"{rows.stay.encounter_number}/{row['line_number']}"
    return None


def _retired_code(rows: Rows) -> tuple[str, str] | None:
    hospital, number = rows.encounter["hospital_id"], rows.stay.encounter_number
    line = len(rows.tables["diagnosis"]) + 1
    rows.tables["diagnosis"].append(
        {
            "hospital_id": hospital,
            "encounter_number": number,
            "line_number": str(line),
            "code": "B88.0",
            "code_system": "ICD-10-CM",
            "poa": "Y",
        }
    )
    return "diagnosis", f"{number}/{line}"


def _unknown_encounter(rows: Rows) -> tuple[str, str] | None:
    if len(rows.tables["scanned_record"]) < 2:
        return None
    record = rows.tables["scanned_record"][-2]
    record["encounter_number"] = "9" + record["encounter_number"][1:][::-1] + "7"
    return "scanned_record", record["record_id"]


def _empty_note(rows: Rows) -> tuple[str, str] | None:
    for record in rows.tables["scanned_record"]:
        if record["document_type"] in ("progress_note", "radiology_report", "laboratory_report"):
            record["text"] = "   \n"
            return "scanned_record", record["record_id"]
    return None


def _discharge_before_admission(rows: Rows) -> tuple[str, str] | None:
    if rows.stay.days < 2:
        return None
    row = rows.encounter
    row["admission_date"], row["discharge_date"] = row["discharge_date"], row["admission_date"]
    return "encounter", rows.stay.encounter_number


def _confusable_mrn(rows: Rows) -> tuple[str, str] | None:
    mrn = rows.encounter["mrn"]
    if not mrn.startswith("0"):
        return None
    rows.encounter["mrn"] = "O" + mrn[1:]
    return "encounter", rows.stay.encounter_number


def _death_date_at_home(rows: Rows) -> tuple[str, str] | None:
    if rows.encounter["discharge_status"] != "01" or not rows.tables["patient"]:
        return None
    rows.tables["patient"][0]["death_date"] = rows.encounter["discharge_date"]
    return "patient", rows.stay.person.mrn


def _procedure_after_discharge(rows: Rows) -> tuple[str, str] | None:
    for row in rows.tables["procedure"]:
        row["procedure_date"] = (date.fromisoformat(rows.encounter["discharge_date"]) + timedelta(days=30)).isoformat()
        return "procedure", f"{rows.stay.encounter_number}/{row['line_number']}"
    return None


FAULTS: tuple[Fault, ...] = (
    Fault("birth_date_in_future", "patient and encounter set aside: birth after admission (rule 38)", _birth_in_future),
    Fault(
        "encounter_delivered_twice",
        "both copies landed, one carried or both set aside as a duplicate, never two encounters",
        _delivered_twice,
    ),
    Fault("unknown_patient", "encounter unmatched: no patient has its record number", _unknown_patient),
    Fault("invalid_npi", "encounter flagged: check digit of the attending NPI (rule 35)", _invalid_npi),
    Fault("wrong_revenue_code", "charge line set aside: revenue code is not 4 digits (rule 37)", _short_revenue_code),
    Fault(
        "code_not_valid_at_discharge",
        "delivered diagnosis set aside: code has ended before discharge (rules 1 and 3)",
        _retired_code,
    ),
    Fault(
        "document_under_unknown_encounter",
        "document unmatched: no encounter has the number it was filed under",
        _unknown_encounter,
    ),
    Fault("empty_note", "document set aside: it holds no text", _empty_note),
    Fault(
        "discharge_before_admission",
        "encounter set aside: discharge before admission (rule 38)",
        _discharge_before_admission,
    ),
    Fault(
        "confusable_mrn", "record number repaired by the patient table: letter O for zero (rule 40)", _confusable_mrn
    ),
    Fault(
        "death_date_but_discharged_home",
        "encounter flagged: death date disagrees with discharge status (rule 38)",
        _death_date_at_home,
    ),
    Fault(
        "procedure_after_discharge",
        "procedure set aside: performed after discharge (rule 38)",
        _procedure_after_discharge,
    ),
)
_EVERY_KIND_FROM = 120


class Planner:
    """Hands out the planned faults as the encounters come by; at most one an encounter."""

    def __init__(self, seed: int, encounters: int) -> None:
        rng = np.random.default_rng([seed, 7_003])
        rounds = max(1, round(encounters / 360))
        kinds = (
            list(FAULTS) * rounds
            if encounters >= _EVERY_KIND_FROM
            else [FAULTS[i] for i in rng.permutation(len(FAULTS))[: encounters // 25]]
        )
        starts = sorted(int(s) for s in rng.integers(0, max(1, int(encounters * 0.8)), len(kinds)))
        order = rng.permutation(len(kinds))
        self.waiting = [(start, kinds[k]) for start, k in zip(starts, order, strict=True)]

    def plant(self, rows: Rows) -> tuple[Fault, str, str] | None:
        """Spoil the rows with the first fault that is due and fits; returns it with the table and record spoilt."""
        for place, (start, fault) in enumerate(self.waiting):
            if start > rows.stay.index:
                return None
            spoilt = fault.plant(rows)
            if spoilt is not None:
                del self.waiting[place]
                return fault, *spoilt
        return None
