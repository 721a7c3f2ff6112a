"""Learned surface forms: the phrases by which a hospital's notes name a code.

Every label of a training note has to be said somewhere in it. Where coders marked the place, the phrases there are
asked; where they did not, all of the note's phrases are, and expectation maximisation in the manner of a word alignment
(Brown et al. 1993, model 1) finds the one that comes with the code again and again and seldom without it. A likeness to
the code's own wording decides where counts do not: for a code with a single training note.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from medcode_ml.coding.assertion import AFFIRMED, STRENGTH, UNCERTAIN
from medcode_ml.coding.proposals.likeness import CodeWordings
from medcode_ml.coding.proposals.reading import PAIR, ReadNote, UInts, phrase_text

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

ROUNDS = 8
FIRST_ROUNDS = 2
MOST_NOTES = 4000
"""Notes that likeness and expectation maximisation work on; beyond, a sample, for time and memory grow with them."""
_TOO_COMMON = 0.5
_LIKENESS = 6.0
_SMOOTHING = 1.0
_LEAST = 0.15
_EARLY_LEAST = 0.05
_PAIR_WEIGHT = 0.3
_LEAST_SHARED = 0.2
_STATED = min(STRENGTH.index(UNCERTAIN), STRENGTH.index(AFFIRMED))


@dataclass(frozen=True)
class Forms:
    """Phrase -> code, a row each, ascending by `keys`.

    Attributes:
        keys: key of the phrase. codes: place of the code in the training labels. size: words, or PAIR.
        chance: chance that the phrase means the code where it stands. mass: training labels that it explains. Both
            also after the first rounds only (`early_`), while several phrases still share a label.
        notes: training notes it stands in. affirmed: those where it stands affirmed.
        likeness: to the wording of the code. rival: best early chance of another code at the same phrase.
    """

    keys: UInts
    codes: Ints
    chance: Floats
    mass: Floats
    early_chance: Floats
    early_mass: Floats
    notes: Ints
    affirmed: Ints
    likeness: Floats
    rival: Floats
    size: npt.NDArray[np.int8]

    def renumbered(self, places: Ints) -> Forms:
        """The same forms with other places of their codes."""
        return replace(self, codes=places[self.codes])

    def find(self, keys: UInts) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Rows of the table for each of `keys`: (place in `keys`, row), every pair."""
        low = np.searchsorted(self.keys, keys, side="left")
        count = np.searchsorted(self.keys, keys, side="right") - low
        of = np.repeat(np.arange(len(keys)), count)
        ahead = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)
        return of, low[of] + ahead


@dataclass(frozen=True)
class Sayings:
    """Every phrase of every training note that could say one of its labels, a row each; forms are learned from it.

    Attributes:
        keys: distinct phrases. size: words of each, or PAIR.
        stands_note, stands_phrase: which phrase stands in which note, each pair once.
        stands_affirmed: whether it stands there at least once neither denied nor said of others.
        pair_phrase, pair_code: distinct pairs of phrase and code, ascending by both.
        pair, like, weight, instance, note: a row for each label of a note and each phrase that could say it; `pair` is
            the place of phrase and code above, `instance` numbers the labels of all notes.
    """

    keys: UInts
    size: npt.NDArray[np.int8]
    stands_note: Ints
    stands_phrase: Ints
    stands_affirmed: npt.NDArray[np.bool_]
    pair_phrase: Ints
    pair_code: Ints
    pair: Ints
    like: Floats
    weight: Floats
    instance: Ints
    note: Ints

    def learn(self, notes: npt.NDArray[np.bool_]) -> Forms:
        """The forms of the training notes that the mask `notes` chooses."""
        counts = np.bincount(self.stands_phrase[notes[self.stands_note]], minlength=len(self.keys))
        affirmed = np.bincount(
            self.stands_phrase[notes[self.stands_note] & self.stands_affirmed], minlength=len(self.keys)
        )
        usable = counts <= max(2, _TOO_COMMON * int(notes.sum()))
        own = notes[self.note] & usable[self.pair_phrase][self.pair]
        # numbered anew by counting: sorting these rows for every fold would take most of a training's time
        pairs, of = _renumbered(self.pair[own], len(self.pair_phrase))
        _, instance = _renumbered(self.instance[own], int(self.instance.max(initial=-1)) + 1)
        phrase, code = self.pair_phrase[pairs], self.pair_code[pairs]
        return _maximise(
            self.keys, counts, affirmed, self.size, phrase, code, of, self.like[own], self.weight[own], instance
        )


def _renumbered(places: Ints, most: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The distinct `places` (below `most`), ascending, and for each of `places` which of them it is."""
    held = np.bincount(places, minlength=most) > 0
    return np.nonzero(held)[0], (np.cumsum(held) - 1)[places]


def gather_sayings(
    notes: Sequence[ReadNote],
    labels: Sequence[Sequence[int]],
    wordings: CodeWordings,
    marked: Sequence[Mapping[int, Sequence[npt.NDArray[np.bool_]]]] | None = None,
) -> Sayings:
    """Pair the labels of training notes with the phrases that could say them.

    Args:
        notes: training notes; beyond MOST_NOTES a sample gives pairs, the others only count where phrases stand.
        labels: the codes of each, places in `wordings`.
        wordings: the wordings of all training codes.
        marked: for each note, code -> what coders marked, a mask over the tokens for each marked phrase; codes without
            are looked for.
    """
    asked = list(range(len(notes)))
    if len(notes) > MOST_NOTES:
        asked = sorted(np.random.default_rng(0).choice(len(notes), MOST_NOTES, replace=False).tolist())
    distinct = [np.unique(notes[i].keys, return_index=True) for i in asked]
    keys, of_note, counts = np.unique(np.concatenate([d[0] for d in distinct]), return_inverse=True, return_counts=True)
    bounds = np.r_[0, np.cumsum([len(d[0]) for d in distinct])]
    usable = counts <= max(2, _TOO_COMMON * len(asked))
    size = np.zeros(len(keys), dtype=np.int8)
    text: dict[int, str] = {}
    for number, place in enumerate(asked):
        own, at = of_note[bounds[number] : bounds[number + 1]], distinct[number][1]
        size[own] = notes[place].size[at]
        for phrase, first in zip(own[usable[own]].tolist(), at[usable[own]].tolist(), strict=True):
            if phrase not in text:
                text[phrase] = phrase_text(notes[place], first)
    row_of = np.full(len(keys), -1, dtype=np.intp)
    row_of[np.fromiter(text, dtype=np.intp, count=len(text))] = np.arange(len(text))
    written = wordings.phrases(list(text.values()))
    rows: list[tuple[npt.NDArray[np.intp], int, Floats, Floats, int]] = []
    for number, place in enumerate(asked):
        phrases = of_note[bounds[number] : bounds[number + 1]]
        phrases = phrases[usable[phrases]]
        codes = sorted(labels[place])
        if not codes or not len(phrases):
            continue
        near = wordings.likeness(written[row_of[phrases]], codes)
        spans = marked[place] if marked is not None else {}
        for column, code in enumerate(codes):
            share = np.ones(len(phrases), dtype=np.float32)
            if spans.get(code):
                share = _inside(notes[place], keys[phrases], spans[code])
            chosen = np.nonzero(share)[0]
            if len(chosen):
                rows.append((phrases[chosen], code, near[chosen, column], share[chosen], number))
    lengths = [len(r[0]) for r in rows]
    of_code = np.repeat(np.array([r[1] for r in rows], dtype=np.int64), lengths)
    width = int(of_code.max(initial=0)) + 1
    pairs, pair = np.unique(_joined([r[0] for r in rows]).astype(np.int64) * width + of_code, return_inverse=True)
    return Sayings(
        keys,
        size,
        np.repeat(np.arange(len(asked), dtype=np.int32), np.diff(bounds)),
        of_note.astype(np.int32),
        np.concatenate([_affirmed(notes[i], d[0]) for i, d in zip(asked, distinct, strict=True)]),
        (pairs // width).astype(np.int32),
        (pairs % width).astype(np.int32),
        pair.astype(np.int32),
        _joined([r[2] for r in rows]),
        _joined([r[3] for r in rows]),
        np.repeat(np.arange(len(rows), dtype=np.int32), lengths),
        np.repeat(np.array([r[4] for r in rows], dtype=np.int32), lengths),
    )


def _joined(parts: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """The parts one after the other; where every phrase is too common to tell anything there are none."""
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)


def _affirmed(note: ReadNote, keys: UInts) -> npt.NDArray[np.bool_]:
    """Whether each phrase of `keys` (all of the note's, ascending) stands affirmed anywhere in the note."""
    heard = np.minimum(note.said[note.first], note.said[note.last - 1])
    out = np.zeros(len(keys), dtype=bool)
    out[np.searchsorted(keys, note.keys[heard >= _STATED])] = True
    return out


def _inside(note: ReadNote, keys: UInts, said_by: Sequence[npt.NDArray[np.bool_]]) -> Floats:
    """How much each of the note's phrases `keys` (ascending) is what coders marked, squared; 0 for most.

    `said_by` has a mask over the note's tokens for each marked phrase. Shared content words by those of either.
    """
    content = (note.words != 0) & ((note.words & np.uint64(1)) == 0)
    before = np.r_[0, np.cumsum(content)]
    pair = note.size == PAIR
    length = np.where(pair, 2, before[note.last] - before[note.first])
    best = np.zeros(len(note.keys), dtype=np.float32)
    for mask in said_by:
        own = mask & content
        inside = np.r_[0, np.cumsum(own)]
        ends = own[note.first].astype(np.int64) + own[note.last - 1]
        shared = np.where(pair, ends, inside[note.last] - inside[note.first])
        best = np.maximum(best, shared / np.maximum(length + inside[-1] - shared, 1))
    at = np.minimum(np.searchsorted(keys, note.keys), len(keys) - 1)
    known = (keys[at] == note.keys) & (best > _LEAST_SHARED)
    out = np.zeros(len(keys), dtype=np.float32)
    np.maximum.at(out, at[known], best[known])
    return out**2


def _maximise(
    keys: UInts,
    counts: npt.NDArray[np.int64],
    affirmed: npt.NDArray[np.int64],
    size: npt.NDArray[np.int8],
    phrase: Ints,
    code: Ints,
    of: npt.NDArray[np.intp],
    like: Floats,
    weight: Floats,
    instance: npt.NDArray[np.intp],
) -> Forms:
    """`phrase`, `code`: of each pair; `of`: the pair of each row, as `like`, `weight` and `instance` have them."""
    prior = np.exp(_LIKENESS * like) * weight * np.where(size[phrase] == PAIR, _PAIR_WEIGHT, 1.0)[of]
    below = counts[phrase] + _SMOOTHING
    mass = early = np.bincount(of, np.ones(len(of)))
    for number in range(1, ROUNDS + 1):
        share = (mass / below)[of] * prior
        share /= np.bincount(instance, share)[instance]
        mass = np.bincount(of, share)
        if number == FIRST_ROUNDS:
            early = mass
    likeness = np.zeros(len(phrase), dtype=np.float32)
    likeness[of] = like
    kept = np.nonzero((mass >= _LEAST) | (early >= _EARLY_LEAST))[0]
    kept = kept[np.argsort(keys[phrase[kept]], kind="stable")]
    own = phrase[kept]
    return Forms(
        keys[own],
        code[kept],
        (mass / below)[kept].astype(np.float32),
        mass[kept].astype(np.float32),
        (early / below)[kept].astype(np.float32),
        early[kept].astype(np.float32),
        counts[own].astype(np.int32),
        affirmed[own].astype(np.int32),
        likeness[kept],
        _rivals(own, (early / below)[kept]),
        size[own],
    )


def _rivals(phrase: Ints, chance: npt.NDArray[np.float64]) -> Floats:
    """For each row the best chance of another row of the same phrase; rows of a phrase stand together."""
    order = np.lexsort((-chance, phrase))
    start = np.nonzero(np.r_[True, phrase[order][1:] != phrase[order][:-1]][: len(order)])[0]
    size = np.diff(np.r_[start, len(order)])
    second = np.where(size > 1, chance[order][np.minimum(start + 1, len(order) - 1)], 0)
    out = np.empty(len(phrase), dtype=np.float32)
    out[order] = np.repeat(chance[order][start], size)
    out[order[start]] = second
    return out
