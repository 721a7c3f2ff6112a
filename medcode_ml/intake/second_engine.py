"""A second reader for words the first one is not sure of: PP-OCR through rapidocr, recognition only, one thread.

Belongs here: which words it is asked for, within a bound that keeps a page's time, and which of two readings is taken.
Its models lie in the wheel: nothing is downloaded. It never looks for text itself, which would take ten times as long.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from medcode_ml.intake.lexicon import known_share
from medcode_ml.intake.reading_order import Mark

Grey = NDArray[Any]  #: height x width, 8 bits; OpenCV's annotations do not tell

UNSURE = 82.0  # confidence of a word below which the second reader is asked
TOGETHER = 0.9  # room between two unsure words, against their height, up to which they are read as one stretch
MARGIN = 0.22  # room left around a stretch, against its height
SHARE = 0.022  # widths (in heights) of stretches that are read again, for every character of the page
LEAST = 14.0  # the same for a page of few characters
LONGEST = 34.0  # a stretch wider than so many times its height is squeezed by the model: left out
TAKEN = 0.80  # the reader's own score from which its reading may be taken
BETTER = 0.02  # how much better a reading must be to replace the first
KNOWN_WEIGHT = 0.6  # what known words count against confidence

_LIKE_ASCII = str.maketrans(
    {
        "‘": "'",
        "’": "'",
        "“": '"',
        "”": '"',
        "–": "-",
        "—": "-",
        "，": ",",
        "：": ":",
        "；": ";",
        "（": "(",
        "）": ")",
        "％": "%",
    }
)


class _Reader:
    """The recognition model, once a process."""

    def __init__(self) -> None:
        from rapidocr.ch_ppocr_rec import TextRecInput, TextRecognizer
        from rapidocr.main import DEFAULT_CFG_PATH, RapidOCR

        quiet = {
            "Global.log_level": "critical",
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "Rec.rec_batch_num": 1,
        }
        settings = RapidOCR(str(DEFAULT_CFG_PATH), quiet).cfg
        settings.Rec.engine_cfg = settings.EngineConfig[settings.Rec.engine_type.value]
        settings.Rec.font_path = None
        settings.Rec.model_root_dir = settings.Global.model_root_dir
        self._ask = TextRecInput
        self._model = TextRecognizer(settings.Rec)
        # a picture narrower than this is padded to it at full cost; words are narrower
        self._model.rec_image_shape = [3, 48, 64]
        self.lock = threading.Lock()

    def read(self, picture: Grey) -> tuple[str, float]:
        """Text and score, 0 to 1, of one stretch of words."""
        with self.lock:
            answer = self._model(self._ask(img=[cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)]))
        return str((answer.txts or ("",))[0]).translate(_LIKE_ASCII).strip(), float(answer.scores[0])


@lru_cache(maxsize=1)
def _reader() -> _Reader:
    return _Reader()


def load() -> None:
    """Load the model now."""
    _reader()


def read_again(marks: list[Mark], page: Grey) -> tuple[list[Mark], int]:
    """The words with unsure ones read again where that was better, and how many stretches were.

    The least sure go first, up to a bound that follows from the length of the text, not from the clock, so that a page
    reads the same on a busy machine.
    """
    stretches = _stretches(marks)
    room = max(LEAST, SHARE * sum(len(m.text) for m in marks))
    better: dict[int, list[Mark]] = {}
    for stretch in sorted(stretches, key=lambda s: (_confidence([marks[n] for n in s]), s)):
        words = [marks[n] for n in stretch]
        crop = _crop(page, words, _neighbours(marks, stretch))
        cost = crop.shape[1] / max(crop.shape[0], 1)
        if crop.size == 0 or cost > LONGEST:
            continue
        room -= max(cost, 1.0)
        if room < 0:
            break
        text, score = _reader().read(crop)
        if _is_better(text, score, words):
            better[stretch[0]] = _placed(text, score, words)
            better |= {n: [] for n in stretch[1:]}
    return [m for n, mark in enumerate(marks) for m in better.get(n, [mark])], sum(map(bool, better.values()))


def _confidence(words: list[Mark]) -> float:
    return sum(m.confidence * len(m.text) for m in words) / sum(len(m.text) for m in words)


def _stretches(marks: list[Mark]) -> list[list[int]]:
    """Places of unsure words, those that stand together in a line as one."""
    found: list[list[int]] = []
    for number, mark in enumerate(marks):
        if mark.confidence >= UNSURE or not any(c.isalnum() for c in mark.text):
            continue
        last = marks[found[-1][-1]] if found else None
        height = mark.y1 - mark.y0
        if (
            last is not None
            and found[-1][-1] == number - 1
            and last.line == mark.line
            and 0 <= mark.x0 - last.x1 <= TOGETHER * height
        ):
            found[-1].append(number)
        else:
            found.append([number])
    return found


def _neighbours(marks: list[Mark], stretch: list[int]) -> tuple[int | None, int | None]:
    """Where the words before and after a stretch end and begin, in its line."""
    first, last = stretch[0], stretch[-1]
    before = marks[first - 1] if first and marks[first - 1].line == marks[first].line else None
    after = marks[last + 1] if last + 1 < len(marks) and marks[last + 1].line == marks[last].line else None
    return None if before is None else before.x1, None if after is None else after.x0


def _crop(page: Grey, words: list[Mark], neighbours: tuple[int | None, int | None]) -> Grey:
    x0, x1 = min(m.x0 for m in words), max(m.x1 for m in words)
    y0, y1 = min(m.y0 for m in words), max(m.y1 for m in words)
    margin = round(MARGIN * (y1 - y0)) + 1
    left, right = x0 - margin, x1 + margin
    if neighbours[0] is not None:
        left = max(left, min(x0, (neighbours[0] + x0) // 2))
    if neighbours[1] is not None:
        right = min(right, max(x1, (neighbours[1] + x1 + 1) // 2))
    return np.ascontiguousarray(page[max(0, y0 - margin) : y1 + margin, max(0, left) : right])


def _is_better(text: str, score: float, words: list[Mark]) -> bool:
    """The better of the two by confidence and known words; nothing that is not English print."""
    first = " ".join(m.text for m in words)
    if score < TAKEN or not text.isascii() or not text or text == first:
        return False
    if not 0.5 <= len(text.replace(" ", "")) / max(len(first.replace(" ", "")), 1) <= 2:
        return False
    if " " not in text and len(words) > 1 and known_share(text) < known_share(first):
        return False  # it drops the room between words more often than it finds one too much
    return (
        score + KNOWN_WEIGHT * known_share(text) > _confidence(words) / 100 + KNOWN_WEIGHT * known_share(first) + BETTER
    )


def _placed(text: str, score: float, words: list[Mark]) -> list[Mark]:
    """The new words where the old ones stood; with another number of words, along the stretch by their letters."""
    parts = text.split()
    if len(parts) == len(words):
        return [replace(m, text=t, confidence=round(100 * score, 1)) for t, m in zip(parts, words, strict=True)]
    first, y0, y1 = words[0], min(m.y0 for m in words), max(m.y1 for m in words)
    x0, wide, letters = first.x0, max(m.x1 for m in words) - first.x0, len(" ".join(parts))
    placed, at = [], 0
    for part in parts:
        left, right = x0 + round(wide * at / letters), x0 + round(wide * (at + len(part)) / letters)
        placed.append(Mark(part, round(100 * score, 1), left, y0, max(right, left + 1), y1, first.line, first.part))
        at += len(part) + 1
    return placed
