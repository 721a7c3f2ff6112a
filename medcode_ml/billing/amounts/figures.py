"""Figures of prices against the amounts that were found; intervals by the bootstrap over hospitals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from medcode_ml.billing.amounts.cases import Floats, Ints
from medcode_ml.models.bootstrap import RESAMPLES, SEED, Measure, estimates, share
from medcode_ml.models.manifest import Figure

NAMES: Final = {
    "mape": "mean relative error",
    "median_ape": "median relative error",
    "bias": "sum of the prices / sum of the amounts",
    "coverage": "share of the amounts inside their interval",
    "relative_width": "mean width of the interval / amount",
    "mape_by_hospital": "mean over hospitals of their mean relative error",
}


def relative_error(log_amounts: Floats, log_prices: Floats) -> float:
    """Mean of |price - amount| / amount."""
    return float(np.abs(np.exp(log_prices - log_amounts) - 1.0).mean())


def measured(
    amounts: Floats,
    prices: Floats,
    ends: tuple[Floats, Floats] | None,
    hospitals: Sequence[str],
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, float | list[float] | None]:
    """Each of `NAMES` that can be measured, and its 95% interval under `<name>_95`.

    Args:
        amounts, prices: US dollars, shape (n,). ends: low and high ends of the intervals.
        hospitals: of each case; drawn again whole.
        resamples, seed: of the bootstrap.
    """
    _, place = np.unique(np.asarray(hospitals, dtype=object).astype(str), return_inverse=True)
    units = int(place.max()) + 1 if len(place) else 0
    error = np.abs(prices / amounts - 1.0)

    def summed(values: Floats) -> Floats:
        return np.bincount(place, values, minlength=units).astype(np.float64)

    rows = summed(np.ones(len(place)))
    measures: dict[str, Measure] = {
        "mape": share(summed(error), rows),
        "median_ape": _median(error, place),
        "bias": share(summed(prices), summed(amounts)),
        "mape_by_hospital": share(summed(error) / np.maximum(rows, 1), np.ones(units)),
    }
    if ends is not None:
        low, high = ends
        inside = ((amounts >= low) & (amounts <= high)).astype(np.float64)
        measures["coverage"] = share(summed(inside), rows)
        measures["relative_width"] = share(summed((high - low) / amounts), rows)
    return estimates(units, measures, resamples=resamples, seed=seed)


def _median(values: Floats, place: Ints) -> Measure:
    order = np.argsort(values, kind="stable")
    ranked, unit = values[order], place[order]

    def measure(drawn: Floats) -> Floats:
        found = np.zeros(len(drawn))
        for row, weights in enumerate(drawn):
            reached = np.cumsum(weights[unit])
            found[row] = ranked[np.searchsorted(reached, reached[-1] / 2.0)] if reached[-1] else np.nan
        return found

    return measure


def figures_of(
    logs: Mapping[str, Floats],
    said: Mapping[str, Mapping[str, tuple[Floats, Floats | None, Floats | None]]],
    hospitals: Sequence[str],
    resamples: int = 200,
) -> list[Figure]:
    """The figures of each contender for a manifest; log dollars by target."""
    found = []
    for target, y in logs.items():
        for name, own in said.items():
            middle, low, high = own[target]
            ends = None if low is None or high is None else (np.exp(low), np.exp(high))
            told = measured(np.exp(y), np.exp(middle), ends, hospitals, resamples=resamples)
            for figure in NAMES:
                value, interval = told.get(figure), told.get(f"{figure}_95")
                if isinstance(value, float) and isinstance(interval, list):
                    part = f"{target}, out of fold"
                    found.append(Figure(figure, part, name, value, interval[0], interval[1], len(y)))
    return found
