"""The features of a candidate as the network sees them: each column cut at its quantiles, silence kept apart.

Piecewise linear encoding (Gorishniy et al. 2022) lets a small network bend where a tree would split; columns need no
normalising beforehand and an outlier moves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

FloatArray = npt.NDArray[np.float32]


def feature_edges(features: FloatArray, labels: npt.NDArray[np.bool_], bins: int) -> FloatArray:
    """Edges of the bins of each column: quantiles of its values among candidates that are right and that are not.

    Codes that are right are few; without their own quantiles the edges would lie where nothing is decided.

    Returns:
        float32 (columns, bins + 1), ascending, NaN after the last edge; a column of one value or none has no bin.
    """
    out = np.full((features.shape[1], bins + 1), np.nan, dtype=np.float32)
    at = np.linspace(0.0, 1.0, bins // 2 + 1)
    for column in range(features.shape[1]):
        values = features[:, column]
        heard = np.isfinite(values)
        parts = [values[heard & labels], values[heard & ~labels]]
        quantiles = [np.quantile(part, at).astype(np.float32) for part in parts if len(part)]
        edges = np.unique(np.concatenate(quantiles)) if quantiles else np.empty(0, dtype=np.float32)
        if len(edges) > bins + 1:
            edges = edges[np.linspace(0, len(edges) - 1, bins + 1).round().astype(int)]
        if len(edges) > 1:
            out[column, : len(edges)] = edges
    return out


def padded_edges(bins: Sequence[Sequence[float]]) -> torch.Tensor:
    """The edges of `FeatureEncoding.bins` as `feature_edges` gives them."""
    out = torch.full((len(bins), max((len(column) for column in bins), default=0) or 1), float("nan"))
    for i, column in enumerate(bins):
        out[i, : len(column)] = torch.tensor(column)
    return out


class FeatureEncoding(nn.Module):
    """Features (candidates, columns) to (candidates, size_out), every value between 0 and 1.

    Attributes:
        size_out: bins of all columns and one flag a column that says the channel was silent.
    """

    lower: torch.Tensor
    steepness: torch.Tensor
    column: torch.Tensor

    def __init__(self, edges: torch.Tensor) -> None:
        """Bins between the `edges` of `feature_edges`."""
        super().__init__()
        self._edges = edges
        used = torch.isfinite(edges[:, 1:])
        width = (edges[:, 1:] - edges[:, :-1])[used]
        self.register_buffer("lower", edges[:, :-1][used])
        self.register_buffer("steepness", 1.0 / width.clamp(min=1e-12))
        self.register_buffer("column", used.nonzero()[:, 0])
        self.size_out = int(used.sum()) + len(edges)

    def bins(self) -> list[list[float]]:
        """The edges of each column as JSON."""
        return [[e for e in column if e == e] for column in self._edges.tolist()]

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Encode `features`, which may hold NaN where a channel said nothing."""
        silent = torch.isnan(features)
        values = torch.nan_to_num(features)[:, self.column]
        filled = ((values - self.lower) * self.steepness).clamp(0.0, 1.0)
        return torch.cat([filled.masked_fill(silent[:, self.column], 0.0), silent.to(filled.dtype)], dim=1)
