"""Clinical documents of an encounter, composed from the sections of `note_parts` in the clinician's style."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from medcode_ml.simulation import note_parts as part
from medcode_ml.simulation.drawing import chance, pick
from medcode_ml.simulation.measurements import labs_line, vitals_line
from medcode_ml.simulation.organisations import HOSPITALS, Clinician
from medcode_ml.simulation.reports import (
    emergency_note,
    laboratory_report,
    nursing_note,
    operative_note,
    pathology_report,
    radiology_report,
)
from medcode_ml.simulation.stays import Performed, Stay
from medcode_ml.simulation.wording import Mention, Passage, Style, fill, finish, mark, misspell, passage, style_of

_STATUS_WORDS = {
    "01": "home",
    "03": "skilled nursing facility",
    "06": "home with services",
    "62": "acute rehab",
    "07": "left against medical advice",
    "20": "expired",
    "50": "home hospice",
    "51": "inpatient hospice",
    "65": "inpatient psychiatry",
}
_FOLLOW_UP = ("PCP in 1-2 weeks.", "Follow up with PCP in 7 days.", "Clinic in 2 weeks with labs.")
_MOST = 7


@dataclass(frozen=True)
class Document:
    """One clinical document with the truth about its mentions and sections."""

    document_type: str
    written: date
    author: Clinician
    text: str
    mentions: tuple[Mention, ...]
    sections: tuple[Passage, ...]


def history_and_physical(rng: np.random.Generator, stay: Stay, style: Style) -> str:
    """History and physical of the day of admission."""
    s = style.section
    text = (
        s("complaint", part.complaint(rng, stay))
        + s("hpi", part.story(rng, stay))
        + s("history", part.history(rng, stay, style))
    )
    adult = int(str(stay.context["age"])) >= 18
    if adult and chance(rng, 0.5):
        text += s(
            "surgical",
            pick(rng, ("None.", "Remote tonsillectomy.", "Appendectomy in childhood.", "Hernia repair 1998."))
            if not any(p.op.note for p in stay.performed)
            else "None recent.",
        )
    text += s("medications", part.medications(rng, stay, True)) + s(
        "allergies", pick(rng, ("NKDA", "No known drug allergies", "See chart"))
    )
    text += s("social", part.social(rng, stay)) + s("family", part.family(rng) if adult else "Non-contributory.")
    if chance(rng, 0.5):
        text += s(
            "review",
            pick(
                rng, ("10 point ROS otherwise negative except as in HPI.", "All other systems reviewed and negative.")
            ),
        )
    text += s("vitals", vitals_line(rng, stay, 0)) + s("exam", part.exam(rng, stay, style, 0))
    labs = [labs_line(rng, stay, 0), *stay.scenario.results]
    text += s("labs", "\n".join(line for line in labs if line)) if any(labs) else ""
    if stay.studies:
        text += s("imaging", "\n".join(f"{study.name}: {pick(rng, study.impression)}" for study in stay.studies))
    return text + s("plan", style.listed(part.problems(rng, stay, style, 0)))


def progress_note(rng: np.random.Generator, stay: Stay, style: Style, day: int, copied: str) -> tuple[str, str]:
    """Progress note of a day, and its plan block; an earlier plan is often carried forward verbatim."""
    s = style.section
    infant = int(str(stay.context["age"])) < 2
    told = pick(
        rng,
        ("No events overnight.", "Feeding well.", "Parents at bedside, no concerns.", "Voiding and stooling.")
        if infant
        else (
            "Feels better today.",
            "No acute events overnight.",
            "Slept well, pain controlled.",
            "Still tired.",
            "Tolerating diet.",
        ),
    )
    if stay.ventilated(day):
        told = pick(
            rng,
            (
                "Remains intubated and sedated.",
                "On the vent overnight, no new issues.",
                "Sedation lightened this am, still intubated.",
            ),
        )
    arisen = [f for f in stay.findings if f.dx.day == day and day > 0 and f.dx.place == "problem"]
    if arisen:
        told += " New overnight: " + ", ".join(part.said(rng, stay, f, style) for f in arisen) + "."
    told += f" {part.denial(rng, stay)}" if chance(rng, 0.6) and not stay.ventilated(day) else ""
    text = (
        s("interval", f"HD {day + 1}. {told}")
        + s("vitals", vitals_line(rng, stay, day))
        + s("exam", _sloppy(rng, stay, part.exam(rng, stay, style, day)))
    )
    labs = labs_line(rng, stay, day)
    text += s("labs", labs) if labs and chance(rng, 0.8) else ""
    diabetic = next((f for f in stay.findings if f.code.startswith("E11")), None)
    if diabetic is not None and chance(rng, 0.04):
        # a template left unedited contradicts the rest of the chart
        text += f"Endocrine: no hx of {mark('diabetes', stay.code_of(diabetic), 'negated')}.\n\n"
    plan = copied if copied and chance(rng, 0.55) else style.listed(part.problems(rng, stay, style, day))
    return text + s("plan", plan), plan


def _sloppy(rng: np.random.Generator, stay: Stay, exam: str) -> str:
    """Now and then the exam names the wrong side."""
    side, other = format(stay.context["side"], ""), format(stay.context["other"], "")
    return exam.replace(f"{side} ", f"{other} ", 1) if chance(rng, 0.02) else exam


def consultation(rng: np.random.Generator, stay: Stay, style: Style) -> str:
    """A specialist's consultation."""
    s = style.section
    asked = pick(rng, ("Assistance with management of {}.", "Asked to see re {}.", "{} - recs appreciated.")).format(
        part.said(rng, stay, stay.findings[0], style)
    )
    text = (
        passage("other", f"{stay.scenario.consult} consult")
        + "\n\n"
        + s("reason", asked)
        + s("hpi", f"{part.story(rng, stay)} Chart reviewed, patient seen with team.")
    )
    text += (
        s("history", part.history(rng, stay, style))
        + s("vitals", vitals_line(rng, stay, min(1, stay.days)))
        + s("exam", part.exam(rng, stay, style, 0))
    )
    known = part.problems(rng, stay, style, min(1, stay.days))[:3]
    return text + s(
        "impression",
        style.listed(
            [*known, pick(rng, ("Will follow.", "Thank you for this consult.", "Please call with questions."))]
        ),
    )


def discharge_summary(rng: np.random.Generator, stay: Stay, style: Style) -> str:
    """Discharge summary: every condition of the stay is named in it."""
    s = style.section
    problems = [f for f in stay.findings if f.dx.place == "problem"]
    history = [
        f
        for f in stay.findings
        if f.dx.place in ("history", "nursing") and not (f.dx.place == "nursing" and chance(rng, 0.5))
    ]
    where = _STATUS_WORDS.get(stay.discharge_status, "home")
    text = passage("other", f"Admitted {stay.admission:%m/%d/%Y}, discharged {stay.discharge:%m/%d/%Y}.") + "\n\n"
    text += s(
        "discharge_diagnoses",
        style.listed([part.said(rng, stay, f, style) for f in problems] or [part.complaint(rng, stay)]),
    )
    brought = ", ".join(part.said(rng, stay, f, style) for f in history)
    opening = (
        f"{fill('{aged} {man}', stay.context)} with history of {brought}."
        if history
        else fill("{aged} {man}, previously well.", stay.context)
        if int(str(stay.context["age"]))
        else fill("{aged} {man}.", stay.context)
    )
    text += s("hpi", f"{opening} {part.story(rng, stay)}")
    course = [fill(pick(rng, options), stay.context) for options in stay.scenario.course]
    for finding in problems:
        if finding.dx.plan and (finding.dx.day or chance(rng, 0.6)):
            begun = f"On HD {finding.dx.day + 1} developed" if finding.dx.day else "For"
            course.append(
                f"{begun} {part.said(rng, stay, finding, style)}: {fill(pick(rng, finding.dx.plan), stay.context)}."
            )
    if stay.discharge_status == "20":
        course.append(
            "Despite full therapy {he} declined further; family at bedside, pronounced by house officer.".format_map(
                stay.context
            )
        )
    text += s("course", "\n".join(course) if chance(rng, 0.5) else " ".join(course))
    if stay.performed:
        text += s("procedures", style.listed(part.operations(stay)))
    if stay.discharge_status != "20":
        text += s("condition", f"{pick(rng, ('Stable', 'Good', 'Fair'))}, to {where}.") + s(
            "discharge_medications", part.going_home(rng, stay)
        )
        text += s(
            "instructions",
            f"{fill(pick(rng, stay.scenario.advice), stay.context)} {pick(rng, _FOLLOW_UP)}",
        )
    else:
        text += s("condition", "Expired.")
    return text


def clinic_note(rng: np.random.Generator, stay: Stay, style: Style) -> str:
    """Note of an outpatient visit. Uncertain conditions stand in it and are not coded."""
    s = style.section
    text = s("complaint", part.complaint(rng, stay)) + s("hpi", part.story(rng, stay))
    text += s("history", part.history(rng, stay, style)) + s("medications", part.medications(rng, stay, False))
    if chance(rng, 0.35):
        text += s("family", part.family(rng))
    nursing = " ".join(mark(pick(rng, f.says), stay.code_of(f)) for f in stay.findings if f.dx.place == "nursing")
    text += s("vitals", f"{vitals_line(rng, stay, 0)}. {nursing}".strip()) + s("exam", part.exam(rng, stay, style, 0))
    labs = [
        labs_line(rng, stay, 0),
        *stay.scenario.results,
        *(f"{x.name}: {pick(rng, x.impression)}" for x in stay.studies),
    ]
    text += s("labs", "\n".join(line for line in labs if line)) if any(labs) else ""
    items = part.problems(rng, stay, style, 0)
    if stay.scenario.not_coded:
        items.append(fill(pick(rng, stay.scenario.not_coded), stay.context))
    return (
        text + s("plan", style.listed(items)) + s("instructions", fill(pick(rng, stay.scenario.advice), stay.context))
    )


class Writer:
    """Writes the documents of one encounter."""

    def __init__(self, rng: np.random.Generator, stay: Stay, staff: tuple[Clinician, ...], new_style: bool) -> None:
        self.rng, self.stay, self.staff, self.new_style = rng, stay, staff, new_style
        self.documents: list[Document] = []

    def write(self) -> tuple[Document, ...]:
        """Documents in the order they were written; 3 to 7 for a stay, 1 or 2 for a visit."""
        if self.stay.days == 0 and self.stay.scenario.setting == "outpatient":
            self._visit()
        else:
            self._inpatient()
        return tuple(sorted(self.documents, key=lambda d: d.written))

    def _author(self, field: str | None = None) -> Clinician:
        if field is None:
            return self.stay.attending
        return pick(self.rng, [c for c in self.staff if c.field == field] or list(self.staff))

    def _style(self, author: Clinician) -> Style:
        index = next(n for n, h in enumerate(HOSPITALS) if h.hospital_id == author.hospital_id)
        return style_of(index, author.habit, self.new_style)

    def _add(self, kind: str, day: int, author: Clinician, marked: str) -> None:
        text, mentions, sections = finish(misspell(self.rng, marked.rstrip() + "\n", self._style(author).typos))
        written = self.stay.admission + timedelta(days=min(day, self.stay.days))
        self.documents.append(Document(kind, written, author, text, tuple(mentions), tuple(sections)))

    def _visit(self) -> None:
        author = self._author()
        kind = "emergency_note" if self.stay.scenario.service == "ED" else "clinic_note"
        self._add(kind, 0, author, clinic_note(self.rng, self.stay, self._style(author)))
        for performed in self.stay.performed:
            if performed.op.note:
                self._operation(performed)
        for study in self.stay.studies[:1]:
            if chance(self.rng, 0.7):
                self._add("radiology_report", 0, self._author("RAD"), radiology_report(self.rng, self.stay, study))

    def _operation(self, performed: Performed) -> None:
        surgeon = self._author()
        self._add(
            "operative_note",
            performed.day,
            surgeon,
            operative_note(self.rng, self.stay, performed, surgeon, self._style(surgeon)),
        )

    def _inpatient(self) -> None:
        rng, stay, author = self.rng, self.stay, self._author()
        style = self._style(author)
        self._add("history_and_physical", 0, author, history_and_physical(rng, stay, style))
        for performed in [p for p in stay.performed if p.op.note][:2]:
            self._operation(performed)
        if any(f.dx.place == "nursing" for f in stay.findings):
            self._add("nursing_note", 0, author, nursing_note(rng, stay))
        plan, middle = "", stay.days // 2
        for day in sorted({1, middle, stay.days - 1} - {0, -1, stay.days})[:3]:
            if len(self.documents) < _MOST - 1 and (day == 1 or chance(rng, 0.75)):
                text, plan = progress_note(rng, stay, style, day, plan)
                self._add("progress_note", day, author, text)
        if len(self.documents) < 2:
            # a stay of one night has at least the note of its last morning
            text, plan = progress_note(rng, stay, style, stay.days, plan)
            self._add("progress_note", stay.days, author, text)
        optional = [("radiology", study) for study in stay.studies if chance(rng, 0.75)] + [
            ("laboratory", None)
        ] * chance(rng, 0.6)
        for kind, study in optional:
            if len(self.documents) >= _MOST - 1:
                break
            if study is not None and kind == "radiology":
                self._add("radiology_report", 0, self._author("RAD"), radiology_report(rng, stay, study))
            else:
                drawn = 0 if chance(rng, 0.7) else min(1, stay.days)
                self._add("laboratory_report", drawn, self._author("PATH"), laboratory_report(rng, stay, drawn))
        room = _MOST - 1 - len(self.documents)
        if room > 0 and stay.scenario.consult and chance(rng, 0.5):
            other = self._author("MED")
            self._add("consultation", 1, other, consultation(rng, stay, self._style(other)))
            room -= 1
        if room > 0 and stay.scenario.pathology and chance(rng, 0.7):
            self._add("pathology_report", stay.days, self._author("PATH"), pathology_report(rng, stay))
            room -= 1
        if (
            room > 0
            and stay.scenario.admission_type in ("1", "5")
            and stay.units[:1]
            and stay.units[0][0] == "Emergency Department"
            and chance(rng, 0.35)
        ):
            doctor = self._author("ED")
            self._add("emergency_note", 0, doctor, emergency_note(rng, stay, self._style(doctor)))
        self._add("discharge_summary", stay.days, author, discharge_summary(rng, stay, style))
