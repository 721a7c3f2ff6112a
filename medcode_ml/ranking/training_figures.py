"""Figures of a training: the contenders and the guidelines on the same stays, each with its interval by patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from medcode_ml.models.bootstrap import AT_ZERO, estimates, share
from medcode_ml.models.manifest import Figure
from medcode_ml.ranking.columns import true_places
from medcode_ml.ranking.figures.orders import order_figures
from medcode_ml.ranking.knowledge import FloatArray
from medcode_ml.ranking.order import order_of
from medcode_ml.ranking.reading import ReadBatch
from medcode_ml.ranking.scores import Scores

GUIDELINES: Final = "guidelines"
DECIDES: Final = "principal_top1"
"""The figure that decides between contenders."""


@dataclass(frozen=True)
class Contender:
    """One way of ordering the stays: the figures of `figures.orders` for each, shape (stays,), and whose stays."""

    figures: Mapping[str, FloatArray]
    patients: tuple[str, ...]

    def mean(self, name: str) -> float:
        """Mean of a figure over the stays that have it."""
        return float(np.nanmean(self.figures[name]))


def measured(read: ReadBatch, patients: tuple[str, ...], scores: Mapping[str, Scores]) -> dict[str, Contender]:
    """Measure the orders that each of `scores` leads to, forced pairs and all, against the true ones.

    A stay whose true principal is not among its codes has no figures.
    """
    truths = true_orders(read)
    has_principal = np.array([bool(truth) for truth in truths], dtype=np.bool_)
    found = {}
    for name, own in scores.items():
        figures = order_figures(_orders(read, own), truths)
        known = {figure: np.where(has_principal, values, np.nan) for figure, values in figures.items()}
        found[name] = Contender(known, patients)
    return found


def true_orders(read: ReadBatch) -> list[list[str]]:
    """The codes of each stay in true order; nothing for a stay whose principal is not known."""
    rows = read.batch.rows
    place = true_places(read)
    known = np.flatnonzero(place > 0)
    codes = rows.frame["code"].tolist()
    truths: list[list[str]] = [[] for _ in range(read.batch.encounters)]
    led = np.bincount(rows.encounter[place == 1], minlength=read.batch.encounters) > 0
    for row in known[np.lexsort((place[known], rows.encounter[known]))]:
        if led[rows.encounter[row]]:
            truths[rows.encounter[row]].append(codes[row])
    return truths


def _orders(read: ReadBatch, scores: Scores) -> list[list[str]]:
    rows = read.batch.rows
    codes = rows.frame["code"].tolist()
    orders: list[list[str]] = [[] for _ in range(read.batch.encounters)]
    for row in order_of(read.batch, read.eligibility, scores).sorted_rows.tolist():
        orders[rows.encounter[row]].append(codes[row])
    return orders


def figures_of(contenders: Mapping[str, Contender], part: str) -> list[Figure]:
    """Every figure of every contender, and how far each is ahead of the guidelines (paired, by patient)."""
    found: list[Figure] = []
    rule = contenders[GUIDELINES]
    for name, own in contenders.items():
        for figure, values in own.figures.items():
            found += _figure(figure, part, name, values, own.patients)
        if name != GUIDELINES:
            for figure in (DECIDES, "ndcg_at_10"):
                ahead = own.figures[figure] - rule.figures[figure]
                found += _figure(f"{figure}_over_guidelines", part, name, ahead, own.patients)
    return found


def better_beyond_chance(one: Contender, other: Contender) -> bool:
    """Whether `one` finds more principals: the lower end of the paired 95% interval by patient is above 0."""
    told = _mean_by_patient(one.figures[DECIDES] - other.figures[DECIDES], one.patients)
    between = told["mean_95"]
    return isinstance(between, list) and between[0] > AT_ZERO


def _figure(name: str, part: str, coder: str, values: FloatArray, patients: Sequence[str]) -> list[Figure]:
    told = _mean_by_patient(values, patients)
    value, between = told["mean"], told["mean_95"]
    if not isinstance(value, float):
        return []
    low, high = between if isinstance(between, list) else (None, None)
    return [Figure(name, part, coder, value, low, high, int((~np.isnan(values)).sum()))]


def _mean_by_patient(values: FloatArray, patients: Sequence[str]) -> dict[str, float | list[float] | None]:
    """Mean over the stays that have a value, with its interval by patient."""
    counted: npt.NDArray[np.bool_] = ~np.isnan(values)
    if not counted.any():
        return {"mean": None, "mean_95": None}
    _, patient = np.unique(np.array(patients)[counted], return_inverse=True)
    return estimates(
        int(patient.max()) + 1, {"mean": share(np.bincount(patient, values[counted]), np.bincount(patient))}
    )
