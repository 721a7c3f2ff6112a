"""Releases of the code sets, editor and grouper, chosen by discharge date (rule 1), never by today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Final

FIRST_DAY: Final = date(2015, 10, 1)
"""First day of ICD-10-CM and ICD-10-PCS in the United States."""
LAST_DAY: Final = date(2027, 3, 31)
"""Last day of the last release the reference data knows."""
UNKNOWN_RELEASE: Final = f"no code set is known for it; ICD-10 releases run from {FIRST_DAY} to {LAST_DAY}"
"""What is told of a day of a record: `NoReleaseError` names the day, which belongs to a patient."""
# Emergency updates outside the 1 October and 1 April cycle: new technology and COVID-19 procedures in August 2020,
# COVID-19 diagnoses and vaccines in January 2021.
_EMERGENCY_STARTS: Final = (date(2020, 8, 1), date(2021, 1, 1))
# The installed grouper begins with V40 (fiscal year 2023).
_FIRST_GROUPED_YEAR: Final = 2023


class NoReleaseError(ValueError):
    """No code set release is known for a day."""


@dataclass(frozen=True, slots=True)
class Release:
    """One release: in force from `start` to `end`, both days included.

    `name` is the fiscal year and the month it begins, such as "FY2027-10". `grouper_version` is the MS-DRG version as
    the grouper writes it (440 = V44.0), None before fiscal year 2023.
    """

    name: str
    start: date
    end: date
    fiscal_year: int
    grouper_version: int | None


def _grouper_version(fiscal_year: int, start: date) -> int | None:
    if fiscal_year < _FIRST_GROUPED_YEAR:
        return None
    # V40 is fiscal year 2023; the April release of a year is its ".1"
    return (fiscal_year - 1983) * 10 + (1 if start.month == 4 else 0)


@cache
def releases() -> tuple[Release, ...]:
    """Every known release, oldest first, without gaps."""
    starts = [date(year, month, 1) for year in range(FIRST_DAY.year, LAST_DAY.year + 1) for month in (4, 10)]
    starts = sorted(s for s in (*starts, *_EMERGENCY_STARTS) if FIRST_DAY <= s <= LAST_DAY)
    ends = [s - timedelta(days=1) for s in starts[1:]] + [LAST_DAY]
    found = []
    for start, end in zip(starts, ends, strict=True):
        year = start.year + (1 if start.month >= 10 else 0)
        found.append(Release(f"FY{year}-{start.month:02d}", start, end, year, _grouper_version(year, start)))
    return tuple(found)


@cache
def release_on(day: date) -> Release:
    """Return the release in force on `day`, the discharge date.

    Raises:
        NoReleaseError: `day` lies before 2015-10-01 or after 2027-03-31.
    """
    # a datetime is a date too, but compares with none; cut it down first
    day = date(day.year, day.month, day.day)
    for release in releases():
        if release.start <= day <= release.end:
            return release
    raise NoReleaseError(
        f"no code set release is known for {day.isoformat()}: ICD-10 releases run from {FIRST_DAY.isoformat()} to "
        f"{LAST_DAY.isoformat()}. Check the discharge date, or install reference packages that know the release."
    )
