"""Documents split into sections with a normalised type, by their headings.

A heading is a known phrase at the start of a line, followed by a colon, a dash or the end of the line (short ones in
capitals or underlined); text before the first heading, text after a one-paragraph section without heading of its own,
and text of a document without headings, are sections of type `other`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

#: section type -> heading phrases, lower case, as clinicians write them
HEADINGS: dict[str, tuple[str, ...]] = {
    "chief_complaint": ("chief complaint", "cc", "reason for visit", "reason for admission", "reason for consultation",
                        "presenting complaint", "chief complaints", "reason for consult", "presenting problem"),
    "history_of_present_illness": ("history of present illness", "hpi", "present illness", "history", "subjective",
                                   "interval history", "interval events", "overnight events", "s", "clinical history",
                                   "history of the present illness", "brief history", "clinical indication",
                                   "indication", "indications", "history and reason for consultation",
                                   "brief hpi", "events"),
    "past_medical_history": ("past medical history", "pmh", "pmhx", "past history", "medical history", "pmh/psh",
                             "past medical/surgical history", "past medical and surgical history", "comorbidities",
                             "significant past medical history", "past medical hx", "chronic problems",
                             "chronic conditions", "past psychiatric history", "past ob history", "obstetric history",
                             "past obstetric history", "gyn history", "birth history", "past cardiac history"),
    "past_surgical_history": ("past surgical history", "psh", "pshx", "surgical history", "past surgical hx",
                              "previous operations", "prior surgeries"),
    "family_history": ("family history", "fh", "fhx", "fam hx", "family medical history", "family hx"),
    "social_history": ("social history", "sh", "shx", "soc hx", "social hx", "habits", "personal and social history",
                       "personal history", "occupational history"),
    "medications": ("medications", "meds", "current medications", "home medications", "home meds", "medication",
                    "medications on admission", "admission medications", "outpatient medications",
                    "medications prior to admission", "current meds", "medication list", "scheduled medications",
                    "inpatient medications"),
    "allergies": ("allergies", "allergy", "drug allergies", "all", "medication allergies"),
    "review_of_systems": ("review of systems", "ros"),
    "vital_signs": ("vital signs", "vitals", "vs"),
    "physical_exam": ("physical exam", "physical examination", "exam", "pe", "objective", "o", "examination", "general",
                      "physical findings", "discharge exam", "physical exam on discharge", "exam on admission",
                      "mental status examination", "neurologic exam", "neurological examination"),
    "results": ("results", "labs", "laboratory data", "laboratory", "lab results", "lab data", "laboratory studies",
                "imaging", "radiology", "studies", "data", "diagnostic studies", "diagnostics", "pertinent results",
                "laboratory results", "ekg", "ecg", "cxr", "ct", "mri", "echo", "x-ray", "microbiology", "findings",
                "radiologic studies", "diagnostic data", "pathology", "imaging studies", "radiology data",
                "comparison", "technique", "procedures and studies", "cultures", "micro", "specimen", "gross",
                "microscopic", "labs/imaging", "lab tests", "laboratory exam", "laboratory examination",
                "diagnostic imaging",
                "radiologic data", "electrocardiogram"),
    "assessment_plan": ("assessment and plan", "assessment/plan", "a/p", "assessment & plan", "assessment", "plan",
                        "a&p", "a", "p", "medical decision making", "mdm", "problem based plan", "recommendations",
                        "assessment and recommendations", "impression and plan", "impression/plan", "discussion",
                        "impression and recommendation", "impression & plan", "diagnosis and plan", "ed course",
                        "emergency department course", "emergency room course", "a/p by problem",
                        "treatment plan", "plan and suggestion"),
    "impression": ("impression", "impressions", "conclusion", "clinical impression", "final impression", "diagnosis",
                   "diagnoses", "diagnostic impression", "final diagnosis", "interpretation", "dx", "ddx"),
    "hospital_course": ("hospital course", "brief hospital course", "course", "hospital course by problem",
                        "summary of hospital course", "hospital course by system", "clinical course",
                        "course in hospital", "hospital course and treatment"),
    "admission_diagnoses": ("admission diagnosis", "admission diagnoses", "admitting diagnosis", "admit dx",
                            "admitting diagnoses", "diagnosis on admission", "diagnoses on admission",
                            "provisional diagnosis", "admission dx", "adm dx"),
    "discharge_diagnoses": ("discharge diagnosis", "discharge diagnoses", "final diagnoses", "principal diagnosis",
                            "secondary diagnoses", "primary diagnosis", "secondary diagnosis", "dc dx", "d/c dx",
                            "diagnosis at discharge", "diagnoses at discharge", "discharge dx",
                            "other diagnoses", "discharge diagnosis list", "principal problem", "active diagnoses",
                            "principal diagnoses", "transfer diagnoses", "primary diagnoses"),
    "preoperative_diagnosis": ("preoperative diagnosis", "pre-operative diagnosis", "preoperative diagnoses",
                               "preop diagnosis", "pre-op diagnosis", "preop dx", "pre op dx", "pre-op dx"),
    "postoperative_diagnosis": ("postoperative diagnosis", "post-operative diagnosis", "postoperative diagnoses",
                                "postop diagnosis", "post-op diagnosis", "postop dx", "post op dx", "post-op dx"),
    "procedures": ("procedure", "procedures", "operation", "operations", "procedure performed", "operative procedure",
                   "procedures performed", "operation performed", "operative findings", "description of procedure",
                   "details of procedure", "procedure in detail", "anesthesia", "surgeon", "title of operation",
                   "operative technique", "description of operation", "estimated blood loss", "complications",
                   "indications for procedure", "indication for operation", "indications for operation", "ebl",
                   "indications for surgery", "operative note", "specimens", "assistant"),
    "discharge_medications": ("discharge medications", "medications on discharge", "discharge meds", "dc meds",
                              "medications at discharge", "d/c meds", "new medications"),
    "discharge_instructions": ("discharge instructions", "instructions", "follow up", "follow-up", "followup",
                               "patient instructions", "return precautions", "discharge plan", "follow up plan",
                               "follow-up plan", "activity", "diet", "discharge follow-up", "post discharge plan"),
    "disposition": ("disposition", "dispo", "condition on discharge", "discharge condition", "condition",
                    "discharge disposition", "condition at discharge"),
    "problem_list": ("problem list", "problems", "active problems", "active problem list", "active issues"),
}  # fmt: skip

# Sections that clinicians write in one paragraph: what follows a blank line without a heading is not theirs.
ONE_PARAGRAPH = frozenset({"allergies", "family_history", "social_history", "vital_signs", "chief_complaint"})
_GAP = re.compile(r"\n[ \t]*\n")
_UNDERLINE = re.compile(r"[ \t]*\r?\n[ \t]*[-=_*~]{2,}[ \t]*(?=\r?\n|$)")


@dataclass(frozen=True)
class Section:
    """One section: its type, heading as written, and characters `start` to `end` of its text."""

    section_type: str
    heading: str
    start: int
    end: int


def split_text(text: str) -> list[Section]:
    """Split one document; the sections stand in order and do not overlap. An empty text has no sections."""
    found: list[tuple[int, int, str, str]] = []
    for match in _pattern().finditer(text):
        phrase = " ".join(match["phrase"].lower().split())
        end = match.end()
        if not match["colon"]:
            underline = _UNDERLINE.match(text, end)
            end = underline.end() if underline else end
            # A short word alone on its line is a heading when it is written as one: in capitals or underlined.
            letters = match["phrase"]
            if underline is None and (len(letters) == 1 or (len(letters) < 4 and not letters.isupper())):
                continue
        found.append((match.start(), end, _types()[phrase], match["phrase"]))
    sections: list[Section] = []
    first = found[0][0] if found else len(text)
    if text[:first].strip():
        sections.append(Section("other", "", 0, first))
    for number, (_, body, section_type, heading) in enumerate(found):
        end = found[number + 1][0] if number + 1 < len(found) else len(text)
        gap = _GAP.search(text, body + len(text[body:]) - len(text[body:].lstrip()), end)
        if section_type in ONE_PARAGRAPH and gap is not None and text[gap.end() : end].strip():
            sections.append(Section(section_type, heading, body, gap.start()))
            sections.append(Section("other", "", gap.end(), end))
        else:
            sections.append(Section(section_type, heading, body, end))
    return sections


def split_documents(documents: pd.DataFrame) -> pd.DataFrame:
    """Split `documents[document_id, text]` into mapped.document_section rows (without received_date)."""
    rows = [
        (document, number, s.section_type, s.heading, s.start, s.end)
        for document, text in zip(documents["document_id"], documents["text"], strict=True)
        for number, s in enumerate(split_text(text or ""), start=1)
    ]
    return pd.DataFrame(
        rows,
        columns=["document_id", "section_number", "section_type", "heading", "start_offset", "end_offset"],
        dtype=object,
    )


@lru_cache(maxsize=1)
def _types() -> dict[str, str]:
    return {phrase: section_type for section_type, phrases in HEADINGS.items() for phrase in phrases}


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    phrases = sorted(_types(), key=len, reverse=True)
    alternatives = "|".join(re.escape(p).replace(r"\ ", r"[ \t]+") for p in phrases)
    # A heading may follow a list number or a markdown mark, and may carry a qualifier in brackets.
    return re.compile(
        rf"^[ \t]*(?:[#*=\-]+[ \t]*)?(?P<phrase>{alternatives})(?:[ \t]*\([^)\n]{{0,40}}\))?[ \t*]*"
        rf"(?P<colon>:|[ \t]-(?=[ \t])|(?=\r?$))",
        re.IGNORECASE | re.MULTILINE,
    )
