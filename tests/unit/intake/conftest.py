"""Small pages drawn for the tests: printed text at 150 dpi in the fonts that matplotlib ships."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from rapidfuzz.distance import Levenshtein

HEADER = "Patient: Harlow, Miriam    MRN: 00482913    DOB: 03/14/1951"
NOTE = """DISCHARGE SUMMARY

The patient is a 74-year-old woman with known systolic heart failure who came to the
emergency department with three days of worsening dyspnea and swelling of both legs.
She was given intravenous furosemide and lost four kilograms over five days.

Chest radiograph showed pulmonary edema and a small left pleural effusion. Creatinine
rose from 1.1 to 1.8 mg/dL and returned to 1.2 before discharge. Atrial fibrillation
was rate controlled with metoprolol 50 mg twice daily.

Discharged home with oral furosemide 40 mg daily and a visit to the heart failure clinic
on 11/20/2026. Weight on the day of discharge was 68.4 kg."""


def draw(text: str, dpi: int = 150, points: float = 10, font: str = "DejaVuSans.ttf") -> Image.Image:
    """A letter-size sheet with `text`, lines as given."""
    sheet = Image.new("L", (int(8.5 * dpi), 11 * dpi), 255)
    size = round(points * dpi / 72)
    face = ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / font), size)
    pen = ImageDraw.Draw(sheet)
    for row, line in enumerate(text.split("\n")):
        pen.text((int(0.7 * dpi), int(0.7 * dpi) + round(row * size * 1.3)), line, fill=0, font=face)
    return sheet


def turned(sheet: Image.Image, degrees_clockwise: float) -> Image.Image:
    """The sheet turned clockwise; what comes into view is white."""
    exact = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
    if degrees_clockwise in exact:
        return sheet.transpose(exact[int(degrees_clockwise)])
    return sheet.rotate(-degrees_clockwise, Image.Resampling.BICUBIC, fillcolor=255)


def character_error(read: str, true: str) -> float:
    """Edit distance by length after folding whitespace."""
    read, true = " ".join(read.split()), " ".join(true.split())
    return Levenshtein.distance(read, true) / len(true)


@pytest.fixture(scope="session")
def drawn() -> Callable[..., Image.Image]:
    return draw


@pytest.fixture(scope="session")
def turn() -> Callable[[Image.Image, float], Image.Image]:
    return turned


@pytest.fixture(scope="session")
def errors() -> Callable[[str, str], float]:
    return character_error


@pytest.fixture(scope="session")
def note() -> str:
    return NOTE


@pytest.fixture(scope="session")
def header() -> str:
    return HEADER


@pytest.fixture
def pixels() -> Callable[[Image.Image], np.ndarray]:
    return lambda image: np.asarray(image.convert("L"))
