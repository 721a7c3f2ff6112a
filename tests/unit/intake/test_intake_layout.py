"""Writing a delivery and reading it back gives the same rows; a delivery appears whole or not at all."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medcode_ml.contracts.raw import DELIVERED, delivered_columns
from medcode_ml.intake.folder import FolderSource
from medcode_ml.intake.layout import write_layout
from medcode_ml.intake.source import DeliveryError

DAY = date(2026, 10, 15)
VALUE = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["\r", "\r\n", '"', "a\nb", ",", "\ufeff", " ", "NA", "null"]
)


def frame(table: str, *rows: dict[str, object]) -> pd.DataFrame:
    blank = dict.fromkeys(delivered_columns(table), "1")
    return pd.DataFrame([blank | row for row in rows], columns=delivered_columns(table), dtype=object)


@pytest.mark.parametrize("table", list(DELIVERED))
def test_every_table_of_the_contract_comes_back_as_written(tmp_path: Path, table: str) -> None:
    rows = frame(table, {}, {delivered_columns(table)[0]: 'a "b",\nc'})
    write_layout({DAY: {table: rows}}, tmp_path / "out")
    (found,) = FolderSource(tmp_path / "out").read(DAY)
    assert found.table == table
    assert len(found.rejected) == 0
    pd.testing.assert_frame_equal(found.rows[delivered_columns(table)], rows)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(VALUE.filter(bool), VALUE | st.none()), min_size=1, max_size=8))
def test_any_text_survives_the_round_trip_and_empty_text_comes_back_missing(
    tmp_path_factory: pytest.TempPathFactory, values: list[tuple[str, str | None]]
) -> None:
    root = tmp_path_factory.mktemp("trip") / "out"
    rows = frame("service", *({"encounter_number": key, "service": value} for key, value in values))
    write_layout({DAY: {"service": rows}}, root)
    (found,) = FolderSource(root).read(DAY)
    assert found.rows[["encounter_number", "service"]].values.tolist() == [
        [key, value or None] for key, value in values
    ]


def test_landed_rows_are_written_without_what_landing_added_and_typed_values_as_text(tmp_path: Path) -> None:
    rows = frame("charge", {"charge": Decimal("9500.00"), "units": 5, "service_date": DAY, "hcpcs": None})
    landed = rows.assign(received_date=DAY, source="folder", source_file="f", source_line=2, copy_number=1)
    write_layout({DAY: {"charge": landed}}, tmp_path / "out")
    (found,) = FolderSource(tmp_path / "out").read(DAY)
    row = found.rows.iloc[0]
    assert row[["charge", "units", "service_date", "hcpcs"]].tolist() == ["9500.00", "5", "2026-10-15", None]


def test_an_export_of_a_read_delivery_reads_the_same_again(tmp_path: Path) -> None:
    other = date(2026, 10, 16)
    tables = {"service": frame("service", {}, {"line_number": "2"}), "payer": frame("payer", {"contract": None})}
    write_layout({DAY: tables, other: {"service": frame("service", {"service": None})}}, tmp_path / "first")
    first = FolderSource(tmp_path / "first")
    read = {day: {one.table: one.rows for one in first.read(day)} for day in first.received_dates()}
    write_layout(read, tmp_path / "second")
    for day in (DAY, other):
        for one in FolderSource(tmp_path / "second").read(day):
            pd.testing.assert_frame_equal(one.rows, read[day][one.table])


def test_page_files_are_copied_to_the_name_the_record_gives(tmp_path: Path) -> None:
    (tmp_path / "stored").write_bytes(b"page")
    rows = frame("scanned_record", {"files": "pages/a.png"})
    write_layout({DAY: {"scanned_record": rows}}, tmp_path / "out", {DAY: {"pages/a.png": tmp_path / "stored"}})
    assert FolderSource(tmp_path / "out").page_path(DAY, "pages/a.png").read_bytes() == b"page"


@pytest.mark.parametrize(
    ("tables", "pages", "said"),
    [
        ({"services": frame("service", {})}, {}, "known: hospital"),
        ({"service": frame("service", {}).drop(columns="service")}, {}, "missing service"),
        ({"service": frame("service", {}).assign(ward="x")}, {}, "unknown ward"),
        ({"service": frame("service", {})}, {"../a.png": Path(__file__)}, "outside the delivery"),
    ],
)
def test_what_is_not_of_the_layout_is_refused_and_nothing_is_left_behind(
    tmp_path: Path, tables: dict[str, pd.DataFrame], pages: dict[str, Path], said: str
) -> None:
    with pytest.raises(DeliveryError, match=said):
        write_layout({DAY: tables}, tmp_path / "out", {DAY: pages})
    assert list(tmp_path.iterdir()) == []


def test_a_page_that_cannot_be_copied_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_layout({DAY: {}}, tmp_path / "out", {DAY: {"a.png": tmp_path / "gone.png"}})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_layout({DAY: {"service": frame("service", {})}}, tmp_path / "out")
    before = (tmp_path / "out" / "2026-10-15" / "service.csv").read_bytes()
    with pytest.raises(DeliveryError, match="new or empty folder"):
        write_layout({DAY: {"service": frame("service", {"service": "x"})}}, tmp_path / "out")
    assert (tmp_path / "out" / "2026-10-15" / "service.csv").read_bytes() == before
