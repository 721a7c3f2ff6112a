"""Calibration: scores made into probabilities that mean what they say, and figures of how well they do.

A calibrator rises strictly with the score, so it never changes which code stands above which. It is applied with numpy
alone; only fitting needs scikit-learn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medcode_ml.models.manifest import Figure

Method = Literal["platt", "beta", "isotonic"]
METHODS: Final[tuple[Method, ...]] = ("platt", "beta", "isotonic")
_LIMIT: Final = 30.0  # logits beyond are cut off: probabilities stay inside (0, 1) in double precision
_SLOPE: Final = 1e-3  # the least rise of a calibrated logit for a rise of one in the score
_FEWEST: Final = 10  # labels of either kind below which nothing is fitted


class CalibrationError(ValueError):
    """These scores cannot be calibrated; the message says why."""


@dataclass(frozen=True)
class Calibrator:
    """A map from scores (logits: any real number, higher is likelier) to probabilities.

    `numbers`: platt (slope, offset); beta (slope of log p, slope of -log(1 - p), offset), p the score's own logistic
    (Kull et al. 2017); isotonic (scores of the knots, then their logits: the centres of the blocks of an isotonic
    regression, straight lines between them, as Oron and Flournoy 2017).
    """

    method: Method
    numbers: tuple[float, ...]

    def probabilities(self, scores: ArrayLike) -> NDArray[np.float64]:
        """The probabilities (same shape, strictly inside (0, 1), rising with the score)."""
        return _logistic(self.logits(scores))

    def logits(self, scores: ArrayLike) -> NDArray[np.float64]:
        """The calibrated logits."""
        s = np.asarray(scores, float)
        numbers = np.asarray(self.numbers)
        if self.method == "platt":
            made = numbers[0] * s + numbers[1]
        elif self.method == "beta":
            made = numbers[0] * -np.logaddexp(0.0, -s) + numbers[1] * np.logaddexp(0.0, s) + numbers[2]
        else:
            knots, values = np.split(numbers, 2)
            made = np.interp(s, knots, values) + _SLOPE * (s - s.clip(knots[0], knots[-1]))
        limited: NDArray[np.float64] = np.clip(made, -_LIMIT, _LIMIT)
        return limited

    def facts(self) -> dict[str, Any]:
        """The calibrator for a model folder (JSON)."""
        return {"method": self.method, "numbers": list(self.numbers)}

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Calibrator:
        """The calibrator out of `facts`."""
        return cls(facts["method"], tuple(facts["numbers"]))

    @classmethod
    def fit(
        cls,
        scores: ArrayLike,
        labels: ArrayLike,
        groups: Sequence[Any] | NDArray[Any],
        *,
        methods: Sequence[Method] = METHODS,
        folds: int = 5,
        seed: int = 0,
    ) -> Calibrator:
        """Fit the method of the least cross-validated log loss; the folds keep groups (patients) together.

        Raises:
            CalibrationError: fewer than ten true or false labels, or scores that do not rise with the labels.
        """
        s, y = np.asarray(scores, float), np.asarray(labels, bool)
        if s.shape != y.shape or len(s) != len(groups) or not np.isfinite(s).all():
            raise CalibrationError(f"{len(s)} scores, {len(y)} labels, {len(groups)} groups: one of each a row, finite")
        if min(y.sum(), (~y).sum()) < _FEWEST:
            raise CalibrationError(
                f"{int(y.sum())} true and {int((~y).sum())} false codes to calibrate on: at least {_FEWEST} of each"
            )
        if len(methods) == 1:
            return _fit(methods[0], s, y)
        ids = np.unique(np.asarray(groups), return_inverse=True)[1]
        folds = min(folds, int(ids.max()) + 1)
        if folds < 2:
            raise CalibrationError("all codes are of one patient or note: at least two are needed")
        fold = np.random.default_rng(seed).permutation(ids.max() + 1)[ids] % folds
        losses = {}
        for method in methods:
            held = np.empty(len(s))
            for part in range(folds):
                inside = fold != part
                if min(y[inside].sum(), (~y[inside]).sum()) < 2:
                    raise CalibrationError("the true codes are of too few patients or notes to calibrate on")
                held[~inside] = _fit(method, s[inside], y[inside]).logits(s[~inside])
            losses[method] = float(np.logaddexp(0.0, np.where(y, -held, held)).mean())
        return _fit(min(methods, key=lambda m: losses[m]), s, y)


def _fit(method: Method, s: NDArray[np.float64], y: NDArray[np.bool_]) -> Calibrator:
    if method == "platt":
        (slope,), offset = _logistic_fit(s[:, None], y)
        if slope <= 0:
            raise CalibrationError("the scores do not rise with the labels: the model has learned nothing to calibrate")
        return Calibrator("platt", (slope, offset))
    if method == "beta":
        # log p and -log(1 - p) of the score's own logistic
        log_p, log_q = -np.logaddexp(0.0, -s), np.logaddexp(0.0, s)
        (low, high), offset = _logistic_fit(np.column_stack([log_p, log_q]), y)
        if low < 0:
            (high,), offset = _logistic_fit(log_q[:, None], y)
            low = 0.0
        elif high < 0:
            (low,), offset = _logistic_fit(log_p[:, None], y)
            high = 0.0
        if low <= 0 and high <= 0:
            raise CalibrationError("the scores do not rise with the labels: the model has learned nothing to calibrate")
        # a little of both keeps it rising at either end
        return Calibrator("beta", (max(low, _SLOPE), max(high, _SLOPE), offset))
    return _isotonic(s, y)


def _logistic_fit(features: NDArray[np.float64], y: NDArray[np.bool_]) -> tuple[list[float], float]:
    """Slopes and offset of a logistic regression; the faint penalty keeps them finite where classes are apart."""
    from sklearn.linear_model import LogisticRegression

    scale = features.std(0)
    if (scale == 0).any():
        raise CalibrationError("all scores are the same: there is nothing to calibrate")
    centre = features.mean(0)
    fitted = LogisticRegression(C=1e3, max_iter=1000).fit((features - centre) / scale, y)
    slopes = fitted.coef_[0] / scale
    return [float(v) for v in slopes], float(fitted.intercept_[0] - slopes @ centre)


def _isotonic(s: NDArray[np.float64], y: NDArray[np.bool_]) -> Calibrator:
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression().fit_transform(s, y.astype(float))
    block = np.unique(fitted, return_inverse=True)[1]
    rows, true = np.bincount(block), np.bincount(block, y)
    knots = np.bincount(block, s) / rows
    # half a code more of either kind: no block is certain
    share = (true + 0.5) / (rows + 1.0)
    values = np.maximum.accumulate(np.log(share / (1.0 - share)))
    # strictly rising: never two scores of one probability
    values = values + _SLOPE * (knots - knots[0])
    return Calibrator("isotonic", (*(float(k) for k in knots), *(float(v) for v in values)))


def _logistic(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    made: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-logits))
    return made


@dataclass(frozen=True)
class Reliability:
    """How well probabilities are calibrated: bins of equal width that hold rows, and figures with 95% intervals.

    `said` and `found` (bins,) are the mean probability and the share true, `rows` (bins,) how many.
    """

    said: NDArray[np.float64]
    found: NDArray[np.float64]
    rows: NDArray[np.int64]
    figures: tuple[Figure, ...]


def reliability(
    probabilities: ArrayLike,
    labels: ArrayLike,
    groups: Sequence[Any] | NDArray[Any],
    *,
    bins: int = 15,
    draws: int = 1000,
    seed: int = 0,
    part: str = "all",
    coder: str = "model",
) -> Reliability:
    """Expected calibration error (bins of equal width, Guo et al. 2017) and Brier score; bootstrap over the groups.

    The calibration error lies too high by its bins' chance differences, and a bootstrap's still higher: its upper end
    is on the safe side, its lower end is never set above the figure itself.

    Raises:
        CalibrationError: no rows.
    """
    p, y = np.asarray(probabilities, float), np.asarray(labels, float)
    if not len(p):
        raise CalibrationError("there are no codes to measure the calibration on")
    ids = np.unique(np.asarray(groups), return_inverse=True)[1]
    place = (p * bins).astype(np.int64).clip(0, bins - 1)
    groups_n, bins_n = int(ids.max()) + 1, bins
    cell = ids * bins_n + place

    def sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(cell, values, minlength=groups_n * bins_n).astype(float).reshape(groups_n, bins_n)

    rows, said, found, squares = sums(np.ones_like(p)), sums(p), sums(y), sums((p - y) ** 2)

    def measured(weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        n = (weights @ rows).sum(1)
        return np.abs(weights @ (said - found)).sum(1) / n, (weights @ squares).sum(1) / n

    once = measured(np.ones((1, groups_n)))
    rng = np.random.default_rng(seed)
    drawn = np.concatenate(
        [
            np.stack(measured(rng.multinomial(groups_n, np.full(groups_n, 1 / groups_n), size=size).astype(float)))
            for size in _portions(draws, groups_n)
        ],
        axis=1,
    )
    low, high = np.quantile(drawn, [0.025, 0.975], axis=1)
    low = np.minimum(low, [once[0][0], once[1][0]])
    names = ("expected_calibration_error", "brier")
    figures = tuple(
        Figure(name, part, coder, float(once[i][0]), float(low[i]), float(high[i]), len(p))
        for i, name in enumerate(names)
    )
    total = rows.sum(0)
    kept = total > 0
    return Reliability(
        (said.sum(0)[kept] / total[kept]), (found.sum(0)[kept] / total[kept]), total[kept].astype(np.int64), figures
    )


def _portions(draws: int, groups: int) -> list[int]:
    """Draws in portions of at most ten million weights."""
    size = max(1, min(draws, 10_000_000 // groups))
    return [size] * (draws // size) + ([draws % size] if draws % size else [])
