"""The clinical lexicon: what clinicians write that no title says, by hand, in `lexicon/*.csv`.

A term file has the columns `term,code,when`. `when` holds conditions, all of which must be met:

- `caps`: the term is written in capitals (abbreviations that are also words)
- `in=a|b`, `notin=a|b`: section types
- `near=a|b`, `notnear=a|b`: words within six tokens on either side
- `dose`: a dose or a way of taking it follows, or a medication section (medicines that mean long-term use)
- `allergy`: an allergy section, or a sentence about allergy
- `gap=heading`: no heading of its line (PE: the physical examination); a numbered or bulleted line is no heading
- `notbefore=a|b_c`: words, or pairs of words, that do not stand right before it; `%` is a percentage, `#` a number
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from medcode_ml.coding.terms import Key
from medcode_ml.coding.words import canonical, canonical_words

TERM_FILES = (
    "heart_and_vessels",
    "lung_ent",
    "endocrine_metabolic",
    "kidney_urology",
    "digestive",
    "nerve_mind",
    "blood_cancer",
    "infection_skin",
    "bone_joint_injury",
    "women_newborn",
    "eye_ear",
    "symptoms_findings",
    "status_social",
    "medicines_allergies",
    "eponyms_rare",
)


class LexiconError(ValueError):
    """A lexicon file cannot be read: names the file, the line and what to do."""


@dataclass(frozen=True)
class Condition:
    """When a term counts; empty fields ask nothing."""

    caps: bool = False
    dose: bool = False
    allergy: bool = False
    not_heading: bool = False
    sections: frozenset[str] = frozenset()
    not_sections: frozenset[str] = frozenset()
    near: frozenset[str] = frozenset()
    not_near: frozenset[str] = frozenset()
    not_before: frozenset[str] = frozenset()


@dataclass(frozen=True)
class LexiconEntry:
    """One line of a term file: the words, the code or category they lead to, and when."""

    term: str
    key: Key
    code: str
    condition: Condition | None
    source: str


def read_table(name: str, columns: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Rows of `lexicon/<name>.csv`; raises `LexiconError` when a row has not exactly `columns`."""
    text = files("medcode_ml.coding").joinpath("lexicon", f"{name}.csv").read_text(encoding="utf-8")
    reader = csv.reader(text.splitlines())
    header = next(reader)
    if tuple(header) != columns:
        raise LexiconError(f"lexicon/{name}.csv: the header is {header}; make it {','.join(columns)}")
    rows = []
    for row in reader:
        if not row or row[0].startswith("#"):
            continue
        if len(row) > len(columns) or len(row) < 2:
            raise LexiconError(f"lexicon/{name}.csv line {reader.line_num}: {len(row)} fields, not {len(columns)}")
        rows.append(tuple(field.strip() for field in (row + [""] * len(columns))[: len(columns)]))
    return rows


def _condition(text: str, where: str) -> Condition | None:
    if not text:
        return None
    flags: set[str] = set()
    sets: dict[str, frozenset[str]] = {}
    for part in text.split():
        name, has_value, value = part.partition("=")
        if not has_value and name in {"caps", "dose", "allergy"}:
            flags.add(name)
        elif part == "gap=heading":
            flags.add("heading")
        elif name in {"in", "notin", "notbefore"}:
            sets[name] = frozenset(value.split("|"))
        elif name in {"near", "notnear"}:
            sets[name] = frozenset(canonical(w) for w in value.split("|"))
        else:
            raise LexiconError(f"{where}: {part!r} is no condition; see the docstring of coding/lexicon.py")
    none: frozenset[str] = frozenset()
    return Condition(
        "caps" in flags,
        "dose" in flags,
        "allergy" in flags,
        "heading" in flags,
        sets.get("in", none),
        sets.get("notin", none),
        sets.get("near", none),
        sets.get("notnear", none),
        sets.get("notbefore", none),
    )


def _read(name: str) -> Iterator[LexiconEntry]:
    for term, code, when in read_table(name, ("term", "code", "when")):
        condition = _condition(when, f"lexicon/{name}.csv, {term!r}")
        for spelling in term.split("|"):
            key = canonical_words(spelling)
            if not key:
                raise LexiconError(f"lexicon/{name}.csv: {spelling!r} has no word to find")
            yield LexiconEntry(spelling, key, code, condition, name)


@lru_cache(maxsize=1)
def lexicon_entries() -> tuple[LexiconEntry, ...]:
    """Every spelling of every term file, conditions parsed."""
    return tuple(entry for name in TERM_FILES for entry in _read(name))
