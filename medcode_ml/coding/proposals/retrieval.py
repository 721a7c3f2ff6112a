"""Sparse retrieval: which wordings have most of their words in one sentence of a note.

The dictionary wants a term as one run of words; here they may stand anywhere in the sentence, in any order, and some
may be missing. Words are compared by their beginnings and count by how rare they are among all wordings. Two
collections are searched: the titles and inclusion terms of a release, and the phrases that coders marked in training.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import sparse

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.codes.release import release_on
from medcode_ml.codes.tabular import tabular
from medcode_ml.coding.proposals.reading import ReadNote, UInts, stem_key
from medcode_ml.coding.words import TOKEN

COVERED = 0.45
MOST = 50
_TOO_COMMON = 3000
_EMPTY = (
    "unspecified",
    "other",
    "specified",
    "site",
    "type",
    "part",
    "classified",
    "elsewhere",
    "encounter",
    "initial",
)
_ROUND = re.compile(r"\([^)]*\)|\[[^\]]*\]|, (?:initial|subsequent) encounter.*$|, sequela$")


@dataclass(frozen=True)
class Retrieved:
    """Hits of a batch, a row for each note and code: `covered` of the wording's weight, its `weight`, the sentence."""

    note: npt.NDArray[np.int32]
    code: npt.NDArray[np.int32]
    covered: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32]
    sentence: npt.NDArray[np.int32]


@dataclass(frozen=True)
class WordingIndex:
    """Wordings as sets of word beginnings, each with its code.

    Attributes:
        words: keys, ascending. shares: weight of each word in each wording, columns add up to 1, shape
            (words, wordings). code: of each wording. weight: of each wording.
    """

    words: UInts
    shares: sparse.csr_matrix
    code: npt.NDArray[np.int32]
    weight: npt.NDArray[np.float32]

    @staticmethod
    def of(wordings: Iterable[tuple[int, frozenset[int]]]) -> WordingIndex:
        """Index (code, keys of words) pairs."""
        rows: list[int] = []
        words: list[int] = []
        owner: list[int] = []
        for code, keys in wordings:
            rows.extend([len(owner)] * len(keys))
            words.extend(keys)
            owner.append(code)
        known, column = np.unique(np.array(words, dtype=np.uint64), return_inverse=True)
        often = np.bincount(column, minlength=len(known))
        rare = np.log((len(owner) + 1) / np.maximum(often, 1)).astype(np.float32)
        weight = np.bincount(rows, rare[column], minlength=len(owner)).astype(np.float32)
        share = rare[column] / weight[rows]
        # an everyday word would touch every wording and tell nothing
        share[often[column] > _TOO_COMMON] = 0
        shares = sparse.csr_matrix((share, (column, rows)), shape=(len(known), len(owner)), dtype=np.float32)
        shares.eliminate_zeros()
        return WordingIndex(known, shares, np.array(owner, dtype=np.int32), weight)

    def find(self, notes: Sequence[ReadNote], most: int = MOST) -> Retrieved:
        """The best `most` codes of each note that have at least COVERED of a wording in one sentence."""
        sentences = np.array([int(n.sentence[-1]) + 1 if len(n.sentence) else 1 for n in notes])
        base = np.r_[0, np.cumsum(sentences)]
        stems = np.concatenate([n.stems for n in notes])
        row = np.concatenate([n.sentence + b for n, b in zip(notes, base, strict=False)])
        if not len(self.words):
            stems, row = stems[:0], row[:0]
        column = np.minimum(np.searchsorted(self.words, stems), max(len(self.words) - 1, 0))
        known = self.words[column] == stems if len(self.words) else np.zeros(0, dtype=bool)
        seen = sparse.csr_matrix(
            (np.ones(int(known.sum()), dtype=np.float32), (row[known], column[known])),
            shape=(int(base[-1]), len(self.words)),
        )
        seen.data[:] = 1
        hits = (seen @ self.shares).tocoo()
        keep = hits.data >= COVERED
        sentence, wording, covered = hits.row[keep], hits.col[keep], hits.data[keep]
        note = np.searchsorted(base, sentence, side="right") - 1
        code = self.code[wording]
        worth = covered * np.sqrt(self.weight[wording])
        # the best wording of each note and code, then the best codes of each note
        order = np.lexsort((-worth, code, note))
        order = order[_firsts(note[order], code[order])]
        order = order[np.lexsort((-worth[order], note[order]))]
        rank = np.arange(len(order)) - np.searchsorted(note[order], note[order])
        order = order[rank < most]
        return Retrieved(
            note[order].astype(np.int32),
            code[order],
            covered[order],
            (self.weight[wording] * covered)[order],
            (sentence - base[note])[order].astype(np.int32),
        )


def _firsts(note: npt.NDArray[np.int64], code: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    first = np.ones(len(note), dtype=bool)
    first[1:] = (note[1:] != note[:-1]) | (code[1:] != code[:-1])
    return first


def stems_of(text: str) -> frozenset[int]:
    """Keys of the beginnings of the content words of `text`."""
    keys = {stem_key(t) for t in TOKEN.findall(text) if t[0].isalnum()}
    return frozenset(k for k in keys if not k & 1)


def _titles(codes: Sequence[str]) -> Iterable[tuple[int, frozenset[int]]]:
    tree = tabular()
    empty = frozenset(stem_key(w) for w in _EMPTY)
    stems: set[str] = set()
    for place, code in enumerate(codes):
        stem = code[:7] if len(code) == 8 else code  # a seventh character says nothing about the condition
        if stem in stems and not code.endswith("A"):
            continue
        stems.add(stem)
        node = code if tree.title(code) else stem
        title = tree.title(node) or tree.title(stem.rstrip("X").rstrip("."))
        for term in [*([title] if title else []), *tree.inclusion_terms(node)]:
            if keys := stems_of(_ROUND.sub("", term)) - empty:
                yield place, keys


@lru_cache(maxsize=2)
def _of_release(start: date) -> WordingIndex:
    return WordingIndex.of(_titles([str(c) for c in CodeSet.on(start).codes]))


def titles_on(day: date) -> WordingIndex:
    """Titles and inclusion terms of the billable codes of the release in force on `day`, shared."""
    return _of_release(release_on(day).start)
