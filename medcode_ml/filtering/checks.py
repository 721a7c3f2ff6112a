"""The kinds of check a rule can name. Each answers, for a frame, which records are good; a missing value is good.

A check is `check(frame, rule) -> bool Series`; `rule.columns` and `rule.options` are its parameters.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pandas as pd

from medcode_ml.codes import identifiers
from medcode_ml.codes.codeset import CodeSet
from medcode_ml.codes.release import NoReleaseError
from medcode_ml.filtering.rule import Rule

Check = Callable[[pd.DataFrame, Rule], pd.Series]

_EXPIRED = frozenset({"20", "40", "41", "42"})
_HOSPICE = frozenset({"50", "51"})
_LEVEL_ONE = re.compile(r"[0-9]{4}[0-9A-Z]")


def _procedure_code(code: str) -> bool:
    """HCPCS level II, or the form of a level I (CPT) code: whether it exists is the payer's table, not ours."""
    return identifiers.hcpcs_is_valid(code) or _LEVEL_ONE.fullmatch(code) is not None


IDENTIFIERS: dict[str, Callable[[str], bool]] = {
    "npi": identifiers.npi_is_valid,
    "mbi": identifiers.mbi_is_valid,
    "ssn": identifiers.ssn_is_valid,
    "revenue_code": identifiers.revenue_code_is_valid,
    "procedure_code": _procedure_code,
    "icd10cm": identifiers.icd10cm_has_format,
    "icd10pcs": identifiers.icd10pcs_has_format,
}


def _each(frame: pd.DataFrame, rule: Rule, good: Callable[..., bool]) -> pd.Series:
    """Ask `good` of the rule's columns, record by record; a record with a missing first value is good."""
    columns = [frame[c] for c in rule.columns]
    answers = [values[0] is None or good(*values) for values in zip(*columns, strict=True)]
    return pd.Series(answers, index=frame.index, dtype=bool)


def present(frame: pd.DataFrame, rule: Rule) -> pd.Series:
    """The value is there."""
    return frame[rule.columns[0]].notna()


def identifier(frame: pd.DataFrame, rule: Rule) -> pd.Series:
    """The value has the form, and check digit where there is one, of `identifier`."""
    return _each(frame, rule, IDENTIFIERS[rule.options["identifier"]])


def one_of(frame: pd.DataFrame, rule: Rule) -> pd.Series:
    """The value is one of `values`."""
    allowed = set(rule.options["values"])
    return _each(frame, rule, lambda value: value in allowed)


def not_after(frame: pd.DataFrame, rule: Rule) -> pd.Series:
    """The first date is not after the second."""
    return _each(frame, rule, lambda first, second: second is None or first <= second)


def at_most_days_before(frame: pd.DataFrame, rule: Rule) -> pd.Series:
    """The first date lies at most `days` before the second."""
    most = timedelta(days=rule.options["days"])
    return _each(frame, rule, lambda first, second: second is None or second - first <= most)


def between(frame: pd.DataFrame, rule: Rule) -> pd.Series:
    """The first date lies from `days_before` days before the second to the third."""
    slack = timedelta(days=rule.options["days_before"])
    return _each(
        frame, rule, lambda at, first, last: (first is None or at >= first - slack) and (last is None or at <= last)
    )


def death_agrees(frame: pd.DataFrame, rule: Rule) -> pd.Series:
    """An expired status goes with a death on the discharge day, any other with a later one; hospice with either."""

    def good(status: str, death: date | None, discharge: date | None) -> bool:
        if death is None or discharge is None:
            return True
        if status in _EXPIRED:
            return death == discharge
        return death > discharge or (death == discharge and status in _HOSPICE)

    return _each(frame, rule, good)


def in_release(frame: pd.DataFrame, rule: Rule) -> pd.Series:
    """The code is billable on the date, in the release of that date (rule 1); a date without release is bad."""
    code_column, day_column = rule.columns
    answers = pd.Series(True, index=frame.index, dtype=bool)
    for day, group in frame[frame[code_column].notna() & frame[day_column].notna()].groupby(day_column):
        try:
            answers[group.index] = CodeSet.on(day, rule.options["system"]).billable_mask(group[code_column])
        except NoReleaseError:
            answers[group.index] = False
    return answers


def not_blank(frame: pd.DataFrame, rule: Rule) -> pd.Series:
    """The text has something else than white space."""
    return _each(frame, rule, lambda text: bool(text.strip()))


def at_most_characters(frame: pd.DataFrame, rule: Rule) -> pd.Series:
    """The text has at most `characters` characters."""
    return _each(frame, rule, lambda text: len(text) <= rule.options["characters"])


def mostly_letters(frame: pd.DataFrame, rule: Rule) -> pd.Series:
    """At least `share` of the text is letters, digits, white space or common punctuation; an empty text is good."""
    kept = re.compile(r"[\w\s.,;:()/%+'\"\-]+")

    def good(text: str) -> bool:
        sample = text[:20_000]
        return not sample or sum(len(m) for m in kept.findall(sample)) >= rule.options["share"] * len(sample)

    return _each(frame, rule, good)


def first_of_kind(frame: pd.DataFrame, rule: Rule) -> pd.Series:
    """No earlier record has the same values."""
    return ~frame.duplicated(list(rule.columns), keep="first")


def positive(frame: pd.DataFrame, rule: Rule) -> pd.Series:
    """The number is over zero."""
    return _each(frame, rule, lambda number: number > 0)


CHECKS: dict[str, Check] = {
    "present": present,
    "identifier": identifier,
    "one_of": one_of,
    "not_after": not_after,
    "at_most_days_before": at_most_days_before,
    "between": between,
    "death_agrees": death_agrees,
    "in_release": in_release,
    "not_blank": not_blank,
    "at_most_characters": at_most_characters,
    "mostly_letters": mostly_letters,
    "first_of_kind": first_of_kind,
    "positive": positive,
}


def repaired(value: str, kind: str) -> str | None:
    """Return `value` with misread characters put right, where the check digit or form of `kind` confirms it (rule 40).

    Only one reading may be confirmed; with none or several there is no repair.
    """
    good = IDENTIFIERS[kind]
    readings = {""}
    for character in value.upper().replace("-", "").replace(" ", ""):
        readings = {r + c for r in readings for c in _ALIKE.get(character, character)}
        if len(readings) > 4096:
            return None
    confirmed = [r for r in readings if r != value and good(r)]
    return confirmed[0] if len(confirmed) == 1 else None


_ALIKE: dict[str, str] = {c: group for group in ("O0", "I1", "S5", "B8", "Z2") for c in group}


def value_of(row: Any, column: str) -> str | None:
    """The value as delivered where it could not be typed, else as it stands, as text for the quarantine."""
    delivered = row["unreadable"].get(column) if "unreadable" in row.index else None
    value = delivered if delivered is not None else row[column]
    return None if value is None else str(value)[:2000]
