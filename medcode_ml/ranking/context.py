"""What the stay itself shows: therapy, cultures, units, services, procedures and kind of admission, by encounter.

Everything is a vector over encounters; absence is only evidence where that kind of record was given for the encounter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pandas as pd

from medcode_ml.ranking.frames import optional_numbers, places_in, with_columns
from medcode_ml.ranking.knowledge import (
    BoolArray,
    FloatArray,
    IntArray,
    ignored_drugs,
    procedure_groups,
    services,
    therapies,
)

_EARLY_DAY: Final = 1.0
_FIRST_PROCEDURE_DAY: Final = 2.0
_ELECTIVE: Final = re.compile(r"^(3|elective.*|surgical same day.*|scheduled|planned)$")
_URGENT: Final = re.compile(r"^(2|urgent|direct obs.*|eu obs.*|ambulatory obs.*|observation.*)$")
_EMERGENCY: Final = re.compile(r"^(1|5|emergency.*|ew emer.*|direct emer.*|trauma.*)$")
# How far each kind of admission leans to the elective side; unknown admissions are mostly emergencies.
_ELECTIVE_SHARE: Final = {"elective": 1.0, "urgent": 0.25, "emergency": 0.0, "unknown": 0.2}
_ICU: Final = re.compile(r"\b(icu|ccu|micu|sicu|tsicu|cvicu|csru|nicu|intensive|coronary care|msicu|nsicu)\b", re.I)


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
    surgical: BoolArray
    """The first service is a surgical one."""
    service_systems: IntArray
    later_service_systems: IntArray
    """Body systems of services that the patient moved to, without those of the first."""


def _or_into(target: IntArray, places: IntArray, bits: IntArray) -> None:
    np.bitwise_or.at(target, places, bits)


def _any(places: IntArray, count: int) -> BoolArray:
    return np.bincount(places, minlength=count).astype(np.bool_)


@lru_cache(maxsize=65536)
def therapy_bits(name: str) -> int:
    """Return the therapies that a drug name belongs to, as bits; 0 for drugs that say nothing."""
    lowered = name.lower()
    if any(part in lowered for part in ignored_drugs()):
        return 0
    return sum(therapy.bit for therapy in therapies() if any(drug in lowered for drug in therapy.drugs))


@lru_cache(maxsize=65536)
def procedure_meaning(system: str, code: str) -> tuple[int, str]:
    """Return body systems (bits) and role: therapeutic, diagnostic, access, support, imaging or unknown."""
    written = code.replace(".", "").upper()
    named = {"HCPCS": "CPT", "ICD9": "ICD-9-CM", "ICD10": "ICD-10-PCS"}.get(system.upper(), system.upper())
    meaning = (0, "unknown")
    for group in procedure_groups():
        inside = written[: len(group.first)] >= group.first and written[: len(group.last)] <= group.last
        if group.system == named and inside:
            meaning = (group.systems, group.role)
    return meaning


@lru_cache(maxsize=4096)
def service_meaning(name: str) -> tuple[str, int]:
    """Return the kind (medical, surgical, ...) and body systems (bits) of a hospital service; ("unknown", 0) if new."""
    lowered = name.strip().lower()
    for service in services():
        if re.match(service.pattern, lowered):
            return service.kind, service.systems
    return "unknown", 0


@lru_cache(maxsize=1024)
def admission_kind(text: str) -> str:
    """Return elective, urgent, emergency or unknown for an admission type as delivered or as the UB-04 digit."""
    lowered = text.strip().lower().removesuffix(".0")
    if _ELECTIVE.match(lowered):
        return "elective"
    if _URGENT.match(lowered):
        return "urgent"
    return "emergency" if _EMERGENCY.match(lowered) else "unknown"


def _texts(column: pd.Series[Any]) -> list[str]:
    return ["" if pd.isna(value) else str(value) for value in column]


def _unpacked(pairs: list[tuple[str, int]]) -> tuple[list[str], IntArray]:
    return [first for first, _ in pairs], np.array([second for _, second in pairs], dtype=np.int64)


def context_of(
    encounters: pd.DataFrame,
    procedures: pd.DataFrame | None,
    medications: pd.DataFrame | None,
    microbiology: pd.DataFrame | None,
    units: pd.DataFrame | None,
    later_services: pd.DataFrame | None,
) -> Context:
    """Gather the evidence of each encounter.

    Args:
        encounters: as `frames.checked_encounters` gives them.
        procedures: DataFrame[encounter_id, code, system, day]; day 0 is the day of admission, None unknown.
        medications: DataFrame[encounter_id, name, start_day].
        microbiology: DataFrame[encounter_id, specimen, organism, day].
        units: DataFrame[encounter_id, name, start_day, hours].
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

    culture = with_columns(microbiology, ("encounter_id", "specimen", "organism", "day"))
    culture_at = places_in(culture["encounter_id"], ids, "microbiology")
    culture_early = ~(optional_numbers(culture["day"]) > _EARLY_DAY)
    blood = np.array(["blood" in text.lower() for text in _texts(culture["specimen"])], dtype=np.bool_)

    unit = with_columns(units, ("encounter_id", "name", "start_day", "hours"))
    unit_at = places_in(unit["encounter_id"], ids, "units")
    intensive = np.array([bool(_ICU.search(text)) for text in _texts(unit["name"])], dtype=np.bool_)
    unit_early = ~(optional_numbers(unit["start_day"]) > _EARLY_DAY)
    icu_hours = optional_numbers(encounters["icu_hours"])
    icu_early = _any(unit_at[intensive & unit_early], count)

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
    done_late = optional_numbers(done["day"]) > _FIRST_PROCEDURE_DAY
    early_systems, late_systems, diagnostic = (np.zeros(count, np.int64) for _ in range(3))
    treats = role == "therapeutic"
    _or_into(early_systems, done_at[treats & ~done_late], done_bits[treats & ~done_late])
    _or_into(late_systems, done_at[treats & done_late], done_bits[treats & done_late])
    looks = role == "diagnostic"
    _or_into(diagnostic, done_at[looks], done_bits[looks])

    service_kinds, service_systems = _unpacked([service_meaning(text) for text in _texts(encounters["service"])])
    moved = with_columns(later_services, ("encounter_id", "name", "start_day"))
    moved_at = places_in(moved["encounter_id"], ids, "services")
    moved_bits = np.array([service_meaning(text)[1] for text in _texts(moved["name"])], dtype=np.int64)
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
        icu_known=~np.isnan(icu_hours) | _any(unit_at, count),
        icu_early=icu_early,
        early_systems=early_systems,
        late_systems=late_systems,
        diagnostic_systems=diagnostic,
        surgical=np.array([kind == "surgical" for kind in service_kinds], dtype=np.bool_),
        service_systems=service_systems,
        later_service_systems=later_systems & ~service_systems,
    )
