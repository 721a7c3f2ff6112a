"""A page picture made ready to read: grey levels, noise, borders, orientation, skew and size, and the way back.

Belongs here: the order of repairs and the one resampling. What is measured is `measuring`, how the sheet lies is
`orientation`. Which of two orientations reads better is asked of the caller (`Legibility`), so that nothing here knows
the reader.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from medcode_ml.intake.borders import without_borders
from medcode_ml.intake.measuring import BILEVEL, DROWNING, NO_INK, blurred, has_ink, measure, noisy, percentile, smaller
from medcode_ml.intake.opening import PageImage
from medcode_ml.intake.orientation import CLEAR_UPRIGHT, SQUEEZED, Lie, aspect, components, letters, lie

Grey = NDArray[Any]  #: height x width, 8 bits; OpenCV's annotations do not tell
Matrix = NDArray[np.float64]
#: how well a strip of a page reads, 0 (not at all) to 100
Legibility = Callable[[Grey], float]

SKETCH = 1100  # longest side in pixels of the small copy that geometry is measured on
LETTER_HEIGHT = 16.0  # pixels; lower lettering is enlarged to it
LETTER_HEIGHT_POOR = 18.0  # the same where the page is noisy or blurred
TALLEST_LETTER = 40.0  # pixels; higher lettering is reduced, for speed
MAX_ENLARGE = 4.0
READS_WELL = 75.0  # legibility at which the other orientations are not tried
HOPELESS = 35.0  # legibility of the best strip below which a page full of marks is noise
FULL_OF_MARKS = 2_000


@dataclass(frozen=True)
class RepairedPage:
    """A page ready to read."""

    pixels: Grey  #: height x width, upright, level, dark on white
    to_delivered: Matrix  #: 3 x 3, from these pixels to those of the page as delivered
    rotation: int  #: degrees the sheet lay turned clockwise: 0, 90, 180, 270
    skew: float  #: degrees the lines fell clockwise, after turning back
    figures: dict[str, float]  #: what was measured on the page as delivered
    letter_height: float  #: pixels of this page that the usual mark is high
    marks: NDArray[Any]  #: letter-like marks as x, y, width, height in pixels of the page as delivered

    @property
    def hopeless(self) -> bool:
        """A sheet full of marks whose busiest strip reads no way round: the engine would take a minute over noise."""
        return self.figures["marks"] > FULL_OF_MARKS and self.figures.get("legibility", 100.0) < HOPELESS


def repair(page: PageImage, legibility: Legibility, wary: bool = False) -> RepairedPage:
    """Clean, turn, level and scale one page.

    The page is resampled once. Its letters say how the sheet lies; where they do not, or where the caller is `wary`
    because the page read badly as they said, its busiest strip is read every way round.
    """
    delivered, inverted = _dark_on_light(page.pixels)
    figures = measure(delivered) | {"inverted": float(inverted)}
    clean = _clean(without_borders(delivered, figures["paper"]), figures)
    stretch = _pixel_aspect(page)
    sketch, to_sketch = _sketch(clean, stretch)
    ink, boxes = letters(sketch)
    wide = clean.shape[0] < 0.8 * clean.shape[1]
    if wide and not page.states_shape and figures["grey_share"] < BILEVEL and aspect(boxes) >= SQUEEZED:
        stretch = (1.0, 2.0)  # a standard fax whose file does not say so
        sketch, to_sketch = _sketch(clean, stretch)
        ink, boxes = letters(sketch)
    lies = lie(ink, boxes)
    figures["letter_height"] = lies.letter_height / to_sketch
    figures["letter_share"], figures["marks"] = lies.share, float(lies.marks)
    marks = boxes[:, :4] / to_sketch / np.array([*stretch, *stretch])
    scale = _scale(figures, clean.shape)
    tall = figures["letter_height"] * scale

    def made(quarter: int) -> tuple[Grey, Matrix]:
        level, matrix = _level(clean, stretch, quarter, lies.skew[quarter], scale)
        if blurred(figures):
            level = cv2.addWeighted(level, 4.0, cv2.GaussianBlur(level, (0, 0), 2.7 * scale), -3.0, 0)
        return _without_rules(level, tall), matrix

    quarter = lies.quarters[0]
    upright = lies.upright[quarter]
    if not wary and len(lies.quarters) == 1 and abs(upright) >= CLEAR_UPRIGHT:
        level, matrix = made(quarter)
        turned = quarter if upright > 0 else quarter + 2
    else:
        turned, level, matrix, figures["legibility"] = _asked(lies, made, legibility, tall)
    if turned >= 2:
        height, width = level.shape
        level = np.ascontiguousarray(np.rot90(level, 2))
        matrix = matrix @ np.array([[-1.0, 0, width - 1], [0, -1.0, height - 1], [0, 0, 1]])
    return RepairedPage(level, matrix, turned % 4 * 90, round(lies.skew[turned % 2], 2), figures, tall, marks)


def _asked(
    lies: Lie, made: Callable[[int], tuple[Grey, Matrix]], legibility: Legibility, letter_height: float
) -> tuple[int, Grey, Matrix, float]:
    """The orientation that reads best: quarter turns, page, matrix and legibility."""
    best: tuple[float, int, Grey, Matrix] | None = None
    for quarter in lies.quarters:
        level, matrix = made(quarter)
        strip = _busiest_strip(level, letter_height)
        for half in (0, 2) if lies.upright[quarter] >= 0 else (2, 0):
            score = legibility(strip if half == 0 else np.ascontiguousarray(np.rot90(strip, 2)))
            if best is None or score > best[0]:
                best = (score, quarter + half, level, matrix)
            if score >= READS_WELL:
                break
        if best is not None and best[0] >= READS_WELL:
            break
    assert best is not None  # `quarters` is never empty
    return best[1], best[2], best[3], round(best[0], 1)


def _dark_on_light(pixels: Grey) -> tuple[Grey, bool]:
    """A photostat negative turned positive: most of it dark, the rest brighter than its dark part is deep."""
    spots = np.ascontiguousarray(pixels[::2, ::2])
    low, middle, high = (percentile(spots, at) for at in (0.5, 50, 99.5))
    if middle < 110 and high - middle > 2 * (middle - low) and high - middle > 60:
        return np.subtract(255, pixels, dtype=np.uint8), True
    return pixels, False


def _clean(pixels: Grey, figures: dict[str, float]) -> Grey:
    """Take away noise, then even out the paper to 255 and deepen the ink towards 0."""
    clean = pixels
    if noisy(figures):
        radius = 1.5 if figures["grain"] > DROWNING * figures["contrast"] else 0.8
        clean = cv2.GaussianBlur(_without_specks(clean, figures["paper"] - figures["contrast"] / 2), (0, 0), radius)
    if not has_ink(figures):
        return np.full_like(clean, 255)
    height, width = clean.shape
    small = smaller(clean, max(1, width // 8), max(1, height // 8))
    # lettering is narrower than the window, so its maximum is paper; shade and stains are wider
    paper = cv2.GaussianBlur(cv2.dilate(small, np.ones((9, 9), np.uint8)), (0, 0), 5)
    paper = np.maximum(cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR), 1)
    even: Grey = cv2.divide(clean, paper, scale=255)
    # of a full page the darkest share; of a sheet with one line, which has no such share, the darkest spot
    ink = min(percentile(even, 0.5), 255 * (1 - figures["contrast"] / figures["paper"]))
    if ink > 60:
        even = cv2.subtract(even, ink)  # type: ignore[call-overload]
        even = cv2.convertScaleAbs(even, alpha=255 / max(255 - ink, NO_INK))
    return even


def _without_specks(pixels: Grey, middle: float) -> Grey:
    """Replace lone marks of up to three pixels, dark or bright; a median filter would thin strokes too."""
    around = cv2.medianBlur(pixels, 5)
    dark = (pixels < middle).astype(np.uint8)
    near = cv2.boxFilter(dark, -1, (5, 5), normalize=False, borderType=cv2.BORDER_REPLICATE)
    lone = ((dark == 1) & (near <= 3)) | ((dark == 0) & (near >= 22))
    return np.where(lone, around, pixels)


def _pixel_aspect(page: PageImage) -> tuple[float, float]:
    """Factors (x, y) that make pixels square; a standard fax has twice as many dots across as down."""
    if page.dpi is None:
        return 1.0, 1.0
    ratio = page.dpi[0] / page.dpi[1]
    if not 1.2 < max(ratio, 1 / ratio) < 4:
        return 1.0, 1.0
    return (1.0, ratio) if ratio > 1 else (1 / ratio, 1.0)


def _sketch(pixels: Grey, stretch: tuple[float, float]) -> tuple[Grey, float]:
    """A small square-pixel copy and its scale against the page."""
    height, width = pixels.shape
    factor = min(1.0, SKETCH / max(width * stretch[0], height * stretch[1]))
    size = (max(1, round(width * stretch[0] * factor)), max(1, round(height * stretch[1] * factor)))
    return smaller(pixels, *size), factor


def _scale(figures: dict[str, float], shape: tuple[int, ...]) -> float:
    """Factor that brings lettering to a size the reader was trained for, within bounds of memory."""
    height = figures["letter_height"]
    if height <= 0:
        return 1.0
    room = max(1.0, (40e6 / (shape[0] * shape[1])) ** 0.5)
    wanted = LETTER_HEIGHT_POOR if noisy(figures) else LETTER_HEIGHT
    factor = 1.0 if height >= wanted else wanted / height
    if blurred(figures):
        factor = max(factor, min(1.5, 1.5 * LETTER_HEIGHT / height))  # blurred letters look taller than they are
    if factor > 1:
        return min(factor, MAX_ENLARGE, room)
    return min(1.0, TALLEST_LETTER / height)


def _level(pixels: Grey, stretch: tuple[float, float], quarter: int, skew: float, scale: float) -> tuple[Grey, Matrix]:
    """Resample once: square pixels, turned back, level, scaled; and the matrix from there to the delivered page."""
    height, width = pixels.shape
    forward = np.diag([stretch[0] * scale, stretch[1] * scale, 1.0])
    if quarter:
        forward = np.array([[0, 1.0, 0], [-1.0, 0, width * forward[0, 0] - 1], [0, 0, 1]]) @ forward
    angle = np.deg2rad(skew)
    forward = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]]) @ forward
    corners = forward @ np.array([[0, width - 1, 0, width - 1], [0, 0, height - 1, height - 1], [1, 1, 1, 1]])
    low, high = corners[:2].min(axis=1), corners[:2].max(axis=1)
    forward = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1.0]]) @ forward
    size = (int(np.ceil(high[0] - low[0])) + 1, int(np.ceil(high[1] - low[1])) + 1)
    if not quarter and not skew and scale > 1:  # a plain enlargement, in a quarter of the time
        level = cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC)
        across, down = width / size[0], height / size[1]
        return level, np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1.0]])
    if scale < 0.6:  # interpolation looks at neighbours only: blur first, or thin strokes break
        pixels = cv2.GaussianBlur(pixels, (0, 0), 0.4 / scale)
    method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_LINEAR
    level = cv2.warpAffine(pixels, forward[:2], size, flags=method, borderMode=cv2.BORDER_CONSTANT, borderValue=255)
    return level, np.linalg.inv(forward)


def _without_rules(level: Grey, letter_height: float) -> Grey:
    """White out rules and rows of dashes: the reader takes a heading and the row beneath for one line."""
    if letter_height < 4:
        return level
    by = max(1, min(3, int(letter_height / 6.5)))  # looked for on a smaller copy where lettering is large
    small = level if by == 1 else smaller(level, level.shape[1] // by, level.shape[0] // by)
    letter = letter_height / by
    labels, boxes = components((small < 140).astype(np.uint8))
    high, wide = boxes[:, cv2.CC_STAT_HEIGHT], boxes[:, cv2.CC_STAT_WIDTH]
    flat = (high <= max(2.0, 0.4 * letter)) & (wide >= 1.5 * high)
    flat[0] = False
    dashes = flat[labels].astype(np.uint8)
    # a hyphen stands alone; what is left of flat marks in a row, once their gaps are bridged, is a rule
    bridged = cv2.morphologyEx(dashes, cv2.MORPH_CLOSE, np.ones((1, max(3, round(letter))), np.uint8))
    rows = cv2.morphologyEx(bridged, cv2.MORPH_OPEN, np.ones((1, round(3 * letter)), np.uint8))
    rule = rows & dashes
    if not rule.any():
        return level
    if by > 1:
        rule = cv2.resize(rule, (level.shape[1], level.shape[0]), interpolation=cv2.INTER_NEAREST)
    return np.where(cv2.dilate(rule, np.ones((5, 5), np.uint8)) > 0, np.uint8(255), level)


def _busiest_strip(level: Grey, letter_height: float) -> Grey:
    """The strip of about five lines with most strokes in it."""
    strokes = (np.abs(np.diff(level.astype(np.int16), axis=1)) > 60).sum(axis=1).astype(np.float64)
    tall = min(len(strokes), max(120, round(12 * letter_height)))
    start = int(np.argmax(np.convolve(strokes, np.ones(tall), mode="valid")))
    return np.ascontiguousarray(level[start : start + tall])
