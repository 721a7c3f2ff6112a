"""Rule 1: code set, editor and grouper go by discharge date."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest

from medcode_ml.codes.release import FIRST_DAY, LAST_DAY, NoReleaseError, release_on, releases


@pytest.mark.parametrize(
    ("day", "name", "year", "grouper"),
    [
        (date(2015, 10, 1), "FY2016-10", 2016, None),
        (date(2022, 9, 30), "FY2022-04", 2022, None),
        (date(2022, 10, 1), "FY2023-10", 2023, 400),
        (date(2023, 4, 1), "FY2023-04", 2023, 401),
        (date(2023, 10, 1), "FY2024-10", 2024, 410),
        (date(2024, 9, 30), "FY2024-04", 2024, 411),
        (date(2025, 3, 31), "FY2025-10", 2025, 420),
        (date(2025, 9, 30), "FY2025-04", 2025, 421),
        (date(2025, 10, 1), "FY2026-10", 2026, 430),
        (date(2026, 9, 30), "FY2026-04", 2026, 431),
        (date(2026, 11, 15), "FY2027-10", 2027, 440),
    ],
)
def test_rule_01_release_and_grouper_by_discharge_date(day: date, name: str, year: int, grouper: int | None) -> None:
    release = release_on(day)
    assert (release.name, release.fiscal_year, release.grouper_version) == (name, year, grouper)


def test_rule_01_releases_follow_each_other_without_gap_or_overlap() -> None:
    every = releases()
    assert every[0].start == FIRST_DAY
    assert every[-1].end == LAST_DAY
    assert all(b.start == a.end + timedelta(days=1) for a, b in pairwise(every))
    assert len({r.name for r in every}) == len(every)


@pytest.mark.parametrize("day", [date(2015, 9, 30), date(2027, 4, 1)])
def test_rule_01_a_day_without_release_is_refused_with_the_known_span(day: date) -> None:
    with pytest.raises(NoReleaseError, match="2015-10-01 to 2027-03-31"):
        release_on(day)


def test_rule_01_a_moment_counts_as_its_day() -> None:
    assert release_on(datetime(2026, 9, 30, 23, 59)).name == "FY2026-04"


def test_emergency_update_of_january_2021_is_a_release_of_its_own() -> None:
    assert release_on(date(2020, 12, 31)) != release_on(date(2021, 1, 1))
