"""Codes as the network takes them: words of their descriptions and the nodes whose learned vectors they share."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from medcode_ml.coding.network.descriptions import all_terms, described, lineage
from medcode_ml.coding.network.vocabulary import Vocabulary, gram_matrix


@dataclass(frozen=True, slots=True)
class LabelBatch:
    """Distinct codes as tensors; shapes as `LabelEncoder` and `WordEmbedding` say."""

    numbers: torch.Tensor
    spelled: torch.Tensor
    sources: torch.Tensor
    importance: torch.Tensor
    nodes: torch.Tensor
    shrinkage: torch.Tensor

    def to(self, device: torch.device) -> LabelBatch:
        """The same on `device`."""
        return LabelBatch(*(getattr(self, name).to(device) for name in self.__slots__))


class CodeBook:
    """Which nodes have a learned vector and how far it is trusted; makes label batches of codes."""

    def __init__(self, vocabulary: Vocabulary, nodes: dict[str, int], prior: float) -> None:
        """`nodes` maps a node to how often training was right about it; its vector weighs n / (n + `prior`)."""
        self.vocabulary = vocabulary
        self.nodes = nodes
        self.prior = prior
        self._place = {node: i for i, node in enumerate(nodes, start=1)}
        self._importance = _importance(vocabulary)

    @staticmethod
    def of(vocabulary: Vocabulary, right: Iterable[str], *, least: int, prior: float) -> CodeBook:
        """The nodes above the codes `right` (one entry each time one was right) that were met `least` times."""
        counts = Counter(node for code in right for node in lineage(code))
        return CodeBook(vocabulary, {n: counts[n] for n in sorted(counts) if counts[n] >= least}, prior)

    def facts(self) -> dict[str, Any]:
        """What it takes to build the same again, beside the vocabulary; JSON."""
        return {"nodes": self.nodes, "prior": self.prior}

    def batch(self, codes: Sequence[str]) -> LabelBatch:
        """The tensors of distinct `codes`, of which there is at least one."""
        unknown: dict[str, int] = {}
        rows = [described(code) for code in codes]
        width = max(len(words) for words, _ in rows)
        lineages = [lineage(code) for code in codes]
        levels = max(len(nodes) for nodes in lineages)
        numbers = np.zeros((len(codes), width), dtype=np.int64)
        sources = np.zeros((len(codes), width), dtype=np.int64)
        nodes = np.zeros((len(codes), levels), dtype=np.int64)
        shrinkage = np.zeros((len(codes), levels), dtype=np.float32)
        for i, ((words, source), own) in enumerate(zip(rows, lineages, strict=True)):
            numbers[i, : len(words)] = self.vocabulary.numbers(words, unknown)
            sources[i, : len(words)] = source
            nodes[i, : len(own)] = [self._place.get(node, 0) for node in own]
            counts = np.array([self.nodes.get(node, 0) for node in own], dtype=np.float32)
            shrinkage[i, : len(own)] = counts / (counts + self.prior)
        known = np.where(numbers > len(self.vocabulary), 0, numbers)
        return LabelBatch(
            torch.from_numpy(numbers),
            torch.from_numpy(gram_matrix(list(unknown)) if unknown else np.zeros((0, 1), dtype=np.int64)),
            torch.from_numpy(sources),
            torch.from_numpy(self._importance[known]),
            torch.from_numpy(nodes),
            torch.from_numpy(shrinkage),
        )


def _importance(vocabulary: Vocabulary) -> npt.NDArray[np.float32]:
    """Logarithm of how telling each word is among the terms of the code set; 0 for the padding and unknown words."""
    terms = all_terms()
    counts = Counter(word for term in terms for word in set(term))
    most = math.log(len(terms))
    return np.array(
        [0.0, *(math.log((most - math.log(1 + counts.get(w, 0))) / most + 0.05) for w in vocabulary.words)],
        dtype=np.float32,
    )
