"""Where the documents name a code: reads `document_types` ([[type, section, count, place], ...]) into arrays of rows.

An entry stands for one section of one document; `place` is 1 for the code named first there. Entries without a place
([type, section, count]) are read too: they say where, not in which order.
"""

from __future__ import annotations

import json
import re
from collections import Counter
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
_ASSESSED: Final = ("impression", "plan")


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
    course: BoolArray
    """Named in the present illness, hospital course or assessment."""
    arrival: BoolArray
    """Named as present in a document of the arrival: history and physical, admission or emergency note."""
    leaving: BoolArray
    """Named as present in the discharge summary."""
    only_history: BoolArray
    """Named in sections of past history and nowhere else."""
    only_reports: BoolArray
    """Named by laboratory, imaging, pathology or nursing and by nobody else."""
    left_out: BoolArray
    """Named as present, but not among the discharge diagnoses, which name other codes of the list."""
    silent: BoolArray
    """Named nowhere, in an encounter whose documents name other codes of the list."""
    unclaimed: BoolArray
    """Named nowhere as present, while the diagnoses of discharge, or where there are none the assessment, name listed
    codes but begin with something else: it may be this one, in words that nobody understood."""
    mentions: FloatArray
    """Mentions, 0 where none are known."""
    documents: FloatArray
    """Documents that name it, at least: sections of one kind in documents of one type count as documents."""
    sections: FloatArray
    """Sections that name it."""
    discharge_place: FloatArray
    """Among the discharge diagnoses."""
    operation_place: FloatArray
    """Among the preoperative and postoperative diagnoses."""
    reason_place: FloatArray
    """In admission diagnosis, reason for the visit or chief complaint."""
    story_place: FloatArray
    """In the present illness."""
    arrival_place: FloatArray
    """In the assessment of a document of the arrival."""
    assessment_place: FloatArray
    """In the impression, assessment or problem list of any document that is no report."""
    course_place: FloatArray
    """In the hospital course."""
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


def document_evidence(rows: pd.DataFrame) -> DocumentEvidence:
    """Read `document_types` and `mention_count` of the code rows; rows without them have no evidence."""
    count = len(rows)
    number, _ = pd.factorize(rows["encounter_id"])
    seen = {name: np.zeros(count, dtype=np.bool_) for name in (*_ORDERED, "history", "arrival", "leaving", "report")}
    names = (*_ORDERED, "reason", "assessment", "first_assessment")
    order: dict[str, FloatArray] = {name: np.zeros(count, dtype=np.float64) for name in names}
    documents, sections = np.zeros(count, dtype=np.float64), np.zeros(count, dtype=np.float64)
    mentions = np.nan_to_num(np.asarray(pd.to_numeric(rows["mention_count"], errors="coerce"), dtype=np.float64))
    named, provider = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
    entries = [entries_of(value) for value in rows["document_types"]]
    # where a document has both, the impression holds the diagnoses and the plan what is done about them
    concluded = {
        (number[row], kind) for row, own in enumerate(entries) for kind, section, _, _ in own
        if place_of(kind, section) == "impression"
    }  # fmt: skip

    def earlier(name: str, row: int, place: int) -> None:
        held = order[name][row]
        if place and (held == 0 or place < held):
            order[name][row] = place

    for row, own in enumerate(entries):
        if not own:
            continue
        named[row] = True
        mentions[row] = sum(times for _, _, times, _ in own)
        sections[row] = len(own)
        documents[row] = _documents(own)
        for kind, section, _, place in own:
            told, role = place_of(kind, section), role_of(kind)
            if role == "report":
                seen["report"][row] = True
                continue
            provider[row] = True
            seen[told][row] = True
            if told == "history":
                continue
            earlier(told, row, place)
            if told in ("admission", "complaint"):
                earlier("reason", row, place)
            if role in seen and told in _TELLING:
                seen[role][row] = True
            if told == "impression" or (told == "plan" and (number[row], kind) not in concluded):
                earlier("assessment", row, place)
                if role == "arrival":
                    earlier("first_assessment", row, place)
    elsewhere = np.logical_or.reduce([seen[name] for name in _ORDERED])
    present = np.logical_or.reduce([seen[name] for name in _TELLING])
    documented = _in_encounter(named, number)
    heads = _earliest(order["discharge"], number)
    heads = np.where(heads > 0, heads, _earliest(order["assessment"], number))
    return DocumentEvidence(
        discharge=seen["discharge"],
        operation=seen["operation"],
        admission=seen["admission"],
        complaint=seen["complaint"],
        course=seen["story"] | seen["impression"] | seen["plan"] | seen["course"],
        arrival=seen["arrival"],
        leaving=seen["leaving"],
        only_history=seen["history"] & ~elsewhere,
        only_reports=seen["report"] & ~provider,
        left_out=present & ~seen["discharge"] & _in_encounter(seen["discharge"], number),
        silent=documented & ~named,
        unclaimed=documented & ~present & (heads > 1),
        mentions=mentions,
        documents=documents,
        sections=sections,
        discharge_place=order["discharge"],
        operation_place=order["operation"],
        reason_place=order["reason"],
        story_place=order["story"],
        arrival_place=order["first_assessment"],
        assessment_place=order["assessment"],
        course_place=order["course"],
        opening_place=order[_OTHER],
    )


def _documents(entries: list[tuple[str, str, int, int]]) -> int:
    """Documents that the entries come from, at least: a document has one entry for a section."""
    of_section = Counter((kind, section) for kind, section, _, _ in entries)
    of_kind: dict[str, int] = {}
    for (kind, _), times in of_section.items():
        of_kind[kind] = max(of_kind.get(kind, 0), times)
    return sum(of_kind.values())
