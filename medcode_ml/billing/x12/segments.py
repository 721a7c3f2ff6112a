"""How values are written into X12 segments: delimiters, the characters allowed, dates, hours and amounts.

Which segment stands where is the business of `institutional`, `professional` and `loops`; nothing here knows a loop.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from decimal import Decimal
from functools import lru_cache

ELEMENT = "*"
COMPONENT = ":"
REPETITION = "^"
TERMINATOR = "~"

# Basic and extended character set of X12 without our delimiters; everything else becomes a blank.
_NOT_ALLOWED = re.compile(r"[^A-Z0-9 !\"&'()+,\-./;?=%@\[\]_{}\\|<>#$]")
# What is written as it stands, whatever its length.
_PLAIN = re.compile(r"[A-Z0-9]+", re.ASCII)
_BLANKS = re.compile(r" {2,}")
# Letters that carry no separable accent.
_LETTERS = str.maketrans({"ß": "SS", "Æ": "AE", "Ø": "O", "Œ": "OE", "Ł": "L", "Đ": "D", "Þ": "TH", "Ð": "D", "’": "'"})


@lru_cache(maxsize=50_000)
def x12_text(value: str, longest: int) -> str:
    """Return `value` in upper case with only characters X12 can carry, at most `longest` of them.

    Accents are taken off; delimiters and anything outside the character set become blanks. The result is empty when
    nothing can be written.
    """
    if _PLAIN.fullmatch(value):
        return value[:longest]
    # compatibility forms may fold to lower case (a superscript letter), hence upper case once more
    upper = unicodedata.normalize("NFKD", value.upper().translate(_LETTERS)).upper()
    bare = "".join(c for c in upper if not unicodedata.combining(c))
    return _BLANKS.sub(" ", _NOT_ALLOWED.sub(" ", bare)).strip()[:longest].strip()


def segment(*elements: str) -> str:
    """Join elements to one segment with its terminator, empty elements at the end left away."""
    last = len(elements)
    while last and not elements[last - 1]:
        last -= 1
    return ELEMENT.join(elements[:last]) + TERMINATOR


def composite(*components: str) -> str:
    """Join components, empty ones at the end left away."""
    return COMPONENT.join(components).rstrip(COMPONENT)


@lru_cache(maxsize=100_000)
def d8(day: date) -> str:
    """Date as CCYYMMDD."""
    return day.isoformat().replace("-", "")


def rd8(first: date, last: date) -> str:
    """Range of dates as CCYYMMDD-CCYYMMDD."""
    return f"{d8(first)}-{d8(last)}"


def tm(hour: str) -> str:
    """Two-digit hour as HHMM; registration knows no minutes."""
    return f"{int(hour):02d}00"


def amount(value: Decimal) -> str:
    """Amount or quantity as an X12 decimal: no sign of plus, no exponent, no zeros at the end of the fraction."""
    text = str(value)
    if "E" in text:
        text = f"{value:f}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text
