"""How a sheet lies, from a small copy of it: which way its lines run, how they slope, which way up its letters stand.

Belongs here: geometry of letter-sized marks. Nothing is read; where they leave it open, `repair` asks the reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[Any]  #: height x width, 8 bits; OpenCV's annotations do not tell

MAX_SKEW = 15.0  # degrees searched to either side
CLEAR_AXIS = 1.25  # how many times fewer marks must be left after joining along one axis than along the other
CLEAR_UPRIGHT = 0.12  # how much more the tops of letters spread than their feet, from which they tell which way up
FEW_MARKS = 60  # with fewer marks nothing is clear
SQUEEZED = 1.0  # width by height of the usual mark from which a wide page may have half as many rows as columns


@dataclass(frozen=True)
class Lie:
    """How the marks of a sheet lie, as far as they tell."""

    quarters: tuple[int, ...]  #: quarter turns worth trying, likelier first: 0 lines run across, 1 down the sheet
    skew: dict[int, float]  #: quarter -> degrees by which lines fall clockwise, after turning back
    upright: dict[int, float]  #: quarter -> 1 letters stand, -1 stand on their heads, near 0 they do not tell
    letter_height: float  #: median height of the marks across the likeliest lines, in pixels of the small copy
    marks: int
    share: float  #: share of the sheet under the marks


def components(ink: Grey) -> tuple[NDArray[Any], NDArray[Any]]:
    """Label every mark, and its box and area (OpenCV's CC_STAT columns); row 0 is the paper."""
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    return labels, boxes


def letters(sketch: Grey) -> tuple[Grey, NDArray[Any]]:
    """Mask (0 or 1) and boxes of what has the size of a letter or a word: no specks, rules, frames, pictures."""
    ink = (sketch < 190).astype(np.uint8)
    labels, boxes = components(ink)
    high, wide, area = boxes[:, cv2.CC_STAT_HEIGHT], boxes[:, cv2.CC_STAT_WIDTH], boxes[:, cv2.CC_STAT_AREA]
    long, short = np.maximum(high, wide), np.minimum(high, wide)
    keep = (area >= 4) & (long >= 3) & (short <= 60) & (long <= 250) & (long < 25 * short)
    keep[0] = False
    return keep[labels].astype(np.uint8), boxes[keep]


def aspect(boxes: NDArray[Any]) -> float:
    """Width by height of the usual mark; 1 with too few to tell."""
    if len(boxes) < FEW_MARKS:
        return 1.0
    return float(np.median(boxes[:, cv2.CC_STAT_WIDTH] / boxes[:, cv2.CC_STAT_HEIGHT]))


def lie(ink: Grey, boxes: NDArray[Any]) -> Lie:
    """Judge a mask of letters and their boxes, as `letters` gives them."""
    share = float(ink.mean())
    if len(boxes) < FEW_MARKS:
        skew = {0: _slope(ink), 1: _slope(np.ascontiguousarray(np.rot90(ink)))}
        return Lie((0, 1), skew, {0: 0.0, 1: 0.0}, _height(boxes, 0), len(boxes), share)
    words = _words(ink, boxes)
    across, down = (count for count, _ in words)
    # letters stand closer in a line than lines to each other, so joining neighbours along it leaves fewer marks; the
    # profile of a page would be misled by fonts of one width, whose letters also stand in columns
    if down >= CLEAR_AXIS * across:
        quarters: tuple[int, ...] = (0,)
    elif across >= CLEAR_AXIS * down:
        quarters = (1,)
    else:
        quarters = (0, 1) if across <= down else (1, 0)
    skew = {q: _slope(ink if q == 0 else np.ascontiguousarray(np.rot90(ink))) for q in quarters}
    upright = {q: _upright(boxes, words[q][1], q, skew[q]) for q in quarters}
    return Lie(quarters, skew, upright, _height(boxes, quarters[0]), len(boxes), share)


def _height(boxes: NDArray[Any], quarter: int) -> float:
    heights = boxes[:, cv2.CC_STAT_WIDTH if quarter else cv2.CC_STAT_HEIGHT]
    return float(np.median(heights)) if len(heights) else 0.0


def _words(ink: Grey, boxes: NDArray[Any]) -> list[tuple[int, NDArray[Any]]]:
    """Marks left, and labels, after joining neighbours across the sheet and down it."""
    size = float(np.median(np.sqrt(boxes[:, cv2.CC_STAT_HEIGHT] * boxes[:, cv2.CC_STAT_WIDTH])))
    reach = max(3, round(0.55 * size) | 1)
    return [
        cv2.connectedComponents(cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones(shape, np.uint8)))
        for shape in ((1, reach), (reach, 1))
    ]


def _upright(boxes: NDArray[Any], words: NDArray[Any], quarter: int, skew: float) -> float:
    """Upright letters of a word share their baseline and differ at the top: 1 at best, -1 upside down, 0 no telling."""
    x, y, wide, high = (boxes[:, at] for at in range(4))
    word = words[y + high // 2, x + wide // 2]
    top, bottom, tall = (y, y + high, high) if quarter == 0 else (-(x + wide), -x, wide)
    fall = np.tan(np.deg2rad(skew)) * (x + wide / 2 if quarter == 0 else y + high / 2)
    whole = (word > 0) & (tall >= 0.6 * np.median(tall)) & (tall <= 2.5 * np.median(tall))  # no dots, dashes or blots
    word, top, bottom = word[whole], (top - fall)[whole], (bottom - fall)[whole]
    letters = np.bincount(word)
    spread = []
    for edge in (top, bottom):
        mean = np.bincount(word, edge) / np.maximum(letters, 1)
        spread.append(float(np.minimum(np.abs(edge - mean[word]), 6.0).sum()))
    return (spread[0] - spread[1]) / max(sum(spread), 1.0) if (letters >= 3).sum() >= FEW_MARKS // 5 else 0.0


def _slope(ink: Grey) -> float:
    """Degrees by which lines fall clockwise.

    The profile of a page cut along its lines jumps between ink and paper; the sum of squared jumps is largest there.
    """
    y, x = np.nonzero(ink)
    if len(y) < 20:
        return 0.0
    step = max(1, len(y) // 40_000)
    y, x = y[::step].astype(np.float32), x[::step].astype(np.float32)
    y -= y.mean()
    x -= x.mean()

    def sharpness(degrees: float) -> float:
        angle = np.deg2rad(degrees)
        rows = y * np.float32(np.cos(angle)) - x * np.float32(np.sin(angle))
        counts = np.bincount((rows - rows.min()).astype(np.int32))
        return float(np.square(np.diff(counts.astype(np.float64), prepend=0, append=0)).sum())

    found = 0.0
    for width, pitch in ((MAX_SKEW, 0.5), (0.5, 0.1), (0.1, 0.05)):
        tried = np.arange(found - width, found + width + pitch / 2, pitch)
        found = float(tried[int(np.argmax([sharpness(a) for a in tried]))])
    return found if abs(found) >= 0.1 else 0.0
