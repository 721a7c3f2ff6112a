"""Encounters: what happens to a patient in a scenario, with dates, findings, procedures, drugs, cultures and units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from medcode_ml.simulation.combining import Coded, combine
from medcode_ml.simulation.drawing import chance, pick, pick_by, whole
from medcode_ml.simulation.model import Dx, Op, Range, Scenario, Study
from medcode_ml.simulation.organisations import Clinician
from medcode_ml.simulation.people import Person
from medcode_ml.simulation.scenarios.chronic import POOL, Chronic
from medcode_ml.simulation.wording import Context, Side, fill

_CHRONIC = {c.name: c for c in POOL}
_SEGMENTS = (("2", "ascending colon"), ("3", "transverse colon"), ("4", "descending colon"), ("5", "sigmoid"))
_THIN = ("E43", "E44", "R64", "Z68", "E66")
_NO_VITAMIN_D = ("E83", "M80")  # Excludes1 notes at E55 and E83
_VENTILATION = {"5A1935Z": 18, "5A1945Z": 60, "5A1955Z": 120}
_SPECIALTY = {
    "ORTHO": "ORTHO",
    "NSURG": "SURG",
    "CSURG": "SURG",
    "UROL": "SURG",
    "TRAUMA": "SURG",
    "SURG": "SURG",
    "CMED": "CMED",
    "CARDS": "CMED",
    "OB": "OB",
    "GYN": "OB",
    "NEWBORN": "PEDS",
    "NICU": "PEDS",
    "PEDS": "PEDS",
    "ED": "ED",
    "CLINIC": "CLINIC",
}


@dataclass(frozen=True)
class Finding:
    """A condition of this encounter: wordings filled in, `code` as the condition alone would be coded."""

    dx: Dx
    code: str
    says: tuple[str, ...]
    poa: str
    hedged: bool
    chronic: bool


@dataclass(frozen=True)
class Performed:
    """A procedure done in the encounter."""

    op: Op
    code: str
    words: str
    day: int


@dataclass(frozen=True)
class Stay:
    """One encounter, complete before anything is written about it. Days count from admission."""

    index: int
    scenario: Scenario
    person: Person
    received: date
    admission: date
    discharge: date
    admission_hour: int
    discharge_hour: int
    discharge_status: str
    admitting_code: str
    attending: Clinician
    context: Context
    findings: tuple[Finding, ...]
    performed: tuple[Performed, ...]
    drugs: tuple[tuple[str, int], ...]
    cultures: tuple[tuple[str, str, int], ...]
    units: tuple[tuple[str, int, int], ...]
    services: tuple[str, ...]
    studies: tuple[Study, ...]
    labs: Mapping[str, Range]
    codes: tuple[Coded, ...]
    became: Mapping[str, str]

    @property
    def days(self) -> int:
        """Nights in hospital; 0 for a visit."""
        return (self.discharge - self.admission).days

    def ventilated(self, day: int) -> bool:
        """True while the patient is on the ventilator."""
        return day * 24 < _ventilated_hours(self.performed)

    @property
    def encounter_number(self) -> str:
        """The hospital's account number."""
        return self.person.hospital.account.format(1_000_000 + self.index * 3)

    def code_of(self, finding: Finding) -> str:
        """The code of the encounter that reports a finding."""
        return self.became.get(finding.code, finding.code)


def _ventilated_hours(performed: tuple[Performed, ...]) -> int:
    """Hours on the ventilator as the procedure codes tell them, 0 without one."""
    return max((_VENTILATION.get(p.code, 0) for p in performed), default=0)


def _excluded(chronic: Chronic, without: tuple[str, ...]) -> bool:
    groups = {_CHRONIC[name].group for name in without if name in _CHRONIC} - {""}
    return chronic.name in without or chronic.group in groups


def _brought(scenario: Scenario, person: Person, acute: list[str]) -> list[Chronic]:
    """Chronic conditions that fit the scenario: the patient's own, then those the scenario asks for."""
    found = [c for c in person.chronic if not _excluded(c, scenario.without)]
    for name in scenario.has:
        wanted = _CHRONIC[name]
        found = [c for c in found if c.name != name and not (wanted.group and c.group == wanted.group)]
        found.insert(0, wanted)
    if any(code.startswith(_THIN) for code in acute):
        found = [c for c in found if c.group != "weight"]
    if any(code.startswith(_NO_VITAMIN_D) for code in acute):
        found = [c for c in found if c.name != "vitd"]
    if any(code.startswith("Z72.0") for code in acute):
        found = [c for c in found if c.group != "smoke"]
    # two kinds of heart rhythm, airway or anaemia never stand side by side, whichever way they came
    prefixes = {code[:3] for code in acute}
    found = [c for c in found if c.dx.code[:3] not in prefixes or c.dx.code[0] == "Z"]
    # the anemia of kidney disease needs the kidney disease
    if not any(c.group == "ckd" for c in found) and "N18" not in prefixes:
        found = [c for c in found if c.name != "anemia_ckd"]
    return found


def _arisen(rng: np.random.Generator, options: tuple[Dx, ...], days: int, setting: str) -> list[Dx]:
    found: list[Dx] = []
    for dx in options:
        if (dx.day > max(days, 0) and setting == "inpatient") or not chance(rng, dx.share):
            continue
        found.append(dx)
        found += _arisen(rng, dx.brings, days, setting)
    return found


def _finding(rng: np.random.Generator, dx: Dx, context: Context, chronic: bool) -> Finding:
    says = tuple(fill(words, context) for words in dx.says)
    return Finding(dx, fill(dx.code, context), says, "N" if dx.day > 0 else dx.poa, chance(rng, dx.hedge), chronic)


def _context(rng: np.random.Generator, person: Person, on: date) -> Context:
    age = on.year - person.birth_date.year - ((on.month, on.day) < (person.birth_date.month, person.birth_date.day))
    female = person.sex == "F"
    side = chance(rng, 0.5)
    segment, words = pick(rng, _SEGMENTS)
    nihss = whole(rng, 5, 19)
    adult = age >= 18
    return {
        "age": age,
        "aged": _aged(person, on, age),
        "n": whole(rng, 2, 6),
        "side": Side(side),
        "other": Side(not side),
        "he": "she" if female else "he",
        "He": "She" if female else "He",
        "his": "her" if female else "his",
        "him": "her" if female else "him",
        "himself": "herself" if female else "himself",
        "man": ("woman" if female else "man") if adult else ("girl" if female else "boy"),
        "sexletter": person.sex,
        "segment": segment,
        "segment_words": words,
        "nihss": f"{nihss:02d}",
        "nihss_score": nihss,
    }


def _aged(person: Person, on: date, age: int) -> str:
    days = (on - person.birth_date).days
    return f"{age} yo" if age >= 2 else f"{max(1, days // 30)} month old" if days >= 28 else "newborn"


def length_of_stay(rng: np.random.Generator, scenario: Scenario) -> int:
    """Nights, triangular between the scenario's bounds; 0 in the outpatient setting."""
    if scenario.setting == "outpatient":
        return 0
    low, mode, high = scenario.los
    return round(float(rng.triangular(low, mode, high))) if high > low else low


def _units(
    rng: np.random.Generator, scenario: Scenario, days: int, ventilated: int
) -> tuple[tuple[str, int, int], ...]:
    if scenario.setting == "outpatient":
        return ()
    ward = {
        "OB": "Labor and Delivery",
        "NEWBORN": "Newborn Nursery",
        "NICU": "Neonatal ICU",
        "PEDS": "Pediatrics 4W",
        "PSYCH": "Behavioral Health",
        "CMED": "Cardiac Telemetry",
        "CSURG": "Cardiac Telemetry",
    }.get(
        scenario.service,
        "Surgical 6E" if scenario.service in ("SURG", "ORTHO", "UROL", "NSURG", "TRAUMA", "GYN") else "Medicine 5N",
    )
    hours = max(days * 24 - 4, 12)
    if scenario.service == "NICU":
        return ((ward, 0, hours),)
    found: list[tuple[str, int, int]] = []
    if scenario.admission_type in ("1", "5") and scenario.service != "OB":
        found.append(("Emergency Department", 0, whole(rng, 3, 10)))
    if chance(rng, scenario.icu) or ventilated:
        intensive = min(whole(rng, 20, 90) if scenario.icu < 1 else whole(rng, 24, 24 * max(1, days // 2 + 1)), hours)
        intensive = min(max(intensive, ventilated and ventilated + 20), hours)
        found.append(
            (
                {
                    "CMED": "Cardiac ICU",
                    "CSURG": "Cardiac ICU",
                    "NSURG": "Neuro ICU",
                    "NMED": "Neuro ICU",
                    "PEDS": "Pediatric ICU",
                }.get(scenario.service, "Medical ICU"),
                0,
                intensive,
            )
        )
        if hours - intensive > 6:
            found.append((ward, intensive // 24, hours - intensive))
    else:
        found.append((ward, 0, hours))
    return tuple(found)


def _procedures(
    rng: np.random.Generator, scenario: Scenario, findings: list[Finding], context: Context, days: int
) -> tuple[Performed, ...]:
    done: dict[str, Performed] = {}
    for op in (*scenario.ops, *(op for f in findings for op in f.dx.ops)):
        if chance(rng, op.share):
            code = fill(op.code, context)
            done.setdefault(code, Performed(op, code, fill(op.words, context), min(op.day, days)))
    return tuple(sorted(done.values(), key=lambda p: (not p.op.note, p.day)))


def draw_stay(
    rng: np.random.Generator,
    index: int,
    scenario: Scenario,
    person: Person,
    received: date,
    discharge: date,
    days: int,
    staff: tuple[Clinician, ...],
    died: bool,
    status: str,
) -> Stay:
    """Draw everything that happens in an encounter whose patient, dates and discharge status are settled."""
    admission = discharge - timedelta(days=days)
    context = _context(rng, person, admission)
    main = pick_by(rng, scenario.main, [dx.share for dx in scenario.main])
    acute = [
        main,
        *_arisen(rng, main.brings, days, scenario.setting),
        *_arisen(rng, scenario.also, days, scenario.setting),
    ]
    findings = [_finding(rng, dx, context, False) for dx in acute]
    chronic = _brought(scenario, person, [f.code for f in findings])
    for one in chronic:
        findings.append(_finding(rng, one.dx, context, True))
        findings += [_finding(rng, dx, context, True) for dx in one.dx.brings if chance(rng, dx.share)]
    seen: dict[str, Finding] = {}
    for finding in findings:
        seen.setdefault(finding.code, finding)
    findings = list(seen.values())
    codes, became = combine([(f.code, f.poa) for f in findings], discharge)
    labs: dict[str, Range] = dict(scenario.labs)
    for finding in reversed(findings):
        labs.update(finding.dx.labs)
    drugs = [(d, 0) for d in scenario.drugs] + [(d, f.dx.day) for f in findings for d in f.dx.drugs]
    cultures = [
        (s, o, 0) for s, o in scenario.cultures if not any(s == s2 for f in findings for s2, _ in f.dx.cultures)
    ]
    cultures += [(s, o, f.dx.day) for f in findings for s, o in f.dx.cultures]
    wanted = _SPECIALTY.get(scenario.service, "MED")
    fitting = [c for c in staff if c.field == wanted] or [c for c in staff if c.field == "MED"]
    performed = _procedures(rng, scenario, findings, context, days)
    visit = scenario.setting == "outpatient"
    arrived = whole(rng, 8, 16) if visit else whole(rng, 5, 7) if scenario.admission_type == "3" else whole(rng, 0, 23)
    return Stay(
        index=index,
        scenario=scenario,
        person=person,
        received=received,
        admission=admission,
        discharge=discharge,
        admission_hour=arrived,
        discharge_hour=arrived + whole(rng, 1, 4) if visit else whole(rng, 0, 23) if died else whole(rng, 10, 19),
        discharge_status=status,
        admitting_code=fill(pick(rng, scenario.admitting), context),
        attending=pick(rng, fitting),
        context=context,
        findings=tuple(findings),
        performed=performed,
        drugs=tuple(dict.fromkeys((fill(d, context), day) for d, day in drugs)),
        cultures=tuple((fill(s, context), o, day) for s, o, day in cultures),
        units=_units(rng, scenario, days, _ventilated_hours(performed)),
        services=(scenario.service, "MED")
        if scenario.service == "MICU" or (scenario.service in ("ORTHO", "NSURG") and days > 4 and chance(rng, 0.3))
        else (scenario.service,),
        studies=tuple(
            Study(
                fill(s.name, context),
                tuple(fill(w, context) for w in s.findings),
                tuple(fill(w, context) for w in s.impression),
            )
            for s in scenario.studies
            if chance(rng, s.share)
        ),
        labs=labs,
        codes=tuple(codes),
        became=became,
    )
