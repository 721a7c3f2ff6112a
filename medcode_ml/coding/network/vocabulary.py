"""Words as numbers: known words by their place in a list, unknown ones by the character n-grams they are made of.

Notes and descriptions go through the same canonical forms as the dictionary, so that a word of a note and the same word
of a title are one number.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from medcode_ml.coding.words import ELIDED, TOKEN, canonical

IntArray = npt.NDArray[np.int64]

#: The only meaning of index 0, in words and in n-grams alike.
PADDING = 0
#: Character n-grams are hashed to 1 ... GRAM_BUCKETS; most of them taken of one word.
GRAM_BUCKETS = 16384
MOST_GRAMS = 16
_SHORTEST, _LONGEST = 3, 5
_EMPTY = "\n"
_SMALL_NUMBER = 31


@dataclass(frozen=True, slots=True)
class NoteTokens:
    """The tokens of one note: canonical words with their character offsets. There is always at least one."""

    words: list[str]
    starts: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int32]


@lru_cache(maxsize=200_000)
def word_form(token: str) -> str:
    """The form in which the network knows `token`; empty for what is passed over, numbers by their size alone."""
    if token.isspace():
        return "\n"
    word = canonical(token)
    if word in ELIDED or not word:
        return ""
    if word.isdigit():
        return word if len(word) <= 2 and int(word) <= _SMALL_NUMBER else "0" * min(len(word), 4)
    return "0.0" if word[0].isdigit() and word.replace(".", "").replace(",", "").isdigit() else word


def note_tokens(text: str) -> NoteTokens:
    """Tokens of a note. Line ends are tokens too: they tell headings and lists from running text."""
    words: list[str] = []
    places: list[tuple[int, int]] = []
    for match in TOKEN.finditer(text):
        if form := word_form(match[0]):
            words.append(form)
            places.append(match.span())
    if not words:
        words, places = [_EMPTY], [(0, 0)]
    offsets = np.array(places, dtype=np.int32)
    return NoteTokens(words, offsets[:, 0].copy(), offsets[:, 1].copy())


def text_words(text: str) -> list[str]:
    """Words of a description in order, without punctuation."""
    return [form for form in map(word_form, TOKEN.findall(text)) if form and form[0].isalnum()]


@lru_cache(maxsize=200_000)
def gram_buckets(word: str) -> tuple[int, ...]:
    """Buckets of the character n-grams of `word` between its marks, without repeats; the same on every machine."""
    marked = f"<{word}>"
    grams = [
        marked[i : i + n]
        for n in range(_SHORTEST, _LONGEST + 1)
        for i in range(len(marked) - n + 1)
    ] or [marked]  # fmt: skip
    buckets = dict.fromkeys(zlib.crc32(gram.encode("utf-8")) % GRAM_BUCKETS + 1 for gram in grams)
    return tuple(buckets)[:MOST_GRAMS]


class Vocabulary:
    """Known words, numbered from 1; 0 is padding and nothing else."""

    def __init__(self, words: Sequence[str]) -> None:
        """Number `words` in their order. Raises ValueError where one stands twice."""
        self.words = list(words)
        self._place = {word: i for i, word in enumerate(self.words, start=1)}
        if len(self._place) != len(self.words):
            raise ValueError("a vocabulary names every word once")

    @staticmethod
    def of(notes: Iterable[Sequence[str]], descriptions: Iterable[Sequence[str]], *, least: int = 2) -> Vocabulary:
        """The words of at least `least` notes and every word of `descriptions`, in the order of the alphabet."""
        counts = Counter(word for words in notes for word in set(words))
        known = {word for word, count in counts.items() if count >= least}
        for words in descriptions:
            known.update(words)
        return Vocabulary(sorted(known))

    def __len__(self) -> int:
        """How many words are known, padding not counted."""
        return len(self.words)

    def numbers(self, words: Sequence[str], unknown: dict[str, int]) -> list[int]:
        """Numbers of `words`; one that is not known gets the next number after the known ones, entered in `unknown`."""
        place, first = self._place, len(self.words) + 1
        return [place.get(w) or unknown.setdefault(w, first + len(unknown)) for w in words]


def gram_matrix(words: Sequence[str]) -> IntArray:
    """Buckets of the n-grams of each of `words`, 0 where a word has no more. Shape (words, widest or 1)."""
    rows = [gram_buckets(word) for word in words]
    out = np.zeros((len(rows), max((len(r) for r in rows), default=1)), dtype=np.int64)
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    return out
