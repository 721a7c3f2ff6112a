"""PDF text layers: used where they are sound, left aside where the page would be misread by them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pypdf
import pytest
from reportlab.lib.pagesizes import letter
from reportlab.pdfgen.canvas import Canvas

from medcode_ml.intake.opening import open_page
from medcode_ml.intake.reading import read_page
from medcode_ml.intake.text_layer import SOUND


def _printed(path: Path, lines: list[str], *, picture=None, mode: int = 0, left: float = 72) -> Path:
    sheet = Canvas(str(path), pagesize=letter)
    if picture is not None:
        sheet.drawInlineImage(picture, 0, 0, *letter)
    text = sheet.beginText(left, 720)
    text.setTextRenderMode(mode)
    text.setFont("Times-Roman", 11)
    for line in lines:
        text.textLine(line)
    sheet.drawText(text)
    sheet.save()
    return path


@pytest.fixture(scope="module")
def lines(note) -> list[str]:
    return note.split("\n")


def test_a_sound_layer_is_the_text_and_its_boxes_hold_the_ink(tmp_path, lines, note):
    page = open_page(_printed(tmp_path / "born.pdf", lines), 1)
    reading = read_page(page)
    assert reading.quality["text_layer"] >= SOUND
    assert reading.text.split() == note.split()
    assert reading.confidence == 100
    covered = np.zeros(page.pixels.shape, bool)
    for word in reading.words:
        x0, y0, x1, y1 = word["box"]
        covered[y0:y1, x0:x1] = True
        assert (page.pixels[y0:y1, x0:x1] < 128).any(), word["text"]
        assert reading.text[word["start"] : word["end"]] == word["text"]
    ink = page.pixels < 128
    assert (ink & covered).sum() > 0.99 * ink.sum()


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_words_of_a_page_shown_turned_lie_on_the_page_as_shown(tmp_path, lines, note, degrees):
    writer = pypdf.PdfWriter(clone_from=_printed(tmp_path / "born.pdf", lines))
    writer.pages[0].rotate(degrees)
    writer.write(tmp_path / "turned.pdf")
    page = open_page(tmp_path / "turned.pdf", 1)
    reading = read_page(page)
    assert reading.rotation == degrees
    assert reading.text.split() == note.split()
    x0, y0, x1, y1 = next(w["box"] for w in reading.words if w["text"] == "furosemide")
    assert (page.pixels[y0:y1, x0:x1] < 128).mean() > 0.05


def test_an_invisible_layer_that_says_something_else_is_not_believed(tmp_path, drawn, lines, note, errors):
    wrong = [line.replace("heart", "liver").replace("left", "right") for line in lines]
    path = _printed(tmp_path / "scan.pdf", wrong, picture=drawn(note, 200), mode=3)
    reading = read_page(open_page(path, 1))
    assert reading.quality["text_layer"] < SOUND
    assert errors(reading.text, note) < 0.01


def test_a_layer_that_covers_only_a_line_of_a_scan_is_not_enough(tmp_path, drawn, note, errors):
    path = _printed(
        tmp_path / "stamped.pdf", ["Received by the records office on 11/20/2026"], picture=drawn(note, 200)
    )
    reading = read_page(open_page(path, 1))
    assert reading.quality["text_layer"] < SOUND
    assert "furosemide" in reading.text


def test_garbage_from_a_font_without_its_letters_is_read_from_the_picture(tmp_path, lines, note, errors):
    # a subset font whose map is lost: the picture is right, the layer is shifted by three letters
    path = _printed(tmp_path / "born.pdf", ["".join(chr(ord(c) + 3) if c.isalpha() else c for c in x) for x in lines])
    reading = read_page(open_page(path, 1))
    assert reading.quality["text_layer"] < SOUND
