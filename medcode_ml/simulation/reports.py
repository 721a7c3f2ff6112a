"""Reports and short notes: operation, laboratory, radiology, pathology, emergency department, nursing."""

from __future__ import annotations

import numpy as np

from medcode_ml.simulation import note_parts as part
from medcode_ml.simulation.drawing import chance, pick, whole
from medcode_ml.simulation.measurements import laboratory, value_text, vitals_line
from medcode_ml.simulation.model import Study
from medcode_ml.simulation.organisations import Clinician
from medcode_ml.simulation.stays import Performed, Stay
from medcode_ml.simulation.wording import Style, fill, mark

_AFTERWARDS = ("To recovery, stable", "Tolerated well, to recovery", "To unit in stable condition")


def operative_note(rng: np.random.Generator, stay: Stay, performed: Performed, surgeon: Clinician, style: Style) -> str:
    """Operative note of one procedure."""
    before = part.said(rng, stay, next((f for f in stay.findings if f.dx.place == "problem"), stay.findings[0]), style)
    lines = [
        f"PRE-OP DX: {before}",
        f"POST-OP DX: {pick(rng, ('Same', 'same as above', before))}",
        f"PROCEDURE: {performed.words}",
        f"SURGEON: {surgeon.last_name}",
        f"ANESTHESIA: {pick(rng, _anesthesia(performed.code))}",
        f"COMPLICATIONS: {pick(rng, ('None', 'none apparent'))}",
        "",
        f"TECHNIQUE: Time out performed, site confirmed. {' '.join(fill(n, stay.context) for n in performed.op.note)}",
        f"DISPOSITION: {pick(rng, _AFTERWARDS)}.",
    ]
    return "\n".join(lines)


def _anesthesia(code: str) -> tuple[str, ...]:
    """Anesthesia that fits the approach (fifth character of an ICD-10-PCS code) and the body part."""
    if code.startswith(("10D", "0SR", "0QS")):
        return ("Spinal", "General")
    if len(code) == 7 and code[4] in "38X":
        return ("Moderate sedation", "Local with sedation")
    return ("MAC",) if len(code) < 7 else ("GETA", "General endotracheal")


def laboratory_report(rng: np.random.Generator, stay: Stay, day: int) -> str:
    """Laboratory report of a day as a table with reference ranges and flags, cultures beneath."""
    lines = [
        f"LABORATORY REPORT   collected day {day + 1} 0{whole(rng, 4, 9)}:{whole(rng, 10, 59)}",
        "",
        f"{'Test':<15}{'Result':>9} {'Flag':<5}{'Units':<9}Reference",
    ]
    for name, value, unit, low, high, flag in laboratory(rng, stay, day):
        lines.append(
            f"{name:<15}{value_text(name, value):>9} {flag:<5}{unit:<9}{value_text(name, low)}-{value_text(name, high)}"
        )
    lines += ["", *stay.scenario.results]
    for specimen, organism, _ in stay.cultures:
        lines.append(
            f"{specimen}: {organism if organism else pick(rng, ('no growth', 'NGTD x48 h', 'no growth at 5 days'))}"
        )
    return "\n".join(lines)


def radiology_report(rng: np.random.Generator, stay: Stay, study: Study) -> str:
    """Radiology report. Its findings alone never make a diagnosis (rule 25)."""
    return "\n".join(
        [
            f"EXAM: {study.name}",
            f"INDICATION: {part.complaint(rng, stay)}",
            f"COMPARISON: {pick(rng, ('None available.', 'Prior from last year.', 'Outside film.'))}",
            "",
            f"FINDINGS: {pick(rng, study.findings)}",
            "",
            f"IMPRESSION: {pick(rng, study.impression)}",
        ]
    )


def pathology_report(rng: np.random.Generator, stay: Stay) -> str:
    """Surgical pathology report."""
    return "\n".join(
        [
            "SURGICAL PATHOLOGY",
            "",
            f"SPECIMEN: {stay.performed[0].words if stay.performed else 'biopsy'}",
            f"GROSS: Received in formalin, two identifiers, {whole(rng, 2, 14)}.{whole(rng, 0, 9)} cm at its longest.",
            f"DIAGNOSIS: {stay.scenario.pathology}.",
        ]
    )


def emergency_note(rng: np.random.Generator, stay: Stay, style: Style) -> str:
    """Note of the emergency physician before admission; impressions are often uncertain there."""
    s = style.section
    first = part.said(rng, stay, stay.findings[0], style, "uncertain" if chance(rng, 0.4) else "affirmed")
    return (
        s("complaint", part.complaint(rng, stay))
        + s("hpi", part.story(rng, stay))
        + s("vitals", vitals_line(rng, stay, 0))
        + s("exam", part.exam(rng, stay, style, 0))
        + s(
            "impression",
            f"{first}. {pick(rng, ('Admit.', 'Discussed with admitting team.', 'Admitted in guarded condition.'))}",
        )
    )


def nursing_note(rng: np.random.Generator, stay: Stay) -> str:
    """Nursing assessment: what nurses may document for coding (body mass index, ulcer stage, NIHSS; rule 25)."""
    told = " ".join(mark(pick(rng, f.says), stay.code_of(f)) for f in stay.findings if f.dx.place == "nursing")
    return (
        f"Nursing assessment. {vitals_line(rng, stay, 0)}. {told} Skin check done with second RN, "
        f"Braden {whole(rng, 12, 21)}. Fall precautions in place, call light in reach. "
        f"{pick(rng, ('Belongings with family.', 'Valuables locked.', 'Oriented to unit.'))}"
    )
