"""Fitting the scorers on proposals, out of fold for what has to be chosen and once more on all charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from medcode_ml.coding.model import candidate_table, foremost
from medcode_ml.coding.proposals.charts import LabelledChart
from medcode_ml.coding.proposals.table import Proposals
from medcode_ml.coding.reranker import Reranker
from medcode_ml.coding.training_parameters import TrainingParameters

if TYPE_CHECKING:
    from medcode_ml.coding.network.scorer import NetworkScorer
from medcode_ml.models.tracking import Run

LEARNED_FROM = 80
"""Proposals of a chart that the network learns from: it needs more wrong ones than it later has to look at."""
BLENDS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class OutOfFold:
    """Out-of-fold logits of the training proposals: of the trees, of the network (NaN where it did not look)."""

    trees: npt.NDArray[np.float64]
    network: npt.NDArray[np.float64] | None
    rows: npt.NDArray[np.intp]

    def blended(self, weight: float) -> npt.NDArray[np.float64]:
        """The logits that the finished model would give with this weight of the network."""
        if self.network is None or not weight:
            return self.trees
        out = self.trees.copy()
        out[self.rows] = weight * self.network[self.rows] + (1 - weight) * self.trees[self.rows]
        return out


def is_true(proposals: Proposals, charts: Sequence[LabelledChart]) -> npt.NDArray[np.bool_]:
    """Whether each proposal is one of its chart's codes."""
    wanted = [frozenset(c.codes) for c in charts]
    pairs = zip(proposals.chart.tolist(), proposals.codes[proposals.code], strict=True)
    return np.array([code in wanted[chart] for chart, code in pairs], dtype=bool)


def trees_out_of_fold(
    proposals: Proposals, truth: npt.NDArray[np.bool_], folds: npt.NDArray[np.int64], p: TrainingParameters
) -> npt.NDArray[np.float64]:
    """Logits of the re-ranker by the other charts, in half as many folds as the proposals."""
    part = (folds % max(2, p.folds // 2))[proposals.chart]
    logits = np.zeros(len(truth))
    for fold in np.unique(part):
        own = part == fold
        fitted = Reranker.fit(proposals.features[~own], truth[~own], p.reranker, p.seed)
        logits[own] = fitted.scores(proposals.features[own])
    return logits


@dataclass(frozen=True)
class NetworkTraining:
    """Fits the network on the foremost proposals of charts; the same for a part of them and for all."""

    proposals: Proposals
    truth: npt.NDArray[np.bool_]
    trees: npt.NDArray[np.float64]
    texts: Sequence[str]
    parameters: TrainingParameters
    progress: bool = False
    run: Run | None = None
    checkpoints: Path | None = None

    @property
    def rows(self) -> npt.NDArray[np.intp]:
        """The proposals that the network learns from."""
        return foremost(self.proposals, self.trees, LEARNED_FROM)

    def out_of_fold(self, folds: npt.NDArray[np.int64]) -> OutOfFold:
        """Logits by networks of the other charts."""
        rows, parts = self.rows, self.parameters.network_folds
        logits = np.full(len(self.truth), np.nan)
        part = (folds % parts)[self.proposals.chart[rows]]
        for fold in np.unique(part):
            own = rows[part == fold]
            scorer = self._fit(rows[part != fold], f"network_{fold}", None)
            logits[own] = scorer.scores(self.texts, candidate_table(self.proposals, own))
        return OutOfFold(self.trees, logits, rows)

    def whole(self) -> NetworkScorer:
        """The network of all charts."""
        return self._fit(self.rows, "network", self.run)

    def _fit(self, chosen: npt.NDArray[np.intp], name: str, run: Run | None) -> NetworkScorer:
        from medcode_ml.coding.network.parameters import NetworkParameters
        from medcode_ml.coding.network.scorer import NetworkScorer

        return NetworkScorer.fit(
            self.texts,
            candidate_table(self.proposals, chosen),
            self.truth[chosen],
            parameters=NetworkParameters(**self.parameters.network),
            seed=self.parameters.seed,
            progress=self.progress,
            checkpoint_folder=None if self.checkpoints is None else self.checkpoints / name,
            run=run,
        )


def choose_blend(found: OutOfFold, truth: npt.NDArray[np.bool_], true_codes: int) -> tuple[float, float]:
    """The network's weight of the best micro-F1 out of fold, and the logit from which on codes are then accepted."""
    weights = BLENDS if found.network is not None else (0.0,)
    best = max((f1_at(found.blended(w), truth, true_codes), -abs(w - 0.5), w) for w in weights)[2]
    return best, best_cut(found.blended(best), truth, true_codes)


def best_cut(logits: npt.NDArray[np.float64], truth: npt.NDArray[np.bool_], true_codes: int) -> float:
    """The logit from which on accepted codes have the best micro-F1; `true_codes` counts those not proposed too."""
    order = np.argsort(-logits, kind="stable")
    hits = np.cumsum(truth[order])
    place = int(np.argmax(2 * hits / (np.arange(1, len(order) + 1) + true_codes)))
    return float(logits[order[place]])


def f1_at(logits: npt.NDArray[np.float64], truth: npt.NDArray[np.bool_], true_codes: int) -> float:
    """Micro-F1 at the best cut."""
    taken = logits >= best_cut(logits, truth, true_codes)
    return float(2 * truth[taken].sum() / (taken.sum() + true_codes))
