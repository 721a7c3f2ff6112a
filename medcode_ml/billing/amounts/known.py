"""Amounts of a hospital that are known, and what they say of its other DRGs: simple kriging of what a model leaves.

What the model leaves of charges and payments is taken as jointly normal over the DRGs of a hospital. Its covariance is
that of what was left at hospitals the model had not seen; so one known DRG tells a little, and twenty nearly all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from medcode_ml.billing.amounts.cases import TARGETS, Floats, Ints

_SHRINK: Final = 20.0
"""Hospitals by which a covariance is drawn to that of all DRGs alike."""
_LEAST: Final = 0.05
"""Share of a variance that always remains a case's own."""
_MOST: Final = 400
"""Known cases of a hospital that are weighed; of more, the first."""


@dataclass(frozen=True)
class KnownAmounts:
    """Covariance of what is left.

    Attributes:
        shared: float (2k, 2k), between DRGs, charges first; k is m + 1, the last any other DRG.
        own: float (2k,), variance that a single case has for itself.
    """

    shared: Floats
    own: Floats

    @staticmethod
    def fit(left: Mapping[str, Floats], drg: Ints, provider: Ints, drgs: int) -> KnownAmounts:
        """Fit it on what is left (log dollars, by target, shape (n,)) of cases that the model had not seen."""
        hospitals, place = np.unique(provider, return_inverse=True)
        kinds = drgs + 1
        total = np.zeros((len(hospitals), 2 * kinds))
        count = np.zeros_like(total)
        for i, target in enumerate(TARGETS):
            column = np.where(drg < 0, drgs, drg) + i * kinds
            np.add.at(total, (place, column), left[target])
            np.add.at(count, (place, column), 1.0)
        mean = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
        has = (count > 0).astype(np.float64)
        together, products = has.T @ has, mean.T @ mean
        shared, own = np.zeros((2 * kinds, 2 * kinds)), np.zeros(2 * kinds)
        blocks = [slice(0, kinds), slice(kinds, 2 * kinds)]
        for a, first in enumerate(blocks):
            for b, second in enumerate(blocks):
                counted, summed = together[first, second].copy(), products[first, second].copy()
                apart = ~np.eye(kinds, dtype=bool) if a == b else np.ones((kinds, kinds), dtype=bool)
                usual = summed[apart].sum() / max(counted[apart].sum(), 1.0)
                shared[first, second] = (summed + _SHRINK * usual) / (counted + _SHRINK)
                if a == b:
                    # the diagonal holds the noise of single cases too: what is shared there is taken from the others
                    whole = np.diag(shared[first, second]).copy()
                    linked = _linked(shared[first, second], usual)
                    np.fill_diagonal(shared[first, second], np.minimum(whole * (1.0 - _LEAST), linked))
                    own[first] = np.maximum(whole - np.diag(shared[first, second]), _LEAST * np.maximum(whole, 1e-6))
        sizes, axes = np.linalg.eigh((shared + shared.T) / 2.0)
        return KnownAmounts((axes * np.maximum(sizes, 0.0)) @ axes.T, own)

    def told(
        self, left: Mapping[str, Floats], drg: Ints, provider: Ints, noise: Floats | None = None
    ) -> dict[str, tuple[Floats, Floats]]:
        """What the known cases of a hospital say of each of its cases, never of a case by its own amounts.

        Args:
            left: by target, shape (n,): log amount less log price; NaN where the amount is not known.
            drg, provider: of each case, shape (n,).
            noise: variance that each case has beyond that of the cases fitted on, shape (n,): of means over few claims.

        Returns:
            By target: what to add to the log price, and the share of its standard deviation that remains; shape (n,).
        """
        kinds = len(self.own) // 2
        more = np.zeros(len(drg)) if noise is None else noise
        places = [np.where(drg < 0, kinds - 1, drg) + i * kinds for i in range(len(TARGETS))]
        shift = {target: np.zeros(len(drg)) for target in TARGETS}
        remains = {target: np.ones(len(drg)) for target in TARGETS}
        given = np.column_stack([~np.isnan(left[target]) for target in TARGETS])
        order = np.argsort(provider, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(provider[order])) + 1):
            if not given[rows].any():
                continue
            known = [rows[given[rows, i]][:_MOST] for i in range(2)]
            at = np.concatenate([places[i][known[i]] for i in range(2)])
            values = np.concatenate([left[target][known[i]] for i, target in enumerate(TARGETS)])
            owner = np.concatenate(known)
            own = self.own[at] + more[owner]
            inverse = np.linalg.inv(self.shared[np.ix_(at, at)] + np.diag(own))
            for i, target in enumerate(TARGETS):
                says, rest = self._of(rows, places[i][rows], at, owner, values, inverse, own)
                shift[target][rows] = says
                whole = np.diag(self.shared)[places[i][rows]] + self.own[places[i][rows]]
                remains[target][rows] = np.sqrt(np.clip(rest / whole, _LEAST, 1.0))
            both = rows[given[rows].all(axis=1) & np.isin(rows, known[0]) & np.isin(rows, known[1])]
            for i, (says, rest) in enumerate(_without_own(both, known, values, inverse)):
                shift[TARGETS[i]][both] = says
                whole = np.diag(self.shared)[places[i][both]] + self.own[places[i][both]]
                remains[TARGETS[i]][both] = np.sqrt(np.clip(rest / whole, _LEAST, 1.0))
        return {target: (shift[target], remains[target]) for target in TARGETS}

    def _of(
        self, rows: Ints, at_rows: Ints, at: Ints, owner: Ints, values: Floats, inverse: Floats, noise: Floats
    ) -> tuple[Floats, Floats]:
        """Mean and variance of the cases `rows` of one hospital given its known ones.

        Of a case that knows one of its two amounts, that one is left out.
        """
        across = self.shared[np.ix_(at_rows, at)]
        whole = np.diag(self.shared)[at_rows] + self.own[at_rows]
        weights = across @ inverse
        says = weights @ values
        rest = whole - np.einsum("ij,ij->i", weights, across)
        owners, counts = np.unique(owner, return_counts=True)
        for place in np.flatnonzero(np.isin(rows, owners[counts == 1])):
            kept = owner != rows[place]
            less = np.linalg.inv(self.shared[np.ix_(at[kept], at[kept])] + np.diag(noise[kept]))
            own = across[place][kept] @ less
            says[place] = own @ values[kept]
            rest[place] = whole[place] - own @ across[place][kept]
        return says, rest


def _without_own(rows: Ints, known: list[Ints], values: Floats, inverse: Floats) -> list[tuple[Floats, Floats]]:
    """Mean and variance, by target, of cases that know both amounts, given the others of their hospital.

    Leave-two-out in closed form (Rasmussen and Williams 2006, equations 5.12, with blocks for single elements).
    """
    first = pd.Index(known[0]).get_indexer(rows)
    second = len(known[0]) + pd.Index(known[1]).get_indexer(rows)
    pair = np.stack([first, second], axis=1)
    blocks = np.linalg.inv(inverse[pair[:, :, None], pair[:, None, :]])
    means = values[pair] - np.einsum("nij,nj->ni", blocks, (inverse @ values)[pair])
    return [(means[:, i], blocks[:, i, i]) for i in range(2)]


def _linked(block: Floats, usual: float) -> Floats:
    """The shared variance of each DRG by its covariances with the others: that of a single common factor."""
    others = (block.sum(axis=1) - np.diag(block)) / max(len(block) - 1, 1)
    found: Floats = np.maximum(others, 0.0) ** 2 / max(usual, 1e-9)
    return found
