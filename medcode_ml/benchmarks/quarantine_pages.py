"""Sheets for measuring the page gates: layouts and fonts unlike the simulator's, scanner faults, damaged files.

Belongs here: drawing and spoiling. Which page is expected to be set aside is `quarantine_kinds`; measuring is
`quarantine`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

WIDTH, HEIGHT = 8.5, 11.0  # inches
#: fonts of the system, tried in this order of folders; what is not installed is left out
_FONTS: Final = (
    "liberation/LiberationSans-Regular.ttf",
    "liberation/LiberationSerif-Regular.ttf",
    "liberation/LiberationMono-Regular.ttf",
    "liberation/LiberationSansNarrow-Regular.ttf",
    "crosextra/Carlito-Regular.ttf",
    "crosextra/Caladea-Regular.ttf",
    "dejavu/DejaVuSansCondensed.ttf",
)
LAYOUTS: Final = ("line", "fields", "table", "stacked", "footer", "letter", "corner", "split", "spaced")


@dataclass(frozen=True)
class Patient:
    """Who a sheet is printed for."""

    first: str
    last: str
    mrn: str
    born: date
    sex: str = "F"
    middle: str = ""

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"


@lru_cache(maxsize=1)
def fonts() -> tuple[str, ...]:
    """Paths of the fonts found: those of the system, or matplotlib's where there are none."""
    found = [str(Path("/usr/share/fonts/truetype") / name) for name in _FONTS]
    found = [path for path in found if Path(path).exists()]
    spec = find_spec("matplotlib")
    if not found and spec is not None and spec.origin is not None:
        found = [str(Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf")]
    return tuple(found)


@lru_cache(maxsize=64)
def _face(path: str, pixels: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, pixels)


class Sheet:
    """A letter page being printed, from the top downwards."""

    def __init__(self, font: int = 0, dpi: int = 150, points: float = 10.5) -> None:
        self.dpi, self.size = dpi, round(points * dpi / 72)
        self._font = fonts()[font % len(fonts())]
        self.image = Image.new("L", (round(WIDTH * dpi), round(HEIGHT * dpi)), 255)
        self.pen = ImageDraw.Draw(self.image)
        self.y = 0.6 * dpi

    def text(self, text: str, x: float = 0.75, size: float = 1.0) -> Sheet:
        """Print one line at `x` inches."""
        face = _face(self._font, round(self.size * size))
        self.pen.text((x * self.dpi, self.y), text, font=face, fill=0)
        self.y += 1.35 * self.size * size
        return self

    def cells(self, cells: Sequence[str], rule: bool = False, size: float = 1.0) -> Sheet:
        """Print texts side by side in columns of one width."""
        top, step = self.y, 7.0 / len(cells)
        for number, cell in enumerate(cells):
            self.y = top
            self.text(cell, 0.75 + number * step + 0.04, size)
        if rule:
            bottom = self.y + 0.1 * self.size
            for number in range(len(cells)):
                left = (0.75 + number * step) * self.dpi
                self.pen.rectangle((left, top - 3, left + step * self.dpi, bottom), outline=0, width=2)
            self.y = bottom + 4
        return self

    def gap(self, lines: float = 1.0) -> Sheet:
        """Leave room."""
        self.y += lines * 1.35 * self.size
        return self

    def body(self, lines: Sequence[str]) -> Sheet:
        """Print running text, wrapped, down to the foot of the page."""
        face, room = _face(self._font, self.size), 7.0 * self.dpi
        for line in lines:
            now = ""
            for word in line.split(" "):
                longer = f"{now} {word}" if now else word
                if now and face.getlength(longer) > room:
                    self._line(now)
                    now = word
                else:
                    now = longer
            self._line(now)
        return self

    def _line(self, text: str) -> None:
        if self.y < (HEIGHT - 1.1) * self.dpi:
            self.text(text)


def birth_text(born: date, style: int) -> str:
    """A birth date as forms print it."""
    return (
        f"{born:%m/%d/%Y}",
        f"{born.month}/{born.day}/{born:%y}",
        f"{born:%Y-%m-%d}",
        f"{born:%d %b %Y}",
        f"{born:%B} {born.day}, {born.year}",
    )[style % 5]


def mrn_text(mrn: str, style: int) -> str:
    """A record number as forms print it: plain, hyphened, without leading zeros."""
    return (mrn, f"{mrn[:2]}-{mrn[2:5]}-{mrn[5:]}", mrn.lstrip("0"))[style % 3]


def identified(sheet: Sheet, who: Patient, layout: str, style: int = 0, what: str = "nmb") -> Sheet:
    """Print the identifiers `what` (n name, m MRN, b birth date) in one of `LAYOUTS`."""
    name = (f"{who.last}, {who.first} {who.middle}".strip(), who.name, f"{who.last.upper()}, {who.first.upper()}")[
        style % 3
    ]
    mrn, born = mrn_text(who.mrn, style), birth_text(who.born, style)
    labels = (
        {"n": "Patient", "m": "MRN", "b": "DOB"},
        {"n": "Patient Name", "m": "Medical Record No.", "b": "Date of Birth"},
        {"n": "Name", "m": "MR#", "b": "D.O.B."},
        {"n": "PATIENT", "m": "Med Rec #", "b": "Birth Date"},
    )[style % 4]
    values = {"n": name, "m": mrn, "b": born}
    if layout == "line":
        return sheet.text("   ".join(f"{labels[k]}: {values[k]}" for k in what)).gap()
    if layout == "spaced":  # no colons
        return sheet.text("     ".join(f"{labels[k]} {values[k]}" for k in what)).gap()
    if layout == "fields":
        for k, beside in zip(what, ("Room: 4W-12", "Sex: F", "Age: 71"), strict=False):
            sheet.cells([f"{labels[k]}: {values[k]}", beside])
        return sheet.gap()
    if layout in ("table", "stacked"):
        extra = ("Admitted", "11/02/2026") if layout == "table" else ("Account", "7710-88213")
        sheet.cells([labels[k] for k in what] + [extra[0]], rule=layout == "table", size=0.8)
        return sheet.cells([values[k] for k in what] + [extra[1]], rule=layout == "table").gap()
    if layout == "footer":
        top = sheet.y
        sheet.y = (HEIGHT - 0.7) * sheet.dpi
        sheet.text("   ".join(f"{labels[k]}: {values[k]}" for k in what), size=0.85)
        sheet.y = top
        return sheet
    if layout == "letter":
        title = "Mr." if who.sex == "M" else "Ms."
        said = {"n": f"{title} {who.name}", "b": f"DOB {born}", "m": f"Med Rec No. {mrn}"}
        return sheet.text("RE: " + ", ".join(said[k] for k in what)).gap()
    if layout == "corner":  # the addressograph plate
        said = {
            "n": f"{who.last.upper()}, {who.first.upper()}",
            "m": f"MRN {mrn}",
            "b": f"DOB {who.born:%m/%d/%Y} {who.sex}",
        }
        for k in what:
            sheet.text(said[k], x=5.2)
        return sheet.gap()
    if layout == "split":
        said = {
            "n": f"Last Name: {who.last}    First Name: {who.first}", "m": f"MRN: {mrn}", "b": f"Date of birth: {born}"
        }  # fmt: skip
        return sheet.text("    ".join(said[k] for k in what)).gap()
    raise ValueError(f"no layout {layout!r}: choose one of {', '.join(LAYOUTS)}")


# --- faults of scanners and phones ------------------------------------------------------------------------------------


def skewed(image: Image.Image, degrees: float) -> Image.Image:
    return image.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=255)


def faded(image: Image.Image, low: int, high: int) -> Image.Image:
    return image.point([int(low + (high - low) * v / 255) for v in range(256)])


def grainy(image: Image.Image, rng: np.random.Generator, sigma: float) -> Image.Image:
    pixels = np.asarray(image, dtype=np.float32)
    return Image.fromarray(np.clip(pixels + rng.normal(0, sigma, pixels.shape), 0, 255).astype(np.uint8))


def specked(image: Image.Image, rng: np.random.Generator, share: float) -> Image.Image:
    pixels = np.array(image)
    chance = rng.random(pixels.shape)
    pixels[chance < share / 2], pixels[chance > 1 - share / 2] = 0, 255
    return Image.fromarray(pixels)


def blurred(image: Image.Image, radius: float) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(radius))


def photographed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Taken with a telephone: perspective, a dark table around the sheet, light from one side, a little grain."""
    pixels = np.asarray(image)
    height, width = pixels.shape
    margin = 0.05 * width
    shifts = rng.uniform(0.2, 1.0, (4, 2)) * margin * 0.6
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    inward = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], np.float32)
    there = (corners + inward * (margin * 0.4 + shifts)).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners, there)
    shot = cv2.warpPerspective(pixels, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=70)
    light = np.linspace(0.72, 1.0, width)[None, :] * np.linspace(1.0, 0.88, height)[:, None]
    return grainy(Image.fromarray((shot * light).astype(np.uint8)), rng, 4)


def saved(image: Image.Image, quality: int) -> Image.Image:
    """Through JPEG and back."""
    data = BytesIO()
    image.save(data, "JPEG", quality=quality)
    return Image.open(BytesIO(data.getvalue())).convert("L")


def scribbled(sheet: Sheet, rng: np.random.Generator, lines: int, top: float, left: float = 0.9) -> Sheet:
    """Handwriting: pen strokes that no reader of print makes words of; `top` in inches."""
    for number in range(lines):
        x, y = left * sheet.dpi, (top + 0.42 * number) * sheet.dpi
        for _ in range(int(rng.integers(3, 7))):
            steps = int(rng.integers(14, 40))
            t = np.linspace(0, steps / 3, steps * 6)
            wave = np.sin(t * rng.uniform(1.6, 2.6)) * 0.08 + np.sin(t * rng.uniform(0.5, 0.9)) * 0.06
            xs = x + t * 0.07 * sheet.dpi + np.cos(t * 2.1) * 0.03 * sheet.dpi
            sheet.pen.line(list(zip(xs.tolist(), (y + wave * sheet.dpi).tolist(), strict=True)), fill=30, width=3)
            x = float(xs[-1]) + 0.15 * sheet.dpi
            if x > 7 * sheet.dpi:
                break
    return sheet


def stamped(image: Image.Image, text: str, at: tuple[float, float], degrees: float = 12) -> Image.Image:
    """A rubber stamp: a frame with words, not straight; `at` in inches from the top left corner."""
    dpi = round(image.width / WIDTH)
    face = _face(fonts()[0], round(0.28 * dpi))
    wide = round(face.getlength(text)) + 40
    stamp = Image.new("L", (wide, round(0.6 * dpi)), 255)
    pen = ImageDraw.Draw(stamp)
    pen.rectangle((4, 4, wide - 5, stamp.height - 5), outline=60, width=4)
    pen.text((20, 0.12 * dpi), text, font=face, fill=60)
    turned = stamp.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    both = image.copy()
    place = (round(at[0] * dpi), round(at[1] * dpi))
    under = both.crop((*place, place[0] + turned.width, place[1] + turned.height))
    both.paste(Image.fromarray(np.minimum(np.asarray(under), np.asarray(turned))), place)
    return both


def bled_through(image: Image.Image, strength: float = 0.09) -> Image.Image:
    """A blank back through which the print of the front shows: mirrored, soft, faint."""
    mirrored = blurred(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), 2.2)
    return mirrored.point([int(250 - (255 - v) * strength) for v in range(256)])
