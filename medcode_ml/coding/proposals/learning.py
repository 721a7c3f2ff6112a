"""Fitting what the proposals learn, once for all training charts and once for each fold that must not see its own.

The features of a training chart come from channels that were fitted without it: a phrase that a single chart taught
would else look like a sure sign in that very chart, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import numpy as np
import numpy.typing as npt

from medcode_ml.codes.release import release_on
from medcode_ml.coding.proposals.charts import Chart
from medcode_ml.coding.proposals.forms import Sayings, gather_sayings
from medcode_ml.coding.proposals.likeness import CodeWordings
from medcode_ml.coding.proposals.linear import learn_linear
from medcode_ml.coding.proposals.proposer import Learned, Proposer
from medcode_ml.coding.proposals.reading import ReadNote, UInts
from medcode_ml.coding.proposals.retrieval import WordingIndex
from medcode_ml.coding.proposals.table import Proposals, joined

AT_ONCE = 256
"""Charts in one table while learning."""
Marked = Mapping[str, Sequence[tuple[int, int]]]


class Teacher:
    """Learns from any part of a training set; what does not depend on the part is worked out once."""

    def __init__(
        self,
        charts: Sequence[Chart],
        codes: Sequence[Sequence[str]],
        marked: Sequence[Marked] | None = None,
        outside: frozenset[str] = frozenset(),
    ) -> None:
        """`codes` of each chart; `marked`: code -> character spans in the chart's text where coders marked them.

        `outside` are labels that no release held on the day of their charts.
        """
        self._charts = charts
        self._outside = outside
        self._labels = sorted({c for own in codes for c in own})
        place = {code: i for i, code in enumerate(self._labels)}
        self._wanted = [sorted(place[c] for c in own) for own in codes]
        notes = [c.note for c in charts]
        masks = [
            {place[code]: marked_phrases(note, spans) for code, spans in own.items() if code in place}
            for note, own in zip(notes, marked if marked is not None else [{}] * len(notes), strict=True)
        ]
        self._phrases = [
            (number, code, stems)
            for number, own in enumerate(masks)
            for code, phrases in own.items()
            for stems in {frozenset(_content(notes[number].stems[mask])) for mask in phrases}
            if len(stems) > 1
        ]
        self._sayings: Sayings = gather_sayings(notes, self._wanted, CodeWordings(self._labels), masks)

    def learn(self, chosen: npt.NDArray[np.bool_]) -> Learned:
        """What the charts of the mask `chosen` teach."""
        own = np.nonzero(chosen)[0].tolist()
        wanted = [self._wanted[i] for i in own]
        counts = np.bincount(np.concatenate([np.array(w, dtype=np.int64) for w in wanted]), minlength=len(self._labels))
        used = np.nonzero(counts)[0]
        renumbered = np.full(len(self._labels), -1, dtype=np.int32)
        renumbered[used] = np.arange(len(used), dtype=np.int32)
        linear = learn_linear([self._charts[i].note for i in own], [renumbered[w].tolist() for w in wanted], len(used))
        labels = np.array(self._labels, dtype=object)[used]
        forms = self._sayings.learn(chosen).renumbered(renumbered)
        remembered = WordingIndex.of(
            (int(renumbered[code]), keys) for number, code, keys in self._phrases if chosen[number]
        )
        return Learned(labels, counts[used].astype(np.int32), len(own), self._outside, forms, remembered, linear)


def marked_phrases(note: ReadNote, spans: Sequence[tuple[int, int]]) -> list[npt.NDArray[np.bool_]]:
    """The phrases that coders marked as masks over the tokens of `note`.

    Pieces in one sentence that share no word are one phrase, "tumor ... of the rectum"; a word marked again is another.
    """
    found: list[tuple[int, set[int], npt.NDArray[np.bool_]]] = []
    for start, end in sorted(set(spans)):
        mask = (note.starts < end) & (note.ends > start)
        words = set(_content(note.words[mask]))
        if not words:
            continue
        sentence = int(note.sentence[np.argmax(mask)])
        last = found[-1] if found else None
        if last is not None and last[0] == sentence and not last[1] & words:
            found[-1] = (sentence, last[1] | words, last[2] | mask)
        else:
            found.append((sentence, words, mask))
    return [mask for _, _, mask in found]


def _content(keys: UInts) -> list[int]:
    return [k for k in keys.tolist() if k and not k & 1]


def propose_out_of_fold(
    teacher: Teacher,
    charts: Sequence[Chart],
    days: Sequence[date],
    folds: npt.NDArray[np.int64],
    bar: Callable[[], object] = lambda: None,
) -> Proposals:
    """Proposals for every training chart by what the charts of the other folds teach; `bar` is called after each."""
    parts = []
    for fold in np.unique(folds):
        own = np.nonzero(folds == fold)[0]
        learned = teacher.learn(folds != fold)
        parts.append((own, propose([charts[i] for i in own.tolist()], [days[i] for i in own.tolist()], learned)))
        bar()
    return joined(parts)


def propose(charts: Sequence[Chart], days: Sequence[date], learned: Learned | None) -> Proposals:
    """Proposals for charts of any days, each by the release in force on its own."""
    releases = [release_on(day).start for day in days]
    parts = []
    for start in sorted(set(releases)):
        own = np.array([i for i, r in enumerate(releases) if r == start], dtype=np.int64)
        proposer = Proposer(start, learned)
        for at in range(0, len(own), AT_ONCE):
            some = own[at : at + AT_ONCE]
            parts.append((some, proposer.propose([charts[i] for i in some.tolist()])))
    return joined(parts)
