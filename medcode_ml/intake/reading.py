"""A page image read: text in reading order, and every word with its box, confidence and place in the text.

Belongs here: the order of reading (text layer, engine, second engine, marked parts) and how its answers become text.
Whether the result is good enough is decided in `gates`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict

import cv2
import numpy as np
from numpy.typing import NDArray

from medcode_ml.intake import second_engine
from medcode_ml.intake.bullets import BULLET, with_bullets
from medcode_ml.intake.columns import blocks
from medcode_ml.intake.duplicates import image_hash
from medcode_ml.intake.engine import confidence, engine, legibility
from medcode_ml.intake.lexicon import known_words
from medcode_ml.intake.opening import PageImage
from medcode_ml.intake.reading_order import Mark, paragraphs
from medcode_ml.intake.regions import Region, find_regions, without_junk
from medcode_ml.intake.repair import Grey, Matrix, RepairedPage, repair
from medcode_ml.intake.text_layer import SOUND, LayerWord, soundness

WEAK_MARK = 40.0  # a mark without letter or digit, read with less confidence, is dirt
POORLY_READ = 50.0  # letters of words below this confidence count as garbage
LAYER_CONFIDENCE = 100.0
DOUBTFUL = 65.0  # mean confidence of a page below which its orientation is asked of the reader


class Word(TypedDict):
    """One word: `box` in pixels of the page as delivered, `start` and `end` characters of the page text."""

    text: str
    box: list[int]
    confidence: float
    start: int
    end: int


@dataclass(frozen=True)
class PageReading:
    """What one page says and how well it could be read."""

    text: str  #: lines broken as on the page, a blank line between paragraphs
    words: list[Word]
    regions: list[Region]  #: parts that were marked, not guessed
    rotation: int  #: degrees the sheet lies turned clockwise: 0, 90, 180, 270
    skew: float  #: degrees the lines fall clockwise, after turning back
    confidence: float  #: mean word confidence weighted by length, 0-100; 0 without words
    quality: dict[str, Any]  #: figures for the page gates
    seconds: float
    finished: bool  #: false when the time allowed ran out in the middle of the page


def warm_up() -> None:
    """Load both engines and the word list now, so that the first page does not pay for it."""
    engine()
    second_engine.load()
    known_words()


def read_page(page: PageImage | Grey, seconds: float | None = None) -> PageReading:
    """Repair and read one page.

    `seconds` bounds the engine's own work; `finished` tells whether it sufficed. Boxes lie on the page as delivered:
    turning, skew and scale are undone.
    """
    began = time.monotonic()
    image = page if isinstance(page, PageImage) else PageImage(page)
    with engine().lock:
        repaired = repair(image, legibility)
        sound = soundness(image.layer, image.pixels, repaired.marks) if image.layer else 0.0
        corrected, finished = 0, True
        if sound >= SOUND:
            marks = _from_layer(image.layer, repaired)
        else:
            left = None if seconds is None else max(0.1, seconds - (time.monotonic() - began))
            repaired, marks, finished = _read_either_way(image, repaired, left)
            if finished:
                marks, corrected = second_engine.read_again(marks, repaired.pixels)
                marks = with_bullets(marks, repaired.pixels)
    kept = [m for m in marks if m.confidence >= WEAK_MARK or any(c.isalnum() or c == BULLET for c in m.text)]
    found = [] if repaired.hopeless else find_regions(repaired.pixels, repaired.letter_height, kept)
    kept = without_junk(kept, found)
    way = (repaired.to_delivered, image.pixels.shape)
    text, words = _compose(kept, *way)
    letters = np.array([len(w["text"]) for w in words], dtype=float)
    confidences = np.array([w["confidence"] for w in words], dtype=float)
    total = max(float(letters.sum()), 1.0)
    quality: dict[str, Any] = {name: round(value, 4) for name, value in repaired.figures.items()}
    quality |= {
        "words": len(words),
        "read_again": corrected,
        "text_layer": sound,
        "characters": len(text),
        "garbage_share": round(float(letters[confidences < POORLY_READ].sum()) / total, 4),
        "image_hash": image_hash(repaired.pixels, _extent(kept)),
    }
    return PageReading(
        text=text,
        words=words,
        regions=[
            Region(kind=f.kind, box=box)
            for f, box in zip(found, _delivered_boxes([f.box for f in found], *way), strict=True)
        ],
        rotation=repaired.rotation,
        skew=repaired.skew,
        confidence=round(float(letters @ confidences) / total, 1),
        quality=quality,
        seconds=round(time.monotonic() - began, 3),
        finished=finished,
    )


def _read_either_way(
    image: PageImage, repaired: RepairedPage, seconds: float | None
) -> tuple[RepairedPage, list[Mark], bool]:
    """Read the page; where its letters said how the sheet lies and it reads badly so, ask the reader itself."""
    began = time.monotonic()
    marks, finished = _read(repaired, seconds)
    if not finished or "legibility" in repaired.figures or confidence(marks) >= DOUBTFUL:
        return repaired, marks, finished
    other = repair(image, legibility, wary=True)
    if other.rotation == repaired.rotation and not other.hopeless:
        return other, marks, finished
    left = None if seconds is None else max(0.1, seconds - (time.monotonic() - began))
    return other, *_read(other, left)


def _read(repaired: RepairedPage, seconds: float | None) -> tuple[list[Mark], bool]:
    if repaired.hopeless:
        return [], True
    parts = blocks(repaired.pixels, repaired.letter_height)
    if len(parts) == 1:
        return engine().marks(repaired.pixels, seconds)
    # columns are put beneath one another, so that the engine reads no line across them, and reads only once
    wide = max(x1 - x0 for x0, _, x1, _ in parts)
    pieces = [
        cv2.copyMakeBorder(repaired.pixels[y0:y1, x0:x1], 0, 0, 0, wide - (x1 - x0), cv2.BORDER_CONSTANT, value=255.0)
        for x0, y0, x1, y1 in parts
    ]
    marks, finished = engine().marks(np.vstack(pieces), seconds)
    ends = np.cumsum([len(piece) for piece in pieces])
    placed = []
    for mark in marks:
        part = min(int(np.searchsorted(ends, (mark.y0 + mark.y1) / 2, side="right")), len(parts) - 1)
        right, down = parts[part][0], parts[part][1] - int(ends[part]) + len(pieces[part])
        x0, x1, y0, y1 = mark.x0 + right, mark.x1 + right, mark.y0 + down, mark.y1 + down
        placed.append(replace(mark, part=part, x0=x0, x1=x1, y0=y0, y1=y1))
    return placed, finished


def _from_layer(layer: tuple[LayerWord, ...], repaired: RepairedPage) -> list[Mark]:
    """The words of a sound layer as if they had been read on the repaired page."""
    back: Matrix = np.linalg.inv(repaired.to_delivered).astype(np.float64)
    boxes = _moved([w.box for w in layer], back)
    parts = blocks(repaired.pixels, repaired.letter_height)
    marks = []
    for number, (word, (x0, y0, x1, y1)) in enumerate(zip(layer, boxes.round().astype(int).tolist(), strict=True)):
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        part = next((n for n, (a, b, c, d) in enumerate(parts) if a <= x < c and b <= y < d), len(parts) - 1)
        marks.append(Mark(word.text, LAYER_CONFIDENCE, x0, y0, x1, y1, number, part))
    return marks


def _extent(marks: list[Mark]) -> tuple[int, int, int, int] | None:
    """Box around the words surely read, so that specks in a margin do not move it; None with hardly any."""
    sure = [m for m in marks if m.confidence >= POORLY_READ]
    if len(sure) < 5:
        return None
    return min(m.x0 for m in sure), min(m.y0 for m in sure), max(m.x1 for m in sure), max(m.y1 for m in sure)


def _compose(marks: list[Mark], to_delivered: Matrix, shape: tuple[int, ...]) -> tuple[str, list[Word]]:
    """Text of the page and its words: `text[word["start"]:word["end"]] == word["text"]`."""
    ordered: list[tuple[str, Mark]] = []
    for number, lines in enumerate(paragraphs(marks)):
        for row, line in enumerate(lines):
            for place, mark in enumerate(line):
                before = " " if place else "\n" if row else "\n\n" if number else ""
                ordered.append((before, mark))
    boxes = _delivered_boxes([(m.x0, m.y0, m.x1, m.y1) for _, m in ordered], to_delivered, shape)
    parts: list[str] = []
    words: list[Word] = []
    at = 0
    for (before, mark), box in zip(ordered, boxes, strict=True):
        parts += [before, mark.text]
        start = at + len(before)
        at = start + len(mark.text)
        words.append(Word(text=mark.text, box=box, confidence=round(mark.confidence, 1), start=start, end=at))
    return "".join(parts), words


def _moved(boxes: Sequence[Sequence[int]], matrix: Matrix) -> NDArray[np.float64]:
    """Upright boxes around the four corners of every box, moved by a 3 x 3 matrix. Shape (boxes, 4)."""
    corners = [[(x0, y0, 1), (x1, y0, 1), (x0, y1, 1), (x1, y1, 1)] for x0, y0, x1, y1 in boxes]
    there = (np.array(corners, dtype=float).reshape(-1, 4, 3) @ matrix.T)[..., :2]
    return np.hstack([there.min(axis=1), there.max(axis=1)])


def _delivered_boxes(boxes: Sequence[Sequence[int]], to_delivered: Matrix, shape: tuple[int, ...]) -> list[list[int]]:
    """Boxes of the repaired page in pixels of the delivered one, clipped to it."""
    there = _moved(boxes, to_delivered)
    limit = np.array([shape[1], shape[0]])
    low = np.clip(np.floor(there[:, :2]), 0, limit).astype(int)
    high = np.clip(np.ceil(there[:, 2:]), 0, limit).astype(int)
    return [[int(v) for v in box] for box in np.hstack([low, high])]
