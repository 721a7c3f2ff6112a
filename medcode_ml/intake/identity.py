"""Whose page is it: name, birth date and MRN printed on a page against the encounter it is filed under (rule 39).

Belongs here: finding and comparing. Nothing found leaves this module as text: verdicts name the kind of identifier
only, because a reason is stored and logged where no PHI may be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import Enum

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from medcode_ml.intake.confusions import folded, folded_digits

HEADER_LINES = 18  # identifiers are looked for in that many printed lines at the head of the page
FOOTER_LINES = 3
SAME_NAME = 85.0  # similarity (0-100) from which two names agree
OTHER_NAME = 60.0  # similarity below which they clearly disagree
SLIPS = 1  # characters of an MRN or a birth date that a reader may get wrong before it says another one


class Verdict(Enum):
    """What one printed identifier says about the filing."""

    AGREES = "agrees"
    UNCLEAR = "unclear"
    DISAGREES = "disagrees"


@dataclass(frozen=True)
class Filed:
    """The person of the encounter a page is filed under, as registered; None where it is not known."""

    name: str | None = None
    mrn: str | None = None
    birth_date: date | None = None


_MRN = re.compile(
    r"\b(?:M\.?R\.?N\.?|MR\s?(?:#|No\.?)|Med(?:ical)?\.?\s+Rec(?:ord)?\.?(?:\s+(?:Number|No\.?|#))?)"
    r"(?:\s*(?:#|No\.?|Number))?\s*[:;.#]\s*([A-Z0-9!|][A-Z0-9!|-]{2,19})",
    re.IGNORECASE,
)
_BIRTH = re.compile(
    r"\b(?:D[O0]B|D\.\s?[O0]\.\s?B\.?|Date\s+of\s+Birth|Birth\s?date|Born)\b\.?\s*[:;.]?\s*([^\n]{6,24})", re.IGNORECASE
)
_NAME = re.compile(
    # "Physician Name:" is not the patient's, hence what may not stand before a bare "Name"
    r"(?:\bPatient(?:['’]?s)?(?:\s+Name)?|\bPt\.?(?:\s+Name)?|(?<![A-Za-z] )\bName(?:\s+of\s+Patient)?)"
    r"\s*[:;]\s*([^\n:;]{3,60})",
    re.IGNORECASE,
)
#: a value ends where the next label begins
_NEXT_LABEL = re.compile(
    r"\s+(?:MRN|MR\s?#|Med(?:ical)?\s+Rec\w*|D[O0]B|D\.O\.B|Date|Birth|Sex|Gender|Age|Acc(?:oun)?t|Encounter|Visit|Admi\w+|"
    r"Adm\b|Room|Ward|Unit|Physician|Attending|Provider|Service|Page|ID|SSN|Location|Record|Fin)\b.*$",
    re.IGNORECASE,
)
_NAME_SHAPE = re.compile(r"[A-Z][\w.'’-]*,?(?:\s+[A-Z][\w.'’-]*,?){1,4}")
_TITLES = {"mr", "mrs", "ms", "miss", "dr", "jr", "sr", "ii", "iii", "iv", "md"}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NUMBER = "[0-9OoQIl|!SsBZz]"
_DATE = re.compile(
    rf"(?P<iso>(?P<y1>{_NUMBER}{{4}})[-/. ](?P<m1>{_NUMBER}{{1,2}})[-/. ](?P<d1>{_NUMBER}{{1,2}}))"
    rf"|(?P<us>(?P<m2>{_NUMBER}{{1,2}})[-/.](?P<d2>{_NUMBER}{{1,2}})[-/.](?P<y2>{_NUMBER}{{4}}|{_NUMBER}{{2}}))(?!\w)"
    rf"|(?P<dmy>(?P<d3>{_NUMBER}{{1,2}})[- ](?P<m3>[A-Za-z]{{3}})[a-z]*\.?[-, ]+(?P<y3>{_NUMBER}{{4}}))"
    rf"|(?P<mdy>(?P<m4>[A-Z][a-z]{{2}})[a-z]*\.?\s+(?P<d4>{_NUMBER}{{1,2}}),?\s+(?P<y4>{_NUMBER}{{4}}))"
)


def verdicts(text: str, filed: Filed) -> dict[str, Verdict]:
    """What each labelled identifier of a page says: {"name" | "birth date" | "MRN": verdict}, only kinds printed.

    Where a kind is printed more than once, the reading kindest to the filing counts: forms also name relatives.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > HEADER_LINES + FOOTER_LINES:
        lines = [*lines[:HEADER_LINES], *lines[-FOOTER_LINES:]]
    header = "\n".join(lines)
    said: dict[str, Verdict] = {}
    if filed.mrn:
        _note(said, "MRN", (_compare_codes(m.group(1), filed.mrn) for m in _MRN.finditer(header)))
    if filed.birth_date:
        _note(said, "birth date", (_compare_dates(m.group(1), filed.birth_date) for m in _BIRTH.finditer(header)))
    if filed.name:
        _note(said, "name", (_compare_names(m.group(1), filed.name) for m in _NAME.finditer(header)))
    return said


def misfiled(said: dict[str, Verdict]) -> list[str]:
    """Kinds of identifier that clearly disagree, when at least one does and none agrees; else nothing."""
    if Verdict.AGREES in said.values():
        return []
    return [kind for kind, verdict in said.items() if verdict is Verdict.DISAGREES]


def _note(said: dict[str, Verdict], kind: str, found: Iterable[Verdict | None]) -> None:
    heard = {v for v in found if v is not None}
    for verdict in (Verdict.AGREES, Verdict.UNCLEAR, Verdict.DISAGREES):
        if verdict in heard:
            said[kind] = verdict
            return


def _compare_codes(printed: str, filed: str) -> Verdict | None:
    ours, theirs = folded_digits(printed).lstrip("0"), folded_digits(filed).lstrip("0")
    if len(ours) < 3 or not any(c.isdigit() for c in printed):
        return None
    if ours == theirs:
        return Verdict.AGREES
    near = OSA.distance(ours, theirs) <= SLIPS or ours in theirs or theirs in ours  # a cut or merged number
    return Verdict.UNCLEAR if near else Verdict.DISAGREES


def _compare_dates(printed: str, filed: date) -> Verdict | None:
    found = _DATE.match(printed.lstrip(" ():;.,"))
    if found is None:
        return None
    parts = {k[0]: v for k, v in found.groupdict().items() if v is not None and k[-1].isdigit()}
    month = parts["m"].lower()
    if month[:3] in _MONTHS:
        month = str(_MONTHS.index(month[:3]) + 1)
    elif found.group("dmy") or found.group("mdy"):
        return None
    year = folded_digits(parts["y"])
    ours = folded_digits(month).zfill(2) + folded_digits(parts["d"]).zfill(2) + year[-2:]
    theirs = f"{filed:%m%d%y}"
    if len(year) == 4:
        ours, theirs = ours[:4] + year, f"{filed:%m%d%Y}"
    if ours == theirs:
        return Verdict.AGREES
    swapped = ours[2:4] + ours[:2] + ours[4:]
    near = OSA.distance(ours, theirs) <= SLIPS or swapped == theirs
    return Verdict.UNCLEAR if near else Verdict.DISAGREES


def _compare_names(printed: str, filed: str) -> Verdict | None:
    shape = _NAME_SHAPE.match(_NEXT_LABEL.sub("", printed.strip()))
    if shape is None:
        return None
    ours, theirs = _name_parts(shape.group(0)), _name_parts(filed)
    if len(ours) < 2 or not theirs:
        return None
    # every part of the shorter form is looked for: the other may carry middle names, and the order varies
    shorter, longer = sorted((ours, theirs), key=len)
    alike = [max(fuzz.ratio(a, b) for b in longer) for a in shorter]
    whole = max(fuzz.token_sort_ratio(" ".join(ours), " ".join(theirs)), fuzz.ratio("".join(ours), "".join(theirs)))
    if min(alike) >= SAME_NAME or whole >= SAME_NAME:
        return Verdict.AGREES
    return Verdict.DISAGREES if max(alike) < OTHER_NAME + 10 and whole < OTHER_NAME else Verdict.UNCLEAR


def _name_parts(name: str) -> list[str]:
    parts = [folded(part) for part in re.split(r"[\s,]+", name)]
    return [p for p in parts if len(p) > 1 and p not in _TITLES]
