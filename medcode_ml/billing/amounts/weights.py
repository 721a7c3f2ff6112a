"""What the grouper says of an MS-DRG: weight, surgical or not, category; also of numbers retired since."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from medcode_ml.codes.drg_weights import TABLE_YEAR, drg_weight

SUCCESSORS: Final = {"238": "272", "246": "321", "247": "322", "249": "322", "460": "451", "491": "520"}
"""MS-DRGs without a weight any more, and the one that most of their cases group to now (IPPS final rules: FY2015 back
and neck procedures, FY2016 major cardiovascular procedures, FY2024 coronary intervention, FY2025 spinal fusion)."""


class Grouped(NamedTuple):
    """Relative weight, whether it is surgical, and the major diagnostic category."""

    weight: float
    surgical: bool
    category: str


@lru_cache(maxsize=2048)
def grouped(drg: str) -> Grouped | None:
    """The grouper's facts of a DRG of three digits; None where it has no weight."""
    row = drg_weight(SUCCESSORS.get(drg, drg), TABLE_YEAR)
    if row is None or row.weight <= 0:
        return None
    return Grouped(float(row.weight), row.type == "SURG", row.mdc)
