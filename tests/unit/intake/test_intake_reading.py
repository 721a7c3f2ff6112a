"""What a page says: character error by fault, reading order, and words that lead back to text and sheet."""

from __future__ import annotations

import textwrap

import numpy as np
import pytest
from PIL import Image

from medcode_ml.intake.opening import PageImage
from medcode_ml.intake.reading import read_page


@pytest.fixture(scope="module")
def sheet(drawn, header, note):
    return drawn(f"{header}\n\n{note}")


@pytest.fixture(scope="module")
def said(header, note):
    return f"{header}\n\n{note}"


@pytest.mark.parametrize("font", ["DejaVuSans.ttf", "DejaVuSerif.ttf", "DejaVuSansMono.ttf"])
@pytest.mark.parametrize("dpi", [150, 200])
def test_clean_print_has_at_most_one_character_error_in_a_hundred(drawn, errors, said, font, dpi):
    reading = read_page(PageImage(np.asarray(drawn(said, dpi, 9, font))))
    assert errors(reading.text, said) <= 0.01
    assert reading.confidence > 85


def _noisy(pixels: np.ndarray, grain: float, specks: float) -> np.ndarray:
    rng = np.random.default_rng(11)
    chance = rng.random(pixels.shape)
    noisy = np.clip(pixels + rng.normal(0, grain, pixels.shape), 0, 255)
    return np.where(chance < specks / 2, 0, np.where(chance > 1 - specks / 2, 255, noisy)).astype(np.uint8)


@pytest.mark.parametrize(
    ("fault", "limit"),
    [
        ("skew", 0.01),
        ("turned_and_skewed", 0.01),
        ("faint", 0.01),
        ("half_size", 0.01),
        ("noise", 0.02),
        ("both", 0.04),
    ],
)
def test_faulty_pages_are_repaired_before_they_are_read(sheet, turn, errors, said, fault, limit):
    made = {
        "skew": lambda: np.asarray(turn(sheet, 2.2)),
        "turned_and_skewed": lambda: np.asarray(turn(turn(sheet, 270), -1.5)),
        "faint": lambda: (150 + np.asarray(sheet) * (45 / 255)).astype(np.uint8),
        "half_size": lambda: np.asarray(sheet.resize((sheet.width // 2, sheet.height // 2), Image.Resampling.BOX)),
        "noise": lambda: _noisy(np.asarray(sheet), 25, 0.01),
        "both": lambda: _noisy(np.asarray(turn(sheet, 3.0)), 40, 0.03),
    }[fault]()
    assert errors(read_page(PageImage(made)).text, said) <= limit


def test_a_standard_fax_is_read_in_its_true_proportions(drawn, errors, note):
    fax = drawn(note, 200, 11).resize((1728, 1078), Image.Resampling.BOX).point(lambda v: 255 * (v > 150))
    assert errors(read_page(PageImage(np.asarray(fax), dpi=(204, 98))).text, note) <= 0.06


@pytest.mark.parametrize("degrees", [0, 90, 180, 270, -3.0])
def test_words_lie_where_they_are_printed_and_where_the_text_says(sheet, turn, degrees):
    delivered = np.asarray(turn(sheet, degrees))
    reading = read_page(PageImage(delivered))
    assert all(reading.text[w["start"] : w["end"]] == w["text"] for w in reading.words)
    assert [w["start"] for w in reading.words] == sorted(w["start"] for w in reading.words)
    boxes = np.array([w["box"] for w in reading.words])
    assert (boxes[:, :2] < boxes[:, 2:]).all()
    assert (boxes >= 0).all()
    assert boxes[:, [0, 2]].max() <= delivered.shape[1]
    assert boxes[:, [1, 3]].max() <= delivered.shape[0]
    covered = np.zeros(delivered.shape, bool)
    for x0, y0, x1, y1 in boxes:
        covered[y0:y1, x0:x1] = True
    ink = delivered < 128
    assert (ink & covered).sum() > 0.98 * ink.sum()
    assert covered.mean() < 0.3
    # one known word: its box on the turned sheet holds the ink of that word and little else
    (word,) = [w for w in reading.words if w["text"] == "furosemide" and reading.text[w["end"] :].startswith(" 40")]
    x0, y0, x1, y1 = word["box"]
    long, short = sorted((x1 - x0, y1 - y0), reverse=True)
    assert 80 < long < 180
    assert short < 45


def test_rows_of_a_laboratory_table_stay_together():
    rows = [("Sodium", "138", "mmol/L"), ("Potassium", "5.9", "mmol/L"), ("Creatinine", "2.41", "mg/dL")]
    reading = read_page(PageImage(np.asarray(_table([("Test", "Result", "Unit"), *rows] * 3))))
    lines = reading.text.splitlines()
    for row in rows:
        assert " ".join(row) in lines


def _table(rows: list[tuple[str, ...]], columns: tuple[int, ...] = (110, 450, 700), pitch: int = 32) -> Image.Image:
    from pathlib import Path

    import matplotlib
    from PIL import ImageDraw, ImageFont

    sheet = Image.new("L", (1275, 1650), 255)
    face = ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"), 20)
    for number, row in enumerate(rows):
        for x, cell in zip(columns, row, strict=True):
            ImageDraw.Draw(sheet).text((x, 100 + number * pitch), cell, fill=0, font=face)
    return sheet


def test_columns_of_prose_are_read_one_after_the_other(note, errors):
    prose = " ".join(note.split())
    left, right = textwrap.wrap(prose, 40), textwrap.wrap(prose[::1].replace("patient", "lady"), 40)
    rows = list(zip(left, right, strict=False))
    reading = read_page(PageImage(np.asarray(_table(rows, (100, 680)))))
    in_order = "\n".join(a for a, _ in rows) + "\n" + "\n".join(b for _, b in rows)
    assert errors(reading.text, in_order) < 0.02


def test_paragraphs_are_separated_by_a_blank_line(sheet, said):
    reading = read_page(PageImage(np.asarray(sheet)))
    assert [p.split()[0] for p in reading.text.split("\n\n")] == [p.split()[0] for p in said.split("\n\n")]


def test_headings_with_a_row_of_dashes_beneath_are_read(drawn, errors):
    parts = ["Present Illness", "Meds on Admission", "Examination", "Assessment and Plan", "Data"]
    printed = "\n\n".join(f"{part}\n{'-' * len(part)}\nNo change since the last visit." for part in parts)
    for font in ("DejaVuSans.ttf", "DejaVuSansMono.ttf"):
        read = read_page(PageImage(np.asarray(drawn(printed, 150, 10, font)))).text
        without_rules = "\n".join(line for line in printed.split("\n") if not line.startswith("--"))
        assert errors(read, without_rules) <= 0.01, font


def test_items_of_a_numbered_list_keep_their_numbers(drawn, errors):
    items = ["gout", "anxiety", "DM2 with polyneuropathy", "on metformin", "current smoker", "prior CVA", "asthma"]
    printed = "Past Medical History\n" + "\n".join(f"{n}. {item}" for n, item in enumerate(items, 1))
    assert errors(read_page(PageImage(np.asarray(drawn(printed, 200, 10, "DejaVuSansMono.ttf")))).text, printed) <= 0.02


def test_a_page_of_noise_is_given_up_instead_of_read_for_a_minute():
    rng = np.random.default_rng(7)
    chance = rng.random((1650, 1275))
    reading = read_page(PageImage(np.where(chance < 0.25, 0, np.where(chance > 0.75, 255, 200)).astype(np.uint8)))
    assert reading.confidence < 65
    assert reading.seconds < 30


def test_a_page_without_writing_has_no_words():
    reading = read_page(PageImage(np.full((1650, 1275), 252, np.uint8)))
    assert (reading.text, reading.words, reading.confidence) == ("", [], 0.0)


def test_reading_does_not_depend_on_the_page_before(sheet, turn):
    alone = read_page(PageImage(np.asarray(sheet)))
    read_page(PageImage(_noisy(np.asarray(turn(sheet, 180)), 50, 0.05)))
    again = read_page(PageImage(np.asarray(sheet)))
    assert (again.text, again.words, again.quality) == (alone.text, alone.words, alone.quality)


def test_the_engine_stops_when_its_time_is_over(drawn, said):
    page = PageImage(np.asarray(drawn("\n".join([said] * 3), 200, 6)))
    assert read_page(page).finished
    assert not read_page(page, 0.2).finished


@pytest.mark.parametrize(("font", "dpi"), [("DejaVuSans.ttf", 150), ("DejaVuSerif.ttf", 300)])
def test_dots_of_a_list_are_read_as_bullets_and_dashes_stay_dashes(drawn, font, dpi):
    drugs = ["Furosemide 40 mg by mouth twice daily", "Lisinopril 10 mg once daily", "Apixaban 5 mg twice daily"]
    for sign in ("\u2022", "-"):
        printed = "Discharge medications:\n" + "\n".join(f"{sign} {drug}" for drug in drugs)
        lines = read_page(PageImage(np.asarray(drawn(printed, dpi, 11, font)))).text.split("\n")
        assert [line for line in lines if line][1:] == [f"{sign} {drug}" for drug in drugs]
