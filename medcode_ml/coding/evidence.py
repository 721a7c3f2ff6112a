"""The text behind a code: the phrases that decided it, cut to the words that matter and merged where they touch.

What a code can rest on is weighed alike: a learned phrase by the chance that it means the code, a mention of the
ontology coder by whether it may carry the code. The best stay, with all that come near them, none inside another. A
code that only a sentence speaks for gets the words of that sentence that stand in the code's own wordings and in the
phrases that coders marked for it. Where the network's attention falls is not evidence: on CodiEsp dev it met the
coders' words no more often than chance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from medcode_ml.coding.assertion import HYPOTHETICAL, NEGATED, STRENGTH
from medcode_ml.coding.candidates import Candidate
from medcode_ml.coding.proposals.charts import Chart
from medcode_ml.coding.proposals.likeness import wordings
from medcode_ml.coding.proposals.proposer import Learned
from medcode_ml.coding.proposals.reading import PAIR, ReadNote
from medcode_ml.coding.proposals.retrieval import stems_of
from medcode_ml.coding.proposals.table import Proposals

PHRASE, WORDING, SENTENCE = "learned phrase", "words of its wording", "nearest sentence"
APART = 2
"""Characters between two spans that are still one phrase."""
# Set on CodiEsp train, each note read by what three quarters of the others taught; the figures hardly move around them.
_NEAR = 0.5
_CARRYING, _MENTIONED = 0.8, 0.4
_OF_PAIR = 0.5
_OF_DENIED = 0.75
_WIDE_PAIR = 3
_BRIDGED = 1
_DENIED = tuple(STRENGTH.index(said) for said in (NEGATED, HYPOTHETICAL))

Run = tuple[int, int]


class Phrase(NamedTuple):
    """Tokens `first` up to and without `last` that speak for a code, and how strongly; of a pair only its two ends."""

    strength: float
    first: int
    last: int
    pair: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """Characters of the chart's text as evidence. `kind`: PHRASE (learned or a mention), WORDING or SENTENCE."""

    start: int
    end: int
    kind: str


class EvidenceFinder:
    """Finds the text behind proposed codes by what a model learned."""

    def __init__(self, learned: Learned) -> None:
        self._learned = learned

    def find(self, charts: Sequence[Chart], proposals: Proposals, rows: npt.NDArray[np.intp]) -> dict[int, list[Span]]:
        """The spans of each of `rows` (ascending) in text order; empty only where nothing in the text names the code.

        No span reaches over the end of a document.
        """
        phrases = self._learned_phrases(charts, proposals, rows)
        found: dict[int, list[Span]] = {}
        for row in rows.tolist():
            chart, code = charts[proposals.chart[row]], proposals.codes[proposals.code[row]]
            own = phrases.get(row, [])
            if code in chart.coded.candidates:
                own = own + _mentioned(chart, chart.coded.candidates[code])
            if own:
                found[row] = _spans(chart, chosen_runs(own), PHRASE)
            else:
                start, end = proposals.spans[row, 0].tolist()
                found[row] = self._cut(chart, code, start, end) if start >= 0 else []
        return found

    def _learned_phrases(
        self, charts: Sequence[Chart], proposals: Proposals, rows: npt.NDArray[np.intp]
    ) -> dict[int, list[Phrase]]:
        """Learned phrases of the codes of `rows` wherever they stand in their charts."""
        forms, labels = self._learned.forms, self._learned.labels
        codes, number = np.unique(proposals.code[rows], return_inverse=True)
        out: defaultdict[int, list[Phrase]] = defaultdict(list)
        if not len(labels) or not len(rows):
            return out
        place = np.minimum(np.searchsorted(labels, proposals.codes[codes]), len(labels) - 1)
        learned = labels[place] == proposals.codes[codes]
        number_of = np.full(len(labels), -1, dtype=np.int32)
        number_of[place[learned]] = np.nonzero(learned)[0]
        # few codes are asked for, so the table is cut to their phrases before the notes are looked through
        asked = np.nonzero(number_of[forms.codes] >= 0)[0]
        row_of = np.full((len(charts), len(codes)), -1, dtype=np.int64)
        row_of[proposals.chart[rows], number] = rows
        notes = [c.note for c in charts]
        keys = np.concatenate([n.keys for n in notes])
        chart = np.repeat(np.arange(len(notes)), [len(n.keys) for n in notes])
        table = forms.keys[asked]
        low = np.searchsorted(table, keys)
        here = np.nonzero(table[np.minimum(low, len(table) - 1)] == keys)[0] if len(table) else low[:0]
        count = np.searchsorted(table, keys[here], side="right") - low[here]
        at = np.repeat(here, count)
        form = asked[np.repeat(low[here] - np.cumsum(count) + count, count) + np.arange(len(at))]
        row = row_of[chart[at], number_of[forms.codes[form]]]
        at, form, row = at[row >= 0], form[row >= 0], row[row >= 0]
        first, last = np.concatenate([n.first for n in notes])[at], np.concatenate([n.last for n in notes])[at]
        pair = forms.size[form] == PAIR
        token = np.r_[0, np.cumsum([len(n.starts) for n in notes])][chart[at]]
        said = np.concatenate([n.said for n in notes])
        denied = np.isin(np.minimum(said[token + first], said[token + last - 1]), _DENIED)
        strength = np.maximum(forms.chance[form], forms.early_chance[form])
        strength = strength * np.where(pair, _OF_PAIR, 1.0) * np.where(denied, _OF_DENIED, 1.0)
        columns = (row, strength, first, last, pair)
        for own, *facts in zip(*(c.tolist() for c in columns), strict=True):
            out[own].append(Phrase(*facts))
        return out

    def _cut(self, chart: Chart, code: str, start: int, end: int) -> list[Span]:
        """The words of the sentence `start` to `end` that matter for `code`."""
        note = chart.note
        first, last = tokens_in(note, start, end)
        kind, runs = WORDING, wording_runs(note.stems[first:last], self._wordings_of(code))
        if not runs:
            kind, runs = SENTENCE, _hull(note.words[first:last])
        return _spans(chart, [(a + first, b + first) for a, b in runs], kind)

    @cached_property
    def _remembered(self) -> sparse.csc_matrix:
        return self._learned.remembered.shares.tocsc()

    def _wordings_of(self, code: str) -> list[frozenset[int]]:
        """The wordings of a code and the phrases that coders marked for it: keys of the beginnings of their words."""
        found = [stems_of(text) for text in wordings(code)]
        labels, index = self._learned.labels, self._learned.remembered
        place = int(np.searchsorted(labels, code))
        if place < len(labels) and labels[place] == code:
            columns = self._remembered[:, np.nonzero(index.code == place)[0]]
            found += [frozenset(index.words[columns.indices[a:b]].tolist()) for a, b in pairwise(columns.indptr)]
        return [words for words in found if words]


def chosen_runs(phrases: Iterable[Phrase]) -> list[Run]:
    """Runs of tokens, ascending: the strongest of `phrases` and all that come near it; of nested ones the stronger."""
    ordered = sorted(phrases, key=lambda p: (-p.strength, p.first, -p.last, p.pair))
    taken: list[Phrase] = []
    for phrase in ordered:
        if phrase.strength < _NEAR * ordered[0].strength:
            break
        if not any(phrase.first < other.last and other.first < phrase.last for other in taken):
            taken.append(phrase)
    runs: list[Run] = []
    for _, first, last, pair in taken:
        # what stands between the words of a far pair is of something else
        runs += [(first, first + 1), (last - 1, last)] if pair and last - first > _WIDE_PAIR else [(first, last)]
    return sorted(runs)


def wording_runs(stems: npt.NDArray[np.uint64], wordings_of_code: Iterable[frozenset[int]]) -> list[Run]:
    """Runs of those tokens that stand in the wording which they say most of; `stems` are the tokens' keys."""
    there = set(stems.tolist())
    best = max(wordings_of_code, key=lambda words: len(words & there) ** 2 / len(words), default=frozenset())
    return _runs(np.isin(stems, np.fromiter(best, dtype=np.uint64, count=len(best))))


def tokens_in(note: ReadNote, start: int, end: int) -> Run:
    """The tokens that characters `start` up to `end` touch, at least one."""
    first = min(int(np.searchsorted(note.ends, start, side="right")), len(note.ends) - 1)
    return first, max(int(np.searchsorted(note.starts, end)), first + 1)


def _runs(chosen: npt.NDArray[np.bool_]) -> list[Run]:
    """Runs of chosen tokens; a single token between two is taken along."""
    runs: list[Run] = []
    for at in np.nonzero(chosen)[0].tolist():
        if runs and at - runs[-1][1] <= _BRIDGED:
            runs[-1] = (runs[-1][0], at + 1)
        else:
            runs.append((at, at + 1))
    return runs


def _hull(words: npt.NDArray[np.uint64]) -> list[Run]:
    """From the first to the last word with a meaning of its own, by the keys of the tokens."""
    at = np.nonzero((words != 0) & ((words & np.uint64(1)) == 0))[0]
    return [(int(at[0]), int(at[-1]) + 1)] if len(at) else []


def _mentioned(chart: Chart, known: Candidate) -> list[Phrase]:
    found = []
    for support in known.supports:
        start = chart.place(support.facts.document_id, support.mention.start)
        end = start + support.mention.end - support.mention.start
        strength = _CARRYING if support.judgement.carries else _MENTIONED
        found.append(Phrase(strength, *tokens_in(chart.note, start, end)))
    return found


def _spans(chart: Chart, runs: Iterable[Run], kind: str) -> list[Span]:
    """The characters of ascending `runs`; those that touch are one, but none goes on in another document."""
    note = chart.note
    found: list[Span] = []
    for first, last in runs:
        start, end = int(note.starts[first]), int(note.ends[last - 1])
        before = found[-1] if found else None
        if before and start <= before.end + APART and not any(before.start < s <= start for s in chart.starts):
            found[-1] = Span(before.start, max(before.end, end), kind)
        else:
            found.append(Span(start, end, kind))
    return found
