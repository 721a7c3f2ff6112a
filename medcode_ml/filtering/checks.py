"""The kinds of check a rule can name. Each answers, for a batch, which records are good; a missing value is good.

A check is `check(batch or frame, rule) -> bool Series`; `rule.columns` and `rule.options` are its parameters. Every
check looks at each different value (or pair of values) once, however many records share it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.filtering.columns import Batch, Mask, release_places
from medcode_ml.filtering.repair import IDENTIFIERS
from medcode_ml.filtering.rule import Rule

Check = Callable[[pd.DataFrame | Batch, Rule], pd.Series]

_READABLE = re.compile(r"[\w\s.,;:()/%+'\"\-]+")
_PLAIN = bytes(c for c in range(128) if _READABLE.fullmatch(chr(c)))
_SAMPLE = 20_000


def applies(frame: pd.DataFrame | Batch, rule: Rule) -> pd.Series:
    """Which records the rule is asked of: those that have the values of its `when`, all where it has none."""
    batch = Batch.of(frame)
    asked = np.ones(len(batch), dtype=bool)
    for column, value in rule.when.items():
        allowed = set(value) if isinstance(value, (list, tuple)) else {value}
        places, values = batch.different(column)
        asked &= np.array([*(v in allowed for v in values), False], dtype=bool)[places]
    return batch.series(asked)


def present(frame: pd.DataFrame | Batch, rule: Rule) -> pd.Series:
    """The value is there."""
    batch = Batch.of(frame)
    return batch.series(~batch.missing(rule.columns[0]))


def pattern(frame: pd.DataFrame | Batch, rule: Rule) -> pd.Series:
    """The whole text, or every item of a list, has the form of the regular expression `pattern`."""
    form = re.compile(rule.options["pattern"])
    return _each(frame, rule, lambda text: form.fullmatch(text) is not None)


def checksum(frame: pd.DataFrame | Batch, rule: Rule) -> pd.Series:
    """The value, or every item of a list, has the form, and check digit where there is one, of `identifier`."""
    return _each(frame, rule, IDENTIFIERS[rule.options["identifier"]])


def look_up(frame: pd.DataFrame | Batch, rule: Rule) -> pd.Series:
    """The value is one of `values`, or a code of `code_set` that is billable on the day of the second column."""
    if "code_set" in rule.options:
        return _in_release(Batch.of(frame), rule)
    return _each(frame, rule, rule.options["allowed"].__contains__)


def cross_field(frame: pd.DataFrame | Batch, rule: Rule) -> pd.Series:
    """The comparison `ask` holds or cannot be told."""
    batch = Batch.of(frame)
    return batch.series(rule.expression.good(batch))


def within_range(frame: pd.DataFrame | Batch, rule: Rule) -> pd.Series:
    """The number lies from `low` to `high`; of observations, only those with its names and in its unit are asked."""
    batch = Batch.of(frame)
    numbers = batch.numbers(rule.columns[0])
    bad = (numbers < rule.options["low"]) | (numbers > rule.options["high"])
    if "observation" in rule.options:
        for column, allowed in (("name", rule.options["observation"]), ("unit", [rule.options["unit"]])):
            places, values = batch.different(column)
            bad &= np.array([*(v in allowed for v in values), False], dtype=bool)[places]
    return batch.series(~bad)


def readable(frame: pd.DataFrame | Batch, rule: Rule) -> pd.Series:
    """At least `share` of the text is letters, digits, white space or common punctuation; an empty text is good."""

    most = 1 - rule.options["share"]

    def good(text: str) -> bool:
        sample = text[:_SAMPLE]
        plain = sample.encode("ascii", "ignore")
        # at most so many are unreadable: letters outside ASCII are counted only where it matters
        if len(plain.translate(None, _PLAIN)) + len(sample) - len(plain) <= most * len(sample):
            return True
        return sum(len(m) for m in _READABLE.findall(sample)) >= rule.options["share"] * len(sample)

    return _each(frame, rule, good)


def unique(frame: pd.DataFrame | Batch, rule: Rule) -> pd.Series:
    """No earlier record of the batch has the same values; missing values are alike."""
    batch = Batch.of(frame)
    places = pd.DataFrame({c: batch.different(c)[0] for c in rule.columns})
    return batch.series(~places.duplicated(keep="first").to_numpy())


CHECKS: dict[str, Check] = {
    "present": present,
    "pattern": pattern,
    "look_up": look_up,
    "checksum": checksum,
    "cross_field": cross_field,
    "range": within_range,
    "readable": readable,
    "unique": unique,
}


def _each(frame: pd.DataFrame | Batch, rule: Rule, good: Callable[[Any], bool]) -> pd.Series:
    batch = Batch.of(frame)
    name = rule.columns[0]
    _, values = batch.different(name)
    answers = [all(good(i) for i in v) if isinstance(v, tuple) else good(v) for v in values]
    return batch.series(batch.each(name, np.array(answers, dtype=bool)))


def _in_release(batch: Batch, rule: Rule) -> pd.Series:
    """The code is billable in the release of the day; a day without a release is bad."""
    codes, different = batch.different(rule.columns[0])
    at, releases = release_places(batch.column(rule.columns[1]))
    good: Mask = np.ones(len(batch), dtype=bool)
    for place, release in enumerate(releases):
        asked = (at == place) & (codes >= 0)
        if release is None:
            good[asked] = False
            continue
        which = np.unique(codes[asked])
        valid = CodeSet.on(release.start, rule.options["code_set"]).billable_mask(
            pd.Series(different[which], dtype=object)
        )
        billable = np.zeros(len(different), dtype=bool)
        billable[which] = valid.to_numpy()
        good[asked] = billable[codes[asked]]
    return batch.series(good)
