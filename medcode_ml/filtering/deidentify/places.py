# ruff: noqa: E501  (patterns are read across, not down)
"""Geography smaller than a state: streets, towns, ZIP codes; and names of hospitals and other places of care."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from medcode_ml.filtering.deidentify.confusions import DIGIT as D
from medcode_ml.filtering.deidentify.confusions import digits_in, folded_number
from medcode_ml.filtering.deidentify.name_patterns import DOSE
from medcode_ml.filtering.deidentify.people import mid_sentence
from medcode_ml.filtering.deidentify.spans import WEAK, Span
from medcode_ml.filtering.deidentify.vocabulary import Vocabulary, Word

STATES: Final = {
    "Alabama": "AL", "Alaska": "AK", "Arizona": "AZ", "Arkansas": "AR", "California": "CA", "Colorado": "CO",
    "Connecticut": "CT", "Delaware": "DE", "Florida": "FL", "Georgia": "GA", "Hawaii": "HI", "Idaho": "ID",
    "Illinois": "IL", "Indiana": "IN", "Iowa": "IA", "Kansas": "KS", "Kentucky": "KY", "Louisiana": "LA",
    "Maine": "ME", "Maryland": "MD", "Massachusetts": "MA", "Michigan": "MI", "Minnesota": "MN", "Mississippi": "MS",
    "Missouri": "MO", "Montana": "MT", "Nebraska": "NE", "Nevada": "NV", "New Hampshire": "NH", "New Jersey": "NJ",
    "New Mexico": "NM", "New York": "NY", "North Carolina": "NC", "North Dakota": "ND", "Ohio": "OH", "Oklahoma": "OK",
    "Oregon": "OR", "Pennsylvania": "PA", "Rhode Island": "RI", "South Carolina": "SC", "South Dakota": "SD",
    "Tennessee": "TN", "Texas": "TX", "Utah": "UT", "Vermont": "VT", "Virginia": "VA", "Washington": "WA",
    "West Virginia": "WV", "Wisconsin": "WI", "Wyoming": "WY", "District of Columbia": "DC", "Puerto Rico": "PR",
}  # fmt: skip
_STATE = "(?:" + "|".join([*STATES.values(), *STATES, *(s.upper() for s in STATES)]) + ")"
_LONG_KIND = (
    "Street|Avenue|Road|Lane|Court|Drive|Boulevard|Terrace|Parkway|Highway|Circle|Square|Place|Turnpike|Crescent|"
    "Trail|Way|Route|Alley|Plaza|Loop|Heights|Commons"
)
_SHORT_KIND = "St|Ave|Av|Rd|Ln|Ct|Dr|Blvd|Ter|Terr|Pkwy|Hwy|Cir|Sq|Pl|Tpke|Trl"
_NAME = r"(?:[A-Z0-9][\w'’-]*|of|the)"
_UNIT = r"(?:,? ?(?:Apt|Apartment|Unit|Suite|Ste|Room|Rm|Floor|Fl|#)\.? ?#?\w{1,5})?"
_NUMBER = rf"(?<![\w./-])(?:{D}{{1,5}}|\d{{1,3}}-\d{{1,3}})[A-Z]?"
_STREETS = (
    re.compile(rf"{_NUMBER} (?:[NSEW]\.? |North |South |East |West )?((?:{_NAME} ){{1,4}}?)(?i:{_LONG_KIND})(?: (?:[NSEW]|[NS][EW]|North|South|East|West|\d{{1,4}}))?\b{_UNIT}"),
    re.compile(rf"{_NUMBER} (?:[NSEW]\.? |North |South |East |West )?((?:{_NAME} ){{1,3}}?)(?:{_SHORT_KIND}|{_SHORT_KIND.upper()})\b\.?{_UNIT}"),
)  # fmt: skip
_KIND_AT_END = re.compile(rf"\b(?i:{_LONG_KIND}|{_SHORT_KIND})\b")
_AMBIGUOUS_KIND = frozenset(
    [
        "st",
        "dr",
        "ct",
        "pl",
        "cir",
        "sq",
        "place",
        "way",
        "loop",
        "route",
        "square",
        "plaza",
        "trail",
        "alley",
        "heights",
        "commons",
        "court",
    ]
)
_AT_ADDRESS = re.compile(
    r"(?:\b[Aa]ddress(?: is)?|\b[Ll]iv(?:es|ed|ing) (?:at|on)|\bat|\bto|\bfrom|[Rr]esid\w+ (?:at|on)):? *$"
)
_BOX = re.compile(
    r"\b(?:P\.? ?O\.? ?Box|PO BOX|Post Office Box|R\.?R\.? ?\d+,? Box) ?#?\d+\b|\b(?:Apt|Apartment)\.? ?#?\d+\w?\b",
    re.I,
)
_ROUTE = re.compile(rf"{_NUMBER} (?:County|State|US|Old|Rural) (?:Road|Route|Highway|Hwy|Rd|Rte) \d{{1,4}}[A-Z]?\b")
_TOWN_ZIP = re.compile(
    rf"((?:[A-Z][\w'’.-]+ ){{0,3}}[A-Z][\w'’.-]+)?,?[ \n]{{0,2}}\b{_STATE}\b\.?,? {{1,3}}({D}{{5}}(?:-? ?{D}{{4}})?)(?!\w)"
)
_TOWN_STATE = re.compile(rf"\b((?:[A-Z][a-z'’]+ ){{0,2}}[A-Z][a-z'’]{{2,}}), ?{_STATE}\b(?!-)")
_ZIP = re.compile(rf"(?i:\bzip(?: ?code)?)[ :#]*({D}{{5}}(?:-{D}{{4}})?)(?!\w)")
_ZIP4 = re.compile(r"(?<![\w.-])(\d{5}-\d{4})(?![\w-])")
_LIVES = re.compile(
    r"\b(?:[Ll]iv(?:es|ed|ing)|[Rr]esid(?:es|ed|ing|ent of)|[Bb]orn|[Rr]aised|[Rr]elocated|[Mm]oved|[Tt]ravel(?:l?ed|ing)?|"
    r"[Tt]rip|[Ff]lown|[Tt]ransferred|[Hh]ome|[Hh]ouse|[Aa]partment|[Gg]rew up|[Vv]isiting|[Ww]orks?|[Aa]ddress|[Ff]amily|[Nn]ative of|[Ii]mmigrated)"
    r"(?: alone| here| with \w+| over)?(?: in| at| to| from| near| outside|:) (?:downtown |rural |nearby )?"
    r"((?:[A-Z][a-z'’]+|St\.)(?: [A-Z][a-z'’]+){0,2})"
)
_CARE = (
    r"(?:Hospital|Hosp\.?|Medical (?:Center|Centre|Ctr\.?|Group)|Med(?:ical)? Ctr\.?|Health ?(?:System|Center|Care Center|care)|"
    r"Clinic|Infirmary|Hospice|Nursing (?:Home|Center|Facility)|Rehab(?:ilitation)?(?: Center| Hospital)?|Healthcare|"
    r"Memorial|Sanatorium|Manor|Care Center|Cancer (?:Center|Institute)|Surgery Center|Dialysis(?: Center)?|Pharmacy|"
    r"Assisted Living|Senior Living|Skilled Nursing|SNF)"
)
_PROPER = r"(?:[A-Z][\w'’.-]*|St\.)"
_HOSPITAL = re.compile(
    rf"\b{_PROPER}(?:[ ](?:{_PROPER}|of|and|the|&|for))*? {_CARE}(?: {_CARE})*(?: (?:of|at) (?:the )?{_PROPER}(?: {_PROPER})?)?(?!\w)"
)
_HOSPITAL_CAPS = re.compile(
    r"\b(?:[A-Z][A-Z'’.-]+ ){1,5}(?:HOSPITAL|MEDICAL CENTER|CLINIC|HEALTH SYSTEM|INFIRMARY|NURSING HOME)\b"
)
_SAINT = re.compile(r"\b(?:Saint|St\.?|SAINT|ST\.?|Mt\.?|Mount) [A-Z][\w'’-]+")


def place_spans(text: str, words: Vocabulary, populous: frozenset[str]) -> Iterator[Span]:
    """Streets, towns, ZIP codes and places of care named in `text`.

    `populous` holds the first three digits of ZIP codes whose areas hold more than 20,000 people together: those stay.
    """
    for number, pattern in enumerate(_STREETS):
        for m in pattern.finditer(text):
            if digits_in(m.group()) and _is_street(text, m, words, sure=number == 0):
                yield Span(m.start(), m.end(), "ADDRESS")
    for pattern in (_BOX, _ROUTE):
        for m in pattern.finditer(text):
            yield Span(m.start(), m.end(), "ADDRESS")
    for m in _TOWN_ZIP.finditer(text):
        if digits_in(m.group(2)) >= 3:
            yield Span(m.start(2), m.end(2), "ZIP", kept=_zip3(m.group(2), populous))
            if m.group(1):
                yield from _town(m.start(1), m.group(1), words, sure=True)
    for m in _TOWN_STATE.finditer(text):
        yield from _town(m.start(1), m.group(1), words, sure=False)
    for pattern in (_ZIP, _ZIP4):
        for m in pattern.finditer(text):
            yield Span(m.start(1), m.end(1), "ZIP", kept=_zip3(m.group(1), populous))
    for m in _LIVES.finditer(text):
        yield from _town(m.start(1), m.group(1), words, sure=False)
    for pattern in (_HOSPITAL, _HOSPITAL_CAPS):
        for m in pattern.finditer(text):
            start = _proper_start(m.group(), words, mid_sentence(text, m.start()))
            if start is not None:
                yield Span(m.start() + start, m.end(), "HOSPITAL")
    for m in _SAINT.finditer(text):
        if words.of(m.group().split()[-1]) is not Word.WORD and not _VALVE.match(text, m.end()):
            yield Span(m.start(), m.end(), "HOSPITAL", WEAK)


def place_of_model(text: str, start: int, end: int, words: Vocabulary) -> Span | None:
    """What the language model called a town: taken unless it is a clinical word, an abbreviation or a state."""
    value = text[start:end]
    if value in STATES or value.isupper() or digits_in(value) or not value[:1].isupper():
        return None
    stated = re.search(rf",? {_STATE}$", value)
    if stated:
        end = start + stated.start()
        value = text[start:end]
    parts = re.findall(r"[A-Za-z'’]+", value)
    if DOSE.match(text, end):
        return None
    if not parts or "\n" in value or any(words.of(p) is Word.EPONYM for p in parts):
        return None
    if any(words.of(p) is Word.WORD for p in parts) and not (
        all(p[0].isupper() and words.may_be_proper(p) for p in parts) and mid_sentence(text, start)
    ):
        return None
    return Span(start, end, "LOCATION", WEAK)


def _zip3(value: str, populous: frozenset[str]) -> str:
    three = folded_number(value)[:3]
    return three if three in populous else "000"


def _is_street(text: str, m: re.Match[str], words: Vocabulary, *, sure: bool) -> bool:
    """Tell "12 Chestnut Ct" from "12 Chest CT": abbreviations that also mean something else need more to go by."""
    names = [n for n in m.group(1).split() if n not in ("of", "the")]
    if not names or any(n[:1].islower() for n in names):
        return False
    kind = re.sub(r"\W", "", (_KIND_AT_END.search(m.group()) or m).group())
    if kind[:1].islower() or (kind.isupper() and len(kind) < 3 and not names[0].isupper()):
        return False
    if kind.lower() not in _AMBIGUOUS_KIND:
        return True
    if kind.isupper() and any(words.is_clinical(n) for n in names):
        return False
    if any(words.of(n) is not Word.WORD for n in names) and not any(words.is_clinical(n) for n in names):
        return True
    before = text[max(0, m.start() - 24) : m.start()]
    return (
        _AT_ADDRESS.search(before) is not None
        or re.match(r",? ?(?:Apt|Unit|Suite|#|\n|$)|, ?[A-Z]", text[m.end() : m.end() + 24]) is not None
    )


def _town(at: int, value: str, words: Vocabulary, *, sure: bool) -> Iterator[Span]:
    """The town at the end of capitalised words: leading words that are no part of a name are left out."""
    parts = list(re.finditer(r"[\w'’.-]+", value))
    if " ".join(p.group() for p in parts) in STATES:
        return
    if not sure:
        while parts and (not words.may_be_proper(parts[0].group()) or parts[0].group().lower() in _COMMON):
            parts.pop(0)
        if not parts or words.of(parts[-1].group()) is Word.EPONYM:
            return
    if parts:
        yield Span(at + parts[0].start(), at + parts[-1].end(), "LOCATION")


_COMMON = frozenset(
    [
        "outside",
        "local",
        "community",
        "regional",
        "general",
        "our",
        "the",
        "this",
        "that",
        "a",
        "an",
        "previous",
        "another",
        "referring",
        "veterans",
        "state",
        "county",
        "national",
        "day",
        "outpatient",
        "inpatient",
        "university",
        "children's",
        "childrens",
        "women's",
        "acute",
        "long",
        "term",
        "short",
        "home",
        "her",
        "his",
        "your",
        "nursing",
        "assisted",
        "apartment",
        "house",
        "shelter",
        "hospice",
        "facility",
        "group",
        "rehab",
        "residence",
        "center",
        "resident",
        "staff",
        "walk-in",
        "in-house",
        "primary",
        "specialty",
        "family",
        "same-day",
        "main",
        "urgent",
        "memory",
        "department",
        "at",
        "from",
        "to",
        "in",
        "of",
        "and",
        "with",
        "via",
        "per",
        "for",
        "discharge",
        "transfer",
        "admit",
        "admitted",
        "seen",
        "follow",
        "hospital",
        "new",
        "old",
        "same",
    ]
)


_VALVE = re.compile(r"['’]?s?,? (?:\d+ ?mm )?(?:mechanical|prosthetic|medical|bileaflet|valve|wort)", re.I)
_SURE_CARE = re.compile(r"Hospital|Medical Cent|Nursing Home|Infirmary|Hospice")


def _proper_start(value: str, words: Vocabulary, inside: bool) -> int | None:
    """Where the proper name of a place of care begins, or None for "Wound Clinic" and "Outside Hospital"."""
    care = re.search(_CARE + "|HOSPITAL|MEDICAL CENTER|CLINIC|HEALTH SYSTEM|INFIRMARY|NURSING HOME", value)
    assert care is not None
    named = list(re.finditer(r"[A-Z][\w'’.-]*", value[: care.start()])) + (
        list(re.finditer(r"[A-Z][\w'’.-]*", value[care.end() :])) if " of " in value[care.end() :] else []
    )
    for part in named:
        low = part.group().lower().strip(".")
        if low in ("st", "saint", "mount", "mt", "mercy", "memorial", "baptist", "methodist", "providence", "sinai"):
            return part.start() if part.start() < care.start() else 0
        if low in _COMMON:
            continue
        proper = words.may_be_proper(part.group())
        if not proper and not part.group().isupper():
            # a verb or adjective with a capital inside a sentence: "from Cascade Hospital"
            proper = (
                _SURE_CARE.match(care.group()) is not None
                and not words.is_clinical(low)
                and (inside or part.start() > 0)
            )
        if proper and not (part.group().isupper() and len(low) < 4):
            return part.start() if part.start() < care.start() else 0
    return None
