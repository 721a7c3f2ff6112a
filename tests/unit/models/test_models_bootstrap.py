"""Bootstrap intervals: centred on their value, repeatable, drawn by unit."""

from __future__ import annotations

import numpy as np
import pytest

from medcode_ml.models.bootstrap import estimates, interval, ratio, share, weights


def test_intervals_hold_the_value_and_draw_whole_units() -> None:
    generator = np.random.default_rng(1)
    hits = generator.integers(0, 5, 200)
    told = estimates(200, {"share": share(hits, np.full(200, 5))}, resamples=500, seed=3)
    low, high = told["share_95"]  # type: ignore[misc]
    assert low < told["share"] < high  # type: ignore[operator]
    # the standard error of a mean of 200 units
    assert high - low == pytest.approx(2 * 1.96 * hits.std() / 5 / 200**0.5, rel=0.15)
    assert told == estimates(200, {"share": share(hits, np.full(200, 5))}, resamples=500, seed=3)
    assert all(chunk.sum(axis=1).tolist() == [7.0] * len(chunk) for chunk in weights(7, 20, 1))


def test_an_interval_is_centred_on_its_value() -> None:
    # draws of a mean over rare codes all lie above it, since a draw holds fewer of them
    draws = np.linspace(0.30, 0.34, 401)
    low, high = interval(draws, 0.30)
    assert (low, high) == (pytest.approx(0.281, abs=1e-3), pytest.approx(0.319, abs=1e-3))


def test_an_interval_of_shares_stays_within_0_and_1_one_of_differences_need_not() -> None:
    assert interval(np.array([0.98, 1.0, 0.99]), 1.0)[1] == 1.0
    low, high = interval(np.linspace(-0.3, 0.1, 401), -0.1)
    assert (low, high) == (pytest.approx(-0.29, abs=1e-3), pytest.approx(0.09, abs=1e-3))


def test_a_measure_without_a_value_is_none_and_so_is_its_interval() -> None:
    assert estimates(3, {"share": share(np.zeros(3), np.zeros(3))}, resamples=5) == {"share": None, "share_95": None}
    assert estimates(0, {"share": share(np.zeros(0), np.zeros(0))}) == {"share": None}
    assert np.isnan(ratio(np.array([1.0]), np.array([0.0]))).all()
