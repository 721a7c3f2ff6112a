"""Repairs of misread values: only where a check digit, a form or a table confirms exactly one reading (rule 40)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import prod
from typing import Any

import numpy as np
import pandas as pd

from medcode_ml.codes import identifiers
from medcode_ml.codes.codeset import CodeSet
from medcode_ml.filtering.columns import Batch, Mask, release_places
from medcode_ml.filtering.rule import Rule

#: identifier of a rule -> whether a value is one
IDENTIFIERS: dict[str, Callable[[str], bool]] = {
    "npi": identifiers.npi_is_valid,
    "mbi": identifiers.mbi_is_valid,
    "ssn": identifiers.ssn_is_valid,
    "ndc": lambda value: len(value) == 11 and identifiers.ndc_11(value) == value,
    "revenue_code": identifiers.revenue_code_is_valid,
    "revenue_category": identifiers.revenue_code_is_assigned,
    "hcpcs": identifiers.hcpcs_is_valid,
    "procedure_code": identifiers.procedure_code_is_valid,
    "modifier": identifiers.modifier_is_valid,
    "taxonomy": identifiers.taxonomy_is_valid,
    "zip": identifiers.zip_is_valid,
    "ein": identifiers.ein_is_valid,
    "icd10cm": identifiers.icd10cm_has_format,
    "icd10pcs": identifiers.icd10pcs_has_format,
}
#: identifiers that nothing confirms a reading of: no check digit, and nearly every string of digits has the form
UNCONFIRMED = frozenset({"ssn", "zip", "ein", "modifier", "taxonomy", "icd10cm", "icd10pcs"})
#: what readers of pages take for one another; a character stands for itself and its partner
_PAIRS = (("O", "0"), ("I", "1"), ("S", "5"), ("B", "8"), ("Z", "2"))
CONFUSED = dict(_PAIRS) | {digit: letter for letter, digit in _PAIRS}
MOST_READINGS = 4096
#: identifiers that can have one reading only, and what confirms it: numbers, and the MBI, whose letters leave out
#: those that look like digits (rule 36)
_DIGITS: dict[str, Callable[[str], bool]] = {
    "npi": identifiers.npi_is_valid,
    "mbi": identifiers.mbi_is_valid,
    "revenue_code": identifiers.revenue_code_is_assigned,
    "revenue_category": identifiers.revenue_code_is_assigned,
}
_BLANKS = str.maketrans("", "", " \t\u00a0\u2010\u2011\u2012\u2013-")


def repaired(value: str, kind: str) -> str | None:
    """Return `value` put right where the check digit or form of `kind` confirms exactly one reading, else None.

    A value that is good as it stands, and a kind that nothing confirms (`UNCONFIRMED`), give None. An NDC in hyphens is
    brought to its eleven digits by position (rule 37); hyphens and blanks inside other identifiers are dropped.
    """
    good = IDENTIFIERS[kind]
    if kind in UNCONFIRMED or good(value):
        return None
    if kind == "ndc":
        return identifiers.ndc_11(_as_digits(value.strip().upper()))
    if kind in _DIGITS:
        reading = _as_digits(value.upper().translate(_BLANKS))
        return reading if _DIGITS[kind](reading) else None
    confirmed = [r for r in readings(value) if good(r)]
    return confirmed[0] if len(confirmed) == 1 else None


def readings(value: str) -> list[str]:
    """Every reading of `value`, itself in upper case and without blanks first; empty where there are too many."""
    plain = value.upper().translate(_BLANKS)
    choices = [c + CONFUSED.get(c, "") for c in plain]
    if not plain or prod(len(c) for c in choices) > MOST_READINGS:
        return []
    return ["".join(r) for r in product(*choices)]


def repaired_by_table(values: pd.Series, valid: Callable[[pd.Series], pd.Series]) -> pd.Series:
    """Put misread values right where exactly one reading of each is in a table.

    `valid` answers for a column of readings which of them the table has; it is asked once. Returns the reading, None
    where there is no repair: no reading, or several. Same index as `values`.
    """
    places, different = pd.factorize(values.to_numpy(dtype=object), use_na_sentinel=True)
    asked: list[str] = []
    owner: list[int] = []
    for at, value in enumerate(different):
        possible = readings(value)
        asked += possible
        owner += [at] * len(possible)
    better = np.full(len(different) + 1, None, dtype=object)
    if asked:
        known = np.asarray(valid(pd.Series(asked, dtype=object)), dtype=bool)
        hits = pd.DataFrame({"owner": np.array(owner)[known], "reading": np.array(asked, dtype=object)[known]})
        alone = hits.drop_duplicates("owner", keep=False)
        better[alone["owner"].to_numpy()] = alone["reading"].to_numpy()
    found = pd.Series(better[places], index=values.index, dtype=object)
    return found.where(found.to_numpy() != values.to_numpy(dtype=object), None)


def mended(frame: pd.DataFrame | Batch, rule: Rule, bad: pd.Series) -> pd.Series:
    """The better values of the first column of a rule with `repair`, for the records where `bad`; None where none.

    The index is that of the bad records. The caller puts them in, notes {rule, column, from, to} and asks again.
    """
    batch = Batch.of(frame)
    values = batch.column(rule.columns[0])[bad.to_numpy()]
    if rule.check == "checksum":
        kind = rule.options["identifier"]
        known = {v: repaired(v, kind) for v in pd.unique(values.dropna())}
        return pd.Series([known.get(v) for v in values], index=values.index, dtype=object)
    if "code_set" not in rule.options:
        return repaired_by_table(values, lambda asked: asked.isin(rule.options["allowed"]))
    at, releases = release_places(batch.column(rule.columns[1])[bad.to_numpy()])
    found = pd.Series([None] * len(values), index=values.index, dtype=object)
    for place, release in enumerate(releases):
        if release is not None:
            codes = CodeSet.on(release.start, rule.options["code_set"])
            found[at == place] = _as_written(repaired_by_table(values[at == place], codes.billable_mask), rule)
    return found


def put_right(batch: Batch, rule: Rule, bad: Mask) -> Mask:
    """Put the better values of `mended` into the batch and note each in `repairs`; say which records were put right."""
    better = mended(batch, rule, batch.series(bad)).to_numpy(dtype=object)
    places = np.flatnonzero(bad)[pd.notna(better)]
    right = np.zeros(len(batch), dtype=bool)
    if not len(places):
        return right
    column = rule.columns[0]
    values = batch.column(column).to_numpy(dtype=object).copy()
    notes = batch.column("repairs").to_numpy(dtype=object).copy()
    now = better[pd.notna(better)]
    for at, was, value in zip(places.tolist(), values[places], now, strict=True):
        notes[at] = [*notes[at], repair_note(rule.name, column, was, value)]
    values[places] = now
    index = batch.frame.index
    batch.replace(column, pd.Series(values, index=index, dtype=object))
    batch.replace("repairs", pd.Series(notes, index=index, dtype=object))
    right[places] = True
    return right


def repair_note(rule: str, column: str, was: Any, now: Any) -> dict[str, str]:
    """The note that stands in `repairs` of a record: raw value, repaired value and rule side by side."""
    return {"rule": rule, "column": column, "from": str(was), "to": str(now)}


def _as_written(codes: pd.Series, rule: Rule) -> pd.Series:
    if rule.options["code_set"] != "ICD-10-CM":
        return codes
    return codes.map(lambda code: None if code is None else identifiers.dotted(code))


def _as_digits(value: str) -> str:
    """The value with each letter that is taken for a digit as that digit."""
    return "".join(CONFUSED.get(c, c) if c.isalpha() else c for c in value)
