"""Encoders: what turns the token numbers of a note into a state for every token."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import nn
from torch.nn import functional

from medcode_ml.coding.network.embedding import WordEmbedding


@runtime_checkable
class Encoder(Protocol):
    """Anything that makes states of token numbers; it must not let padding reach a real token.

    `size_out` is the size of a state.
    """

    size_out: int

    def __call__(self, numbers: torch.Tensor, mask: torch.Tensor, spelled: torch.Tensor) -> torch.Tensor:
        """States of the tokens `numbers`.

        Args:
            numbers: int64 (notes, tokens), in the numbering of the encoder's own tokens.
            mask: bool (notes, tokens), True on real tokens; real tokens come first.
            spelled: int64 (unknown words, n-grams), the spelling of words beyond the numbering; may be ignored.

        Returns:
            float (notes, tokens, size_out), zero on padding.
        """
        ...


class _SeparableBlock(nn.Module):
    """One residual block: depthwise dilated convolution, then a gated linear map of each token."""

    def __init__(self, size: int, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(size)
        self.along = nn.Conv1d(
            size, size, width, padding=dilation * (width // 2), dilation=dilation, groups=size, bias=False
        )
        self.across = nn.Linear(size, 2 * size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
        # a normalised zero is not zero: padding is wiped again before anything looks along the text
        inner = self.norm(states) * keep
        inner = self.along(inner.transpose(1, 2)).transpose(1, 2)
        inner = functional.glu(self.across(inner), dim=-1)
        out: torch.Tensor = (states + self.dropout(inner)) * keep
        return out


class ConvolutionalEncoder(nn.Module):
    """Dilated separable residual convolutions (after Bai et al. 2018, Wu et al. 2019): each token sees its sentence."""

    def __init__(
        self,
        embedding: WordEmbedding,
        size: int,
        *,
        width: int = 5,
        dilations: tuple[int, ...] = (1, 2, 4),
        dropout: float = 0.2,
    ) -> None:
        """States of `size`; a token sees `width // 2 * sum(dilations)` tokens to each side."""
        super().__init__()
        self.size_out = size
        self.embedding = embedding
        self.into = nn.Linear(embedding.size, size)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(_SeparableBlock(size, width, d, dropout) for d in dilations)
        self.norm = nn.LayerNorm(size)

    def forward(self, numbers: torch.Tensor, mask: torch.Tensor, spelled: torch.Tensor) -> torch.Tensor:
        """As `Encoder` says."""
        tokens = self.embedding(numbers, spelled)
        keep = mask.unsqueeze(-1).to(tokens.dtype)
        states = self.dropout(self.into(tokens)) * keep
        for block in self.blocks:
            states = block(states, keep)
        out: torch.Tensor = self.norm(states) * keep
        return out
