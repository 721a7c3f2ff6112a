"""Tables that speak of codes by prefix: what is chronic, what history and family history turn a disease into."""

from __future__ import annotations

from functools import lru_cache

from medcode_ml.coding.lexicon import read_table

# Diagnoses that are coded only when confirmed, in every setting (rule 21): HIV, COVID-19, Zika, novel influenza.
CONFIRMED_ONLY = ("B20", "U07.1", "A92.5", "J09")

# What others than the provider may document (rule 25): BMI, ulcer stage, NIHSS, coma scale, social determinants.
FROM_OTHERS = ("Z68", "L89", "R29.7", "R40.2", "Z55", "Z56", "Z57", "Z58", "Z59", "Z60", "Z62", "Z63", "Z64", "Z65")


@lru_cache(maxsize=8)
def _table(name: str, header: tuple[str, str]) -> dict[str, str]:
    return {row[0]: row[1] for row in read_table(name, header)}


def _longest(table: dict[str, str], code: str) -> str | None:
    for length in range(len(code), 0, -1):
        if (found := table.get(code[:length])) is not None:
            return found
    return None


def family_code(code: str) -> str | None:
    """The Z80-Z84 code for `code` in a relative; None where the classification has none worth reporting."""
    return _longest(_table("family", ("prefix", "code")), code)


def history_code(code: str) -> str | None:
    """The personal-history code for `code` once it is over; None where there is none."""
    return _longest(_table("history", ("prefix", "code")), code)


def is_chronic(code: str) -> bool:
    """Whether the disease lasts, so that "history of" it still means having it."""
    return _longest(_table("chronic", ("prefix", "note")), code) is not None


@lru_cache(maxsize=1)
def integral_rows() -> tuple[tuple[str, tuple[str, ...], str], ...]:
    """Rows (symptom prefix, prefixes of the diseases it belongs to, why) of rule 24."""
    rows = read_table("integral", ("symptom", "explained_by", "why"))
    return tuple((symptom, tuple(explained.split("|")), why) for symptom, explained, why in rows)
