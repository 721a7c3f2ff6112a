"""Figures of a page picture: paper, contrast, noise, sharpness, and what they say about how it must be repaired.

Belongs here: measuring and the thresholds on it. Nothing is changed here.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[Any]  #: height x width, 8 bits; OpenCV's annotations do not tell

NO_INK = 12.0  # smallest contrast in grey levels that ink is stretched from
NO_STROKE = 6.0  # grey levels, or the grain where it is more, that the blurred page must be deep to have writing
SPECKLES = 150.0  # per million pixels of paper; from here specks are taken out
GRAIN = 10.0  # standard deviation in grey levels; from here the page is smoothed
RELATIVE_GRAIN = 0.12  # the same as a share of the contrast, for faint pages
DROWNING = 0.22  # grain as a share of the contrast from which smoothing is strong
SHARP = 0.55  # steepest edge as a share of the contrast; below it the page is sharpened
BILEVEL = 0.001  # share of pixels neither black nor white below which a page has two levels only
_TILES = 8  # tiles a side
_TILE = 192  # pixels a side that are looked at of each tile, at most


def measure(pixels: Grey) -> dict[str, float]:
    """Figures of a page: paper and contrast in grey levels, ink share, speckles a megapixel, grain, sharpness.

    Noise and edges are measured on an even sample of the page, 64 tiles of it.
    """
    height, width = pixels.shape
    paper = percentile(np.ascontiguousarray(pixels[:: max(1, height // 800), :: max(1, width // 800)]), 75)
    # the darkest spots, not a share of the page: a sheet with one printed line has contrast too
    halves = cv2.medianBlur(smaller(pixels, max(1, width // 2), max(1, height // 2)), 3)
    dark = percentile(halves, 0.02)
    strokes = cv2.GaussianBlur(halves, (0, 0), 1.0)  # blurring leaves strokes, not noise
    ink_below = paper - max((paper - dark) / 2, 12.0)
    sample = _sample(pixels)
    smooth = cv2.medianBlur(sample, 3)
    # noise is judged away from lettering: what a median takes from bright, flat paper
    flat = cv2.erode(smooth, np.ones((13, 13), np.uint8)) > ink_below
    if flat.mean() < 0.02:
        flat[:] = True  # noise so strong that nothing looks like paper
    residue = np.where(flat, cv2.absdiff(sample, smooth), 0)
    # noise is everywhere; full stops and thin dashes are where there is text, so a quiet part of the page decides
    grain = _quiet(np.square(np.minimum(residue, 64).astype(np.float32)), flat) ** 0.5
    speckles = _quiet((residue > 40).astype(np.float32), flat) * 1e6
    steps = cv2.absdiff(smooth[:, 1:], smooth[:, :-1])
    edges = steps[steps > 10].reshape(-1, 1)
    depth = paper - percentile(smooth, 0.5)  # of the lettering at large; the deepest spot is deeper
    sharpness = percentile(edges, 95) / depth if edges.size and depth > NO_INK else 1.0
    return {
        "width": float(width),
        "height": float(height),
        "paper": paper,
        "contrast": paper - dark,
        "stroke_depth": percentile(strokes, 50) - percentile(strokes, 0.02),
        "ink_share": float((halves < ink_below).mean()),
        "grey_share": float(((sample > 0) & (sample < 255)).mean()),
        "speckles": speckles,
        "grain": grain,
        "sharpness": min(sharpness, 1.0),
    }


def smaller(pixels: Grey, width: int, height: int) -> Grey:
    """A reduced copy of about the same proportions, each pixel the mean of those it stands for.

    Whole steps come first: they are ten times as fast, and lose a pixel or two at the right and lower edge.
    """
    by = min(pixels.shape[1] // max(width, 1), pixels.shape[0] // max(height, 1))
    if by >= 2:
        across, down = pixels.shape[1] // by, pixels.shape[0] // by
        whole = pixels[: down * by, : across * by]
        pixels = cv2.resize(whole, (across, down), interpolation=cv2.INTER_AREA)
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)


def percentile(pixels: Grey, per_cent: float) -> float:
    """The grey level that `per_cent` of the pixels do not exceed."""
    counts = cv2.calcHist([pixels], [0], None, [256], [0, 256]).ravel().cumsum()
    return float(np.searchsorted(counts, per_cent / 100 * counts[-1]))


def noisy(figures: dict[str, float]) -> bool:
    """Specks or grain enough to be taken out."""
    return figures["speckles"] > SPECKLES or figures["grain"] > min(GRAIN, RELATIVE_GRAIN * figures["contrast"])


def has_ink(figures: dict[str, float]) -> bool:
    """Something is written or printed here."""
    return figures["stroke_depth"] >= max(NO_STROKE, figures["grain"])


def blurred(figures: dict[str, float]) -> bool:
    """Soft enough to be sharpened, and not so noisy that sharpening would raise the noise."""
    return figures["sharpness"] < SHARP and has_ink(figures) and not noisy(figures)


def _sample(pixels: Grey) -> Grey:
    """The middle of each of 64 tiles, side by side; the whole page where it is small."""
    height, width = pixels.shape

    def places(length: int) -> NDArray[np.int64]:
        part = length / _TILES
        if part <= _TILE:
            return np.arange(length)
        starts = (np.arange(_TILES) * part + (part - _TILE) / 2).astype(np.int64)
        return (starts[:, None] + np.arange(_TILE)).ravel()

    return np.ascontiguousarray(pixels[np.ix_(places(height), places(width))])


def _quiet(values: NDArray[np.float32], where: NDArray[np.bool_]) -> float:
    """Mean of `values` over `where` in each of 64 tiles; the lower quartile of those with enough to judge."""
    sums = smaller(values, _TILES, _TILES)
    shares = smaller(where.astype(np.float32), _TILES, _TILES)
    enough = shares > 0.02
    return float(np.percentile(sums[enough] / shares[enough], 25)) if enough.any() else 0.0
