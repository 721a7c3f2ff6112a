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
# Ventilation and antineoplastics by the first characters of their procedure codes.
_VENTILATION: Final = re.compile(r"^(5A19|967[012]$)")
_ANTINEOPLASTIC: Final = re.compile(r"^(3E0..0|9925$|9928$)")
_ICU: Final = re.compile(
    r"\b(icu|ccu|micu|sicu|tsicu|cvicu|csru|nicu|picu|intensive|coronary care|msicu|nsicu|critical care)\b", re.I
)


_Arrays = dict[str, Any]
"""Arrays of `Context` by name, each of shape (encounters,)."""


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
    unit_systems: IntArray
    """Body systems of the care units of day 0 or 1."""
    later_unit_systems: IntArray
    """Body systems of later care units, without those of the first days."""
    icu_late: BoolArray
    """The first intensive care began after day 1: a move that suggests a complication."""
    ventilated_early: BoolArray
    """Invasive ventilation on day 0 or 1, or of unknown day."""
    ventilated_late: BoolArray
    """Invasive ventilation that began later."""
    chemotherapy: BoolArray
    """Antineoplastics as a procedure, or as drugs from day 0 or 1."""
    from_other_hospital: BoolArray
    """Came from another hospital or a nursing home: the work-up stood before the stay."""
    from_procedure: BoolArray
    """Came from a procedure site or a recovery room: the stay follows a procedure."""
    later_surgical: BoolArray
    """Moved from a medical to a surgical service."""
    died: BoolArray
    """Died in the stay or left for hospice."""


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
        care_units: DataFrame[encounter_id, name, start_day].
        later_services: DataFrame[encounter_id, name, start_day]: services in order, the first one included.
    """
    ids = pd.Index(encounters["encounter_id"])
    therapy = _of_therapy(medications, ids)
    antineoplastic = next(known.bit for known in therapies() if known.name == "chemotherapy")
    done = _done(procedures, ids)
    chemotherapy = _any(done.at[_matches(done.codes, _ANTINEOPLASTIC)], len(ids))
    return Context(
        **_of_stay(encounters),
        **therapy,
        **_of_cultures(microbiology, ids),
        **_of_units(encounters, care_units, ids),
        **_of_body_systems(done, len(ids)),
        **_of_operations(done, len(ids)),
        **_of_ventilation(done, len(ids)),
        **_of_services(encounters, later_services, ids),
        chemotherapy=chemotherapy | (therapy["early_therapies"] & antineoplastic != 0),
    )


def _of_stay(encounters: pd.DataFrame) -> _Arrays:
    """Who came, how, from where and where to."""
    kinds = [admission_kind(text) for text in _texts(encounters["admission_type"])]
    location, left = _optional(encounters, "admission_location"), _optional(encounters, "discharge_location")
    return {
        "elective": np.array([_ELECTIVE_SHARE[kind] for kind in kinds], dtype=np.float64),
        "planned": np.array([kind == "elective" for kind in kinds], dtype=np.bool_),
        "outpatient": np.array([text.lower() == "outpatient" for text in _texts(encounters["setting"])], np.bool_),
        "newborn_age": ~(optional_numbers(encounters["age"]) > 0),
        "male": np.array([text.upper().startswith("M") for text in _texts(encounters["sex"])], dtype=np.bool_),
        "from_other_hospital": _matches(location, _HOSPITAL),
        "from_procedure": _matches(location, _PROCEDURE_SITE),
        "died": _matches(left, _DEATH) | _matches(_optional(encounters, "discharge_status"), _DEATH),
    }


def _of_therapy(medications: pd.DataFrame | None, ids: pd.Index[Any]) -> _Arrays:
    """Therapies by the day they began; a drug of unknown day counts as begun at once."""
    drug = with_columns(medications, ("encounter_id", "name", "start_day"))
    at = places_in(drug["encounter_id"], ids, "medications")
    bits = np.array([therapy_bits(name) for name in _texts(drug["name"])], dtype=np.int64)
    early = ~(optional_numbers(drug["start_day"]) > _EARLY_DAY)
    return {
        "has_medications": _any(at, len(ids)),
        "early_therapies": _bits(at[early], bits[early], len(ids)),
        "late_therapies": _bits(at[~early], bits[~early], len(ids)),
    }


def _of_cultures(microbiology: pd.DataFrame | None, ids: pd.Index[Any]) -> _Arrays:
    culture = with_columns(microbiology, ("encounter_id", "specimen", "organism", "day"))
    at = places_in(culture["encounter_id"], ids, "microbiology")
    early = ~(optional_numbers(culture["day"]) > _EARLY_DAY)
    blood = np.array(["blood" in text.lower() for text in _texts(culture["specimen"])], dtype=np.bool_)
    return {"early_cultures": _any(at[early & blood], len(ids))}


def _of_units(encounters: pd.DataFrame, care_units: pd.DataFrame | None, ids: pd.Index[Any]) -> _Arrays:
    """Care units, and intensive care among them."""
    unit = with_columns(care_units, ("encounter_id", "name", "start_day"))
    at = places_in(unit["encounter_id"], ids, "units")
    names = _texts(unit["name"])
    intensive = _matches(names, _ICU)
    bits = np.array([unit_meaning(text)[1] for text in names], dtype=np.int64)
    early = ~(optional_numbers(unit["start_day"]) > _EARLY_DAY)
    icu_early = _any(at[intensive & early], len(ids))
    systems = _bits(at[early], bits[early], len(ids))
    return {
        "icu_known": ~np.isnan(optional_numbers(encounters["icu_hours"])) | _any(at, len(ids)),
        "icu_early": icu_early,
        "icu_late": _any(at[intensive], len(ids)) & ~icu_early,
        "unit_systems": systems,
        "later_unit_systems": _bits(at[~early], bits[~early], len(ids)) & ~systems,
    }


@dataclass(frozen=True, slots=True)
class _Done:
    """Procedures that have a code, each array and list of shape (procedures,)."""

    at: IntArray
    """Place of the encounter."""
    systems: list[str]
    """Code systems, as given."""
    given: list[str]
    """Codes, as given."""
    codes: list[str]
    """Codes without dots, in capitals."""
    day: FloatArray
    """An unknown day counts as day 0."""

    @property
    def late(self) -> BoolArray:
        """Done after the first days."""
        return self.day > _FIRST_PROCEDURE_DAY


def _done(procedures: pd.DataFrame | None, ids: pd.Index[Any]) -> _Done:
    frame = with_columns(procedures, ("encounter_id", "code", "system", "day"))
    frame = frame[frame["code"].notna()].reset_index(drop=True)
    given = _texts(frame["code"])
    return _Done(
        at=places_in(frame["encounter_id"], ids, "procedures"),
        systems=_texts(frame["system"]),
        given=given,
        codes=[code.replace(".", "").upper() for code in given],
        day=np.nan_to_num(optional_numbers(frame["day"]), nan=0.0),
    )


def _of_body_systems(done: _Done, count: int) -> _Arrays:
    """Body systems that were treated and looked at."""
    meanings = [procedure_meaning(system, code) for system, code in zip(done.systems, done.given, strict=True)]
    bits = np.array([bits for bits, _ in meanings], dtype=np.int64)
    role = np.array([role for _, role in meanings], dtype=object)
    treats, looks = role == "therapeutic", role == "diagnostic"
    early, late = treats & ~done.late, treats & done.late
    # a procedure of no body system (a suture, a graft's donor site) opens nothing
    operates = treats & (bits != 0)
    first_day: FloatArray = np.full(count, np.inf, dtype=np.float64)
    np.minimum.at(first_day, done.at[operates], done.day[operates])
    opening = operates & (done.day <= first_day[done.at])
    return {
        "early_systems": _bits(done.at[early], bits[early], count),
        "late_systems": _bits(done.at[late], bits[late], count),
        "diagnostic_systems": _bits(done.at[looks], bits[looks], count),
        "first_systems": _bits(done.at[opening], bits[opening], count),
    }


def _of_operations(done: _Done, count: int) -> _Arrays:
    bits = np.array([operation_bits(s, c) for s, c in zip(done.systems, done.given, strict=True)], dtype=np.int64)
    early = _bits(done.at[~done.late], bits[~done.late], count)
    late = _bits(done.at[done.late], bits[done.late], count)
    return {"early_operations": early, "late_operations": late & ~early}


def _of_ventilation(done: _Done, count: int) -> _Arrays:
    ventilation = _matches(done.codes, _VENTILATION)
    early = done.day <= _EARLY_DAY
    return {
        "ventilated_early": _any(done.at[ventilation & early], count),
        "ventilated_late": _any(done.at[ventilation & ~early], count),
    }


def _of_services(encounters: pd.DataFrame, later_services: pd.DataFrame | None, ids: pd.Index[Any]) -> _Arrays:
    """The first service, and those that the patient moved to."""
    firsts = [service_meaning(text) for text in _texts(encounters["service"])]
    surgical = np.array([kind == "surgical" for kind, _ in firsts], dtype=np.bool_)
    systems = np.array([bits for _, bits in firsts], dtype=np.int64)
    moved = with_columns(later_services, ("encounter_id", "name", "start_day"))
    at = places_in(moved["encounter_id"], ids, "services")
    meanings = [service_meaning(text) for text in _texts(moved["name"])]
    to_surgeons = np.array([kind == "surgical" for kind, _ in meanings], dtype=np.bool_)
    later = _bits(at, np.array([bits for _, bits in meanings], dtype=np.int64), len(ids))
    return {
        "surgical": surgical,
        "service_systems": systems,
        "later_service_systems": later & ~systems,
        "later_surgical": ~surgical & _any(at[to_surgeons], len(ids)),
    }


def _bits(places: IntArray, bits: IntArray, count: int) -> IntArray:
    """Bits of the records of each encounter together."""
    found: IntArray = np.zeros(count, dtype=np.int64)
    np.bitwise_or.at(found, places, bits)
    return found


def _any(places: IntArray, count: int) -> BoolArray:
    return np.bincount(places, minlength=count).astype(np.bool_)


def _texts(column: pd.Series[Any]) -> list[str]:
    return ["" if pd.isna(value) else str(value) for value in column]


def _optional(encounters: pd.DataFrame, column: str) -> list[str]:
    """Texts of a column that not every source has."""
    return _texts(encounters[column]) if column in encounters.columns else [""] * len(encounters)


def _matches(texts: list[str], pattern: re.Pattern[str]) -> BoolArray:
    return np.array([pattern.search(text) is not None for text in texts], dtype=np.bool_)
