"""Words of documents as counts, without keeping the words: what is told apart later are hashes.

Only letters count: numbers, dates, months and weekdays differ between any two windows and say nothing of drift.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Hashes = npt.NDArray[np.uint64]
_WORD: Final = re.compile(r"[a-z]{2,}")
_CALENDAR: Final = frozenset(
    _WORD.findall(
        "january february march april may june july august september october november december jan feb mar apr jun jul "
        "aug sep sept oct nov dec monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thurs "
        "fri sat sun am pm"
    )
)
UNLISTED: Final = "unlisted word"


@dataclass(frozen=True)
class WordCounts:
    """How often each document holds each word.

    Attributes:
        counts: sparse (documents, words).
        words: the words, in memory only. Shape (words,).
        hashes: 64 bits of each word. Shape (words,).
    """

    counts: csr_matrix
    words: npt.NDArray[np.object_]
    hashes: Hashes


class _Numbers(dict[str, int]):
    """Numbers words as they are first seen; those of the calendar are -1."""

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(_CALENDAR, -1))
        self.words: list[str] = []

    def __missing__(self, word: str) -> int:
        self[word] = number = len(self.words)
        self.words.append(word)
        return number


def count_words(texts: Iterable[str]) -> WordCounts:
    """Count the words of each text."""
    from scipy.sparse import csr_matrix

    numbers = _Numbers()
    parts, lengths = [], []
    for text in texts:
        found = _WORD.findall(text.lower())
        given = np.fromiter(map(numbers.__getitem__, found), np.int32, len(found))
        kept = given[given >= 0]
        parts.append(kept)
        lengths.append(len(kept))
    columns = np.concatenate(parts) if parts else np.zeros(0, np.int32)
    ends = np.concatenate([[0], np.cumsum(lengths)])
    counts = csr_matrix((np.ones(len(columns), np.float32), columns, ends), shape=(len(lengths), len(numbers.words)))
    counts.sum_duplicates()
    return WordCounts(counts, np.array(numbers.words, dtype=object), hashes_of(numbers.words))


def hashes_of(words: Sequence[str]) -> Hashes:
    """64 bits of each word, alike in every process."""
    digests = b"".join(hashlib.blake2b(word.encode(), digest_size=8).digest() for word in words)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def summed(rows: csr_matrix, group: npt.NDArray[np.int64], size: int) -> Any:
    """Rows of a sparse matrix added up by group, 0 to size - 1. Sparse (size, columns)."""
    from scipy.sparse import csr_matrix

    into = csr_matrix((np.ones(len(group), np.float32), (group, np.arange(len(group)))), shape=(size, len(group)))
    return (into @ rows).tocsr()


@lru_cache(maxsize=1)
def listed_words() -> frozenset[str]:
    """Words of public code titles and inclusion terms: the only ones that may be named."""
    from medcode_ml.codes.tabular import tabular

    return frozenset(word for term in tabular().terms()["term"] for word in _WORD.findall(str(term).lower()))


def named(word: str) -> str:
    """The word where it is public, else `UNLISTED`: a name of a person or place is never told."""
    return word if word in listed_words() else UNLISTED
