"""The form that a line of `medcode rank` must have, checked once, before anything is read of it.

What passes here breaks nothing further in. Every message names the key and what it should hold, never the value, which
may identify a patient. A text where a number belongs ("90+") counts as unknown; what no form of a number can be, or is
beyond any, is refused.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from medcode_ml.contracts.characters import has_half_character

TEXT: Final = "text"
NUMBER: Final = "number"
LISTS: Final[Mapping[str, Mapping[str, str]]] = {
    "procedures": {"code": TEXT, "system": TEXT, "day": NUMBER},
    "medications": {"name": TEXT, "start_day": NUMBER},
    "microbiology": {"specimen": TEXT, "organism": TEXT, "day": NUMBER},
    "units": {"name": TEXT, "start_day": NUMBER, "hours": NUMBER},
}
"""Lists of a line by key, and what the keys of their entries hold."""
CODE_KEYS: Final = {
    "poa": TEXT, "score": NUMBER, "mention_count": NUMBER, "document_types": "places", "assertion": TEXT,
}  # fmt: skip
_STAY: Final = {
    **dict.fromkeys(
        (
            "patient_id", "hospital_id", "setting", "sex", "admission_type", "admission_location", "discharge_location",
            "discharge_status", "insurance", "service",
        ),
        TEXT,
    ),
    **dict.fromkeys(("age", "length_of_stay_days", "icu_hours"), NUMBER),
}  # fmt: skip
_DOCUMENT: Final = {"type": TEXT, "text": TEXT}
_MOST: Final = 1e9
"""No day, age or count is as large."""
_LARGEST_TEXT: Final = 10**18
"""A whole number that stands for a text (an identifier) fits 64 bits."""
_LONGEST_CODE: Final = 200
"""Characters; a longer one is a text that slipped into the codes, and a batch is as wide as its longest code."""
_MOST_PLACES: Final = 1_000_000
_CODE: Final = re.compile(r"[A-Za-z0-9]")


class RankRecordError(ValueError):
    """A line cannot be ranked; the message says what is wrong with it."""


def check_record(record: Mapping[str, Any]) -> None:
    """Raise `RankRecordError` where a line is not an encounter that `rank_records` can read."""
    identity = record.get("encounter_id")
    if not isinstance(identity, str | int) or isinstance(identity, bool) or identity == "":
        raise RankRecordError("encounter_id is missing; give a string that is unique in the file")
    _text(identity, "encounter_id")
    _values(record, _STAY, "")
    day_of(record.get("discharge_date"))
    _codes(record.get("codes"))
    for name, keys in LISTS.items():
        _objects(record, name, keys, f"give {', '.join(keys)}")
    _objects(record, "documents", _DOCUMENT, 'give [{"type": ..., "text": ...}]')
    _services(record.get("services"))
    poa = record.get("poa")
    if poa is not None and not isinstance(poa, Mapping):
        raise RankRecordError('poa is no object; give one of codes and indicators such as {"I50.23": "Y"}')
    for indicator in (poa or {}).values():
        _text(indicator, "an indicator of poa")


def day_of(value: object) -> date | None:
    """The discharge date of a line.

    Raises:
        RankRecordError: it is no date.
    """
    if value is None or value == "":
        return None
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise RankRecordError("discharge_date is no date; write it as 2026-11-15") from None


def _codes(codes: object) -> None:
    if not isinstance(codes, list):
        raise RankRecordError('codes is missing or no list; give a list of ICD-10-CM codes such as ["I50.23"]')
    for place, entry in enumerate(codes, start=1):
        code = entry.get("code") if isinstance(entry, Mapping) else entry
        if not isinstance(code, str) or not code.strip():
            raise RankRecordError(
                f"codes: entry {place} is no text; give a code such as I50.23, or an object with a code key"
            )
        if len(code) > _LONGEST_CODE or not _CODE.search(code):
            raise RankRecordError(
                f"codes: entry {place} is no code: it holds no letter or digit, or more than {_LONGEST_CODE} characters"
            )
        _text(code, f"codes: entry {place}")
        if isinstance(entry, Mapping):
            _values(entry, CODE_KEYS, f"codes: entry {place}: ")


def _objects(record: Mapping[str, Any], name: str, keys: Mapping[str, str], wanted: str) -> None:
    entries = record.get(name)
    if entries is None:
        return
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise RankRecordError(f"{name} is no list of objects; leave it out or {wanted}")
    for place, entry in enumerate(entries, start=1):
        _values(entry, keys, f"{name}: entry {place}: ")


def _services(services: object) -> None:
    if services is None:
        return
    if not isinstance(services, list):
        raise RankRecordError("services is no list; give the hospital services in order")
    for place, entry in enumerate(services, start=1):
        where = f"services: entry {place}"
        _text(entry.get("name") if isinstance(entry, Mapping) else entry, where, " or an object with a name")


def _values(given: Mapping[str, Any], keys: Mapping[str, str], where: str) -> None:
    """Check the values of an object by what its keys hold; absent ones are fine."""
    for key, kind in keys.items():
        value = given.get(key)
        if value is not None:
            _CHECKS[kind](value, where + key)


def _text(value: object, what: str, otherwise: str = "") -> None:
    """A text or a number that stands for one; what exports write as 20.0 is one as well."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, str | int | float)):
        raise RankRecordError(f"{what} must be a text{otherwise}")
    if isinstance(value, int | float) and abs(value) > _LARGEST_TEXT:
        raise RankRecordError(f"{what} must be a text{otherwise}, or a number of at most 18 digits")
    if isinstance(value, str) and has_half_character(value):
        raise RankRecordError(f"{what} holds half of a surrogate pair; write the whole character")


def _number(value: object, what: str) -> None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RankRecordError(f"{what} must be a number")
    try:
        read = float(value)
    except OverflowError:
        read = math.inf
    except ValueError:
        _text(value, what)
        return
    # not a number at all is what some exports write for unknown
    if abs(read) > _MOST:
        raise RankRecordError(f"{what} must be a number of at most {_MOST:,.0f}")


def _places(value: object, what: str) -> None:
    """Where a code is documented: entries [type, section, count] or [type, section, count, place], or their JSON."""
    wrong = RankRecordError(f"{what} must be a list of [type, section, count, place]: two texts, two whole numbers")
    if isinstance(value, float) and math.isnan(value):
        return
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise wrong from None
    if not isinstance(value, list):
        raise wrong
    for entry in value:
        if not isinstance(entry, list) or not 3 <= len(entry) <= 4:
            raise wrong
        if any(text is not None and not isinstance(text, str) for text in entry[:2]):
            raise wrong
        for text in entry[:2]:
            _text(text, what)
        for number in entry[2:]:
            whole = number is None or (isinstance(number, int | float) and not isinstance(number, bool))
            if not whole or (number is not None and not (abs(number) <= _MOST_PLACES and number % 1 == 0)):
                raise wrong


_CHECKS: Final = {TEXT: _text, NUMBER: _number, "places": _places}
