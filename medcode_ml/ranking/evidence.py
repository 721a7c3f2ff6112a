"""Where the documents name a code: reads `document_types` ([[type, section, count, place], ...]) into arrays of rows.

An entry stands for one section of one document; `place` is 1 for the code named first there. Entries without a place
([type, section, count]) are read too: they say where, not in which order.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pandas as pd

from medcode_ml.ranking.knowledge import BoolArray, FloatArray, IntArray

_PLACES: Final = (
    ("discharge", re.compile(r"(principal|primary|discharge|final|main)[ _]*(and[ _]*)?(admission[ _]*)?diagnos")),
    ("operation", re.compile(r"(pre|post)[ _-]*op(erative)?[ _]*(diagnos|dx)")),
    ("admission", re.compile(r"(admi(ssion|tting)|working)[ _]*diagnos|reason[ _]*for")),
    ("complaint", re.compile(r"chief[ _]*complaint|presenting|indication")),
    ("history", re.compile(r"past|family|social|(medical|surgical)[ _]*history|medications|allerg")),
    ("story", re.compile(r"present[ _]*illness|hpi|interval[ _]*history|subjective")),
    ("impression", re.compile(r"impression|problem|diagnos|assessment(?![ _]*(and|&|/)?[ _]*plan)")),
    ("plan", re.compile(r"plan|assessment")),
    ("course", re.compile(r"course|summary")),
)
_OTHER: Final = "other"
_ARRIVAL: Final = re.compile(r"history[ _]*and[ _]*physical|h&p|admi(ssion|tting)|emergency|triage|\bed[ _]")
_LEAVING: Final = re.compile(r"discharge|death[ _]*summary|transfer[ _]*summary")
_REPORT: Final = re.compile(r"radiol|imaging|x-?ray|patholog|lab|microbio|nurs|ecg|ekg|echo")
#: Sections where a condition is named as one that the patient has now.
_TELLING: Final = ("discharge", "operation", "admission", "complaint", "story", "impression", "plan", "course")
_ORDERED: Final = (*_TELLING, _OTHER)
#: What keeps the place at which a code is named.
_PLACED: Final = ("discharge", "reason", "story", "assessment", _OTHER)


@dataclass(frozen=True, slots=True)
class DocumentEvidence:
    """Which documents and sections name the code; each array of shape (rows,).

    The `..._place` arrays order the codes of an encounter: smaller is named earlier in such a section; 0 where the code
    is not named there, or nobody said in which order. `named_first` makes "first" of them.
    """

    discharge: BoolArray
    """Named in a section of discharge diagnoses."""
    operation: BoolArray
    """Named as preoperative or postoperative diagnosis."""
    admission: BoolArray
    """Named as admission diagnosis or reason for the visit."""
    complaint: BoolArray
    """Named in the chief complaint."""
    arrival: BoolArray
    """Named as present in a document of the arrival: history and physical, admission or emergency note."""
    only_history: BoolArray
    """Named in sections of past history and nowhere else."""
    only_reports: BoolArray
    """Named by laboratory, imaging, pathology or nursing and by nobody else."""
    left_out: BoolArray
    """Named as present, but not among the discharge diagnoses, which name other codes of the list."""
    unclaimed: BoolArray
    """Named nowhere as present, while the diagnoses of discharge, or where there are none the assessment, name listed
    codes but begin with something else: it may be this one, in words that nobody understood."""
    mentions: FloatArray
    """Mentions, 0 where none are known."""
    discharge_place: FloatArray
    """Among the discharge diagnoses."""
    reason_place: FloatArray
    """In admission diagnosis, reason for the visit or chief complaint."""
    story_place: FloatArray
    """In the present illness."""
    assessment_place: FloatArray
    """In the impression, assessment or problem list of any document that is no report."""
    opening_place: FloatArray
    """In text without a heading."""


@lru_cache(maxsize=4096)
def place_of(document_type: str, section: str) -> str:
    """Return where a section stands: discharge, operation, admission, complaint, history, story, impression,

    plan, course or other.
    """
    lowered = section.lower()
    for place, pattern in _PLACES:
        if pattern.search(lowered):
            return place
    # a discharge summary without headings is read as its course
    return "course" if lowered in ("", _OTHER) and _LEAVING.search(document_type.lower()) else _OTHER


@lru_cache(maxsize=1024)
def role_of(document_type: str) -> str:
    """Return arrival, leaving, report or other for a type of document."""
    lowered = document_type.lower()
    for role, pattern in (("leaving", _LEAVING), ("report", _REPORT), ("arrival", _ARRIVAL)):
        if pattern.search(lowered):
            return role
    return _OTHER


def entries_of(value: Any) -> list[tuple[str, str, int, int]]:
    """Read one cell of `document_types` into (type, section, count, place); place 0 where none is given."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return []
    if isinstance(value, str):
        value = json.loads(value)
    return [
        (str(kind or ""), str(section or ""), int(times or 1), int(place[0] or 0) if place else 0)
        for kind, section, times, *place in value
    ]


def named_first(place: FloatArray, encounter: IntArray, among: BoolArray) -> BoolArray:
    """Say which rows are the first of their encounter by `place`, of the rows `among`. Rows of one phrase share it.

    Args:
        place: one of the place arrays of `DocumentEvidence`, shape (rows,).
        encounter: place of the encounter of each row, shape (rows,).
        among: rows that take part, such as those that may be principal; shape (rows,).
    """
    taking = among & (place > 0)
    first: FloatArray = np.full(int(encounter.max(initial=-1)) + 1, np.inf, dtype=np.float64)
    np.minimum.at(first, encounter[taking], place[taking])
    return np.asarray(taking & (place == first[encounter]), dtype=np.bool_)


def _in_encounter(mask: BoolArray, number: IntArray) -> BoolArray:
    """Whether any row of the encounter of each row has `mask`."""
    return np.asarray(np.bincount(number[mask], minlength=len(mask) + 1).astype(np.bool_)[number], dtype=np.bool_)


def _earliest(place: FloatArray, number: IntArray) -> FloatArray:
    """Smallest place in the encounter of each row, 0 where none is named."""
    first: FloatArray = np.full(len(place), np.inf, dtype=np.float64)
    np.minimum.at(first, number[place > 0], place[place > 0])
    return np.where(np.isfinite(first), first, 0.0)[number]


@dataclass(frozen=True, slots=True)
class _Read:
    """What the entries of each row say by themselves; each array of shape (rows,)."""

    seen: dict[str, BoolArray]
    """By kind of section (`place_of`), and for arrival, report, provider (no report) and anything at all ("named")."""
    place: dict[str, FloatArray]
    """By the names of `_PLACED`: the earliest place, 0 where none is known."""
    mentions: FloatArray


def document_evidence(rows: pd.DataFrame) -> DocumentEvidence:
    """Read `document_types` and `mention_count` of the code rows; rows without them have no evidence."""
    number, _ = pd.factorize(rows["encounter_id"])
    read = _read(rows, number)
    seen, place = read.seen, read.place
    elsewhere = np.logical_or.reduce([seen[name] for name in _ORDERED])
    present = np.logical_or.reduce([seen[name] for name in _TELLING])
    heads = _earliest(place["discharge"], number)
    heads = np.where(heads > 0, heads, _earliest(place["assessment"], number))
    return DocumentEvidence(
        discharge=seen["discharge"],
        operation=seen["operation"],
        admission=seen["admission"],
        complaint=seen["complaint"],
        arrival=seen["arrival"],
        only_history=seen["history"] & ~elsewhere,
        only_reports=seen["report"] & ~seen["provider"],
        left_out=present & ~seen["discharge"] & _in_encounter(seen["discharge"], number),
        unclaimed=_in_encounter(seen["named"], number) & ~present & (heads > 1),
        mentions=read.mentions,
        discharge_place=place["discharge"],
        reason_place=place["reason"],
        story_place=place["story"],
        assessment_place=place["assessment"],
        opening_place=place[_OTHER],
    )


def _read(rows: pd.DataFrame, number: IntArray) -> _Read:
    """Read the cells of `document_types`; `number` is the encounter of each row."""
    entries = [entries_of(value) for value in rows["document_types"]]
    # where a document has both, the impression holds the diagnoses and the plan what is done about them
    concluded = {
        (number[row], kind) for row, own in enumerate(entries) for kind, section, _, _ in own
        if place_of(kind, section) == "impression"
    }  # fmt: skip
    names = (*_ORDERED, "history", "arrival", "report", "provider", "named")
    seen: dict[str, BoolArray] = {name: np.zeros(len(rows), dtype=np.bool_) for name in names}
    first: dict[str, FloatArray] = {name: np.zeros(len(rows), dtype=np.float64) for name in _PLACED}
    mentions = np.nan_to_num(np.asarray(pd.to_numeric(rows["mention_count"], errors="coerce"), dtype=np.float64))
    for row, own in enumerate(entries):
        if not own:
            continue
        seen["named"][row] = True
        mentions[row] = sum(times for _, _, times, _ in own)
        for kind, section, _, place in own:
            told, role = place_of(kind, section), role_of(kind)
            if role == "report":
                seen["report"][row] = True
                continue
            seen["provider"][row] = seen[told][row] = True
            if role == "arrival" and told in _TELLING:
                seen["arrival"][row] = True
            for name in _counts_for(told, (number[row], kind) in concluded):
                held = first[name][row]
                if place and (held == 0 or place < held):
                    first[name][row] = place
    return _Read(seen, first, mentions)


def _counts_for(told: str, concluded: bool) -> tuple[str, ...]:
    """The places that a section gives, by its kind; `concluded` where the same documents have an impression too."""
    if told in ("admission", "complaint"):
        return ("reason",)
    if told == "impression" or (told == "plan" and not concluded):
        return ("assessment",)
    return (told,) if told in _PLACED else ()
