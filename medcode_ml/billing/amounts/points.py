"""From the median of an amount to its price: the mean relative error least, the sum of many prices nearly right.

The medians of many cases add up to less than their amounts, and what makes the mean relative error least lies below the
medians still. A line through the log price moves small prices down and great ones up, so that the sum stays within
`SHORT` of the truth and the mean relative error is the least that allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from medcode_ml.billing.amounts.cases import Floats

SHORT: Final = 0.02
"""Share by which the sum may fall short: prices in a hundred thousands hang on few cases, and medians resist them."""
_TILTS: Final = np.linspace(0.0, 0.08, 17)


@dataclass(frozen=True)
class Point:
    """log price = log median + offset + tilt * (log median - centre)."""

    offset: float = 0.0
    tilt: float = 0.0
    centre: float = 0.0

    def of(self, medians: Floats) -> Floats:
        """Log prices of log medians, shape (n,)."""
        found: Floats = medians + self.offset + self.tilt * (medians - self.centre)
        return found


def fitted_point(log_amounts: Floats, medians: Floats) -> Point:
    """The line of the least mean relative error among those whose sum is right but for `SHORT`. Shapes (n,)."""
    centre = float(medians.mean())
    wanted = (1.0 - SHORT) * float(np.exp(log_amounts).sum())
    best, least = Point(centre=centre), np.inf
    for tilt in _TILTS:
        point = Point(0.0, float(tilt), centre)
        offset = float(np.log(wanted / np.exp(point.of(medians)).sum()))
        point = Point(offset, float(tilt), centre)
        error = float(np.abs(np.exp(point.of(medians) - log_amounts) - 1.0).mean())
        if error < least:
            best, least = point, error
    return best
