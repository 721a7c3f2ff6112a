"""The delivery folder: whole or not there, the same bytes for the same configuration, page files that open."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image

from medcode_ml.contracts.raw import DELIVERED, delivered_columns
from medcode_ml.simulation import NetworkConfig, SimulationError, write_delivery

SMALL = NetworkConfig(encounters=44, scanned_pages=26, planted_faults=False)


def digests(root: Path) -> dict[str, str]:
    return {
        str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(root.rglob("*"))
        if p.is_file()
    }


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_delivery(SMALL, tmp_path_factory.mktemp("network") / "delivery")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_same_configuration_gives_the_same_bytes(root: Path, tmp_path: Path) -> None:
    assert digests(write_delivery(SMALL, tmp_path / "again")) == digests(root)


def test_layout_is_the_documented_one(root: Path) -> None:
    days = [p for p in root.iterdir() if p.is_dir() and p.name != "_truth"]
    assert len(days) == (SMALL.last_day - SMALL.first_day).days + 1
    for day in days:
        for table in DELIVERED:
            with (day / f"{table}.csv").open(encoding="utf-8", newline="") as file:
                assert next(csv.reader(file)) == delivered_columns(table)
    manifest = json.loads((root / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["synthetic"] is True
    assert manifest["config_hash"] == SMALL.digest()
    assert manifest["counts"]["encounter"] == SMALL.encounters
    assert manifest["coder_error_rates"]
    truth = {p.stem for p in (root / "_truth").iterdir()}
    assert truth == {"codes", "pages", "mentions", "sections", "faults", "persons"}


def test_second_writing_does_nothing_and_another_network_replaces(tmp_path: Path) -> None:
    tiny = NetworkConfig(encounters=6, scanned_pages=0)
    root = write_delivery(tiny, tmp_path / "d")
    marker = root / "2026-09-21" / "hospital.csv"
    before = marker.stat().st_mtime_ns
    write_delivery(tiny, root)
    assert marker.stat().st_mtime_ns == before
    write_delivery(replace(tiny, seed=3), root)
    assert json.loads((root / "manifest.json").read_text())["seed"] == 3
    assert [p.name for p in tmp_path.iterdir()] == ["d"]


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious.csv").write_text("mine")
    with pytest.raises(SimulationError, match="not a simulated delivery"):
        write_delivery(SMALL, tmp_path)
    assert (tmp_path / "precious.csv").read_text() == "mine"


def test_page_files_open_unless_they_are_truncated(root: Path) -> None:
    truth = rows(root / "_truth" / "pages.csv")
    by_file: dict[str, list[dict[str, str]]] = {}
    for row in truth:
        by_file.setdefault(row["file"], []).append(row)
    listed = {
        f"{day.name}/{f}"
        for day in root.iterdir()
        if day.is_dir() and day.name[0] == "2"
        for r in rows(day / "scanned_record.csv")
        for f in r["files"].split("|")
        if f
    }
    assert set(by_file) == listed
    assert {Path(f).suffix for f in by_file} == {".png", ".tif", ".pdf"}
    for file, pages in by_file.items():
        if any(p["fault"] == "truncated_file" for p in pages):
            with pytest.raises((OSError, pypdfium2.PdfiumError)):
                opened(root / file)
        else:
            assert opened(root / file) == len(pages)


def opened(path: Path) -> int:
    """Number of pages that can be read to their end."""
    if path.suffix == ".pdf":
        document = pypdfium2.PdfDocument(path)
        try:
            return sum(page.render(scale=0.2).to_pil().size[0] > 0 for page in document)
        finally:
            document.close()
    with Image.open(path) as image:
        image.load()
        count = getattr(image, "n_frames", 1)
        for frame in range(count):
            image.seek(frame)
            image.load()
        return int(count)


def test_truth_names_what_is_wrong_with_each_page(root: Path) -> None:
    truth = rows(root / "_truth" / "pages.csv")
    kinds = {row["fault"] for row in truth}
    assert {"clean", "skew", "noise", "blank", "rotated_180"} <= kinds
    assert all(row["text"] == "" for row in truth if row["fault"] == "blank")
    assert all("Encounter:" in row["text"] for row in truth if row["fault"] == "clean")
