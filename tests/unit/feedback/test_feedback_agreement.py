"""Agreement of coders: kappa against scikit-learn, shares against the plain interval and under weights."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score

from medcode_ml.feedback.agreement import AuditFrames, agreement, kappa, weighted_share

SAID = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=60)


@given(SAID)
def test_kappa_is_cohens(pairs: list[tuple[bool, bool]]) -> None:
    one, other = (np.array(side) for side in zip(*pairs, strict=True))
    ours = float(kappa([(one & other).sum(), (one & ~other).sum(), (~one & other).sum(), (~one & ~other).sum()]))
    if len({*one.tolist(), *other.tolist()}) == 1:
        assert np.isnan(ours), "both said the same of everything: kappa has nothing to say"
    else:
        assert ours == pytest.approx(cohen_kappa_score(one, other), abs=1e-9)


def test_without_weights_and_one_code_an_encounter_the_interval_is_clopper_and_pearsons() -> None:
    parts = np.array([1.0] * 3 + [0.0] * 97)
    value, low, high = weighted_share(parts, np.ones(100), np.full(100, 7.0))
    exact = binomtest(3, 100).proportion_ci(method="exact")
    assert value == pytest.approx(0.03)
    assert (low, high) == (pytest.approx(exact.low, abs=2e-3), pytest.approx(exact.high, abs=2e-3))


def test_no_error_found_is_not_no_error() -> None:
    """Thirty encounters without an error leave room for one code in ten; the rule of three, not zero."""
    value, low, high = weighted_share(np.zeros(30), np.full(30, 4.0), np.full(30, 12.0))
    assert (value, low) == (0.0, 0.0)
    assert 0.08 < high < 0.13


def test_uneven_weights_and_codes_that_go_wrong_together_widen_the_interval() -> None:
    generator = np.random.default_rng(3)
    wholes = np.full(60, 5.0)
    apart = generator.binomial(5, 0.2, 60).astype(float)
    together = np.where(generator.random(60) < 0.2, 5.0, 0.0)
    uneven = np.where(generator.random(60) < 0.5, 1.0, 20.0)

    def width(parts: np.ndarray, weight: np.ndarray) -> float:
        _, low, high = weighted_share(parts, wholes, weight)
        return high - low

    even = np.ones(60)
    assert width(together, even) > 1.5 * width(apart, even)
    assert width(apart, uneven) > width(apart, even)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    generator = np.random.default_rng(11)
    covered = 0
    for _ in range(400):
        weight = generator.choice([2.0, 9.0], 80)
        rate = np.clip(generator.beta(1, 9, 80), 0, 1)  # encounters differ, the mean is one in ten
        wholes = generator.integers(1, 8, 80).astype(float)
        _, low, high = weighted_share(generator.binomial(wholes.astype(int), rate).astype(float), wholes, weight)
        covered += low <= 0.1 <= high
    assert covered / 400 >= 0.93


def test_nothing_audited_gives_no_figure() -> None:
    nothing = AuditFrames(
        pd.DataFrame(columns=["encounter_id", "hospital_id", "version", "weight"], dtype=object),
        pd.DataFrame(columns=["encounter_id", "code", "band", "proposed_place", "place"], dtype=object),
        pd.DataFrame(columns=["encounter_id", "code", "place"], dtype=object),
    )
    assert agreement(nothing).empty
