"""Headings of a document: where each stands, how it is written, and what the heading table says it means.

A heading is known by its words (`headings.yaml`, spaces and punctuation aside, scanner errors forgiven where the form
is a heading's) or by its form alone: capitals before a colon, decoration, an underline. What a heading means among its
neighbours is settled in `sections`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from medcode_ml.mapping.heading_table import heading_table, letters, look_up

KNOWN: Final = "known"
"""The words stand in the heading table."""
PART: Final = "part"
"""A part of an examination or of a review of systems: "HEENT", "Lungs"."""
UNKNOWN: Final = "unknown"
"""A heading by its form only."""

_LONGEST: Final = 64
_LONGEST_KEPT: Final = 100
_LEAD = re.compile(r"[\s>]*(?:(?:[#*_=~\-–—•|\[<]+|\(?(?:\d{1,2}|[IVX]{1,4}|[A-Za-z])[.)](?![A-Za-z]\.))[ \t]*){0,3}")
_LIST_MARK = re.compile(r"[\s>]*(?:[#*\-–•]|\(?\w{1,4}[.)])[ \t]*\Z")
_TRAIL: Final = " \t\r*_=~-–—#]>|"
_CLOSES: Final = (".", ")")
_UNDERLINES: Final = frozenset("-=_*~ \t")
_DASH = re.compile(r"[ \t]+[-–—][ \t]+")
_UNDERLINE = re.compile(r"[ \t]*([-=_*~])\1+[ \t\r]*\Z")
_DECORATION = frozenset("*_=~-–—[<|")
_NAME = re.compile(r"[A-Z][A-Za-z0-9/&,'+.() \-]{0,63}\Z")
_CAPITALS = re.compile(r"[A-Z][A-Z0-9/&,'+.() \-]*\Z")
_TITLE_WORD: Final = r"(?:[A-Z][\w'\-/&]*|of|and|the|on|at|to|for|in|with|by|/|&)"
_OWN_TITLE = re.compile(rf"{_TITLE_WORD}(?: {_TITLE_WORD}){{0,5}}\Z")
_INITIAL = re.compile(r"(?<![A-Z])[A-Z]")
_LOST_COLON = re.compile(
    r"([A-Z][A-Za-z01/&'\-]*(?: (?:[A-Z&/][A-Za-z01/&'\-]*|of|and|the|on|at)){1,5})(?=[ \t;,.]+\S)"
)
_SENTENCE_ENDS: Final = frozenset(".;:!?)]\"'|*-")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading at characters `start` to `body`, where its text begins.

    `section_type` is what the table says ("" for parts and unknown ones); `caps`: written in capitals; `line`: at the
    start of a line; `marked`: behind a list mark; `sure`: decorated, underlined or alone on its line; `weak`: an
    ordinary word that may as well be an item of a list.
    """

    start: int
    body: int
    words: str
    kind: str
    section_type: str
    phrase: str
    caps: bool
    line: bool
    marked: bool
    sure: bool
    weak: bool

    def moved(self, by: int) -> Heading:
        """The heading `by` characters further on."""
        return replace(self, start=self.start + by, body=self.body + by)


def find_headings(text: str) -> list[Heading]:
    """All headings of a text in order; they do not overlap."""
    found: list[Heading] = []
    lines = [*text.split("\n"), ""]
    at = 0
    blank_before = True
    skip = False
    for number in range(len(lines) - 1):
        line = lines[number]
        if skip:
            skip = False
        elif line and not line.isspace():
            following = lines[number + 1]
            underline = following if following[:1] in _UNDERLINES and _UNDERLINE.match(following) else ""
            if len(line) > _LONGEST_KEPT:
                here = _line_headings(line, underline, blank_before, bool(following))
            else:
                here = _short_line_headings(line, underline, blank_before, bool(following))
            for heading in here:
                found.append(heading.moved(at))
            skip = bool(here) and here[0].body > len(line)
            blank_before = False
        else:
            blank_before = True
        at += len(line) + 1
    return found


def _line_headings(line: str, underline: str, blank_before: bool, followed: bool) -> tuple[Heading, ...]:
    """The headings of one line, counted from its first character; `underline`: the underline beneath it, if any."""
    found: list[Heading] = []
    after = 0
    first = _line_heading(line, underline, blank_before, followed)
    if first is not None:
        found.append(first)
        after = first.body
    if after < len(line) and line.find(":", after) >= 0:
        _run_in(line, after, found)
    return tuple(found)


#: The same short lines stand in document after document: headings, normal findings, parts of templates.
_short_line_headings = lru_cache(maxsize=32768)(_line_headings)


def _line_heading(line: str, underline: str, blank_before: bool, followed: bool) -> Heading | None:
    """The heading that a line begins with."""
    begin = 0
    if (
        not line[0].isalpha()
        or line[1:2] in _CLOSES
        or line[2:3] in _CLOSES
        or line[3:4] in _CLOSES
        or line[4:5] in _CLOSES
    ):
        lead = _LEAD.match(line)
        begin = lead.end() if lead else 0
    rest = line[begin:] if begin else line
    if not rest or not rest[0].isalpha():
        return None
    capital = rest[0].isupper()
    colon = rest.find(":", 0, _LONGEST + 1)
    underlined = bool(underline)
    if not begin and not capital and colon < 0 and not underlined:
        return None
    mark = line[:begin]
    start = len(line) - len(line.lstrip())
    marked = begin > 0 and bool(_LIST_MARK.match(mark))
    if colon > 0:
        return _before_colon(rest, colon, begin, start, marked)
    if len(rest) <= _LONGEST + 8:
        words = rest.rstrip(_TRAIL)
        stripped = mark.strip()
        decorated = bool(stripped) and stripped[0] in _DECORATION and bool(rest[len(words) :].strip())
        decorated = decorated or stripped.startswith("##")
        if underlined or decorated or len(words) < 4 or (capital and (words[-1].isalnum() or words[-1] in ").")):
            plain = underlined or decorated
            own = _own_line(words, plain, marked and not decorated, blank_before, followed)
            if own is not None:
                body = len(line) + (1 + len(underline) if underlined else 0)
                return _heading(start, body, words, *own, line=True, marked=marked and not decorated, sure=True)
    early = rest[:_LONGEST]
    if capital and (" - " in early or " – " in early or " — " in early):
        dash = _DASH.search(early)
        key = look_up(rest[: dash.start()], False) if dash else None
        if dash and key is not None and not (marked and (key in heading_table().weak or len(key) == 1)):
            body = begin + dash.end()
            return _heading(start, body, rest[: dash.start()], KNOWN, key, line=True, marked=marked)
    return None if marked or not capital else _lost_colon(rest, begin)


def _before_colon(rest: str, colon: int, at: int, start: int, marked: bool) -> Heading | None:
    """The heading of a line with a colon; `at`: where `rest` begins, `start`: where the line's mark begins."""
    words = rest[:colon].rstrip()
    end = colon + 1
    while end < len(rest) and rest[end] in "*_":
        end += 1
    caps = bool(_CAPITALS.match(words))
    form = words[0].isupper() and bool(_NAME.match(words))
    key = look_up(words, form and not marked)
    alone = not rest[end:].strip(" \t*_=-~")
    if key is not None:
        if len(key) == 1 and (not words.isupper() or rest[end:].lstrip()[:1].isdigit()):
            return None
        return _heading(start, at + end, words, KNOWN, key, line=True, marked=marked, sure=alone and not marked)
    if not form or marked or len(words) < 2 or not any(c.isalpha() for c in words):
        return _glued(words, at, end) if form and not marked else None
    if caps:
        glued = _glued(words, at, end)
        if glued is not None:
            return glued
        if rest[end:].lstrip()[:1].isdigit() and " " not in words.strip():
            return None
        return _heading(start, at + end, words, UNKNOWN, "", line=True, marked=False, sure=alone)
    if alone and _OWN_TITLE.match(words):
        return _heading(start, at + end, words, UNKNOWN, "", line=True, marked=False, sure=True)
    return None


def _own_line(words: str, plain: bool, marked: bool, blank_before: bool, followed: bool) -> tuple[str, str] | None:
    """(kind, key) of words alone on their line, None if they are no heading; `plain`: decorated or underlined."""
    if not words or len(words) > _LONGEST:
        return None
    title = words[0].isupper() and bool(_OWN_TITLE.match(words))
    key = look_up(words, (title or plain or words.isupper()) and not marked)
    if key is not None:
        table = heading_table()
        short = len(key) == 1 or (len(key) < 4 and not words.isupper())
        item = marked and (key in table.weak or not (words.isupper() or " " in words))
        if (short or item) and not plain:
            return None
        if not plain and not words[0].isupper():
            return None
        if key in table.parts and key not in table.types and not (plain or words.isupper()):
            return None
        return KNOWN, key
    if plain and words[0].isalpha() and any(c.islower() or c.isupper() for c in words):
        return UNKNOWN, ""
    capitals = words.isupper() and bool(_CAPITALS.match(words)) and not any(c.isdigit() for c in words)
    if capitals and not marked and blank_before and followed and " " in words and len(words) >= 8 and "," not in words:
        return UNKNOWN, ""
    return None


def _lost_colon(rest: str, at: int) -> Heading | None:
    """A heading of two words and more that has lost its colon, or has another mark in its place."""
    match = _LOST_COLON.match(rest)
    if match is None:
        return None
    words = match[1].split(" ")
    table = heading_table()
    for n in range(len(words), 1, -1):
        some = " ".join(words[:n])
        key = look_up(some, len(some) > 12) or ""
        if key not in table.types:
            continue
        after = rest[len(some) :]
        gap = after[: len(after) - len(after.lstrip(" \t;,."))]
        next_character = after[len(gap) : len(gap) + 1]
        swapped = gap.strip() in {";", ".", ","} and gap[-1:] in " \t"
        broad = gap.isspace() and len(gap) > 1
        capitals = some.isupper() and not after[len(gap) : len(gap) + 2].isupper()
        if (
            swapped
            or broad
            or capitals
            or (n > 2 and gap.isspace() and (next_character.isupper() or next_character.isdigit()))
        ):
            return _heading(at, at + len(some) + len(gap.rstrip()), some, KNOWN, key, line=True, marked=False)
    return None


def _glued(words: str, at: int, end: int) -> Heading | None:
    """A heading whose first letters belong to the line before, or that two headings stand in without a space."""
    table = heading_table()
    compact = words.upper() == words
    for i in range(1, min(len(words), 40)):
        if not words[i].isupper() or (not compact and not words[i - 1].islower()):
            continue
        key = letters(words[i:])
        if key in table.types and (len(key) > 9 or not compact) and (compact or i > 1):
            before = letters(words[:i])
            if before in table.types and len(before) > 9:
                continue
            return _heading(at + i, at + end, words[i:], KNOWN, key, line=True, marked=False)
        before = letters(words[:i])
        if len(before) > 9 and before in table.types and (key in table.parts or key in table.types):
            return _heading(at, at + i, words[:i], KNOWN, before, line=True, marked=False)
    return None


def _run_in(line: str, after: int, found: list[Heading]) -> None:
    """Headings inside a line, each before a colon."""
    previous = after
    colon = line.find(":", after)
    while colon >= 0:
        if colon and (line[colon - 1].isalpha() or line[colon - 1] in ") "):
            heading = _before_inner_colon(line, max(previous, colon - _LONGEST), colon)
            if heading is not None:
                found.append(heading)
        previous = colon + 1
        colon = line.find(":", previous)


def _before_inner_colon(line: str, low: int, colon: int) -> Heading | None:
    segment = line[low:colon]
    table = heading_table()
    stripped = segment.rstrip()
    cut = max(segment.rfind(c) for c in ".;!?")
    sure_start = cut + 1
    while sure_start < len(segment) and segment[sure_start] in " \t\"'*_)]":
        sure_start += 1
    for start in _INITIAL.finditer(stripped):
        i = start.start()
        before = segment[i - 1] if i else (line[low - 1] if low else "")
        glued = before.islower() or before.isdigit()
        words = stripped[i:]
        key = letters(words) if "(" not in words else look_up(words, False)
        if key is None or (key not in table.types and key not in table.parts):
            continue
        preceding = segment[:i].rstrip()[-1:] or (line[low - 1 : low] if low else "")
        ends = i == 0 or glued or preceding in _SENTENCE_ENDS or not preceding
        caps = words.isupper()
        if len(key) == 1 and not (ends and caps and not line[colon + 1 :].lstrip()[:1].isdigit()):
            continue
        several = " " in words
        if ends or (caps and len(key) > 2 and (several or key not in table.weak)) or (several and words.istitle()):
            return _heading(low + i, colon + 1, words, KNOWN, key, line=False, marked=False)
    name = stripped[sure_start:]
    if name and _CAPITALS.match(name) and "," not in name and any(len(w) > 4 for w in name.split()):
        glued_heading = _glued(name, low + sure_start, colon + 1 - low - sure_start)
        if glued_heading is not None:
            return glued_heading
        return _heading(low + sure_start, colon + 1, name, UNKNOWN, "", line=False, marked=False)
    return None


def _heading(
    start: int, body: int, words: str, kind: str, key: str, *, line: bool, marked: bool, sure: bool = False
) -> Heading:
    table = heading_table()
    section_type = table.types.get(key, "")
    if kind == KNOWN and not section_type:
        kind = PART
    words = words.strip(" \t*_#")
    return Heading(start, body, words, kind, section_type, key, words.isupper(), line, marked, sure, key in table.weak)
