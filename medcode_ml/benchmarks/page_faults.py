"""What scanners, fax machines and copiers do to a page, for measuring the reader; not the simulator's faults.

Belongs here: pure functions from grey pixels to grey pixels. How hard each one hits is drawn from a generator, so that
no threshold of the reader can be fitted to one value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[Any]  #: height x width, 8 bits
Generator = np.random.Generator
FINE: Final = (204.0, 196.0)  #: dots an inch of a fine fax
STANDARD: Final = (204.0, 98.0)


@dataclass(frozen=True)
class Spoilt:
    """A page after a fault: the resolution its file states, and the degrees it was turned clockwise by quarters."""

    pixels: Grey
    dpi: tuple[float, float] | None
    rotation: int = 0


def turned(pixels: Grey, degrees: float, paper: int = 255) -> Grey:
    """Turn clockwise about the middle; what comes into view is `paper`."""
    height, width = pixels.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -degrees, 1.0)
    return cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=paper)


def _either(rng: Generator, low: float, high: float) -> float:
    return float(rng.uniform(low, high) * rng.choice([-1, 1]))


def grainy(pixels: Grey, sigma: float, rng: Generator) -> Grey:
    """Gaussian noise of `sigma` grey levels."""
    return np.clip(pixels + rng.normal(0, sigma, pixels.shape), 0, 255).astype(np.uint8)


def specked(pixels: Grey, share: float, rng: Generator) -> Grey:
    """Salt and pepper on `share` of the pixels."""
    chance = rng.random(pixels.shape)
    return np.where(chance < share / 2, 0, np.where(chance > 1 - share / 2, 255, pixels)).astype(np.uint8)


def jpeg(pixels: Grey, quality: int) -> Grey:
    """Through a JPEG of `quality`."""
    done, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError("the page could not be written as JPEG")
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)


def _fax(pixels: Grey, dpi: float, wanted: tuple[float, float], rng: Generator, dither: bool) -> Grey:
    height, width = pixels.shape
    size = (round(width * wanted[0] / dpi), round(height * wanted[1] / dpi))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    if dither:
        from PIL import Image

        return np.asarray(Image.fromarray(small).convert("1").convert("L"))
    return np.where(specked(small, 0.001, rng) < rng.integers(120, 185), 0, 255).astype(np.uint8)


def _bordered(pixels: Grey, dpi: float, rng: Generator) -> Grey:
    """A skewed sheet on a black scanner lid, with two punch holes."""
    paper = turned(cv2.copyMakeBorder(pixels, 0, 0, 0, 0, cv2.BORDER_CONSTANT), _either(rng, 0.3, 1.5), 0)
    for share in (0.3, 0.7):
        centre = (round(0.35 * dpi), round(pixels.shape[0] * share))
        cv2.circle(paper, centre, round(0.14 * dpi), 15, -1)
    edge = [round(float(v) * dpi) for v in rng.uniform(0.05, 0.5, 4)]
    return cv2.copyMakeBorder(paper, edge[0], edge[1], edge[2], edge[3], cv2.BORDER_CONSTANT, value=8)


Fault = Callable[[Grey, float, Generator], Spoilt]


def _plain(change: Callable[[Grey, float, Generator], Grey]) -> Fault:
    return lambda pixels, dpi, rng: Spoilt(change(pixels, dpi, rng), (dpi, dpi))


def _quarter(degrees: int) -> Fault:
    return lambda pixels, dpi, rng: Spoilt(np.ascontiguousarray(np.rot90(pixels, -degrees // 90)), (dpi, dpi), degrees)


def _blur(pixels: Grey, dpi: float, rng: Generator) -> Grey:
    return cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.6, 1.0) * dpi / 200)


#: fault -> how it spoils a page
FAULTS: Final[dict[str, Fault]] = {
    "clean": _plain(lambda p, dpi, rng: p),
    "skew": _plain(lambda p, dpi, rng: turned(p, _either(rng, 0.4, 1.5))),
    "noise": _plain(lambda p, dpi, rng: grainy(specked(p, 0.002, rng), rng.uniform(8, 18), rng)),
    "blur": _plain(_blur),
    "jpeg": _plain(lambda p, dpi, rng: jpeg(p, int(rng.integers(45, 75)))),
    "skew_3_noise": _plain(
        lambda p, dpi, rng: specked(grainy(turned(p, _either(rng, 2.7, 3.3)), rng.uniform(18, 32), rng), 0.01, rng)
    ),
    "fax_fine": lambda p, dpi, rng: Spoilt(_fax(p, dpi, FINE, rng, False), FINE),
    "fax_dithered": lambda p, dpi, rng: Spoilt(_fax(p, dpi, FINE, rng, True), FINE),
    "fax_standard": lambda p, dpi, rng: Spoilt(_fax(p, dpi, STANDARD, rng, False), STANDARD),
    "fax_standard_untold": lambda p, dpi, rng: Spoilt(_fax(p, dpi, STANDARD, rng, False), None),
    "low_contrast": _plain(
        lambda p, dpi, rng: grainy(rng.uniform(150, 190) + p * (rng.uniform(25, 50) / 255), 2.0, rng)
    ),
    "jpeg_20": _plain(lambda p, dpi, rng: jpeg(p, 20)),
    "turned_90": _quarter(90),
    "turned_180": _quarter(180),
    "turned_270": _quarter(270),
    "black_border": _plain(_bordered),
}
MILD: Final = ("clean", "skew", "noise", "blur", "jpeg")
