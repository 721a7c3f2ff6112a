"""Estimated performance: exact on calibrated scores, its interval holds, and what the coder never listed is counted."""

from __future__ import annotations

import numpy as np
import pytest

from medcode_ml.drift.performance import (
    AS_GIVEN,
    Calibration,
    calibrated,
    dropped,
    estimated_rows,
    figure,
    realised_rows,
)
from medcode_ml.drift.sketch import Moments

CODES = 12


ONE = np.array(["I10"] * 200_000, dtype=object)


def network(rng: np.random.Generator, encounters: int, unlisted: float = 0.0) -> tuple[np.ndarray, ...]:
    """Calibrated scores of listed codes, what is right of them, and labels by encounter with some nobody listed."""
    at = np.repeat(np.arange(encounters), CODES)
    p = rng.beta(0.6, 0.9, encounters * CODES)
    right = rng.random(len(p)) < p
    labels = np.bincount(at, right, minlength=encounters) + rng.poisson(unlisted, encounters)
    return at, p, right, labels.astype(float)


def test_estimated_figures_are_those_realised_where_scores_are_calibrated() -> None:
    at, p, right, labels = network(np.random.default_rng(1), 6000)
    accepted = p >= 0.5
    estimated = Moments.of(estimated_rows(at, p, accepted, 6000, 1.0))
    realised = Moments.of(realised_rows(at, right, accepted, labels))
    for name in ("micro_f1", "precision", "recall"):
        assert figure(estimated, name)[0] == pytest.approx(figure(realised, name)[0], abs=0.006), name


def test_the_interval_of_the_estimate_holds_the_realised_figure() -> None:
    held = 0
    for seed in range(200):
        at, p, right, labels = network(np.random.default_rng(seed), 80)
        value, error = figure(Moments.of(estimated_rows(at, p, p >= 0.5, 80, 1.0)), "precision")
        real, _ = figure(Moments.of(realised_rows(at, right, p >= 0.5, labels)), "precision")
        held += abs(value - real) <= 1.96 * error
    assert held >= 185


def test_codes_never_listed_are_carried_over_from_the_reference() -> None:
    rng = np.random.default_rng(3)
    _, p, right, labels = network(rng, 4000, unlisted=2.0)
    calibration = calibrated(ONE[: len(p)], p, p >= 0.5, right, labels.sum())
    again, q, hits, all_labels = network(rng, 4000, unlisted=2.0)
    taken = q >= 0.5
    found = calibration.probability(ONE[: len(q)], q, taken)
    rows = estimated_rows(again, found, taken, 4000, calibration.labels_per_expected)
    real = figure(Moments.of(realised_rows(again, hits, taken, all_labels)), "micro_f1")[0]
    assert figure(Moments.of(rows), "micro_f1")[0] == pytest.approx(real, abs=0.01)
    unseen = figure(Moments.of(estimated_rows(again, q, taken, 4000, 1.0)), "micro_f1")[0]
    assert unseen > real + 0.05


def test_scores_that_are_no_probabilities_are_calibrated_apart_for_accepted_codes() -> None:
    rng = np.random.default_rng(4)
    score = rng.random(20_000)
    accepted = rng.random(20_000) < 0.5
    right = rng.random(20_000) < np.where(accepted, score**2, 0.1 * score)
    found = calibrated(ONE[:20_000], score, accepted, right, float(right.sum()))
    two = ONE[:1]
    assert found.probability(two, [0.8], [True])[0] == pytest.approx(0.64, abs=0.05)
    assert found.probability(two, [0.8], [False])[0] == pytest.approx(0.08, abs=0.03)
    assert found.labels_per_expected == pytest.approx(1.0, abs=1e-3)
    assert Calibration.from_json(found.to_json()) == found


def test_a_disease_that_the_coder_knows_well_keeps_its_precision_when_it_comes_more_often() -> None:
    """One curve over all codes would give the wave the precision of the whole mix."""
    rng = np.random.default_rng(6)
    code = rng.choice(np.array(["J10.1", "E11.9"], dtype=object), 20_000, p=[0.1, 0.9])
    right = rng.random(20_000) < np.where(code == "J10.1", 0.95, 0.7)
    every = np.ones(20_000, bool)
    score = np.full(20_000, 0.8)
    found = calibrated(code, score, every, right, float(right.sum()))
    known = found.probability(np.array(["J10.1", "E11.9"], dtype=object), [0.8, 0.8], [True, True])
    assert known == pytest.approx([0.95, 0.7], abs=0.02)


def test_with_few_labels_scores_are_taken_as_they_are() -> None:
    found = calibrated(ONE[:2], [0.2, 0.9], [False, True], [0, 1], 2)
    assert found.factors == {}
    assert found.probability(ONE[:2], [0.3, 1.4], [True, False]).tolist() == [0.3, 1.0]
    assert AS_GIVEN.probability(ONE[:1], [0.5], [True]).tolist() == [0.5]


def test_a_fall_is_seen_and_a_rise_is_none() -> None:
    rng = np.random.default_rng(5)

    def at_precision(share: float, encounters: int) -> Moments:
        at = np.repeat(np.arange(encounters), 6)
        right = rng.random(len(at)) < share
        return Moments.of(realised_rows(at, right, np.ones(len(at), bool), np.full(encounters, 6.0)))

    reference = at_precision(0.8, 800)
    assert dropped(at_precision(0.6, 150), reference).p_value < 1e-6
    assert dropped(at_precision(0.95, 150), reference).p_value > 0.99
    null = np.array([dropped(at_precision(0.8, 60), reference).p_value for _ in range(400)])
    assert (null <= 0.05).mean() < 0.09


def test_no_encounter_or_no_code_gives_no_figure() -> None:
    nothing = Moments(0, np.zeros(4), np.zeros((4, 4)))
    assert np.isnan(figure(nothing, "micro_f1")[0])
    empty = Moments.of(np.zeros((5, 4)))
    assert np.isnan(figure(empty, "recall")[0])
    assert dropped(empty, empty).p_value == 1.0
