"""Columns of running prose on a repaired page, found before it is read, so that the engine reads them one by one.

Belongs here: the white gutter between two columns and what tells them from the columns of a table, which stay together:
lines of prose are whole and reach the end of their column, cells do neither.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from medcode_ml.intake.measuring import smaller

Grey = NDArray[Any]  #: height x width, 8 bits; OpenCV's annotations do not tell
Box = tuple[int, int, int, int]  #: x0, y0, x1, y1

SMALL_LETTER = 5.0  # pixels high on the small copy that is searched
WORD_GAP = 1.9  # room between words of a line, against the height of a letter, at most
GUTTER = 1.9  # width of a gutter at least
COLUMN_LINES = 6  # fewer lines side by side are a letterhead or a form
COLUMN_WIDTH = 13.0  # width of a column at least, against the height of a letter
REACH = 0.7  # share of its column that a full line covers
FILLED = 0.6  # share of the lines of a column that are full
WHOLE = 0.9  # share of a line's length that is words and the room between them
APART = 6.0  # white room beneath, against the height of a letter, that ends the longer of two columns


def blocks(page: Grey, letter_height: float) -> list[Box]:
    """Parts of the page in the order they are read, each over its own rows and columns; one where there are none."""
    height, width = page.shape
    whole = (0, 0, width, height)
    if letter_height < SMALL_LETTER:
        return [whole]
    by = letter_height / SMALL_LETTER
    small = smaller(page, max(1, round(width / by)), max(1, round(height / by)))
    ink = _lines(small)
    parts = _cut(ink, 0, ink.shape[1], 0, ink.shape[0], 3)
    if len(parts) == 1:
        return [whole]
    return [
        (
            max(0, round(x0 * by)),
            max(0, round(y0 * by)),
            min(width, round(x1 * by)),
            min(height, round(y1 * by)),
        )
        for x0, y0, x1, y1 in parts
    ]


def _lines(small: Grey) -> NDArray[np.bool_]:
    """Ink with the room between words filled in; rules and frames, which would fill a gutter, taken out."""
    ink = (small < 170).astype(np.uint8)
    for kernel in ((1, round(9 * SMALL_LETTER)), (round(5 * SMALL_LETTER), 1)):
        rules = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones(kernel, np.uint8))
        ink = cv2.subtract(ink, rules).astype(np.uint8)
    joined = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((1, round(WORD_GAP * SMALL_LETTER) | 1), np.uint8))
    return np.asarray(joined, dtype=bool)


def _cut(ink: NDArray[np.bool_], x0: int, x1: int, y0: int, y1: int, depth: int) -> list[Box]:
    found = _gutter(ink[y0:y1, x0:x1]) if depth else None
    if found is None:
        return [(x0, y0, x1, y1)]
    at, top, bottom = found[0] + x0, found[1] + y0, found[2] + y0
    parts: list[Box] = []
    if ink[y0:top, x0:x1].any():
        parts += _cut(ink, x0, x1, y0, top, depth - 1)
    parts += _cut(ink, x0, at, top, bottom, depth - 1)
    parts += _cut(ink, at, x1, top, bottom, depth - 1)
    if ink[bottom:y1, x0:x1].any():
        parts += _cut(ink, x0, x1, bottom, y1, depth - 1)
    return parts


def _gutter(ink: NDArray[np.bool_]) -> tuple[int, int, int] | None:
    """Middle, first and last row of the longest gutter between two columns of prose, or None."""
    rows, columns = ink.shape
    reach = round(GUTTER * SMALL_LETTER)
    if columns < 2 * COLUMN_WIDTH * SMALL_LETTER + reach or rows < 2 * COLUMN_LINES * SMALL_LETTER:
        return None
    filled = np.pad(ink, ((0, 0), (1, 0))).cumsum(axis=1)
    free = filled[:, reach:] == filled[:, :-reach]  # no ink in the `reach` columns from here on
    # length of the run of free rows that ends at each row
    index = np.arange(1, rows + 1)[:, None]
    lengths = index - np.maximum.accumulate(np.where(free, 0, index), axis=0)
    side = round(COLUMN_WIDTH * SMALL_LETTER)
    longest = lengths[:, side : max(side + 1, lengths.shape[1] - side)]
    best = longest.max(axis=0)
    # candidates: the longest run of each place, the longer first; one try for every stretch of equal places
    order = np.argsort(-best, kind="stable")
    tried: list[tuple[int, int, int]] = []
    for place in order[: 8 * reach]:
        if best[place] < 2 * COLUMN_LINES * SMALL_LETTER:
            break
        end = int(longest[:, place].argmax()) + 1
        at, start = int(place) + side + reach // 2, end - int(best[place])
        if any(abs(at - a) < reach and start >= s and end <= e for a, s, e in tried):
            continue
        tried.append((at, start, end))
        if len(tried) > 6:
            break
        bounds = _bounds(ink[start:end, :at], ink[start:end, at:])
        if bounds is not None:
            top, bottom = bounds[0] + start, bounds[1] + start
            if _is_prose(ink[top:bottom, :at]) and _is_prose(ink[top:bottom, at:]):
                return at, top, bottom
    return None


def _bounds(left: NDArray[np.bool_], right: NDArray[np.bool_]) -> tuple[int, int] | None:
    """Rows that both columns share, and the tail of the longer one up to the first wide gap."""
    sides = [np.flatnonzero(part.any(axis=1)) for part in (left, right)]
    if min(map(len, sides)) == 0:
        return None
    # lines above the lower beginning stand over the columns
    top = max(0, max(int(s[0]) for s in sides) - round(SMALL_LETTER))
    bottom = min(int(s[-1]) for s in sides) + 1
    longer = max(sides, key=lambda s: int(s[-1]))
    for row, following in pairwise(longer):
        if row >= bottom and following - row > APART * SMALL_LETTER:
            return top, int(row) + 1
    return top, int(longer[-1]) + 1


def _is_prose(part: NDArray[np.bool_]) -> bool:
    inked = np.flatnonzero(part.any(axis=0))
    if not len(inked) or inked[-1] - inked[0] < COLUMN_WIDTH * SMALL_LETTER:
        return False
    part = part[:, inked[0] : inked[-1] + 1]
    weight = part.sum(axis=1)
    # a line is a run of rows with much ink; between lines only ascenders and descenders are left
    on = np.concatenate([[False], weight > 0.35 * np.percentile(weight[weight > 0], 75), [False]])
    starts, ends = np.flatnonzero(on[1:] & ~on[:-1]), np.flatnonzero(~on[1:] & on[:-1])
    extents = []
    for start, end in zip(starts, ends, strict=True):
        line = part[start:end].any(axis=0)
        reached = np.flatnonzero(line)
        extents.append((reached[-1] + 1, line.sum() / (reached[-1] + 1 - reached[0])))
    if len(extents) < COLUMN_LINES:
        return False
    reached, whole = np.array(extents).T
    return bool((reached >= REACH * part.shape[1]).mean() >= FILLED and np.median(whole) >= WHOLE)
