"""Figures of performance as ratios of sums over encounters: their value, error, and whether they became worse.

Each kind of model has its own: micro-F1 of codes, the share of principals that are right, errors of amounts. They are
estimated without labels and realised with them by the same sums, and tested by the same rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from medcode_ml.drift.sketch import Moments
from medcode_ml.drift.two_sample import Tested

RIGHT, ACCEPTED, LABELS, NOISE, BY_STAY = range(5)
"""Columns of rows of codes: accepted codes that are right, accepted codes, labels, variance of `right` given p; of
estimated ones also how far their numbers are told by the stay and not by scores, 0 to 1."""
LABELS_USED, FACTOR_RIGHT, FACTOR_LABELS = range(5, 8)
"""Columns of corrected rows after those: labelled encounters they were corrected by, and what by."""
ERROR, AMOUNT, RELATIVE, INSIDE, CLAIMS, ERROR_NOISE, RELATIVE_NOISE = range(7)
"""Columns of rows of amounts: |price - amount|, the amount, their ratio, amount inside the interval, 1, variances."""


@dataclass(frozen=True)
class Figure:
    """A ratio of sums.

    Attributes:
        name: as it ends the name of a metric.
        above: column above the line, and its factor. below: weights of columns below it.
        noise: column of the variance of what is above, given the model; None where there is none.
        worse: 1 where a higher value is worse, -1 where a lower one is.
        least: a smaller change for the worse is no alarm; None where the figure is not tested.
        most: the largest value it can have.
    """

    name: str
    above: tuple[int, float]
    below: Mapping[int, float]
    noise: int | None
    worse: int = -1
    least: float | None = None
    most: float = 1.0


MICRO_F1: Final = Figure("micro_f1", (RIGHT, 2.0), {ACCEPTED: 1.0, LABELS: 1.0}, NOISE, least=0.01)
PRECISION: Final = Figure("precision", (RIGHT, 1.0), {ACCEPTED: 1.0}, NOISE)
RECALL: Final = Figure("recall", (RIGHT, 1.0), {LABELS: 1.0}, NOISE)
TOP1: Final = Figure("top1", (RIGHT, 1.0), {ACCEPTED: 1.0}, NOISE, least=0.01)
WAPE: Final = Figure("wape", (ERROR, 1.0), {AMOUNT: 1.0}, ERROR_NOISE, worse=1, least=0.02, most=np.inf)
MAPE: Final = Figure("mape", (RELATIVE, 1.0), {CLAIMS: 1.0}, RELATIVE_NOISE, worse=1, most=np.inf)
COVERAGE: Final = Figure("coverage", (INSIDE, 1.0), {CLAIMS: 1.0}, None, least=0.02)

ESTIMATED, REALISED = "estimated", "realised"
CORRECTED, PROVED = "corrected", "proved"
#: sums kept to correct what is estimated, see `correction`: no metrics
KEPT: Final = frozenset({CORRECTED, PROVED})
ESTIMATED_PRINCIPAL, REALISED_PRINCIPAL = "estimated_principal", "realised_principal"
#: sums -> figures told of them; the first is tested, and any other that has a least change
PERFORMANCE: Final[Mapping[str, tuple[Figure, ...]]] = {
    ESTIMATED: (MICRO_F1, PRECISION, RECALL),
    REALISED: (MICRO_F1, PRECISION, RECALL),
    ESTIMATED_PRINCIPAL: (TOP1,),
    REALISED_PRINCIPAL: (TOP1,),
    **{f"{ESTIMATED}_{target}": (WAPE, MAPE) for target in ("charges", "payments")},
    **{f"{REALISED}_{target}": (WAPE, MAPE, COVERAGE) for target in ("charges", "payments")},
}


def tested_figures(metric: str) -> tuple[Figure, ...]:
    """Those figures of the sums `metric` that are tested."""
    return tuple(one for one in PERFORMANCE[metric] if one.least is not None)


def figure(moments: Moments, of: Figure) -> tuple[float, float]:
    """Value and standard error (by linearisation over encounters, chance given the model included) of one figure.

    NaN where there is nothing to divide by.
    """
    weights = np.zeros(len(moments.sums))
    for column, weight in of.below.items():
        weights[column] = weight
    whole = float(moments.sums @ weights)
    if moments.n < 2 or whole <= 0 or moments.products is None:
        return float("nan"), float("nan")
    column, factor = of.above
    value = factor * float(moments.sums[column]) / whole
    slope = -value * weights
    slope[column] += factor
    spread = float(slope @ moments.products @ slope) * moments.n / (moments.n - 1)
    noise = 0.0 if of.noise is None else float(moments.sums[of.noise])
    return value, float(np.sqrt(max(spread, 0.0) + factor**2 * noise)) / whole


def dropped(window: Moments, reference: Moments, of: Figure = MICRO_F1, dispersion: float = 1.0) -> Tested:
    """Has the figure become worse? One-sided, Student's t over encounters; the effect is the change for the worse.

    Errors of amounts have a long tail to the right, which makes the t-test of a rise hold its level or less.
    """
    from scipy.stats import t

    (now, error), (before, error_before) = figure(window, of), figure(reference, of)
    together = float(np.hypot(error, error_before))
    if not np.isfinite(together) or together <= 0:
        return Tested(float("nan"), 1.0, 0.0, 0.0)
    effect = of.worse * (now - before)
    z = effect / together
    scaled = z / np.sqrt(dispersion)
    return Tested(scaled, float(t.sf(scaled, max(window.n - 1, 1))), effect, z * z)
