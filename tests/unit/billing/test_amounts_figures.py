"""Figures, intervals, prices and known amounts against values worked by hand or by brute force."""

from __future__ import annotations

import numpy as np
import pytest

from medcode_ml.billing.amounts.figures import measured
from medcode_ml.billing.amounts.intervals import COVERAGE, calibrated
from medcode_ml.billing.amounts.known import KnownAmounts
from medcode_ml.billing.amounts.levels import effects_and_levels
from medcode_ml.billing.amounts.points import SHORT, fitted_point

NAN = float("nan")


def test_figures_are_those_worked_by_hand() -> None:
    amounts, prices = np.array([100.0, 200.0, 400.0]), np.array([110.0, 150.0, 400.0])
    ends = np.array([90.0, 100.0, 410.0]), np.array([120.0, 180.0, 450.0])
    found = measured(amounts, prices, ends, ["a", "a", "b"], resamples=0)
    assert found["mape"] == pytest.approx((0.10 + 0.25 + 0.0) / 3, abs=1e-4)
    assert found["median_ape"] == pytest.approx(0.10)
    assert found["bias"] == pytest.approx(660 / 700, abs=1e-4)
    assert found["coverage"] == pytest.approx(1 / 3, abs=1e-4)
    assert found["relative_width"] == pytest.approx((0.30 + 0.40 + 0.10) / 3, abs=1e-4)
    assert found["mape_by_hospital"] == pytest.approx((0.175 + 0.0) / 2, abs=1e-4)


def test_intervals_hold_the_share_that_is_wanted_whatever_the_quantiles_said() -> None:
    draw = np.random.default_rng(1)
    spread = draw.uniform(0.1, 0.5, 20_000)
    y = spread * draw.normal(size=20_000)
    too_narrow = np.outer(spread, [-0.3, 0.0, 0.6])
    ends = calibrated(y[:10_000], np.zeros(10_000), too_narrow[:10_000])
    low, high = ends.around(np.zeros(10_000), too_narrow[10_000:])
    assert np.mean((y[10_000:] >= low) & (y[10_000:] <= high)) == pytest.approx(COVERAGE, abs=0.01)


def test_prices_add_up_to_the_amounts_but_for_the_share_that_may_be_short() -> None:
    draw = np.random.default_rng(2)
    medians = draw.normal(9.0, 0.8, 5_000)
    y = medians + draw.normal(0.0, 0.3, 5_000)
    prices = fitted_point(y, medians).of(medians)
    assert np.exp(prices).sum() / np.exp(y).sum() == pytest.approx(1.0 - SHORT, abs=1e-9)
    fair = medians + np.log(np.exp(y).sum() * (1.0 - SHORT) / np.exp(medians).sum())
    assert np.abs(np.exp(prices - y) - 1).mean() <= np.abs(np.exp(fair - y) - 1).mean()


def test_effects_and_levels_are_told_apart() -> None:
    drg, provider = np.tile([0, 1, 2], 40), np.repeat(np.arange(40), 3)
    true_effect, true_level = np.array([9.0, 9.5, 10.0]), np.linspace(-1, 1, 40)
    y = true_effect[drg] + true_level[provider]
    effect, level = effects_and_levels(y, drg, provider, true_effect, 40)
    assert effect == pytest.approx(true_effect, abs=1e-6)
    assert level == pytest.approx(true_level, abs=1e-6)


def test_what_known_amounts_tell_is_the_conditional_mean_without_the_case_itself() -> None:
    draw = np.random.default_rng(3)
    root = draw.normal(size=(8, 8))
    known = KnownAmounts(root @ root.T / 8.0, np.full(8, 0.3))
    drg, provider = np.array([0, 1, 2, 0, 1]), np.array([0, 0, 0, 1, 1])
    left = {"charges": np.array([0.4, -0.2, NAN, 0.1, NAN]), "payments": np.array([0.1, NAN, 0.3, 0.2, NAN])}
    told = known.told(left, drg, provider)
    column = {"charges": drg, "payments": drg + 4}
    for target in left:
        for case in range(5):
            others = [
                (column[t][i], left[t][i])
                for t in left
                for i in range(5)
                if provider[i] == provider[case] and i != case and not np.isnan(left[t][i])
            ]
            at, own = [place for place, _ in others], column[target][case]
            whole = known.shared[own, own] + known.own[own]
            if at:
                weights = known.shared[own, at] @ np.linalg.inv(known.shared[np.ix_(at, at)] + np.diag(known.own[at]))
                mean, rest = weights @ [value for _, value in others], whole - weights @ known.shared[at, own]
            else:
                mean, rest = 0.0, whole
            assert told[target][0][case] == pytest.approx(mean, abs=1e-9)
            assert told[target][1][case] == pytest.approx(np.sqrt(np.clip(rest / whole, 0.05, 1.0)), abs=1e-9)


def test_a_mean_of_few_claims_tells_less_than_one_of_many() -> None:
    known = KnownAmounts(np.full((4, 4), 0.05), np.full(4, 0.01))
    drg, provider = np.array([0, 0]), np.array([0, 0])
    left = {"charges": np.array([0.4, np.nan]), "payments": np.array([np.nan, np.nan])}
    found = [known.told(left, drg, provider, np.array([noise, 0.0]))["charges"] for noise in (0.0, 0.1, 1.0)]
    # by hand: 0.05 / (0.05 + 0.01 + noise) of what is left at the one known
    assert [shift[1] for shift, _ in found] == pytest.approx([0.4 * 0.05 / (0.06 + n) for n in (0.0, 0.1, 1.0)])
    remains = [rest[1] for _, rest in found]
    assert remains == sorted(remains)
    assert remains[0] < remains[-1] < 1.0
