"""Delivered text turned into typed values. What cannot be typed is kept as delivered in `unreadable`, never guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import pandas as pd

Parser = Callable[[str], Any]

_FORMATS = ("%Y-%m-%d", "%Y%m%d", "%m/%d/%Y", "%d-%b-%Y")
_WITH_TIME = re.compile(r"^(\d{4}-\d{2}-\d{2})[T ]\d{2}:\d{2}(:\d{2})?(\.\d+)?(Z|[+-]\d{2}:?\d{2})?$")


def day(text: str) -> date:
    """Parse a date with a four-digit year; a time after it is dropped. Raises ValueError otherwise."""
    if with_time := _WITH_TIME.match(text):
        text = with_time[1]
    for form in _FORMATS:
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    raise ValueError("not a date with a four-digit year")


def whole(text: str) -> int:
    """Parse a whole number; `3.0` is 3, `3.5` raises ValueError."""
    number = Decimal(text)
    if number != number.to_integral_value() or abs(number) > 2_000_000_000:
        raise ValueError("not a whole number")
    return int(number)


def money(text: str) -> Decimal:
    """Parse US dollars, with or without $ and thousands separators; at most two decimals, at most 12 digits."""
    amount = Decimal(text.replace("$", "").replace(",", ""))
    if not amount.is_finite() or amount != round(amount, 2) or abs(amount) >= 10**12:
        raise ValueError("not an amount in dollars and cents")
    return round(amount, 2)


def two_digits(text: str) -> str:
    """Return a one or two-digit number with its leading zero."""
    if not re.fullmatch(r"\d{1,2}", text):
        raise ValueError("not one or two digits")
    return text.zfill(2)


def hour(text: str) -> str:
    """Return an hour 00 to 23 out of `7`, `07`, `0730` or `07:30`."""
    found = re.fullmatch(r"(\d{1,2})(:?\d{2})?", text)
    if not found or int(found[1]) > 23:
        raise ValueError("not an hour from 00 to 23")
    return found[1].zfill(2)


def sex(text: str) -> str:
    """Return M, F or U."""
    letter = {"M": "M", "MALE": "M", "F": "F", "FEMALE": "F", "U": "U", "UNKNOWN": "U"}.get(text.upper())
    if letter is None:
        raise ValueError("not M, F or U")
    return letter


def setting(text: str) -> str:
    """Return inpatient or outpatient."""
    word = text.strip().lower()
    if word not in ("inpatient", "outpatient"):
        raise ValueError("not inpatient or outpatient")
    return word


def digits(text: str) -> str:
    """Return the text without spaces and hyphens; ValueError when something else than digits is left."""
    kept = re.sub(r"[\s-]", "", text)
    if not kept.isdigit():
        raise ValueError("not digits")
    return kept


def words(text: str) -> str:
    """Return the text with its outer and repeated white space folded."""
    return " ".join(text.split())


def listed(text: str) -> list[str]:
    """Split a field separated by |."""
    return [part.strip() for part in text.split("|") if part.strip()]


def type_columns(frame: pd.DataFrame, parsers: Mapping[str, Parser]) -> pd.DataFrame:
    """Return `frame` with the columns of `parsers` typed and a column `unreadable` {column: value as delivered}.

    Missing stays None; a value that its parser refuses becomes None and stands in `unreadable`.
    """
    typed = frame.copy()
    unreadable: list[dict[str, str]] = [{} for _ in range(len(frame))]
    for name, parser in parsers.items():
        known: dict[str, Any] = {}
        refused: set[str] = set()
        for text in pd.unique(frame[name].dropna()):
            try:
                known[text] = parser(str(text).strip())
            except (ValueError, InvalidOperation):
                refused.add(text)
        typed[name] = pd.Series([known.get(v) for v in frame[name]], index=frame.index, dtype=object)
        if refused:
            for at, value in enumerate(frame[name]):
                if value in refused:
                    unreadable[at][name] = value
    typed["unreadable"] = pd.Series(unreadable, index=frame.index, dtype=object)
    return typed
