"""Observations in one form; nothing that is not known is changed or lost."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medcode_ml.mapping.observations import read_value, standard_observations

RAW = ["kind", "name", "code", "code_system", "value", "unit", "flag"]


def standard(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    frame = pd.DataFrame(list(rows), dtype=object).reindex(columns=[*RAW, "encounter_id"])
    frame = frame.astype(object).where(frame.notna(), None)
    return standard_observations(frame).to_dict("records")


@pytest.mark.parametrize(
    ("text", "number", "flag"),
    [
        ("7.4", 7.4, None), ("<0.01", 0.01, None), (">= 500", 500.0, None), ("1,200", 1200.0, None),
        ("7.4 H", 7.4, "H"),
        ("7.4H", 7.4, "H"), ("(L) 3.1", 3.1, "L"), ("7.4 (HIGH)", 7.4, "H"), ("-2.5", -2.5, None), (".5", 0.5, None),
        ("1.2e3", 1200.0, None), ("110 mg/dL", 110.0, None), ("110 mg/dL H", 110.0, "H"), ("positive", None, None),
        ("1+", None, None), ("5-10", None, None), ("7,4", None, None), ("1,20", None, None), ("", None, None),
        ("see comment 3", None, None),
    ],
)  # fmt: skip
def test_values_are_read_as_laboratories_write_them(text: str, number: float | None, flag: str | None) -> None:
    read = read_value(text)
    assert (read.number, read.flag) == (number, flag)


@settings(deadline=None)
@given(st.text(max_size=25))
def test_wild_values_never_fail_and_keep_their_text(text: str) -> None:
    row = standard({"name": "Na", "value": text, "unit": text})[0]
    assert row["value_text"] == text
    assert row["source_unit"] == text
    assert row["value"] is None or row["value"] == row["value"]


def test_name_unit_and_value_are_put_in_standard_form() -> None:
    row = standard({"name": "GLUCOSE, SERUM", "value": "7.8", "unit": "mmol/L", "encounter_id": "e"})[0]
    assert row == {
        "kind": "laboratory", "name": "glucose", "code": "2345-7", "value": 140.5217, "unit": "mg/dL", "flag": None,
        "value_text": "7.8", "source_unit": "mmol/L", "encounter_id": "e",
    }  # fmt: skip


def test_one_name_in_two_units_is_one_unit_after() -> None:
    rows = standard(
        {"name": "Temp", "value": "100.4", "unit": "F"}, {"name": "Temp", "value": "38.0", "unit": "C"},
        {"name": "Temp", "value": "x", "unit": "F"}, {"name": "Temp", "value": None, "unit": None},
    )  # fmt: skip
    assert [r["value"] for r in rows] == [38.0, 38.0, None, None]
    assert [r["unit"] for r in rows] == ["Cel", "Cel", "Cel", None]


def test_what_cannot_be_converted_stays_as_delivered() -> None:
    rows = standard(
        {"name": "Na", "value": "135", "unit": "kg"}, {"name": "Na", "value": "135", "unit": "zorks"},
        {"name": "Flow", "value": "3", "unit": "L/min", "kind": "vital"}, {"name": "Na", "value": "135", "unit": None},
    )  # fmt: skip
    assert [(r["value"], r["unit"]) for r in rows] == [(135.0, "kg"), (135.0, "zorks"), (3.0, "L/min"), (135.0, None)]
    assert rows[2]["name"] == "Flow"
    assert rows[2]["kind"] == "vital"
    assert rows[2]["code"] is None


def test_impossible_values_pass_for_the_rules_to_judge() -> None:
    assert standard({"name": "HR", "value": "900", "unit": "bpm"})[0]["value"] == 900.0


def test_a_pressure_is_its_systolic_value_and_keeps_both_in_the_text() -> None:
    row = standard({"name": "BP", "value": "120/80", "unit": None})[0]
    assert (row["name"], row["value"], row["unit"], row["value_text"]) == (
        "systolic blood pressure", 120.0, "mm[Hg]", "120/80",
    )  # fmt: skip


def test_a_flag_of_the_sender_goes_before_one_in_the_value() -> None:
    rows = standard({"name": "K", "value": "5.9 H", "unit": "mmol/L", "flag": "A"}, {"name": "K", "value": "5.9 H"})
    assert [r["flag"] for r in rows] == ["A", "H"]


def test_no_rows_are_no_rows() -> None:
    frame = pd.DataFrame(columns=[*RAW, "encounter_id", "line_number"], dtype=object)
    assert standard_observations(frame).empty
