"""The two kinds of scorer a ranking model may hold: the network's weights, or boosted trees where they won."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from medcode_ml.models.contents import Writer, booster_file, tensor_file
from medcode_ml.models.folder import ModelFolder
from medcode_ml.ranking.boosting import RankingTrees
from medcode_ml.ranking.knowledge import FloatArray, IntArray
from medcode_ml.ranking.lists import Lists
from medcode_ml.ranking.network.scorer import NetworkWeights

NETWORK: Final = "network"
_WEIGHTS: Final = "network.safetensors"
_TREES: Final = "trees.txt"


@dataclass(frozen=True)
class NetworkScorer:
    """Scores by the network: the sum of the columns by their weights, and the layer where there is one."""

    weights: NetworkWeights

    def principal_scores(self, lists: Lists) -> FloatArray:
        """Score of each row as principal; shape (rows,)."""
        return self.weights.principal_scores(lists.values, self._hospital(lists))

    def order_scores(self, lists: Lists) -> FloatArray:
        """Score of each row for the places after the principal; shape (rows,)."""
        return self.weights.order_scores(lists.values)

    def contributions(self, lists: Lists) -> tuple[FloatArray, FloatArray]:
        """What each column adds to either score: exact for the sum, by occlusion for the layer."""
        own, values = self.weights, lists.values
        lead = own.contributions(values, self._hospital(lists)) + own.occlusion(values, "principal")
        return lead, own.order_contributions(values) + own.occlusion(values, "order")

    def files(self) -> dict[str, Writer]:
        """The files of a model folder that hold it."""
        return {_WEIGHTS: tensor_file(self.weights.arrays())}

    @staticmethod
    def read(folder: ModelFolder) -> NetworkScorer:
        """The network of a model folder."""
        return NetworkScorer(NetworkWeights.from_arrays(folder.tensors(_WEIGHTS)))

    def _hospital(self, lists: Lists) -> IntArray:
        return self.weights.hospital_numbers(lists.hospitals)[lists.encounter]


@dataclass(frozen=True)
class TreesScorer:
    """Scores by boosted trees: one score for both decisions."""

    trees: RankingTrees

    def principal_scores(self, lists: Lists) -> FloatArray:
        """Score of each row as principal; shape (rows,)."""
        return self.trees.scores(lists.values)

    def order_scores(self, lists: Lists) -> FloatArray:
        """The same score for the places after it."""
        return self.trees.scores(lists.values)

    def contributions(self, lists: Lists) -> tuple[FloatArray, FloatArray]:
        """What each column adds to the score (TreeSHAP, exact), twice."""
        found = np.asarray(self.trees.contributions(lists.values), dtype=np.float64)
        return found, found

    def files(self) -> dict[str, Writer]:
        """The files of a model folder that hold it."""
        return {_TREES: booster_file(self.trees.booster)}

    @staticmethod
    def read(folder: ModelFolder, objective: str) -> TreesScorer:
        """The trees of a model folder."""
        return TreesScorer(RankingTrees(folder.booster(_TREES), objective))
