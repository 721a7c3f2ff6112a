"""95% intervals by the bootstrap: units are drawn again with replacement, each always with all that belongs to it.

A unit is what is independent of the others: a note with all its codes, a patient with all stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

RESAMPLES: Final = 1000
SEED: Final = 20261121
AT_ZERO: Final = 0.001
"""An end of an interval this close to 0 stands for 0: ends are rounded, and moved a little (`interval`)."""
_CELLS: Final = 4_000_000
"""Weights held at a time."""

Floats = npt.NDArray[np.float64]
Measure = Callable[[Floats], Floats]
"""Weights of the units in each draw, shape (draws, units), to a value for each draw; NaN where it has none."""


def weights(units: int, resamples: int = RESAMPLES, seed: int = SEED) -> Iterator[Floats]:
    """How often each unit is drawn in each resample, in chunks of shape (draws, units)."""
    generator = np.random.default_rng(seed)
    chunk = max(1, _CELLS // max(units, 1))
    for start in range(0, resamples, chunk):
        size = min(chunk, resamples - start)
        yield generator.multinomial(units, np.full(units, 1 / units), size=size).astype(np.float64)


def estimates(
    units: int, measures: dict[str, Measure], *, resamples: int = RESAMPLES, seed: int = SEED
) -> dict[str, float | list[float] | None]:
    """Each measure over all units under its name, and its 95% interval under `<name>_95`, rounded to four places.

    A measure without a value (nothing to count) is None, and so is its interval. No resamples, no intervals.
    """
    if units == 0:
        return dict.fromkeys(measures)
    whole = np.ones((1, units))
    values = {name: float(measure(whole)[0]) for name, measure in measures.items()}
    drawn: dict[str, list[Floats]] = {name: [] for name in measures}
    for chunk in weights(units, resamples, seed):
        for name, measure in measures.items():
            drawn[name].append(measure(chunk))
    result: dict[str, float | list[float] | None] = {}
    for name, value in values.items():
        known = not np.isnan(value)
        result[name] = round(value, 4) if known else None
        if resamples:
            result[f"{name}_95"] = interval(np.concatenate(drawn[name]), value) if known else None
    return result


def interval(draws: Floats, value: float) -> list[float]:
    """The 2.5% and 97.5% quantiles of the draws that have a value, moved so that their mean comes to lie on `value`.

    A draw holds fewer distinct units, so fewer rare codes, than the set itself: a mean over codes comes out too high in
    every draw. For sums over units the move is next to nothing.
    """
    low, high = np.nanquantile(draws, (0.025, 0.975)) - (np.nanmean(draws) - value)
    if np.nanmin(draws) >= 0 and np.nanmax(draws) <= 1:
        low, high = np.clip((low, high), 0.0, 1.0)
    return [round(float(low), 4), round(float(high), 4)]


def ratio(part: Floats, whole: Floats) -> Floats:
    """part / whole for each draw, NaN where whole is 0."""
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)


def share(part: npt.ArrayLike, whole: npt.ArrayLike) -> Measure:
    """Measure: the sum of `part` over the sum of `whole`, both given by unit. Shape (units,)."""
    parts, wholes = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    return lambda drawn: ratio(drawn @ parts, drawn @ wholes)
