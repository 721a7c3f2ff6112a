"""The alarm rule: what a day may spend, over any number of tests, windows and days; and what is skipped, said."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from medcode_ml.drift.alarms import raised_by
from medcode_ml.drift.evaluation import Reference, Row, compare, dispersions, windows_of, with_alarms
from medcode_ml.drift.performance import AS_GIVEN
from medcode_ml.drift.reference import newer_releases
from medcode_ml.drift.sketch import Counts, Key, Sketch, Values, merged
from medcode_ml.drift.units import ALL

DAY = date(2026, 11, 2)
METRICS = 4


def day_of(rng: np.random.Generator, n: int, moved: float = 0.0, hospitals: int = 3) -> dict[Key, Sketch]:
    """A day of hospitals with a few figures and a category each; `moved` shifts the figures."""
    values = rng.normal(moved, 1, (n, METRICS))
    kinds = rng.choice(list("abc"), n, p=[0.5, 0.3, 0.2])
    at = rng.integers(0, hospitals, n)
    found: dict[Key, Sketch] = {}
    for name, own in [(ALL, np.ones(n, bool)), *((f"H{h}", at == h) for h in range(hospitals))]:
        for m in range(METRICS):
            found[name, ALL, f"m{m}"] = Values.of(values[own, m])
        found[name, ALL, "kind"] = Counts.of(kinds[own])
    return found


def reference_of(days: list[dict[Key, Sketch]]) -> Reference:
    return Reference("r", "coding", "v", DAY, DAY, (), None, AS_GIVEN, (), merged(days), dispersions(days))


def test_quiet_days_raise_next_to_no_alarm_and_a_naive_rule_does_every_day() -> None:
    """200 quiet days in two networks, three overlapping windows each day: the rule may raise 0.2 alarms, 2 at worst."""
    alarms = naive = 0
    for seed in range(2):
        rng = np.random.default_rng(seed)
        reference = reference_of([day_of(rng, 60) for _ in range(14)])
        days = {DAY + timedelta(days=n): day_of(rng, 60) for n in range(100)}
        for day in days:
            near = {d: s for d, s in days.items() if 0 <= (day - d).days < 7}
            rows = [r for n, window in windows_of(near, day) for r in compare(window, reference, n, 20)]
            alarms += any(r.alarm for r in with_alarms(rows, 0.001))
            naive += any(r.p_value is not None and r.p_value < 0.05 for r in rows)
    assert alarms <= 2
    assert naive > 100


def test_a_shift_of_one_standard_deviation_is_an_alarm_within_three_days() -> None:
    rng = np.random.default_rng(9)
    reference = reference_of([day_of(rng, 60) for _ in range(14)])
    days = {DAY + timedelta(days=n): day_of(rng, 60, moved=0.8) for n in range(3)}
    rows = [r for n, window in windows_of(days, max(days)) for r in compare(window, reference, n, 20)]
    alarms = {r.metric for r in with_alarms(rows, 0.001) if r.alarm}
    assert alarms >= {f"m{m}" for m in range(METRICS)}
    assert "kind" not in alarms


def test_the_level_of_a_day_is_shared_by_its_tests() -> None:
    row = Row(ALL, ALL, "m", 1, 50, 500, test="ks", statistic=0.3, effect=0.3, p_value=1e-4, least_effect=0.1)
    alone, *_ = with_alarms([row], 0.001)
    assert alone.p_adjusted == pytest.approx(2e-4), "half of the level is the network's"
    assert alone.alarm
    among = with_alarms([row] * 20, 0.001)
    assert among[0].p_adjusted == pytest.approx(4e-3)
    assert not among[0].alarm
    hospital = Row("H1", ALL, "m", 1, 50, 500, test="ks", statistic=0.3, effect=0.3, p_value=1e-4, least_effect=0.1)
    assert with_alarms([hospital, *[row] * 20], 0.001)[0].p_adjusted == pytest.approx(4e-4), "each level pays its own"


def test_a_certain_but_tiny_shift_is_no_alarm() -> None:
    """10,000 encounters a day find a difference in anything."""
    row = Row(ALL, ALL, "m", 1, 10_000, 50_000, test="ks", statistic=0.05, effect=0.05, p_value=1e-15, least_effect=0.1)
    assert not with_alarms([row], 0.001)[0].alarm


def test_days_that_differ_by_nature_make_tests_milder() -> None:
    """Weekends: each day has a mean of its own, and none is drift. A rule blind to it speaks on many of them."""
    rng = np.random.default_rng(2)
    alarms = blind = 0
    for _ in range(3):
        reference = reference_of([day_of(rng, 80, moved=rng.normal(0, 0.5)) for _ in range(14)])
        assert reference.dispersion[ALL, ALL, "m0"] > 2
        unaware = replace(reference, dispersion={})
        for _ in range(40):
            day = day_of(rng, 80, moved=rng.normal(0, 0.5))
            alarms += any(r.alarm for r in with_alarms(compare(day, reference, 1, 20), 0.001))
            blind += any(r.alarm for r in with_alarms(compare(day, unaware, 1, 20), 0.001))
    assert alarms <= 12
    assert blind > 3 * max(alarms, 10)
    calm = dispersions([day_of(rng, 80) for _ in range(14)])
    assert 1 <= calm[ALL, ALL, "m0"] < 2


def test_a_reference_of_few_days_takes_over_how_days_differ_from_the_one_before() -> None:
    """A retrained model has days of the new world only: taken for alike they would make its first weekend an alarm."""
    rng = np.random.default_rng(2)
    uneven = dispersions([day_of(rng, 80, moved=rng.normal(0, 0.5)) for _ in range(14)])
    few, many = ([day_of(rng, 80) for _ in range(n)] for n in (4, 14))
    assert dispersions(few)[ALL, ALL, "m0"] == 1
    assert dispersions(few, uneven)[ALL, ALL, "m0"] == uneven[ALL, ALL, "m0"] > 2
    assert dispersions(many, uneven)[ALL, ALL, "m0"] < 2, "two weeks of its own tell it"


def test_small_groups_and_what_the_reference_does_not_hold_are_skipped_and_said() -> None:
    rng = np.random.default_rng(3)
    reference = reference_of([day_of(rng, 60) for _ in range(14)])
    small = compare(day_of(rng, 9), reference, 1, 20)
    assert all(r.p_value is None for r in small)
    assert all("fewer than 20" in r.notes["skipped"] for r in small if r.notes)
    opened = {("NEW", ALL, "m0"): Values.of(rng.normal(size=50))}
    (row,) = compare(opened, reference, 1, 20)
    assert (row.metric, row.n) == ("encounters", 50)
    assert row.notes is not None
    assert row.notes["metrics"] == ["m0"]
    assert compare({}, reference, 1, 20) == []


def test_a_window_is_left_out_where_it_would_be_the_one_before() -> None:
    rng = np.random.default_rng(4)
    one = day_of(rng, 20)
    assert [n for n, _ in windows_of({DAY: one}, DAY)] == [1]
    assert [n for n, _ in windows_of({DAY: one, DAY - timedelta(days=5): one}, DAY)] == [1, 7]
    assert [n for n, _ in windows_of({DAY - timedelta(days=n): one for n in range(9)}, DAY)] == [1, 3, 7]


def test_an_alarm_is_raised_once_and_one_about_all_covers_every_hospital() -> None:
    network, hospital = (Row(h, ALL, "m", 1, 50, 500, alarm=True) for h in (ALL, "H1"))
    quiet = Row("H2", ALL, "m", 1, 50, 500)
    assert raised_by([hospital, quiet], frozenset()) == {"H1": [hospital]}
    assert raised_by([network, hospital], frozenset()) == {ALL: [network, hospital]}
    assert raised_by([network, hospital], frozenset({ALL})) == {}
    assert raised_by([hospital], frozenset({"H1"})) == {}
    assert raised_by([network], frozenset({"H1"})) == {ALL: [network]}
    assert raised_by([quiet], frozenset()) == {}


def test_a_release_newer_than_any_known_is_a_trigger_and_a_late_chart_of_an_old_one_is_none() -> None:
    assert newer_releases(["FY2026-04"], ["FY2026-04", "FY2027-10"]) == ["FY2027-10"]
    assert newer_releases(["FY2026-04", "FY2027-10"], ["FY2025-10", "FY2027-10"]) == []
    assert newer_releases(["FY2026-04"], ["no release for the discharge date"]) == []
