"""Words on paper: filling templates, marking mentions, headings by habit, misspellings.

A mention and a section are marked while text is written, with control characters round them; `finish` takes the marks
out and gives the character offsets, so that the truth about them costs nothing and cannot drift from the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from medcode_ml.simulation.drawing import chance

_MARK = re.compile("\x01([^\x02]*)\x02([^\x03]*)\x03([^\x04]*)\x04|\x05([0-9]+)\x06|\x07")
_TYPOS = {
    "pneumonia": "pnuemonia",
    "antibiotics": "antibiotcs",
    "tolerating": "tolerting",
    "received": "recieved",
    "bilateral": "bilatreal",
    "continue": "contiue",
    "patient": "pateint",
    "discharge": "dischrage",
    "swelling": "sweling",
    "improved": "imporved",
    "drainage": "drianage",
    "fracture": "fracutre",
    "anemia": "anmeia",
    "withdrawal": "withdrawl",
    "diarrhea": "diarrhoea",
    "cellulitis": "celulitis",
}
_TYPO = re.compile(r"\b(" + "|".join(_TYPOS) + r")\b")


class Side:
    """A side of the body: `{side}` writes it, `{side:R|L}` chooses the first for right, the second for left."""

    def __init__(self, right: bool) -> None:
        self.right = right

    def __format__(self, spec: str) -> str:
        if not spec:
            return "right" if self.right else "left"
        return spec.split("|")[0 if self.right else 1]


Context = dict[str, object]


@lru_cache(maxsize=16384)
def _has_fields(template: str) -> bool:
    return "{" in template


def fill(template: str, context: Context) -> str:
    """Fill a content template."""
    return template.format_map(context) if _has_fields(template) else template


@dataclass(frozen=True)
class Mention:
    """A coded condition in a finished text: characters `start` to `end`, and how it is asserted."""

    start: int
    end: int
    code: str
    assertion: str


@dataclass(frozen=True)
class Passage:
    """The text of one section in a finished document: characters `start` to `end`, and its type."""

    start: int
    end: int
    section_type: str


def mark(text: str, code: str, assertion: str = "affirmed") -> str:
    """Mark a mention of the condition `code` in text that is still being written."""
    return f"\x01{code}\x02{assertion}\x03{text}\x04"


def passage(section_type: str, text: str) -> str:
    """Mark the text of a section that is still being written."""
    return f"\x05{SECTION_TYPES.index(section_type)}\x06{text}\x07"


def finish(marked: str) -> tuple[str, list[Mention], list[Passage]]:
    """Take the marks out: the text, and its mentions and passages in order. Passages do not stand in each other."""
    parts: list[str] = []
    mentions: list[Mention] = []
    passages: list[Passage] = []
    at = length = 0
    begun = (0, "")
    for found in _MARK.finditer(marked):
        before = marked[at : found.start()]
        parts.append(before)
        length += len(before)
        if found[1] is not None:
            parts.append(found[3])
            mentions.append(Mention(length, length + len(found[3]), found[1], found[2]))
            length += len(found[3])
        elif found[4] is not None:
            begun = (length, SECTION_TYPES[int(found[4])])
        else:
            passages.append(Passage(begun[0], length, begun[1]))
        at = found.end()
    parts.append(marked[at:])
    return "".join(parts), mentions, passages


def misspell(rng: np.random.Generator, text: str, share: float) -> str:
    """Misspell about `share` of the words that are commonly misspelled."""
    if share <= 0:
        return text
    return _TYPO.sub(lambda m: _TYPOS[m[1]] if chance(rng, share) else m[1], text)


#: section -> headings in use at the hospitals, and the heading of the new note style
HEADINGS: dict[str, tuple[tuple[str, ...], str]] = {
    "complaint": (("Chief Complaint", "CC", "Reason for Admission"), "Reason for Visit"),
    "hpi": (("History of Present Illness", "HPI", "Present Illness"), "Story of Current Problem"),
    "history": (("Past Medical History", "PMH", "PMHx"), "Known Conditions"),
    "surgical": (("Past Surgical History", "PSH", "Surgical Hx"), "Prior Procedures"),
    "medications": (("Medications", "Home Meds", "Meds on Admission"), "Medication Reconciliation"),
    "allergies": (("Allergies", "All", "Allergies/ADRs"), "Allergies and Intolerances"),
    "social": (("Social History", "SH", "Social"), "Social Context"),
    "family": (("Family History", "FH", "FHx"), "Family Background"),
    "review": (("Review of Systems", "ROS", "ROS"), "Symptom Review"),
    "exam": (("Physical Exam", "PE", "Examination"), "Exam Findings"),
    "vitals": (("Vitals", "VS", "Vital Signs"), "Measurements"),
    "labs": (("Labs", "Laboratory Data", "Data"), "Results Review"),
    "imaging": (("Imaging", "Radiology", "Studies"), "Imaging Review"),
    "plan": (("Assessment and Plan", "A/P", "Assessment/Plan"), "Problem-Oriented Plan"),
    "interval": (("Subjective", "Interval History", "S/Interval"), "Overnight Update"),
    "course": (("Hospital Course", "Brief Hospital Course", "Course"), "Summary of Stay"),
    "discharge_diagnoses": (
        ("Discharge Diagnoses", "Dx at Discharge", "Final Diagnoses"),
        "Problems Addressed This Stay",
    ),
    "procedures": (("Procedures", "Procedures Performed", "Operations"), "Procedures This Stay"),
    "condition": (("Condition at Discharge", "Discharge Condition", "Condition"), "Status on Leaving"),
    "discharge_medications": (("Discharge Medications", "Meds at D/C", "D/C Meds"), "Medications to Take at Home"),
    "instructions": (("Discharge Instructions", "Follow Up", "Instructions/Follow-up"), "Next Steps"),
    "reason": (("Reason for Consultation", "Consult Question", "Reason for Consult"), "Question Asked"),
    "impression": (("Impression", "Assessment", "Impression/Recs"), "Assessment Summary"),
}

#: section -> normalised type, for the truth about sections
TYPES: dict[str, str] = {
    "complaint": "chief_complaint",
    "hpi": "history_of_present_illness",
    "history": "past_medical_history",
    "surgical": "past_surgical_history",
    "medications": "medications",
    "allergies": "allergies",
    "social": "social_history",
    "family": "family_history",
    "review": "review_of_systems",
    "exam": "physical_exam",
    "vitals": "vital_signs",
    "labs": "results",
    "imaging": "results",
    "plan": "assessment_plan",
    "interval": "history_of_present_illness",
    "course": "hospital_course",
    "discharge_diagnoses": "discharge_diagnoses",
    "procedures": "procedures",
    "condition": "disposition",
    "discharge_medications": "discharge_medications",
    "instructions": "discharge_instructions",
    "reason": "chief_complaint",
    "impression": "impression",
}
SECTION_TYPES = (
    *sorted(set(TYPES.values())), "preoperative_diagnosis", "postoperative_diagnosis", "nursing_assessment", "other",
)  # fmt: skip


@dataclass(frozen=True)
class Style:
    """How a clinician lays notes out: heading `form`, bullets, taste for abbreviations and care in spelling."""

    form: str
    bullet: str
    variant: int
    typos: float
    new: bool

    def heading(self, key: str) -> str:
        """A heading with what follows it up to the text; empty where this clinician writes none."""
        classic, new = HEADINGS[key]
        if self.new:
            return f"--- {new} ---\n"
        words = classic[self.variant % len(classic)]
        return {
            "caps": f"{words.upper()}:\n",
            "colon": f"{words}: ",
            "line": f"{words}\n",
            "under": f"{words}\n{'-' * len(words)}\n",
            "none": "",
        }[self.form]

    def section(self, key: str, body: str) -> str:
        """Heading and body."""
        heading = self.heading(key)
        # what a consultant calls an assessment is one
        section_type = "assessment_plan" if heading.upper().startswith("ASSESSMENT") else TYPES[key]
        return f"{heading}{passage(section_type, body)}\n\n"

    def listed(self, items: list[str]) -> str:
        """Items one a line, with this clinician's bullets."""
        if self.bullet == "1.":
            return "\n".join(f"{n}. {item}" for n, item in enumerate(items, 1))
        return "\n".join(f"{self.bullet} {item}" for item in items)


def style_of(hospital_index: int, habit: int, new: bool) -> Style:
    """The style of a clinician: the hospital's template first, own habits on top. A tenth write no headings at all."""
    form = (
        "none"
        if habit % 10 == 9 and not new
        else ("caps", "colon", "under", "line")[(hospital_index + habit // 50) % 4]
    )
    bullet = "*" if new else ("1.", "#", "-")[habit % 3]
    return Style(form, bullet, habit % 3, 0.0 if new else (0.0, 0.0, 0.03, 0.08)[habit % 4], new)
