"""The source `stream`: where rows come from, and which files a record may name."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from medcode_ml.intake.landed_stream import LINES_PER_FILE, LandedStreamSource, _place
from medcode_ml.intake.page_store import PageStore
from medcode_ml.intake.source import DeliveryError

DAY = date(2026, 10, 5)


@pytest.fixture
def source(tmp_path: Path) -> LandedStreamSource:
    (tmp_path / "shared" / DAY.isoformat() / "pages").mkdir(parents=True)
    engine = sa.create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")  # never connected to
    return LandedStreamSource(engine, tmp_path / "shared", tmp_path / "kept", PageStore(tmp_path / "pages"))


def test_an_offset_beyond_32_bits_still_has_a_line_of_its_own() -> None:
    assert _place("t", 1, 5) == ("t/1", 5)
    assert _place("t", 1, LINES_PER_FILE + 5) == (f"t/1+{LINES_PER_FILE}", 5)
    assert _place("t", 1, 7 * LINES_PER_FILE)[1] < 2**31


def test_paths_and_file_urls_inside_the_days_folder_are_read(source: LandedStreamSource, tmp_path: Path) -> None:
    file = tmp_path / "shared" / DAY.isoformat() / "pages" / "a b.png"
    file.write_bytes(b"x")
    assert source.page_path(DAY, "pages/a b.png").read_bytes() == b"x"
    assert source.page_path(DAY, file.as_uri()).read_bytes() == b"x"


@pytest.mark.parametrize(
    "name", ["../2026-10-06/pages/a.png", "/etc/passwd", "file:///etc/passwd", "file://other/x.png", "https://x/y.png",
             "s3://bucket/key.png", "file:///", ""]
)  # fmt: skip
def test_no_name_leads_out_of_the_days_folder(source: LandedStreamSource, name: str) -> None:
    with pytest.raises(DeliveryError):
        source.page_path(DAY, name)


def test_a_path_without_a_shared_folder_says_what_to_set(tmp_path: Path) -> None:
    engine = sa.create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    alone = LandedStreamSource(engine, None, tmp_path / "kept", PageStore(tmp_path / "pages"))
    with pytest.raises(DeliveryError, match="MEDCODE_SOURCE_DIR"):
        alone.page_path(DAY, "pages/a.png")


def test_a_page_that_only_the_page_store_has_is_fetched(source: LandedStreamSource, tmp_path: Path) -> None:
    content_hash = PageStore(tmp_path / "pages").put_bytes(b"a page")
    assert source.page_path(DAY, f"sha256:{content_hash}.png").read_bytes() == b"a page"
    assert not source.page_path(DAY, f"sha256:{'0' * 64}.png").exists()
