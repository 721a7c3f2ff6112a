"""Sections of clinical notes: each function returns marked text of one section of one encounter."""

from __future__ import annotations

import numpy as np

from medcode_ml.simulation.drawing import chance, pick
from medcode_ml.simulation.new_words import reworded
from medcode_ml.simulation.stays import Finding, Stay
from medcode_ml.simulation.wording import Style, fill, mark

_HEDGES = ("probable {}", "likely {}", "suspected {}", "presumed {}", "{}, cannot r/o other cause", "concern for {}")
#: what a denied symptom would be coded as, for the truth about negated mentions
DENIED = {
    "chest pain": "R07.9",
    "fever": "R50.9",
    "cough": "R05.9",
    "dyspnea": "R06.00",
    "hemoptysis": "R04.2",
    "syncope": "R55",
    "palpitations": "R00.2",
    "headache": "R51.9",
    "abdominal pain": "R10.9",
    "diarrhea": "R19.7",
    "dysuria": "R30.0",
    "melena": "K92.1",
    "hematuria": "R31.9",
    "leg swelling": "R60.0",
    "vomiting": "R11.10",
    "rash": "R21",
    "hematemesis": "K92.0",
    "weight loss": "R63.4",
    "dizziness": "R42",
    "calf pain": "M79.669",
    "seizure": "R56.9",
    "numbness": "R20.0",
    "jaundice": "R17",
    "hallucinations": "R44.3",
}
_FAMILY = (
    ("Father had {} at 58.", "an MI", "I21.9"),
    ("Mother with {}.", "T2DM", "E11.9"),
    ("Sister has {}.", "breast ca", "C50.919"),
    ("Father died of {}.", "a stroke", "I63.9"),
    ("Brother with {} at 62.", "colon ca", "C18.9"),
    ("Mother had {}.", "CHF", "I50.9"),
    ("Grandmother with {}.", "dementia", "F03.90"),
    ("Uncle had {}.", "a PE", "I26.99"),
)
_NORMAL_EXAM = {
    "general": ("NAD, well appearing", "comfortable, conversant", "no acute distress"),
    "heent": ("NCAT, MMM", "OP clear, PERRL"),
    "heart": ("RRR, no m/r/g", "reg rhythm, no murmur"),
    "lungs": ("CTAB", "clear b/l, no w/r/r"),
    "abdomen": ("soft, NT/ND, +BS", "soft, nontender"),
    "ext": ("no edema, warm", "no c/c/e"),
    "neuro": ("A&Ox3, non-focal", "CN II-XII intact, moves all 4"),
    "skin": ("no rash", "warm, dry"),
}
_CHILD_EXAM = {
    "general": ("alert, interactive",),
    "heart": ("RRR, no murmur",),
    "lungs": ("clear",),
    "abdomen": ("soft, nontender",),
    "ext": ("warm, brisk cap refill",),
    "skin": ("no rash",),
}
_AS_BEFORE = ("continue home meds", "stable, home regimen", "cont current tx", "resume home meds")
_GETTING_BETTER = ("improving", "resolving, continue current tx", "much better today", "on track for d/c", "resolving")
_WOUND = ("ext", "abdomen", "back", "neck", "chest")
_INPATIENT_ONLY = (
    "IV",
    "infusion",
    "bolus",
    "load",
    "PCA",
    "IM",
    "drip",
    "continuous",
    "SL",
    "neb",
    "HD",
    "PV",
    "periop",
    "kg",
    "local",
    "eye",
)
_SOCIAL = (
    "Lives with spouse.",
    "Lives alone, independent in ADLs.",
    "Retired teacher.",
    "Works in construction.",
    "Lives with daughter.",
    "Occasional wine with dinner.",
    "Works at a school cafeteria.",
)
_DIFFERENTIAL = {
    "MED": (("PE", "I26.99"), ("ACS", "I24.9"), ("DVT", "I82.409")),
    "CMED": (("PE", "I26.99"), ("dissection", "I71.00"), ("PNA", "J18.9")),
    "SURG": (("pancreatitis", "K85.90"), ("perforation", "K63.1")),
}


def said(rng: np.random.Generator, stay: Stay, finding: Finding, style: Style, assertion: str = "affirmed") -> str:
    """A finding in this clinician's words, marked."""
    words = finding.says[style.variant % len(finding.says)] if chance(rng, 0.6) else pick(rng, finding.says)
    words = reworded(words, style.variant) if style.new else words
    if assertion == "affirmed" and finding.hedged:
        assertion = "uncertain"
    text = mark(words, stay.code_of(finding), assertion)
    return pick(rng, _HEDGES).format(text) if assertion == "uncertain" else text


def complaint(rng: np.random.Generator, stay: Stay) -> str:
    """Chief complaint."""
    return fill(pick(rng, stay.scenario.complaint), stay.context)


def denial(rng: np.random.Generator, stay: Stay) -> str:
    """Pertinent negatives, marked as negated where a symptom code exists."""
    denied = [d for d in stay.scenario.denies if chance(rng, 0.8)] or list(stay.scenario.denies[:1])
    if not denied:
        return ""
    marked = [mark(d, DENIED[d], "negated") if d in DENIED else d for d in denied]
    joined = ", ".join(marked[:-1]) + f" or {marked[-1]}" if len(marked) > 1 else marked[0]
    return pick(rng, ("Denies {}.", "No {}.", "Negative for {}.", "Pt denies {}.")).format(joined)


def story(rng: np.random.Generator, stay: Stay) -> str:
    """History of present illness: the scenario's sentences and those of the findings of admission."""
    sentences = [fill(pick(rng, options), stay.context) for options in stay.scenario.hpi]
    for finding in stay.findings:
        if finding.dx.place == "story":
            sentences.append(mark(pick(rng, finding.says), stay.code_of(finding)))
        elif finding.dx.story and not finding.dx.day:
            sentences.append(fill(pick(rng, finding.dx.story), stay.context))
    negatives = denial(rng, stay)
    return " ".join([*sentences, negatives] if negatives else sentences)


def history(rng: np.random.Generator, stay: Stay, style: Style) -> str:
    """Past history: what the patient brings along, one line or a list."""
    items = [said(rng, stay, f, style) for f in stay.findings if f.dx.place == "history"]
    if not items:
        return "None." if chance(rng, 0.5) else "Non-contributory."
    return style.listed(items) if chance(rng, 0.4) else ", ".join(items) + "."


def family(rng: np.random.Generator) -> str:
    """Family history, marked as such."""
    if chance(rng, 0.25):
        return "Non-contributory."
    sentence, words, code = pick(rng, _FAMILY)
    return sentence.format(mark(words, code, "family"))


def social(rng: np.random.Generator, stay: Stay) -> str:
    """Social history; smoking is told with the history."""
    smoke = any(f.code.startswith(("F17", "Z87.891")) for f in stay.findings)
    first = (
        pick(rng, _SOCIAL) if int(str(stay.context["age"])) >= 18 else "Lives with parents, immunizations up to date."
    )
    if int(str(stay.context["age"])) < 13:
        return first
    return (
        first
        if smoke
        else f"{first} {pick(rng, ('Never smoker.', 'No tobacco.', 'Denies tobacco, alcohol or drugs.'))}"
    )


def exam(rng: np.random.Generator, stay: Stay, style: Style, day: int) -> str:
    """Physical exam, abnormal where the scenario says so while it lasts."""
    normal = _CHILD_EXAM if int(str(stay.context["age"])) < 13 else _NORMAL_EXAM
    better = stay.days > 0 and day >= max(stay.days - 1, 1)
    lines = {k: pick(rng, v) for k, v in normal.items()}
    operated = any(p.op.note and p.day < day for p in stay.performed)
    for system, words in stay.scenario.exam.items():
        if operated and system in _WOUND:
            lines[system] = pick(
                rng, ("incision c/d/i, no drainage", "dressing dry and intact, appropriately tender", "site clean")
            )
        elif better and chance(rng, 0.85):
            lines[system] = f"improved, {pick(rng, normal.get(system, ('no change',)))}"
        else:
            lines[system] = fill(words, stay.context)
    if stay.ventilated(day):
        lines.update(general="intubated, sedated", neuro="RASS -2, withdraws to pain, pupils equal")
    if style.new or style.variant == 2:
        return "; ".join(f"{k}: {v}" for k, v in lines.items())
    return "\n".join(f"{k.capitalize() if style.variant == 0 else k.upper()}: {v}" for k, v in lines.items())


def problems(rng: np.random.Generator, stay: Stay, style: Style, day: int) -> list[str]:
    """Assessment and plan: the acute problems known on a day, then one or two chronic ones, each with its plan."""
    items = []
    for number, finding in enumerate(f for f in stay.findings if f.dx.place == "problem" and f.dx.day <= day):
        early = number == 0 and day == 0 and stay.days > 1 and chance(rng, 0.1)
        words = said(rng, stay, finding, style, "uncertain" if early else "affirmed")
        plan = fill(_planned(rng, finding, day), stay.context) if finding.dx.plan else ""
        if plan and stay.days >= 3 and day - finding.dx.day >= 0.6 * stay.days and chance(rng, 0.6):
            plan = pick(rng, _GETTING_BETTER)
        items.append(f"{words}{pick(rng, (': ', ' - ', ', ')) if plan else ''}{plan}")
    chronic = [f for f in stay.findings if f.chronic and f.dx.place == "history" and f.code[0] != "Z"]
    for finding in chronic[: 2 + style.variant]:
        items.append(f"{said(rng, stay, finding, style)}: {pick(rng, _AS_BEFORE)}")
    if day == 0 and stay.days and chance(rng, 0.15):
        options = [
            o
            for o in _DIFFERENTIAL.get(stay.scenario.service, ())
            if not any(c.code[:3] == o[1][:3] for c in stay.codes)
        ]
        if options:
            words, code = pick(rng, options)
            items.append(
                pick(rng, ("DDx includes {}, less likely", "rule out {}", "low suspicion for {}")).format(
                    mark(words, code, "uncertain")
                )
            )
    return items


def _planned(rng: np.random.Generator, finding: Finding, day: int) -> str:
    """The plan for a problem: content lists what is done first before what is done later."""
    plans = finding.dx.plan
    if len(plans) == 1:
        return plans[0]
    return pick(rng, plans[:-1] if day <= finding.dx.day else plans[1:])


def operations(stay: Stay) -> list[str]:
    """Procedures in words with the day they were done."""
    return [f"{p.words}{f' (hospital day {p.day + 1})' if stay.days else ''}" for p in stay.performed]


def medications(rng: np.random.Generator, stay: Stay, home: bool) -> str:
    """Drug list: home medicines of the chronic conditions, or everything given."""
    chronic = {d for f in stay.findings if f.chronic for d in f.dx.drugs}
    drugs = [d for d, _ in stay.drugs if not home or d in chronic]
    if not drugs:
        return "None."
    return "\n".join(drugs) if chance(rng, 0.6) else "; ".join(drugs)


def going_home(rng: np.random.Generator, stay: Stay) -> str:
    """Drugs to take after discharge: what is not given by vein, pump or on the day of surgery only."""
    drugs = [d for d, _ in stay.drugs if not any(word in d.replace("/", " ").split() for word in _INPATIENT_ONLY)]
    if not drugs:
        return (
            pick(rng, ("Acetaminophen as needed.", "No new medications.")) if int(str(stay.context["age"])) else "None."
        )
    return "\n".join(drugs) if chance(rng, 0.6) else "; ".join(drugs)
