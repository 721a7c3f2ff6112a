"""Columns of prose are told from the columns of a table before anything is read."""

from __future__ import annotations

import textwrap
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from medcode_ml.intake.columns import blocks


def _page(columns: list[tuple[int, list[str]]], font: str, top: int = 100) -> np.ndarray:
    face = ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts/ttf" / font), 20)
    sheet = Image.new("L", (1275, 1650), 255)
    for x, lines in columns:
        for number, line in enumerate(lines):
            ImageDraw.Draw(sheet).text((x, top + 28 * number), line, fill=0, font=face)
    return np.asarray(sheet)


@pytest.mark.parametrize(
    ("font", "wide"), [("DejaVuSans.ttf", 46), ("DejaVuSerif.ttf", 44), ("DejaVuSansMono.ttf", 40)]
)
def test_two_columns_of_prose_and_the_heading_above_are_three_parts(note, font, wide):
    lines = textwrap.wrap(" ".join(note.split()), wide)
    page = _page([(100, lines), (680, lines[3:])], font, 200)
    page = np.minimum(
        page, _page([(100, ["A letterhead that runs over the whole width of the sheet, over both columns"])], font)
    )
    parts = blocks(page, 11.0)
    assert len(parts) == 3
    head, left, right = parts
    assert head[3] <= left[1] + 20
    assert left[2] == right[0]
    assert 560 < left[2] < 690


def test_a_laboratory_table_is_one_part():
    rows = [("Sodium", "138", "136-145", "mmol/L"), ("White cell count", "5.9", "4.5-11.0", "10^3/uL")] * 9
    page = _page([(x, [row[at] for row in rows]) for at, x in enumerate((100, 450, 700, 950))], "DejaVuSans.ttf")
    assert blocks(page, 11.0) == [(0, 0, 1275, 1650)]


def test_a_list_of_names_and_values_is_one_part():
    names = ["Patient name:", "Date of birth:", "Attending physician:", "Admitted:", "Service:", "Ward:", "Payer:"]
    values = ["Miriam Harlow", "03/14/1951", "Hector Quintanilla, MD", "11/03/2026", "Medicine", "4 West", "Medicare"]
    assert len(blocks(_page([(100, names), (650, values)], "DejaVuSans.ttf"), 11.0)) == 1


def test_a_page_of_plain_lines_and_a_blank_page_are_one_part(drawn, note):
    assert len(blocks(np.asarray(drawn(note)), 11.0)) == 1
    assert len(blocks(np.full((1650, 1275), 255, np.uint8), 0.0)) == 1
