"""Our own edits of the diagnoses: principal, duplicates, POA, Excludes1, validity (rules 2, 5-7, 22, 26).

The Medicare Code Editor (`medicare`) edits inpatient claims; outpatient claims hear its rules on the
principal from here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from medcode_ml.billing.claims import Case
from medcode_ml.billing.edits import titles
from medcode_ml.billing.edits.catalogue import Edit, found
from medcode_ml.billing.transmission import REPORTED_POA, Transmission, poa_exempt
from medcode_ml.codes import mce_tables
from medcode_ml.codes.excludes import excludes1_conflicts
from medcode_ml.codes.identifiers import dotted
from medcode_ml.codes.release import NoReleaseError, release_on

LAST_DAY_OF_SEX_EDIT = date(2024, 9, 30)
"""Last discharge date on which the Medicare Code Editor raised sex conflicts for most codes (rule 2)."""
# Admission types and revenue codes of unscheduled outpatient visits (emergency, urgent care, observation).
_UNSCHEDULED_TYPES = ("1", "2", "5")
_UNSCHEDULED_REVENUE = ("045", "0516", "0526", "0762")


def diagnosis_edits(case: Case, transmission: Transmission) -> Iterator[Edit]:
    """Yield our own edits of the diagnoses; nothing here drops or moves a code."""
    day = case.encounter["discharge_date"]
    if day is not None:
        try:
            release_on(day)
        except NoReleaseError as error:
            yield found("no_code_set_for_date", why=str(error))
            day = None
    if transmission.principal is None:
        yield found("no_principal")
    yield from _duplicates(case, transmission, day)
    yield from _misplaced_dots(case)
    if case.inpatient:
        yield from _poa_edits(case, transmission, day)
        if day is not None and day > LAST_DAY_OF_SEX_EDIT:
            yield from _sex_advisories(case, transmission, day)
    elif day is not None:
        yield from _outpatient_edits(case, transmission, day)
    yield from _excludes1(transmission, day)
    if transmission.left_out:
        most = len(transmission.diagnoses)
        yield found("codes_not_transmitted", most=most, codes=", ".join(d.code for d in transmission.left_out))
    if transmission.procedures_left_out:
        yield found("procedures_not_transmitted", codes=", ".join(p.code for p in transmission.procedures_left_out))


def _duplicates(case: Case, transmission: Transmission, day: date | None) -> Iterator[Edit]:
    """Codes that stand twice; an inpatient principal repeated is the Medicare Code Editor's to name."""
    seen, told = set[str](), set[str]()
    editors = transmission.principal.code if case.inpatient and transmission.principal else None
    for diagnosis in case.diagnoses:
        code = diagnosis.code
        if code in seen and code not in told and code != editors:
            told.add(code)
            yield found("duplicate_code", code, what=titles.diagnosis(code, day))
        seen.add(code)


def _misplaced_dots(case: Case) -> Iterator[Edit]:
    """Codes with a dot elsewhere than after the third character; the editor and the claim see them without any dot."""
    for code in dict.fromkeys(d.code for d in case.diagnoses):
        if "." in code and dotted(code) != code:
            why = "The dot stands in the wrong place."
            yield found("invalid_code", code, edited_by="medcode", what=code, why=why)


def _poa_edits(case: Case, transmission: Transmission, day: date | None) -> Iterator[Edit]:
    exempt_hospital = bool(case.encounter["hac_exempt"])
    for code, poa in transmission.diagnoses:
        if poa_exempt(code):
            if poa in REPORTED_POA:
                yield found("poa_not_sent", code, what=titles.diagnosis(code, day))
        elif not poa:
            if not exempt_hospital:
                yield found("poa_missing", code, what=titles.diagnosis(code, day))
        elif poa not in REPORTED_POA:
            yield found("poa_invalid", code, what=titles.diagnosis(code, day))


@lru_cache(maxsize=100_000)
def _sex_before_october_2024(code: str) -> str | None:
    return mce_tables.sex_of(code, LAST_DAY_OF_SEX_EDIT)


def _sex_advisories(case: Case, transmission: Transmission, day: date) -> Iterator[Edit]:
    sex = case.encounter["sex"]
    if sex not in ("M", "F"):
        return
    for code, _ in transmission.diagnoses:
        of_code = _sex_before_october_2024(code)
        # where the editor still ties the code to a sex, its own edit says so
        if of_code not in (None, sex) and mce_tables.sex_of(code, day) is None:
            yield found("sex_conflict_advisory", code, what=titles.diagnosis(code, day))


def _outpatient_edits(case: Case, transmission: Transmission, day: date) -> Iterator[Edit]:
    for code, _ in dict.fromkeys(transmission.diagnoses):
        why = titles.why_not_billable(code, day)
        if why is not None and not ("." in code and dotted(code) != code):
            yield found("invalid_code", code, edited_by="medcode", what=code, why=why)
    first = transmission.principal.code if transmission.principal else None
    if first is not None:
        what = titles.diagnosis(first, day)
        if mce_tables.external_cause(first):
            yield found("external_cause_as_principal", first, edited_by="medcode", what=what)
        elif mce_tables.manifestation(first, day):
            yield found("manifestation_as_principal", first, edited_by="medcode", what=what)
    reason = case.encounter["admitting_code"]
    if reason:
        why = titles.why_not_billable(reason, day)
        if why is not None:
            yield found("invalid_admitting_code", reason, edited_by="medcode", what=reason, why=why)
    elif case.encounter["admission_type"] in _UNSCHEDULED_TYPES and any(
        (line.revenue_code or "").startswith(_UNSCHEDULED_REVENUE) for line in case.lines
    ):
        yield found("reason_for_visit_missing")


def _excludes1(transmission: Transmission, day: date | None) -> Iterator[Edit]:
    codes = list(dict.fromkeys(d.code for d in (*transmission.diagnoses, *transmission.left_out)))
    place = {code: n for n, code in enumerate(codes)}
    for conflict in excludes1_conflicts(codes):
        code, other = sorted((conflict.code, conflict.excluded), key=place.__getitem__)
        yield found("excludes1_pair", code, what=titles.diagnosis(code, day), other=titles.diagnosis(other, day))
