# ruff: noqa: E501  (patterns are read across, not down)
"""Dates more exact than a year, and ages of 90 and over (rule 42: years stay, high ages are pooled)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from medcode_ml.filtering.deidentify.confusions import DIGIT as D
from medcode_ml.filtering.deidentify.confusions import digits_in, folded_number, lookalike
from medcode_ml.filtering.deidentify.spans import Span

POOLED_AGE: Final = 90
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
           "December")  # fmt: skip
_SHORT = ("Jan", "Feb", "Mar", "Apr", "Jun", "Jul", "Aug", "Sept", "Sep", "Oct", "Nov", "Dec")


def _month_pattern(names: tuple[str, ...]) -> str:
    """Month names, in capitals or with a capital first (`may` and `march` are also words), with misreadings."""
    spelled = []
    for name in names:
        first = "[O0]" if name[0] == "O" else re.escape(name[0])
        spelled.append(f"{first}(?:{lookalike(name[1:])}|{lookalike(name[1:].upper())})")
    return "(?:" + "|".join(spelled) + ")"


_FULL = _month_pattern(_MONTHS)
_MONTH = f"(?:{_FULL}|{_month_pattern(_SHORT)})"
_DAY = rf"{D}{{1,2}}(?:st|nd|rd|th)?"
_YEAR = rf"(?:(?:[1I|l]9|2[0Oo]|18){D}{{2}})"
_OPEN, _SHUT = r"(?<![\w/.-])", r"(?![\w]|[/-][\w])"

_NUMERIC = re.compile(rf"{_OPEN}({D}{{1,2}}) ?([/.-]) ?({D}{{1,2}}) ?\2 ?({D}{{4}}|{D}{{2}}){_SHUT}")
_ISO = re.compile(rf"(?<![\w/.-])({_YEAR})([/.-])({D}{{1,2}})\2({D}{{1,2}})(?=T\d|{_SHUT})")
_COMPACT = re.compile(r"(?<![\w.-])(?:((?:19|20)\d\d)(0[1-9]|1[0-2])([0-2]\d|3[01])|(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])((?:19|20)\d\d))(?=\d{4}(?:\d\d)?\b|(?![\w-]))")  # fmt: skip
_MONTH_YEAR = re.compile(rf"{_OPEN}({D}{{1,2}})[/-]({_YEAR}){_SHUT}")
_NAMED = (
    re.compile(rf"(?<!\w){_MONTH}[.,]? ?\s?{_DAY}(?: ?(?:-|to|through) ?{_DAY})?(?:,? ?\s?({_YEAR})|,? ?'(\d\d)|/(\d\d))?(?!\w)"),
    re.compile(rf"(?<!\w){_DAY}(?: of)?[-\s,]{{1,2}}{_MONTH}(?:[.,]?[-\s,]{{1,2}}(?:({_YEAR})|'?(\d\d)))?(?!\w)"),
    re.compile(rf"(?<!\w){_MONTH}[.,]?(?: of)?[\s-]({_YEAR})(?!\w)"),
    re.compile(rf"(?<!\w){_MONTH} ?'(\d\d)(?!\w)"),
)  # fmt: skip
_MONTH_ALONE = re.compile(
    rf"\b(?:[Ii]n|[Ss]ince|[Ll]ast|[Tt]his|[Nn]ext|[Ee]arly|[Ll]ate|[Mm]id|[Bb]y|[Uu]ntil|[Tt]hrough|[Ff]rom|[Oo]f)[ -]({_FULL})\b"
)
_SEASON = re.compile(r"\b(?:(?:spring|summer|autumn|winter|fall of|mid-summer)(?: of)?,? ((?:19|20)\d\d))\b", re.I)
_HOLIDAY = re.compile(
    r"\b(?:Christmas(?: Eve| Day)?|Thanksgiving|Easter|Halloween|New Year['’]?s(?: Eve| Day)?|Labor Day|Memorial Day|"
    r"(?:4th|Fourth) of July|Independence Day|Veterans Day|Valentine['’]?s Day|Hanukkah|Ramadan|Mother['’]?s Day|"
    r"Father['’]?s Day)(?:,? ((?:19|20)\d\d))?\b"
)
_ORDINAL = re.compile(
    r"\b[Oo]n the ((?:[12]?\d|3[01])(?:st|nd|rd|th))\b(?! (?:day|hospital|post|percentile|week|rib|toe))"
)
_DAY_OF_MONTH = re.compile(rf"(?<![\w/.,-])({D}{{1,2}})/({D}{{1,2}})(?![\w/%]|[.-]\d|-?\w)")
_SAID_BEFORE = re.compile(
    r"(?:\b(?:on|since|from|until|till|dated?|seen|admit(?:ted)?|discharged?|as of|by|visit|surgery|started?|through|"
    r"thru|between|before|after|last|next|due|effective|collected|drawn|repeat|done|performed|noted|expires?|exp|DOS|"
    r"DOB|labs?|MRI|CT|CXR|echo|EGD|cath|Mon|Tue|Tues|Wed|Thu|Thurs|Fri|Sat|Sun)\.?:?,? ?\(?|\d/\d{1,2} ?(?:-|to|and|,|&) ?)$",
    re.I,
)
_NOT_A_DATE_AFTER = re.compile(
    r" ?(?:strength|pain|motor|murmur|systolic|diastolic|SEM|HSM|in severity|tab|of |grade|nodes?|lymph|points?|criteria|"
    r"positive|cmH|mmHg|bilat|throughout|power|pulses?|and symm|sets?|bottles?|cups?|inch|in\b|scale|on the|/10|pills?|"
    r"doses?|correct|bpm|SIRS)", re.I,
)  # fmt: skip
_BORN = re.compile(
    r"(?:\bD\.? ?[O0]\.? ?B\b\.?|\bbirth ?-?(?:date|day)|\bdate of birth|\bborn(?: in| on)?|\bb\.)[\s:=#]*$", re.I
)
_BORN_YEAR = re.compile(
    r"\b[Bb]orn (?:in |circa |~)?((?:18|19)\d\d)\b|\b(?:DOB|YOB|[Bb]irth year)[: ]+((?:18|19)\d\d)(?![\d/-])"
)

_HIGH = r"(?:9[0-9OolI]|1[0-2][0-9OolI])"
_AGES = (
    re.compile(rf"(?<![\w./-])({_HIGH})(?=[ -]*(?:y[./ -]*o\b|yrs?\b[ -]*(?:old|of age)|y(?:ea)?rs?[ -]*(?:old|of age)|"
               r"y/?r-?old|-?year-?old|years?-old|yo[MF]\b))"),
    re.compile(rf"(?<![\w./-])({_HIGH})(?= ?[MF]\b,? (?:with|who|w/|s/p|present|h/o|hx|admit|from|transfer|c/o|PMH|brought|found))"),
    re.compile(rf"\b(?:[Aa]ged?|AGED?)(?: of|:| =)? ?\(?({_HIGH})\b(?! ?(?:%|percent|months?|days?|weeks?))"),
    re.compile(r"\b(ninety(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?|one hundred(?: and \w+)?)(?=[ -]years?[ -](?:old|of age))", re.I),
    re.compile(r"\bin (?:his|her|their|the)(?: early| mid| late)?[ -](90['’]?s|nineties|100['’]?s)\b"),
    re.compile(r"\b(centenarian|nonagenarian)\b", re.I),
)  # fmt: skip


def date_spans(text: str, as_of: date) -> Iterator[Span]:
    """Dates of `text`; the year stays unless it is that of a birth 90 or more years before `as_of`."""
    for pattern in (_NUMERIC, _ISO):
        for m in pattern.finditer(text):
            if digits_in(m.group()) * 2 < sum(c.isalnum() or c == "|" for c in m.group()):
                continue
            if pattern is _NUMERIC:
                month, day, year = (_number(m.group(g)) for g in (1, 3, 4))
                if m.group(2) == "." and not (_is_day(month, day) and len(m.group(4)) >= 2):
                    continue
                if len(m.group(4)) == 2 and not _is_day(month, day):
                    continue
                yield _date(text, m, _full_year(year, len(m.group(4)), as_of), as_of)
            elif 1 <= _number(m.group(3)) <= 12 or 1 <= _number(m.group(4)) <= 12:
                yield _date(text, m, _number(m.group(1)), as_of)
    for m in _COMPACT.finditer(text):
        yield _date(text, m, int(m.group(1) or m.group(4)), as_of)
    for m in _MONTH_YEAR.finditer(text):
        if 1 <= _number(m.group(1)) <= 12:
            yield _date(text, m, _number(m.group(2)), as_of)
    for pattern in _NAMED:
        for m in pattern.finditer(text):
            given = [g for g in m.groups() if g]
            if digits_in(m.group()) == 0:
                continue
            said = _full_year(_number(given[0]), len(given[0]), as_of) if given else None
            yield _date(text, m, said, as_of)
    for m in _MONTH_ALONE.finditer(text):
        yield Span(m.start(1), m.end(1), "DATE")
    for pattern in (_SEASON, _HOLIDAY):
        for m in pattern.finditer(text):
            yield Span(m.start(), m.end(), "DATE", kept=m.group(1) or "")
    for m in _ORDINAL.finditer(text):
        yield Span(m.start(1), m.end(1), "DATE")
    for m in _DAY_OF_MONTH.finditer(text):
        if _is_day_of_month(text, m):
            yield Span(m.start(), m.end(), "DATE")
    for m in _BORN_YEAR.finditer(text):
        group = 1 if m.group(1) else 2
        if as_of.year - int(m.group(group)) >= POOLED_AGE:
            yield Span(m.start(group), m.end(group), "DATE")


def age_spans(text: str) -> Iterator[Span]:
    """Ages of 90 and over, the number or word alone: "92" of "92-year-old"."""
    for pattern in _AGES:
        for m in pattern.finditer(text):
            yield Span(m.start(1), m.end(1), "AGE", kept="90+")


def birth_year_kept(year: int, as_of: date) -> str:
    """The year of a birth, or nothing where it tells an age of 90 or more."""
    return str(year) if as_of.year - year < POOLED_AGE else ""


def _number(text: str) -> int:
    kept = re.sub(r"\D", "", folded_number(text))
    return int(kept) if kept else 0


def _is_day(one: int, other: int) -> bool:
    return (1 <= one <= 12 and 1 <= other <= 31) or (1 <= other <= 12 and 1 <= one <= 31)


def _full_year(year: int, length: int, as_of: date) -> int:
    if length > 2:
        return year
    return 2000 + year if 2000 + year <= as_of.year + 1 else 1900 + year


def _date(text: str, m: re.Match[str], year: int | None, as_of: date) -> Span:
    kept = str(year) if year is not None and 1800 <= year <= as_of.year + 50 else ""
    if kept and year is not None and (_BORN.search(text[max(0, m.start() - 24) : m.start()]) or year < 1900):
        kept = birth_year_kept(year, as_of)
    return Span(m.start(), m.end(), "DATE", kept=kept)


def _is_day_of_month(text: str, m: re.Match[str]) -> bool:
    """Tell 3/14 the day from 4/5 strength and 2/6 murmur."""
    raw = m.group()
    month, day = _number(m.group(1)), _number(m.group(2))
    if digits_in(raw) < 2 or not (1 <= month <= 12 and 1 <= day <= 31):
        return False
    if _SAID_BEFORE.search(text[max(0, m.start() - 16) : m.start()]):
        return _NOT_A_DATE_AFTER.match(text, m.end()) is None
    if _NOT_A_DATE_AFTER.match(text, m.end()):
        return False
    if raw[0] == "0" and len(m.group(2)) == 2:
        return True
    line = text.rfind("\n", 0, m.start()) + 1
    opens_line = not text[line : m.start()].strip(" -*•([")
    return day > 12 or (opens_line and text[m.end() : m.end() + 2].strip(" ") in (":", "-", ")", "]") and day > 10)
