"""Page images: text on paper and what scanners do to it (rule 39)."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from medcode_ml.simulation.rendering import FONTS, PAGE_FAULTS, PageHeader, apply_fault, paginate, render_text, worn

HEADER = PageHeader("General", "DOE, JANE", "00012345", "01/31/1956", "7001")
TEXT = "\n".join(f"Line {n}: continue metoprolol and recheck in the morning." for n in range(30))


def ink(image: Image.Image) -> float:
    return float((np.array(image) < 128).mean())


@pytest.mark.parametrize("font", FONTS)
def test_text_fills_as_many_letter_pages_as_it_needs(font: str) -> None:
    assert len(render_text(TEXT, font, 100, HEADER)) == 1
    pages = render_text("\n".join([TEXT] * 4), font, 100, HEADER)
    assert len(pages) == len(paginate("\n".join([TEXT] * 4), font)) > 1
    assert pages[0].size == (850, 1100)
    assert all(0.002 < ink(page) < 0.3 for page in pages)


@pytest.mark.parametrize("font", FONTS)
def test_no_line_runs_off_the_page(font: str) -> None:
    page = np.array(render_text("WIDE WORDS MAKE WIDE LINES " * 60, font, 150)[0])
    assert (page[:, -int(0.7 * 150) :] > 200).all()
    assert (
        " ".join(line for lines in paginate("alpha beta " * 400, font) for line in lines).split()
        == ("alpha beta " * 400).split()
    )


@pytest.mark.parametrize("fault", [f for f in PAGE_FAULTS if f != "clean"])
def test_every_fault_changes_the_page_and_repeats_with_its_seed(fault: str) -> None:
    page = render_text(TEXT, dpi=100)[0]
    one = apply_fault(page, fault, np.random.default_rng(5))
    assert one.tobytes() == apply_fault(page, fault, np.random.default_rng(5)).tobytes()
    assert one.tobytes() != page.tobytes()


def test_blank_has_no_ink_and_low_contrast_keeps_its_shapes() -> None:
    page = render_text(TEXT, dpi=100)[0]
    assert ink(apply_fault(page, "blank", np.random.default_rng(1))) < 0.0005
    faint = np.array(apply_fault(page, "low_contrast", np.random.default_rng(1)))
    assert int(faint.max()) - int(faint.min()) <= 40


def test_turned_pages_lie_clockwise_by_their_name() -> None:
    page = render_text(TEXT, dpi=100, header=HEADER)[0]
    turned = apply_fault(page, "rotated_90", np.random.default_rng(1))
    assert turned.size == (page.height, page.width)
    assert turned.rotate(90, expand=True).tobytes() == page.tobytes()
    assert ink(turned.crop((turned.width // 2, 0, turned.width, turned.height))) > ink(
        turned.crop((0, 0, turned.width // 3, turned.height))
    )


def test_a_worn_scanner_blurs_letters_and_leaves_streaks() -> None:
    page = render_text(TEXT, dpi=170, header=HEADER)[0]
    one = worn(page, 170, np.random.default_rng(5))
    assert one.size == page.size
    assert one.tobytes() == worn(page, 170, np.random.default_rng(5)).tobytes()
    sharp, coarse = (float(np.abs(np.diff(np.array(image, dtype=float), axis=1)).max()) for image in (page, one))
    assert coarse < 0.8 * sharp
    margin = np.array(one)[-60:]  # below the last line only the dirt of the glass is seen
    assert 1 <= int((margin < 200).all(axis=0).sum()) <= 12


def test_unknown_fonts_and_faults_are_named_with_the_choices() -> None:
    with pytest.raises(ValueError, match="choose one of DejaVuSans"):
        render_text("x", font="Comic")
    with pytest.raises(ValueError, match="choose one of clean"):
        apply_fault(Image.new("L", (10, 10)), "coffee", np.random.default_rng(1))
