"""Moves evidence marked on a parallel text in another language onto the English text.

Sentences are paired in order, their words aligned by what the whole collection of texts teaches, and each marked span
becomes the shortest run of English words that stands for it, with a confidence; spans below it are given up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from medcode_ml.coding.labelled.parallel_sentences import Pair, Token, align, sentences
from medcode_ml.coding.labelled.word_alignment import Floats, Links, align_words
from medcode_ml.coding.words import word_set

Bools = npt.NDArray[np.bool_]
Phrase = tuple[str, ...]
CONFIDENT: Final = 0.6
"""Confidence below which a span is given up."""
_LINKED: Final = 0.35
"""Link from which on a word belongs to a span."""
_WEAK: Final = 0.15
"""Link below which two words have nothing to do with each other."""
_HULL_WORDS: Final = 4
"""Words between two pieces of a span that are still one phrase."""
_CUSTOM: Final = 0.1
"""Share of a phrase's translations from which on one of them is customary."""
FUNCTION_WORDS: Final = word_set(
    "a an the of in on at to by from for with without and or but as is was were are be been being has have had he she "
    "it his her their its this that these those which who whom whose there then than into due after before during "
    "through also patient patients presented presents presenting showed shows revealed observed"
)
"""English words that no phrase begins or ends with."""


@dataclass(frozen=True, slots=True)
class MarkedSpan:
    """A span that a coder marked on the other text: its pieces [start, end) in characters."""

    code: str
    pieces: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class ParallelText:
    """One document in two languages, and what is marked on the other one."""

    english: str
    other: str
    marked: tuple[MarkedSpan, ...]


@dataclass(frozen=True, slots=True)
class Projected:
    """Where a marked span stands in the English text: pieces by place, none where it cannot be told."""

    marked: MarkedSpan
    pieces: tuple[tuple[int, int], ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class _Place:
    """A word of the other text: its sentence pair and its place there."""

    pair: int
    word: int
    token: Token


def project(texts: Sequence[ParallelText]) -> list[list[Projected]]:
    """Project the marked spans of every text, in order. The texts are learned from together."""
    paired = [align(sentences(t.other), sentences(t.english)) for t in texts]
    pairs = [pair for own in paired for pair in own]
    links = align_words(pairs)
    weights = _content_weights(pairs)
    documents = []
    first = 0
    for text, own in zip(texts, paired, strict=True):
        documents.append(_Document(text, own, links[first : first + len(own)], weights))
        first += len(own)
    found = [[document.project(span) for span in document.text.marked] for document in documents]
    customary = _customary(documents, found)
    return [
        [one if one.pieces else document.look_up(one, customary) for one in own]
        for document, own in zip(documents, found, strict=True)
    ]


def _customary(documents: Sequence[_Document], found: Sequence[Sequence[Projected]]) -> dict[Phrase, list[Phrase]]:
    """How each marked phrase is mostly put in one piece of English, where told at least twice; oftenest first."""
    told: dict[Phrase, Counter[Phrase]] = {}
    for document, own in zip(documents, found, strict=True):
        for one in own:
            if len(one.pieces) == 1:
                ((start, end),) = one.pieces
                english = tuple(
                    t.form for pair in document.pairs for t in pair.target if start <= t.start and t.end <= end
                )
                told.setdefault(document.phrase(one.marked), Counter())[english] += 1
    return {
        phrase: [words for words, times in ways.most_common() if times > 1 and times >= _CUSTOM * ways.total()]
        for phrase, ways in told.items()
    }


def _content_weights(pairs: Iterable[Pair]) -> dict[str, float]:
    """How much each word of the other language tells, from near 0 for the commonest to 1."""
    often = Counter(t.form for p in pairs for t in p.source)
    total = sum(often.values())
    return {form: float(1 / (1 + 300 * count / total)) if len(form) < 4 else 1.0 for form, count in often.items()}


class _Document:
    """One document with its word links."""

    def __init__(self, text: ParallelText, pairs: list[Pair], links: list[Links], weights: dict[str, float]) -> None:
        self.text = text
        self.pairs = pairs
        self._links = links
        self._weights = weights
        self._places = [_Place(p, w, t) for p, pair in enumerate(pairs) for w, t in enumerate(pair.source)]

    def project(self, span: MarkedSpan) -> Projected:
        """Where `span` stands in the English text, by its word links."""
        own = self._own(span)
        by_pair: dict[int, list[_Place]] = {}
        for place in own:
            by_pair.setdefault(place.pair, []).append(place)
        pieces: list[tuple[int, int]] = []
        told = asked = 0.0
        for number, places in by_pair.items():
            runs, got, wanted = self._in_pair(number, places)
            pieces += runs
            told += got
            asked += wanted
        # words of sentences without a partner are asked for too
        lost = sum(1 for a, b in span.pieces if not any(p.token.start < b and a < p.token.end for p in own))
        confidence = told / (asked + lost) if asked + lost else 0.0
        good = confidence >= CONFIDENT
        return Projected(span, tuple(sorted(pieces)) if good else (), round(confidence, 4))

    def phrase(self, span: MarkedSpan) -> Phrase:
        """The words of a marked span."""
        return tuple(p.token.form for p in self._own(span))

    def look_up(self, one: Projected, customary: Mapping[Phrase, Sequence[Phrase]]) -> Projected:
        """`one` where its sentence says it in a customary way, else as it is."""
        for number in dict.fromkeys(p.pair for p in self._own(one.marked)):
            words = self.pairs[number].target
            forms = tuple(t.form for t in words)
            for way in customary.get(self.phrase(one.marked), ()):
                for start in range(len(forms) - len(way) + 1):
                    if forms[start : start + len(way)] == way:
                        piece = (words[start].start, words[start + len(way) - 1].end)
                        return Projected(one.marked, (piece,), CONFIDENT)
        return one

    def _own(self, span: MarkedSpan) -> list[_Place]:
        return [p for p in self._places if any(p.token.start < b and a < p.token.end for a, b in span.pieces)]

    def _in_pair(self, number: int, places: list[_Place]) -> tuple[list[tuple[int, int]], float, float]:
        """English runs for words of one sentence pair; weight of the words found again, and of all asked for."""
        pair, link = self.pairs[number], self._links[number]
        inside = np.zeros(len(pair.source), dtype=bool)
        inside[[p.word for p in places]] = True
        weight = np.array([self._weights[t.form] for t in pair.source])
        agreed = link.agreed
        to_span: Floats = agreed[inside].max(axis=0)
        elsewhere = agreed[~inside].max(axis=0) if (~inside).any() else np.zeros(len(pair.target))
        # a word that a span word gives only weakly, but nothing else does, may still belong
        mass = link.to_source[inside].sum(axis=0)
        chosen = ((to_span >= _LINKED) & (to_span > elsewhere)) | ((mass > 0.7) & (to_span > _WEAK))
        chosen |= self._beside(pair.target, chosen, (mass > 0.5) & (elsewhere < _LINKED))
        best = np.where(chosen, agreed[inside], 0.0).max(axis=1)
        asked = float(weight[inside].sum())
        told = float((weight[inside] * np.minimum(best * 1.25, 1.0)).sum())
        runs = self._needed(self._runs(pair.target, chosen), agreed[inside])
        return [(pair.target[a].start, pair.target[b].end) for a, b in runs], told, asked

    @staticmethod
    def _beside(words: Sequence[Token], chosen: Bools, given: Bools) -> Bools:
        """Words that the span gives and that stand next to a chosen one: one word may be several in English."""
        next_to = np.array([a.end + 1 == b.start for a, b in pairwise(words)], dtype=bool)
        beside = np.zeros_like(chosen)
        beside[1:] |= chosen[:-1] & next_to
        beside[:-1] |= chosen[1:] & next_to
        return beside & given

    @staticmethod
    def _needed(runs: list[tuple[int, int]], agreed: Floats) -> list[tuple[int, int]]:
        """The runs that stand for words that no better run stands for: translations repeat themselves."""
        got = [np.where((own := agreed[:, a : b + 1].max(axis=1)) >= _WEAK, own, 0.0) for a, b in runs]
        kept: list[int] = []
        covered = np.zeros(len(agreed), dtype=bool)
        for place in sorted(range(len(runs)), key=lambda n: (-got[n].sum(), n)):
            if (got[place] > 0)[~covered].any():
                kept.append(place)
                covered |= got[place] > 0
        return [runs[n] for n in sorted(kept)]

    @staticmethod
    def _runs(words: Sequence[Token], chosen: Bools) -> list[tuple[int, int]]:
        """First and last words of the chosen runs, joined over few words; no function or repeated words at the ends."""
        places = [int(i) for i in np.flatnonzero(chosen)]
        groups: list[list[int]] = []
        for place in places:
            between = range(groups[-1][-1] + 1, place) if groups else range(0)
            loose = sum(words[i].form not in FUNCTION_WORDS for i in between)
            if groups and len(between) <= _HULL_WORDS and loose <= 2:
                groups[-1].append(place)
            else:
                groups.append([place])
        runs = []
        for group in groups:
            forms = [words[i].form for i in group]
            while group and (forms[0] in FUNCTION_WORDS or forms[0] in forms[1:]):
                group, forms = group[1:], forms[1:]
            while group and (forms[-1] in FUNCTION_WORDS or forms[-1] in forms[:-1]):
                group, forms = group[:-1], forms[:-1]
            if group:
                runs.append((group[0], group[-1]))
        return runs
