"""How well the probability of the principal is meant: calibration, and the error left when the doubtful are reviewed.

Coverage is the share of stays decided without a person, those of the highest probability first; risk the share of
wrong principals among them (Geifman and El-Yaniv 2017). Among equal probabilities the wrong come first: no credit for
luck.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from medcode_ml.models.bootstrap import RESAMPLES, SEED, Floats, Measure, estimates
from medcode_ml.models.calibration import reliability

COVERAGES: Final = (0.5, 0.8)
BINS: Final = 10
NAMES: Final = {
    "expected_calibration_error": "calibration error of the principal",
    "brier": "Brier score of the principal",
    "aurc": "area under risk and coverage",
    **{f"risk_at_{round(100 * cover)}": f"risk at {cover:.0%} coverage" for cover in COVERAGES},
}


def certainty_figures(
    probabilities: Sequence[float] | Floats,
    right: Sequence[bool] | npt.NDArray[np.bool_],
    patients: Sequence[str],
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, Any]:
    """Return the figures of `NAMES` with 95% intervals by patient under `<name>_95`, and `encounters`.

    Args:
        probabilities: said of each stay's principal, 0 to 1. Shape (stays,).
        right: whether it was the true one. Shape (stays,).
        patients: whose stay it is.
        resamples: bootstrap draws; 0 leaves the intervals out.
        seed: of the draws.

    Raises:
        CalibrationError: there is no stay.
    """
    said, true = np.asarray(probabilities, dtype=np.float64), np.asarray(right, dtype=np.bool_)
    measured = reliability(said, true, list(patients), bins=BINS, draws=max(resamples, 1), seed=seed)
    figures: dict[str, Any] = {"encounters": len(said)}
    for figure in measured.figures:
        figures[figure.name] = round(figure.value, 4)
        if resamples and figure.low is not None and figure.high is not None:
            figures[f"{figure.name}_95"] = [round(figure.low, 4), round(figure.high, 4)]
    order = np.lexsort((true, -said))
    names, person = np.unique(np.array(patients, dtype=np.str_), return_inverse=True)
    wrong, who = (~true[order]).astype(np.float64), person[order]
    measures: dict[str, Measure] = {"aurc": _area(wrong, who)}
    measures |= {f"risk_at_{round(100 * cover)}": _risk(wrong, who, cover) for cover in COVERAGES}
    return figures | estimates(len(names), measures, resamples=resamples, seed=seed)


def _area(wrong: Floats, who: npt.NDArray[np.intp]) -> Measure:
    """Mean over the stays of the risk when all as sure as it are decided."""

    def area(drawn: Floats) -> Floats:
        weight = drawn[:, who]
        decided = np.cumsum(weight, axis=1)
        risk = np.cumsum(weight * wrong, axis=1) / np.maximum(decided, 1e-12)
        return (risk * weight).sum(axis=1) / decided[:, -1]

    return area


def _risk(wrong: Floats, who: npt.NDArray[np.intp], coverage: float) -> Measure:
    """Share of wrong ones among the surest that make up `coverage` of all."""

    def risk(drawn: Floats) -> Floats:
        weight = drawn[:, who]
        decided = np.cumsum(weight, axis=1)
        last = (decided < coverage * decided[:, -1:] - 1e-9).sum(axis=1)
        rows = np.arange(len(weight))
        return np.cumsum(weight * wrong, axis=1)[rows, last] / decided[rows, last]

    return risk
