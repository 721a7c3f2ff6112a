"""Corrections of persons enter before the rules, with the delivered value beside them; rejected records stay aside."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from medcode_ml.filtering.columns import MissingContextError
from medcode_ml.filtering.corrections import (
    apply_corrections,
    corrected_columns,
    refused_column,
    rejected_rules,
)


def _decisions(*rows: tuple[str, str, str, str | None, str | None]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["record_id", "rule", "outcome", "column_name", "value"], dtype=object)


def _frame(**columns: list[Any]) -> pd.DataFrame:
    size = len(next(iter(columns.values())))
    base: dict[str, list[Any]] = {"repairs": [[] for _ in range(size)], "unreadable": [{} for _ in range(size)]}
    return pd.DataFrame({n: pd.Series(v, dtype=object) for n, v in (base | columns).items()})


def test_the_value_enters_typed_with_raw_value_and_rule_beside_it() -> None:
    frame = _frame(discharge_date=[None, date(2026, 10, 2)], unreadable=[{"discharge_date": "32.10."}, {}])
    decisions = _decisions(("e1", "discharge_date_present", "corrected", "discharge_date", "2026-10-05"))
    found = apply_corrections("encounter", frame, ["e1", "e2"], decisions)
    assert found["discharge_date"].tolist() == [date(2026, 10, 5), date(2026, 10, 2)]
    note = {"rule": "corrected_by_person", "column": "discharge_date", "from": "32.10.", "to": "2026-10-05"}
    assert found["repairs"].tolist() == [[note], []]
    assert found["unreadable"].tolist() == [{}, {}]
    assert frame["discharge_date"].tolist() == [None, date(2026, 10, 2)]  # the frame given is left alone
    assert frame["unreadable"].tolist() == [{"discharge_date": "32.10."}, {}]


def test_two_columns_of_one_record_and_amounts() -> None:
    frame = _frame(charge=[Decimal("1.00")], units=[0])
    decisions = _decisions(
        ("c1", "units_positive", "corrected", "units", "2"), ("c1", "x", "corrected", "charge", "10.5")
    )
    found = apply_corrections("charge", frame, ["c1"], decisions)
    assert (found.at[0, "charge"], found.at[0, "units"]) == (Decimal("10.50"), 2)
    assert [n["column"] for n in found.at[0, "repairs"]] == ["units", "charge"]


def test_a_value_can_be_taken_away() -> None:
    frame = _frame(death_date=[date(2026, 10, 2)])
    found = apply_corrections("patient", frame, ["p"], _decisions(("p", "r", "corrected", "death_date", None)))
    assert found.at[0, "death_date"] is None


def test_other_records_and_other_decisions_change_nothing() -> None:
    frame = _frame(units=[1])
    decisions = _decisions(("other", "r", "corrected", "units", "2"), ("c1", "r", "released", None, None))
    assert apply_corrections("charge", frame, ["c1"], decisions).equals(frame)


def test_a_corrected_column_that_was_not_read_is_told() -> None:
    decisions = _decisions(("c1", "r", "corrected", "units", "2"))
    with pytest.raises(MissingContextError, match="units"):
        apply_corrections("charge", _frame(charge=[None]), ["c1"], decisions)
    assert corrected_columns("charge", decisions) == {"units"}


@pytest.mark.parametrize(
    ("kind", "column", "missing", "says"),
    [
        ("encounter", "encounter_id", False, "cannot be corrected"),
        ("document", "text", False, "cannot be corrected"),
        ("diagnosis", "code", True, "cannot be without a value"),
        ("charge", "nonsense", False, "these can: revenue_code"),
        ("charge", "units", True, None),
        ("encounter", "discharge_date", False, None),
    ],
)
def test_which_columns_can_be_corrected(kind: str, column: str, missing: bool, says: str | None) -> None:
    found = refused_column(kind, column, missing=missing)
    assert (found is None) if says is None else (found is not None and says in found)


def test_rejected_records_are_named_with_their_rule() -> None:
    decisions = _decisions(("a", "text_is_language", "rejected", None, None), ("b", "r", "released", None, None))
    assert rejected_rules(["b", "a"], decisions).tolist() == [None, "text_is_language"]
