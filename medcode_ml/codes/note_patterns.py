"""Reads the codes that a note of the tabular list refers to, and decides whether a code is one of them.

A pattern is a dotted prefix ("I50", "E11.2") or a range ("E08-E13"), where the note narrows it with a condition on
later characters followed by "~" and a regular expression over the undotted code
("T36-T50~.{4}[5](X.*)?|.{5}[5].*": fifth or sixth character 5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_CODE: Final = r"(?:[A-Z][0-9]|QA)[0-9AB](?:\.[0-9A-Z]{1,4})?"
_REFERENCE: Final = re.compile(
    rf"(?<![A-Za-z0-9.])(?P<first>{_CODE})(?:\.?-{{0,2}}\s+to\s+|\.?\s*-{{1,2}}\s*)?(?P<last>(?<=[-\s]){_CODE})?"
)
_PARENTHESES: Final = re.compile(r"[(\[]([^()\[\]{}]*)[)\]}]")
_CODE_IN: Final = re.compile(rf"(?<![A-Za-z0-9.]){_CODE}")
_CONDITION: Final = re.compile(r",?\s*\bwith\b\s*(?P<words>.*)$")
_PLACES: Final = {"fifth": 5, "5th": 5, "sixth": 6, "six": 6, "6th": 6, "seventh": 7, "7th": 7}
_PLACED: Final = re.compile(
    r"(?P<places>(?:fifth|5th|sixth|six|6th|seventh|7th)(?:\s+(?P<join>or|to)\s+(?:sixth|six|6th))?)"
    r"[\s-]+characters?\s+(?P<values>[0-9A-Z][0-9A-Z]?(?:-[0-9A-Z])?(?:\s+or\s+[0-9A-Z])*)$"
)
_AFTER_DOT: Final = re.compile(r"(?:final characters\s+)?(?P<values>\.[0-9]+-?(?:[-,.]?\s*(?:or\s+)?\.?[0-9]+-?)*)$")
_LAST: Final = re.compile(r"final characters?\s+-?(?P<values>[0-9]+)$")
_OPEN_FRACTURE: Final = re.compile(r"open fracture 7th character$")
# The seventh characters of the fracture categories that say "open fracture".
_OPEN_CHARACTERS: Final = "BCEFHJMNQR"


@dataclass(frozen=True, slots=True)
class _Matcher:
    first: str
    last: str
    condition: re.Pattern[str] | None

    def __call__(self, bare: str) -> bool:
        inside = bare[: len(self.first)] >= self.first and bare[: len(self.last)] <= self.last
        return inside and (self.condition is None or self.condition.fullmatch(bare) is not None)


@lru_cache(maxsize=32768)
def _matcher(pattern: str) -> _Matcher:
    span, _, condition = pattern.partition("~")
    first, _, last = span.replace(".", "").partition("-")
    return _Matcher(first, last or first, re.compile(condition) if condition else None)


def pattern_matches(pattern: str, code: str) -> bool:
    """True where `code` (dotted or not) lies under the pattern.

    A code shorter than the pattern does not match it: I50 is not I50.2. Ranges compare characters, digits before
    letters, as the tabular list is ordered.
    """
    return _matcher(pattern)(code.replace(".", ""))


def _condition(words: str) -> str | None:
    """The regular expression of a note's "with ..." words, or None where they are not understood."""
    words = words.strip().rstrip(".,;")
    if match := _PLACED.match(words):
        values = match["values"]
        first = _PLACES[match["places"].split()[0]]
        if match["join"] == "to":
            return f".{{{first - 1}}}{values}.*"
        allowed = "[" + re.sub(r"\s+or\s+", "", values) + "]"
        if match["join"] == "or":
            # the intent stands sixth, or fifth where only a placeholder follows
            return f".{{{first - 1}}}{allowed}(X.*)?|.{{{first}}}{allowed}.*"
        return f".{{{first - 1}}}{allowed}.*"
    if match := _AFTER_DOT.match(words):
        values = re.sub(r"\s*-\s*\.", ",.", match["values"])  # ".51-.52" names its two ends, which are neighbours
        return "|".join(f".{{3}}{value}.*" for value in re.findall(r"[0-9]+", values))
    if match := _LAST.match(words):
        return f".*{match['values']}"
    if _OPEN_FRACTURE.match(words):
        return f".{{6}}[{_OPEN_CHARACTERS}]"
    return None


def _references(words: str) -> list[str]:
    found = []
    for match in _REFERENCE.finditer(words):
        first, last = match["first"], match["last"]
        found.append(f"{first}-{last}" if last and last > first else first)
    return found


def patterns_in(note: str) -> tuple[str, ...]:
    """Return the patterns a note refers to, in the order they stand; empty where it names none.

    Codes in parentheses count; only where there are none do codes in the running text ("classifiable to C50.-").
    A condition that is not understood gives no pattern rather than one that is too wide.
    """
    groups = [inner for inner in _PARENTHESES.findall(note) if _CODE_IN.search(inner)]
    if not groups:
        bare = _PARENTHESES.sub(" ", note).replace("(", " ")
        # "for codes G31.0-..." names the codes that the note stands under, "vitamin B12" is no code
        if "for codes" in bare or not _CODE_IN.search(bare.replace("vitamin B12", "")):
            return ()
        groups = [bare]
    patterns: list[str] = []
    for group in groups:
        # only what follows the last code can narrow the group
        codes = list(_CODE_IN.finditer(group))
        tail = _CONDITION.search(group[codes[-1].end() :])
        references = _references(group[: codes[-1].end()])
        if tail is None:
            patterns += references
        elif (condition := _condition(tail["words"])) is not None:
            patterns += [f"{reference}~{condition}" for reference in references]
    return tuple(dict.fromkeys(patterns))
