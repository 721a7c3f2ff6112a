"""From words on a page to its text: rows, columns, paragraphs.

The engine finds lines well, but takes them across columns or block by block as it sees fit. Here lines are cut at wide
gaps; stretches at one height become a row, so that a laboratory table keeps its rows; only columns of running prose are
read one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import median

COLUMN_LINES = 8  # fewer lines side by side are a letterhead or a form
PROSE_WORDS = 3.5  # mean words a line in each column; table cells have fewer
FILLED = 0.6  # share of left-hand lines that must reach three quarters of their column
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
    by_line: dict[int, Line] = {}
    for mark in marks:
        by_line.setdefault(mark.line, []).append(mark)
    parts = [part for words in by_line.values() for part in _parted(words)]
    stretches = sorted(map(_Stretch.of, parts), key=lambda s: (s.y0 + s.y1, s.x0))
    return [paragraph for block in _blocks(stretches) for paragraph in _paragraphs(_rows(block))]


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


def _blocks(stretches: list[_Stretch]) -> list[list[_Stretch]]:
    """Cut columns of prose out of a page; everything else stays together, from top to bottom."""
    if not stretches:
        return []
    for at in _candidates(stretches):
        found = _column_pair(stretches, at)
        if found is not None:
            before, left, right, after = found
            return [*_blocks(before), *_blocks(left), *_blocks(right), *_blocks(after)]
    return [stretches]


def _candidates(stretches: list[_Stretch]) -> list[float]:
    """Places just left of where several stretches begin, most frequent first."""
    if len(stretches) < 2 * COLUMN_LINES:
        return []
    height = median(s.height for s in stretches)
    starts = sorted(s.x0 for s in stretches)
    near = {x: sum(abs(x - other) <= 0.5 * height for other in starts) for x in starts}
    often = [x for x in near if near[x] >= COLUMN_LINES // 2 and x > starts[0] + 5 * height]
    return [x - 0.6 * height for x in sorted(often, key=lambda x: (-near[x], x))]


def _column_pair(
    stretches: list[_Stretch], at: float
) -> tuple[list[_Stretch], list[_Stretch], list[_Stretch], list[_Stretch]] | None:
    """What stands before, left, right and after the first two columns of prose with their gutter at `at`."""
    start = 0
    for end in range(len(stretches) + 1):
        if end < len(stretches) and not stretches[end].x0 < at < stretches[end].x1:
            continue
        run = stretches[start:end]
        left, right = [s for s in run if s.x1 <= at], [s for s in run if s.x0 >= at]
        if min(len(left), len(right)) >= COLUMN_LINES:
            # lines above the lower beginning stand over the columns; a tail belongs to them until a wider gap
            top = max(left[0].y0, right[0].y0) - left[0].height
            bottom = min(left[-1].y1, right[-1].y1)
            left, right = _joined(left, top, bottom), _joined(right, top, bottom)
            inside = {id(s) for s in [*left, *right]}
            if _is_prose(left) and _is_prose(right):
                before = [*stretches[:start], *(s for s in run if id(s) not in inside and s.y0 < top)]
                after = [*(s for s in run if id(s) not in inside and s.y0 >= top), *stretches[end:]]
                return before, left, right, after
        start = end + 1
    return None


def _joined(column: list[_Stretch], top: float, bottom: float) -> list[_Stretch]:
    kept: list[_Stretch] = []
    for stretch in column:
        if stretch.y0 < top:
            continue
        if stretch.y0 > bottom and kept and stretch.y0 - kept[-1].y0 > PARAGRAPH_HEIGHT * stretch.height:
            break
        kept.append(stretch)
    return kept


def _is_prose(column: list[_Stretch]) -> bool:
    if len(column) < COLUMN_LINES or sum(len(s.words) for s in column) < PROSE_WORDS * len(column):
        return False
    edge, end = min(s.x0 for s in column), max(s.x1 for s in column)
    return sum(s.x1 >= edge + 0.75 * (end - edge) for s in column) >= FILLED * len(column)


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
