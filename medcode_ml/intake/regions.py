"""Parts of a page that are marked, not guessed at: handwriting, stamps, pictures, and print that could not be read.

Belongs here: finding them on the repaired page from its ink and the words read, and which words are junk because of
them. Kinds are told by form: a picture is a wide dark area; a stamp has a round or tilted frame; handwriting is thin
strokes much longer than letters; what is left of letter-like ink under no word is unread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import cv2
import numpy as np
from numpy.typing import NDArray

from medcode_ml.intake.measuring import smaller
from medcode_ml.intake.reading_order import Mark

Grey = NDArray[Any]  #: height x width, 8 bits; OpenCV's annotations do not tell
Box = tuple[int, int, int, int]  #: x0, y0, x1, y1
Kind = Literal["handwriting", "stamp", "unread", "picture"]

SMALL_LETTER = 8.0  # pixels high on the small copy that is searched; sizes below are in letter heights
SURE = 60.0  # confidence of a word that holds whatever is drawn around it
READ = 30.0  # confidence from which the ink under a word is not left over
STROKE_LONG, STROKE_TALL = 3.2, 1.7  # a joined stroke this wide and this high is no printed letter
THIN = 0.3  # share of its box that a stroke of handwriting or a frame covers at most
PICTURE = 7.0  # width and height of a picture at least
DENSE = 0.35  # share of its box that a picture covers at least
FRAME_WIDE, FRAME_TALL = 5.0, 2.2  # a stamp at least
FRAME_LARGEST = 0.5  # share of the page's width that a stamp has at most
ON_EDGE = 0.6  # share of a frame that lies on the edges of its box, from which it is a printed box, not a stamp
FEWEST_MARKS = 4  # letter-like marks of an unread part


class Region(TypedDict):
    """A marked part: `box` in pixels of the page as delivered."""

    kind: Kind
    box: list[int]


@dataclass(frozen=True)
class Found:
    """A marked part in pixels of the repaired page."""

    kind: Kind
    box: Box


def find_regions(page: Grey, letter_height: float, marks: list[Mark]) -> list[Found]:
    """Marked parts of a repaired page, from top to bottom."""
    if letter_height < 4:
        return []
    by = max(letter_height / SMALL_LETTER, 0.25)
    height, width = page.shape
    small = smaller(page, max(1, round(width / by)), max(1, round(height / by)))
    ink = (small < 150).astype(np.uint8)
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    if len(boxes) == 1:
        return []
    wide, high = boxes[:, 2] / SMALL_LETTER, boxes[:, 3] / SMALL_LETTER
    cover = boxes[:, 4] / np.maximum(boxes[:, 2] * boxes[:, 3], 1)
    kinds: dict[Kind, list[int]] = {"picture": [], "stamp": [], "handwriting": [], "unread": []}
    words = _word_map(small.shape, marks, by)
    for number in np.flatnonzero((np.maximum(wide, high) >= STROKE_LONG) & (np.minimum(wide, high) >= 1.2)).tolist():
        if number == 0:
            continue
        x, y, w, h = (int(v) for v in boxes[number][:4])
        inside = words[y : y + h, x : x + w]
        if min(wide[number], high[number]) >= PICTURE and cover[number] >= DENSE:
            kinds["picture"].append(number)
        elif cover[number] > THIN:
            continue
        elif (
            wide[number] >= FRAME_WIDE
            and high[number] >= FRAME_TALL
            and w <= FRAME_LARGEST * small.shape[1]
            and _is_outline(labels[y : y + h, x : x + w] == number)
        ):
            kinds["stamp"].append(number)
        elif wide[number] >= STROKE_LONG and high[number] >= STROKE_TALL:
            own = labels[y : y + h, x : x + w] == number
            if not _is_ruling(own) and (inside[own] >= SURE).mean() < 0.3:
                kinds["handwriting"].append(number)
    letter = (high >= 0.5) & (high <= 2.2) & (wide >= 0.2) & (wide <= 6) & (cover >= 0.15)
    letter[0] = False
    middles = (boxes[:, 1] + boxes[:, 3] // 2, boxes[:, 0] + boxes[:, 2] // 2)
    kinds["unread"] = np.flatnonzero(letter & (words[middles] < 0)).tolist()
    found: list[Found] = []
    for kind, numbers in kinds.items():
        found += _gathered(kind, boxes[numbers], found, small.shape, by)
    return sorted(found, key=lambda f: (f.box[1], f.box[0]))


def without_junk(marks: list[Mark], regions: list[Found]) -> list[Mark]:
    """The words but those read with little confidence inside a marked part."""
    boxes = np.array([r.box for r in regions]).reshape(-1, 4)

    def junk(mark: Mark) -> bool:
        x, y = (mark.x0 + mark.x1) / 2, (mark.y0 + mark.y1) / 2
        within = (boxes[:, 0] <= x) & (x <= boxes[:, 2]) & (boxes[:, 1] <= y) & (y <= boxes[:, 3])
        return mark.confidence < SURE and bool(within.any())

    return [m for m in marks if not junk(m)] if len(boxes) else marks


def _word_map(shape: tuple[int, ...], marks: list[Mark], by: float) -> NDArray[np.float32]:
    """Confidence of the word at every pixel of the small copy, -1 where none was read."""
    found = np.full(shape, -1.0, np.float32)
    for mark in sorted(marks, key=lambda m: m.confidence):
        if any(c.isalnum() for c in mark.text) or mark.confidence >= READ:
            x0, y0, x1, y1 = (int(v / by) for v in (mark.x0, mark.y0, mark.x1, mark.y1))
            found[max(0, y0 - 2) : y1 + 3, max(0, x0 - 2) : x1 + 3] = mark.confidence
    return found


def _is_outline(own: NDArray[np.bool_]) -> bool:
    """A round or tilted frame: ink on all four sides of an empty middle, and not along the edges of its box."""
    high, wide = own.shape
    rows, columns = np.nonzero(own)
    edge = (np.minimum(rows, high - 1 - rows) <= 2) | (np.minimum(columns, wide - 1 - columns) <= 2)
    if edge.mean() >= ON_EDGE:
        return False
    closed = cv2.morphologyEx(own.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    outside = np.zeros((high + 2, wide + 2), np.uint8)
    outside[1:-1, 1:-1] = closed
    canvas = cv2.copyMakeBorder(closed * 255, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    cv2.floodFill(canvas, None, (0, 0), 128)
    return bool((canvas == 0).mean() > 0.4)  # what the frame keeps from the outside


def _is_ruling(own: NDArray[np.bool_]) -> bool:
    """A grid or an underline that runs into a letter: most of its ink lies in long straight runs."""
    ink = own.astype(np.uint8)
    run = round(2.5 * SMALL_LETTER)
    across = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((1, run), np.uint8))
    down = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((run, 1), np.uint8))
    return bool(cv2.max(across, down).sum() > 0.4 * ink.sum())


def _gathered(kind: Kind, boxes: NDArray[Any], before: list[Found], shape: tuple[int, ...], by: float) -> list[Found]:
    """Boxes that stand together as one part each; nothing that lies in a part already found."""
    if not len(boxes):
        return []
    mask = np.zeros(shape, np.uint8)
    for x, y, w, h in boxes[:, :4].tolist():
        mask[y : y + h, x : x + w] = 1
    for part in before:
        x0, y0, x1, y1 = (int(v / by) for v in part.box)
        mask[y0 : y1 + 1, x0 : x1 + 1] = 0
    gap = round(1.6 * SMALL_LETTER)
    joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((gap, 2 * gap), np.uint8))
    _, labels, parts, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    inside = labels[
        np.clip(boxes[:, 1] + boxes[:, 3] // 2, 0, shape[0] - 1),
        np.clip(boxes[:, 0] + boxes[:, 2] // 2, 0, shape[1] - 1),
    ]
    counts = np.bincount(inside, minlength=len(parts))
    found = []
    for number in range(1, len(parts)):
        if not counts[number] or (kind == "unread" and counts[number] < FEWEST_MARKS):
            continue
        x, y, w, h = (int(v) for v in parts[number][:4])
        found.append(Found(kind, (round(x * by), round(y * by), round((x + w) * by), round((y + h) * by))))
    return found
