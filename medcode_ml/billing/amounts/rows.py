"""The columns that contenders read of a case: its DRG, its hospital, what others say of the two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from medcode_ml.billing.amounts.basis import NEIGHBOURS, Basis, ProviderView
from medcode_ml.billing.amounts.cases import TARGETS, AmountCases, Floats, Ints
from medcode_ml.billing.amounts.places import NAMES as PEOPLE
from medcode_ml.billing.amounts.providers import drg_places
from medcode_ml.billing.amounts.weights import grouped

_MIXES: Final = 15
NAMES: Final = (
    *(f"effect of the DRG on {target}" for target in TARGETS),
    *(f"level of {target}" for target in TARGETS),
    "likeness of the most alike hospital",
    "weight",
    "surgical",
    "category",
    "discharges",
    "share of the hospital's discharges",
    "discharges of the hospital",
    "DRGs of the hospital",
    "mean effect of its DRGs",
    "share of surgical discharges",
    "latitude",
    "longitude",
    "certification number",
    *PEOPLE,
    *(f"mix {number}" for number in range(_MIXES)),
    *(f"left of {target} by {name}" for target in TARGETS for name in NEIGHBOURS),
)


@dataclass(frozen=True)
class Rows:
    """The columns of `n` cases.

    Attributes:
        values: float32 (n, len(NAMES)), NaN where not known.
        drg: int (n,), place among the basis' DRGs, -1 of others. provider: int (n,).
        base: by target, float (n,), log dollars by effect and level: what contenders begin at.
    """

    values: npt.NDArray[np.float32]
    drg: Ints
    provider: Ints
    base: dict[str, Floats]

    def of(self, rows: npt.NDArray[np.bool_]) -> Rows:
        """Some of the cases."""
        return Rows(
            self.values[rows], self.drg[rows], self.provider[rows], {t: own[rows] for t, own in self.base.items()}
        )


def rows_of(cases: AmountCases, basis: Basis, view: ProviderView) -> Rows:
    """The columns of `cases`, whose hospitals `view` is of."""
    drg, provider = drg_places(cases.drg, basis.drgs), cases.provider
    facts = view.located.facts
    effects = {target: basis.effect(target, cases.drg) for target in TARGETS}
    total = np.maximum(facts.counts.sum(axis=1), 1.0)
    shares = facts.counts / total[:, None]
    categories = {name: float(i) for i, name in enumerate(sorted({_of(d)[2] for d in basis.drgs}))}
    own = {name: _of(name) for name in set(cases.drg)}
    of_drg = {name: (np.log(w), s, categories.get(c, np.nan)) for name, (w, s, c) in own.items()}
    surgical = np.nan_to_num([_of(name)[1] for name in basis.drgs])
    by_provider = np.column_stack(
        [
            np.log(total),
            (facts.counts > 0).sum(axis=1),
            shares @ basis.effects[TARGETS[0]],
            shares @ surgical,
            facts.degrees,
            facts.number,
            facts.people,
            view.located.counts[:, :_MIXES],
        ]
    )
    wide = np.full((len(facts), _MIXES - min(_MIXES, view.located.counts.shape[1])), np.nan)
    by_provider = np.column_stack([by_provider, wide])
    left = [
        np.where(drg >= 0, view.left[target][kind][provider, np.maximum(drg, 0)], 0.0)
        for target in TARGETS
        for kind in range(len(NEIGHBOURS))
    ]
    values = np.column_stack(
        [
            *(effects[target] for target in TARGETS),
            *(view.level[target][provider] for target in TARGETS),
            view.near[provider],
            np.array([of_drg[name] for name in cases.drg], dtype=np.float64).reshape(len(cases), 3),
            np.log(cases.discharges),
            np.log(cases.discharges / total[provider]),
            by_provider[provider],
            *left,
        ]
    ).astype(np.float32)
    base = {target: effects[target] + view.level[target][provider] for target in TARGETS}
    return Rows(values, drg, provider, base)


def _of(drg: str) -> tuple[float, float, str]:
    """Weight, surgical (1) or not, category; NaN where the grouper has no such DRG."""
    facts = grouped(drg)
    return (np.nan, np.nan, "") if facts is None else (facts.weight, float(facts.surgical), facts.category)
