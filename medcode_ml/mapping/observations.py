"""Vital signs and results in one form: standard name and LOINC code, value as a number in the standard UCUM unit.

What is not known, or cannot be converted, keeps name, value and unit as delivered. Impossible values pass: to judge
them is the filter's business.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from medcode_ml.codes.observed import Observed, observed
from medcode_ml.mapping.units import UnitError, conversion, ucum

_NUMBER = r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|[+-]?\.\d+"
_FLAG = r"\(?\s*(?P<{}>HH|LL|H|L|A|HIGH|LOW|ABN|\*)\s*\)?"
_VALUE = re.compile(
    rf"(?:{_FLAG.format('before')}\s+)?(?P<bound>[<>]=?|≤|≥)?\s*(?P<number>{_NUMBER})(?:[eE](?P<power>[+-]?\d{{1,2}}))?"
    rf"(?:\s+{_FLAG.format('after')})?(?:\s*(?P<unit>[%°/A-Za-zµμ\[][^\s]{{0,14}}))?(?:\s+{_FLAG.format('last')})?",
    re.ASCII,
)
_PRESSURE = re.compile(r"(?P<systolic>\d{2,3})\s*/\s*(?P<diastolic>\d{2,3})(?:\s*mm\s?hg)?", re.ASCII | re.IGNORECASE)
_FLAGS = {"HH": "H", "HIGH": "H", "H": "H", "LL": "L", "LOW": "L", "L": "L", "A": "A", "ABN": "A", "*": "A"}
_PRESSURE_CODE = "8480-6"


@dataclass(frozen=True, slots=True)
class Value:
    """A delivered value read: the number (of a bound such as <0.01 the bound), a flag and a unit written beside it."""

    number: float | None
    flag: str | None = None
    unit: str | None = None
    pressure: bool = False


def read_value(text: str) -> Value:
    """Read a value as laboratories write it; words ("positive", "1+", "5-10") have no number."""
    bare = text.strip()
    if found := _PRESSURE.fullmatch(bare):
        return Value(float(found["systolic"]), pressure=True)
    found = _VALUE.fullmatch(bare)
    if found is None:
        return Value(None)
    number = float(found["number"].replace(",", "") + (f"e{found['power']}" if found["power"] else ""))
    flag = found["before"] or found["after"] or found["last"]
    unit = found["unit"]
    if unit is not None and flag is None and unit.upper() in _FLAGS:
        flag, unit = unit.upper(), None  # 7.4H
    return Value(number, _FLAGS.get(flag.upper()) if flag else None, unit)


def standard_observations(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `frame` (raw.observation columns, rows joined to encounters) in the form of mapped.observation.

    Sets kind, name, code, value, value_text, unit, source_unit and flag; drops code_system; every other column is
    carried. Of a blood pressure written 120/80 the value is the systolic one, the text keeps both. Names, units and
    values are each read once however often they stand in the frame.
    """
    count = len(frame)
    pairs, pair_of = _unique(frame, ["name", "code", "code_system", "unit"])
    texts_of, texts = pd.factorize(frame["value"].to_numpy(dtype=object))
    values = [read_value(str(t)) for t in texts]
    numbers = np.array([np.nan if v.number is None else v.number for v in values] + [np.nan])[texts_of]
    beside = np.array([*(v.unit for v in values), None], dtype=object)[texts_of]
    pressures = np.array([*(v.pressure for v in values), False], dtype=bool)[texts_of]
    flags = np.array([*(v.flag for v in values), None], dtype=object)[texts_of]

    known = [observed(name, code, system) for name, code, system, _ in pairs]
    delivered_unit = frame["unit"].to_numpy(dtype=object)
    own_unit = np.array([bool(u and str(u).strip()) for _, _, _, u in pairs], dtype=bool)[pair_of] if count else pair_of
    unit = delivered_unit.copy()
    value = np.full(count, None, dtype=object)
    readable = ~np.isnan(numbers)
    value[readable] = numbers[readable]

    # each (observation, unit) is converted once, all its rows together
    written = np.where(own_unit.astype(bool), delivered_unit, beside)
    groups = pd.Series(list(zip(pair_of.tolist(), written.tolist(), pressures.tolist(), strict=True)), dtype=object)
    places, combos = pd.factorize(groups)
    order = np.argsort(places, kind="stable")
    bounds = np.searchsorted(places[order], np.arange(len(combos) + 1))
    for at, (pair, text, is_pressure) in enumerate(combos):
        rows = order[bounds[at] : bounds[at + 1]]
        standard, factor, offset = _standard_unit(known[pair], text, is_pressure)
        unit[rows] = standard
        if (factor, offset) != (1.0, 0.0):
            hit = rows[readable[rows]]
            value[hit] = [_rounded(n) for n in numbers[hit] * factor + offset]
    given = frame["flag"].to_numpy(dtype=object)
    names = np.array([n.name if n else p[0] for n, p in zip(known, pairs, strict=True)] or [None], dtype=object)
    codes = np.array([n.code if n else _loinc(p) for n, p in zip(known, pairs, strict=True)] or [None], dtype=object)
    kinds = np.array([n.kind if n else None for n in known] or [None], dtype=object)
    told = frame["kind"].to_numpy(dtype=object)
    made = {
        "kind": np.where(pd.isna(kinds[pair_of]), told, kinds[pair_of]) if count else told,
        "name": names[pair_of] if count else told,
        "code": codes[pair_of] if count else told,
        "value": value,
        "value_text": frame["value"].to_numpy(dtype=object),
        "unit": unit,
        "source_unit": delivered_unit,
        "flag": np.where(pd.isna(given), flags, given),
    }
    standard_frame = frame.drop(columns=["code_system"])
    return standard_frame.assign(**{n: pd.Series(v, index=frame.index, dtype=object) for n, v in made.items()})


def _unique(frame: pd.DataFrame, names: list[str]) -> tuple[list[tuple[Any, ...]], np.ndarray[Any, Any]]:
    """Distinct rows of some columns (missing is None), and the place of each row among them."""
    codes = np.zeros(len(frame), dtype=np.int64)
    for name in names:
        places, values = pd.factorize(frame[name].to_numpy(dtype=object))
        codes = codes * (len(values) + 1) + places + 1
    _, first, place = np.unique(codes, return_index=True, return_inverse=True)
    rows = frame[names].iloc[first].astype(object)
    return list(rows.where(rows.notna(), None).itertuples(index=False, name=None)), place


def _standard_unit(kind: Observed | None, text: Any, is_pressure: bool) -> tuple[str | None, float, float]:
    """(unit, factor, offset) of values written in `text`; what cannot be converted keeps its unit as written."""
    written = text if isinstance(text, str) and text.strip() else None
    if kind is None:
        return ucum(written) or written, 1.0, 0.0
    if written is None:
        # a pressure written 120/80 has one unit everywhere; nothing else is assumed
        bare = kind.unit in ("{INR}", "[pH]") or (is_pressure and kind.code == _PRESSURE_CODE)
        return (kind.unit if bare else None), 1.0, 0.0
    read = ucum(written)
    if read is None:
        return written, 1.0, 0.0
    try:
        factor, offset = conversion(kind, read)
    except UnitError:
        return read, 1.0, 0.0
    return kind.unit, factor, offset


def _rounded(number: float) -> float:
    """Seven significant digits: a conversion adds none, and binary noise is not carried."""
    return float(f"{number:.7g}")


def _loinc(pair: tuple[Any, ...]) -> str | None:
    _, code, system, _ = pair
    return code if code and str(system or "").strip().upper() == "LOINC" else None
