"""From quantiles that a contender says to intervals that hold: conformalised quantile regression.

Romano, Patterson and Candès 2019. The cases calibrated on are of hospitals that the model had not seen, since it is
used on such. Both ends are moved in proportion to the interval's own width; of all pairs of moves that hold the share
of cases that is wanted, the one whose intervals are narrowest against the amounts is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from medcode_ml.billing.amounts.cases import Floats

COVERAGE: Final = 0.90
_BELOW: Final = np.linspace(0.01, 0.09, 33)
"""Shares of cases that may lie below, of the tenth that may lie outside."""
_NARROWEST: Final = 1e-3


@dataclass(frozen=True)
class Ends:
    """How far the ends lie from the middle, in distances of the quantiles said."""

    low: float
    high: float

    def around(self, middle: Floats, quantiles: Floats, remains: Floats | float = 1.0) -> tuple[Floats, Floats]:
        """Low and high ends of log amounts; `remains` shrinks what is not known any more. Shapes (n,), (n, 3)."""
        below, above = _reach(quantiles)
        return middle - self.low * below * remains, middle + self.high * above * remains


def calibrated(
    log_amounts: Floats, middle: Floats, quantiles: Floats, remains: Floats | float = 1.0, coverage: float = COVERAGE
) -> Ends:
    """The ends that hold `coverage` of the cases in the narrowest intervals.

    Args:
        log_amounts: what was found, shape (n,). middle: the log price. quantiles: log amounts said, shape (n, 3).
        remains: share of the spread that known amounts leave, shape (n,) or 1.
    """
    below, above = _reach(quantiles)
    under = (middle - log_amounts) / (below * remains)
    over = (log_amounts - middle) / (above * remains)
    best, width = Ends(1.0, 1.0), np.inf
    true = np.exp(log_amounts)
    # one case more than there are, as for any conformal quantile
    n = len(log_amounts)
    for share in _BELOW * (1.0 - coverage) / 0.1:
        low = float(np.quantile(under, min(1.0, (1.0 - share) * (n + 1) / n)))
        # of those that are not below, so many above that `coverage` is left
        high = float(np.quantile(over, min(1.0, (coverage + share) * (n + 1) / n)))
        ends = Ends(low, high)
        first, last = ends.around(middle, quantiles, remains)
        found = float(np.mean((np.exp(last) - np.exp(first)) / true))
        if found < width:
            best, width = ends, found
    return best


def _reach(quantiles: Floats) -> tuple[Floats, Floats]:
    """Distances of the outer quantiles from the middle one; never nothing."""
    return (
        np.maximum(quantiles[:, 1] - quantiles[:, 0], _NARROWEST),
        np.maximum(quantiles[:, 2] - quantiles[:, 1], _NARROWEST),
    )
