"""The batch as the scoring sees it: code rows with the attributes of their codes and the evidence of their stays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medcode_ml.ranking.attributes import CodeAttributes, CodePairs
from medcode_ml.ranking.context import Context
from medcode_ml.ranking.evidence import DocumentEvidence
from medcode_ml.ranking.frames import CodeRows
from medcode_ml.ranking.knowledge import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class RowPairs:
    """Forced orders within encounters: places of the dependent and the base row, and of the rule; shape (pairs,)."""

    dependent: IntArray
    base: IntArray
    rule: IntArray


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything about one batch; row arrays follow `rows`, encounter arrays the encounter frame."""

    rows: CodeRows
    attributes: CodeAttributes
    pairs: CodePairs
    row_pairs: RowPairs
    context: Context
    documents: DocumentEvidence
    poa: npt.NDArray[np.object_]
    encounters: int

    def any_in_encounter(self, mask: BoolArray) -> BoolArray:
        """Say for each encounter whether any of its rows has `mask`."""
        return np.bincount(self.rows.encounter[mask], minlength=self.encounters).astype(np.bool_)

    def best_in_encounter(self, values: FloatArray) -> FloatArray:
        """Largest value of each encounter, -inf for encounters without rows."""
        best: FloatArray = np.full(self.encounters, -np.inf, dtype=np.float64)
        np.maximum.at(best, self.rows.encounter, values)
        return best


def row_pairs(rows: CodeRows, pairs: CodePairs) -> RowPairs:
    """Find the forced pairs that stand together in an encounter. Copies of a code take no part."""
    nothing = np.zeros(0, dtype=np.int64)
    if not len(pairs.keys) or not len(rows.code):
        return RowPairs(nothing, nothing, nothing)
    count = len(pairs.has_base)
    starts = np.searchsorted(rows.encounter, rows.encounter, side="left")
    ends = np.searchsorted(rows.encounter, rows.encounter, side="right")
    dependents = np.flatnonzero(pairs.has_base[rows.code] & ~rows.duplicate)
    sizes = (ends - starts)[dependents]
    if not sizes.sum():
        return RowPairs(nothing, nothing, nothing)
    # every dependent against every row of its encounter, flat
    dependent = np.repeat(dependents, sizes)
    within = np.arange(len(dependent)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    base = np.repeat(starts[dependents], sizes) + within
    wanted = rows.code[dependent] * count + rows.code[base]
    rule = np.minimum(np.searchsorted(pairs.keys, wanted), len(pairs.keys) - 1)
    real = (pairs.keys[rule] == wanted) & ~rows.duplicate[base]
    return RowPairs(dependent[real].astype(np.int64), base[real].astype(np.int64), rule[real].astype(np.int64))
