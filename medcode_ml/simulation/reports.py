"""Reports and short notes: operation, laboratory, radiology, pathology, emergency department, nursing."""

from __future__ import annotations

import numpy as np

from medcode_ml.simulation import note_parts as part
from medcode_ml.simulation.drawing import chance, pick, whole
from medcode_ml.simulation.measurements import laboratory, value_text, vitals_line
from medcode_ml.simulation.model import Study
from medcode_ml.simulation.organisations import Clinician
from medcode_ml.simulation.stays import Performed, Stay
from medcode_ml.simulation.wording import Style, fill, mark, passage

_COMPARED = ("None available.", "Prior from last year.", "Outside film.")
_AFTERWARDS = ("To recovery, stable", "Tolerated well, to recovery", "To unit in stable condition")


def operative_note(rng: np.random.Generator, stay: Stay, performed: Performed, surgeon: Clinician, style: Style) -> str:
    """Operative note of one procedure."""
    before = part.said(rng, stay, next((f for f in stay.findings if f.dx.place == "problem"), stay.findings[0]), style)
    words = " ".join(fill(n, stay.context) for n in performed.op.note)
    lines = [
        f"PRE-OP DX: {passage('preoperative_diagnosis', before)}",
        f"POST-OP DX: {passage('postoperative_diagnosis', pick(rng, ('Same', 'same as above', before)))}",
        f"PROCEDURE: {passage('procedures', performed.words)}",
        f"SURGEON: {passage('procedures', surgeon.last_name)}",
        f"ANESTHESIA: {passage('procedures', pick(rng, _anesthesia(performed.code)))}",
        f"COMPLICATIONS: {passage('procedures', pick(rng, ('None', 'none apparent')))}",
        "",
        f"TECHNIQUE: {passage('procedures', f'Time out performed, site confirmed. {words}')}",
        f"DISPOSITION: {passage('disposition', f'{pick(rng, _AFTERWARDS)}.')}",
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
    return passage("results", "\n".join(lines).rstrip())


def radiology_report(rng: np.random.Generator, stay: Stay, study: Study) -> str:
    """Radiology report. Its findings alone never make a diagnosis (rule 25)."""
    return "\n".join(
        [
            f"EXAM: {passage('results', study.name)}",
            f"INDICATION: {passage('history_of_present_illness', part.complaint(rng, stay))}",
            f"COMPARISON: {passage('results', pick(rng, _COMPARED))}",
            "",
            f"FINDINGS: {passage('results', pick(rng, study.findings))}",
            "",
            f"IMPRESSION: {passage('impression', pick(rng, study.impression))}",
        ]
    )


def pathology_report(rng: np.random.Generator, stay: Stay) -> str:
    """Surgical pathology report."""
    specimen = stay.performed[0].words if stay.performed else "biopsy"
    gross = f"Received in formalin, two identifiers, {whole(rng, 2, 14)}.{whole(rng, 0, 9)} cm at its longest."
    return "\n".join(
        [
            "SURGICAL PATHOLOGY",
            "",
            f"SPECIMEN: {passage('results', specimen)}",
            f"GROSS: {passage('results', gross)}",
            f"DIAGNOSIS: {passage('impression', f'{stay.scenario.pathology}.')}",
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
    vitals = passage("vital_signs", f"{vitals_line(rng, stay, 0)}.")
    done = passage(
        "nursing_assessment",
        f"{told} Skin check done with second RN, "
        f"Braden {whole(rng, 12, 21)}. Fall precautions in place, call light in reach. "
        f"{pick(rng, ('Belongings with family.', 'Valuables locked.', 'Oriented to unit.'))}",
    )
    return f"{passage('nursing_assessment', 'Nursing assessment.')} {vitals} {done}"
