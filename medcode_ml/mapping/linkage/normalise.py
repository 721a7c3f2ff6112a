"""Patient records in the forms that linkage compares. For comparing only: nothing here is stored or shown.

Works on the unique values of a column; a record costs little more than a look-up.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any

import pandas as pd

from medcode_ml.mapping.identity import folded_number

#: columns of `mapped.patient` that linkage reads
PATIENT_COLUMNS = (
    "patient_id", "source", "hospital_id", "mrn", "last_name", "first_name", "birth_date", "sex", "ssn", "address",
    "city", "state", "zip",
)  # fmt: skip
# What a scanner reads for a letter; no name is written with a digit (rule 40).
_LETTERS = str.maketrans("0158264", "OISBZGA")
_DIGITS = str.maketrans("OQDILSBZG", "000115826")
_SUFFIXES = {"JR": "JR", "SR": "SR", "II": "II", "III": "III", "IV": "IV", "JUNIOR": "JR", "SENIOR": "SR"}
_STREET_WORDS = {
    "STREET": "ST", "AVENUE": "AVE", "AV": "AVE", "ROAD": "RD", "LANE": "LN", "COURT": "CT", "DRIVE": "DR",
    "BOULEVARD": "BLVD", "PLACE": "PL", "CIRCLE": "CIR", "TERRACE": "TER", "HIGHWAY": "HWY", "PARKWAY": "PKWY",
    "SQUARE": "SQ", "CRESCENT": "CRES", "NORTH": "N", "SOUTH": "S", "EAST": "E", "WEST": "W", "APARTMENT": "APT",
    "UNIT": "APT", "SUITE": "APT",
}  # fmt: skip
# Written where a number or name is not known; they say nothing about who somebody is.
_NO_NAME = {"", "UNKNOWN", "UNK", "NONE", "NA", "TEST", "PATIENT", "DOE"}
_NO_SSN = {"123456789", "987654321", "078051120"}
_UNNAMED_NEWBORN = re.compile(r"^(BABY ?(BOY|GIRL)?|(BABY ?)?(BOY|GIRL|MALE|FEMALE)|NEWBORN|INFANT)( [A-D1-4])?$")
_SHARED_SSN = 8  # a number on more records than this is a placeholder of somebody's system


def comparable(patients: pd.DataFrame) -> pd.DataFrame:
    """Return one row a patient record in comparable form, in the order of `patients`; None where nothing is known.

    Lists: `first_known` the given name with the full names it is short for, `last_parts` the parts of a double name.
    """
    patients = _with_unreadable(patients)
    given = _by_value(patients["first_name"], _name)
    family = _by_value(patients["last_name"], _name)
    first = given.map(lambda found: found[0] if found else None)
    last = family.map(lambda found: found[0] if found else None)
    suffix = [(f or g or ("", None))[1] or (g or ("", None))[1] for f, g in zip(family, given, strict=True)]
    born = _by_value(patients["birth_date"], _date)
    ssn = _by_value(patients["ssn"], _ssn)
    counted = ssn.map(ssn.value_counts())
    first_key, last_key = _by_value(first, skeleton), _by_value(last, skeleton)
    both = [sorted((f, g)) if f and g else None for f, g in zip(first_key, last_key, strict=True)]
    frame = pd.DataFrame(
        {
            "patient_id": patients["patient_id"].to_numpy(),
            "hospital": (patients["source"].astype(str) + "|" + patients["hospital_id"].astype(str)).to_numpy(),
            "mrn": [folded_number(m) if m else None for m in patients["mrn"]],
            "first_name": first.to_numpy(),
            "last_name": last.to_numpy(),
            "suffix": suffix,
            "first_known": _by_value(first, full_names).to_numpy(),
            "last_parts": _by_value(last, str.split).to_numpy(),
            "birth_date": born.to_numpy(),
            "sex": [s if s in ("M", "F") else None for s in patients["sex"]],
            "ssn": ssn.where(~(counted > _SHARED_SSN), None).to_numpy(),
            "address": _by_value(patients["address"], _address).to_numpy(),
            "zip5": _by_value(patients["zip"], _zip).to_numpy(),
            "first_key": first_key.to_numpy(),
            "last_key": last_key.to_numpy(),
            "name_key": [f"{b[0]} {b[1]}" if b else None for b in both],
        },
        dtype=object,
    )
    frame["birth_year"] = _by_value(frame["birth_date"], lambda d: d[:4])
    frame["birth_month_day"] = _by_value(frame["birth_date"], lambda d: d[4:])
    parts = _by_value(frame["address"], _house_and_street)
    frame["house"] = parts.map(lambda p: p[0] if p else None).astype(object)
    frame["street"] = parts.map(lambda p: p[1] if p else None).astype(object)
    frame["address_key"] = parts.map(lambda p: f"{p[0] or ''} {skeleton(p[1])}" if p and p[1] else None).astype(object)
    frame["first_letter"], frame["last_letter"] = frame["first_key"].str[:1], frame["last_key"].str[:1]
    return frame.where(frame.notna(), None)


def _with_unreadable(patients: pd.DataFrame) -> pd.DataFrame:
    """Put delivered values that could not be typed back in, for comparing: one misread digit leaves the others."""
    if "unreadable" not in patients:
        return patients
    filled = {n: patients[n].to_numpy(dtype=object).copy() for n in ("birth_date", "ssn", "zip")}
    for row, unreadable in enumerate(patients["unreadable"]):
        for name in (unreadable or {}).keys() & filled.keys():
            filled[name][row] = unreadable[name]
    return patients.assign(**filled)


def skeleton(name: str) -> str:
    """Return the key by which names are brought together: first letter and consonants, doubled ones once, four at most.

    A vowel misheard or misread, a doubled letter and most endings leave it as it is: SMITH and SMYTHE are both `SMTH`.
    """
    plain = name.replace(" ", "").replace("PH", "F")
    kept = plain[:1] + re.sub(r"[AEIOUYHW]", "", plain[1:])
    return re.sub(r"(.)\1+", r"\1", kept)[:4]


def full_names(first_name: str) -> list[str]:
    """Return the name and the full names it is short for (package `nicknames`): BOB gives BOB and ROBERT, ..."""
    head = first_name.split(" ")[0]
    return sorted({first_name, head, *(n.upper() for n in _nicknamer().canonicals_of(head.lower()))})


@lru_cache(maxsize=1)
def _nicknamer() -> Any:
    from nicknames import NickNamer

    return NickNamer()


def _by_value(column: pd.Series, form: Callable[[Any], Any]) -> pd.Series:
    """Apply `form` to each distinct value once; missing stays None."""
    known = {value: form(value) for value in pd.unique(column.dropna())}
    return pd.Series([known.get(v) if v is not None else None for v in column], index=column.index, dtype=object)


def plain_letters(text: str) -> str:
    """Return the text in upper case without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.upper()) if not unicodedata.combining(c))


def _name(text: str) -> tuple[str, str | None] | None:
    letters = re.sub(r"['’`.]", "", plain_letters(str(text)).translate(_LETTERS))
    words = re.sub(r"[^A-Z]+", " ", letters).split()
    suffix = next((_SUFFIXES[w] for w in words[1:] if w in _SUFFIXES), None)
    name = " ".join(w for n, w in enumerate(words) if n == 0 or w not in _SUFFIXES)
    if name in _NO_NAME or _UNNAMED_NEWBORN.match(name):
        return None
    return name, suffix


def _date(day: Any) -> str | None:
    if isinstance(day, date):
        return f"{day:%Y%m%d}"
    digits = re.sub(r"\D", "", str(day).upper().translate(_DIGITS))
    # month first where the year stands last, as the mapping reads it
    digits = digits[4:] + digits[:4] if re.match(r"^\W*\w{1,2}/", str(day)) else digits
    return digits if len(digits) in (7, 8) else None  # a digit may have been lost


def _ssn(text: str) -> str | None:
    digits = re.sub(r"\D", "", str(text).upper().translate(_DIGITS))
    if len(digits) < 4 or len(set(digits)) == 1 or digits in _NO_SSN:
        return None
    return digits


def _zip(text: str) -> str | None:
    return re.sub(r"\D", "", str(text).upper().translate(_DIGITS))[:5] or None


def _address(text: str) -> str | None:
    words = re.sub(r"[^A-Z0-9]+", " ", plain_letters(str(text))).split()
    # a house number holds digits, a street holds letters: what a scanner mixed up is put right for comparing
    words = [w.translate(_DIGITS) if re.match(r"^[\dOIlSB]*\d", w) else w.translate(_LETTERS) for w in words]
    return " ".join(_STREET_WORDS.get(w, w) for w in words) or None


def _house_and_street(address: str) -> tuple[str | None, str | None]:
    found = re.match(r"^(\d\S*)\s+(.+)$", address)
    return (found[1], found[2]) if found else (None, address)
