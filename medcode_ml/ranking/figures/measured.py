"""Every figure of one set of orders, by stay; their means with intervals by patient; differences of two sets.

Intervals are drawn by patient (`models/bootstrap.py`): the stays of one patient are alike. Means come twice, over the
stays and over the patients (each patient's mean counting once), as a few patients have most of the stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from medcode_ml.models.bootstrap import RESAMPLES, SEED, Floats, Measure, estimates, ratio, share
from medcode_ml.ranking.figures.drg import StayGrouper, agreement
from medcode_ml.ranking.figures.orders import NAMES as ORDER_NAMES
from medcode_ml.ranking.figures.orders import Orders, order_figures
from medcode_ml.ranking.labelled.stay import LabelledStay

NAMES: Final[Mapping[str, str]] = {
    **ORDER_NAMES,
    "drg_agreement_with_recorded": "MS-DRG as recorded",
    "drg_family_agreement_with_recorded": "MS-DRG family as recorded",
    "drg_agreement_with_true_order": "MS-DRG of the true order",
    "drg_family_agreement_with_true_order": "MS-DRG family of the true order",
    "drg_of_true_order_agreement_with_recorded": "true order: MS-DRG as recorded",
    "case_mix_ratio": "case mix / that of the true order",
}
"""Every figure in a reader's words."""
RATIO: Final = "case_mix_ratio"
OF_ORDERS: Final = tuple(name for name in NAMES if name != "drg_of_true_order_agreement_with_recorded")
"""The figures in which two sets of orders can differ."""
BY_STAY: Final = "by_encounter"
BY_PATIENT: Final = "by_patient"

Sums = tuple[Floats, Floats]


@dataclass(frozen=True)
class Measured:
    """Figures of one set of orders.

    Attributes:
        patients: patient of each stay. Shape (stays,).
        values: figures of each stay, NaN where it has none. Shape (stays,) each.
        weights: DRG weight of the order and of the true order, NaN in both where either has none. Shape (stays,) each.
    """

    patients: tuple[str, ...]
    values: Mapping[str, Floats]
    weights: Sums

    def counts(self) -> dict[str, int]:
        """Stays that each figure was measured on."""
        counted = {name: int((~np.isnan(values)).sum()) for name, values in self.values.items()}
        return counted | {RATIO: int((~np.isnan(self.weights[0])).sum())}


class Gold:
    """The stays asked for, with all that does not depend on the orders measured."""

    def __init__(self, stays: Sequence[LabelledStay]) -> None:
        self.stays = tuple(stays)
        self.truths = [stay.codes for stay in stays]
        self.patients = tuple(stay.patient_id for stay in stays)
        self.recorded = [stay.drg for stay in stays]
        self.grouper = StayGrouper(stays)
        self.true_drgs = self.grouper.drgs(self.truths)
        self._true_weights = self.grouper.weights(self.true_drgs)

    def measure(self, orders: Orders) -> Measured:
        """Measure one order for each stay; an empty one is an order of nothing."""
        values = order_figures(orders, self.truths)
        drgs = self.grouper.drgs(orders)
        for name, wanted in (("recorded", self.recorded), ("true_order", self.true_drgs)):
            values[f"drg_agreement_with_{name}"] = agreement(drgs, wanted)
            values[f"drg_family_agreement_with_{name}"] = agreement(drgs, wanted, of_family=True)
        values["drg_of_true_order_agreement_with_recorded"] = agreement(self.true_drgs, self.recorded)
        own = self.grouper.weights(drgs)
        both = ~np.isnan(own) & ~np.isnan(self._true_weights)
        weights = np.where(both, own, np.nan), np.where(both, self._true_weights, np.nan)
        return Measured(self.patients, values, weights)


def averaged(several: Sequence[Measured]) -> Measured:
    """The mean of several sets of orders of the same stays, such as random ones, by stay."""
    first = several[0]
    values = {name: np.mean([one.values[name] for one in several], axis=0) for name in first.values}
    # a stay may have a weight in some of the orders only: sums, so that each order counts as measured
    sums = [np.nansum([one.weights[side] for one in several], axis=0) for side in (0, 1)]
    none = np.all([np.isnan(one.weights[0]) for one in several], axis=0)
    return Measured(first.patients, values, (np.where(none, np.nan, sums[0]), np.where(none, np.nan, sums[1])))


def summary(measured: Measured, *, resamples: int = RESAMPLES, seed: int = SEED) -> dict[str, Any]:
    """Every figure under `by_encounter` and `by_patient`, each with its 95% interval under `<name>_95`.

    A figure that no stay has is None, and so is its interval; no resamples, no intervals.
    """
    patient, people = _numbered(measured.patients)
    sums = {name: _sums(values, patient, people) for name, values in measured.values.items()}
    weights = _weight_sums(measured, patient, people)
    stays = {name: share(*own) for name, own in sums.items()} | {RATIO: share(*weights[:2])}
    each = {name: share(*_means(*own)) for name, own in sums.items()} | {RATIO: share(*_weight_means(*weights))}
    return {
        BY_STAY: estimates(people, stays, resamples=resamples, seed=seed),
        BY_PATIENT: estimates(people, each, resamples=resamples, seed=seed),
    }


def paired(first: Measured, second: Measured, *, resamples: int = RESAMPLES, seed: int = SEED) -> dict[str, Any]:
    """Differences first - second over the stays that both have, like `summary`; the same patients in every draw.

    Raises:
        ValueError: they were not measured on the same stays.
    """
    if first.patients != second.patients:
        raise ValueError("a paired difference is of the same stays in the same order: measure both on one gold set")
    patient, people = _numbered(first.patients)
    sums = {
        name: _sums(values - second.values[name], patient, people)
        for name, values in first.values.items()
        if name in second.values and name in OF_ORDERS
    }
    both = ~np.isnan(first.weights[0]) & ~np.isnan(second.weights[0])
    sides = [_weight_sums(_only(one, both), patient, people) for one in (first, second)]
    stays = {name: share(*own) for name, own in sums.items()}
    each = {name: share(*_means(*own)) for name, own in sums.items()}
    stays[RATIO] = _difference(sides[0][:2], sides[1][:2])
    each[RATIO] = _difference(_weight_means(*sides[0]), _weight_means(*sides[1]))
    return {
        BY_STAY: estimates(people, stays, resamples=resamples, seed=seed),
        BY_PATIENT: estimates(people, each, resamples=resamples, seed=seed),
    }


def _numbered(patients: Sequence[str]) -> tuple[npt.NDArray[np.intp], int]:
    names, number = np.unique(np.array(patients, dtype=np.str_), return_inverse=True)
    return number, len(names)


def _sums(values: Floats, patient: npt.NDArray[np.intp], people: int) -> Sums:
    """Sum and number of the known values of each patient. Shape (patients,) each."""
    known = ~np.isnan(values)
    sums = np.bincount(patient, weights=np.where(known, values, 0.0), minlength=people).astype(np.float64)
    return sums, np.bincount(patient, weights=known, minlength=people).astype(np.float64)


def _means(sums: Floats, counts: Floats) -> Sums:
    """Mean of each patient, and 1 where there is one."""
    has = (counts > 0).astype(np.float64)
    return np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0), has


def _weight_sums(measured: Measured, patient: npt.NDArray[np.intp], people: int) -> tuple[Floats, Floats, Floats]:
    ours, counts = _sums(measured.weights[0], patient, people)
    return ours, _sums(measured.weights[1], patient, people)[0], counts


def _weight_means(ours: Floats, true: Floats, counts: Floats) -> Sums:
    return _means(ours, counts)[0], _means(true, counts)[0]


def _only(measured: Measured, stays: npt.NDArray[np.bool_]) -> Measured:
    ours, true = (np.where(stays, side, np.nan) for side in measured.weights)
    return Measured(measured.patients, measured.values, (ours, true))


def _difference(first: Sums, second: Sums) -> Measure:
    return lambda drawn: ratio(drawn @ first[0], drawn @ first[1]) - ratio(drawn @ second[0], drawn @ second[1])
