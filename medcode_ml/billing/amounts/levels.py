"""The level of a hospital: how far its amounts lie above those of others for the same DRGs, and what predicts it.

A Gaussian process over the hospitals with a sum of kernels (`kernels`), its weights those of the greatest marginal
likelihood (Rasmussen and Williams 2006, chapters 2 and 5). What it says of a hospital that was learned from is said
without that hospital (leave-one-out, equations 5.12), so that it means there what it means for a new one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from medcode_ml.billing.amounts.cases import Floats, Ints
from medcode_ml.billing.amounts.kernels import Matrix

_ROUNDS: Final = 8
_SOME: Final = 2.0
"""Rows that the line through the weights counts for in the effect of a DRG."""
_LEAST, _MOST = 1e-6, 20.0
"""Bounds of a kernel's variance, as shares of the variance of the levels."""


def effects_and_levels(y: Floats, drg: Ints, provider: Ints, start: Floats, providers: int) -> tuple[Floats, Floats]:
    """Split log amounts into an effect of the DRG, shape (m,), and a level of the provider, shape (p,), around 0.

    Args:
        y: log amounts, shape (n,). drg, provider: of each, shape (n,).
        start: expected effect of each DRG, shape (m,), which counts for `_SOME` rows.
        providers: how many; one without a row has the level 0.
    """
    rows, own = np.bincount(drg, minlength=len(start)), np.bincount(provider, minlength=providers)
    level, effect = np.zeros(providers), start
    for _ in range(_ROUNDS):
        shift = float(np.mean(y - level[provider] - start[drg]))
        effect = (np.bincount(drg, y - level[provider], minlength=len(start)) + _SOME * (start + shift)) / (
            rows + _SOME
        )
        level = np.bincount(provider, y - effect[drg], minlength=providers) / np.maximum(own, 1)
        level[own > 0] -= level[own > 0].mean()
    return effect, level


@dataclass(frozen=True)
class LevelProcess:
    """A fitted process over `p` hospitals.

    Attributes:
        variances: of each kernel in their order, then of what is the hospital's own, then of a single row.
        mean: of the levels.
        dual: float (p,), by which the covariances to a new hospital are weighed.
        without: float (p,), what is said of each hospital without it; spread: float (p,), its standard deviation.
    """

    variances: Floats
    mean: float
    dual: Floats
    without: Floats
    spread: Floats

    @staticmethod
    def fit(
        matrices: Sequence[Matrix], level: Floats, rows: Ints, steps: int, variances: Floats | None = None
    ) -> LevelProcess:
        """Fit it on hospitals with `rows` rows each.

        Args:
            matrices: the kernels among them, (p, p) each. level: (p,). rows: (p,), at least 1.
            steps: of the search for the variances; 0 leaves them as they begin.
            variances: to take as they are, without a search.
        """
        mean = float(np.average(level, weights=rows / (rows + _SOME)))
        y, noise = level - mean, 1.0 / rows
        if variances is None:
            variances = _searched(matrices, y, noise, steps)
        inverse, _ = _inverse(matrices, variances, noise)
        dual = inverse @ y
        own = np.diag(inverse)
        return LevelProcess(variances, mean, dual, mean + y - dual / own, np.sqrt(1.0 / own))

    def covariance(self, matrices: Mapping[str, Matrix]) -> Matrix:
        """The weighted sum of kernels."""
        return _sum(list(matrices.values()), self.variances)

    def predicted(self, covariance: Matrix) -> Floats:
        """Levels of new hospitals from their covariance (new, p) with those learned from; shape (new,)."""
        found: Floats = self.mean + covariance.astype(np.float64) @ self.dual
        return found


def _sum(matrices: Sequence[Matrix], variances: Floats) -> Matrix:
    total = np.zeros(matrices[0].shape, dtype=np.float32)
    for variance, matrix in zip(variances, matrices, strict=False):
        total += np.float32(variance) * matrix
    return total


def _inverse(matrices: Sequence[Matrix], variances: Floats, noise: Floats) -> tuple[Floats, float]:
    """Inverse of the covariance of the observed levels, and half the logarithm of its determinant.

    Raises:
        numpy.linalg.LinAlgError: it is not positive definite.
    """
    from scipy.linalg import lapack

    whole = _sum(matrices, variances).astype(np.float64)
    whole[np.diag_indices(len(whole))] += variances[-2] + variances[-1] * noise
    factor, failed = lapack.dpotrf(whole, lower=1)
    if failed:
        raise np.linalg.LinAlgError("the covariance of the hospitals' levels is not positive definite")
    lower, _ = lapack.dpotri(factor, lower=1)
    below = np.tril(lower, -1)
    return below + below.T + np.diag(np.diag(lower)), float(np.log(np.diag(factor)).sum())


def _searched(matrices: Sequence[Matrix], y: Floats, noise: Floats, steps: int) -> Floats:
    """The variances of the greatest marginal likelihood."""
    from scipy.optimize import minimize

    whole = max(float(y.var()), 1e-9)
    kinds = len(matrices)
    begin = np.log(whole * np.r_[np.full(kinds, 0.7 / kinds), 0.2, 0.5])
    if steps == 0:
        return np.asarray(np.exp(begin))

    def cost(logs: Floats) -> tuple[float, Floats]:
        variances = np.exp(logs)
        try:
            inverse, half = _inverse(matrices, variances, noise)
        except np.linalg.LinAlgError:
            return 1e10, np.zeros_like(logs)
        dual = inverse @ y
        # half the derivative of the determinant less that of the fit, for each variance
        slope = np.subtract(inverse, np.outer(dual, dual), dtype=np.float32)
        slopes = [0.5 * float(np.vdot(slope, matrix)) for matrix in matrices]
        own = np.diag(inverse) - dual**2
        slopes += [0.5 * float(own.sum()), 0.5 * float((own * noise).sum())]
        return 0.5 * float(y @ dual) + half, np.array(slopes) * variances

    bounds = [(np.log(whole * _LEAST), np.log(whole * _MOST))] * len(begin)
    found = minimize(cost, begin, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": steps})
    return np.asarray(np.exp(found.x))
