"""The estimate of a day, corrected by what coders' labels of earlier days showed of it.

Of every labelled encounter a day keeps what it came to be and what would have been estimated of it: by scores, and by
the stay (`by_stay`). A later day whose estimate believes the stays by a share takes both by that share, so that what
the stays told is not corrected twice. Of the seven days before (never the day itself) the later ones count for more:
a correction from before a change is forgotten as labels of the changed world come.

A factor is realised over estimated, its logarithm drawn towards no correction (a hospital's: towards the network's) by
its noise: the mean of a normal prior (`_SPREAD`) given what came. Only what is shown is corrected, its interval
holds the factors' error; drops are tested as before, since labels come to some days and not to others. Limits: labelled
encounters are taken to stand for all, and right after a change the labels are still those of the world before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcode_ml.drift.figures import (
    ACCEPTED,
    BY_STAY,
    CORRECTED,
    ESTIMATED,
    FACTOR_LABELS,
    FACTOR_RIGHT,
    LABELS,
    LABELS_USED,
    NOISE,
    PROVED,
    RIGHT,
)
from medcode_ml.drift.performance import Calibration
from medcode_ml.drift.sketch import Floats, Key, Moments, Sketch, Sketches

DAYS: Final = 7
FEWEST: Final = 40
"""Labelled encounters below which nothing is corrected."""
_HALF_LIFE: Final = 1.0
"""Days after which labels count for half."""
_SPREAD: Final = 0.1
"""By how much the logarithms of true factors differ from no correction, or from the network's: a standard deviation."""
_PROVED: Final = {RIGHT: (0, 2, 4), LABELS: (1, 3, 5)}
"""Columns of rows of `proved_rows`: realised, estimated by scores, estimated by stays."""


def proved_rows(
    encounter: npt.NDArray[np.int64],
    right: npt.NDArray[np.bool_],
    probability: Floats,
    accepted: npt.NDArray[np.bool_],
    labels: Floats,
    stays: pd.DataFrame,
    calibration: Calibration,
) -> Floats:
    """Right and labels of labelled encounters: realised, estimated by scores, estimated by stays. Shape (n, 6).

    Args:
        encounter: number of the encounter of each listed code, 0 to n - 1. right: whether a coder gave it.
        probability: that it is right, as `calibration` has it. accepted: whether it was.
        labels: of each encounter (n,). stays: the n encounters (`by_stay.stays_of`). calibration: of the reference.
    """
    size = len(stays)
    taken = np.bincount(encounter, accepted, minlength=size).astype(np.float64)
    by_score = np.bincount(encounter, np.where(accepted, probability, 0.0), minlength=size).astype(np.float64)
    listed = calibration.labels_per_expected * np.bincount(encounter, probability, minlength=size).astype(np.float64)
    right_by_stay, labels_by_stay = by_score, listed
    if calibration.foretold is not None:
        right_by_stay = taken - calibration.foretold.wrong.of(stays)
        labels_by_stay = calibration.foretold.labels.of(stays)
    realised = np.bincount(encounter, right & accepted, minlength=size)
    return np.column_stack([realised, labels, by_score, listed, right_by_stay, labels_by_stay])


@dataclass(frozen=True)
class Factor:
    """What an estimated sum is multiplied by: its logarithm, and the variance of that."""

    log: float = 0.0
    variance: float = 0.0

    @property
    def value(self) -> float:
        """The factor."""
        return float(np.exp(self.log))


NONE: Final = Factor()


def factor_of(
    proved: Sequence[tuple[float, Moments]], columns: tuple[int, int, int], share: float, towards: Factor = NONE
) -> Factor:
    """Realised over estimated of the days before, drawn `towards` another factor by its noise.

    Args:
        proved: what a day before counts for, and its sums of `proved_rows`.
        columns: of those: realised, by scores, by stays.
        share: how far the day's estimate believes the stays, 0 to 1.
    """
    realised, by_score, by_stay = columns
    total: Floats = np.sum([counts * one.sums for counts, one in proved], axis=0)
    weights = np.zeros(len(total))
    weights[by_score], weights[by_stay] = 1.0 - share, share
    estimated, real = float(total @ weights), float(total[realised])
    if estimated <= 0 or real <= 0:
        return towards
    slope: Floats = -real / estimated * weights
    slope[realised] += 1.0
    spread = 0.0
    for counts, one in proved:
        assert one.products is not None
        spread += counts**2 * float(slope @ one.products @ slope)
    noise = max(spread, 0.0) / real**2
    believed = _SPREAD**2 / (_SPREAD**2 + noise)
    return Factor(towards.log + believed * (float(np.log(real / estimated)) - towards.log), believed * noise)


def with_corrected(day: date, sketches: Sketches, before: Mapping[date, Sketches]) -> dict[Key, Sketch]:
    """The sketches of a day with its corrected estimates beside those it has.

    Args:
        day: received day. sketches: of it. before: of other days of the same reference; those of the seven days before
            it are taken.
    """
    found = dict(sketches)
    near = {n: before[own] for n in range(1, DAYS + 1) if (own := day - timedelta(days=n)) in before}
    keys = sorted(key for key in sketches if key[2] == ESTIMATED)
    network: dict[int, Factor] = {}
    # all hospitals together come first: the others are drawn towards them
    for key in sorted(keys, key=lambda key: key[0] != "all"):
        hospital, kind, _ = key
        estimated = sketches[key]
        assert isinstance(estimated, Moments)
        share = float(estimated.sums[BY_STAY]) / max(estimated.n, 1)
        proved = [
            (0.5 ** ((ago - 1) / _HALF_LIFE), sums)
            for ago, own in near.items()
            if isinstance(sums := own.get((hospital, kind, PROVED)), Moments)
        ]
        used = sum(sums.n for _, sums in proved)
        factors = {
            column: factor_of(proved, columns, share, network.get(column, NONE))
            if used >= FEWEST
            else network.get(column, NONE)
            for column, columns in _PROVED.items()
        }
        if hospital == "all":
            network = factors
        found[hospital, kind, CORRECTED] = _times(estimated, factors[RIGHT], factors[LABELS], used)
    return found


def _times(estimated: Moments, right: Factor, labels: Factor, used: int) -> Moments:
    """Estimated rows with right and labels multiplied, and what was multiplied by in columns of their own."""
    assert estimated.products is not None
    factors = np.ones(len(estimated.sums))
    # no more codes can be right than are accepted
    most = float(estimated.sums[ACCEPTED] / estimated.sums[RIGHT]) if estimated.sums[RIGHT] > 0 else 1.0
    factors[RIGHT], factors[LABELS] = min(right.value, max(most, 1.0)), labels.value
    factors[NOISE] = factors[RIGHT] ** 2
    sums = estimated.sums * factors
    whole = float(sums[ACCEPTED] + sums[LABELS])
    f1 = 2.0 * float(sums[RIGHT]) / whole if whole > 0 else 0.0
    # the factors' errors, of labels as far as they move F1 (2 right / (accepted + labels))
    sums[NOISE] += float(sums[RIGHT]) ** 2 * right.variance + (f1 / 2 * float(sums[LABELS])) ** 2 * labels.variance
    told = np.zeros(3)
    told[[LABELS_USED - len(sums), FACTOR_RIGHT - len(sums), FACTOR_LABELS - len(sums)]] = (
        used,
        factors[RIGHT],
        factors[LABELS],
    )
    products = np.zeros((len(sums) + 3, len(sums) + 3))
    products[: len(sums), : len(sums)] = estimated.products * np.outer(factors, factors)
    return Moments(estimated.n, np.concatenate([sums, estimated.n * told]), products)
