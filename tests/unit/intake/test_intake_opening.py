"""Files of pages: what opens, and what each damaged or refused file says (rule 39: broken or locked file)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pypdf
import pytest
from PIL import Image

from medcode_ml.intake import opening
from medcode_ml.intake.opening import UnreadableFileError, open_page, open_pages, page_count


@pytest.fixture(scope="module")
def sheet(drawn, note) -> Image.Image:
    return drawn(note)


def _pdf(path: Path, *sheets: Image.Image) -> Path:
    sheets[0].save(path, "PDF", resolution=150, save_all=True, append_images=list(sheets[1:]))
    return path


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_pictures_open_by_content_whatever_their_name(tmp_path, sheet, kind):
    path = tmp_path / "page.dat"
    sheet.save(path, kind)
    (page,) = open_pages(path)
    assert page.pixels.shape == (1650, 1275)
    assert page.pixels.dtype == np.uint8
    assert page.pixels.min() < 60 < 250 < page.pixels.max()


def test_fax_tiff_of_several_pages_keeps_its_uneven_resolution(tmp_path, sheet):
    path = tmp_path / "fax.tif"
    squeezed = sheet.resize((1728, 1078)).convert("1")
    squeezed.save(path, compression="group4", save_all=True, append_images=[squeezed, squeezed], dpi=(204, 98))
    pages = list(open_pages(path))
    assert [(p.number, p.count) for p in pages] == [(1, 3), (2, 3), (3, 3)]
    assert pages[2].dpi == pytest.approx((204, 98))
    assert set(np.unique(pages[0].pixels)) == {0, 255}


def test_pdf_is_drawn_at_200_dpi(tmp_path, sheet):
    path = _pdf(tmp_path / "two.pdf", sheet, sheet)
    assert page_count(path) == 2
    page = open_page(path, 2)
    assert page.pixels.shape == pytest.approx((2200, 1700), abs=2)
    assert page.dpi == pytest.approx((200, 200))


def test_orientation_tag_of_a_photo_is_applied(tmp_path, sheet):
    path = tmp_path / "photo.jpg"
    tags = Image.Exif()
    tags[274] = 6  # the camera lay on its side
    sheet.rotate(90, expand=True).save(path, exif=tags)
    assert open_page(path, 1).pixels.shape == (1650, 1275)


def test_transparent_and_deep_pictures_become_grey_on_white_paper(tmp_path, sheet):
    ink = Image.new("RGBA", sheet.size, (0, 0, 0, 0))
    ink.putalpha(Image.eval(sheet, lambda v: 255 - v))
    ink.save(tmp_path / "clear.png")
    deep = np.asarray(sheet, dtype=np.uint16) * 257
    Image.fromarray(deep).save(tmp_path / "deep.tif")
    for name in ("clear.png", "deep.tif"):
        page = open_page(tmp_path / name, 1)
        assert np.abs(page.pixels.astype(int) - np.asarray(sheet).astype(int)).max() <= 1, name


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_rule_39_truncated_picture_is_a_broken_file(tmp_path, sheet, kind):
    path = tmp_path / "cut"
    sheet.save(path, kind)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnreadableFileError) as caught:
        list(open_pages(path))
    assert caught.value.gate == "broken_file"
    assert caught.value.remedy


def test_rule_39_truncated_fax_is_broken_not_white(tmp_path, sheet):
    path = tmp_path / "fax.tif"
    sheet.convert("1").save(path, compression="group4")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.8)])
    with pytest.raises(UnreadableFileError, match=r"cut short|damaged"):
        list(open_pages(path))


def test_rule_39_truncated_pdf_is_broken(tmp_path, sheet):
    path = _pdf(tmp_path / "cut.pdf", sheet, sheet)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.6)])
    with pytest.raises(UnreadableFileError) as caught:
        list(open_pages(path))
    assert caught.value.gate == "broken_file"


def test_rule_39_pdf_with_a_password_is_locked(tmp_path, sheet):
    writer = pypdf.PdfWriter(clone_from=_pdf(tmp_path / "open.pdf", sheet))
    writer.encrypt("opensesame", algorithm="RC4-128")
    path = tmp_path / "locked.pdf"
    writer.write(path)
    with pytest.raises(UnreadableFileError, match="password") as caught:
        page_count(path)
    assert caught.value.gate == "locked_file"


def test_pdf_that_only_forbids_printing_is_read(tmp_path, sheet):
    writer = pypdf.PdfWriter(clone_from=_pdf(tmp_path / "open.pdf", sheet))
    writer.encrypt("", owner_password="records", algorithm="RC4-128")
    writer.write(tmp_path / "owner.pdf")
    assert open_page(tmp_path / "owner.pdf", 1).pixels.min() < 60


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"PK\x03\x04 a spreadsheet", "not a PNG"),
        (b"%PDF-1.7\nnothing follows", "PDF"),
        (b"\x89PNG\r\n\x1a\nnothing follows", "header"),
        (b"II*\0nothing follows", "damaged"),
    ],
)
def test_rule_39_empty_foreign_and_hollow_files_are_refused_with_a_remedy(tmp_path, content, words):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=words) as caught:
        list(open_pages(path))
    assert caught.value.gate == "broken_file"
    assert "again" in caught.value.remedy


def test_missing_file_says_so_without_naming_it(tmp_path):
    with pytest.raises(UnreadableFileError, match="not there") as caught:
        page_count(tmp_path / "harlow_miriam.png")
    assert "harlow" not in str(caught.value)


def test_a_picture_that_claims_too_many_pixels_is_refused_before_it_is_decoded(tmp_path):
    huge = tmp_path / "huge.png"
    Image.new("1", (30_000, 30_000)).save(huge)
    with pytest.raises(UnreadableFileError, match="pixels"):
        list(open_pages(huge))
    large = tmp_path / "large.tif"
    Image.new("1", (12_000, 11_000)).save(large, compression="group4")
    with pytest.raises(UnreadableFileError, match="over the limit"):
        list(open_pages(large))


def test_sheet_of_a_plan_is_drawn_coarser_instead_of_exhausting_memory(tmp_path):
    path = tmp_path / "plan.pdf"
    writer = pypdf.PdfWriter()
    writer.add_blank_page(14_000, 14_000)
    writer.write(path)
    assert open_page(path, 1).pixels.size <= opening.MAX_PDF_PIXELS * 1.01
