"""Calibration and bands: probabilities that mean what they say, and a promise that is held in simulated draws."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom

from medcode_ml.models.bands import Bands, auto_threshold, drop_threshold, error_correlation, risk_p_values
from medcode_ml.models.calibration import METHODS, CalibrationError, Calibrator, Method, reliability
from medcode_ml.models.pictures import reliability_picture, risk_coverage_picture

Rows = tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]


def _rows(seed: int, groups: int, clump: float) -> Rows:
    """Scores, labels and groups: groups of unlike size whose errors come together (`clump`, on the logit)."""
    rng = np.random.default_rng(seed)
    size = rng.negative_binomial(2, 2 / 14, groups) + 1
    ids = np.repeat(np.arange(groups), size)
    scores = rng.normal(0, 2.2, len(ids))
    logit = 1.6 * (scores - 1.0 + clump * rng.normal(size=groups)[ids])
    return scores, rng.random(len(ids)) < 1 / (1 + np.exp(-logit)), ids


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=30, deadline=None)
@given(scores=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30), seed=st.integers(0, 20))
def test_a_calibrator_rises_and_stays_inside_0_and_1(method: Method, scores: list[float], seed: int) -> None:
    made = Calibrator.fit(*_rows(seed, 40, 0.5), methods=[method])
    p = made.probabilities(np.sort(scores))
    assert ((p > 0) & (p < 1)).all()
    assert (np.diff(p) >= 0).all()
    inside = made.logits(np.linspace(-5, 5, 1000))
    assert (np.diff(inside) > 0).all()


def test_the_chosen_calibrator_mends_wrong_probabilities_and_survives_json() -> None:
    scores, labels, groups = _rows(1, 800, 0.0)
    made = Calibrator.fit(scores, labels, groups)
    again = Calibrator.from_facts(json.loads(json.dumps(made.facts())))
    fresh, truth, ids = _rows(2, 800, 0.0)
    assert np.array_equal(again.probabilities(fresh), made.probabilities(fresh))
    before = reliability(1 / (1 + np.exp(-fresh)), truth, ids).figures
    after = reliability(made.probabilities(fresh), truth, ids).figures
    assert after[0].name == "expected_calibration_error"
    assert after[0].value < 0.02 < before[0].value
    assert after[1].value < before[1].value
    assert all(f.low <= f.value <= f.high for f in after if f.low is not None and f.high is not None)


def test_figures_of_calibration_by_hand() -> None:
    measured = reliability([0.1, 0.1, 0.9, 0.9], [False, True, True, True], ["a", "a", "b", "c"], bins=2, draws=50)
    # bins: said 0.1 found 0.5, said 0.9 found 1.0
    assert measured.said.tolist() == pytest.approx([0.1, 0.9])
    assert measured.found.tolist() == [0.5, 1.0]
    assert measured.figures[0].value == pytest.approx((0.4 + 0.1) / 2)
    assert measured.figures[1].value == pytest.approx((0.01 + 0.81 + 0.01 + 0.01) / 4)


def test_scores_that_know_nothing_are_refused() -> None:
    rng = np.random.default_rng(0)
    labels = rng.random(400) < 0.3
    ids = np.arange(400)
    with pytest.raises(CalibrationError, match="do not rise"):
        Calibrator.fit(rng.normal(size=400) - labels, labels, ids, methods=["platt"])
    with pytest.raises(CalibrationError, match="at least 10"):
        Calibrator.fit(rng.normal(size=400), np.zeros(400), ids)
    with pytest.raises(CalibrationError, match="all codes are of one"):
        Calibrator.fit(rng.normal(size=400), labels, np.zeros(400))
    with pytest.raises(CalibrationError, match="the same"):
        Calibrator.fit(np.ones(400), labels, ids, methods=["platt"])


def test_the_p_value_is_the_exact_binomial_for_groups_of_one() -> None:
    chosen, bad = np.ones((1, 200)), np.zeros((1, 200))
    bad[0, :4] = 1
    assert risk_p_values(chosen, bad, 0.05, 1.0)[0] == pytest.approx(binom.cdf(4, 200, 0.05))
    # ten codes each, wrong together or not at all: a group is one observation
    assert risk_p_values(chosen * 10, bad * 10, 0.05, 1.0)[0] == pytest.approx(binom.cdf(4, 200, 0.05))
    assert risk_p_values(chosen * 10, bad * 10, 0.05, 0.0)[0] == pytest.approx(binom.cdf(40, 2000, 0.05))
    bad[0, :10] = 1
    assert risk_p_values(chosen, bad, 0.05, 0.0)[0] == 1.0


def test_the_correlation_of_errors_is_seen_and_unknown_counts_as_one() -> None:
    rng = np.random.default_rng(3)
    chosen = np.full((1, 2000), 5.0)
    apart = rng.binomial(5, 0.1, (1, 2000)).astype(float)
    together = 5.0 * rng.binomial(1, 0.1, (1, 2000))
    assert error_correlation(chosen, apart) < 0.06
    assert error_correlation(chosen, together) == 1.0
    assert error_correlation(chosen, np.zeros((1, 2000))) == 1.0


@pytest.mark.parametrize("clump", [0.0, 0.7, 1.5])
def test_learn_then_test_keeps_its_promise(clump: float) -> None:
    """In at most 10% of draws may a certified threshold be worse than promised (seen: under 5%)."""
    scores, labels, _ = _rows(10_000, 60_000, clump)
    order = np.argsort(-scores)
    keys, right = -scores[order], labels[order]
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    lost = np.cumsum(right[::-1])[::-1] / right.sum()
    draws, certified, broken, dropped, overdropped = 150, 0, 0, 0, 0
    for seed in range(draws):
        rows = _rows(seed, 400, clump)
        auto, drop = auto_threshold(*rows), drop_threshold(*rows)
        if auto.value is not None:
            certified += 1
            broken += precision[np.searchsorted(keys, -auto.value, side="right") - 1] < 0.95
        if drop.value is not None:
            dropped += 1
            overdropped += lost[np.searchsorted(keys, -drop.value, side="right")] > 0.02
    # the binomial chance of more than 22 of 150 at 10% is 3%
    assert broken <= 22
    assert overdropped <= 22
    # and the promise is not kept by never certifying
    assert certified >= (draws if clump < 1 else draws // 4) * 0.9
    assert dropped >= draws * 0.9


def test_without_enough_data_there_is_no_auto_band() -> None:
    scores, labels, groups = _rows(0, 6, 0.0)
    few = auto_threshold(scores, labels, groups)
    assert few.value is None
    assert "too few data" in few.because
    assert drop_threshold(scores[:50], labels[:50], groups[:50]).value is None
    empty: Any = np.zeros(0)
    assert auto_threshold(empty, empty, empty).value is None
    assert drop_threshold(empty, empty, empty).value is None
    bands = Bands(None, None)
    assert set(bands.of([0.0, 0.5, 1.0])) == {"review"}


def test_a_poor_model_has_no_auto_band_and_a_perfect_one_has() -> None:
    rng = np.random.default_rng(1)
    labels = rng.random(5000) < 0.3
    ids = np.arange(5000) // 5
    assert auto_threshold(rng.random(5000), labels, ids).because.startswith("no threshold")
    perfect = auto_threshold(labels * 0.5 + rng.random(5000) * 0.4, labels, ids)
    assert perfect.value is not None
    assert perfect.chosen >= 1400
    assert perfect.risk is not None
    assert perfect.risk <= 0.05


def test_more_dependence_asked_for_is_more_careful() -> None:
    rows = _rows(7, 1500, 0.7)
    estimated, careful = auto_threshold(*rows), auto_threshold(*rows, dependence="any")
    assert estimated.value is not None
    assert careful.value is None or careful.value > estimated.value


def test_bands_by_hand() -> None:
    bands = Bands(0.9, 0.1)
    assert bands.of([0.95, 0.9, 0.5, 0.1, 0.05]).tolist() == ["auto", "auto", "review", "review", "drop"]
    assert Bands.from_facts(json.loads(json.dumps(bands.facts()))) == bands
    with pytest.raises(ValueError, match="between 0 and 1"):
        auto_threshold([0.5], [True], ["a"], precision=1.0)
    with pytest.raises(ValueError, match="one of each a row"):
        auto_threshold([0.5, float("nan")], [True, False], ["a", "b"])


def test_pictures_are_drawn_and_the_same_rows_draw_the_same_file(tmp_path: Path) -> None:
    scores, labels, groups = _rows(4, 100, 0.3)
    p = 1 / (1 + np.exp(-scores))
    for name in ("one.png", "two.png"):
        risk_coverage_picture(tmp_path / name, p, labels, groups, threshold=0.9, draws=20)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    reliability_picture(tmp_path / "three.png", reliability(p, labels, groups, draws=20))
    assert (tmp_path / "three.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    # no true code at all: a picture still, not a crash
    risk_coverage_picture(tmp_path / "four.png", p, np.zeros(len(p)), groups, draws=5)
