"""Which word of a sentence stands for which of its translation, learned from the sentence pairs themselves.

IBM Model 1 (Brown et al. 1993) with a preference for the diagonal and a sparse Dirichlet prior as in fast_align (Dyer
et al. 2013), begun from spelling likeness, in both directions; a link is as likely as the two directions agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import JaroWinkler
from rapidfuzz.process import cpdist
from scipy.special import digamma

from medcode_ml.coding.labelled.parallel_sentences import Pair, cognate_spelling

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
ROUNDS: Final = 6
DIAGONAL: Final = 4.0
PRIOR: Final = 0.01
NULL: Final = 0.08
"""Share of words that stand for none of the other sentence."""
COGNATE: Final = 30.0
"""How many times likelier a word and its very cognate are at the start than two unlike words."""
_LIKE: Final = 0.8


@dataclass(frozen=True)
class Links:
    """Links of one sentence pair, each from 0 to 1. Shape (source words, target words).

    Attributes:
        to_source: of each target word, how likely each source word gave it; columns sum to less than 1.
        to_target: of each source word, how likely each target word gave it; rows sum to less than 1.
    """

    to_source: Floats
    to_target: Floats

    @property
    def agreed(self) -> Floats:
        """The geometric mean of both directions."""
        mean: Floats = np.sqrt(self.to_source * self.to_target)
        return mean


def align_words(pairs: Sequence[Pair]) -> list[Links]:
    """Align the words of every sentence pair. Deterministic; the more pairs, the better."""
    if not pairs:
        return []
    source_ids: dict[str, int] = {}
    target_ids: dict[str, int] = {}
    sources = [np.array([source_ids.setdefault(t.form, len(source_ids)) for t in p.source]) for p in pairs]
    targets = [np.array([target_ids.setdefault(t.form, len(target_ids)) for t in p.target]) for p in pairs]
    shapes = [(len(s), len(t)) for s, t in zip(sources, targets, strict=True)]
    # one cell for each (source word, target word) of each pair, row by row
    kinds = [np.add.outer(s * len(target_ids), t).ravel() for s, t in zip(sources, targets, strict=True)]
    kind, cell_kind = np.unique(np.concatenate(kinds), return_inverse=True)
    kind_source, kind_target = np.divmod(kind, len(target_ids))
    rows = _numbered([np.repeat(np.arange(m), n) for m, n in shapes], [m for m, _ in shapes])
    columns = _numbered([np.tile(np.arange(n), m) for m, n in shapes], [n for _, n in shapes])
    near = np.concatenate([_diagonal(m, n).ravel() for m, n in shapes])
    like = _likeness(list(source_ids), list(target_ids), kind_source, kind_target)
    to_source = _expectations(cell_kind, kind_source, kind_target, columns, near, like)
    to_target = _expectations(cell_kind, kind_target, kind_source, rows, near, like)
    ends = np.cumsum([m * n for m, n in shapes])[:-1]
    return [
        Links(a.reshape(shape), b.reshape(shape))
        for a, b, shape in zip(np.split(to_source, ends), np.split(to_target, ends), shapes, strict=True)
    ]


def _expectations(kinds: Places, giver: Places, given: Places, taker: Places, near: Floats, like: Floats) -> Floats:
    """Posterior of every cell: how likely its giving word gave its taking one, after `ROUNDS` of EM.

    Args:
        kinds: kind of word pair of each cell.
        giver, given: giving and taking word of each kind.
        taker: taking place of each cell.
        near: weight of the cell's distance from the diagonal.
        like: spelling likeness of each kind, the start and the prior.
    """
    near = (1 - NULL) * near / np.bincount(taker, weights=near)[taker]
    # words that stand for nothing come as often as they do in the whole text
    often = np.bincount(given[kinds], weights=near)
    stray = np.zeros(int(taker.max()) + 1)
    stray[taker] = NULL * (often / often.sum())[given[kinds]]
    chance = like / np.bincount(giver, weights=like)[giver]
    posterior = np.zeros(len(kinds))
    for _ in range(ROUNDS):
        weight = chance[kinds] * near
        posterior = weight / (np.bincount(taker, weights=weight) + stray)[taker]
        counts = np.bincount(kinds, weights=posterior, minlength=len(giver)) + PRIOR * like
        chance = np.exp(digamma(counts) - digamma(np.bincount(giver, weights=counts)[giver]))
    return posterior


def _likeness(source: list[str], target: list[str], kind_source: Places, kind_target: Places) -> Floats:
    """1 for unlike words, more for near-cognates and equal numbers. Shape (kinds,)."""
    ours, theirs = [cognate_spelling(w) for w in source], [cognate_spelling(w) for w in target]
    score = cpdist(
        [ours[i] for i in kind_source],
        [theirs[i] for i in kind_target],
        scorer=JaroWinkler.similarity,
        score_cutoff=_LIKE,
    )
    number = (
        np.array([w[0].isdigit() for w in source])[kind_source]
        | np.array([w[0].isdigit() for w in target])[kind_target]
    )
    length = np.minimum(np.array([len(w) for w in ours])[kind_source], np.array([len(w) for w in theirs])[kind_target])
    likeness = np.where(number | (length < 4), score == 1, np.clip((score - _LIKE) / (1 - _LIKE), 0, 1))
    return 1.0 + (COGNATE - 1) * likeness


def _diagonal(m: int, n: int) -> Floats:
    """Weight of each cell by its distance from the diagonal of the sentence. Shape (m, n)."""
    distance = np.abs(((np.arange(m) + 0.5) / m)[:, None] - (np.arange(n) + 0.5) / n)
    weight: Floats = np.exp(-DIAGONAL * distance)
    return weight


def _numbered(places: Sequence[Places], sizes: Sequence[int]) -> Places:
    """Places within each pair, made distinct over all pairs."""
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    return np.concatenate([own + start for own, start in zip(places, starts, strict=True)])
