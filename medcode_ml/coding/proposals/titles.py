"""How much of a code's title stands in the note and in the sentence of its best phrase: what tells brothers apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from medcode_ml.codes.tabular import tabular
from medcode_ml.coding.proposals.charts import Chart
from medcode_ml.coding.proposals.reading import UInts
from medcode_ml.coding.proposals.retrieval import stems_of

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
LONGEST = 12
"""Words of a title that count, the rarest."""


@dataclass(frozen=True)
class TitleWords:
    """Words of the titles of a list of codes.

    Attributes:
        words: keys of word beginnings, ascending, shape (words,).
        of: places in `words` of each code's title, padded with len(words). Shape (codes, LONGEST).
        share: weight of each, rows add up to 1 where there is a title. Shape (codes, LONGEST).
    """

    words: UInts
    of: Ints
    share: Floats

    @staticmethod
    @lru_cache(maxsize=4)
    def on(codes: tuple[str, ...]) -> TitleWords:
        """The titles of `codes`; a code without one has the title of its nearest node."""
        tree = tabular()
        own: list[frozenset[int]] = []
        known: dict[str, frozenset[int]] = {}
        for code in codes:
            node = code
            while (title := tree.title(node)) is None and len(node) > 3:
                node = node[:-1].rstrip(".")
            if node not in known:
                known[node] = stems_of(title or "")
            own.append(known[node])
        words, often = np.unique(np.array([w for s in own for w in s], dtype=np.uint64), return_counts=True)
        rare = np.log(len(codes) / often).astype(np.float32)
        of = np.full((len(codes), LONGEST), len(words), dtype=np.int32)
        share = np.zeros((len(codes), LONGEST), dtype=np.float32)
        for row, stems in enumerate(own):
            if not stems:
                continue
            at = np.searchsorted(words, np.array(sorted(stems), dtype=np.uint64))
            at = at[np.argsort(-rare[at], kind="stable")][:LONGEST]
            of[row, : len(at)] = at
            share[row, : len(at)] = rare[at] / max(float(rare[at].sum()), 1e-6)
        return TitleWords(words, of, share)

    def covered(
        self, charts: Sequence[Chart], chart: Ints, code: Ints, spans: Ints
    ) -> tuple[Floats, Floats]:
        """For each proposal the share of its title in the note, and in the sentence of its first span (else NaN)."""
        sentences = np.array([int(c.note.sentence[-1]) + 1 if len(c.note.sentence) else 1 for c in charts])
        base = np.r_[0, np.cumsum(sentences)]
        stems = np.concatenate([c.note.stems for c in charts])
        of_sentence = np.concatenate([c.note.sentence + b for c, b in zip(charts, base, strict=False)])
        of_chart = np.repeat(np.arange(len(charts)), [len(c.note.stems) for c in charts])
        at = np.minimum(np.searchsorted(self.words, stems), len(self.words) - 1)
        known = self.words[at] == stems
        near = np.zeros((int(base[-1]), len(self.words) + 1), dtype=bool)
        near[of_sentence[known], at[known]] = True
        whole = np.zeros((len(charts), len(self.words) + 1), dtype=bool)
        whole[of_chart[known], at[known]] = True
        words, share = self.of[code], self.share[code]
        in_note = (whole[chart[:, None], words] * share).sum(axis=1)
        first = spans[:, 0, 0]
        starts = np.concatenate([c.note.starts for c in charts]).astype(np.int64)
        # places of all texts on one line, so that one search finds the sentence of every span
        length = int(starts.max(initial=0)) + 2
        token = np.searchsorted(starts + of_chart * length, np.maximum(first, 0) + chart.astype(np.int64) * length)
        sentence = of_sentence[np.minimum(token, max(len(of_sentence) - 1, 0))] if len(of_sentence) else token
        in_sentence = np.where(first >= 0, (near[sentence[:, None], words] * share).sum(axis=1), np.nan)
        return in_note.astype(np.float32), in_sentence.astype(np.float32)
