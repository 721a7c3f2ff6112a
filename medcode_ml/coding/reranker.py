"""The gradient-boosted re-ranker: scores the same proposals as the network from their columns alone, its rival."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import lightgbm

_SETTLED = 10.0
"""Twice the logit beyond which further trees change nothing that matters."""
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RerankerParameters:
    """Choices of LightGBM; the defaults suit some hundred charts of two hundred proposals.

    `rounds` trees of `leaves` leaves of at least `least` rows, each on a `columns` share of the columns.
    """

    rounds: int = 180
    learning_rate: float = 0.05
    leaves: int = 31
    least: int = 60
    columns: float = 0.3
    l2: float = 20.0

    def facts(self) -> dict[str, Any]:
        """The choices as JSON."""
        return asdict(self)


class Reranker:
    """Trees that score proposals; `fit` or load them."""

    def __init__(self, booster: lightgbm.Booster) -> None:
        """Score with `booster`."""
        self.booster = booster

    @staticmethod
    def fit(features: Floats, labels: npt.NDArray[np.bool_], parameters: RerankerParameters, seed: int) -> Reranker:
        """Fit on proposals: features of shape (rows, columns), labels of shape (rows,)."""
        import lightgbm

        chosen = {
            "objective": "binary",
            "learning_rate": parameters.learning_rate,
            "num_leaves": parameters.leaves,
            "min_data_in_leaf": min(parameters.least, max(1, len(labels) // 50)),
            "feature_fraction": parameters.columns,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "lambda_l2": parameters.l2,
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "verbose": -1,
        }
        return Reranker(lightgbm.train(chosen, lightgbm.Dataset(features, labels), parameters.rounds))

    def scores(self, features: Floats, threads: int = 0) -> npt.NDArray[np.float64]:
        """Logits, shape (rows,); `threads` 0 leaves their number to LightGBM."""
        if not len(features):
            return np.zeros(0)
        found = self.booster.predict(
            features,
            raw_score=True,
            num_threads=threads,
            # most proposals are out of the question after a few dozen trees
            pred_early_stop=True,
            pred_early_stop_freq=20,
            pred_early_stop_margin=_SETTLED,
        )
        return np.asarray(found, dtype=np.float64)
