"""Finds the identifiers printed on a page: names, record numbers and birth dates, by their labels.

A value stands behind its label, or in the line beneath a row of labels (tables, boxed forms). Belongs here: finding.
What a value means for the filing is `identity`. Values are for comparing only and never leave the intake.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

HEADER_LINES = 25  # identifiers are looked for in that many printed lines at the head of the page
FOOTER_LINES = 6
LONG_NUMBER = 4  # digits that a number without a colon before it must have to be taken for a record number

NAME, MRN, BIRTH = "name", "MRN", "birth date"


@dataclass(frozen=True)
class Printed:
    """A value found and where it stands in the page text; `sure_label` is false for "Patient ID" and such."""

    kind: str
    value: str
    start: int
    end: int
    sure_label: bool = True


_LABEL = re.compile(
    r"""
    (?P<last>\b(?:(?:Patient|Pt)\s+)?(?:Last\s?Name|Surname|Family\s+Name)\b)
    |(?P<first>\b(?:(?:Patient|Pt)\s+)?(?:First|Given)\s?Names?\b)
    |(?P<number>\b(?:M[\s.]?R[\s.]?N\b\.?|MR\s?(?:\#|No\b\.?)
        |Med(?:ical)?\.?\s*Rec(?:ord)?s?\b\.?(?:\s*(?:Number|No\b\.?|Num\b\.?|\#|ID\b))?)
        (?:\s*(?:\#|No\b\.?|Number))?)
    |(?P<id>\b(?:Chart|Hospital|Hosp|Unit|Record|Clinic)\.?\s*(?:Number\b|No\b\.?|\#)
        |\b(?:Patient|Pt)\.?\s*(?:ID|Ident(?:ifier|ification)?|No|Number|\#)(?![a-z])\.?(?:\s*(?:No\b\.?|Number|\#))?)
    |(?P<birth>\b(?:D[O0Q][B8]\b|D\.\s?[O0]\.\s?B\b\.?|Date\s+of\s+Birth\b|Birth\s?date\b|Birth\s+Date\b|Born\b|B\.?D\.?(?=:)
        |BirthDt\b))
    |(?P<name>\bPatient(?:['’]?s)?\s+Name\b|\bPt\.?\s+Name\b|\bName\s+of\s+Patient\b|\b(?:Patient|Resident|Client)\b(?=\s*[:;])
        |\bPt\b\.?(?=\s*[:;])|\bName\b|^\W*RE\b(?=\s*:)|^\W*Regarding\b(?=\s*:))
    |(?P<bare>\bPatient\b)
    |(?P<other>\b(?:Age|Sex|Gender|Race|Date|Time|Adm(?:it|itted|ission)?\b\.?(?:\s+Date)?|Disch(?:arge[d]?)?\b\.?(?:\s+Date)?
        |Acc(?:oun)?t\b\.?(?:\s*(?:No|Number|\#)\.?)?|Encounter|Visit|FIN|CSN|SSN|Room|Ward|Bed|Unit|Location|Loc|Service|Page
        |Phys(?:ician)?|Attending|Provider|Doctor|Ordering|Referring|Surgeon|Author|Dictated|Facility|Phone|Fax|Address|Insured
        |Subscriber|Guarantor|Emergency\s+contact|Contact|Next\s+of\s+kin|Mother|Father|Spouse|Insurance|Policy|Payer
        |Specimen|Collected|Received|Reported|ID|PCP|Language|Status)\b)
    """,
    re.IGNORECASE | re.VERBOSE,
)
#: whose name or number it is when one of these stands before the label
_SOMEBODY_ELSE = re.compile(
    r"\b(?:physician|provider|attending|doctor|dr|nurse|surgeon|author|clinician|ordering|referring|pcp|mother|father|parent|"
    r"spouse|husband|wife|partner|son|daughter|sister|brother|sibling|guardian|guarantor|insured|subscriber|policy\s*holder|"
    r"member|contact|relative|kin|employer|donor|maternal|newborn|infant|baby|hospital|facility|clinic|pharmacy|file|drug|"
    r"medication|test|user|plan|payer|insurance|company|school|interpreter|witness|caregiver|agent|proxy|form|product|brand|"
    r"trade|generic|device|procedure)(?:['’]?s)?[\s:.\-]*$",
    re.IGNORECASE,
)
_NOTE = re.compile(r"\s*\([A-Za-z,./ ]{3,30}\)")
_SEPARATORS = " \t:;.#[](){}|=_-—–*,"
_NUMBER_VALUE = re.compile(r"(?:\d{2,4} ){2,3}\d{2,4}\b|[A-Z0-9!|][A-Z0-9!|-]{2,19}", re.IGNORECASE)
_DIGIT = "[0-9OoQIl|!SsBZz]"
DATE = re.compile(
    rf"(?<![\w/.-])(?:(?P<iso>(?P<y1>{_DIGIT}{{4}})[-/.](?P<m1>{_DIGIT}{{1,2}})[-/.](?P<d1>{_DIGIT}{{1,2}}))"
    rf"|(?P<us>(?P<m2>{_DIGIT}{{1,2}})\s?[-/.]\s?(?P<d2>{_DIGIT}{{1,2}})\s?[-/.]\s?(?P<y2>{_DIGIT}{{4}}|{_DIGIT}{{2}}))(?!\w)"
    rf"|(?P<dmy>(?P<d3>{_DIGIT}{{1,2}})[- ]?(?P<m3>[A-Za-z]{{3}})[a-z]*\.?[-, ]*(?P<y3>{_DIGIT}{{4}}))"
    rf"|(?P<mdy>(?P<m4>[A-Z][A-Za-z]{{2}})[A-Za-z]*\.?\s+(?P<d4>{_DIGIT}{{1,2}}),?\s+(?P<y4>{_DIGIT}{{4}})))"
)
_NAME_VALUE = re.compile(r"[A-Z][\w.'’`-]*,?(?:\s*(?<=,)|\s+)(?:[A-Z][\w.'’`-]*,?\s*){1,4}")
_TITLE = re.compile(r"^(?:(?:Mr|Mrs|Ms|Miss|Mister|Dr)\b\.?\s+)", re.IGNORECASE)
_CREDENTIALS = re.compile(r"^[\s,]*(?:M\.?D|D\.?O|R\.?N|N\.?P|P\.?A(?:-C)?|Ph\.?D|LPN|CRNA|MBBS)\b\.?")
#: two columns of one line, where no label parts them
_CELL = re.compile(r"\s{2,}|[\[\]|]|\S*\d\S*|\b(?:January|February|March|April|May|June|July|August|September|October|"
                   r"November|December)\b")  # fmt: skip


def zone(text: str) -> list[tuple[int, str]]:
    """(offset in `text`, line) of the printed lines that may carry identifiers: the head and the foot of a page."""
    lines: list[tuple[int, str]] = []
    at = 0
    for line in text.splitlines(keepends=True):
        if line.strip():
            lines.append((at, line.rstrip("\r\n")))
        at += len(line)
    if len(lines) > HEADER_LINES + FOOTER_LINES:
        lines = [*lines[:HEADER_LINES], *lines[-FOOTER_LINES:]]
    return lines


def find_printed(text: str) -> list[Printed]:
    """Labelled names, record numbers and birth dates of the patient; those of relatives and clinicians are left out."""
    lines = zone(text)
    found: list[Printed] = []
    for number, (at, line) in enumerate(lines):
        labels = list(_labels(line))
        in_row = any(kind in ("number", "id", "birth") for kind, _, _ in labels)
        surname: tuple[str, int] | None = None
        beneath: set[tuple[str, bool]] = set()
        for place, (kind, start, end) in enumerate(labels):
            stop = labels[place + 1][1] if place + 1 < len(labels) else len(line)
            note = _NOTE.match(line[end:stop])  # "Patient Name (Last, First):"
            end += note.end() if note else 0
            segment = line[end:stop]
            # what the label is followed by closely is its value; a mere heading has none
            colon = bool(re.match(r"\s*[:;#]", segment)) or line[start:end].rstrip().endswith(("#", "."))
            value = segment.strip(_SEPARATORS)
            if kind in ("other", "others"):
                continue
            if kind in ("last", "first"):
                if kind == "last" and value:
                    surname = value.split("  ")[0].strip(" ,"), at + end
                elif kind == "first" and surname is not None and value:
                    found.append(Printed(NAME, f"{surname[0]}, {value.split('  ')[0]}", surname[1], at + stop))
                continue
            made = _value(kind, segment, at + end, colon, in_row)
            if made is not None:
                found.append(made)
            elif _heads_a_column(kind, value, colon, in_row):
                beneath.add((kind, kind != "id"))
        if beneath and number + 1 < len(lines):
            found += _from_row(beneath, *lines[number + 1])
    return found


def _labels(line: str) -> Iterator[tuple[str, int, int]]:
    """(kind, start, end) of the labels of one line; kind `others` where a label is not the patient's."""
    for match in _LABEL.finditer(line):
        kind = match.lastgroup or "other"
        if kind != "other" and _SOMEBODY_ELSE.search(line[: match.start()]):
            kind = "others"
        yield kind, match.start(), match.end()


def _heads_a_column(kind: str, value: str, colon: bool, in_row: bool) -> bool:
    """Whether a label without a value behind it may have one beneath."""
    if not value:
        return kind != "bare" or in_row
    # the next heading was misread, or is one that is not known
    return kind in ("number", "id", "birth") and not colon and not any(c.isdigit() for c in value)


def _value(kind: str, segment: str, at: int, colon: bool, in_row: bool) -> Printed | None:
    """The value that follows a label on its line, or None."""
    value = segment.lstrip(_SEPARATORS)
    start = at + len(segment) - len(value)
    if kind in ("number", "id"):
        match = _NUMBER_VALUE.match(value)
        digits = sum(c.isdigit() for c in match.group(0)) if match else 0
        if match is None or digits < (2 if colon else LONG_NUMBER) or DATE.match(value):
            return None
        return Printed(MRN, match.group(0), start, start + match.end(), sure_label=kind == "number")
    if kind == "birth":
        match = DATE.match(value)
        return None if match is None else Printed(BIRTH, match.group(0), start, start + match.end())
    titled = _TITLE.sub("", value)
    start += len(value) - len(titled)
    match = _NAME_VALUE.match(titled)
    if match is None or _CREDENTIALS.match(titled[match.end() :]):
        return None
    # "Patient" without a colon begins a sentence more often than it labels a name
    if kind == "bare" and not (in_row or re.match(r"[A-Z][\w'’-]+, ?[A-Z]", titled)):
        return None
    return Printed(NAME, match.group(0).strip(), start, start + match.end())


def _from_row(wanted: set[tuple[str, bool]], at: int, line: str) -> Iterator[Printed]:
    """All values of the wanted kinds in the line beneath a row of labels."""
    labelled = [(start, len(line)) for _, start, _ in _labels(line)][:1]
    line = line[: labelled[0][0]] if labelled else line
    dates = [(m.start(), m.end()) for m in DATE.finditer(line)]
    for kind, sure in wanted:
        if kind == "birth":
            yield from (Printed(BIRTH, line[a:b], at + a, at + b) for a, b in dates)
        elif kind in ("number", "id"):
            for match in re.finditer(r"[A-Z0-9][A-Z0-9-]{3,19}", line, re.IGNORECASE):
                inside = any(a < match.end() and match.start() < b for a, b in dates)
                if not inside and sum(c.isdigit() for c in match.group(0)) >= LONG_NUMBER:
                    yield Printed(MRN, match.group(0), at + match.start(), at + match.end(), sure)
        else:
            yield from _names(line, at)


def _names(line: str, at: int) -> Iterator[Printed]:
    begin = 0
    for gap in [*_CELL.finditer(line), None]:
        cell = line[begin : gap.start() if gap else len(line)]
        text = _TITLE.sub("", cell.lstrip(_SEPARATORS))
        match = _NAME_VALUE.match(text)
        if match is not None and not _CREDENTIALS.match(text[match.end() :]):
            start = at + begin + len(cell) - len(text)
            yield Printed(NAME, match.group(0).strip(), start, start + match.end())
        if gap:
            begin = gap.end()


def all_dates(text: str) -> list[str]:
    """Every date of a text."""
    return [m.group(0) for m in DATE.finditer(text)]


def all_numbers(text: str) -> Sequence[str]:
    """Every token that is half digits or more and may be a record number."""
    tokens = re.findall(r"(?<![\w-])[A-Z0-9!|][A-Z0-9!|-]{3,19}(?![\w-])", text, re.IGNORECASE)
    return [t for t in tokens if 2 * sum(c.isdigit() for c in t) >= len(t)]
