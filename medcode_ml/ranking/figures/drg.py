"""MS-DRG of an order of codes, for figures alone: no order is ever made from it (rule 43).

The first 25 codes are grouped as a claim would carry them. ICD-9-CM procedures are mapped where their map was loaded,
and left out and counted where not. What billing sends is billing's own; here only orders of the same codes compare.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from medcode_ml.codes.drg_weights import TABLE_YEAR, drg_weight
from medcode_ml.codes.release import NoReleaseError, release_on
from medcode_ml.ranking.figures.orders import bare
from medcode_ml.ranking.labelled.icd9 import is_icd9, readings
from medcode_ml.ranking.labelled.stay import LabelledStay

Floats = npt.NDArray[np.float64]

OLDEST_GROUPER: Final = 400
"""V40.0, the oldest the installed grouper has: it groups stays of earlier years, and those without a date."""
TRANSMITTED: Final = 25
_SEX: Final = {"M": 0, "F": 1}
_UNKNOWN_SEX: Final = 2
_HOME: Final = 1
_OLDEST: Final = 124
_UNGROUPABLE: Final = ("998", "999")
# DRG 837 names its other way in before the severity, its family 838-839 does not
_SEVERITY: Final = re.compile(
    r"(?: OR WITH HIGH DOSE CHEMOTHERAPY AGENT)?\s*\b(?:WITH|WITHOUT|AND) (?:CC/MCC|MCC|CC)\b(?: OR .*)?$"
)


@dataclass(frozen=True, slots=True)
class _Claim:
    """What is grouped of a stay beside its diagnoses."""

    version: int
    fiscal_year: int
    age: int | None
    sex: int
    discharge_status: int
    procedures: tuple[str, ...]


class StayGrouper:
    """Groups any orders of the same stays; opens the grouper only while it works."""

    def __init__(self, stays: Sequence[LabelledStay]) -> None:
        self._old = self._mapped = self._left_out = 0
        self._claims = [self._claim(stay) for stay in stays]
        versions = Counter(claim.version for claim in self._claims)
        another = sum(claim.fiscal_year != TABLE_YEAR for claim in self._claims)
        self.facts: dict[str, Any] = {
            "grouper_versions": {f"V{v // 10}.{v % 10}": count for v, count in sorted(versions.items())},
            "stays_without_a_version_of_their_own": self._old,
            "icd9_procedures_mapped": self._mapped,
            "icd9_procedures_left_out": self._left_out,
            "weights": f"IPPS FY{TABLE_YEAR} Table 5",
            "stays_of_another_fiscal_year_than_the_weights": another,
        }
        """What was grouped by what, for the report."""

    def drgs(self, orders: Sequence[Sequence[str]]) -> list[str | None]:
        """MS-DRG of each stay's codes in the order given, three digits; None where there is none (998, 999, no code).

        Raises:
            ValueError: as many orders as stays are wanted.
        """
        import msdrg

        with msdrg.MsdrgGrouper() as grouper:
            return [
                _drg(grouper, claim, order) if order else None
                for claim, order in zip(self._claims, orders, strict=True)
            ]

    def weights(self, drgs: Sequence[str | None]) -> Floats:
        """Relative weight of each stay's DRG; NaN where there is no DRG, or none in the table. Shape (stays,)."""
        found = [
            None if drg is None else drg_weight(drg, claim.fiscal_year)
            for claim, drg in zip(self._claims, drgs, strict=True)
        ]
        return np.array([np.nan if row is None else float(row.weight) for row in found], dtype=np.float64)

    def _claim(self, stay: LabelledStay) -> _Claim:
        day = stay.discharge_date
        version, year = None, TABLE_YEAR
        if day is not None:
            try:
                release = release_on(day)
                version, year = release.grouper_version, release.fiscal_year
            except NoReleaseError:
                year = day.year + (day.month >= 10)
        self._old += version is None
        record = stay.record
        age = _whole(record.get("age"))
        return _Claim(
            version or OLDEST_GROUPER,
            year,
            None if age is None else min(max(age, 0), _OLDEST),
            _SEX.get(str(record.get("sex")), _UNKNOWN_SEX),
            _whole(record.get("discharge_status")) or _HOME,
            tuple(self._procedures(record.get("procedures") or ())),
        )

    def _procedures(self, given: Sequence[Any]) -> list[str]:
        found: list[str] = []
        for one in given:
            code = bare(str(one.get("code") or ""))
            if one.get("system") == "ICD-10-PCS":
                found.append(code)
            elif is_icd9(one.get("system")):
                own = readings(code, "procedure")
                self._mapped += bool(own)
                self._left_out += not own
                found += own[0] if own else ()
        return found


def family(drg: str) -> str:
    """The base of an MS-DRG: what its title says without the severity; of DRGs the table no longer has, themselves."""
    return _families().get(drg, drg)


@lru_cache(maxsize=1)
def _families() -> dict[str, str]:
    rows = ((f"{n:03d}", drg_weight(f"{n:03d}", TABLE_YEAR)) for n in range(1000))
    return {drg: _SEVERITY.sub("", row.title) for drg, row in rows if row is not None}


def agreement(drgs: Sequence[str | None], wanted: Sequence[str | None], *, of_family: bool = False) -> Floats:
    """1 where a DRG (or its family) is the wanted one, else 0; NaN where none is wanted. Shape (stays,)."""

    def same(drg: str | None, want: str) -> float:
        return float(drg is not None and (drg == want or (of_family and family(drg) == family(want))))

    pairs = zip(drgs, wanted, strict=True)
    return np.array([np.nan if want is None else same(drg, want) for drg, want in pairs], dtype=np.float64)


def _drg(grouper: Any, claim: _Claim, order: Sequence[str]) -> str | None:
    codes = list(dict.fromkeys(bare(code) for code in order))[:TRANSMITTED]
    sent: dict[str, Any] = {
        "version": claim.version,
        "sex": claim.sex,
        "discharge_status": claim.discharge_status,
        "pdx": {"code": codes[0]},
        "sdx": [{"code": code} for code in codes[1:]],
        "procedures": [{"code": code} for code in claim.procedures],
    }
    if claim.age is not None:
        sent["age"] = claim.age
    number = grouper.group(sent).get("final_drg")
    drg = None if number is None else f"{int(number):03d}"
    return None if drg in _UNGROUPABLE else drg


def _whole(value: object) -> int | None:
    try:
        return int(float(str(value)))
    except ValueError:
        return None
