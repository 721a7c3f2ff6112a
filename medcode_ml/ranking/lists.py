"""Encounters as lists of codes with numbers about each: what every ranking model learns from and scores."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from medcode_ml.ranking.knowledge import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Lists:
    """Rows of codes by encounter; `n` rows, `m` columns, `e` encounters.

    The guidelines' own decision is linear in the columns: `values @ start_principal` scores the candidates,
    `values @ start_order` the places after the principal. A model that has learned nothing scores by them.
    """

    values: npt.NDArray[np.float32]
    """Shape (n, m): what is known of each code in its encounter."""
    names: tuple[str, ...]
    """Name of each column."""
    start_principal: FloatArray
    """Shape (m,): the guidelines' weights for the choice of the principal (log-odds)."""
    start_order: FloatArray
    """Shape (m,): the guidelines' weights for the order after the principal."""
    habits: BoolArray
    """Shape (m,): columns whose weight may differ by hospital (sequencing habits)."""
    encounter: IntArray
    """Shape (n,): place of the encounter, 0 to e - 1, ascending; the rows of an encounter stand together."""
    candidate: BoolArray
    """Shape (n,): may be principal. Encounters without any, or whose true principal is none, teach no principal."""
    ordered: BoolArray
    """Shape (n,): takes part in the order of the rest (a diagnosis: no copy, no unknown code, no external cause)."""
    place: IntArray
    """Shape (n,): true place, 1 first; 0 where nobody gave one."""
    patients: tuple[str, ...]
    """Shape (e,): whose encounter it is; training and figures keep patients together."""
    hospitals: tuple[str | None, ...]
    """Shape (e,): where it was, None where that is not known."""

    def __len__(self) -> int:
        return len(self.patients)

    def of(self, encounters: npt.NDArray[np.bool_]) -> Lists:
        """The lists of chosen encounters: a mask of shape (e,)."""
        rows = encounters[self.encounter]
        number = np.cumsum(encounters) - 1
        return replace(
            self,
            values=self.values[rows],
            encounter=number[self.encounter[rows]].astype(np.int64),
            candidate=self.candidate[rows],
            ordered=self.ordered[rows],
            place=self.place[rows],
            patients=tuple(p for p, chosen in zip(self.patients, encounters, strict=True) if chosen),
            hospitals=tuple(h for h, chosen in zip(self.hospitals, encounters, strict=True) if chosen),
        )
