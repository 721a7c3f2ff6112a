"""Two-sample tests on sketches: are these encounters drawn as those of the reference were? Pure functions.

KS for figures and G for categories, one at a time, are what Rabanser et al. 2019 ("Failing Loudly") found to detect
shift best on a model's outputs, with Bonferroni over them; the kernel mean discrepancy (Gretton et al. 2012) sees what
the components of a state hide one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from medcode_ml.drift.sketch import Counts, Floats, Moments, Values

_EXPECTED: Final = 5.0
_NOT_IN_TAIL: Final = 1.0
_FEWEST_FOR_KERNEL: Final = 100
"""Encounters of a reference, at least, whose eigenvalues tell how far into the tail a distance lies."""
#: mean of the squared Kolmogorov statistic under the null
KOLMOGOROV_MEAN: Final = np.pi**2 / 12


@dataclass(frozen=True)
class Tested:
    """One test: `strength` has the mean 1 under the null, more where days differ by nature; `effect` knows no n."""

    statistic: float
    p_value: float
    effect: float
    strength: float


def ks(window: Values, reference: Values, dispersion: float = 1.0) -> Tested:
    """Kolmogorov-Smirnov: statistic and effect are the largest distance of the distribution functions.

    The null distribution is that of one sample of the harmonic size, exact in its tail; ties make it conservative.
    """
    from scipy.special import kolmogorov
    from scipy.stats import kstwo

    n, m = window.n, reference.n
    if not n or not m:
        return Tested(float("nan"), 1.0, 0.0, 0.0)
    at = np.union1d(window.values, reference.values)
    distance = float(np.abs(_below(window, at) - _below(reference, at)).max(initial=0.0))
    size = n * m / (n + m)
    shrunk = distance / np.sqrt(dispersion)
    if shrunk * np.sqrt(size) < _NOT_IN_TAIL:
        # the limit law is a little larger and a hundred times faster; nothing is decided up here
        p = float(kolmogorov(shrunk * np.sqrt(size)))
    else:
        p = float(kstwo.sf(shrunk, max(round(size), 1)))
    return Tested(shrunk, p, distance, size * distance**2 / KOLMOGOROV_MEAN)


def _below(sketch: Values, at: Floats) -> Floats:
    heights = np.concatenate([[0.0], np.cumsum(sketch.weights)]) / sketch.weights.sum()
    return np.asarray(heights[np.searchsorted(sketch.values, at, side="right")])


def g_test(window: Counts, reference: Counts, dispersion: float = 1.0) -> Tested:
    """Likelihood-ratio test of the two rows of counts with Williams' correction; the effect is the PSI less its bias.

    Categories with fewer than five expected in either row are one category: the tail holds only then.
    """
    from scipy.stats import chi2

    table = _table(window, reference)
    if table.shape[1] < 2:
        return Tested(0.0, 1.0, 0.0, 1.0)
    rows, columns, total = table.sum(1), table.sum(0), table.sum()
    expected = np.outer(rows, columns) / total
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(table > 0, table * np.log(table / expected), 0.0)
    freedom = table.shape[1] - 1
    williams = 1 + (total * (1 / rows).sum() - 1) * (total * (1 / columns).sum() - 1) / (6 * total * freedom)
    g = float(2 * terms.sum() / williams)
    return Tested(
        g / dispersion, float(chi2.sf(g / dispersion, freedom)), max(0.0, psi(window, reference)), g / freedom
    )


def psi(window: Counts, reference: Counts) -> float:
    """Population stability index less what chance alone gives it, (categories - 1) (1/n + 1/m); may be below 0.

    Shares are those of counts with half an encounter added, so that an empty category is no infinity.
    """
    table = _table(window, reference) + 0.5
    if table.shape[1] < 2:
        return 0.0
    share = table / table.sum(1, keepdims=True)
    found = float(((share[0] - share[1]) * np.log(share[0] / share[1])).sum())
    return found - (table.shape[1] - 1) * float((1 / table.sum(1)).sum())


def _table(window: Counts, reference: Counts) -> Floats:
    names = sorted({*window.counts, *reference.counts})
    table = np.array([[side.counts.get(name, 0) for name in names] for side in (window, reference)], np.float64)
    if not len(names) or not table.sum(1).all():
        return np.zeros((2, 0))
    least = table.sum(0) * table.sum(1).min() / table.sum()
    order = np.argsort(-least, kind="stable")
    table, least = table[:, order], least[order]
    rare = least < _EXPECTED
    if not rare.any():
        return table
    kept, rest = table[:, ~rare], table[:, rare].sum(1, keepdims=True)
    if rest.sum() * table.sum(1).min() / table.sum() >= _EXPECTED or not kept.shape[1]:
        return np.hstack([kept, rest])
    # too few even together: they go to the rarest that stays
    kept[:, -1:] += rest
    return kept


def mmd(window: Moments, reference: Moments, dispersion: float = 1.0) -> Tested:
    """Kernel mean discrepancy of random Fourier features, whose sums the sketches hold.

    Under the null n m / (n + m) times its square is a sum of chi-squares weighted by the eigenvalues of the features'
    covariance (the reference's, which has to be large enough to know them); its tail is that of the gamma with the same
    three moments (Hall, Buckley, Eagleson).
    """
    from scipy.stats import chi2

    n, m = window.n, reference.n
    if not n or m < _FEWEST_FOR_KERNEL or reference.products is None:
        return Tested(float("nan"), 1.0, 0.0, 0.0)
    centre = reference.sums / m
    covariance = (reference.products - m * np.outer(centre, centre)) / (m - 1)
    weights = np.clip(np.linalg.eigvalsh(covariance), 0.0, None)
    first, second, third = (float((weights**power).sum()) for power in (1, 2, 3))
    if first <= 0 or third <= 0:
        return Tested(0.0, 1.0, 0.0, 1.0)
    distance = float(((window.sums / n - centre) ** 2).sum())
    statistic = n * m / (n + m) * distance
    freedom = second**3 / third**2
    scaled = (statistic / dispersion - first) * np.sqrt(2 * freedom / (2 * second)) + freedom
    p = float(chi2.sf(max(scaled, 0.0), freedom))
    return Tested(statistic / dispersion, p, float(np.sqrt(distance)), statistic / first)
