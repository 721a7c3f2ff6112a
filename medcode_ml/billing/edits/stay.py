"""Edits of dates: the stay against itself, the birth date, the day of billing, procedures (rules 1, 28, 38)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from medcode_ml.billing.claims import Case
from medcode_ml.billing.edits.catalogue import Edit, found
from medcode_ml.billing.transmission import Transmission

DAYS_BEFORE_ADMISSION = 3
"""Medicare's payment window: three days before admission are billed with the stay (42 CFR 412.2(c)(5))."""

DIED = frozenset(("20", "40", "41", "42"))
"""Discharge statuses of patients who died; 40 to 42 are those of hospice care."""
# Revenue codes 010x to 017x and 019x to 021x: their units are days of the stay; 018x is leave of absence.
_ACCOMMODATION = tuple(f"0{n}" for n in range(10, 22) if n != 18)


def tolerance(case: Case) -> int:
    """Days before admission that a date of service may lie: 3 for inpatients, 0 for outpatients."""
    return DAYS_BEFORE_ADMISSION if case.inpatient else 0


def age_at_admission(case: Case) -> int | None:
    """Age in whole years: the one given, else by birth date; None when neither is known or they conflict."""
    given = case.encounter["age"]
    return int(given) if given is not None else _age_by_birth_date(case)


def _age_by_birth_date(case: Case) -> int | None:
    birth: date | None = case.encounter["birth_date"]
    admitted: date | None = case.encounter["admission_date"]
    if birth is None or admitted is None or birth > admitted:
        return None
    return admitted.year - birth.year - ((admitted.month, admitted.day) < (birth.month, birth.day))


def death_edits(case: Case, died: date | None) -> Iterator[Edit]:
    """Yield an edit where a known date of death and the discharge status contradict each other (rule 38)."""
    status, discharged = case.encounter["discharge_status"], case.encounter["discharge_date"]
    if died is None or discharged is None or not status:
        return
    if status in DIED and died != discharged:
        yield found("status_without_death", status=status)
    elif status not in DIED and died <= discharged:
        yield found("died_without_status", status=status)


def in_stay(case: Case, day: date) -> bool:
    """True when `day` lies between admission (less the tolerance) and discharge, or a date of the stay is missing."""
    admitted, discharged = case.encounter["admission_date"], case.encounter["discharge_date"]
    if admitted is None or discharged is None:
        return True
    # a difference of days exists for any two dates, a day before the first of the calendar does not
    return bool((admitted - day).days <= tolerance(case) and day <= discharged)


def stay_edits(case: Case, transmission: Transmission, as_of: date) -> Iterator[Edit]:
    """Yield the date edits of a claim billed on `as_of`."""
    e = case.encounter
    admitted, discharged, birth = e["admission_date"], e["discharge_date"], e["birth_date"]
    if admitted and discharged and discharged < admitted:
        yield found("discharge_before_admission")
    if discharged and discharged > as_of:
        yield found("discharge_in_future", day=as_of.isoformat())
    if birth and admitted and birth > admitted:
        yield found("birth_after_admission")
    by_birth_date = _age_by_birth_date(case)
    if e["age"] is not None and by_birth_date is not None and abs(int(e["age"]) - by_birth_date) > 1:
        yield found("age_differs_from_birth_date", age=int(e["age"]), by_birth_date=by_birth_date)
    if case.inpatient:
        yield from _accommodation_edits(case)
    for procedure in transmission.procedures:
        if procedure.date is None:
            yield found("procedure_date_missing", procedure.code, what=procedure.code)
        elif not in_stay(case, procedure.date):
            yield found("procedure_date_outside_stay", procedure.code, what=procedure.code, days=tolerance(case))


def _accommodation_edits(case: Case) -> Iterator[Edit]:
    """Room and board of a stay is charged by the day: as many units as the stay has days."""
    admitted, discharged = case.encounter["admission_date"], case.encounter["discharge_date"]
    days = case.length_of_stay
    if days is None or discharged < admitted:
        return
    room = [x.units for x in case.lines if x.units is not None and (x.revenue_code or "").startswith(_ACCOMMODATION)]
    billed = sum(room)
    if room and billed != days:
        yield found("accommodation_days_differ", billed=f"{billed:f}", days=days)
