"""Excludes1 conflicts among the codes of an encounter (rule 22). A conflict raises a query; it never drops a code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from medcode_ml.codes.identifiers import undotted
from medcode_ml.codes.tabular import NoteTarget, tabular


@dataclass(frozen=True, slots=True)
class Excludes1Conflict:
    """Two codes that the tabular list does not let stand together unless the conditions are unrelated.

    `note` is the text under `source`, a node at or above `code`, and it names `excluded`.
    """

    code: str
    excluded: str
    note: str
    source: str


@dataclass(frozen=True, slots=True)
class _Excluded:
    """What a code excludes, laid out so that one call refuses nearly every other code."""

    prefixes: tuple[str, ...]
    others: tuple[NoteTarget, ...]  # notes with a range or a condition
    notes: tuple[NoteTarget, ...]

    def note_for(self, code: str, bare: str) -> NoteTarget | None:
        if bare.startswith(self.prefixes) or any(note.matches(bare) for note in self.others):
            return next(note for note in self.notes if note.matches(code))
        return None


@lru_cache(maxsize=16384)
def _excluded_by(code: str) -> _Excluded:
    notes = tuple(note for note in tabular().excludes1(code) if note.patterns)
    plain = [p for note in notes for p in note.patterns if "-" not in p and "~" not in p]
    others = tuple(note for note in notes if any("-" in p or "~" in p for p in note.patterns))
    return _Excluded(tuple(undotted(p) for p in plain), others, notes)


# Encounters share most of their pairs: hypertension beside diabetes is asked again and again.
@lru_cache(maxsize=1_000_000)
def _conflict(code: str, other: str) -> Excludes1Conflict | None:
    for this, that in ((code, other), (other, code)):
        note = _excluded_by(this).note_for(that, undotted(that))
        if note is not None:
            return Excludes1Conflict(this, that, note.text, note.source)
    return None


def excludes1_conflicts(codes: Sequence[str]) -> list[Excludes1Conflict]:
    """Return the Excludes1 conflicts among codes (dotted), each pair once, in the order of `codes`.

    Notes count in both directions and are inherited. Twenty-five codes take well under a millisecond once their notes
    have been read.
    """
    return [found for pair in combinations(codes, 2) if (found := _conflict(*pair)) is not None]
