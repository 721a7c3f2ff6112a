"""Word numbers to vectors, for the words of notes and of descriptions alike."""

from __future__ import annotations

import torch
from torch import nn

from medcode_ml.coding.network.vocabulary import GRAM_BUCKETS, PADDING


class WordEmbedding(nn.Module):
    """Vectors of known words; an unknown word's vector is the mean of those of its n-grams. Padding is zero."""

    def __init__(self, words: int, size: int) -> None:
        """`words` known words (padding not counted), vectors of `size`."""
        super().__init__()
        self.known = words
        self.size = size
        self.word = nn.Embedding(words + 1, size, padding_idx=PADDING)
        self.gram = nn.Embedding(GRAM_BUCKETS + 1, size, padding_idx=PADDING)

    def forward(self, numbers: torch.Tensor, unknown_grams: torch.Tensor) -> torch.Tensor:
        """Vectors of `numbers`.

        Args:
            numbers: int64 of any shape; 0 padding, 1 ... words known, above that row `number - words - 1` of
                `unknown_grams`.
            unknown_grams: int64 (unknown words, n-grams), 0 where a word has no more.

        Returns:
            float tensor of shape (*numbers.shape, size).
        """
        beyond = numbers > self.known
        vectors: torch.Tensor = self.word(numbers.masked_fill(beyond, PADDING))
        if len(unknown_grams) == 0:
            return vectors
        count = (unknown_grams != PADDING).sum(dim=1, keepdim=True).clamp(min=1)
        spelled = self.gram(unknown_grams).sum(dim=1) / count
        return vectors.index_put((beyond,), spelled[numbers[beyond] - self.known - 1].to(vectors.dtype))
