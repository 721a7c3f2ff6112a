"""From words on a page to its text: lines, columns, paragraphs.

The engine is asked for lines across the whole sheet, because laboratory tables must keep their rows; side-by-side
columns of running prose are told from tables here and read one after the other.
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


@dataclass(frozen=True)
class Mark:
    """A word as the engine saw it, in pixels of the repaired page; `line` counts lines down the sheet."""

    text: str
    confidence: float
    x0: int
    y0: int
    x1: int
    y1: int
    line: int


Line = list[Mark]


def paragraphs(marks: list[Mark]) -> list[list[Line]]:
    """Paragraphs of lines of words, in the order a person reads them."""
    lines: list[Line] = []
    for mark in marks:
        if lines and lines[-1][-1].line == mark.line:
            lines[-1].append(mark)
        else:
            lines.append([mark])
    return [p for block in _columns(lines) for p in _paragraphs(block)]


def _columns(lines: list[Line]) -> list[list[Line]]:
    """Split lines into blocks: a run of prose in columns becomes one block a column, everything else stays in rows."""
    found = _gutter(lines)
    if found is None:
        return [lines] if lines else []
    first, last, at = found
    left = [part for line in lines[first:last] if (part := [w for w in line if w.x1 <= at])]
    right = [part for line in lines[first:last] if (part := [w for w in line if w.x1 > at])]
    return [*_columns(lines[:first]), *_columns(left), *_columns(right), *_columns(lines[last:])]


def _gutter(lines: list[Line]) -> tuple[int, int, float] | None:
    """First line, line after the last, and x of a gutter between two columns of prose; None without one."""
    if len(lines) < COLUMN_LINES:
        return None
    height = median(w.y1 - w.y0 for line in lines for w in line)
    starts = sorted(b.x0 for line in lines for a, b in pairwise(line) if b.x0 - a.x1 > 0.9 * height)
    best: tuple[int, int, float] | None = None
    for start in starts:
        if sum(abs(s - start) <= 0.5 * height for s in starts) < COLUMN_LINES // 2:
            continue
        at = start - 0.5 * height
        run = 0
        for number, line in enumerate([*lines, None]):
            if line is not None and not any(w.x0 < at < w.x1 for w in line):
                run += 1
                continue
            if run >= COLUMN_LINES and (best is None or run > best[1] - best[0]):
                trimmed = _two_sided(lines, number - run, number, at)
                if trimmed and _is_prose(lines[trimmed[0] : trimmed[1]], at):
                    best = (*trimmed, at)
            run = 0
    return best


def _two_sided(lines: list[Line], first: int, last: int, at: float) -> tuple[int, int] | None:
    """Shrink a run to begin and end with lines that have words on both sides of the gutter."""
    both = [n for n in range(first, last) if lines[n][0].x1 <= at < lines[n][-1].x1]
    if len(both) < COLUMN_LINES:
        return None
    return both[0], both[-1] + 1


def _is_prose(lines: list[Line], at: float) -> bool:
    both = [line for line in lines if line[0].x1 <= at < line[-1].x1]
    if len(both) < COLUMN_LINES or len(both) < 0.7 * len(lines):
        return False
    left = [[w for w in line if w.x1 <= at] for line in both]
    right = [[w for w in line if w.x1 > at] for line in both]
    if min(sum(map(len, left)), sum(map(len, right))) < PROSE_WORDS * len(both):
        return False
    edge, end = min(line[0].x0 for line in left), max(line[-1].x1 for line in left)
    reaching = sum(line[-1].x1 >= edge + 0.75 * (end - edge) for line in left)
    return reaching >= FILLED * len(left)


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
