"""How sure the principal is, and which encounters a coder should look at before they are billed.

A model says a calibrated probability that its principal is right; below the threshold that was certified for a stated
error the encounter goes to review. The guidelines say no probability: they ask for review where nothing that should
lead is listed, and where the two best codes are close.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from medcode_ml.ranking.eligibility import FREE
from medcode_ml.ranking.knowledge import BoolArray, FloatArray
from medcode_ml.ranking.order import Order
from medcode_ml.ranking.reading import ReadBatch

CLOSE_CALL: Final = 0.5
"""Share of the principal among the candidates below which the guidelines call the choice close."""
_SURE: Final = 0.9995
"""An only candidate has a share of 1; its log-odds end here."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is doubtful about the principal of each encounter; shape (encounters,)."""

    probability: npt.NDArray[np.object_]
    """Calibrated probability that it is right; None where nothing was calibrated or there is no principal."""
    review: BoolArray
    reason: npt.NDArray[np.object_]
    """Why a coder should look, in a sentence; None where nobody needs to."""


def principal_log_odds(order: Order) -> FloatArray:
    """Return the log-odds of each encounter's principal among its candidates; NaN without a principal."""
    share = np.where(order.principal >= 0, order.share[np.maximum(order.principal, 0)], np.nan)
    kept = np.clip(share, 1.0 - _SURE, _SURE)
    return np.asarray(np.log(kept / (1.0 - kept)), dtype=np.float64)


def doubt_of(read: ReadBatch, order: Order, probability: FloatArray | None, review_below: float | None) -> Doubt:
    """Return the doubts about each encounter.

    Args:
        read: the batch. order: its places.
        probability: calibrated, shape (encounters,), NaN where not known; None for the guidelines.
        review_below: threshold that was certified; None where none was, so that every encounter of a model is
            reviewed.
    """
    codes = read.batch.rows.frame["code"].to_numpy(dtype=object)
    led = np.maximum(order.principal, 0)
    has = order.principal >= 0
    bar = np.where(has, read.eligibility.bar[led] if len(codes) else 0, FREE)
    share = np.where(has, order.share[led] if len(codes) else 0.0, 0.0)
    if probability is None:
        said: npt.NDArray[np.object_] = np.full(len(has), None, dtype=object)
        unsure = share < CLOSE_CALL
    else:
        said = probability.astype(object)
        said[np.isnan(probability)] = None
        unsure = np.ones(len(has), np.bool_) if review_below is None else ~(probability >= review_below)
    barred = has & (bar > FREE)
    listed = np.bincount(read.batch.rows.encounter, minlength=len(has)) > 0
    none = ~has & listed
    reason: npt.NDArray[np.object_] = np.full(len(has), None, dtype=object)
    for place in np.flatnonzero(has & unsure):
        reason[place] = _rivals(codes, order, int(place), said[place])
    for place in np.flatnonzero(barred):
        reason[place] = f"{codes[led[place]]} leads only because nothing else that is listed could"
    reason[none] = "No listed code may be principal"
    return Doubt(said, (has & unsure) | barred | none, reason)


def _rivals(codes: npt.NDArray[Any], order: Order, place: int, probability: float | None) -> str:
    """The principal and its rival side by side, with their shares."""
    first, second = int(order.principal[place]), int(order.runner_up[place])
    told = f"{codes[first]} ({order.share[first]:.2f})"
    if second >= 0:
        told += f" or {codes[second]} ({order.share[second]:.2f})"
    return told if probability is None else f"{told}; right with probability {probability:.2f}"
