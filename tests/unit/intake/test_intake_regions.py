"""Handwriting, stamps, pictures and unread print are marked with their place and never enter the text as junk."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from medcode_ml.intake.opening import PageImage
from medcode_ml.intake.reading import read_page
from medcode_ml.intake.reading_order import Mark
from medcode_ml.intake.regions import Found, without_junk


@pytest.fixture(scope="module")
def printed(drawn, note) -> np.ndarray:
    return np.asarray(drawn(note, 150)).copy()


def _scribble(page: np.ndarray, x: int, y: int, seed: int) -> tuple[int, int, int, int]:
    """A joined-up signature of loops."""
    rng = np.random.default_rng(seed)
    turn = np.linspace(0, 9 * np.pi, 260)
    across = x + np.linspace(0, 300, 260) + 22 * np.cos(turn)
    down = y + rng.uniform(18, 34) * np.sin(turn) * np.interp(turn, [0, 3, 20, 29], [1.6, 0.6, 1.2, 0.4])
    points = np.stack([across, down], axis=1).round().astype(np.int32)
    cv2.polylines(page, [points], False, 20, 2, cv2.LINE_AA)
    return int(points[:, 0].min()), int(points[:, 1].min()), int(points[:, 0].max()), int(points[:, 1].max())


def _overlap(one, other) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0) * max(high, 0) / ((other[2] - other[0]) * (other[3] - other[1]))


def test_a_page_of_print_has_no_marked_part(printed):
    assert read_page(PageImage(printed)).regions == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_signature_is_marked_as_handwriting_and_adds_no_words(printed, seed):
    page = printed.copy()
    box = _scribble(page, 200, 1200, seed)
    before, after = read_page(PageImage(printed)), read_page(PageImage(page))
    assert after.text == before.text
    assert any(r["kind"] == "handwriting" and _overlap(r["box"], box) > 0.8 for r in after.regions)


def test_a_tilted_round_stamp_is_marked(printed):
    page = printed.copy()
    cv2.ellipse(page, (850, 1250), (190, 90), -12, 0, 360, 60, 3, cv2.LINE_AA)
    regions = read_page(PageImage(page)).regions
    assert any(r["kind"] == "stamp" and _overlap(r["box"], (670, 1150, 1030, 1350)) > 0.8 for r in regions)


def test_a_photograph_is_marked_and_its_texture_not_read(printed):
    page = printed.copy()
    rng = np.random.default_rng(4)
    page[1000:1400, 300:800] = cv2.GaussianBlur(rng.integers(0, 130, (400, 500)).astype(np.uint8), (0, 0), 4)
    reading = read_page(PageImage(page))
    assert any(r["kind"] == "picture" and _overlap(r["box"], (300, 1000, 800, 1400)) > 0.8 for r in reading.regions)
    assert reading.text.split() == read_page(PageImage(printed)).text.split()


def test_only_words_read_with_little_confidence_are_left_out_of_a_marked_part():
    marks = [
        Mark("Jones", 95.0, 10, 10, 60, 30, 0),
        Mark("~Qy", 20.0, 70, 10, 90, 30, 0),
        Mark("x1", 20.0, 300, 10, 320, 30, 0),
    ]
    kept = without_junk(marks, [Found("handwriting", (0, 0, 100, 40))])
    assert [m.text for m in kept] == ["Jones", "x1"]
