"""What a code is worth by its true place: the one scale of the listwise losses, the trees' labels and nDCG."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from medcode_ml.ranking.knowledge import FloatArray

MOST_GAIN: Final = 15.0
"""Gain of the principal."""
LAST_GAINING: Final = 10
"""The last place that is worth anything."""
_LAST_PLACES: Final = np.array([0, 1, 3, 6, LAST_GAINING])
_GAINS: Final = np.array([0.0, MOST_GAIN, 7.0, 3.0, 1.0, 0.0])


def gains(place: npt.NDArray[np.integer]) -> FloatArray:
    """Gain of each true place: 15 for the first, 7 for 2-3, 3 for 4-6, 1 for 7-10, then 0; 0 for 0 (unknown).

    The gains are 2**level - 1 of levels 4 to 0. The shape is that of `place`.
    """
    found: FloatArray = _GAINS[np.searchsorted(_LAST_PLACES, place, side="left")]
    return found
