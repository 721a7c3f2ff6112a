"""Documents split into sections with a normalised type: by their headings, and by content where none stands.

Headings come from `headings`; here they are read in their surroundings: what a heading means in this kind of document,
whether it is a heading at all or an item of a list, and to which section a part such as "HEENT" belongs. Text without a
heading is typed by its wording (`untitled`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import pandas as pd

from medcode_ml.mapping.heading_table import heading_table, type_by_words
from medcode_ml.mapping.headings import KNOWN, PART, Heading, find_headings
from medcode_ml.mapping.untitled import OTHER, type_of, type_units

WHOLE, PARAGRAPH, LINE = "whole", "paragraph", "line"
_REPORTS: Final = frozenset({"radiology", "pathology", "laboratory"})
HEADING, CONTENT, DOCUMENT = "heading", "content", "document"
SECTION_COLUMNS: Final = (
    "document_id", "section_number", "section_type", "heading", "typed_by", "start_offset", "end_offset",
)  # fmt: skip

#: Sections that clinicians write in one paragraph: what follows a blank line without a heading is not theirs.
ONE_PARAGRAPH: Final = frozenset({"allergies", "family_history", "social_history", "vital_signs", "chief_complaint"})
_WITH_PARTS: Final = frozenset({"physical_exam", "review_of_systems"})
_KEEPS_PARTS: Final = _WITH_PARTS | {
    "results", "assessment_plan", "impression", "hospital_course", "discharge_diagnoses", "procedures", "problem_list",
    "preoperative_diagnosis", "postoperative_diagnosis", "admission_diagnoses", "discharge_instructions",
}  # fmt: skip
_MEASURED: Final = frozenset({"physical_exam", "vital_signs", "", "chief_complaint", "history_of_present_illness"})
_LISTING: Final = frozenset({
    "assessment_plan", "impression", "hospital_course", "discharge_diagnoses", "problem_list", "medications",
    "discharge_medications", "past_medical_history", "past_surgical_history", "discharge_instructions",
    "admission_diagnoses", "procedures",
})  # fmt: skip
_SAID: Final = frozenset({"results", "disposition", "procedures", "discharge_instructions", "problem_list"})
_GAP = re.compile(r"\n[ \t\r]*\n")
_ASKED = re.compile(
    r"\b(?:denies|denied|reports|admits|complains|see hpi|as above|as per hpi|"
    r"no (?:chest pain|shortness|nausea|vomiting|fever|cough|diarrhea|constipation|headache|dysuria|history of))\b",
    re.IGNORECASE,
)
_OPERATIVE: Final = frozenset({"preoperativediagnosis", "postoperativediagnosis", "preopdiagnosis", "postopdiagnosis",
    "preopdx", "postopdx", "anesthesia", "surgeon", "estimatedbloodloss", "ebl", "procedureperformed", "assistant",
    "preoperativediagnoses", "postoperativediagnoses", "postopdiagnoses", "operation", "procedureindetail",
})  # fmt: skip
_KINDS: Final = (
    ("operat", "operative"), ("procedure", "operative"), ("surg", "operative"), ("radiol", "radiology"),
    ("imag", "radiology"), ("x-ray", "radiology"), ("pathol", "pathology"), ("lab", "laboratory"),
    ("microbio", "laboratory"), ("nurs", "nursing"), ("discharge", "discharge_summary"), ("progress", "progress_note"),
    ("daily", "progress_note"), ("soap", "progress_note"), ("consult", "consultation"), ("emergency", "emergency_note"),
    ("clinic", "clinic_note"), ("office", "clinic_note"), ("outpatient", "clinic_note"),
    ("history", "history_and_physical"),
    ("h&p", "history_and_physical"), ("admission", "history_and_physical"),
)  # fmt: skip
_WHOLE: Final = {
    "laboratory": "results", "radiology": "results", "pathology": "results", "operative": "procedures",
    "nursing": "nursing_assessment",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Section:
    """One section: type, heading as written ("" for none), characters `start` to `end`, and what told the type.

    The text begins after the heading; where the heading may be part of what is said (a part of an examination, a
    heading that the table does not know) it begins with it.
    """

    section_type: str
    heading: str
    start: int
    end: int
    typed_by: str = HEADING


def split_text(text: str, document_type: str | None = None) -> list[Section]:
    """Split one document; the sections stand in order and do not overlap. A text without letters has no sections."""
    if not text or text.isspace():
        return []
    headings = find_headings(text)
    kind = document_kind(document_type, headings)
    placed = list(_placed(text, headings, kind))
    sections: list[Section] = []
    first = placed[0][0] if placed else len(text)
    if text[:first].strip():
        sections += _untitled(text, 0, first, kind, whole=not placed)
    for number, (_, body, section_type, words, typed_by, extent) in enumerate(placed):
        end = placed[number + 1][0] if number + 1 < len(placed) else len(text)
        gap = (
            _paragraph_end(text, body, end)
            if extent == PARAGRAPH
            else _line_end(text, body, end)
            if extent == LINE
            else end
        )
        if gap < end:
            sections.append(Section(section_type, words, body, gap, typed_by))
            sections += _untitled(text, gap + 1, end, kind)
        else:
            sections.append(Section(section_type, words, body, end, typed_by))
    return sections


def split_documents(documents: pd.DataFrame) -> pd.DataFrame:
    """Split `documents[document_id, text; document_type]` into mapped.document_section rows (without received_date)."""
    types = documents["document_type"] if "document_type" in documents else [None] * len(documents)
    rows = [
        (document, number, s.section_type, s.heading, s.typed_by, s.start, s.end)
        for document, text, kind in zip(documents["document_id"], documents["text"], types, strict=True)
        for number, s in enumerate(split_text(text or "", kind if isinstance(kind, str) else None), start=1)
    ]
    return pd.DataFrame(rows, columns=list(SECTION_COLUMNS), dtype=object)


@lru_cache(maxsize=1024)
def _kind_of(document_type: str) -> str:
    lowered = document_type.lower()
    return next((kind for beginning, kind in _KINDS if beginning in lowered), "any")


def document_kind(document_type: str | None, headings: list[Heading]) -> str:
    """The kind of document that decides what an ambiguous heading means, by its type or else by its headings."""
    kind = _kind_of(document_type) if document_type else "any"
    if kind != "any" or not headings:
        return kind
    keys = {h.phrase for h in headings}
    types = {h.section_type for h in headings}
    if len(keys & _OPERATIVE) >= 2:
        return "operative"
    if "gross" in keys and keys & {"specimen", "microscopic"}:
        return "pathology"
    told = types & {"history_of_present_illness", "past_medical_history", "vital_signs", "medications"}
    if "findings" in keys and keys & {"comparison", "technique"} and len(told) < 2:
        return "radiology"
    if (
        types & {"discharge_diagnoses", "discharge_medications", "hospital_course"}
        and "discharge_instructions" in types
    ):
        return "discharge_summary"
    return "any"


def _placed(text: str, headings: list[Heading], kind: str) -> Iterator[tuple[int, int, str, str, str, str]]:
    """(start of heading, start of text, type, heading, typed_by, how far it reaches) of what begins a section."""
    studies, measures = heading_table().studies, heading_table().measures
    meanings = heading_table().documents.get(kind, {})
    current = ""
    parted = ""
    soap = _is_soap(headings)
    numbered = False
    outside = False  # in an examination that no heading opened
    for number, heading in enumerate(headings):
        if heading.kind == KNOWN:
            if (len(heading.phrase) == 1 and not soap and not heading.sure) or _is_said(heading, current, numbered):
                continue
            section_type = meanings.get(heading.phrase, heading.section_type)
            outside, numbered = False, heading.marked
            extent = PARAGRAPH if section_type in ONE_PARAGRAPH else WHOLE
            if heading.phrase in studies and not heading.sure and kind not in _REPORTS:
                extent = LINE
            yield heading.start, heading.body, section_type, heading.words, HEADING, extent
            current = section_type
        elif heading.kind == PART:
            if heading.marked or (not current and not heading.caps):
                continue  # without any heading before it, its wording tells what it is
            section_type = current
            if heading.phrase in measures:
                if not (heading.caps and heading.line):
                    continue
                section_type = "vital_signs" if current in _MEASURED else current
            elif current not in _KEEPS_PARTS:
                section_type = _part_of(text, heading, headings, number, current, parted)
            if section_type == current and not heading.caps:
                continue
            outside = outside or current not in _KEEPS_PARTS or section_type == "vital_signs"
            yield heading.start, heading.start, section_type, heading.words, HEADING, PARAGRAPH if outside else WHOLE
            current = section_type
        else:
            told = _unknown(text, heading, headings, number, current, kind)
            if told is None:
                continue
            section_type, typed_by = told
            start = heading.body if heading.sure else heading.start
            extent = PARAGRAPH if section_type in ONE_PARAGRAPH else WHOLE
            yield heading.start, start, section_type, heading.words, typed_by, extent
            current, outside = section_type, False
        if current in _WITH_PARTS:
            parted = current


def _is_said(heading: Heading, current: str, numbered: bool) -> bool:
    """Whether an ordinary word before a colon is an item of the list or plan it stands in, and no heading.

    `numbered`: the heading before has a list mark as well.
    """
    if not heading.weak:
        return False
    if heading.marked:
        return current in _LISTING and not numbered
    return not heading.line and not heading.caps and current in _LISTING and heading.section_type in _SAID


def _end_of(headings: list[Heading], number: int, text: str) -> int:
    return headings[number + 1].start if number + 1 < len(headings) else len(text)


def _part_of(text: str, heading: Heading, headings: list[Heading], number: int, current: str, parted: str) -> str:
    """The section that a part outside an examination belongs to."""
    if current == "vital_signs":
        return "physical_exam"
    body = text[heading.body : _end_of(headings, number, text)]
    told = type_of(text, heading.start, heading.body + min(len(body), 300))
    if told == "physical_exam":
        return told
    if told == "review_of_systems" or _ASKED.search(body[:200]):
        return "review_of_systems"
    if current in ("past_medical_history", "past_surgical_history", "medications", "allergies", "family_history"):
        return current if told in (current, OTHER) else "physical_exam"
    return parted or "physical_exam"


def _unknown(
    text: str, heading: Heading, headings: list[Heading], number: int, current: str, kind: str
) -> tuple[str, str] | None:
    """(type, what told it) of a heading that the table does not have; None if it is taken for text."""
    by_words = type_by_words(heading.words)
    if by_words:
        return by_words, HEADING
    single = " " not in heading.words.strip()
    if single and not heading.sure and current:
        # "COPD: stable", "CMS: intact": belongs where it stands
        return (current, HEADING) if heading.line else None
    end = _end_of(headings, number, text)
    told = type_of(text, heading.body, end, kind)
    if told != OTHER:
        return told, CONTENT
    return OTHER, HEADING


def _is_soap(headings: list[Heading]) -> bool:
    letters = {h.phrase for h in headings if len(h.phrase) == 1}
    return len(letters & {"s", "o", "a", "p"}) >= 2


def _paragraph_end(text: str, body: int, end: int) -> int:
    """Where the first paragraph after a heading ends, if text follows it; else `end`."""
    begin = body
    while begin < end and text[begin].isspace():
        begin += 1
    gap = _GAP.search(text, begin, end)
    return gap.start() if gap is not None and text[gap.end() : end].strip() else end


def _line_end(text: str, body: int, end: int) -> int:
    """Where the line of a heading ends, with the lines that it runs on over; `end` if nothing follows."""
    at = text.find("\n", body, end)
    while at >= 0 and text[at + 1 : at + 2].islower():
        at = text.find("\n", at + 1, end)
    return at if at >= 0 and text[at:end].strip() else end


def _untitled(text: str, start: int, end: int, kind: str, whole: bool = False) -> Iterator[Section]:
    """Sections by content; what the wording leaves open is told by the kind of document where that decides."""
    default = _WHOLE.get(kind, OTHER)
    told = DOCUMENT if default != OTHER else CONTENT
    last: Section | None = None
    for begin, to, section_type in type_units(text, start, end, kind, opening=start == 0):
        if section_type == OTHER and (whole or start == 0):
            section = Section(default, "", begin, to, told)
        else:
            section = Section(section_type, "", begin, to, CONTENT)
        if last is not None and last.section_type == section.section_type:
            last = Section(last.section_type, "", last.start, to, last.typed_by)
        else:
            if last is not None:
                yield last
            last = section
    if last is not None:
        yield last
