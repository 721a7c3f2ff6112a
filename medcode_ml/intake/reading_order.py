"""From words on a page to its text: rows, columns, paragraphs.

Parts of the page (columns of prose, found by `columns` before the page was read) come one after the other. In a part
lines are cut at wide gaps and stretches at one height become a row, so that a laboratory table keeps its rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import median

PARAGRAPH_PITCH = 1.45  # line distance against the usual one that starts a paragraph
PARAGRAPH_HEIGHT = 2.2  # the same against the height of the words, where there are too few lines to know the usual
COLUMN_GAP = 1.0  # room between words, against their height, that may be a gutter
SAME_ROW = 0.5  # vertical overlap against the lower of two stretches that puts them in one row


@dataclass(frozen=True)
class Mark:
    """A word as the engine saw it, in pixels of the repaired page; words of one stretch share `line`."""

    text: str
    confidence: float
    x0: int
    y0: int
    x1: int
    y1: int
    line: int
    part: int = 0  #: part of the page it was read in


Line = list[Mark]


@dataclass(frozen=True)
class _Stretch:
    """Words in a row that the engine read together."""

    words: Line
    x0: int
    y0: int
    x1: int
    y1: int

    @classmethod
    def of(cls, words: Line) -> _Stretch:
        ordered = sorted(words, key=lambda w: w.x0)
        # the usual word, not the extremes: one misread speck would make a line twice as tall
        top, bottom = round(median(w.y0 for w in words)), round(median(w.y1 for w in words))
        return cls(ordered, ordered[0].x0, top, max(w.x1 for w in words), bottom)

    @property
    def height(self) -> int:
        return max(self.y1 - self.y0, 1)


def paragraphs(marks: list[Mark]) -> list[list[Line]]:
    """Paragraphs of lines of words, in the order a person reads them."""
    found: list[list[Line]] = []
    for part in sorted({mark.part for mark in marks}):
        by_line: dict[int, Line] = {}
        for mark in marks:
            if mark.part == part:
                by_line.setdefault(mark.line, []).append(mark)
        pieces = [piece for words in by_line.values() for piece in _parted(words)]
        stretches = sorted(map(_Stretch.of, pieces), key=lambda s: (s.y0 + s.y1, s.x0))
        found += _paragraphs(_rows(stretches))
    return found


def _parted(words: Line) -> list[Line]:
    """A line cut where it leaves more room than between words: the engine reads across columns that stand level."""
    height = median(w.y1 - w.y0 for w in words)
    parts: list[Line] = []
    for word in sorted(words, key=lambda w: w.x0):
        if parts and word.x0 - parts[-1][-1].x1 <= COLUMN_GAP * height:
            parts[-1].append(word)
        else:
            parts.append([word])
    return parts


def _rows(stretches: list[_Stretch]) -> list[Line]:
    """Rows from top to bottom, each from left to right."""
    rows: list[list[_Stretch]] = []
    for stretch in stretches:
        # a tall heading beside small print may meet any of the last few rows
        for row in reversed(rows[-3:]):
            if all(_beside(stretch, other) for other in row):
                row.append(stretch)
                break
        else:
            rows.append([stretch])
    return [[w for s in sorted(row, key=lambda s: s.x0) for w in s.words] for row in rows]


def _beside(one: _Stretch, other: _Stretch) -> bool:
    overlap = min(one.y1, other.y1) - max(one.y0, other.y0)
    apart = one.x0 >= other.x1 - one.height or other.x0 >= one.x1 - one.height
    return apart and overlap >= SAME_ROW * min(one.height, other.height)


def _paragraphs(lines: list[Line]) -> list[list[Line]]:
    middles = [median((w.y0 + w.y1) / 2 for w in line) for line in lines]
    pitches = [b - a for a, b in pairwise(middles)]
    height = median(w.y1 - w.y0 for line in lines for w in line)
    limit = PARAGRAPH_PITCH * median(pitches) if len(pitches) >= 4 else PARAGRAPH_HEIGHT * height
    parts = [[lines[0]]]
    for line, pitch in zip(lines[1:], pitches, strict=True):
        if pitch > limit:
            parts.append([line])
        else:
            parts[-1].append(line)
    return parts
