"""The heading table (`headings.yaml`) and how a phrase is looked up in it.

A phrase is compared by its letters and digits, so that spaces and punctuation do not count; where the form is a
heading's, the errors of a scanner are forgiven.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, Final

_LONGEST: Final = 64
_BRACKET = re.compile(r"[ \t]*[(\[][^()\[\]\n]{0,40}[)\]]?[ \t]*\Z")
_DATED = re.compile(r"[ \t]+(?:on |from |of |at |for )?[ \t]*\d{1,4}(?:[/\-.:]\d{1,4}){0,2}[ \t]*\Z", re.IGNORECASE)
_MISREAD: Final = str.maketrans({"0": "o", "1": "l", "|": "l", "5": "s", "!": "l", "$": "s", "8": "b", "6": "b"})
_NOT_LETTERS = re.compile(r"[^a-z0-9]+")
_KEPT: Final = {n: (chr(n).lower() if chr(n).isalnum() else "and" if chr(n) == "&" else None) for n in range(128)}
_FUZZY_FROM: Final = 7
_MOST_SPACES: Final = 24
"""A heading spread letter by letter has so many."""


@dataclass(frozen=True)
class HeadingTable:
    """The heading table: phrases by their letters and digits."""

    types: dict[str, str]
    parts: frozenset[str]
    measures: frozenset[str]
    weak: frozenset[str]
    studies: frozenset[str]
    documents: dict[str, dict[str, str]]
    words: tuple[tuple[tuple[str, ...], str], ...]
    by_length: dict[int, tuple[str, ...]]


@lru_cache(maxsize=1)
def heading_table() -> HeadingTable:
    """Read `headings.yaml`.

    Raises:
        ValueError: a phrase is listed under two types.
    """
    import yaml

    text = resources.files("medcode_ml.mapping").joinpath("headings.yaml").read_text(encoding="utf-8")
    raw: dict[str, Any] = yaml.safe_load(text)
    types: dict[str, str] = {}
    for section_type, phrases in raw["headings"].items():
        for phrase in phrases:
            key = letters(phrase)
            if types.setdefault(key, section_type) != section_type:
                raise ValueError(f"headings.yaml: {phrase!r} stands under {types[key]} and {section_type}; keep one")
    measures = frozenset(letters(p) for p in raw["parts"]["measures"])
    parts = frozenset(letters(p) for p in raw["parts"]["systems"]) | measures
    by_length: dict[int, list[str]] = {}
    for key in (*types, *parts):
        if len(key) >= _FUZZY_FROM:
            by_length.setdefault(len(key), []).append(key)
    return HeadingTable(
        types,
        parts,
        measures,
        frozenset(letters(w) for w in raw["weak"]),
        frozenset(letters(w) for w in raw["studies"]),
        {kind: {letters(p): t for p, t in some.items()} for kind, some in raw["documents"].items()},
        tuple((tuple(row[:-1]), row[-1]) for row in raw["words"]),
        {length: tuple(keys) for length, keys in by_length.items()},
    )


@lru_cache(maxsize=65536)
def letters(phrase: str) -> str:
    """The letters and digits of a phrase, lower case: what headings are compared by."""
    if phrase.isascii():
        return phrase.translate(_KEPT)
    return _NOT_LETTERS.sub("", phrase.lower().replace("&", "and"))


@lru_cache(maxsize=65536)
def look_up(phrase: str, forgiving: bool) -> str | None:
    """The table's key for a phrase as written, None if it has none; `forgiving` allows for a scanner's errors.

    A qualifier in brackets and a date at the end do not count. One wrong letter is forgiven from 7 letters on, two
    from 14 on.
    """
    table = heading_table()
    stripped = phrase.strip(" \t*_#'\".")
    key = letters(stripped)
    if key in table.types or key in table.parts:
        return key
    if stripped[-1:] in ")]" or stripped[-1:].isdigit():
        for qualifier in (_BRACKET, _DATED):
            key = letters(qualifier.sub("", stripped))
            if key in table.types or key in table.parts:
                return key
    if not forgiving or len(stripped) > _LONGEST or stripped.count(" ") > _MOST_SPACES:
        return None
    folded = _NOT_LETTERS.sub("", _BRACKET.sub("", stripped).lower().replace("&", "and").translate(_MISREAD))
    if folded in table.types and len(folded) > 2:
        return folded
    return _nearest(folded)


@lru_cache(maxsize=65536)
def _nearest(key: str) -> str | None:
    """The one phrase within one letter (two from 14 letters) of a misread one."""
    if len(key) < _FUZZY_FROM:
        return None
    from rapidfuzz import process
    from rapidfuzz.distance import Levenshtein

    table = heading_table()
    allowed = 2 if len(key) >= 14 else 1
    near = [k for n in range(len(key) - allowed, len(key) + allowed + 1) for k in table.by_length.get(n, ())]
    best = process.extract(key, near, scorer=Levenshtein.distance, score_cutoff=allowed, limit=2)
    if not best:
        return None
    meanings = {table.types.get(k, "part") for k, distance, _ in best if distance == best[0][1]}
    return best[0][0] if len(meanings) == 1 else None


def type_by_words(heading: str) -> str:
    """The type that the words of an unknown heading tell, "" where none does."""
    lowered = " " + " ".join(heading.lower().split())
    for beginnings, section_type in heading_table().words:
        if all(f" {b}" in lowered for b in beginnings):
            return section_type
    return ""
