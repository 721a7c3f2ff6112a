"""The trained coder: proposals, their scores by network and re-ranker, calibrated probabilities and bands.

A model folder holds what the proposals learned, the network, the trees and the calibration; nothing outside it is
needed. What the labels taught decides which codes are accepted; the guidelines still speak: a code that they would not
let stand is never in the auto band, and they raise their queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from medcode_ml.codes.release import release_on
from medcode_ml.coding.proposals.charts import Chart
from medcode_ml.coding.proposals.proposer import Learned, Proposer
from medcode_ml.coding.proposals.saved import from_arrays, to_arrays
from medcode_ml.coding.proposals.table import Proposals
from medcode_ml.coding.reranker import Reranker
from medcode_ml.models.bands import AUTO, REVIEW, Bands
from medcode_ml.models.calibration import Calibrator
from medcode_ml.models.contents import Writer, booster_file, copied_file, json_file, tensor_file
from medcode_ml.models.folder import read_folder

if TYPE_CHECKING:
    from medcode_ml.coding.network.scorer import NetworkScorer

KIND = "coding"
KEPT = 50
"""Proposals of a chart, the best by the re-ranker, that the network looks at; the others keep the re-ranker's score."""
_LEARNED, _NETWORK, _FACTS = "learned", "network", "model.json"


@dataclass(frozen=True)
class ScoredProposals:
    """Proposals with the probability, between 0 and 1, that a coder gives the code; acceptance and band of each."""

    proposals: Proposals
    probability: npt.NDArray[np.float64]
    accepted: npt.NDArray[np.bool_]
    band: npt.NDArray[np.object_]


class CodingModel:
    """A trained coder; get it with `load_model`."""

    def __init__(
        self,
        version: str,
        learned: Learned,
        reranker: Reranker,
        network: NetworkScorer | None,
        network_weight: float,
        calibrator: Calibrator,
        threshold: float,
        bands: Bands,
        day: date | None,
    ) -> None:
        """`threshold`: probability from which on a code is accepted. `day`: of the code set that undated notes had."""
        self.version = version
        self.learned = learned
        self.reranker = reranker
        self.network = network
        self.network_weight = network_weight if network is not None else 0.0
        self.calibrator = calibrator
        self.threshold = threshold
        self.bands = bands
        self.day = day
        self._proposer = lru_cache(maxsize=4)(lambda start: Proposer(start, self.learned))

    def score(self, charts: Sequence[Chart], day: date) -> ScoredProposals:
        """Score the proposals of charts whose discharge falls into the release of `day`."""
        proposals = self._proposer(release_on(day).start).propose(charts)
        logits = blended_logits(
            self.reranker, self.network, self.network_weight, [c.note.text for c in charts], proposals
        )
        return self.decided(proposals, logits)

    def decided(self, proposals: Proposals, logits: npt.NDArray[np.float64]) -> ScoredProposals:
        """What is made of proposals by their logits (rows,)."""
        probability = self.calibrator.probabilities(logits)
        accepted = probability >= self.threshold
        band = self.bands.of(probability)
        # accepted codes are never dropped unseen, and codes that are not accepted never go through
        band[accepted & (band != AUTO)] = REVIEW
        band[~accepted & (band == AUTO)] = REVIEW
        return ScoredProposals(proposals, probability, accepted, band)

    def files(self) -> dict[str, Writer]:
        """Writers of the model's files."""
        arrays, facts = to_arrays(self.learned)
        own: dict[str, Any] = {
            "learned": facts,
            "network_weight": self.network_weight,
            "calibrator": self.calibrator.facts(),
            "threshold": self.threshold,
            "bands": self.bands.facts(),
            "day": None if self.day is None else self.day.isoformat(),
            "network": None if self.network is None else self.network.facts(),
        }
        files = {
            f"{_LEARNED}.safetensors": tensor_file(arrays),
            "reranker.txt": booster_file(self.reranker.booster),
            _FACTS: json_file(own),
        }
        if self.network is not None:
            files[f"{_NETWORK}.safetensors"] = tensor_file(self.network.tensors())
        return files


def recalibrated_files(folder: Path, model: CodingModel) -> dict[str, Writer]:
    """Writers of the files of `model`, the one in `folder` under another calibration; what is alike is copied."""
    opened = read_folder(folder, KIND)
    own = opened.value(_FACTS) | {
        "calibrator": model.calibrator.facts(),
        "threshold": model.threshold,
        "bands": model.bands.facts(),
    }
    alike = {name for name in opened.manifest.files if name.endswith((".safetensors", ".txt"))}
    return {name: copied_file(folder / name) for name in sorted(alike)} | {_FACTS: json_file(own)}


def blended_logits(
    reranker: Reranker, network: NetworkScorer | None, weight: float, texts: Sequence[str], proposals: Proposals
) -> npt.NDArray[np.float64]:
    """Logits of proposals: the mean of network and re-ranker, `weight` being the network's part."""
    trees = reranker.scores(proposals.features, threads=1)
    if network is None or not weight or not len(trees):
        return trees
    rows = foremost(proposals, trees)
    logits = trees.copy()
    logits[rows] = weight * network.scores(texts, candidate_table(proposals, rows)) + (1 - weight) * trees[rows]
    return logits


def foremost(proposals: Proposals, scores: npt.NDArray[np.float64], most: int = KEPT) -> npt.NDArray[np.intp]:
    """The best `most` rows of each chart by `scores`, ascending."""
    order = np.lexsort((-scores, proposals.chart))
    rank = np.arange(len(order)) - np.searchsorted(proposals.chart, proposals.chart[order])
    return np.sort(order[rank < most])


def candidate_table(proposals: Proposals, rows: npt.NDArray[np.intp]) -> Any:
    """The `rows` of `proposals` as the network takes them."""
    from medcode_ml.coding.network.data import CandidateTable

    return CandidateTable(
        proposals.chart[rows], proposals.codes[proposals.code[rows]], proposals.features[rows], proposals.spans[rows]
    )


def load_model(folder: Path) -> CodingModel:
    """Load a model folder.

    Raises:
        ModelFolderError: it is no sound folder of a coding model.
    """
    opened = read_folder(folder, KIND)
    facts = opened.value(_FACTS)
    network = None
    if facts["network"] is not None:
        from medcode_ml.coding.network.scorer import NetworkScorer

        network = NetworkScorer.from_tensors(opened.tensors(f"{_NETWORK}.safetensors"), facts["network"])
    return CodingModel(
        opened.manifest.version,
        from_arrays(opened.tensors(f"{_LEARNED}.safetensors"), facts["learned"]),
        Reranker(opened.booster("reranker.txt")),
        network,
        facts["network_weight"],
        Calibrator.from_facts(facts["calibrator"]),
        facts["threshold"],
        Bands.from_facts(facts["bands"]),
        None if facts["day"] is None else date.fromisoformat(facts["day"]),
    )
