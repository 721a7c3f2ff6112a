"""Figures of the order of codes, one value for each stay, from the places that the true codes got.

A true code that an order lacks stands behind all others, tied with those that lack too: its reciprocal rank and its
gain are 0. A code that the truth does not have keeps its place and gains nothing; copies of a code count once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from medcode_ml.codes.identifiers import undotted
from medcode_ml.ranking.gains import LAST_GAINING, gains

Floats = npt.NDArray[np.float64]
Orders = Sequence[Sequence[str]]

CUTS: Final = (5, 10)
NAMES: Final[Mapping[str, str]] = {
    "principal_top1": "principal found",
    "principal_top3": "principal among the first 3",
    "mean_reciprocal_rank": "mean reciprocal rank",
    "ndcg_at_5": "nDCG@5",
    "ndcg_at_10": "nDCG@10",
    "kendall_tau_b_top10": "Kendall tau-b, top 10",
}
"""Every figure of `order_figures`, in a reader's words."""


def bare(code: str) -> str:
    """A code as codes are compared here: upper case, without its dot."""
    return undotted(code).strip().upper()


def places(orders: Orders, truths: Orders) -> Floats:
    """Place, 1 first, that each of the first ten true codes got; inf where it lacks, NaN where the truth is shorter.

    Codes may be dotted or not. Shape (stays, 10).
    """
    found = np.full((len(truths), LAST_GAINING), np.nan)
    for stay, (order, truth) in enumerate(zip(orders, truths, strict=True)):
        distinct = dict.fromkeys(bare(code) for code in order)
        place = {code: number for number, code in enumerate(distinct, start=1)}
        true = list(dict.fromkeys(bare(code) for code in truth))[:LAST_GAINING]
        found[stay, : len(true)] = [place.get(code, np.inf) for code in true]
    return found


def order_figures(orders: Orders, truths: Orders) -> dict[str, Floats]:
    """Return the figures of `NAMES` for each stay, NaN where a stay has none; shape (stays,) each.

    Kendall's tau-b (Kendall 1945) is that of the first ten true codes, NaN for fewer than two; 0 where the order has
    none of them. nDCG takes the gains of `gains.py` by true place and 1 / log2(place + 1) (Järvelin and Kekäläinen
    2002).
    """
    place = places(orders, truths)
    first = place[:, 0]
    figures = {
        "principal_top1": _where_known(first, first == 1),
        "principal_top3": _where_known(first, first <= 3),
        "mean_reciprocal_rank": 1.0 / first,
    }
    worth = gains(np.arange(1, LAST_GAINING + 1))
    discount = 1.0 / np.log2(place + 1.0)
    ideal = worth / np.log2(np.arange(1, LAST_GAINING + 1) + 1.0)
    for cut in CUTS:
        gained = np.where(place <= cut, worth * discount, 0.0).sum(axis=1)
        best = np.where(np.isnan(place), 0.0, ideal)[:, :cut].sum(axis=1)
        figures[f"ndcg_at_{cut}"] = np.divide(gained, best, out=np.full(len(best), np.nan), where=best > 0)
    figures["kendall_tau_b_top10"] = _kendall(place)
    return figures


def _where_known(first: Floats, holds: npt.NDArray[np.bool_]) -> Floats:
    return np.where(np.isnan(first), np.nan, holds.astype(np.float64))


def _kendall(place: Floats) -> Floats:
    """Tau-b between the true places and `place`, shape (stays, 10) -> (stays,); ties are codes that both lack."""
    earlier, later = np.triu_indices(place.shape[1], k=1)
    both = ~np.isnan(place[:, later])
    # the sign alone counts; inf - inf would be no number
    finite = np.where(np.isinf(place), np.finfo(np.float64).max, place)
    agrees = np.where(both, np.sign(finite[:, later] - finite[:, earlier]), 0.0)
    pairs = both.sum(axis=1)
    untied = np.abs(agrees).sum(axis=1)
    tau = np.divide(agrees.sum(axis=1), np.sqrt(pairs * untied), out=np.zeros(len(place)), where=untied > 0)
    return np.where(pairs > 0, tau, np.nan)
