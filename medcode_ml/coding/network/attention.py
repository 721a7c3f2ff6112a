"""What a candidate code looks at: the whole note by cross-attention, and its own mentions."""

from __future__ import annotations

import torch
from torch import nn

from medcode_ml.coding.network.descriptions import ABOVE
from medcode_ml.coding.network.vocabulary import PADDING


def masked_softmax(scores: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Softmax over the last axis in float32 where `mask` is True, 0 elsewhere; every row needs one True."""
    return torch.softmax(scores.float().masked_fill(~mask, float("-inf")), dim=-1)


class LabelEncoder(nn.Module):
    """Label vectors: the words of a description pooled by attention, plus learned vectors of the nodes above.

    The word part is there for every code; a node's learned vector is weighed down where training saw it rarely and is
    absent where training never did.
    """

    def __init__(self, size_in: int, size: int, nodes: int, dropout: float) -> None:
        """Vectors of `size` from word vectors of `size_in`, with learned vectors for `nodes` nodes."""
        super().__init__()
        self.source = nn.Embedding(ABOVE + 1, 1, padding_idx=PADDING)
        self.weight = nn.Linear(size_in, 1)
        self.into = nn.Linear(size_in, size)
        self.node = nn.Embedding(nodes + 1, size, padding_idx=PADDING)
        nn.init.zeros_(self.node.weight)
        self.norm = nn.LayerNorm(size)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        vectors: torch.Tensor,
        sources: torch.Tensor,
        importance: torch.Tensor,
        nodes: torch.Tensor,
        shrinkage: torch.Tensor,
    ) -> torch.Tensor:
        """Label vectors of codes.

        Args:
            vectors: float (codes, words, size_in), the words of the descriptions.
            sources: int64 (codes, words), OWN, INCLUSION or ABOVE; 0 on padding. Every code has a word.
            importance: float (codes, words), how telling a word is among all descriptions.
            nodes: int64 (codes, levels), 0 where the node has no vector.
            shrinkage: float (codes, levels), between 0 and 1.

        Returns:
            float (codes, size).
        """
        scores = (self.weight(vectors) + self.source(sources)).squeeze(-1) + importance
        weights = masked_softmax(scores, sources != PADDING).to(vectors.dtype)
        pooled = (weights.unsqueeze(1) @ vectors).squeeze(1)
        learned = (self.dropout(self.node(nodes)) * shrinkage.unsqueeze(-1)).sum(dim=1)
        out: torch.Tensor = self.norm(self.into(pooled) + learned)
        return out


class CrossAttention(nn.Module):
    """Each candidate's own weighted mean over the states of its note (label attention, Mullenbach et al. 2018)."""

    def __init__(self, size_label: int, size_state: int, size: int) -> None:
        """Queries from labels of `size_label`, keys and values from states of `size_state`."""
        super().__init__()
        self.query = nn.Linear(size_label, size, bias=False)
        self.key = nn.Linear(size_state, size, bias=False)
        self.value = nn.Linear(size_state, size)
        self.scale = size**-0.5

    def weights(self, labels: torch.Tensor, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Weights of the tokens, float32 (notes, candidates, tokens); each row sums to 1, padding has 0."""
        scores = self.query(labels) @ self.key(states).transpose(1, 2) * self.scale
        return masked_softmax(scores, mask.unsqueeze(1))

    def forward(self, labels: torch.Tensor, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Context of each candidate.

        Args:
            labels: float (notes, candidates, size_label).
            states: float (notes, tokens, size_state).
            mask: bool (notes, tokens), True on real tokens; every note has one.

        Returns:
            float (notes, candidates, size).
        """
        weights = self.weights(labels, states, mask)
        out: torch.Tensor = weights.to(states.dtype) @ self.value(states)
        return out


def span_means(states: torch.Tensor, note: torch.Tensor, spans: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean state of each span of tokens.

    Args:
        states: float (notes, tokens, size), zero on padding.
        note: int64 (candidates,), the note of each.
        spans: int64 (candidates, most spans, 2), first token and the token after the last; -1 where there is none.

    Returns:
        float (candidates, most spans, size), zero where there is no span, and bool (candidates, most spans).
    """
    there = spans[..., 0] >= 0
    # sums in float32: differences of long running sums lose too much in less
    sums = torch.nn.functional.pad(states.float().cumsum(dim=1), (0, 0, 1, 0))
    first, last = spans[..., 0].clamp(min=0), spans[..., 1].clamp(min=0)
    at = note.unsqueeze(-1)
    length = (last - first).clamp(min=1).unsqueeze(-1)
    means = (sums[at, last] - sums[at, first]) / length * there.unsqueeze(-1)
    return means.to(states.dtype), there
