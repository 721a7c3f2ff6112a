"""Two-sample tests on sketches: uniform under the null, strong under a shift, right by hand, calm on odd input."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from medcode_ml.drift.sketch import Counts, Moments, Values, merged, sketch_from_json
from medcode_ml.drift.two_sample import g_test, ks, mmd, psi

RNG = np.random.default_rng(7)


def fourier(states: np.ndarray) -> np.ndarray:
    waves = np.random.default_rng(1).standard_normal((states.shape[1], 24))
    return np.hstack([np.cos(states @ waves), np.sin(states @ waves)]) / np.sqrt(24)


def null_p(test: str, n: int, m: int, draws: int) -> np.ndarray:
    found = []
    for _ in range(draws):
        if test == "ks":
            found.append(ks(Values.of(RNG.normal(size=n)), Values.of(RNG.normal(size=m))).p_value)
        elif test == "g":
            window, reference = (
                Counts.of(RNG.choice(list("abcde"), size, p=[0.4, 0.3, 0.15, 0.1, 0.05])) for size in (n, m)
            )
            found.append(g_test(window, reference).p_value)
        else:
            window, reference = (Moments.of(fourier(RNG.normal(size=(size, 4)))) for size in (n, m))
            found.append(mmd(window, reference).p_value)
    return np.array(found)


@pytest.mark.parametrize(("test", "n"), [("ks", 40), ("g", 120), ("mmd", 60)])
def test_p_values_are_uniform_or_larger_where_nothing_shifted(test: str, n: int) -> None:
    p = null_p(test, n, 400, 600)
    for level in (0.01, 0.05, 0.2, 0.5):
        assert (p <= level).mean() <= level + 3.3 * math.sqrt(level * (1 - level) / len(p)), level
    assert (p <= 0.5).mean() > 0.3, "so conservative that nothing would be found"


@pytest.mark.parametrize("test", ["ks", "g", "mmd"])
def test_a_known_shift_is_found_by_sixty_encounters(test: str) -> None:
    if test == "ks":
        p = ks(Values.of(RNG.normal(1.0, 1, 60)), Values.of(RNG.normal(size=800))).p_value
    elif test == "g":
        p = g_test(Counts({"a": 10, "b": 50}), Counts({"a": 500, "b": 300})).p_value
    else:
        p = mmd(
            Moments.of(fourier(RNG.normal(0.9, 1, (60, 4)))), Moments.of(fourier(RNG.normal(size=(800, 4))))
        ).p_value
    assert p < 1e-5


def test_ks_on_small_sketches_is_scipys_distance() -> None:
    x, y = np.round(RNG.normal(size=70), 3), np.round(RNG.normal(0.3, 1, 90), 3)
    assert ks(Values.of(x), Values.of(y)).effect == pytest.approx(stats.ks_2samp(x, y).statistic)


def test_a_sketch_of_many_values_moves_the_distance_by_less_than_a_five_hundredth() -> None:
    x, y = RNG.normal(size=9000), RNG.normal(0.1, 1, 9000)
    assert ks(Values.of(x), Values.of(y)).effect == pytest.approx(stats.ks_2samp(x, y).statistic, abs=0.002)
    assert Values.of(x).n == 9000


def test_g_is_scipys_with_williams_correction_near_one() -> None:
    window, reference = Counts({"a": 30, "b": 60, "c": 40}), Counts({"a": 300, "b": 450, "c": 250})
    theirs = stats.chi2_contingency([[30, 60, 40], [300, 450, 250]], correction=False, lambda_="log-likelihood")
    assert g_test(window, reference).p_value == pytest.approx(theirs.pvalue, rel=0.05)


def test_psi_by_hand_and_its_bias_taken_off() -> None:
    window, reference = Counts({"a": 300, "b": 700}), Counts({"a": 500, "b": 500})
    p, q = (300.5 / 1001, 700.5 / 1001), (0.5, 0.5)
    by_hand = sum((a - b) * math.log(a / b) for a, b in zip(p, q, strict=True)) - (1 / 1001 + 1 / 1001)
    assert psi(window, reference) == pytest.approx(by_hand)
    same = [psi(*(Counts.of(RNG.choice(list("abcd"), 80)) for _ in range(2))) for _ in range(300)]
    assert abs(float(np.mean(same))) < 0.02, "the PSI of small equal samples is 0 on average"


def test_rare_categories_are_taken_together() -> None:
    """A category expected less than five times would make the tail of G far too light."""
    reference = Counts({"a": 900, **{f"rare {n}": 1 for n in range(40)}})
    window = Counts({"a": 95, "rare 1": 2, "rare 7": 1, "never seen": 2})
    assert g_test(window, reference).p_value > 0.05
    assert g_test(Counts({"a": 60, "never seen": 40}), reference).p_value < 1e-6


def test_dispersion_makes_every_test_milder() -> None:
    x, y = Values.of(RNG.normal(0.4, 1, 100)), Values.of(RNG.normal(size=900))
    assert ks(x, y, 2.0).p_value > ks(x, y).p_value
    a, b = Counts({"a": 40, "b": 60}), Counts({"a": 500, "b": 500})
    assert g_test(a, b, 2.0).p_value > g_test(a, b).p_value


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=40),
    st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=40),
)
def test_any_figures_give_a_probability_or_nothing(window: list[float], reference: list[float]) -> None:
    """Empty days, one encounter, constant columns, NaN and infinities."""
    tested = ks(Values.of(window), Values.of(reference))
    assert 0 <= tested.p_value <= 1
    assert math.isnan(tested.statistic) == (not np.isfinite(window).any() or not np.isfinite(reference).any())
    if window == reference:
        assert tested.p_value == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from("abcd"), max_size=30), st.lists(st.sampled_from("abcd"), max_size=30))
def test_any_categories_give_a_probability(window: list[str], reference: list[str]) -> None:
    assert 0 <= g_test(Counts.of(window), Counts.of(reference)).p_value <= 1
    assert psi(Counts.of(window), Counts.of(window)) <= 0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.floats(-1e6, 1e6), max_size=30), min_size=1, max_size=5))
def test_days_add_up_to_their_window_and_come_back_from_json(days: list[list[float]]) -> None:
    together = Values.of([v for day in days for v in day])
    sums = Values.merged(Values.of(day) for day in days)
    assert sums.values.tolist() == together.values.tolist()
    assert sums.weights.tolist() == together.weights.tolist()
    again = sketch_from_json(sums.to_json())
    assert isinstance(again, Values)
    assert again.values.tolist() == sums.values.tolist()
    rows = np.array([[v, 1.0] for day in days for v in day]).reshape(-1, 2)
    parts = merged([{("h", "all", "m"): Moments.of(rows[:3])}, {("h", "all", "m"): Moments.of(rows[3:])}])
    assert parts["h", "all", "m"].n == len(rows)


def test_missing_categories_are_one_of_their_own() -> None:
    assert Counts.of(["a", None, float("nan")]).counts == {"a": 1, "missing": 2}
