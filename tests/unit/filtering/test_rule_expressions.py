"""The language of cross-field rules: three-valued, typed at reading, and the same as asking record by record."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcode_ml.filtering.columns import Batch, MissingContextError, parsed
from medcode_ml.filtering.expression import ExpressionError, parse

DAYS = st.one_of(st.none(), st.integers(0, 5).map(lambda n: date(2026, 10, 1) + timedelta(days=n)))
STATUS = st.one_of(st.none(), st.sampled_from(["01", "20", "51"]))


def _good(text: str, record: str, **columns: list[object]) -> list[bool]:
    frame = pd.DataFrame({n: pd.Series(v, dtype=object) for n, v in columns.items()})
    return parse(text, record).good(Batch(frame)).tolist()


@given(st.lists(st.tuples(STATUS, DAYS, DAYS), min_size=1, max_size=20))
def test_logic_is_three_valued(rows: list[tuple[str | None, date | None, date | None]]) -> None:
    text = "not (discharge_status == '20' and admission_date < discharge_date) or discharge_status in ('51',)"

    def reference(status: str | None, first: date | None, last: date | None) -> bool:
        def both(a: bool | None, b: bool | None) -> bool | None:
            return False if a is False or b is False else None if a is None or b is None else True

        expired = None if status is None else status == "20"
        earlier = None if first is None or last is None else first < last
        hospice = None if status is None else status == "51"
        inner = both(expired, earlier)
        negated = None if inner is None else not inner
        denied = both(None if negated is None else not negated, None if hospice is None else not hospice)
        return denied is not True  # unknown is good

    columns = dict(
        zip(("discharge_status", "admission_date", "discharge_date"), map(list, zip(*rows, strict=True)), strict=True)
    )
    assert _good(text, "encounter", **columns) == [reference(*row) for row in rows]


def test_days_numbers_and_amounts_are_reckoned() -> None:
    first, last = date(2026, 2, 27), date(2026, 3, 2)
    assert _good(
        "discharge_date - admission_date == 3", "encounter", admission_date=[first], discharge_date=[last]
    ) == [True]
    assert _good("admission_date + 3 == '2026-03-02'", "encounter", admission_date=[first]) == [True]
    assert _good("charge * 2 <= 20.5", "charge", charge=[Decimal("10.25"), Decimal("10.26"), None]) == [
        True,
        False,
        True,
    ]
    assert _good("charge / units <= 5", "charge", charge=[Decimal(10)] * 3, units=[2, 1, 0]) == [True, False, True]
    assert _good("-1 < -units", "charge", units=[0, 1]) == [True, False]


def test_functions() -> None:
    assert _good("present(ndc)", "medication", ndc=["1", None]) == [True, False]
    assert _good("missing(ndc)", "medication", ndc=["1", None]) == [False, True]
    assert _good("matches(ndc, '[0-9]+')", "medication", ndc=["12", "1x", None]) == [True, False, True]
    assert _good("length(modifiers) < 2", "charge", modifiers=[["a"], ["a", "b"], [], None]) == [
        True,
        False,
        True,
        True,
    ]
    assert _good("number(admission_hour) < 12", "encounter", admission_hour=["07", "13", "?", None]) == [
        True,
        False,
        True,
        True,
    ]
    assert _good("max(units, 2) == 2", "charge", units=[1, 3]) == [True, False]
    same = _good(
        "hospital_state != hospital_id", "encounter", hospital_state=["MA", "H1", None], hospital_id=["H1"] * 3
    )
    assert same == [True, False, True]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("admision_date <= discharge_date", "no column 'admision_date' here: choose admission_date"),
        ("admission_date", "no comparison"),
        ("admission_date <=", "cannot be read"),
        ("admission_date <= setting", "a date and 'setting' a text"),
        ("admission_date <= '2026-13-01'", "is no date: write 'YYYY-MM-DD'"),
        ("admission_date + discharge_date < 3", "cannot be reckoned"),
        ("setting < 'x'", "compare it with ==, != or in"),
        ("setting is None", "write missing"),
        ("present(setting == 'x')", "write present\\(column\\)"),
        ("matches(setting, '[')", "no regular expression"),
        ("open(setting)", "no function 'open'"),
        ("__import__('os').system('true') == 0", "not part of the language"),
        ("[s for s in setting] == 1", "not part of the language"),
        ("setting in payer_id", "write a text column in"),
        ("document_count and present(setting)", "is a number, not a truth"),
    ],
)
def test_a_fault_is_told_with_what_to_write(text: str, says: str) -> None:
    with pytest.raises(ExpressionError, match=says):
        parse(text, "encounter")


def test_a_column_that_was_not_joined_is_named() -> None:
    with pytest.raises(MissingContextError, match="payer_kind"):
        _good("payer_kind == 'medicare'", "encounter", setting=["inpatient"])


@pytest.mark.parametrize(
    ("record", "column", "text", "value"),
    [
        ("encounter", "discharge_date", " 2026-10-02 ", date(2026, 10, 2)),
        ("charge", "charge", "12.5", Decimal("12.50")),
        ("charge", "units", "3", 3),
        ("charge", "modifiers", "25|LT", ["25", "LT"]),
        ("observation", "value", "36.6", 36.6),
        ("encounter", "setting", "inpatient", "inpatient"),
    ],
)
def test_what_a_person_writes_is_typed_by_its_column(record: str, column: str, text: str, value: object) -> None:
    assert parsed(record, column, text) == value


@pytest.mark.parametrize(
    ("record", "column", "text", "says"),
    [
        ("encounter", "discharge_date", "02.10.2026", "YYYY-MM-DD"),
        ("charge", "charge", "NaN", "dollars and cents"),
        ("charge", "units", "2.5", "a whole number"),
        ("observation", "value", "warm", "a number"),
        ("encounter", "setting", " ", "cannot be empty"),
    ],
)
def test_a_value_of_another_kind_is_refused_with_how_it_is_written(
    record: str, column: str, text: str, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        parsed(record, column, text)
