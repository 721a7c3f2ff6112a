"""A page picture made ready to read: grey levels, noise, orientation, skew and size, and the way back to its pixels.

Belongs here: picture work with OpenCV. Which of two orientations reads better is asked of the caller (`Legibility`), so
that nothing here knows the reader.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from medcode_ml.intake.opening import PageImage

Grey = NDArray[Any]  #: height x width, 8 bits; OpenCV's annotations do not tell
Matrix = NDArray[np.float64]
#: how well a strip of a page reads, 0 (not at all) to 100
Legibility = Callable[[Grey], float]

MAX_SKEW = 15.0  # degrees searched to either side
SKETCH = 1100  # longest side in pixels of the small copy that geometry is measured on
LETTER_HEIGHT = 14.0  # pixels; lower lettering is enlarged to it
LETTER_HEIGHT_POOR = 18.0  # the same where the page is noisy or blurred
TALLEST_LETTER = 40.0  # pixels; higher lettering is reduced, for speed
MAX_ENLARGE = 4.0
READS_WELL = 75.0  # legibility at which the other orientations are not tried
HOPELESS = 35.0  # legibility of the best strip below which a page full of marks is noise
FULL_OF_MARKS = 2_000
CLEAR_AXIS = 1.6  # ratio of profile sharpness that settles whether lines run across or down
NO_INK = 12.0  # smallest contrast in grey levels that ink is stretched from
NO_STROKE = 6.0  # grey levels, or the grain where it is more, that the blurred page must be deep to have writing
SPECKLES = 150.0  # per million pixels of paper; from here specks are taken out
GRAIN = 10.0  # standard deviation in grey levels; from here the page is smoothed
RELATIVE_GRAIN = 0.12  # the same as a share of the contrast, for faint pages
DROWNING = 0.22  # grain as a share of the contrast from which smoothing is strong
SHARP = 0.55  # steepest edge as a share of the contrast; below it the page is sharpened


@dataclass(frozen=True)
class RepairedPage:
    """A page ready to read."""

    pixels: Grey  #: height x width, upright, level, dark on white
    to_delivered: Matrix  #: 3 x 3, from these pixels to those of the page as delivered
    rotation: int  #: degrees the sheet lay turned clockwise: 0, 90, 180, 270
    skew: float  #: degrees the lines fell clockwise, after turning back
    figures: dict[str, float]  #: what was measured on the page as delivered

    @property
    def hopeless(self) -> bool:
        """A sheet full of marks whose busiest strip reads no way round: the engine would take a minute over noise."""
        return self.figures["marks"] > FULL_OF_MARKS and self.figures["legibility"] < HOPELESS


def repair(page: PageImage, legibility: Legibility) -> RepairedPage:
    """Clean, turn, level and scale one page.

    The page is resampled once. Orientation is found in two steps: the sharper projection profile says whether lines run
    across or down the sheet, then a strip is read both ways round.
    """
    delivered, inverted = _dark_on_light(page.pixels)
    figures = measure(delivered) | {"inverted": float(inverted)}
    clean = _clean(delivered, figures)
    stretch = _pixel_aspect(page)
    sketch, to_sketch = _sketch(clean, stretch)
    ink = _letters(sketch)
    across, down = _skew(ink), _skew(np.ascontiguousarray(np.rot90(ink)))
    figures["letter_height"] = _letter_height(ink if across[1] >= down[1] else np.rot90(ink)) / to_sketch
    figures["profile_across"], figures["profile_down"] = across[1], down[1]
    figures["letter_share"], figures["marks"] = float(ink.mean()), float(len(_components(ink)[1]) - 1)
    turns = _axes(across[1], down[1])
    scale = _scale(figures, clean.shape)
    best: tuple[float, int, float, Grey, Matrix] | None = None
    for quarter in turns:
        skew = across[0] if quarter == 0 else down[0]
        level, matrix = _level(clean, stretch, quarter, skew, scale)
        if _blurred(figures):
            level = cv2.addWeighted(level, 4.0, cv2.GaussianBlur(level, (0, 0), 2.7 * scale), -3.0, 0)
        level = _without_rules(level, figures["letter_height"] * scale)
        strip = _busiest_strip(level, figures["letter_height"] * scale)
        for half in (0, 2):
            score = legibility(strip if half == 0 else np.ascontiguousarray(np.rot90(strip, 2)))
            if best is None or score > best[0]:
                best = (score, quarter + half, skew, level, matrix)
            if score >= READS_WELL:
                break
        if best is not None and best[0] >= READS_WELL:
            break
    assert best is not None  # `turns` is never empty
    score, turned, skew, level, matrix = best
    if turned >= 2:
        height, width = level.shape
        level = np.ascontiguousarray(np.rot90(level, 2))
        matrix = matrix @ np.array([[-1.0, 0, width - 1], [0, -1.0, height - 1], [0, 0, 1]])
    figures["legibility"] = round(score, 1)
    return RepairedPage(level, matrix, turned % 4 * 90, round(skew, 2), figures)


def measure(pixels: Grey) -> dict[str, float]:
    """Figures of a page: paper and contrast in grey levels, ink share, speckles a megapixel, grain, sharpness."""
    height, width = pixels.shape
    paper = float(np.percentile(pixels[:: max(1, height // 800), :: max(1, width // 800)], 75))
    smooth = cv2.medianBlur(pixels, 3)
    # the darkest spots, not a share of the page: a sheet with one printed line has contrast too
    halves = cv2.resize(smooth, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)
    dark = float(np.percentile(halves, 0.02))
    strokes = np.percentile(cv2.GaussianBlur(halves, (0, 0), 1.0), (50, 0.02))  # blurring leaves strokes, not noise
    ink_below = paper - max((paper - dark) / 2, 12.0)
    # noise is judged away from lettering: what a median takes from bright, flat paper
    flat = cv2.erode(smooth, np.ones((13, 13), np.uint8)) > ink_below
    if flat.mean() < 0.02:
        flat[:] = True  # noise so strong that nothing looks like paper
    residue = np.where(flat, cv2.absdiff(pixels, smooth), 0)
    # noise is everywhere; full stops and thin dashes are where there is text, so a quiet part of the page decides
    grain = _quiet(np.square(np.minimum(residue, 64).astype(np.float32)), flat) ** 0.5
    speckles = _quiet((residue > 40).astype(np.float32), flat) * 1e6
    steps = cv2.absdiff(smooth[:, 1:], smooth[:, :-1])
    edges = steps[steps > 10]
    depth = paper - float(np.percentile(smooth, 0.5))  # of the lettering at large; the deepest spot is deeper
    sharpness = float(np.percentile(edges, 95)) / depth if edges.size and depth > NO_INK else 1.0
    return {
        "width": float(width),
        "height": float(height),
        "paper": paper,
        "contrast": paper - dark,
        "stroke_depth": float(strokes[0] - strokes[1]),
        "ink_share": float((smooth < ink_below).mean()),
        "speckles": speckles,
        "grain": grain,
        "sharpness": min(sharpness, 1.0),
    }


def _quiet(values: NDArray[np.float32], where: NDArray[np.bool_]) -> float:
    """Mean of `values` over `where` in each of 64 tiles; the lower quartile of those with enough to judge."""
    sums = cv2.resize(values, (8, 8), interpolation=cv2.INTER_AREA)
    shares = cv2.resize(where.astype(np.float32), (8, 8), interpolation=cv2.INTER_AREA)
    enough = shares > 0.02
    return float(np.percentile(sums[enough] / shares[enough], 25)) if enough.any() else 0.0


def _dark_on_light(pixels: Grey) -> tuple[Grey, bool]:
    """A photostat negative turned positive: most of it dark, the rest brighter than its dark part is deep."""
    low, middle, high = np.percentile(pixels[::2, ::2], (0.5, 50, 99.5))
    if middle < 110 and high - middle > 2 * (middle - low) and high - middle > 60:
        return np.subtract(255, pixels, dtype=np.uint8), True
    return pixels, False


def _clean(pixels: Grey, figures: dict[str, float]) -> Grey:
    """Take away noise, then even out the paper to 255 and deepen the ink towards 0."""
    clean = pixels
    if _noisy(figures):
        radius = 1.5 if figures["grain"] > DROWNING * figures["contrast"] else 0.8
        clean = cv2.GaussianBlur(_without_specks(clean, figures["paper"] - figures["contrast"] / 2), (0, 0), radius)
    if not _has_ink(figures):
        return np.full_like(clean, 255)
    height, width = clean.shape
    small = cv2.resize(clean, (max(1, width // 8), max(1, height // 8)), interpolation=cv2.INTER_AREA)
    # lettering is narrower than the window, so its maximum is paper; shade and stains are wider
    paper = cv2.GaussianBlur(cv2.dilate(small, np.ones((9, 9), np.uint8)), (0, 0), 5)
    paper = np.maximum(cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR), 1)
    even: Grey = cv2.divide(clean, paper, scale=255)
    # of a full page the darkest share; of a sheet with one line, which has no such share, the darkest spot
    ink = min(float(np.percentile(even, 0.5)), 255 * (1 - figures["contrast"] / figures["paper"]))
    if ink > 60:
        even = cv2.subtract(even, ink)  # type: ignore[call-overload]
        even = cv2.convertScaleAbs(even, alpha=255 / max(255 - ink, NO_INK))
    return even


def _without_specks(pixels: Grey, middle: float) -> Grey:
    """Replace lone marks of up to three pixels, dark or bright; a median filter would thin strokes too."""
    clean = pixels.copy()
    around = cv2.medianBlur(pixels, 5)
    for mark in (pixels < middle, pixels >= middle):
        labels, boxes = _components(mark.astype(np.uint8))
        lone = boxes[:, cv2.CC_STAT_AREA] <= 3
        lone[0] = False
        speck = lone[labels]
        clean[speck] = around[speck]
    return clean


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
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), factor


def _components(ink: Grey) -> tuple[NDArray[Any], NDArray[Any]]:
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    return labels, boxes


def _letters(sketch: Grey) -> Grey:
    """Mask (0 or 1) of what has the size of a letter or a word: no specks, rules, frames, pictures, black borders."""
    ink = (sketch < 190).astype(np.uint8)
    labels, boxes = _components(ink)
    high, wide, area = boxes[:, cv2.CC_STAT_HEIGHT], boxes[:, cv2.CC_STAT_WIDTH], boxes[:, cv2.CC_STAT_AREA]
    long, short = np.maximum(high, wide), np.minimum(high, wide)
    keep = (area >= 4) & (long >= 3) & (short <= 60) & (long <= 250) & (long < 25 * short)
    keep[0] = False
    return keep[labels].astype(np.uint8)


def _letter_height(ink: Grey) -> float:
    """Median height of the marks, which is about the height of an x; 0 without marks."""
    _, boxes = _components(np.ascontiguousarray(ink))
    heights = boxes[1:, cv2.CC_STAT_HEIGHT]
    return float(np.median(heights)) if len(heights) else 0.0


def _skew(ink: Grey) -> tuple[float, float]:
    """Angle in degrees by which lines fall clockwise, and how sharply the profile along it stands out.

    The profile of a page cut along its lines jumps between ink and paper; the sum of squared jumps is largest there.
    """
    y, x = np.nonzero(ink)
    if len(y) < 20:
        return 0.0, 0.0
    step = max(1, len(y) // 40_000)
    y, x = y[::step].astype(np.float64), x[::step].astype(np.float64)
    y -= y.mean()
    x -= x.mean()

    def sharpness(degrees: float, bins_a_pixel: float) -> float:
        angle = np.deg2rad(degrees)
        rows = y * np.cos(angle) - x * np.sin(angle)
        counts = np.bincount(((rows - rows.min()) * bins_a_pixel).astype(np.int64))
        return float(np.square(np.diff(counts, prepend=0, append=0)).sum()) / len(y) ** 2

    coarse = np.arange(-MAX_SKEW, MAX_SKEW + 0.01, 0.25)
    scores = [sharpness(a, 1.0) for a in coarse]
    around = float(coarse[int(np.argmax(scores))])
    fine = np.arange(around - 0.3, around + 0.301, 0.05)
    found = float(fine[int(np.argmax([sharpness(a, 1.0) for a in fine]))])
    return (found if abs(found) >= 0.1 else 0.0), max(scores)


def _axes(across: float, down: float) -> tuple[int, ...]:
    """Quarter turns worth trying, likelier first: 0 for lines across the sheet, 1 for lines down it."""
    if across >= CLEAR_AXIS * down:
        return (0,)
    if down >= CLEAR_AXIS * across:
        return (1,)
    return (0, 1) if across >= down else (1, 0)


def _noisy(figures: dict[str, float]) -> bool:
    return figures["speckles"] > SPECKLES or figures["grain"] > min(GRAIN, RELATIVE_GRAIN * figures["contrast"])


def _has_ink(figures: dict[str, float]) -> bool:
    return figures["stroke_depth"] >= max(NO_STROKE, figures["grain"])


def _blurred(figures: dict[str, float]) -> bool:
    return figures["sharpness"] < SHARP and _has_ink(figures) and not _noisy(figures)


def _scale(figures: dict[str, float], shape: tuple[int, ...]) -> float:
    """Factor that brings lettering to a size the reader was trained for, within bounds of memory."""
    height = figures["letter_height"]
    if height <= 0:
        return 1.0
    room = max(1.0, (40e6 / (shape[0] * shape[1])) ** 0.5)
    wanted = LETTER_HEIGHT_POOR if _noisy(figures) else LETTER_HEIGHT
    factor = 1.0 if height >= wanted else wanted / height
    if _blurred(figures):
        factor = max(factor, 1.5)  # the letters of a blurred page run together and look taller than they are
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
    if scale < 0.6:  # interpolation looks at neighbours only: blur first, or thin strokes break
        pixels = cv2.GaussianBlur(pixels, (0, 0), 0.4 / scale)
    method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_LINEAR
    level = cv2.warpAffine(pixels, forward[:2], size, flags=method, borderMode=cv2.BORDER_CONSTANT, borderValue=255)
    return level, np.linalg.inv(forward)


def _without_rules(level: Grey, letter_height: float) -> Grey:
    """White out rules and rows of dashes: the reader takes a heading and the row beneath for one line."""
    if letter_height < 4:
        return level
    labels, boxes = _components((level < 140).astype(np.uint8))
    high, wide = boxes[:, cv2.CC_STAT_HEIGHT], boxes[:, cv2.CC_STAT_WIDTH]
    flat = (high <= max(2.0, 0.4 * letter_height)) & (wide >= 1.5 * high)
    flat[0] = False
    dashes = flat[labels].astype(np.uint8)
    # a hyphen stands alone; what is left of flat marks in a row, once their gaps are bridged, is a rule
    bridged = cv2.morphologyEx(dashes, cv2.MORPH_CLOSE, np.ones((1, max(3, round(letter_height))), np.uint8))
    rows = cv2.morphologyEx(bridged, cv2.MORPH_OPEN, np.ones((1, round(3 * letter_height)), np.uint8))
    rule = cv2.dilate(rows & dashes, np.ones((5, 5), np.uint8)).astype(bool)
    clean = level.copy()
    clean[rule] = 255
    return clean


def _busiest_strip(level: Grey, letter_height: float) -> Grey:
    """The strip of about five lines with most strokes in it."""
    strokes = (np.abs(np.diff(level.astype(np.int16), axis=1)) > 60).sum(axis=1).astype(np.float64)
    tall = min(len(strokes), max(120, round(12 * letter_height)))
    start = int(np.argmax(np.convolve(strokes, np.ones(tall), mode="valid")))
    return np.ascontiguousarray(level[start : start + tall])
