"""What is learned before any contender: effects of DRGs, levels of hospitals, and what is left by hospital and DRG.

A `ProviderView` says of a hospital what all others say of it. Of one that was learned from it is the same: its own
amounts are left out, so that contenders learn on what they will be given for a new hospital.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from medcode_ml.billing.amounts.cases import TARGETS, USUAL_DISCHARGES, AmountCases, Floats
from medcode_ml.billing.amounts.kernels import NAMES as KERNELS
from medcode_ml.billing.amounts.kernels import Matrix, kernels
from medcode_ml.billing.amounts.levels import LevelProcess, effects_and_levels
from medcode_ml.billing.amounts.providers import Located, ProviderSpace, drg_places, facts_of
from medcode_ml.billing.amounts.weights import grouped

LEAST_CELL: Final = 11
"""Discharges of a hospital and DRG below which nothing of its amounts is kept: the least cell that CMS publishes."""
NEIGHBOURS: Final = ("40 miles", "state", "case mix, near", "letters within 400 miles", "case mix within 600 miles")
"""Kernels by which what is left of a DRG at other hospitals is averaged."""
_PRIOR: Final = 1.0
"""Weight of nothing left, beside hospitals of likeness 1."""
_CHUNK: Final = 1000
_COUNTED: Final = (0.5, 2.0)


@dataclass(frozen=True)
class ProviderView:
    """What others say of `q` hospitals.

    Attributes:
        located: the hospitals.
        level: by target, float (q,), log dollars around 0. near: float (q,), likeness of the most alike, 0 to 1.
        left: by target, float (neighbours, q, m), what is left of each DRG at hospitals alike.
    """

    located: Located
    level: Mapping[str, Floats]
    near: Floats
    left: Mapping[str, npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Basis:
    """Fitted on `p` hospitals and `m` DRGs.

    Attributes:
        drgs: three digits each, sorted.
        effects: by target, float (m,). lines: by target, offset and slope of the effect on the log weight.
        space: of the hospitals. located: those learned from.
        processes: of the levels, by target.
        left, counted: by target, float (p, m), weighted sums of what effect and level leave, and their weights.
    """

    drgs: tuple[str, ...]
    effects: Mapping[str, Floats]
    lines: Mapping[str, tuple[float, float]]
    space: ProviderSpace
    located: Located
    processes: Mapping[str, LevelProcess]
    left: Mapping[str, Matrix]
    counted: Matrix

    @staticmethod
    def fit(
        cases: AmountCases, steps: int, start: Mapping[str, LevelProcess] | None = None
    ) -> tuple[Basis, ProviderView]:
        """Fit it on cases with both amounts, and say what the others say of each of their hospitals.

        `steps` bounds the search for the kernels' variances; with `start` those of other processes are taken.
        """
        drgs = tuple(sorted(set(cases.drg)))
        place = drg_places(cases.drg, drgs)
        facts = facts_of(cases, drgs)
        space = ProviderSpace.fit(facts)
        located = space.located(facts)
        matrices = dict(kernels(located, located))
        rows = np.bincount(cases.provider, minlength=len(located))
        size = _size(cases.discharges) * (facts.counts[cases.provider, place] >= LEAST_CELL)
        counted = np.zeros((len(located), len(drgs)), dtype=np.float32)
        np.add.at(counted, (cases.provider, place), size)
        effects, lines, processes, left = {}, {}, {}, {}
        for target in TARGETS:
            y = np.log(cases.amounts[target])
            lines[target], begin = _line(y, place, drgs)
            effects[target], level = effects_and_levels(y, place, cases.provider, begin, len(located))
            own = None if start is None else start[target].variances
            processes[target] = LevelProcess.fit(list(matrices.values()), level, rows, steps, own)
            left[target] = np.zeros_like(counted)
            np.add.at(
                left[target], (cases.provider, place), size * (y - effects[target][place] - level[cases.provider])
            )
        basis = Basis(drgs, effects, lines, space, located, processes, left, counted)
        covariance = processes[TARGETS[0]].covariance(matrices)
        np.fill_diagonal(covariance, 0.0)
        for matrix in matrices.values():
            np.fill_diagonal(matrix, 0.0)
        return basis, ProviderView(
            located,
            {target: process.without for target, process in processes.items()},
            basis._near(covariance),
            basis._left({name: matrices[name] for name in NEIGHBOURS}),
        )

    def view(self, cases: AmountCases) -> ProviderView:
        """What is said of the hospitals of `cases`."""
        located = self.space.located(facts_of(cases, self.drgs))
        known = {name: place for place, name in enumerate(self.located.facts.ids)}
        own = np.array([known.get(name, -1) for name in located.facts.ids], dtype=np.int64)
        level = {target: np.zeros(len(located)) for target in TARGETS}
        near = np.zeros(len(located))
        left = {
            target: np.zeros((len(NEIGHBOURS), len(located), len(self.drgs)), dtype=np.float32) for target in TARGETS
        }
        for first in range(0, len(located), _CHUNK):
            some = slice(first, min(first + _CHUNK, len(located)))
            matrices = dict(kernels(located.some(some), self.located))
            told = np.flatnonzero(own[some] >= 0)
            for matrix in matrices.values():
                matrix[told, own[some][told]] = 0.0
            for target, process in self.processes.items():
                said = process.predicted(process.covariance(matrices))
                said[told] = process.without[own[some][told]]
                level[target][some] = said
            near[some] = self._near(self.processes[TARGETS[0]].covariance(matrices))
            for target, values in self._left({name: matrices[name] for name in NEIGHBOURS}).items():
                left[target][:, some] = values
        return ProviderView(located, level, near, left)

    def effect(self, target: str, drg: npt.NDArray[np.object_]) -> Floats:
        """The effect of each DRG, shape (n,); of one that was not learned, by its weight.

        NaN where it has no weight either.
        """
        place = drg_places(drg, self.drgs)
        found = self.effects[target][place]
        offset, slope = self.lines[target]
        for row in np.flatnonzero(place < 0):
            facts = grouped(drg[row])
            found[row] = np.nan if facts is None else offset + slope * np.log(facts.weight)
        return found

    def knows(self, drg: str) -> bool:
        """Whether a DRG can be priced."""
        return drg in self.drgs or grouped(drg) is not None

    def _near(self, covariance: Matrix) -> Floats:
        whole = float(self.processes[TARGETS[0]].variances[: len(KERNELS)].sum())
        found: Floats = covariance.max(axis=1, initial=0.0).astype(np.float64) / max(whole, 1e-9)
        return found

    def _left(self, matrices: Mapping[str, Matrix]) -> dict[str, npt.NDArray[np.float32]]:
        found: dict[str, list[Matrix]] = {target: [] for target in TARGETS}
        for name in NEIGHBOURS:
            weight = matrices[name] @ self.counted + np.float32(_PRIOR)
            for target in TARGETS:
                found[target].append(matrices[name] @ self.left[target] / weight)
        return {target: np.stack(values) for target, values in found.items()}


def _size(discharges: Floats) -> npt.NDArray[np.float32]:
    """How much a row counts: by the root of its discharges, within bounds."""
    return np.sqrt(discharges / USUAL_DISCHARGES).clip(*_COUNTED).astype(np.float32)


def _line(y: Floats, place: npt.NDArray[Any], drgs: tuple[str, ...]) -> tuple[tuple[float, float], Floats]:
    """Offset and slope of log amounts on log weights, and the effect of every DRG by it."""
    known = [grouped(drg) for drg in drgs]
    logs = np.array([np.nan if facts is None else np.log(facts.weight) for facts in known])
    x = logs[place]
    some = ~np.isnan(x)
    if np.unique(x[some]).size > 1:
        slope, offset = np.polyfit(x[some], y[some], 1)
    else:
        slope, offset = 1.0, float(np.mean(y[some] - x[some])) if some.any() else float(y.mean())
    start = np.where(np.isnan(logs), float(y.mean()), offset + slope * np.nan_to_num(logs))
    return (float(offset), float(slope)), start
