# ruff: noqa: E501  (tables are read across)
"""The record's own identifiers looked up in its text: exactly, as misread by scanners, and with one slip.

What the hospital's own tables say of a patient is found whatever the form around it, so that recall does not hang on a
language model alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Final

from medcode_ml.filtering.deidentify.confusions import digits_in, folded_number, folded_word
from medcode_ml.filtering.deidentify.dates import birth_year_kept
from medcode_ml.filtering.deidentify.name_patterns import DOES, EPONYM_HEAD
from medcode_ml.filtering.deidentify.numbers import number_form
from medcode_ml.filtering.deidentify.people import mid_sentence
from medcode_ml.filtering.deidentify.spans import KNOWN, Span
from medcode_ml.filtering.deidentify.vocabulary import Vocabulary, Word

#: kinds of `identifiers` rows: those of the spans, and a few that are looked up in a way of their own
OWN_KINDS: Final = (
    "NAME", "INITIALS", "STAFF", "BIRTH_DATE", "DATE", "MRN", "ACCOUNT", "MEMBER_ID", "SSN", "PHONE", "EMAIL", "LICENCE", "ADDRESS",
    "LOCATION", "ZIP", "HOSPITAL", "ID",
)  # fmt: skip
_NUMBERS = frozenset({"MRN", "ACCOUNT", "MEMBER_ID", "SSN", "PHONE", "LICENCE", "ZIP", "ID"})
_PHRASES = frozenset({"ADDRESS", "LOCATION", "HOSPITAL", "EMAIL"})
_WORD = re.compile(r"[A-Za-z0-9|'’]+")
_PIECE = re.compile(r"[A-Za-z0-9|]+")
_GAP = re.compile(r"[-/ .()]{0,2}")
_TITLE_BEFORE = re.compile(
    r"(?:\b(?:Drs?|Mrs?|Ms|Miss|Prof|DR|MRS?|MS)\.? |\b(?i:patient|name|surgeon|attending|author|by|physician|provider)(?: name)?[:=] *|(?<![A-Za-z])[A-Z]\. ?)$"
)
_SAME = {
    "street": "st", "avenue": "ave", "road": "rd", "lane": "ln", "court": "ct", "drive": "dr", "boulevard": "blvd",
    "terrace": "ter", "parkway": "pkwy", "highway": "hwy", "circle": "cir", "square": "sq", "place": "pl", "saint": "st",
    "north": "n", "south": "s", "east": "e", "west": "w", "mount": "mt", "av": "ave", "apartment": "apt", "center": "ctr",
    "centre": "ctr", "hospital": "hosp", "medical": "med",
}  # fmt: skip
_GENERIC = frozenset(
    [
        "hosp",
        "hospital",
        "medical",
        "med",
        "center",
        "centre",
        "ctr",
        "regional",
        "community",
        "general",
        "health",
        "system",
        "clinic",
        "children's",
        "childrens",
        "women's",
        "womens",
        "and",
        "of",
        "the",
        "university",
        "memorial",
        "county",
    ]
)
_STREET_KIND = frozenset(
    v
    for k, v in _SAME.items()
    if k not in ("north", "south", "east", "west", "center", "centre", "hospital", "medical")
)
_LONGEST_NUMBER, _SHORTEST_FUZZY, _SHORTEST = 5, 7, 5


@dataclass(frozen=True)
class Known:
    """Identifiers of one document, ready to be looked up."""

    names: dict[str, str] = field(default_factory=dict)  # folded -> kind, NAME or STAFF
    written: dict[str, str] = field(default_factory=dict)  # folded -> as registered
    numbers: dict[str, tuple[str, str]] = field(default_factory=dict)  # folded -> kind, kept
    phrases: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = field(default_factory=dict)  # first word -> phrases
    acronyms: frozenset[str] = frozenset()
    initials: tuple[str, ...] = ()


def compile_known(rows: Iterable[tuple[str, str]], as_of: date, populous: frozenset[str]) -> Known:
    """Prepare (kind, value) rows of one document.

    Raises:
        ValueError: a kind that is none of `OWN_KINDS`.
    """
    names: dict[str, str] = {}
    written: dict[str, str] = {}
    numbers: dict[str, tuple[str, str]] = {}
    phrases: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    acronyms: set[str] = set()
    initials: set[str] = set()
    for kind, value in rows:
        if kind in ("NAME", "STAFF"):
            for part in {value, *re.split(r"[\s-]+", value)}:
                folded = folded_word(part)
                if len(folded) > 1 and names.get(folded) != "NAME":
                    names[folded], written[folded] = kind, part
        elif kind == "INITIALS":
            initials |= {value, value[::-1]} if len(value) == 2 else set()
        elif kind in ("BIRTH_DATE", "DATE"):
            day = date.fromisoformat(value[:10])
            kept = birth_year_kept(day.year, as_of) if kind == "BIRTH_DATE" else str(day.year)
            numbers.update(dict.fromkeys(_date_forms(day), ("DATE", kept)))
        elif kind in _NUMBERS:
            folded = folded_number(value)
            if kind == "ZIP":
                folded = folded[:5]
                numbers[folded_number(value)] = ("ZIP", folded[:3] if folded[:3] in populous else "000")
            if len(folded) >= _SHORTEST:
                numbers[folded] = (kind, (folded[:3] if folded[:3] in populous else "000") if kind == "ZIP" else "")
        elif kind in _PHRASES:
            for phrase in _phrase_forms(kind, value):
                phrases.setdefault(phrase[0], []).append((kind, phrase))
            if kind == "HOSPITAL":
                letters = "".join(w[0] for w in re.findall(r"\b[A-Z][\w'’]*", re.sub(r"\(.*?\)", "", value)))
                acronyms |= {letters} if len(letters) >= 3 else set()
        else:
            raise ValueError(f"identifiers: {kind!r} is no kind; use one of {', '.join(OWN_KINDS)}")
    return Known(
        names,
        written,
        numbers,
        {k: tuple(dict.fromkeys(v)) for k, v in phrases.items()},
        frozenset(acronyms),
        tuple(initials),
    )


def record_forms(values: Iterable[str]) -> re.Pattern[str] | None:
    """One pattern for all forms in which these record numbers are written; plain numbers of under 7 digits give none."""
    forms = {number_form(v) for v in values if v and digits_in(v) >= 4 and (len(v) >= 7 or not v.isdigit())}
    return re.compile(rf"(?<![\w.])(?:{'|'.join(sorted(forms))})(?![\w]|\.\d)") if forms else None


def known_spans(text: str, known: Known, words: Vocabulary) -> Iterator[Span]:
    """Where the identifiers stand in `text`."""
    tokens = list(_WORD.finditer(text))
    yield from _names(text, tokens, known, words)
    yield from _numbers(text, known)
    yield from _phrases(text, tokens, known, words)
    for m in tokens:
        if m.group() in known.acronyms and words.of(m.group()) is not Word.WORD:
            yield Span(m.start(), m.end(), "HOSPITAL", KNOWN)
    for initials in known.initials:
        for m in re.finditer(rf"(?<![\w.]){initials[0]}\. ?(?:[A-Z]\. ?)?{initials[1]}\.(?!\w)", text):
            yield Span(m.start(), m.end(), "NAME", KNOWN)


def _names(text: str, tokens: list[re.Match[str]], known: Known, words: Vocabulary) -> Iterator[Span]:
    if not known.names:
        return
    found: list[str | None] = []
    for m in tokens:
        found.append(_name_of(m.group(), known, words))
    for place, (m, name) in enumerate(zip(tokens, found, strict=True)):
        if name is None:
            if (
                place + 1 < len(tokens)
                and tokens[place + 1].start() - m.end() <= 1
                and text[m.end() : tokens[place + 1].start()] in ("", " ", "-", "'")
            ):
                joined = folded_word(m.group() + tokens[place + 1].group())
                if len(joined) >= 5 and joined in known.names and folded_word(m.group()) and not m.group()[0].islower():
                    yield Span(m.start(), tokens[place + 1].end(), "NAME", KNOWN)
            continue
        end = m.end() - (2 if m.group().endswith(("'s", "’s")) else 0)
        kind = words.of(known.written[name])
        if kind in (Word.WORD, Word.EPONYM):
            if m.group().islower() or EPONYM_HEAD.match(text, m.end()):
                continue
            beside = any(
                0 <= other < len(tokens) and found[other] not in (None, name) and _near(text, tokens, place, other)
                for other in (place - 1, place + 1, place - 2, place + 2)
            ) or _TITLE_BEFORE.search(text[max(0, m.start() - 16) : m.start()])
            mixed = not m.group().isupper() or len(m.group()) == 1
            alone = mid_sentence(text, m.start()) or DOES.match(text, m.end())
            if not beside and not (known.names[name] == "NAME" and mixed and alone):
                continue
        elif m.group().islower() and known.names[name] == "STAFF" and kind is not Word.NAME:
            continue
        yield Span(m.start(), end, "NAME", KNOWN)


def _near(text: str, tokens: list[re.Match[str]], one: int, other: int) -> bool:
    low, high = min(one, other), max(one, other)
    between = text[tokens[low].end() : tokens[high].start()]
    return re.fullmatch(r",? ?|,? [A-Z]\.? ", between) is not None


def _name_of(raw: str, known: Known, words: Vocabulary) -> str | None:
    """The registered name that a word of the text is, folded; None where it is none of them."""
    bare = re.sub(r"['’]s$", "", raw)
    folded = folded_word(bare)
    if len(folded) < 2:
        return None
    if folded in known.names:
        # a look-alike is no misreading where the text holds a proper word
        return folded if len(folded) > 2 or bare.istitle() or bare.isupper() else None
    if len(folded) < 5 or raw.islower() or words.of(bare) in (Word.WORD, Word.EPONYM):
        return None
    return _one_slip(folded, tuple(known.names))


@lru_cache(maxsize=65_536)
def _one_slip(folded: str, names: tuple[str, ...]) -> str | None:
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    most = 2 if len(folded) >= 9 else 1
    best = process.extractOne(folded, names, scorer=OSA.distance, score_cutoff=most)
    return str(best[0]) if best is not None and len(best[0]) >= 5 else None


def _numbers(text: str, known: Known) -> Iterator[Span]:
    if not known.numbers:
        return
    from rapidfuzz.distance import OSA

    pieces = list(_PIECE.finditer(text))
    longest = max(map(len, known.numbers)) + 1
    lengths: dict[int, list[str]] = {}
    for value in known.numbers:
        lengths.setdefault(len(value), []).append(value)
    for first, start in enumerate(pieces):
        if not any(c.isdigit() for c in start.group()) and len(start.group()) > 4:
            continue
        joined = ""
        for last in range(first, min(first + _LONGEST_NUMBER, len(pieces))):
            piece = pieces[last]
            if last > first and not _GAP.fullmatch(text, pieces[last - 1].end(), piece.start()):
                break
            joined += folded_number(piece.group())
            if len(joined) > longest:
                break
            if len(joined) < _SHORTEST or digits_in(text[start.start() : piece.end()]) < 3:
                continue
            hit = known.numbers.get(joined)
            if hit is None and len(joined) >= _SHORTEST_FUZZY - 1:
                near = next(
                    (
                        v
                        for n in (len(joined), len(joined) - 1, len(joined) + 1)
                        if n >= _SHORTEST_FUZZY
                        for v in lengths.get(n, ())
                        if OSA.distance(joined, v, score_cutoff=1) <= 1
                    ),
                    None,
                )
                hit = (known.numbers[near][0], "") if near is not None else None
            if hit is not None:
                yield Span(start.start(), piece.end(), hit[0], KNOWN, hit[1])


def _phrases(text: str, tokens: list[re.Match[str]], known: Known, words: Vocabulary) -> Iterator[Span]:
    if not known.phrases:
        return
    folded = [_same(m.group()) for m in tokens]
    for place, word in enumerate(folded):
        for kind, phrase in known.phrases.get(word, ()) or _slipped(word, tokens[place].group(), known, words):
            end = _follows(text, tokens, folded, place, phrase, kind)
            if end is None or tokens[place].group().islower():
                continue
            if len(phrase) == 1 and tokens[place].group().isupper() and words.of(phrase[0]) is Word.WORD:
                continue
            yield Span(tokens[place].start(), end, kind, KNOWN)


def _slipped(word: str, raw: str, known: Known, words: Vocabulary) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if raw.islower() or len(word) < 5 or words.of(raw) is Word.WORD:
        return ()
    near = _one_slip(word, tuple(known.phrases))
    return known.phrases[near] if near is not None else ()


def _follows(
    text: str, tokens: list[re.Match[str]], folded: list[str], place: int, phrase: tuple[str, ...], kind: str
) -> int | None:
    """Where the phrase that begins at token `place` ends, or None where other words follow."""
    for step, wanted in enumerate(phrase[1:], 1):
        at = place + step
        optional = kind == "ADDRESS" and step == len(phrase) - 1 and wanted in _STREET_KIND
        if at >= len(tokens) or tokens[at].start() - tokens[at - 1].end() > 3 or not _agree(folded[at], wanted):
            return tokens[at - 1].end() if optional and step > 1 else None
    return tokens[place + len(phrase) - 1].end()


def _agree(one: str, other: str) -> bool:
    if one == other:
        return True
    if one[:1].isdigit() or other[:1].isdigit():
        return folded_number(one) == folded_number(other)
    if folded_word(one) == folded_word(other):
        return True
    from rapidfuzz.distance import OSA

    return len(other) >= 5 and OSA.distance(one, other, score_cutoff=1) <= 1


def _same(word: str) -> str:
    low = word.lower().strip("'’")
    return _SAME.get(low, low) if not digits_in(low) else folded_number(low)


def _phrase_forms(kind: str, value: str) -> Iterator[tuple[str, ...]]:
    parts = [_same(p) for p in _WORD.findall(re.sub(r"\(.*?\)", "", value))]
    if not parts:
        return
    yield tuple(parts)
    if kind == "HOSPITAL":
        proper = list(parts)
        while proper and proper[-1] in _GENERIC:
            proper.pop()
        while proper and proper[-1] in _GENERIC | {"and"}:
            proper.pop()
        if proper and len(parts) > 2:
            yield tuple(parts[: max(2, len(proper))])


def _date_forms(day: date) -> Iterator[str]:
    yield f"{day:%m%d%Y}"
    yield f"{day:%Y%m%d}"
    yield f"{day:%d%m%Y}"
    yield f"{day:%m%d%y}"
    yield f"{day.month}{day.day}{day.year}"
