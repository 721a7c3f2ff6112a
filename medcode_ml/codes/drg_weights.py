"""Relative weights and lengths of stay of the MS-DRGs: Table 5 of the IPPS final rule."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from medcode_ml.codes.reference import reference_table

TABLE_YEAR: Final = 2026
"""Fiscal year of the only Table 5 among the reference packages."""


@dataclass(frozen=True, slots=True)
class DrgWeight:
    """One row of Table 5.

    `weight` is the relative weight after the 10% cap on decreases; 0 for DRG 998 and 999, which are never paid and
    have none. `gmlos` and `amlos` are the geometric and arithmetic mean length of stay in days. `type` is SURG, MED or
    "**", `mdc` "PRE" or two digits, empty where the DRG belongs to no category. `exact_year` is False where `source`
    is a table of another fiscal year than the one asked for.
    """

    drg: str
    weight: Decimal
    gmlos: Decimal | None
    amlos: Decimal | None
    post_acute: bool
    special_pay: bool
    mdc: str
    type: str
    title: str
    source: str
    exact_year: bool


def _decimal(cell: str | None) -> Decimal | None:
    return None if cell is None else Decimal(cell)


@lru_cache(maxsize=8)
def _rows(fiscal_year: int) -> dict[str, DrgWeight]:
    exact = fiscal_year == TABLE_YEAR
    source = f"IPPS FY{TABLE_YEAR} Table 5" + ("" if exact else f", no table for FY{fiscal_year}")
    return {
        row.drg: DrgWeight(
            drg=row.drg,
            weight=_decimal(row.weight) or Decimal(0),
            gmlos=_decimal(row.gmlos),
            amlos=_decimal(row.amlos),
            post_acute=bool(row.post_acute),
            special_pay=bool(row.special_pay),
            mdc=row.mdc,
            type=row.type,
            title=row.title,
            source=source,
            exact_year=exact,
        )
        for row in reference_table("drg_weight").itertuples(index=False)
    }


def drg_weight(drg: str, fiscal_year: int) -> DrgWeight | None:
    """Return the Table 5 row of a three-digit MS-DRG, or None for a DRG that the table does not have.

    Only the table of fiscal year 2026 is carried: for another year its row is returned, and `exact_year` and `source`
    say so.
    """
    return _rows(fiscal_year).get(drg)
