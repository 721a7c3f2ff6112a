"""Typing of delivered text: the date forms hospitals send, what is refused, and that nothing is lost on the way."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medcode_ml.mapping import values

DAY = date(2026, 10, 3)


@pytest.mark.parametrize(
    "text",
    [
        "2026-10-03", "2026-10-3", "20261003", "10/03/2026", "10/3/2026", "10-03-2026", "2026/10/03", "03-Oct-2026",
        "3 Oct 2026", "3-OCTOBER-2026", "Oct 3, 2026", "October 3, 2026", "Oct. 3rd, 2026", "2026-10-03T14:05:06Z",
        "2026-10-03 14:05", "2026-10-03T14:05:06.123-05:00", "10/03/2026 2:05 PM", "202610031405", "20261003140506",
        "20261003140506.1234-0500", "20261003140506+0000",
    ],
)  # fmt: skip
def test_a_day_is_read_in_every_form_hospitals_send(text: str) -> None:
    assert values.day(text) == DAY


@pytest.mark.parametrize(
    "text",
    [
        "46298", "46298.5", "10/03/26", "13/13/2026", "25/12/2026", "2026-02-30", "202610", "2026", "Okt 3, 2026", "",
        "soon", "0202-10-03", "9999-12-31", "20261003extra", "２０２６-10-03", "Oct 3",
    ],
)  # fmt: skip
def test_what_could_be_another_day_is_not_guessed(text: str) -> None:
    with pytest.raises(ValueError):
        values.day(text)


@settings(deadline=None)
@given(st.dates(min_value=date(1800, 1, 1), max_value=date(2299, 12, 31)))
def test_every_form_of_a_day_gives_that_day(day: date) -> None:
    for form in ("%Y-%m-%d", "%Y%m%d", "%m/%d/%Y", "%d-%b-%Y", "%b %d, %Y", "%Y%m%d%H%M%S"):
        assert values.day(day.strftime(form)) == day


@settings(deadline=None)
@given(st.text(max_size=30))
def test_wild_text_is_a_day_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert isinstance(values.day(text), date)


@settings(deadline=None)
@given(st.text(max_size=20))
def test_wild_text_is_a_number_or_refused_by_the_errors_that_typing_knows(text: str) -> None:
    frame = pd.DataFrame({"n": [text]}, dtype=object)
    typed = values.type_columns(frame, {"n": values.number})
    assert typed["n"][0] is None or isinstance(typed["n"][0], float)
    assert (typed["n"][0] is None) == (typed["unreadable"][0] == {"n": text})


@pytest.mark.parametrize(
    ("parser", "text", "value"),
    [
        (values.whole, "3.0", 3), (values.whole, " 7".strip(), 7), (values.number, "1,200.5", 1200.5),
        (values.money, "$1,234.50", Decimal("1234.50")), (values.hour, "0730", "07"), (values.digits, "12-34", "1234"),
    ],
)  # fmt: skip
def test_values_are_read(parser: values.Parser, text: str, value: Any) -> None:
    assert parser(text) == value


@pytest.mark.parametrize(
    ("parser", "text"),
    [
        (values.whole, "3.5"), (values.whole, "NaN"), (values.whole, "9999999999"), (values.number, "Infinity"),
        (values.number, "12,34"), (values.money, "1.005"), (values.hour, "24"), (values.digits, "12a"),
        (values.digits, "²²"),
    ],
)  # fmt: skip
def test_values_that_are_none_are_refused(parser: values.Parser, text: str) -> None:
    typed = values.type_columns(pd.DataFrame({"c": [text]}, dtype=object), {"c": parser})
    assert typed["c"][0] is None
    assert typed["unreadable"][0] == {"c": text}


def test_missing_stays_missing_and_the_refused_stands_as_delivered_in_its_row() -> None:
    frame = pd.DataFrame({"d": ["2026-10-03", None, "bad", "2026-10-03"], "n": ["1", "x", "y", None]}, dtype=object)
    frame.index = pd.Index([7, 7, 3, 1])  # batches keep their index; a label may stand twice
    typed = values.type_columns(frame, {"d": values.day, "n": values.whole})
    assert list(typed["d"]) == [DAY, None, None, DAY]
    assert list(typed["n"]) == [1, None, None, None]
    assert list(typed["unreadable"]) == [{}, {"n": "x"}, {"d": "bad", "n": "y"}, {}]
    assert list(frame["d"]) == ["2026-10-03", None, "bad", "2026-10-03"]
    empty = values.type_columns(frame.iloc[:0], {"d": values.day})
    assert list(empty.columns) == ["d", "n", "unreadable"]
    assert empty.empty


def test_a_two_digit_year_is_read_where_only_one_century_is_possible() -> None:
    frame = pd.DataFrame({"d": ["10/3/26", "10/3/26", "1/5/30", "10/3/26", "2/30/26", "bad"]}, dtype=object)
    typed = values.type_columns(frame, {"d": values.day}).assign(repairs=[[] for _ in range(6)])
    born = pd.Series([date(1950, 1, 1), date(1920, 1, 1), date(1929, 1, 1), None, date(1950, 1, 1), date(1950, 1, 1)])
    received = pd.Series([date(2026, 10, 5)] * 6)
    settled = values.settle_short_years(typed, ("d",), born, received)
    # born 1920 both 1926 and 2026 are possible; without a birth date nothing is read
    assert list(settled["d"]) == [DAY, None, date(1930, 1, 5), None, None, None]
    assert settled["unreadable"][0] == {}
    assert settled["unreadable"][1] == {"d": "10/3/26"}
    assert settled["repairs"][0] == [{"rule": "two_digit_year", "column": "d", "from": "10/3/26", "to": "2026-10-03"}]
    assert settled["repairs"][1] == []
