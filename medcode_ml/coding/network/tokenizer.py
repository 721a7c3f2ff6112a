"""How a text becomes the token numbers of an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from medcode_ml.coding.network.vocabulary import Vocabulary, note_tokens


@runtime_checkable
class Tokenizer(Protocol):
    """Cuts a text into the tokens of one encoder. Every text has at least one token.

    `known` is the highest number of a token of its own.
    """

    known: int

    def numbers(
        self, text: str, unknown: dict[str, int]
    ) -> tuple[Sequence[int], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Numbers of the tokens of `text` from 1, and the character each starts at and ends before.

        Words without a number get the next one after the known ones and are entered in `unknown`.
        """
        ...


class WordTokenizer:
    """Words of a vocabulary, unknown words by their spelling."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        """Number the words of `vocabulary`."""
        self.vocabulary = vocabulary
        self.known = len(vocabulary)

    def numbers(
        self, text: str, unknown: dict[str, int]
    ) -> tuple[Sequence[int], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """As `Tokenizer` says."""
        tokens = note_tokens(text)
        return self.vocabulary.numbers(tokens.words, unknown), tokens.starts, tokens.ends
