"""Estimated performance: exact on calibrated scores, its interval holds, and what the coder never listed or no longer
finds is counted."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medcode_ml.drift.by_stay import STAY, Foretold, fit_foretold, stays_of, with_odds_for
from medcode_ml.drift.correction import proved_rows
from medcode_ml.drift.figures import BY_STAY, MICRO_F1, PRECISION, RECALL, dropped, figure
from medcode_ml.drift.performance import AS_GIVEN, Calibration, calibrated, estimated_rows, realised_rows
from medcode_ml.drift.sketch import Floats, Moments

CODES = 12


ONE = np.array(["I10"] * 200_000, dtype=object)


def network(rng: np.random.Generator, encounters: int, unlisted: float = 0.0) -> tuple[np.ndarray, ...]:
    """Calibrated scores of listed codes, what is right of them, and labels by encounter with some nobody listed."""
    at = np.repeat(np.arange(encounters), CODES)
    p = rng.beta(0.6, 0.9, encounters * CODES)
    right = rng.random(len(p)) < p
    labels = np.bincount(at, right, minlength=encounters) + rng.poisson(unlisted, encounters)
    return at, p, right, labels.astype(float)


def stays(size: int) -> pd.DataFrame:
    return pd.DataFrame({name: ["one"] * size for name in STAY})


def test_estimated_figures_are_those_realised_where_scores_are_calibrated() -> None:
    at, p, right, labels = network(np.random.default_rng(1), 6000)
    accepted = p >= 0.5
    estimated = Moments.of(estimated_rows(at, p, accepted, stays(6000), AS_GIVEN))
    realised = Moments.of(realised_rows(at, right, accepted, labels))
    for one in (MICRO_F1, PRECISION, RECALL):
        assert figure(estimated, one)[0] == pytest.approx(figure(realised, one)[0], abs=0.006), one.name


def test_the_interval_of_the_estimate_holds_the_realised_figure() -> None:
    held = 0
    for seed in range(200):
        at, p, right, labels = network(np.random.default_rng(seed), 80)
        value, error = figure(Moments.of(estimated_rows(at, p, p >= 0.5, stays(80), AS_GIVEN)), PRECISION)
        real, _ = figure(Moments.of(realised_rows(at, right, p >= 0.5, labels)), PRECISION)
        held += abs(value - real) <= 1.96 * error
    assert held >= 185


def test_codes_never_listed_are_carried_over_from_the_reference() -> None:
    rng = np.random.default_rng(3)
    _, p, right, labels = network(rng, 4000, unlisted=2.0)
    calibration = calibrated(ONE[: len(p)], p, p >= 0.5, right, labels.sum())
    again, q, hits, all_labels = network(rng, 4000, unlisted=2.0)
    taken = q >= 0.5
    found = calibration.probability(ONE[: len(q)], q, taken)
    rows = estimated_rows(again, found, taken, stays(4000), calibration)
    real = figure(Moments.of(realised_rows(again, hits, taken, all_labels)), MICRO_F1)[0]
    assert figure(Moments.of(rows), MICRO_F1)[0] == pytest.approx(real, abs=0.01)
    unseen = figure(Moments.of(estimated_rows(again, q, taken, stays(4000), AS_GIVEN)), MICRO_F1)[0]
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
    assert np.isnan(figure(nothing, MICRO_F1)[0])
    empty = Moments.of(np.zeros((5, 4)))
    assert np.isnan(figure(empty, RECALL)[0])
    assert dropped(empty, empty).p_value == 1.0


def world(seed: int, encounters: int, known: float) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray, Floats]:
    """Inpatients have 8 conditions, outpatients 3; the coder knows the words of a share and adds 2 wrong codes to each.

    Returns stays, encounter of each listed code, whether it is right, its score, and labels of each encounter.
    """
    rng = np.random.default_rng(seed)
    inside = rng.random(encounters) < 0.5
    labels = rng.poisson(np.where(inside, 8.0, 3.0)).astype(float)
    found = rng.binomial(labels.astype(int), known)
    wrong = rng.poisson(2.0, encounters)
    at = np.concatenate([np.repeat(np.arange(encounters), found), np.repeat(np.arange(encounters), wrong)])
    right = np.arange(len(at)) < found.sum()
    frame = stays(encounters).assign(
        encounter_id=[str(n) for n in range(encounters)], setting=np.where(inside, "inpatient", "outpatient")
    )
    documents = pd.DataFrame({"encounter_id": frame["encounter_id"], "document_type": "progress_note"})
    score = np.where(right, rng.beta(3, 1.5, len(at)), rng.beta(1.5, 2, len(at)))
    return stays_of(frame, documents), at, right, score, labels


def learned(seed: int = 1) -> Calibration:
    held, at, right, score, labels = world(seed, 800, 0.8)
    every = np.ones(len(at), bool)
    fitted = calibrated(ONE[: len(at)], score, every, right, labels.sum())
    p = fitted.probability(ONE[: len(at)], score, every)
    from_scores = fitted.labels_per_expected * np.bincount(at, p, minlength=800)
    foretold = fit_foretold(held, labels, np.bincount(at, ~right, minlength=800).astype(float), from_scores)
    return replace(fitted, foretold=foretold)


def gap(calibration: Calibration, seed: int, known: float) -> tuple[float, float]:
    """Estimated less realised micro-F1 of a day of 300 encounters, and how far the stays are believed."""
    held, at, right, score, labels = world(seed, 300, known)
    every = np.ones(len(at), bool)
    p = calibration.probability(ONE[: len(at)], score, every)
    estimated = Moments.of(estimated_rows(at, p, every, held, calibration))
    realised = Moments.of(realised_rows(at, right, every, labels))
    return figure(estimated, MICRO_F1)[0] - figure(realised, MICRO_F1)[0], float(estimated.sums[BY_STAY]) / 300


def test_words_that_the_coder_does_not_know_are_seen_in_what_the_stays_foretell() -> None:
    """Scores alone promise the recall of the reference, and too many right codes among those accepted."""
    calibration = learned()
    for seed in range(10, 16):
        found, share = gap(calibration, seed, known=0.4)
        assert share == 1.0
        assert abs(found) <= 0.03, seed
        assert gap(replace(calibration, foretold=None), seed, known=0.4)[0] > 0.1


@pytest.mark.parametrize(("known", "columns"), [(0.8, [2, 3]), (0.4, [4, 5])])
def test_what_labels_are_held_against_is_what_was_estimated(known: float, columns: list[int]) -> None:
    """A correction made from other sums than the estimate's would add an error of its own."""
    calibration = learned()
    held, at, right, score, labels = world(31, 300, known)
    every = np.ones(len(at), bool)
    p = calibration.probability(ONE[: len(at)], score, every)
    estimated = estimated_rows(at, p, every, held, calibration)
    assert estimated[:, BY_STAY].mean() == (1.0 if known == 0.4 else 0.0)
    proved = proved_rows(at, right, p, every, labels, held, calibration)
    assert proved[:, columns].sum(0) == pytest.approx(estimated[:, [0, 2]].sum(0), rel=1e-6)
    assert proved[:, :2].sum(0).tolist() == [right.sum(), labels.sum()]


def test_quiet_days_are_estimated_by_scores() -> None:
    shares = [gap(learned(), seed, known=0.8)[1] for seed in range(20, 50)]
    assert np.mean(np.array(shares) > 0) <= 0.1


def test_a_day_of_inpatients_alone_is_estimated_right() -> None:
    """One ratio of labels to right codes is that of the mix: stays tell the labels of inpatients."""
    held, at, right, score, labels = world(60, 2000, 0.8)
    chosen = (held["setting"] == "inpatient").to_numpy()
    kept = chosen[at]
    number, every = (np.cumsum(chosen) - 1)[at[kept]], np.ones(int(kept.sum()), bool)
    calibration = learned()
    p = calibration.probability(ONE[: len(every)], score[kept], every)
    own = held[chosen].reset_index(drop=True)
    estimated = figure(Moments.of(estimated_rows(number, p, every, own, calibration)), MICRO_F1)[0]
    realised = figure(Moments.of(realised_rows(number, right[kept], every, labels[chosen])), MICRO_F1)[0]
    assert estimated == pytest.approx(realised, abs=0.03)


def test_what_stays_foretell_adds_up_to_the_reference_and_is_frozen_as_plain_values() -> None:
    held, at, right, _, labels = world(2, 500, 0.8)
    wrong = np.bincount(at, ~right, minlength=500).astype(float)
    found = fit_foretold(held, labels, wrong, labels)
    assert found is not None
    assert found.labels.of(held).sum() == pytest.approx(labels.sum(), rel=1e-4)
    assert found.wrong.of(held).sum() == pytest.approx(wrong.sum(), rel=1e-4)
    assert Foretold.from_json(json.loads(json.dumps(found.to_json()))) == found
    unknown = held.iloc[:1].assign(setting="hospice", service=None)
    assert np.isfinite(found.labels.of(unknown)).all()
    assert fit_foretold(held.iloc[:99], labels[:99], wrong[:99], labels[:99]) is None
    assert found.share(np.full(19, 5.0)) == 0.0, "a day of few encounters is not judged"


def test_odds_are_lowered_by_one_factor_to_the_number_of_wrong_codes() -> None:
    p = np.array([0.9, 0.6, 0.5])
    found = with_odds_for(p, 1.5)
    assert (1 - found).sum() == pytest.approx(1.5, abs=1e-6)
    odds = found / (1 - found) / (p / (1 - p))
    assert odds == pytest.approx([odds[0]] * 3)
    assert with_odds_for(p, 9.0).sum() == pytest.approx(0.003, abs=1e-6), "no more wrong codes than there are"
    assert with_odds_for(p[:0], 2.0).tolist() == []
