"""What the stay itself shows: therapy, cultures, units, services, procedures and kind of admission, by encounter.

Everything is a vector over encounters; absence is only evidence where that kind of record was given for the encounter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from medcode_ml.ranking.frames import optional_numbers, places_in, with_columns
from medcode_ml.ranking.knowledge import BoolArray, FloatArray, IntArray, therapies
from medcode_ml.ranking.meanings import (
    admission_kind,
    operation_bits,
    procedure_meaning,
    service_meaning,
    therapy_bits,
    unit_meaning,
)

_EARLY_DAY: Final = 1.0
_FIRST_PROCEDURE_DAY: Final = 2.0
# How far each kind of admission leans to the elective side; unknown admissions are mostly emergencies.
_ELECTIVE_SHARE: Final = {"elective": 1.0, "urgent": 0.25, "emergency": 0.0, "unknown": 0.2}
_HOSPITAL: Final = re.compile(r"transfer from (hosp|skilled|other)|^(4|5|6)(\.0)?$", re.I)
_PROCEDURE_SITE: Final = re.compile(r"procedure site|pacu|ambulatory surgery", re.I)
_DEATH: Final = re.compile(r"^(died|expired|dead.*|hospice.*|20|4[012]|5[01])(\.0)?$", re.I)
# Ventilation, dialysis, transfusion and antineoplastics by the first characters of their procedure codes.
_VENTILATION: Final = re.compile(r"^(5A19|967[012]$)")
_DIALYSIS: Final = re.compile(r"^(5A1D|3E1M.9|3995$|5498$)")
_TRANSFUSION: Final = re.compile(r"^(302..[HKLMNPR]|990[03-7]$)")
_ANTINEOPLASTIC: Final = re.compile(r"^(3E0..0|9925$|9928$)")
_ICU: Final = re.compile(
    r"\b(icu|ccu|micu|sicu|tsicu|cvicu|csru|nicu|picu|intensive|coronary care|msicu|nsicu|critical care)\b", re.I
)


@dataclass(frozen=True, slots=True)
class Context:
    """Evidence of the stay; each array of shape (encounters,). Sets are bits of `knowledge.py`."""

    elective: FloatArray
    """0 emergency to 1 elective."""
    planned: BoolArray
    """An elective or same-day admission."""
    outpatient: BoolArray
    newborn_age: BoolArray
    """Age 0 or unknown."""
    male: BoolArray
    has_medications: BoolArray
    early_therapies: IntArray
    """Therapies begun on day 0 or 1."""
    late_therapies: IntArray
    """Therapies begun later."""
    early_cultures: BoolArray
    """Blood cultures on day 0 or 1."""
    icu_known: BoolArray
    icu_early: BoolArray
    early_systems: IntArray
    """Body systems of therapeutic procedures on day 0-2, or of unknown day."""
    late_systems: IntArray
    diagnostic_systems: IntArray
    early_operations: IntArray
    """Operations of day 0-2, or of unknown day, as bits of `knowledge.operations`."""
    late_operations: IntArray
    """Operations of later days, without those of the first."""
    surgical: BoolArray
    """The first service is a surgical one."""
    service_systems: IntArray
    later_service_systems: IntArray
    """Body systems of services that the patient moved to, without those of the first."""
    first_systems: IntArray
    """Body systems of the therapeutic procedures of the first day that has any; an unknown day counts as day 0."""
    first_procedure_day: FloatArray
    """That day, nan without a therapeutic procedure."""
    early_icu_hours: FloatArray
    """Hours in the intensive care units that began on day 0 or 1; nan where no units are known."""
    unit_systems: IntArray
    """Body systems of the care units of day 0 or 1."""
    later_unit_systems: IntArray
    """Body systems of later care units, without those of the first days."""
    surgical_unit: BoolArray
    """A surgical care unit on day 0 or 1."""
    icu_late: BoolArray
    """The first intensive care began after day 1: a move that suggests a complication."""
    ventilated_early: BoolArray
    """Invasive ventilation on day 0 or 1, or of unknown day."""
    ventilated_late: BoolArray
    """Invasive ventilation that began later."""
    dialysed: BoolArray
    transfused: BoolArray
    """Red cells, plasma or platelets as a procedure."""
    chemotherapy: BoolArray
    """Antineoplastics as a procedure, or as drugs from day 0 or 1."""
    from_other_hospital: BoolArray
    """Came from another hospital or a nursing home: the work-up stood before the stay."""
    from_procedure: BoolArray
    """Came from a procedure site or a recovery room: the stay follows a procedure."""
    later_surgical: BoolArray
    """Moved from a medical to a surgical service."""
    psychiatric: BoolArray
    """The first service is a psychiatric one."""
    obstetric: BoolArray
    """The first service is an obstetric one."""
    newborn_service: BoolArray
    """The first service is for the newborn."""
    died: BoolArray
    """Died in the stay or left for hospice."""


def _or_into(target: IntArray, places: IntArray, bits: IntArray) -> None:
    np.bitwise_or.at(target, places, bits)


def _any(places: IntArray, count: int) -> BoolArray:
    return np.bincount(places, minlength=count).astype(np.bool_)


def _texts(column: pd.Series[Any]) -> list[str]:
    return ["" if pd.isna(value) else str(value) for value in column]


def _optional(encounters: pd.DataFrame, column: str) -> list[str]:
    """Texts of a column that not every source has."""
    return _texts(encounters[column]) if column in encounters.columns else [""] * len(encounters)


def _matches(texts: list[str], pattern: re.Pattern[str]) -> BoolArray:
    return np.array([pattern.search(text) is not None for text in texts], dtype=np.bool_)


def _unpacked(pairs: list[tuple[str, int]]) -> tuple[list[str], IntArray]:
    return [first for first, _ in pairs], np.array([second for _, second in pairs], dtype=np.int64)


def context_of(
    encounters: pd.DataFrame,
    procedures: pd.DataFrame | None,
    medications: pd.DataFrame | None,
    microbiology: pd.DataFrame | None,
    care_units: pd.DataFrame | None,
    later_services: pd.DataFrame | None,
) -> Context:
    """Gather the evidence of each encounter.

    Args:
        encounters: as `frames.checked_encounters` gives them; admission_location, discharge_location and
            discharge_status are read where they are given.
        procedures: DataFrame[encounter_id, code, system, day]; day 0 is the day of admission, None unknown.
        medications: DataFrame[encounter_id, name, start_day].
        microbiology: DataFrame[encounter_id, specimen, organism, day].
        care_units: DataFrame[encounter_id, name, start_day, hours].
        later_services: DataFrame[encounter_id, name, start_day]: services in order, the first one included.
    """
    count = len(encounters)
    ids = pd.Index(encounters["encounter_id"])
    kinds = [admission_kind(text) for text in _texts(encounters["admission_type"])]
    setting = [text.lower() for text in _texts(encounters["setting"])]
    age = optional_numbers(encounters["age"])

    drug = with_columns(medications, ("encounter_id", "name", "start_day"))
    drug_at = places_in(drug["encounter_id"], ids, "medications")
    drug_bits = np.array([therapy_bits(name) for name in _texts(drug["name"])], dtype=np.int64)
    drug_day = optional_numbers(drug["start_day"])
    early_therapies, late_therapies = np.zeros(count, np.int64), np.zeros(count, np.int64)
    on_arrival = ~(drug_day > _EARLY_DAY)
    _or_into(early_therapies, drug_at[on_arrival], drug_bits[on_arrival])
    _or_into(late_therapies, drug_at[~on_arrival], drug_bits[~on_arrival])

    antineoplastic = next(therapy.bit for therapy in therapies() if therapy.name == "chemotherapy")

    culture = with_columns(microbiology, ("encounter_id", "specimen", "organism", "day"))
    culture_at = places_in(culture["encounter_id"], ids, "microbiology")
    culture_early = ~(optional_numbers(culture["day"]) > _EARLY_DAY)
    blood = np.array(["blood" in text.lower() for text in _texts(culture["specimen"])], dtype=np.bool_)

    unit = with_columns(care_units, ("encounter_id", "name", "start_day", "hours"))
    unit_at = places_in(unit["encounter_id"], ids, "units")
    intensive = np.array([bool(_ICU.search(text)) for text in _texts(unit["name"])], dtype=np.bool_)
    unit_early = ~(optional_numbers(unit["start_day"]) > _EARLY_DAY)
    icu_hours = optional_numbers(encounters["icu_hours"])
    icu_early = _any(unit_at[intensive & unit_early], count)
    unit_known = _any(unit_at, count)
    unit_kinds, unit_bits = _unpacked([unit_meaning(text) for text in _texts(unit["name"])])
    unit_systems, later_unit_systems = np.zeros(count, np.int64), np.zeros(count, np.int64)
    _or_into(unit_systems, unit_at[unit_early], unit_bits[unit_early])
    _or_into(later_unit_systems, unit_at[~unit_early], unit_bits[~unit_early])
    surgical_early = unit_early & (np.array(unit_kinds, dtype=object) == "surgical")
    counted = intensive & unit_early
    unit_hours = np.nan_to_num(optional_numbers(unit["hours"]))
    early_hours = np.bincount(unit_at[counted], weights=unit_hours[counted], minlength=count)

    done = with_columns(procedures, ("encounter_id", "code", "system", "day"))
    done = done[done["code"].notna()].reset_index(drop=True)
    done_at = places_in(done["encounter_id"], ids, "procedures")
    roles, done_bits = _unpacked(
        [
            (role, bits)
            for bits, role in (
                procedure_meaning(system, code)
                for system, code in zip(_texts(done["system"]), _texts(done["code"]), strict=True)
            )
        ]
    )
    role = np.array(roles, dtype=object)
    done_day = np.nan_to_num(optional_numbers(done["day"]), nan=0.0)
    done_late = done_day > _FIRST_PROCEDURE_DAY
    early_systems, late_systems, diagnostic = (np.zeros(count, np.int64) for _ in range(3))
    treats = role == "therapeutic"
    _or_into(early_systems, done_at[treats & ~done_late], done_bits[treats & ~done_late])
    _or_into(late_systems, done_at[treats & done_late], done_bits[treats & done_late])
    operated = np.array(
        [operation_bits(s, c) for s, c in zip(_texts(done["system"]), _texts(done["code"]), strict=True)], np.int64
    )
    early_operations, late_operations = np.zeros(count, np.int64), np.zeros(count, np.int64)
    _or_into(early_operations, done_at[~done_late], operated[~done_late])
    _or_into(late_operations, done_at[done_late], operated[done_late])
    first_day: FloatArray = np.full(count, np.inf, dtype=np.float64)
    # a procedure of no body system (a suture, a graft's donor site) opens nothing
    operates = treats & (done_bits != 0)
    np.minimum.at(first_day, done_at[operates], done_day[operates])
    first_systems = np.zeros(count, np.int64)
    opening = operates & (done_day <= first_day[done_at])
    _or_into(first_systems, done_at[opening], done_bits[opening])
    written = [code.replace(".", "").upper() for code in _texts(done["code"])]
    ventilation = _matches(written, _VENTILATION)
    looks = role == "diagnostic"
    _or_into(diagnostic, done_at[looks], done_bits[looks])

    service_kinds, service_systems = _unpacked([service_meaning(text) for text in _texts(encounters["service"])])
    moved = with_columns(later_services, ("encounter_id", "name", "start_day"))
    moved_at = places_in(moved["encounter_id"], ids, "services")
    moved_bits = np.array([service_meaning(text)[1] for text in _texts(moved["name"])], dtype=np.int64)
    moved_kinds = np.array([service_meaning(text)[0] for text in _texts(moved["name"])], dtype=object)
    first_kind = np.array(service_kinds, dtype=object)
    location, left = _optional(encounters, "admission_location"), _optional(encounters, "discharge_location")
    status = _optional(encounters, "discharge_status")
    later_systems = np.zeros(count, np.int64)
    _or_into(later_systems, moved_at, moved_bits)

    return Context(
        elective=np.array([_ELECTIVE_SHARE[kind] for kind in kinds], dtype=np.float64),
        planned=np.array([kind == "elective" for kind in kinds], dtype=np.bool_),
        outpatient=np.array([text == "outpatient" for text in setting], dtype=np.bool_),
        newborn_age=~(age > 0),
        male=np.array([text.upper().startswith("M") for text in _texts(encounters["sex"])], dtype=np.bool_),
        has_medications=_any(drug_at, count),
        early_therapies=early_therapies,
        late_therapies=late_therapies,
        early_cultures=_any(culture_at[culture_early & blood], count),
        icu_known=~np.isnan(icu_hours) | unit_known,
        icu_early=icu_early,
        early_systems=early_systems,
        late_systems=late_systems,
        diagnostic_systems=diagnostic,
        early_operations=early_operations,
        late_operations=late_operations & ~early_operations,
        surgical=np.asarray(first_kind == "surgical", dtype=np.bool_),
        service_systems=service_systems,
        later_service_systems=later_systems & ~service_systems,
        first_systems=first_systems,
        first_procedure_day=np.where(np.isfinite(first_day), first_day, np.nan),
        early_icu_hours=np.where(unit_known, early_hours, np.nan),
        unit_systems=unit_systems,
        later_unit_systems=later_unit_systems & ~unit_systems,
        surgical_unit=_any(unit_at[surgical_early], count),
        icu_late=_any(unit_at[intensive], count) & ~icu_early,
        ventilated_early=_any(done_at[ventilation & (done_day <= _EARLY_DAY)], count),
        ventilated_late=_any(done_at[ventilation & (done_day > _EARLY_DAY)], count),
        dialysed=_any(done_at[_matches(written, _DIALYSIS)], count),
        transfused=_any(done_at[_matches(written, _TRANSFUSION)], count),
        chemotherapy=_any(done_at[_matches(written, _ANTINEOPLASTIC)], count) | (early_therapies & antineoplastic != 0),
        from_other_hospital=_matches(location, _HOSPITAL),
        from_procedure=_matches(location, _PROCEDURE_SITE),
        later_surgical=(first_kind != "surgical") & _any(moved_at[moved_kinds == "surgical"], count),
        psychiatric=np.asarray(first_kind == "mental", dtype=np.bool_),
        obstetric=np.asarray(first_kind == "obstetric", dtype=np.bool_),
        newborn_service=np.asarray(first_kind == "newborn", dtype=np.bool_),
        died=_matches(left, _DEATH) | _matches(status, _DEATH),
    )
