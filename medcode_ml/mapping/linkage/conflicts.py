"""What forbids that two records are linked without a person's word, however much else agrees.

The model weighs fields as if they were independent. In a household they are not: twins share birth date, family name
and address, a father and his son name and address, an uninsured friend the number that was lent. Each rule names such a
case; a pair that one of them meets goes to review. A third record must not chain such a pair together either: `apart`
says which pairs are kept out of one person. One field that differs is not enough there: between two records of one
person that both agree with a third, errors add up.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from medcode_ml.mapping.linkage.model import FIELDS, UPPER_BY_NAME

TWO_NUMBERS = "one hospital registered them under two numbers, and birth dates or social security numbers differ"
SUFFIXES = "name suffixes differ (father and son?)"
TWINS = "same birth date, other first name (twins?)"
SEXES = "sexes and first names differ"
FIRST_NAMES = "first names differ"
BIRTH_DATES = "birth dates differ"
NUMBERS = "social security numbers differ"
ALIKE = "one hospital registered them under two numbers, first names are only alike (twins?)"
UNNAMED = "the first name of one is not known"
TOO_LITTLE = "neither a birth date nor a social security number agrees"
BY_NAME = "nothing but names and birth date agrees, and the names are too common for that"
_ALWAYS_APART = (TWO_NUMBERS, SUFFIXES, TWINS, SEXES, ALIKE)


def held_because(pairs: pd.DataFrame, suffixes: pd.Series) -> np.ndarray:
    """Return of each weighed pair (see `scoring.score`) the first rule that it meets, or None. Shape (pairs,).

    `suffixes` by patient_id: JR, SR, II, III, IV or None.
    """
    level = {f.name: _levels(pairs, f.name) for f in FIELDS}
    strength = {f.name: _strengths(pairs, f.name) for f in FIELDS}
    first, last, born, ssn, mrn = (strength[n] for n in ("first_name", "last_name", "birth_date", "ssn", "mrn"))
    same_ssn = ssn == "agree"
    two_numbers = np.isin(mrn, ("near", "differ"))
    swapped = level["last_name"] == "swapped with the first name"
    named = (first == "agree") | swapped | np.isin(level["first_name"], ("short form", "initial or first part"))
    given = np.isin(first, ("agree", "near")) | swapped
    known = given & (last == "agree")
    born_alike = np.isin(level["birth_date"], ("same", "day and month swapped", "one digit differs"))
    told_twice = known & born_alike & (strength["address"] != "differ")
    common = pairs["probability"].to_numpy(dtype=float) < UPPER_BY_NAME
    mine, other = (pairs[c].map(suffixes).to_numpy(dtype=object) for c in ("patient_id", "other_patient_id"))
    has_both = pd.notna(mine) & pd.notna(other)
    met = {
        TWO_NUMBERS: two_numbers & ((ssn == "differ") | ((born == "differ") & ~same_ssn)),
        SUFFIXES: has_both & (mine != other),
        TWINS: (first == "differ") & (born == "agree") & (last == "agree") & ~same_ssn,
        SEXES: (strength["sex"] == "differ") & (first != "agree") & ~swapped & ~same_ssn,
        FIRST_NAMES: (first == "differ") & (~same_ssn | (born == "differ")),
        BIRTH_DATES: (born == "differ") & ~(same_ssn & given & ((last != "differ") | (strength["address"] == "agree"))),
        NUMBERS: (ssn == "differ") & ~told_twice,
        # John and Jonathan may be one man, or twins: of one hospital that gave each a number, a person decides.
        ALIKE: two_numbers & (((first == "near") & ~named) | (level["first_name"] == "short form")) & ~same_ssn,
        UNNAMED: (first == "none") & ~swapped & ~same_ssn,
        TOO_LITTLE: ~same_ssn & ~np.isin(born, ("agree", "near")),
        BY_NAME: ~same_ssn & (mrn != "agree") & np.isin(strength["address"], ("none", "differ")) & common,
    }
    found = np.full(len(pairs), None, dtype=object)
    for reason, is_met in reversed(met.items()):
        found[is_met] = reason
    return found


def apart(pairs: pd.DataFrame, reasons: np.ndarray) -> np.ndarray:
    """Whether each pair must not become one person through others either. Shape (pairs,), bool."""
    differing = sum((_strengths(pairs, name) == "differ").astype(int) for name in ("first_name", "birth_date", "ssn"))
    return np.isin(reasons, _ALWAYS_APART) | (pd.notna(reasons) & (differing > 1))


def _levels(pairs: pd.DataFrame, field: str) -> np.ndarray:
    return _looked_up(pairs, field, lambda level: level.name)


def _strengths(pairs: pd.DataFrame, field: str) -> np.ndarray:
    return _looked_up(pairs, field, lambda level: level.strength)


def _looked_up(pairs: pd.DataFrame, field: str, what: object) -> np.ndarray:
    assert callable(what)
    levels = next(f.levels for f in FIELDS if f.name == field)
    names = np.array(["none", *(what(level) for level in reversed(levels))], dtype=object)
    return names[pairs[f"gamma_{field}"].to_numpy(dtype=int) + 1]
