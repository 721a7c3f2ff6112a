"""What the Medicare Code Editor knows of a diagnosis: may it be principal, at what age, for which sex (rules 2, 5-12).

These are look-ups for ranking and hints; the editor itself, with its sentences, runs in billing.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Final, Literal

import pandas as pd

from medcode_ml.codes.codeset import yyyymmdd
from medcode_ml.codes.identifiers import dotted
from medcode_ml.codes.reference import reference_table
from medcode_ml.codes.release import Release, release_on

_AGE_ATTRIBUTES: Final = ("newborn", "pediatric", "maternity", "adult")
_COLUMNS: Final = {
    "manifestation": "manifestation",
    "external_cause": "ecodepdx",
    "questionable_admission": "qadm",
    "unspecified": "unspecified",
    "requires_secondary": "reqsdx",
    "wrong_procedure": "wrngproc",
}


@lru_cache(maxsize=16)
def _attributes_of(release: Release) -> dict[str, frozenset[str]]:
    """The editor's words by dotted code, only codes that have some."""
    frame = reference_table("diagnosis_code")
    day = yyyymmdd(release.start)
    rows = frame[(frame["first_day"] <= day) & (frame["last_day"] >= day) & (frame["attributes"] != "")]
    words = {text: frozenset(text.split("|")) for text in rows["attributes"].cat.categories}
    return {code: words[text] for code, text in zip(rows["code"], rows["attributes"], strict=True)}


@lru_cache(maxsize=1)
def _external_causes() -> frozenset[str]:
    frame = reference_table("diagnosis_code")
    return frozenset(frame.loc[frame["attributes"].astype(str).str.contains("ecodepdx", regex=False), "code"])


def _has(code: str, day: date, attribute: str) -> bool:
    return attribute in _attributes_of(release_on(day)).get(dotted(code), frozenset())


def unacceptable_principal(code: str, day: date) -> bool:
    """True for a diagnosis that is never principal (rule 7: R65.20, Z33.1).

    Z51.89 is not among them: it may be principal as long as a secondary diagnosis stands by it (`requires_secondary`).
    """
    return _has(code, day, "unacceptable") and not _has(code, day, "reqsdx")


def manifestation(code: str, day: date) -> bool:
    """True for a manifestation, which needs its cause before it (rule 6: F02.80, I43, G63, D63.0)."""
    return _has(code, day, "manifestation")


def external_cause(code: str) -> bool:
    """True for an external cause of morbidity, never principal (rule 5: W01.0XXA); the same in every release."""
    return dotted(code) in _external_causes()


def questionable_admission(code: str, day: date) -> bool:
    """True for a diagnosis that seldom justifies an admission alone (rule 8: I10, E11.9)."""
    return _has(code, day, "qadm")


def unspecified(code: str, day: date) -> bool:
    """True for a code on the editor's list of unspecified codes, from April 2022 (rule 11: I82.409, not C50.919)."""
    return _has(code, day, "unspecified")


def requires_secondary(code: str, day: date) -> bool:
    """True for a principal diagnosis that must not stand alone (Z51.89)."""
    return _has(code, day, "reqsdx")


def may_be_principal(code: str, day: date) -> bool:
    """True unless the editor refuses the code as principal: external cause, manifestation or unacceptable."""
    return not (external_cause(code) or manifestation(code, day) or unacceptable_principal(code, day))


def sex_of(code: str, day: date) -> Literal["M", "F"] | None:
    """The sex that the editor ties a code to, None for either (rule 2: for most codes only up to 2024-09-30)."""
    words = _attributes_of(release_on(day)).get(dotted(code), frozenset())
    return "M" if "male" in words else "F" if "female" in words else None


def age_range(code: str, day: date) -> tuple[int, int] | None:
    """Youngest and oldest age in years the editor allows, None for any (rule 10)."""
    words = _attributes_of(release_on(day)).get(dotted(code), frozenset())
    ranges = _age_ranges(release_on(day))
    return next((ranges[word] for word in _AGE_ATTRIBUTES if word in words), None)


@lru_cache(maxsize=16)
def _age_ranges(release: Release) -> dict[str, tuple[int, int]]:
    day = yyyymmdd(release.start)
    frame = reference_table("age_range")
    rows = frame[(frame["first_day"] <= day) & (frame["last_day"] >= day)]
    return {row.attribute: (int(row.youngest), int(row.oldest)) for row in rows.itertuples(index=False)}


@lru_cache(maxsize=4)
def _dx_attributes(release: Release) -> pd.DataFrame:
    words = _attributes_of(release)
    ages = _age_ranges(release)
    frame = pd.DataFrame({"code": list(words)})
    has = {word: [word in own for own in words.values()] for word in ("unacceptable", *_COLUMNS.values())}
    frame["unacceptable_principal"] = [u and not r for u, r in zip(has["unacceptable"], has["reqsdx"], strict=True)]
    for column, word in _COLUMNS.items():
        frame[column] = has[word]
    frame["sex"] = ["M" if "male" in own else "F" if "female" in own else None for own in words.values()]
    spans = [next((ages[word] for word in _AGE_ATTRIBUTES if word in own), None) for own in words.values()]
    frame["youngest"] = pd.array([None if span is None else span[0] for span in spans], dtype="Int16")
    frame["oldest"] = pd.array([None if span is None else span[1] for span in spans], dtype="Int16")
    return frame


def dx_attributes(day: date) -> pd.DataFrame:
    """The same as a table, for joins: one row a code about which the editor has something to say on the day.

    Returns:
        DataFrame[code; unacceptable_principal, manifestation, external_cause, questionable_admission, unspecified,
        requires_secondary, wrong_procedure (bool); sex (M, F, None); youngest, oldest (years or <NA>)]. A copy.
    """
    return _dx_attributes(release_on(day)).copy()
