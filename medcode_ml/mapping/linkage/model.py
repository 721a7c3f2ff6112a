"""What is compared, what agreement is called and what it weighs before any record has been seen.

A level is an SQL condition over two records (`_l`, `_r`) in DuckDB's dialect; the first that holds is taken. `m` is how
often a level is met between two records of one person, `u` between records of two. Its weight is log2(m / u).

Source of the shipped figures: u by arithmetic (a birth date is one of some 28,000 days, so 4e-5; nine digits that agree
by chance 1e-9, kept at 1e-6 for numbers lent and misfiled; a common American given name or family name some 1 in 100;
a five-digit area some 1 in 50 within what one network serves); m are round figures of ours for registration desks: 2 to
10 in 100 fields written otherwise at the second registration, a third of women's family names changed where two records
disagree, addresses out of date in one record of four. They are where estimating starts from and what small hospitals,
whose records say too little, are linked with (`training`).
"""

from __future__ import annotations

from dataclasses import dataclass

#: probability at and over which two records are linked alone
UPPER = 0.999
#: the same where names and birth date are all that agrees: namesakes born on one day are met in every large register
UPPER_BY_NAME = 0.9999
#: probability from which on a person is asked
LOWER = 0.05


@dataclass(frozen=True)
class Level:
    """How a field can agree. `strength`: agree, near or differ, for the rules that forbid a link."""

    name: str
    sql: str
    m: float
    u: float
    strength: str = "near"


@dataclass(frozen=True)
class Field:
    """A field, when it says nothing (`null`), and its levels, strongest first; the last takes what is left.

    `frequency`: the column whose common values weigh less at the first level (term frequency). `given_once`: a number
    that is issued to one person; its u is arithmetic and is not estimated, since where two records share it they nearly
    always are one person.
    """

    name: str
    null: str
    levels: tuple[Level, ...]
    frequency: str | None = None
    given_once: bool = False


def _close(a: str, b: str, least: float) -> str:
    return f"jaro_winkler_similarity({a}, {b}) >= {least}"


_SWAPPED = (
    f"({_close('first_name_l', 'last_name_r', 0.9)} AND {_close('last_name_l', 'first_name_r', 0.9)} "
    f"AND NOT {_close('first_name_l', 'first_name_r', 0.9)})"
)
_BOTH_NAMES = " AND ".join(f"{c} IS NOT NULL" for c in ("first_name_l", "first_name_r", "last_name_l", "last_name_r"))
_SAME_STREET = f"(house_l = house_r AND {_close('street_l', 'street_r', 0.85)})"
OTHERWISE = "ELSE"

FIELDS: tuple[Field, ...] = (
    Field(
        "last_name",
        "last_name_l IS NULL OR last_name_r IS NULL",
        (
            Level("same", "last_name_l = last_name_r", 0.84, 0.01, "agree"),
            Level("swapped with the first name", _SWAPPED, 0.01, 1e-5, "agree"),
            Level("one letter differs", "damerau_levenshtein(last_name_l, last_name_r) <= 1", 0.05, 0.002, "agree"),
            Level("part of a double name", "list_has_any(last_parts_l, last_parts_r)", 0.02, 0.002),
            Level("alike", _close("last_name_l", "last_name_r", 0.88), 0.02, 0.005),
            Level("different, both women", "sex_l = 'F' AND sex_r = 'F'", 0.04, 0.27, "differ"),
            Level("different", OTHERWISE, 0.02, 0.71, "differ"),
        ),
        frequency="last_name",
    ),
    Field(
        "first_name",
        f"first_name_l IS NULL OR first_name_r IS NULL OR ({_BOTH_NAMES} AND {_SWAPPED})",
        (
            Level("same", "first_name_l = first_name_r", 0.85, 0.01, "agree"),
            Level("one letter differs", "damerau_levenshtein(first_name_l, first_name_r) <= 1 "
                  "AND least(length(first_name_l), length(first_name_r)) > 2", 0.04, 0.003),
            Level("short form", "list_contains(first_known_l, first_name_r) "
                  "OR list_contains(first_known_r, first_name_l)", 0.04, 0.004),
            Level("initial or first part", "starts_with(first_name_l, first_name_r || ' ') "
                  "OR starts_with(first_name_r, first_name_l || ' ') "
                  "OR (least(length(first_name_l), length(first_name_r)) = 1 "
                  "AND left(first_name_l, 1) = left(first_name_r, 1))", 0.02, 0.004),
            Level("short forms of one name", "list_has_any(first_known_l, first_known_r)", 0.01, 0.002),
            Level("alike", _close("first_name_l", "first_name_r", 0.88), 0.02, 0.008),
            Level("different", OTHERWISE, 0.02, 0.97, "differ"),
        ),
        frequency="first_name",
    ),
    Field(
        "birth_date",
        "birth_date_l IS NULL OR birth_date_r IS NULL",
        (
            Level("same", "birth_date_l = birth_date_r", 0.93, 4e-5, "agree"),
            Level("day and month swapped", "left(birth_date_l, 4) = left(birth_date_r, 4) "
                  "AND substr(birth_date_l, 5, 2) = right(birth_date_r, 2) "
                  "AND right(birth_date_l, 2) = substr(birth_date_r, 5, 2)", 0.01, 1.5e-5),
            Level("one digit differs", "damerau_levenshtein(birth_date_l, birth_date_r) <= 1", 0.03, 0.001),
            # a slip in one digit or two neighbours stands above: father and son born on one day stand here
            Level("year differs", "right(birth_date_l, 4) = right(birth_date_r, 4)", 0.005, 0.0025, "differ"),
            Level("two of year, month, day", "(left(birth_date_l, 4) = left(birth_date_r, 4)) :: int "
                  "+ (substr(birth_date_l, 5, 2) = substr(birth_date_r, 5, 2)) :: int "
                  "+ (right(birth_date_l, 2) = right(birth_date_r, 2)) :: int = 2", 0.01, 0.0015),
            Level("different", OTHERWISE, 0.01, 0.995, "differ"),
        ),
    ),
    Field(
        "ssn",
        "ssn_l IS NULL OR ssn_r IS NULL",
        (
            Level("same", "ssn_l = ssn_r", 0.94, 1e-6, "agree"),
            # twins are given numbers in a row; a number that lost its end could be either's
            Level("all but the last digit", "left(ssn_l, 8) = left(ssn_r, 8) "
                  "OR abs(ssn_l :: bigint - ssn_r :: bigint) < 10", 0.005, 1e-6),
            Level("one digit differs", "damerau_levenshtein(ssn_l, ssn_r) <= 1", 0.025, 1e-6, "agree"),
            Level("last four digits", "right(ssn_l, 4) = right(ssn_r, 4)", 0.01, 1e-4),
            Level("different", OTHERWISE, 0.02, 0.9999, "differ"),
        ),
        given_once=True,
    ),
    Field(
        "address",
        "(address_l IS NULL OR address_r IS NULL) AND (zip5_l IS NULL OR zip5_r IS NULL)",
        (
            Level("same with ZIP", "address_l = address_r AND zip5_l = zip5_r", 0.65, 2e-5, "agree"),
            Level("nearly the same with ZIP", f"zip5_l = zip5_r AND ({_SAME_STREET} OR "
                  "damerau_levenshtein(address_l, address_r) <= 2)", 0.06, 2e-5, "agree"),
            Level("same, other ZIP", f"address_l = address_r OR {_SAME_STREET}", 0.04, 1e-4, "agree"),
            Level("same ZIP", "zip5_l = zip5_r", 0.1, 0.02),
            Level("different", OTHERWISE, 0.15, 0.97986, "differ"),
        ),
    ),
    Field(
        "sex",
        "sex_l IS NULL OR sex_r IS NULL",
        (
            Level("same", "sex_l = sex_r", 0.99, 0.5, "agree"),
            Level("different", OTHERWISE, 0.01, 0.5, "differ"),
        ),
    ),
    Field(
        "mrn",
        "mrn_l IS NULL OR mrn_r IS NULL OR hospital_l <> hospital_r",
        (
            Level("same to a scanner", "mrn_l = mrn_r", 0.2, 1e-5, "agree"),
            Level("one digit differs", "damerau_levenshtein(mrn_l, mrn_r) <= 1", 0.2, 0.005),
            Level("different", OTHERWISE, 0.6, 0.99499, "differ"),
        ),
    ),
)  # fmt: skip

#: columns of which all must be equal (and known) for two records to be compared at all; a pair needs one of these
BLOCKING: tuple[tuple[str, ...], ...] = (
    ("ssn",),
    ("birth_date", "first_key"),
    ("birth_date", "last_key"),
    ("birth_date", "first_letter"),
    ("birth_date", "last_letter"),
    ("birth_date", "zip5"),
    ("name_key", "birth_year"),
    ("name_key", "birth_month_day"),
    ("name_key", "zip5"),
    ("first_key", "address_key"),
    ("last_key", "address_key"),
    ("address_key", "birth_year"),
    ("mrn", "hospital"),
    ("first_key", "birth_month_day", "zip5"),
    ("last_key", "birth_month_day", "zip5"),
    ("first_key", "birth_year", "zip5"),
    ("last_key", "birth_year", "zip5"),
)

#: a person is behind nearly every pair that one of these finds; what `training` reckons the prior from
CERTAIN: tuple[tuple[str, ...], ...] = (("ssn", "birth_date"), ("first_name", "last_name", "birth_date", "sex"))
#: share of the pairs of one person that CERTAIN finds, by the shipped m
CERTAIN_RECALL = 0.7
#: what EM is run on: the pairs that agree in these
TRAINING: tuple[tuple[str, ...], ...] = (("birth_date",), ("first_name", "last_name"))
