"""Values that rows are filed by: too long for an index, a row is set aside, whatever source delivers it."""

from __future__ import annotations

import pandas as pd
import pytest

from medcode_ml.contracts.raw import DELIVERED, delivered_columns
from medcode_ml.intake.source import KEY_BYTES, delivered_file


def _rows(table: str, **given: str) -> pd.DataFrame:
    good = dict.fromkeys(delivered_columns(table), "x")
    rows = [good, good | given]
    return pd.DataFrame([{**row, "source_line": n} for n, row in enumerate(rows, start=2)], dtype=object)


@pytest.mark.parametrize("table", DELIVERED)
def test_a_key_that_is_too_long_costs_its_row_alone(table: str) -> None:
    for column in DELIVERED[table][1]:
        found = delivered_file(table, "f.csv", _rows(table, **{column: "k" * (KEY_BYTES + 1)}))
        assert found.rejected[["source_line", "rule"]].values.tolist() == [[3, "key_too_long"]]
        assert column in found.rejected["reason"].iloc[0]
        assert "kkk" not in found.rejected["reason"].iloc[0]
        assert found.rows["source_line"].tolist() == [2]
        assert len(delivered_file(table, "f.csv", _rows(table, **{column: "k" * KEY_BYTES})).rows) == 2


def test_length_is_that_of_the_bytes_an_index_holds_and_indexed_columns_count_as_well() -> None:
    emoji = "\N{FACE WITH TEARS OF JOY}" * (KEY_BYTES // 4 + 1)
    for column in ("record_id", "encounter_number"):
        found = delivered_file("scanned_record", "f.csv", _rows("scanned_record", **{column: emoji}))
        assert found.rejected["rule"].tolist() == ["key_too_long"]
    assert delivered_file("scanned_record", "f.csv", _rows("scanned_record", text="t" * 10_000)).rejected.empty


def test_no_rows_are_no_fault() -> None:
    found = delivered_file("charge", "f.csv", _rows("charge").iloc[:0])
    assert found.rows_in == 0
