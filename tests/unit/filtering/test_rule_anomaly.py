"""A rule that suddenly fires ten times as often stops the day; chance, new rules and small days do not."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcode_ml.filtering.anomaly import chance_of, judge_days, unusual, with_units

TODAY = date(2026, 10, 20)


def _history(before: list[tuple[int, int]], today: tuple[int, int], rule: str = "one") -> pd.DataFrame:
    days = [TODAY - timedelta(days=len(before) - n) for n in range(len(before))]
    rows = [(d, rule, *counts) for d, counts in zip([*days, TODAY], [*before, today], strict=True)]
    return pd.DataFrame(rows, columns=["received_date", "rule", "checked", "fired"])


def _stops(before: list[tuple[int, int]], today: tuple[int, int]) -> bool:
    return bool(unusual(_history(before, today), TODAY)["stops"].iloc[0])


@pytest.mark.parametrize(
    ("before", "today", "stops"),
    [
        ([(300, 3)] * 10, (300, 60), True),  # 1% -> 20%
        ([(300, 3)] * 10, (300, 27), False),  # nine times as often
        ([(300, 3)] * 10, (300, 0), False),
        ([(30, 0)] * 10, (30, 2), False),  # 0 -> 2 of 30 is chance
        ([(30, 0)] * 10, (30, 15), True),
        ([(50, 0)] * 28, (50, 50), True),
        ([(300, 30)] * 10, (300, 300), False),  # ten times is not reached: 10% cannot
        ([(300, 0)] * 3, (300, 300), False),  # three days are no habit
        ([(10, 0)] * 6, (10, 10), False),  # 60 records are none either
        ([(100_000, 10)] * 20, (100_000, 150), True),
        ([(100_000, 10)] * 20, (4, 4), False),  # a day of four records
        ([], (300, 300), False),
    ],
)
def test_ten_times_as_often_and_more_than_chance(
    before: list[tuple[int, int]], today: tuple[int, int], stops: bool
) -> None:
    assert _stops(before, today) is stops


def test_a_usual_month_of_many_rules_stops_nothing() -> None:
    rng = np.random.default_rng(7)
    rules = [f"rule_{n}" for n in range(100)]
    share = rng.choice([0.0005, 0.005, 0.02, 0.1], 100)
    rows = []
    for n in range(60):
        checked = int(rng.integers(30, 400))
        daily = rng.beta(2.0, 2.0 / share - 2.0)  # shares that differ from day to day by more than chance
        rows += [
            (TODAY - timedelta(days=60 - n), r, checked, int(k))
            for r, k in zip(rules, rng.binomial(checked, daily), strict=True)
        ]
    history = pd.DataFrame(rows, columns=["received_date", "rule", "checked", "fired"])
    assert judge_days(history, TODAY - timedelta(days=60), TODAY).passed


def test_lines_of_one_encounter_count_as_one() -> None:
    days = [TODAY - timedelta(days=20 - n) for n in range(21)]
    rows = [(d, "encounter_rule", "encounter", 50, 0) for d in days]
    rows += [(d, "line_rule", "observation", 5000, 1) for d in days[:-1]]
    one_stay = with_units(pd.DataFrame([*rows, (TODAY, "line_rule", "observation", 5000, 100)], columns=_COLUMNS))
    every_stay = with_units(pd.DataFrame([*rows, (TODAY, "line_rule", "observation", 5000, 4000)], columns=_COLUMNS))
    assert unusual(one_stay, TODAY).set_index("rule").at["line_rule", "factor"] > 10
    assert judge_days(one_stay, TODAY, TODAY).passed
    assert not judge_days(every_stay, TODAY, TODAY).passed


_COLUMNS = ["received_date", "rule", "record_kind", "checked", "fired"]


def test_rules_that_follow_from_another_record_are_not_judged() -> None:
    rows = [(TODAY, "encounter_set_aside_charge", "charge", 5, 5), (TODAY, "one", "charge", 5, 5)]
    assert with_units(pd.DataFrame(rows, columns=_COLUMNS))["rule"].tolist() == ["one"]


def test_a_stopped_day_is_not_usual_afterwards_unless_a_person_accepted_it() -> None:
    history = _history([(300, 3)] * 10 + [(300, 200)], (300, 200))
    first = TODAY - timedelta(days=1)
    stopped = judge_days(history, TODAY, TODAY)
    assert not stopped.passed
    assert stopped.table["received_date"].tolist() == [TODAY]
    accepted = judge_days(history, first, TODAY, [(first.isoformat(), "one")])
    assert accepted.passed  # the day before is usual now, so today is no jump
    assert accepted.table[["received_date", "accepted"]].values.tolist() == [[first, True]]


@given(st.integers(1, 60), st.integers(1, 60))
def test_the_tail_of_a_flat_prior_is_known(number: int, failed: int) -> None:
    # the share drawn from Beta(1, 1): every number of failures from 0 to n is equally likely
    wanted = max(0.0, (number - failed + 1) / (number + 1))
    assert chance_of(failed, number, 1.0, 1.0) == pytest.approx(wanted, abs=1e-9)


def test_the_tail_agrees_with_drawing() -> None:
    rng = np.random.default_rng(3)
    drawn = rng.binomial(200, rng.beta(0.5, 40.0, 400_000))
    for failed in (1, 5, 20):
        assert chance_of(failed, 200, 0.5, 40.0) == pytest.approx((drawn >= failed).mean(), abs=0.004)
