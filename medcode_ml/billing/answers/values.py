"""Reading single elements: amounts as Decimal, dates, and elements that may be missing. Nothing here raises."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

ZERO = Decimal("0.00")
#: what the columns of the tables hold: 14 digits, two of them cents; payers write no more
_AMOUNT = re.compile(r"[+-]?(?:\d{1,12}(?:\.\d{0,6})?|\.\d{1,6})", re.ASCII)


def at(elements: list[str], place: int) -> str:
    """The element at `place` (the segment's name is place 0), empty where the segment ends before it."""
    return elements[place] if place < len(elements) else ""


def text(elements: list[str], place: int) -> str | None:
    """The element at `place`, None where it is empty or missing."""
    return at(elements, place) or None


def amount(written: str) -> Decimal | None:
    """An amount in US dollars, exact; None where it is missing, no number, or has parts of a cent."""
    number = quantity(written)
    if number is None:
        return None
    cents = number.quantize(ZERO)
    return cents if cents == number else None


def quantity(written: str) -> Decimal | None:
    """A number that need not be money: units, days, weights; None where it is missing or no number."""
    return Decimal(written) if _AMOUNT.fullmatch(written) else None


def day(written: str) -> date | None:
    """A date written CCYYMMDD; None where it is missing or no date."""
    if len(written) != 8 or not (written.isascii() and written.isdigit()):
        return None
    try:
        return date(int(written[:4]), int(written[4:6]), int(written[6:]))
    except ValueError:
        return None


def days(qualifier: str, written: str) -> tuple[date | None, date | None]:
    """First and last day of a DTP: D8 is one day, RD8 a range."""
    if qualifier == "RD8":
        first, _, last = written.partition("-")
        return day(first), day(last)
    return day(written), day(written)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Sum in US dollars, 0.00 of nothing."""
    return sum(amounts, ZERO)


def dollars(value: Decimal) -> str:
    """An amount as a sentence says it."""
    return f"{value:.2f} dollars"


def same_number(one: str, other: str) -> bool:
    """Whether two control numbers are the same: leading zeros do not count."""
    return one == other or (one.isdigit() and other.isdigit() and int(one) == int(other))
