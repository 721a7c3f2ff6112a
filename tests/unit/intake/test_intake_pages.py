"""The driver: a row for every page and file, the same for any number of workers; a page that hangs is cut off."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pypdf
import pytest

from medcode_ml.intake import pages as driver
from medcode_ml.intake.gates import gate_pages
from medcode_ml.intake.pages import page_rows_to_json, read_files


@pytest.fixture(scope="module")
def delivery(tmp_path_factory, drawn, turn, note, header) -> list[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("delivery")
    short = f"{header}\n\n" + "\n".join(note.split("\n")[:5])
    sheet = drawn(short)
    sheet.save(folder / "plain.png", dpi=(150, 150))
    turn(sheet, 90).save(folder / "turned.jpg", quality=80)
    second = drawn("Second sheet of the fax.").convert("1")
    sheet.convert("1").save(folder / "fax.tif", compression="group4", save_all=True, append_images=[second])
    (folder / "cut.png").write_bytes((folder / "plain.png").read_bytes()[:4000])
    sheet.save(folder / "open.pdf", "PDF", resolution=150)
    writer = pypdf.PdfWriter(clone_from=folder / "open.pdf")
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(folder / "locked.pdf")
    names = ["plain.png", "locked.pdf", "fax.tif", "turned.jpg", "cut.png", "absent.png"]
    return [(f"2026-11-20/{name}", folder / name) for name in names]


@pytest.fixture(scope="module")
def alone(delivery) -> pd.DataFrame:
    return read_files(delivery, workers=1)


def test_rule_39_every_file_has_its_row_and_every_page_its_outcome(alone, delivery):
    assert list(alone.columns) == list(driver.COLUMNS)
    assert list(alone["page_id"]) == ["plain", "locked", "fax#1", "fax#2", "turned", "cut", "absent"]
    assert list(alone["gate"]) == [None, "locked_file", None, None, None, "broken_file", "broken_file"]
    assert list(alone["rotation"]) == [0, None, 0, 0, 90, None, None]
    assert list(alone["file_number"]) == [0, 1, 2, 2, 3, 4, 5]
    readable = alone[alone["gate"].isna()]
    assert readable["text"].str.contains("DISCHARGE SUMMARY|Second sheet").all()
    assert alone["content_hash"][0] == hashlib.sha256(delivery[0][1].read_bytes()).hexdigest()
    assert alone["content_hash"][6] is None


def test_rows_are_the_same_for_any_number_of_workers(alone, delivery):
    several = read_files(delivery, workers=2)
    pd.testing.assert_frame_equal(several.drop(columns="seconds"), alone.drop(columns="seconds"))


def test_page_ids_are_the_callers_to_choose(delivery):
    made = read_files(delivery[-2:], workers=1, page_id=lambda file, page, pages: f"{file}/{page}/{pages}")
    assert list(made["page_id"]) == ["2026-11-20/cut.png/1/1", "2026-11-20/absent.png/1/1"]


def test_json_rows_have_the_shape_of_read_page_and_gates_can_follow(alone):
    gated = gate_pages(alone)
    set_aside = ["", "locked_file", "duplicate_page", "", "duplicate_page", "broken_file", "broken_file"]
    assert list(gated["gate"].fillna("")) == set_aside
    rows = json.loads(json.dumps(page_rows_to_json(gated)))
    first, locked = rows[0], rows[1]
    assert set(first) == {"file", "page", "page_id", "text", "words", "regions", "rotation", "quality", "seconds"}
    assert first["text"][first["words"][3]["start"] : first["words"][3]["end"]] == first["words"][3]["text"]
    assert len(first["words"][0]["box"]) == 4
    assert first["quality"]["confidence"] > 80
    assert locked["quarantined_because"].startswith("locked_file: ")
    assert (locked["text"], locked["words"]) == ("", [])


def test_rule_39_a_page_that_takes_too_long_is_timed_out_not_lost(delivery):
    hurried = read_files(delivery[:1], workers=1, page_seconds=0.05)
    assert list(hurried["gate"]) == ["timed_out"]
    assert "0.05 seconds" in hurried["gate_reason"][0]
    assert hurried["text"][0] is None


def test_a_hanging_call_is_really_ended_and_the_rest_goes_on():
    began = time.monotonic()
    with driver._runner(2, 1.5) as run:
        outcomes = list(run(time.sleep, [(0.01,), (300.0,), (0.02,), (300.0,), (0.03,)]))
    troubles = [error and driver._trouble(error, 1.5)[0] for _, error, _ in outcomes]
    assert troubles == [None, "timed_out", None, "timed_out", None]
    assert time.monotonic() - began < 60


def test_a_crashing_call_costs_its_own_page_only():
    with driver._runner(2, 30) as run:
        outcomes = list(run(eval, [("1 + 1",), ("__import__('os')._exit(7)",), ("2 + 2",)]))
    assert [value for value, _, _ in outcomes] == [2, None, 4]
    assert driver._trouble(outcomes[1][1], 30)[0] == "broken_file"


def test_a_fault_of_our_own_is_raised_not_gated():
    with pytest.raises(ZeroDivisionError), driver._runner(1, 1) as run:
        list(run(lambda n: 1 / n, [(0,)]))
    with pytest.raises(KeyError):
        driver._trouble(KeyError("column"), 1)


def test_no_workers_is_refused(delivery):
    with pytest.raises(ValueError, match="workers is 0"):
        read_files(delivery, workers=0)


def test_an_empty_delivery_gives_an_empty_frame():
    frame = read_files([], workers=2)
    assert frame.empty
    assert list(frame.columns) == list(driver.COLUMNS)
    assert np.issubdtype(frame["seconds"].dtype, np.floating)
