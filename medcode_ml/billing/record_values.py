"""Reading single values of a JSON record: text, date, amount, list. What they mean is the business of `records`.

Every message names the key and what it should hold, never the value, which may identify a patient.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from medcode_ml.contracts.characters import has_half_character

MOST = 1_000_000_000
"""An amount or quantity of this size or more is a slip of the pen; it would not fit the tables."""
MOST_DECIMALS = 20
"""A binary float that was read from a text has fewer; 1e-9999999 would be a text of ten million digits."""
FIRST_YEAR, LAST_YEAR = 1850, 2150
"""Nobody alive was born before, no claim is filed after; beyond, days cannot be counted from every date."""


class RecordError(ValueError):
    """A record cannot be read; the message names the key and what it should hold, never its value."""


def text(record: Mapping[str, Any], key: str) -> str | None:
    """A text or whole number as text without blanks around it; None where absent or empty."""
    value = record.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise RecordError(f"{key} must be a text")
    written = str(value).strip()
    if has_half_character(written):
        raise RecordError(f"{key} holds half of a surrogate pair; write the whole character")
    return written or None


def day(record: Mapping[str, Any], key: str) -> date | None:
    """A date in ISO form, a time after it left away."""
    written = text(record, key)
    if written is None:
        return None
    try:
        read = datetime.fromisoformat(written).date()
    except ValueError:
        raise RecordError(f"{key} must be a date written YYYY-MM-DD") from None
    if not FIRST_YEAR <= read.year <= LAST_YEAR:
        raise RecordError(f"{key} must lie between {FIRST_YEAR} and {LAST_YEAR}")
    return read


def whole_years(record: Mapping[str, Any], key: str) -> int | None:
    """A number of years without fraction."""
    value = record.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not -MOST < value < MOST or value % 1:
        raise RecordError(f"{key} must be a whole number of years")
    return int(value)


def truth(record: Mapping[str, Any], key: str) -> bool:
    """True or false; absent counts as false."""
    value = record.get(key)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise RecordError(f"{key} must be true or false")


def number(record: Mapping[str, Any], key: str) -> Decimal | None:
    """An amount or quantity, exactly as written; None where absent or empty."""
    value = record.get(key)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise RecordError(f'{key} must be an amount, written as a text such as "9500.00"')
    try:
        # a JSON number arrives as a binary float; its shortest text is the number that was written
        read = Decimal(str(value).strip())
    except InvalidOperation:
        raise RecordError(f'{key} must be an amount, written as a text such as "9500.00"') from None
    # compared, not made absolute: an exponent beyond the context's would overflow
    if not read.is_finite() or not -MOST < read < MOST:
        raise RecordError(f"{key} must be a finite amount below {MOST:,}")
    exponent = read.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -MOST_DECIMALS:
        raise RecordError(f"{key} must be an amount of at most {MOST_DECIMALS} decimals")
    return read


def texts(record: Mapping[str, Any], key: str) -> list[str]:
    """A list of texts within the record, as they are written; empty where absent."""
    found = items(record, key)
    if not all(isinstance(item, str) for item in found):
        raise RecordError(f"{key} must be a list of texts")
    if any(has_half_character(item) for item in found):
        raise RecordError(f"{key} holds half of a surrogate pair; write the whole character")
    return found


def group(record: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """An object within the record; empty where absent."""
    value = record.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise RecordError(f"{key} must be an object")
    return value


def items(record: Mapping[str, Any], key: str) -> list[Any]:
    """A list within the record; empty where absent."""
    value = record.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise RecordError(f"{key} must be a list")
    return value


def objects(record: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """A list of objects within the record; empty where absent."""
    found = items(record, key)
    if not all(isinstance(item, Mapping) for item in found):
        raise RecordError(f"{key} must be a list of objects")
    return found
