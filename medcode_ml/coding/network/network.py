"""The network itself, apart from how it is trained: candidates of notes in, one logit each out."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from medcode_ml.coding.network.attention import CrossAttention, LabelEncoder, span_means
from medcode_ml.coding.network.data import NoteBatch
from medcode_ml.coding.network.embedding import WordEmbedding
from medcode_ml.coding.network.encoder import ConvolutionalEncoder, Encoder
from medcode_ml.coding.network.features import FeatureEncoding
from medcode_ml.coding.network.labels import LabelBatch
from medcode_ml.coding.network.parameters import NetworkParameters


class Scores(NamedTuple):
    """Logits of candidates, float (rows, members): by all there is, and by the features alone."""

    logits: torch.Tensor
    alone: torch.Tensor


class FeatureReading(nn.Module):
    """Several slightly different readings of the features, sharing all but a scaling (after Gorishniy et al. 2025)."""

    def __init__(self, size_in: int, hidden: int, members: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Linear(size_in, hidden)
        self.scale = nn.Parameter(1.0 + 0.5 * torch.randn(members, hidden))
        self.second = nn.Linear(hidden, hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(self, encoded: torch.Tensor) -> torch.Tensor:
        """(candidates, size_in) to (candidates, members, hidden)."""
        inner = self.dropout(functional.relu(self.first(encoded))).unsqueeze(1) * self.scale
        out: torch.Tensor = functional.relu(self.second(inner))
        return out


class CandidateNetwork(nn.Module):
    """Scores candidates by their features, their mentions, the note and each other.

    The features have a score of their own; what is read in the text is added to it.
    """

    def __init__(
        self,
        parameters: NetworkParameters,
        *,
        words: int,
        nodes: int,
        edges: torch.Tensor,
        encoder: Encoder | None = None,
    ) -> None:
        """A network for a vocabulary of `words`, learned vectors for `nodes` nodes, feature bins between `edges`.

        `encoder` replaces the convolutional one.
        """
        super().__init__()
        p = parameters
        self.parameters_used = p
        self.reading = FeatureEncoding(edges)
        self.features = FeatureReading(self.reading.size_out, p.hidden, p.members, p.dropout)
        self.out = nn.Linear(p.hidden, 1)
        joined = p.hidden
        if p.use_text:
            self.embedding = WordEmbedding(words, p.word_size)
            self.encoder = encoder or ConvolutionalEncoder(
                self.embedding, p.size, width=p.width, dilations=p.dilations, dropout=p.text_dropout
            )
            self.labels = LabelEncoder(p.word_size, p.size, nodes, p.text_dropout)
            self.mention = nn.Linear(self.encoder.size_out, p.size)
            joined += (2 + p.label_alone) * p.size
            if p.use_attention:
                self.attention = CrossAttention(p.size, self.encoder.size_out, p.size)
                joined += 2 * p.size
        self.join = nn.Sequential(nn.Linear(joined, p.hidden), nn.GELU(), nn.Dropout(p.text_dropout))
        if p.use_peers:
            self.peer_norm = nn.LayerNorm(p.hidden)
            self.peer_in = nn.Linear(p.hidden, 3 * p.hidden)
            self.peer_out = nn.Linear(p.hidden, p.hidden)
            nn.init.zeros_(self.peer_out.weight)
        self.joined_out = nn.Linear(p.hidden, 1)
        nn.init.zeros_(self.joined_out.weight)

    def label_vectors(self, batch: LabelBatch) -> torch.Tensor:
        """Vectors of the codes of `batch`, float (codes, size)."""
        words = self.embedding(batch.numbers, batch.spelled)
        vectors: torch.Tensor = self.labels(words, batch.sources, batch.importance, batch.nodes, batch.shrinkage)
        return vectors

    def features_alone(self, batch: NoteBatch) -> torch.Tensor:
        """Logits by the features alone, float (rows, members)."""
        logits: torch.Tensor = self.out(self.features(self.reading(batch.features))).squeeze(-1)
        return logits

    def forward(self, batch: NoteBatch, labels: torch.Tensor | None) -> Scores:
        """Logits of the candidates of `batch`, of every member.

        Args:
            batch: notes and candidates.
            labels: float (codes, size), the vectors of `batch.codes`; None where the network reads no text.
        """
        read = self.features(self.reading(batch.features))
        alone = self.out(read).squeeze(-1)
        parts = [read.mean(dim=1)]
        if labels is not None:
            states = self.encoder(batch.numbers, batch.mask, batch.spelled)
            own = labels[batch.label]
            parts += self._mentions(batch, states, own)
            if self.parameters_used.label_alone:
                parts.append(own)
            if self.parameters_used.use_attention:
                context = padded_to_rows(self.attention(rows_to_padded(own, batch), states, batch.mask), batch)
                parts += [context, context * own]
        joined = self.join(torch.cat(parts, dim=-1))
        if self.parameters_used.use_peers:
            joined = joined + self._peers(joined, batch)
        trust = 1.0 if self.training else self.parameters_used.text_trust
        return Scores(alone + trust * self.joined_out(joined), alone)

    def attention_weights(self, batch: NoteBatch, labels: torch.Tensor) -> torch.Tensor:
        """Weights of the tokens for each candidate, float32 (rows, tokens)."""
        states = self.encoder(batch.numbers, batch.mask, batch.spelled)
        weights = self.attention.weights(rows_to_padded(labels[batch.label], batch), states, batch.mask)
        return padded_to_rows(weights, batch)

    def _mentions(self, batch: NoteBatch, states: torch.Tensor, own: torch.Tensor) -> list[torch.Tensor]:
        means, there = span_means(states, batch.note, batch.spans)
        read = functional.gelu(self.mention(means)) * there.unsqueeze(-1)
        pooled = read.sum(dim=1) / there.sum(dim=1, keepdim=True).clamp(min=1)
        return [pooled, pooled * own]

    def _peers(self, joined: torch.Tensor, batch: NoteBatch) -> torch.Tensor:
        """What the other candidates of the same note change: siblings compete, companions support."""
        query, key, value = self.peer_in(rows_to_padded(self.peer_norm(joined), batch)).chunk(3, dim=-1)
        there = rows_to_padded(torch.ones_like(joined[:, :1]), batch).squeeze(-1) > 0
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=there.unsqueeze(1))
        out: torch.Tensor = self.peer_out(padded_to_rows(mixed, batch))
        return out


def rows_to_padded(rows: torch.Tensor, batch: NoteBatch) -> torch.Tensor:
    """(rows, size) to (notes, most candidates, size), zero where a note has fewer candidates."""
    out = rows.new_zeros(batch.mask.shape[0], batch.width, rows.shape[-1])
    return out.index_put((batch.note, batch.place), rows)


def padded_to_rows(padded: torch.Tensor, batch: NoteBatch) -> torch.Tensor:
    """The other way round."""
    return padded[batch.note, batch.place]
