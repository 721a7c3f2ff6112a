"""Page images: text on a letter page with an identifying header, and the faults of scanners and mail rooms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

FONTS: Final = ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono")
PAGE_FAULTS: Final = (
    "clean",
    "skew",
    "noise",
    "blur",
    "stain",
    "rotated_90",
    "rotated_180",
    "rotated_270",
    "low_contrast",
    "blank",
)
_WIDTH, _HEIGHT, _MARGIN = 8.5, 11.0, 0.8  # inches
_POINTS = 10.0
_LEADING = 1.32
_LAYOUT_DPI = 150  # pages break where they break at this resolution, whatever they are drawn at
_HEADER_LINES = 4


@dataclass(frozen=True)
class PageHeader:
    """What stands on top of every page of a record."""

    hospital: str
    patient: str
    mrn: str
    birth_date: str
    encounter: str

    def lines(self, page: int, pages: int) -> tuple[str, str, str]:
        """The printed lines."""
        return (
            self.hospital,
            f"Patient: {self.patient}    MRN: {self.mrn}    DOB: {self.birth_date}",
            f"Encounter: {self.encounter}    Page {page} of {pages}",
        )


@lru_cache(maxsize=16)
def _font(name: str, dpi: int) -> ImageFont.FreeTypeFont:
    if name not in FONTS:
        raise ValueError(f"no font {name!r}: choose one of {', '.join(FONTS)}")
    spec = find_spec("matplotlib")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("page images need the fonts in the package matplotlib: install it")
    return ImageFont.truetype(
        str(Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / f"{name}.ttf"), round(_POINTS * dpi / 72)
    )


@lru_cache(maxsize=65536)
def _width(name: str, word: str) -> float:
    return float(_font(name, _LAYOUT_DPI).getlength(word))


def _wrapped(line: str, font: str) -> list[str]:
    room = (_WIDTH - 2 * _MARGIN) * _LAYOUT_DPI * 0.98
    if _width(font, line) <= room:
        return [line]
    space = _width(font, " ")
    lines, now, used = [], "", 0.0
    for word in line.split(" "):
        wide = _width(font, word)
        if now and used + space + wide > room:
            lines.append(now)
            now, used = word, wide
        else:
            now, used = (f"{now} {word}", used + space + wide) if now else (word, wide)
    return [*lines, now]


def paginate(text: str, font: str = "DejaVuSans", headed: bool = True) -> list[list[str]]:
    """Break text into pages of lines that fit a letter page. At least one page."""
    room = int((_HEIGHT - 2 * _MARGIN) * 72 / (_POINTS * _LEADING)) - (_HEADER_LINES if headed else 0)
    lines = [piece for line in text.rstrip().split("\n") for piece in _wrapped(line, font)]
    return [lines[at : at + room] for at in range(0, len(lines), room)] or [[]]


def render_page(lines: list[str], font: str, dpi: int, header: tuple[str, ...] = ()) -> Image.Image:
    """Draw one page, 8-bit gray, black on white."""
    image = Image.new("L", (round(_WIDTH * dpi), round(_HEIGHT * dpi)), 255)
    draw = ImageDraw.Draw(image)
    face = _font(font, dpi)
    step = _POINTS * _LEADING * dpi / 72
    left = top = _MARGIN * dpi
    for number, line in enumerate(header):
        draw.text((left, top + number * step), line, font=face, fill=0)
    if header:
        rule = top + (len(header) + 0.25) * step
        draw.line((left, rule, (_WIDTH - _MARGIN) * dpi, rule), fill=0, width=max(1, dpi // 100))
        top += _HEADER_LINES * step
    for number, line in enumerate(lines):
        if line:
            draw.text((left, top + number * step), line, font=face, fill=0)
    return image


def render_text(
    text: str, font: str = "DejaVuSans", dpi: int = 170, header: PageHeader | None = None
) -> list[Image.Image]:
    """Draw text on as many letter pages as it needs.

    Args:
        text: lines are wrapped to the page.
        font: one of `FONTS`.
        dpi: resolution, 100 to 300.
        header: printed on every page with its page number.
    """
    pages = paginate(text, font, header is not None)
    return [
        render_page(lines, font, dpi, header.lines(n, len(pages)) if header else ()) for n, lines in enumerate(pages, 1)
    ]


def apply_fault(image: Image.Image, fault: str, rng: np.random.Generator) -> Image.Image:
    """Spoil a page image as a scanner or a mail room does; returns a new image.

    `fault` is one of `PAGE_FAULTS`; "rotated" draws one of the three turns. `rotated_90` is a sheet that lies turned 90
    degrees clockwise.
    """
    if fault == "rotated":
        fault = ("rotated_90", "rotated_180", "rotated_270")[int(rng.random() * 3)]
    if fault not in PAGE_FAULTS:
        raise ValueError(f"no page fault {fault!r}: choose one of {', '.join(PAGE_FAULTS)}")
    if fault == "skew":
        angle = (1 + 2 * rng.random()) * (1 if rng.random() < 0.5 else -1)
        return image.rotate(angle, Image.Resampling.BILINEAR, fillcolor=255)
    if fault == "noise":
        return _noise(image, rng, 0.012)
    if fault == "blur":
        return image.filter(ImageFilter.GaussianBlur(image.width / 1275 * (1.1 + 0.5 * rng.random())))
    if fault == "stain":
        return _stain(image, rng)
    if fault.startswith("rotated_"):
        turn = {"90": Image.Transpose.ROTATE_270, "180": Image.Transpose.ROTATE_180, "270": Image.Transpose.ROTATE_90}
        return image.transpose(turn[fault[8:]])
    if fault == "low_contrast":
        return image.point([int(176 + 34 * v / 255) for v in range(256)])
    if fault == "blank":
        return _noise(Image.new("L", image.size, 252), rng, 0.0002)
    return image.copy()


def worn(image: Image.Image, dpi: int, rng: np.random.Generator) -> Image.Image:
    """The page as a worn scanner gives it: 62 to 76 dots an inch whatever it says, dirty glass, fading to one side."""
    share = (62 + 14 * rng.random()) / dpi
    coarse = image.resize((round(image.width * share), round(image.height * share)), Image.Resampling.BOX)
    pixels = np.array(coarse.resize(image.size, Image.Resampling.BILINEAR), dtype=np.float32)
    for _ in range(4):
        at, wide = int(rng.random() * pixels.shape[1]), 1 + int(rng.random() * 3)
        pixels[:, at : at + wide] = np.minimum(pixels[:, at : at + wide], 90 + 60 * rng.random())
    ink = 1 - 0.45 * rng.random() * np.linspace(0, 1, pixels.shape[1])
    return Image.fromarray((255 - (255 - pixels) * ink).astype(np.uint8))


def _noise(image: Image.Image, rng: np.random.Generator, share: float) -> Image.Image:
    pixels = np.array(image)
    count = int(pixels.size * share)
    rows, columns = rng.integers(0, pixels.shape[0], count), rng.integers(0, pixels.shape[1], count)
    pixels[rows, columns] = np.where(rng.random(count) < 0.5, 60, 255).astype(np.uint8)
    return Image.fromarray(pixels)


def _stain(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A coffee ring and its wet inside: darker paper, text still beneath."""
    pixels = np.array(image, dtype=np.float32)
    height, width = pixels.shape
    radius = width * (0.12 + 0.08 * rng.random())
    middle = (height * (0.3 + 0.4 * rng.random()), width * (0.3 + 0.4 * rng.random()))
    rows, columns = np.ogrid[:height, :width]
    away = np.hypot(rows - middle[0], columns - middle[1]) / radius
    shade = np.where(away < 1, 0.86, 1.0) * np.where(np.abs(away - 1) < 0.05, 0.72, 1.0)
    return Image.fromarray((pixels * shade).astype(np.uint8))
