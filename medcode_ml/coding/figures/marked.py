"""Gold and predicted codes side by side: one row for each note and code that either names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from medcode_ml.coding.labelled.note import LabelledNote

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


class PredictedCode(NamedTuple):
    """One code listed for a note, whether accepted or not."""

    code: str
    score: float
    accepted: bool
    band: str | None = None


@dataclass(frozen=True)
class Marked:
    """Rows of (note, code), each once; disputed codes stand in none. All arrays have the shape (rows,).

    Attributes:
        notes: number of notes.
        names: the codes. Shape (codes,).
        note, code: places in the notes and in `names`.
        true, listed, accepted: whether the coders gave it, and whether it was predicted at all, and accepted.
        score: of the listed ones; -inf elsewhere.
        place: in the list of its note, for equal scores.
        band: "" where none.
    """

    notes: int
    names: npt.NDArray[np.str_]
    note: npt.NDArray[np.intp]
    code: npt.NDArray[np.intp]
    true: Bools
    listed: Bools
    accepted: Bools
    score: Floats
    place: npt.NDArray[np.intp]
    band: npt.NDArray[np.str_]

    def by_note(self, rows: Bools) -> Floats:
        """Number of `rows` in each note. Shape (notes,)."""
        return np.bincount(self.note[rows], minlength=self.notes).astype(np.float64)

    def average_precision(self) -> Floats:
        """Average precision of each note's listed codes by score; NaN without true codes. Shape (notes,).

        True codes that are not listed count as never found. Equal scores keep the order of the list.
        """
        rows = np.flatnonzero(self.listed)
        rows = rows[np.lexsort((self.place[rows], -self.score[rows], self.note[rows]))]
        note, true = self.note[rows], self.true[rows].astype(np.float64)
        first = np.searchsorted(note, note)
        hits = np.cumsum(true)
        before = np.concatenate(([0.0], hits))[first]
        precision = (hits - before) / (np.arange(len(rows)) - first + 1)
        total = np.bincount(note, weights=precision * true, minlength=self.notes)
        gold = self.by_note(self.true)
        return np.divide(total, gold, out=np.full(self.notes, np.nan), where=gold > 0)


def mark(
    gold: Sequence[LabelledNote], predicted: Mapping[str, Sequence[PredictedCode]], *, categories: bool = False
) -> Marked:
    """Lay gold and predictions side by side. Notes without predictions count as nothing predicted.

    Args:
        gold: the notes with their true codes.
        predicted: listed codes by record_id; a code listed twice counts with its best score, accepted if either is.
        categories: cut codes to their first three characters.

    Raises:
        ValueError: a score is not a number.
    """
    ids: dict[str, int] = {}
    rows: list[tuple[int, int, bool, bool, bool, float, int, str]] = []
    for number, note in enumerate(gold):
        true = dict.fromkeys(_cut(c, categories) for c in note.codes)
        disputed = {_cut(c, categories) for c in note.disputed} - true.keys()
        best: dict[str, tuple[float, bool, int, str]] = {}
        for place, one in enumerate(predicted.get(note.record_id, ())):
            name = _cut(one.code, categories)
            if name in disputed:
                continue
            if np.isnan(one.score):
                raise ValueError(f"record {note.record_id}: the score of {one.code} is not a number")
            score, accepted, first, band = best.get(name, (-np.inf, False, place, ""))
            best[name] = (max(score, one.score), accepted or one.accepted, first, band or one.band or "")
        for name, (score, accepted, place, band) in best.items():
            rows.append((number, ids.setdefault(name, len(ids)), name in true, True, accepted, score, place, band))
        rows += [
            (number, ids.setdefault(name, len(ids)), True, False, False, -np.inf, 0, "")
            for name in true
            if name not in best
        ]
    note_, code, is_true, listed, accepted_, score_, place_, band_ = zip(*rows, strict=True) if rows else ((),) * 8
    return Marked(
        notes=len(gold),
        names=np.array(list(ids), dtype=np.str_),
        note=np.array(note_, dtype=np.intp),
        code=np.array(code, dtype=np.intp),
        true=np.array(is_true, dtype=np.bool_),
        listed=np.array(listed, dtype=np.bool_),
        accepted=np.array(accepted_, dtype=np.bool_),
        score=np.array(score_, dtype=np.float64),
        place=np.array(place_, dtype=np.intp),
        band=np.array(band_, dtype=np.str_),
    )


def _cut(code: str, categories: bool) -> str:
    return code[:3] if categories else code
