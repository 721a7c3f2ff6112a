"""The text that a PDF carries beside its picture: its words with their boxes, and whether they can be relied on.

Belongs here: taking the words out, and the figure for their soundness. A layer that is not sound is not mended: the
page is read as a picture. Invisible text is somebody else's reading of a scan, of unknown care, and never taken.
"""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from numpy.typing import NDArray

from medcode_ml.intake.lexicon import known_share

Grey = NDArray[Any]  #: height x width, 8 bits; OpenCV's annotations do not tell

FEWEST_CHARACTERS = 20  # a layer with fewer is a stamp or a page number
SOUND = 0.85  # lowest figure of a layer that is used in place of reading
LEAST_KNOWN = 0.55  # share of letters in known words that a layer in plain English has
MOST_TURNED = 0.1  # share of characters that may stand askew
_ANGLE = math.radians(2)
_MAX_CHARACTERS = 60_000


@dataclass(frozen=True)
class LayerWord:
    """A word of the layer and its box on the rendered page."""

    text: str
    box: tuple[int, int, int, int]  #: x0, y0, x1, y1 in pixels


def layer_words(page: pdfium.PdfPage, width: int, height: int) -> tuple[LayerWord, ...]:
    """The visible, upright words of a page drawn `width` x `height` pixels large; empty where it has hardly any."""
    text = page.get_textpage()
    try:
        count = text.count_chars()
        if not FEWEST_CHARACTERS <= count <= _MAX_CHARACTERS:
            return ()
        words: list[tuple[str, list[tuple[float, float, float, float]]]] = []
        fresh, turned = True, 0
        for at in range(count):
            character = chr(pdfium_c.FPDFText_GetUnicode(text, at))
            if character.isspace() or character in "\x00\u00ad\ufffe\x02":
                # a hyphen at the end of a line comes as one of these, and the line goes on behind it
                fresh = True
                if character in "\u00ad\ufffe\x02":
                    _append(words, "-", None)
                continue
            if _is_invisible(text, at):
                return ()
            turned += abs(math.remainder(pdfium_c.FPDFText_GetCharAngle(text, at), math.tau)) > _ANGLE
            box = text.get_charbox(at, loose=True)
            if fresh:
                words.append(("", []))
                fresh = False
            _append(words, character, box)
        letters = sum(len(word) for word, _ in words)
        if letters < FEWEST_CHARACTERS or turned > MOST_TURNED * letters:
            return ()
        return tuple(LayerWord(word, _on_picture(page, boxes, width, height)) for word, boxes in words if boxes)
    finally:
        text.close()


def _append(words: list[tuple[str, list[Any]]], character: str, box: Any) -> None:
    if words:
        word, boxes = words[-1]
        words[-1] = (word + character, boxes if box is None else [*boxes, box])


def _is_invisible(text: pdfium.PdfTextPage, at: int) -> bool:
    drawn = pdfium_c.FPDFText_GetTextObject(text, at)
    if not drawn:
        return False  # a character that pdfium made itself, as it does for spaces
    return pdfium_c.FPDFTextObj_GetTextRenderMode(drawn) in (
        pdfium_c.FPDF_TEXTRENDERMODE_INVISIBLE,
        pdfium_c.FPDF_TEXTRENDERMODE_CLIP,
    )


def _on_picture(
    page: pdfium.PdfPage, boxes: list[tuple[float, float, float, float]], width: int, height: int
) -> tuple[int, int, int, int]:
    """The box around the characters of a word, from points on the sheet to pixels, whatever way the page is turned."""
    left, bottom, right, top = zip(*boxes, strict=True)
    found = []
    for x, y in ((min(left), min(bottom)), (max(right), max(top))):
        across, down = ctypes.c_int(), ctypes.c_int()
        pdfium_c.FPDF_PageToDevice(page, 0, 0, width, height, 0, x, y, ctypes.byref(across), ctypes.byref(down))
        found.append((across.value, down.value))
    (xa, ya), (xb, yb) = found
    x0, x1 = max(0, min(xa, xb)), min(width, max(xa, xb) + 1)
    y0, y1 = max(0, min(ya, yb)), min(height, max(ya, yb) + 1)
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)


def soundness(words: tuple[LayerWord, ...], page: Grey, marks: NDArray[Any]) -> float:
    """How far a layer can be relied on, 0 to 1: the least of four shares.

    Letter-like `marks` of the picture (boxes x, y, width, height on `page`) that lie under words; words that have ink
    under them; characters that are characters; letters in known words, 1 from `LEAST_KNOWN` on.
    """
    if not words:
        return 0.0
    cover = np.zeros(page.shape, np.uint8)
    boxes = np.array([w.box for w in words])
    for x0, y0, x1, y1 in boxes.tolist():
        cover[y0:y1, x0:x1] = 1
    middles = np.clip((marks[:, :2] + marks[:, 2:4] / 2).astype(int), 0, np.array(page.shape[::-1]) - 1)
    covered = float(cover[middles[:, 1], middles[:, 0]].mean()) if len(marks) else 0.0
    dark = cv2.integral((page < int(np.median(page)) - 40).astype(np.uint8))
    x0, y0, x1, y1 = boxes.T
    inked = float((dark[y1, x1] - dark[y0, x1] - dark[y1, x0] + dark[y0, x0] > 0).mean())
    text = " ".join(w.text for w in words)
    odd = sum(not c.isprintable() or c == "\ufffd" or "\ue000" <= c <= "\uf8ff" for c in text)
    known = min(1.0, known_share(text) / LEAST_KNOWN)
    return round(min(covered, inked, 1 - 5 * odd / len(text), known), 3)
