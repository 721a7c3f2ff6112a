"""FHIR resources turned into the values of delivered rows: patients, encounters, results.

What a table does not name is passed on as delivered, so that a later stage can say what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from medcode_ml.intake.fhir_resources import (
    LOINC_SYSTEM,
    NPI_SYSTEM,
    SSN_SYSTEM,
    Resource,
    code,
    coding,
    day,
    hour,
    identifier_of_type,
)
from medcode_ml.intake.gathering import Row
from medcode_ml.intake.hl7_fields import FLAGS
from medcode_ml.intake.senders import Senders

#: v3 ActCode, Encounter.class
SETTINGS: Final = {
    "IMP": "inpatient", "ACUTE": "inpatient", "NONAC": "inpatient", "AMB": "outpatient", "EMER": "outpatient",
    "OBSENC": "outpatient", "SS": "outpatient", "VR": "outpatient", "FLD": "outpatient", "PRENC": "outpatient",
}  # fmt: skip
_SEXES: Final = {"male": "M", "female": "F", "other": "U", "unknown": "U"}
_PRIORITIES: Final = {"EM": "1", "UR": "2", "EL": "3", "R": "3"}
_ORIGINS: Final = {"hosp-trans": "4", "outp": "2", "gp": "1", "mp": "1", "nursing": "5", "other": "9"}
_DISPOSITIONS: Final = {
    "home": "01", "snf": "03", "aadvice": "07", "exp": "20", "rehab": "62", "long": "63", "psy": "65",
}  # fmt: skip
_OTHER_NUMBERS: Final = ("SS", "DL", "MC", "MA", "AN", "VN", "PPN", "BR", "MB", "SN")


def record_number(patient: Resource, hospital: str, senders: Senders) -> str | None:
    """Medical record number: of type MR given by this hospital, any of type MR, any given by it, any other."""
    others = {id(one) for one in identifier_of_type(patient, *_OTHER_NUMBERS)}
    numbers = {id(one) for one in identifier_of_type(patient, "MR")}
    ranked: list[tuple[int, int, str]] = []
    for place, one in enumerate(patient.get("identifier") or []):
        if one.get("value") and id(one) not in others and one.get("system") != SSN_SYSTEM:
            assigner = one.get("assigner") or {}
            givers = [one.get("system"), (assigner.get("identifier") or {}).get("value"), assigner.get("display")]
            own = any(senders.means(giver, hospital) for giver in givers)
            ranked.append((2 * (id(one) not in numbers) + (not own), place, str(one["value"])))
    return min(ranked)[2] if ranked else None


def patient_row(patient: Resource, hospital: str, mrn: str) -> Row:
    """Row of the patient table."""
    name = _preferred(patient.get("name"), "official", "usual")
    home = _preferred(patient.get("address"), "home")
    ssn = next((one for one in patient.get("identifier") or [] if one.get("system") == SSN_SYSTEM), None)
    ssn = ssn or next(iter(identifier_of_type(patient, "SS")), None)
    sex = patient.get("gender")
    return {
        "hospital_id": hospital,
        "mrn": mrn,
        "last_name": name.get("family"),
        "first_name": next(iter(name.get("given") or []), None),
        "birth_date": patient.get("birthDate"),
        "sex": _SEXES.get(sex, sex) if sex else None,
        "death_date": day(patient.get("deceasedDateTime")),
        "ssn": ssn.get("value") if ssn else None,
        "address": next(iter(home.get("line") or []), None),
        "city": home.get("city"),
        "state": home.get("state"),
        "zip": home.get("postalCode"),
    }


def encounter_number(encounter: Resource) -> str | None:
    """Visit or account number, else the first identifier, else the resource's own id."""
    named = [*identifier_of_type(encounter, "VN", "AN"), *(encounter.get("identifier") or [])]
    return next((str(one["value"]) for one in named if one.get("value")), encounter.get("id"))


def encounter_row(
    encounter: Resource, hospital: str, mrn: str, number: str, npi_of: Callable[[Resource | None], str | None]
) -> Row:
    """Row of the encounter table."""
    kind = (encounter.get("class") or {}).get("code")
    stay = encounter.get("hospitalization") or {}
    period = encounter.get("period") or {}
    begun, ended = period.get("start"), period.get("end")
    priority, origin = code(encounter.get("priority")), code(stay.get("admitSource"))
    disposition = code(stay.get("dischargeDisposition"))
    service = encounter.get("serviceType") or {}
    attending = next(
        (
            one.get("individual")
            for one in encounter.get("participant") or []
            if any(code(kind_of) == "ATND" for kind_of in one.get("type") or [])
        ),
        None,
    )
    return {
        "hospital_id": hospital,
        "encounter_number": number,
        "mrn": mrn,
        "setting": SETTINGS.get(kind, kind) if kind else None,
        "admission_date": day(begun),
        "admission_hour": hour(begun),
        # A visit begins and ends on its day.
        "discharge_date": day(begun) if ended is None and kind == "AMB" else day(ended),
        "discharge_hour": hour(ended),
        "admission_type": _PRIORITIES.get(priority, priority) if priority else None,
        "admission_source": _ORIGINS.get(origin, origin) if origin else None,
        "discharge_status": _DISPOSITIONS.get(disposition, disposition) if disposition else None,
        "service": code(service) or service.get("text"),
        "attending_npi": npi_of(attending),
    }


def npi(practitioner: Resource) -> str | None:
    """NPI among the identifiers of a practitioner."""
    named = [one for one in practitioner.get("identifier") or [] if one.get("system") == NPI_SYSTEM]
    named += identifier_of_type(practitioner, "NPI")
    return next((str(one["value"]) for one in named if one.get("value")), None)


def observation_rows(observation: Resource) -> list[Row]:
    """Rows of the observation table without their encounter: the value, and one for each component."""
    categories = {
        str(one.get("code")) for concept in observation.get("category") or [] for one in concept.get("coding") or []
    }
    kind = "vital" if "vital-signs" in categories else "laboratory" if "laboratory" in categories else None
    period = observation.get("effectivePeriod") or {}
    times = (observation.get("effectiveDateTime"), observation.get("effectiveInstant"), period.get("start"))
    observed = next(filter(None, (*times, observation.get("issued"))), None)
    rows: list[Row] = []
    for part in (observation, *(observation.get("component") or [])):
        value, unit = _value(part)
        if value is None:
            continue
        concept = part.get("code") or {}
        found = coding(concept, LOINC_SYSTEM) or coding(concept)
        system = None if found is None else found.get("system")
        flags = [str(code(one)) for one in part.get("interpretation") or []]
        rows.append(
            {
                "kind": kind,
                "name": concept.get("text") or (found or {}).get("display") or (found or {}).get("code"),
                "code": None if found is None else str(found["code"]),
                "code_system": "LOINC" if system == LOINC_SYSTEM else system,
                "value": value,
                "unit": unit,
                "observed_date": day(observed),
                "flag": next((FLAGS[flag] for flag in flags if flag in FLAGS), None),
            }
        )
    return rows


def _value(part: Resource) -> tuple[str | None, str | None]:
    """(value, unit) of an Observation or a component of one, as text."""
    if "valueQuantity" in part:
        quantity = part["valueQuantity"]
        return _quantity(quantity), quantity.get("code") or quantity.get("unit")
    if "valueRange" in part:
        low, high = part["valueRange"].get("low") or {}, part["valueRange"].get("high") or {}
        unit = (low or high).get("code") or (low or high).get("unit")
        return f"{_quantity(low) or ''}-{_quantity(high) or ''}", unit
    if "valueRatio" in part:
        ratio = part["valueRatio"]
        both = [_quantity(ratio.get(side) or {}) or "" for side in ("numerator", "denominator")]
        return ":".join(both), None
    if "valueCodeableConcept" in part:
        concept = part["valueCodeableConcept"]
        found = coding(concept) or {}
        return concept.get("text") or found.get("display") or found.get("code"), None
    for name in ("valueString", "valueInteger", "valueBoolean", "valueDateTime", "valueTime"):
        if part.get(name) is not None:
            return _text(part[name]) or None, None
    return None, None


def _quantity(quantity: Resource) -> str | None:
    value = quantity.get("value")
    return None if value is None else f"{quantity.get('comparator') or ''}{_text(value)}"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _preferred(values: Any, *uses: str) -> Resource:
    """The first of `values` with one of these uses, in their order, else the first."""
    listed = list(values or [])
    for use in uses:
        for one in listed:
            if one.get("use") == use:
                return dict(one)
    return dict(listed[0]) if listed else {}
