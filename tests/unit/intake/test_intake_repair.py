"""Orientation, skew, noise and grey levels of a page, and the way back to its own pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medcode_ml.intake.borders import without_borders
from medcode_ml.intake.engine import legibility
from medcode_ml.intake.opening import PageImage
from medcode_ml.intake.repair import measure, repair


@pytest.fixture(scope="module")
def sheet(drawn, note):
    return drawn(note)


@pytest.mark.parametrize("degrees", [-4.7, -2.0, -0.6, 0.0, 0.4, 1.3, 3.0, 5.0])
def test_skew_is_found_to_a_tenth_of_a_degree(sheet, turn, degrees):
    repaired = repair(PageImage(np.asarray(turn(sheet, degrees))), legibility)
    assert repaired.skew == pytest.approx(degrees, abs=0.11)
    assert repaired.rotation == 0


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rule_39_every_orientation_is_found(sheet, turn, degrees):
    repaired = repair(PageImage(np.asarray(turn(sheet, degrees))), legibility)
    assert repaired.rotation == degrees


@pytest.mark.parametrize("text", ["Chest pain resolved.", "No acute distress.\nLungs clear.", "PATIENT CONSENT"])
@pytest.mark.parametrize("degrees", [90, 180])
def test_rule_39_orientation_of_pages_with_a_line_or_two(drawn, turn, text, degrees):
    repaired = repair(PageImage(np.asarray(turn(drawn(text), degrees))), legibility)
    assert repaired.rotation == degrees


@pytest.mark.parametrize("degrees", [0, 90, 180, 270, 2.5])
def test_a_point_of_the_repaired_page_leads_back_to_the_delivered_one(turn, degrees):
    from PIL import Image

    sheet = Image.new("L", (1200, 1600), 255)
    sheet.paste(0, (300, 200, 340, 220))  # the one mark on the page
    delivered = np.asarray(turn(sheet, degrees))
    repaired = repair(PageImage(delivered), lambda strip: 0.0)
    y, x = (values.mean() for values in np.nonzero(repaired.pixels < 128))
    there = repaired.to_delivered @ np.array([x, y, 1.0])
    true_y, true_x = (values.mean() for values in np.nonzero(delivered < 128))
    assert there[:2] == pytest.approx((true_x, true_y), abs=1.5)


def test_noise_shade_and_faint_ink_are_told_apart(sheet):
    rng = np.random.default_rng(5)
    clean = np.asarray(sheet)
    chance = rng.random(clean.shape)
    peppered = np.where(chance < 0.01, 0, np.where(chance > 0.99, 255, clean)).astype(np.uint8)
    grainy = np.clip(clean + rng.normal(0, 25, clean.shape), 0, 255).astype(np.uint8)
    faint = (170 + clean * (30 / 255)).astype(np.uint8)
    assert measure(clean)["speckles"] < 5
    assert measure(clean)["grain"] < 1
    assert measure(peppered)["speckles"] > 1000
    assert measure(grainy)["grain"] > 10
    assert measure(faint)["contrast"] < 40 < 200 < measure(clean)["contrast"]


def test_negative_is_turned_positive_and_a_dark_page_is_not(sheet):
    clean = np.asarray(sheet)
    negative = repair(PageImage(255 - clean), legibility)
    assert negative.figures["inverted"] == 1
    assert np.median(negative.pixels) > 200
    dim = (40 + clean * (50 / 255)).astype(np.uint8)
    assert repair(PageImage(dim), legibility).figures["inverted"] == 0


def test_a_blank_sheet_becomes_white_paper():
    blank = np.full((1650, 1275), 250, np.uint8)
    repaired = repair(PageImage(blank), legibility)
    assert (repaired.rotation, repaired.skew) == (0, 0.0)
    assert repaired.figures["ink_share"] == 0
    assert (repaired.pixels == 255).all()


@pytest.mark.parametrize("font", ["DejaVuSansMono.ttf", "DejaVuSerif.ttf"])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rule_39_letters_alone_tell_how_a_full_page_lies(drawn, turn, note, font, degrees):
    """Fonts of one width stand in columns too: a profile of the page would take them for lines."""

    def asked(strip: np.ndarray) -> float:
        raise AssertionError("the reader was asked")

    repaired = repair(PageImage(np.asarray(turn(drawn(f"{note}\n\n{note}", 150, 10, font), degrees))), asked)
    assert repaired.rotation == degrees


def test_lid_and_punch_holes_are_painted_over_and_print_is_not(sheet):
    import cv2

    clean = np.asarray(sheet)
    page = cv2.copyMakeBorder(clean, 60, 30, 45, 0, cv2.BORDER_CONSTANT, value=6)
    for row in (500, 1200):
        cv2.circle(page, (45 + 50, row), 20, 10, -1)
    assert (without_borders(clean, 255.0) == clean).all()
    freed = without_borders(page, 255.0)
    assert freed[60 : 60 + clean.shape[0], 45:].min(axis=None) < 60
    inside = freed[70:-40, 60:]
    assert np.abs(inside.astype(int) - np.where(page[70:-40, 60:] < 20, inside, page[70:-40, 60:])).max() == 0
    assert freed[:50].min() > 240
    assert freed[480:520, 75:115].min() > 240


def test_a_standard_fax_whose_file_says_nothing_is_stretched(drawn, note):
    from PIL import Image

    small = drawn(note, 200, 11).resize((1728, 1078), Image.Resampling.BOX).point(lambda v: 255 * (v > 150))
    repaired = repair(PageImage(np.asarray(small)), legibility)
    assert repaired.pixels.shape[0] > repaired.pixels.shape[1]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    quarter=st.sampled_from([0, 90, 180, 270]),
    skew=st.floats(-6, 6),
    across=st.integers(150, 1000),
    down=st.integers(150, 1400),
    dpi=st.sampled_from([None, (204.0, 98.0), (300.0, 300.0)]),
)
def test_any_point_leads_back_whatever_was_repaired(turn, quarter, skew, across, down, dpi):
    from PIL import Image

    sheet = Image.new("L", (1200, 1600), 255)
    sheet.paste(0, (across, down, across + 30, down + 16))
    delivered = np.asarray(turn(turn(sheet, quarter), skew))
    repaired = repair(PageImage(delivered, dpi=dpi), lambda strip: 0.0)
    y, x = (values.mean() for values in np.nonzero(repaired.pixels < 128))
    there = repaired.to_delivered @ np.array([x, y, 1.0])
    true_y, true_x = (values.mean() for values in np.nonzero(delivered < 128))
    assert there[:2] == pytest.approx((true_x, true_y), abs=1.5)
