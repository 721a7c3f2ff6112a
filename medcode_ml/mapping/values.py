"""Delivered text turned into typed values. What cannot be typed is kept as delivered in `unreadable`, never guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import pandas as pd

Parser = Callable[[str], Any]

_MONTHS = {
    name: number
    for number, names in enumerate(
        (("jan", "january"), ("feb", "february"), ("mar", "march"), ("apr", "april"), ("may",), ("jun", "june"),
         ("jul", "july"), ("aug", "august"), ("sep", "sept", "september"), ("oct", "october"), ("nov", "november"),
         ("dec", "december")), 1,
    )
    for name in names
}  # fmt: skip
_YEAR = r"(?P<y>\d{4})"
_TIME = r"(?:[T ]+\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp][Mm])?(?: ?(?:Z|[+-]\d{2}:?\d{2}))?)?"
_NAME = r"(?P<name>[A-Za-z]{3,9})\.?"
#: the forms hospitals send, month before day where both are numbers (United States)
_FORMS = tuple(
    re.compile(form, re.ASCII)
    for form in (
        rf"{_YEAR}-(?P<m>\d{{1,2}})-(?P<d>\d{{1,2}}){_TIME}",
        rf"{_YEAR}/(?P<m>\d{{1,2}})/(?P<d>\d{{1,2}}){_TIME}",
        rf"(?P<m>\d{{1,2}})/(?P<d>\d{{1,2}})/{_YEAR}{_TIME}",
        rf"(?P<m>\d{{1,2}})-(?P<d>\d{{1,2}})-{_YEAR}{_TIME}",
        # HL7: a day, or a day with a time down to fractions of a second and a zone
        rf"{_YEAR}(?P<m>\d{{2}})(?P<d>\d{{2}})(?:\d{{2}}(?:\d{{2}}(?:\d{{2}}(?:\.\d{{1,4}})?)?)?)?(?:[+-]\d{{4}})?",
        rf"(?P<d>\d{{1,2}})[ -]{_NAME}[ ,-]+{_YEAR}{_TIME}",
        rf"{_NAME} (?P<d>\d{{1,2}})(?:st|nd|rd|th)?,? {_YEAR}{_TIME}",
    )
)
_SHORT_YEAR = re.compile(r"(?P<m>\d{1,2})[/-](?P<d>\d{1,2})[/-](?P<y>\d{2})", re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 1800, 2299  # research data are shifted into the 22nd century


def day(text: str) -> date:
    """Parse a date with a four-digit year; a time after it is dropped.

    Forms: ISO, YYYYMMDD and HL7 timestamps, month/day/year, 3-Oct-2026, Oct 3, 2026. Anything else raises ValueError:
    two-digit years (see `settle_short_years`), serial numbers of spreadsheets, partial dates.
    """
    if len(text) == 10 and text[4] == "-" and text[7] == "-":
        return _plausible(date.fromisoformat(text))
    for form in _FORMS:
        if found := form.fullmatch(text):
            part = found.groupdict()
            name = part.get("name")
            month = _MONTHS.get(name.lower(), 0) if name else int(part["m"])
            return _plausible(date(int(part["y"]), month, int(part["d"])))
    raise ValueError("not a date with a four-digit year")


def _plausible(found: date) -> date:
    if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        raise ValueError("not a year of a living record")
    return found


def whole(text: str) -> int:
    """Parse a whole number; `3.0` is 3, `3.5` raises ValueError."""
    if len(text) < 10 and text.isdecimal():
        return int(text)
    number = Decimal(text)
    if not number.is_finite() or number != number.to_integral_value() or abs(number) > 2_000_000_000:
        raise ValueError("not a whole number")
    return int(number)


def number(text: str) -> float:
    """Parse a finite number, with or without thousands separators."""
    value = Decimal(text.replace(",", "") if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", text) else text)
    if not value.is_finite():
        raise ValueError("not a finite number")
    return float(value)


def money(text: str) -> Decimal:
    """Parse US dollars, with or without $ and thousands separators; at most two decimals, at most 12 digits."""
    amount = Decimal(text.replace("$", "").replace(",", ""))
    if not amount.is_finite() or amount != round(amount, 2) or abs(amount) >= 10**12:
        raise ValueError("not an amount in dollars and cents")
    return round(amount, 2)


def two_digits(text: str) -> str:
    """Return a one or two-digit number with its leading zero."""
    if not re.fullmatch(r"\d{1,2}", text, re.ASCII):
        raise ValueError("not one or two digits")
    return text.zfill(2)


def hour(text: str) -> str:
    """Return an hour 00 to 23 out of `7`, `07`, `0730` or `07:30`."""
    found = re.fullmatch(r"(\d{1,2})(:?\d{2})?", text, re.ASCII)
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
    kept = text.replace(" ", "").replace("-", "")
    if not (kept.isascii() and kept.isdigit()):
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

    Missing stays None; a value that its parser refuses becomes None and stands in `unreadable`. Each value is parsed
    once however often it stands in a column. Rows with nothing unreadable share one empty dict: do not change it.
    """
    typed = frame.copy()
    unreadable = np.empty(len(frame), dtype=object)
    unreadable[:] = [{}] * len(frame)
    for name, parser in parsers.items():
        places, texts = pd.factorize(frame[name].to_numpy(dtype=object), use_na_sentinel=True)
        # the place of a missing value is -1: the last, which stays None
        parsed = np.empty(len(texts) + 1, dtype=object)
        refused = []
        for at, text in enumerate(texts):
            try:
                parsed[at] = parser(text.strip() if isinstance(text, str) else str(text).strip())
            except (ValueError, InvalidOperation):
                refused.append(at)
        typed[name] = pd.Series(parsed[places], index=frame.index, dtype=object)
        if refused:
            for row in np.flatnonzero(np.isin(places, refused)):
                unreadable[row] = {**unreadable[row], name: texts[places[row]]}
    typed["unreadable"] = pd.Series(unreadable, index=frame.index, dtype=object)
    return typed


def settle_short_years(
    typed: pd.DataFrame, columns: tuple[str, ...], earliest: pd.Series[Any], latest: pd.Series[Any]
) -> pd.DataFrame:
    """Read dates with a two-digit year (10/3/26) where only one century is possible; the others stay unreadable.

    `typed` comes from `type_columns`; `earliest` and `latest` (dates or None, same index) bound the row's dates: the
    birth date and the received day for dates of a stay, a long life before the received day for a birth date. With a
    bound missing nothing is read. A date read is noted in `repairs` where the frame has that column.
    """
    waiting = np.flatnonzero(np.fromiter((bool(u) for u in typed["unreadable"]), dtype=bool, count=len(typed)))
    if not len(waiting):
        return typed
    settled = typed.copy(deep=False)
    cells = {name: settled[name].to_numpy(dtype=object, copy=True) for name in (*columns, "unreadable")}
    if "repairs" in settled:
        cells["repairs"] = settled["repairs"].to_numpy(dtype=object, copy=True)
    first, last = earliest.to_numpy(dtype=object), latest.to_numpy(dtype=object)
    for row in waiting:
        for name in columns:
            text = cells["unreadable"][row].get(name)
            found = _SHORT_YEAR.fullmatch(text.strip()) if isinstance(text, str) else None
            if found is None or not isinstance(first[row], date) or not isinstance(last[row], date):
                continue
            possible = [d for d in _in_each_century(found) if first[row] <= d <= last[row]]
            if len(possible) == 1:
                cells[name][row] = possible[0]
                cells["unreadable"][row] = {k: v for k, v in cells["unreadable"][row].items() if k != name}
                if "repairs" in cells:
                    repair = {"rule": "two_digit_year", "column": name, "from": text, "to": possible[0].isoformat()}
                    cells["repairs"][row] = [*cells["repairs"][row], repair]
    for name, values in cells.items():
        settled[name] = pd.Series(values, index=settled.index, dtype=object)
    return settled


def _in_each_century(found: re.Match[str]) -> list[date]:
    dates = []
    for century in (1800, 1900, 2000, 2100):
        try:
            dates.append(date(century + int(found["y"]), int(found["m"]), int(found["d"])))
        except ValueError:
            continue  # 29 February of a year that has none, or no date at all
    return dates
