"""Rule 40: misread characters are put right only where a check digit, form or table confirms exactly one reading."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcode_ml.codes.identifiers import npi_check_digit
from medcode_ml.filtering.checks import CHECKS
from medcode_ml.filtering.columns import Batch
from medcode_ml.filtering.repair import (
    CONFUSED,
    IDENTIFIERS,
    mended,
    put_right,
    readings,
    repaired,
    repaired_by_table,
)
from medcode_ml.filtering.rule import Rule, read_rules


def _named(name: str) -> Rule:
    return next(r for r in read_rules() if r.name == name)


@pytest.mark.parametrize(
    ("kind", "misread", "right"),
    [
        ("npi", "I234567893", "1234567893"),
        ("npi", "l23456789З", None),
        ("npi", "12345678S3", None),  # 1234567853 fails Luhn: nothing confirms the reading
        ("npi", "1234567893", None),  # right as it stands
        ("mbi", "1EG4TESMK73", "1EG4TE5MK73"),
        ("mbi", "1EG4-TE5-MK73", "1EG4TE5MK73"),
        ("mbi", "1EG4TE5MK73", None),
        ("mbi", "SEG4TE5MK7", None),
        ("ndc", "0002-8205-01", "00002820501"),  # 4-4-2
        ("ndc", "50580-449-01", "50580044901"),  # 5-3-2
        ("ndc", "50580-4490-1", "50580449001"),  # 5-4-1
        ("ndc", "5O58O-449-01", "50580044901"),
        ("ndc", "0002820501", None),  # ten digits without hyphens name several drugs
        ("ndc", "00002820501", None),
        ("revenue_code", "O120", "0120"),
        ("revenue_code", "012O", "0120"),
        ("revenue_code", "25O", None),
        ("revenue_code", "9Z99", None),  # 9299 has the form, but no such category exists
        ("procedure_code", "GO463", "G0463"),
        ("ssn", "21909999O", None),  # nothing confirms a social security number
    ],
)
def test_only_a_confirmed_reading_is_taken(kind: str, misread: str, right: str | None) -> None:
    assert repaired(misread, kind) == right


@given(st.text(alphabet="0123456789OISBZ", min_size=9, max_size=9), st.integers(0, 9))
def test_a_repaired_npi_is_valid_and_a_reading_of_what_was_written(nine: str, at: int) -> None:
    digits = "".join(CONFUSED[c] if c.isalpha() else c for c in nine)
    written = nine + str(npi_check_digit(digits))
    better = repaired(written, "npi")
    if better is None:
        assert IDENTIFIERS["npi"](written) or digits[0] not in "12"
    else:
        assert IDENTIFIERS["npi"](better)
        assert better in readings(written)


@given(st.text(max_size=30))
def test_any_text_is_taken_without_a_fault(text: str) -> None:
    for kind in IDENTIFIERS:
        better = repaired(text, kind)
        assert better is None or (IDENTIFIERS[kind](better) and better != text)


def test_a_table_confirms_only_one_reading() -> None:
    table = {"I10", "B80", "880"}
    values = pd.Series(["IIO", "1I0", "I1O", "B8O", None, "X", "I10"], dtype=object, index=[4, 3, 2, 1, 0, 9, 8])
    found = repaired_by_table(values, lambda asked: asked.isin(table))
    assert found.to_dict() == {4: "I10", 3: "I10", 2: "I10", 1: None, 0: None, 9: None, 8: None}


def test_a_code_is_repaired_by_the_release_of_its_discharge_date() -> None:
    rule = _named("icd10cm_in_release")
    codes = ["I1O", "E11.6S", "E11.65", "B88.O", "B88.O", "J1B.9", None]
    days = [date(2026, 10, 2)] * 3 + [date(2025, 1, 15), date(2026, 11, 15), date(2026, 10, 2), date(2026, 10, 2)]
    frame = pd.DataFrame({"code": pd.Series(codes, dtype=object), "discharge_date": pd.Series(days, dtype=object)})
    good = CHECKS["look_up"](frame, rule)
    assert good.tolist() == [False, False, True, False, False, False, True]
    # B88.0 ended with FY2026: the same misreading is repaired before that day and not after it
    assert mended(frame, rule, ~good).to_dict() == {0: "I10", 1: "E11.65", 3: "B88.0", 4: None, 5: "J18.9"}


def test_only_the_records_that_fail_are_repaired() -> None:
    rule = _named("attending_npi_valid")
    frame = pd.DataFrame({"attending_npi": pd.Series(["I234567893", "X", "1234567893"], dtype=object)})
    bad = ~CHECKS[rule.check](frame, rule)
    assert mended(frame, rule, bad).tolist() == ["1234567893", None]


def test_raw_value_repaired_value_and_rule_stand_side_by_side() -> None:
    rule = _named("ndc_has_eleven_digits")
    earlier = {"rule": "misread_number", "column": "encounter_number", "from": "O1", "to": "01"}
    frame = pd.DataFrame(
        {
            "ndc": pd.Series(["0002-8205-01", "none", None, "50580044901"], dtype=object),
            "repairs": pd.Series([[earlier], [], [], []], dtype=object),
        }
    )
    batch = Batch(frame.copy())
    bad = ~CHECKS[rule.check](batch, rule).to_numpy()
    assert put_right(batch, rule, bad).tolist() == [True, False, False, False]
    assert batch.frame["ndc"].tolist() == ["00002820501", "none", None, "50580044901"]
    note = {"rule": rule.name, "column": "ndc", "from": "0002-8205-01", "to": "00002820501"}
    assert batch.frame["repairs"].tolist() == [[earlier, note], [], [], []]
    assert CHECKS[rule.check](batch, rule).tolist() == [True, False, True, True]  # the batch reads the new value
