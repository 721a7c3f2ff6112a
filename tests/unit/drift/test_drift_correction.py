"""Estimates corrected by labels of earlier days: what they win back, what they may not use, and that no test moves."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from medcode_ml.drift.correction import DAYS, FEWEST, with_corrected
from medcode_ml.drift.evaluation import Reference, compare, windows_of, with_alarms
from medcode_ml.drift.figures import (
    CORRECTED,
    ESTIMATED,
    FACTOR_LABELS,
    FACTOR_RIGHT,
    LABELS_USED,
    MICRO_F1,
    PROVED,
    REALISED,
    figure,
)
from medcode_ml.drift.performance import AS_GIVEN
from medcode_ml.drift.sketch import Key, Moments, Sketch, merged
from medcode_ml.drift.units import ALL

DAY = date(2026, 11, 2)
ACCEPTED = 8.0


def day_of(
    seed: int, n: int = 50, right: float = 0.8, promised: float = 0.8, share: float = 0.0, by_stay: float | None = None
) -> dict[Key, Sketch]:
    """A day whose accepted codes are right to a share of `right`; scores promise `promised`, stays `by_stay`."""
    rng = np.random.default_rng(seed)
    labels = rng.poisson(9.0, n) + 1.0
    hits = rng.binomial(int(ACCEPTED), right, n).astype(float)
    full, by_stay = np.ones(n), promised if by_stay is None else by_stay
    told = (1 - share) * promised + share * by_stay
    # the variance of right codes, and of labels as far as they move F1
    noise = ACCEPTED * 0.16 + 9 * 0.8**2 / 4
    estimated = np.column_stack([ACCEPTED * told * full, ACCEPTED * full, 10.0 * full, noise * full, share * full])
    proved = np.column_stack(
        [hits, labels, ACCEPTED * promised * full, 10 * full, ACCEPTED * by_stay * full, 10 * full]
    )
    realised = np.column_stack([hits, ACCEPTED * full, labels, 0 * full])
    rows = {ESTIMATED: estimated, PROVED: proved, REALISED: realised}
    half = np.arange(n) % 2 == 0
    return {
        (hospital, ALL, name): Moments.of(own[kept])
        for name, own in rows.items()
        for hospital, kept in ((ALL, np.ones(n, bool)), ("H1", half), ("H2", ~half))
    }


def told(days: dict[date, dict[Key, Sketch]], day: date, hospital: str = ALL) -> Moments:
    found = with_corrected(day, days[day], days)[hospital, ALL, CORRECTED]
    assert isinstance(found, Moments)
    return found


def factor(moments: Moments, column: int) -> float:
    return float(moments.sums[column]) / moments.n


def days_before(count: int, **how: float) -> dict[date, dict[Key, Sketch]]:
    """`count` days and DAY itself."""
    return {DAY - timedelta(days=n): day_of(n, **how) for n in range(count + 1)}  # type: ignore[arg-type]


def test_what_scores_promise_too_much_is_taken_back_once_labels_have_come() -> None:
    days = days_before(5, right=0.65, promised=0.85)
    realised = days[DAY][ALL, ALL, REALISED]
    assert isinstance(realised, Moments)
    real, shown = figure(realised, MICRO_F1)[0], figure(told(days, DAY), MICRO_F1)[0]
    uncorrected = days[DAY][ALL, ALL, ESTIMATED]
    assert isinstance(uncorrected, Moments)
    assert figure(uncorrected, MICRO_F1)[0] > real + 0.1
    assert shown == pytest.approx(real, abs=0.03)


def test_no_label_of_the_day_itself_of_later_days_or_of_days_too_old_is_used() -> None:
    wrong = day_of(1, right=0.3)
    others = [DAY, DAY + timedelta(days=1), DAY - timedelta(days=DAYS + 1)]
    found = told(dict.fromkeys(others, wrong), DAY)
    assert factor(found, LABELS_USED) == 0
    assert factor(found, FACTOR_RIGHT) == factor(found, FACTOR_LABELS) == 1.0


def test_a_few_labels_correct_nothing() -> None:
    days = {DAY: day_of(0), DAY - timedelta(days=1): day_of(1, n=FEWEST - 1, right=0.3)}
    assert factor(told(days, DAY), FACTOR_RIGHT) == 1.0
    days[DAY - timedelta(days=1)] = day_of(1, n=FEWEST, right=0.3)
    assert factor(told(days, DAY), FACTOR_RIGHT) < 0.6


def test_what_stays_told_is_not_corrected_twice() -> None:
    """Labels of days told by scores correct a day told by stays by what stays would have told of them."""
    days = days_before(5, right=0.6, promised=0.8, by_stay=0.6)
    days[DAY] = day_of(0, right=0.6, promised=0.8, share=1.0, by_stay=0.6)
    assert factor(told(days, DAY), FACTOR_RIGHT) == pytest.approx(1.0, abs=0.04)
    days[DAY] = day_of(0, right=0.6, promised=0.8)
    assert factor(told(days, DAY), FACTOR_RIGHT) == pytest.approx(0.75, abs=0.04)


def test_labels_of_a_changed_world_soon_outweigh_those_before_it() -> None:
    days = {DAY - timedelta(days=n): day_of(n, right=0.6 if n <= 2 else 0.8) for n in range(8)}
    assert factor(told(days, DAY), FACTOR_RIGHT) < 0.85


def test_a_hospital_with_few_labels_is_corrected_as_the_network_is() -> None:
    days = days_before(5, right=0.6)
    for n, one in enumerate(days.values()):
        own = one["H2", ALL, PROVED]
        assert isinstance(own, Moments)
        one["H2", ALL, PROVED] = Moments.of(np.ones((int(n == 1), 6)))
    assert factor(told(days, DAY, "H2"), FACTOR_RIGHT) == factor(told(days, DAY), FACTOR_RIGHT) < 0.8


def test_quiet_days_stay_as_they_were_and_the_interval_holds_the_realised_figure() -> None:
    factors, held = [], 0
    for seed in range(60):
        days = {DAY - timedelta(days=n): day_of(100 * seed + n) for n in range(8)}
        found, real = told(days, DAY), days[DAY][ALL, ALL, REALISED]
        assert isinstance(real, Moments)
        value, error = figure(found, MICRO_F1)
        held += abs(value - figure(real, MICRO_F1)[0]) <= 1.96 * error
        factors.append(factor(found, FACTOR_RIGHT))
    assert np.mean(factors) == pytest.approx(1.0, abs=0.01)
    assert np.std(factors) < 0.03
    assert held >= 54


def test_no_more_codes_are_right_than_are_accepted() -> None:
    days = days_before(5, right=1.0, promised=0.5)
    days[DAY] = day_of(0, right=1.0, promised=0.9)
    assert told(days, DAY).sums[0] <= 50 * ACCEPTED + 1e-9


def test_the_shown_figure_is_corrected_and_the_test_of_a_drop_is_not() -> None:
    """Labels come to some days and not to others: a drop that they made would be an alarm that nothing made."""
    reference = Reference(
        "r", "coding", "v", DAY, DAY, (), None, AS_GIVEN, (), merged([day_of(n) for n in range(200, 214)]), {}
    )
    days = days_before(5, right=0.4)
    plain = {r.metric: r for r in with_alarms(compare(days[DAY], reference, 1, 20), 0.001) if r.hospital_id == ALL}
    corrected = with_corrected(DAY, days[DAY], days)
    rows = {r.metric: r for r in with_alarms(compare(corrected, reference, 1, 20), 0.001) if r.hospital_id == ALL}
    assert set(rows) == set(plain), "what is kept for the correction is no metric"
    one, was = rows["estimated_micro_f1"], plain["estimated_micro_f1"]
    assert (one.statistic, one.p_adjusted, one.effect, one.alarm) == (was.statistic, was.p_adjusted, was.effect, False)
    assert one.value is not None
    assert was.value is not None
    assert one.value < was.value - 0.2
    assert one.notes is not None
    assert one.notes["corrected_by"] == 250
    assert one.notes["uncorrected"] == pytest.approx(was.value, abs=1e-4)
    assert one.notes["factor_right"] == pytest.approx(0.5, abs=0.1)
    # a window with a day that an older release kept is shown as it was estimated
    mixed = {DAY - timedelta(days=1): days[DAY - timedelta(days=1)], DAY: corrected}
    (_, whole) = list(windows_of(mixed, DAY))[-1]
    (row,) = [r for r in compare(whole, reference, 3, 20) if r.metric == "estimated_micro_f1" and r.hospital_id == ALL]
    assert row.notes is None
