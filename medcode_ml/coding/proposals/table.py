"""The table of proposals: a row for each chart and code, a column for each thing that speaks for or against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
SPANS = 4


@dataclass(frozen=True)
class Proposals:
    """Proposed codes of a batch of charts.

    Attributes:
        chart: place of the chart in the batch, ascending. Shape (rows,).
        code: place of the code in `codes`, ascending inside a chart. codes: the codes known.
        features: shape (rows, columns), NaN where a channel is silent. columns: their names.
        spans: characters of the phrases that speak for the code, the best first, -1 where none. Shape (rows, SPANS, 2).
    """

    chart: Ints
    code: Ints
    codes: npt.NDArray[np.object_]
    features: Floats
    columns: tuple[str, ...]
    spans: Ints

    def column(self, name: str) -> Floats:
        """One column by its name."""
        return self.features[:, self.columns.index(name)]


def joined(parts: Sequence[tuple[npt.NDArray[np.int64], Proposals]]) -> Proposals:
    """Put together the proposals of parts of a set; each part says which charts of the set it holds."""
    codes = np.unique(np.concatenate([p.codes for _, p in parts]))
    chart = np.concatenate([own[p.chart] for own, p in parts])
    code = np.concatenate([np.searchsorted(codes, p.codes)[p.code] for _, p in parts])
    order = np.lexsort((code, chart))
    return Proposals(
        chart[order].astype(np.int32),
        code[order].astype(np.int32),
        codes,
        np.concatenate([p.features for _, p in parts])[order],
        parts[0][1].columns,
        np.concatenate([p.spans for _, p in parts])[order],
    )
