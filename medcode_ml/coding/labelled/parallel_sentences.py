"""Pairs the sentences of a text with those of its translation: in order, by shared numbers and near-cognates.

Medical words of European languages share their Greek and Latin stems, so a spelling key of a few letters finds most
content words on the other side; lengths do the rest (Gale and Church 1993 with lexical evidence).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_TOKEN: Final = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")
# a sentence ends at a stop before a capital or a digit, or at a line's end
_SENTENCE: Final = re.compile(r"\s*\n\s*|(?<=[.?!;:])\s+(?=[^\Wa-z\d_])|(?<=[.?!])\s+(?=\d)")
_KEY_LETTERS: Final = 5
_SPELLINGS: Final = tuple(
    (re.compile(pattern), new)
    for pattern, new in (
        (r"ph", "f"), (r"th", "t"), (r"rh", "r"), (r"[kq]u?|ch", "c"), (r"y", "i"), (r"ae|oe", "e"),
        (r"^es(?=[pctml])", "s"), (r"^h", ""), (r"(.)\1", r"\1"), (r"[wv]", "b"), (r"z", "c"),
    )
)  # fmt: skip
# beads: how many sentences of either side stand for each other, and what the step costs
_BEADS: Final = (
    (1, 1, 0.0), (1, 0, 0.6), (0, 1, 0.6), (1, 2, 0.25), (2, 1, 0.25), (2, 2, 0.6), (1, 3, 0.6), (3, 1, 0.6),
    (1, 4, 0.9), (4, 1, 0.9),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """A word or number of a text, lower case without accents, with its characters [start, end)."""

    form: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Sentences that stand for each other, as their tokens."""

    source: tuple[Token, ...]
    target: tuple[Token, ...]


def sentences(text: str) -> list[list[Token]]:
    """Tokens of each sentence of `text`; sentences without any are left out."""
    cuts = [0, *(m.end() for m in _SENTENCE.finditer(text)), len(text)]
    found = []
    for start, end in pairwise(cuts):
        own = [Token(plain(m.group()), m.start(), m.end()) for m in _TOKEN.finditer(text, start, end)]
        if own:
            found.append(own)
    return found


@lru_cache(maxsize=200_000)
def plain(word: str) -> str:
    """Lower case without accents; a decimal comma becomes a point."""
    if word[0].isdigit():
        return word.replace(",", ".")
    split = unicodedata.normalize("NFKD", word.lower())
    return "".join(c for c in split if not unicodedata.combining(c))


@lru_cache(maxsize=200_000)
def spelling_key(form: str) -> str:
    """What near-cognates share: the first letters in one spelling; numbers whole; "" for short words."""
    if form[0].isdigit():
        return form
    return cognate_spelling(form)[:_KEY_LETTERS] if len(form) > 3 else ""


@lru_cache(maxsize=200_000)
def cognate_spelling(form: str) -> str:
    """A word in a spelling that Romance and English words of one stem share."""
    for pattern, new in _SPELLINGS:
        form = pattern.sub(new, form)
    return form


def align(source: Sequence[list[Token]], target: Sequence[list[Token]]) -> list[Pair]:
    """Pair the sentences in order, so that the shared content is greatest; those without a partner are left out."""
    if not source or not target:
        return []
    overlap, source_weight, target_weight = _overlaps(source, target)
    block = np.zeros((len(source) + 1, len(target) + 1))
    block[1:, 1:] = overlap.cumsum(axis=0).cumsum(axis=1)
    mass_s, mass_t = np.concatenate(([0.0], source_weight.cumsum())), np.concatenate(([0.0], target_weight.cumsum()))
    shared, length_s, length_t = block.tolist(), mass_s.tolist(), mass_t.tolist()
    # both texts say the same: a bead is as long on one side as on the other, by the ratio of the whole
    ratio = length_s[-1] / length_t[-1]
    best = [[-np.inf] * (len(target) + 1) for _ in range(len(source) + 1)]
    back: dict[tuple[int, int], tuple[int, int]] = {}
    best[0][0] = 0.0
    for i in range(len(source) + 1):
        for j in range(len(target) + 1):
            here = best[i][j]
            if here == -np.inf:
                continue
            for m, n, cost in _BEADS:
                a, b = i + m, j + n
                if a > len(source) or b > len(target):
                    continue
                value = here - cost
                if m and n:
                    common = shared[a][b] - shared[i][b] - shared[a][j] + shared[i][j]
                    s, t = length_s[a] - length_s[i], (length_t[b] - length_t[j]) * ratio
                    value += 2 * min(common / min(s, t), 1.0) * min(s, t) / max(s, t) + 2 * common / (s + t) - 0.3
                if value > best[a][b]:
                    best[a][b] = value
                    back[(a, b)] = (i, j)
    pairs = []
    place = (len(source), len(target))
    while place != (0, 0):
        before = back[place]
        s_part = [t for one in source[before[0] : place[0]] for t in one]
        t_part = [t for one in target[before[1] : place[1]] for t in one]
        if s_part and t_part:
            pairs.append(Pair(tuple(s_part), tuple(t_part)))
        place = before
    return pairs[::-1]


def _overlaps(source: Sequence[list[Token]], target: Sequence[list[Token]]) -> tuple[Floats, Floats, Floats]:
    """Weight of the keys that two sentences share, shape (source, target), and weight of each sentence's keys."""
    s_keys = [Counter(k for t in one if (k := spelling_key(t.form))) for one in source]
    t_keys = [Counter(k for t in one if (k := spelling_key(t.form))) for one in target]
    often = Counter(k for one in (*s_keys, *t_keys) for k in one)
    rare = {k: 1 / n**0.5 for k, n in often.items()}
    places: dict[str, list[tuple[int, int]]] = {}
    for j, keys in enumerate(t_keys):
        for key, count in keys.items():
            places.setdefault(key, []).append((j, count))
    overlap = np.zeros((len(source), len(target)))
    for i, keys in enumerate(s_keys):
        for key, count in keys.items():
            for j, other in places.get(key, ()):
                overlap[i, j] += min(count, other) * rare[key]
    # a floor for sentences of short words alone
    weights = [
        np.array(
            [0.3 * len(one) + sum(n * rare[k] for k, n in keys.items()) for one, keys in zip(side, own, strict=True)]
        )
        for side, own in ((source, s_keys), (target, t_keys))
    ]
    return overlap, weights[0], weights[1]
