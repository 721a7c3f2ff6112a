"""The dots that begin the items of a list: engines drop them, or take them for a star, a plus or a letter.

Belongs here: finding a round or square blot before the first word of a line, by its form, and putting the sign there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from medcode_ml.intake.reading_order import Mark

Grey = NDArray[Any]  #: height x width, 8 bits; OpenCV's annotations do not tell

BULLET = "\u2022"
#: letters that a dot is taken for, where it was read at all
_LETTERS = frozenset({"e", "o", "O", "0", "se", "ee", "oe", "eo"})
BEFORE = 3.0  # how far before the first word a dot stands at most, against the height of the line
SIZE = (0.16, 0.62)  # width and height of a dot against the height of the line
SOLID = 0.62  # share of its box that a dot fills
MIDDLE = (0.25, 0.8)  # where between top and foot of the line its middle lies


def with_bullets(marks: list[Mark], page: Grey) -> list[Mark]:
    """The words of a page with a bullet where a line begins with a dot."""
    first: dict[int, int] = {}
    for number, mark in enumerate(marks):
        if mark.line not in first or mark.x0 < marks[first[mark.line]].x0:
            first[mark.line] = number
    found: dict[int, list[Mark]] = {}
    for number in first.values():
        mark = marks[number]
        words = [m for m in marks[number : number + 12] if m.line == mark.line]
        if len(words) < 2 and _may_be_dot(mark.text):
            continue
        top, foot = int(np.median([w.y0 for w in words])), int(np.median([w.y1 for w in words]))
        if _may_be_dot(mark.text):
            dot = _dot(page, mark.x0 - 2, words[1].x0 - 1, top, foot)
            if dot is not None:
                found[number] = [replace(mark, text=BULLET, x0=dot[0], y0=dot[1], x1=dot[2], y1=dot[3])]
        else:
            dot = _dot(page, mark.x0 - round(BEFORE * (foot - top)), mark.x0 - 1, top, foot)
            if dot is not None:
                found[number] = [replace(mark, text=BULLET, x0=dot[0], y0=dot[1], x1=dot[2], y1=dot[3]), mark]
    return [m for number, mark in enumerate(marks) for m in found.get(number, [mark])]


def _may_be_dot(text: str) -> bool:
    return len(text) <= 2 and (text in _LETTERS or not any(c.isalnum() for c in text))


def _dot(page: Grey, left: int, right: int, top: int, foot: int) -> tuple[int, int, int, int] | None:
    """Box of the one dot in a window, or None: nothing else may stand there."""
    left, top = max(0, left), max(0, top)
    window = page[top:foot, left : max(left, right)]
    if window.size == 0 or foot - top < 8:
        return None
    _, _, boxes, _ = cv2.connectedComponentsWithStats((window < 128).astype(np.uint8), connectivity=8)
    boxes = boxes[1:][boxes[1:, cv2.CC_STAT_AREA] >= 3]
    if len(boxes) != 1:
        return None
    x, y, wide, high, area = (int(v) for v in boxes[0])
    tall = foot - top
    fits = all(SIZE[0] * tall <= side <= SIZE[1] * tall for side in (wide, high)) and 0.65 <= wide / high <= 1.55
    if not fits or area < SOLID * wide * high or not MIDDLE[0] <= (y + high / 2) / tall <= MIDDLE[1]:
        return None
    return left + x, top + y, left + x + wide, top + y + high
