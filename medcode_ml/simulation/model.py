"""What a clinical scenario is made of. Only the shapes stand here; the content stands in `scenarios`.

Text fields are templates for `str.format`. They know `{age}`, `{he}`, `{He}`, `{his}`, `{him}`, `{man}`, `{n}` (a
small number of days), `{side}` (right or left; `{side:R|L}` chooses by side, in codes as well) and `{other}` (the other
side). Wording is a clinician's, never a code's title, and never holds a code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Range = tuple[float, float]
Words = tuple[str, ...]


@dataclass(frozen=True)
class Op:
    """A procedure: `code` in ICD-10-PCS (HCPCS level II in the outpatient setting), `day` counted from admission.

    A procedure with `note` lines is written up in an operative note; the others are only named in the course.
    """

    code: str
    words: str
    day: int = 0
    share: float = 1.0
    note: Words = ()
    system: str = "ICD-10-PCS"


@dataclass(frozen=True)
class Study:
    """An imaging study: each field a choice of wordings."""

    name: str
    findings: Words
    impression: Words
    share: float = 1.0


@dataclass(frozen=True)
class Dx:
    """A condition with its true code and how clinicians write it.

    `place` is where it is written: `problem` (assessment and plan), `history` (past history), `story` (a sentence of
    the history of present illness) or `nursing` (nursing note, such as body mass index or ulcer stage).
    `day` > 0 means that it arose in the stay; `brings` are coded right behind it; `story` tells it in a sentence.
    """

    code: str
    says: Words
    share: float = 1.0
    poa: str = "Y"
    place: str = "problem"
    plan: Words = ()
    day: int = 0
    story: Words = ()
    brings: tuple[Dx, ...] = ()
    drugs: Words = ()
    ops: tuple[Op, ...] = ()
    labs: Mapping[str, Range] = field(default_factory=dict)
    cultures: tuple[tuple[str, str], ...] = ()
    hedge: float = 0.0


@dataclass(frozen=True)
class ChargeLine:
    """A charge beside room, drugs, laboratory and theatre: revenue code, HCPCS level II, units, US dollars for one."""

    revenue_code: str
    hcpcs: str
    units: int
    charge: float


@dataclass(frozen=True)
class Scenario:
    """One clinical story. `main` holds the alternatives for the principal diagnosis, drawn by `share`."""

    name: str
    setting: str
    weight: float
    ages: tuple[int, int]
    service: str
    complaint: Words
    admitting: Words
    hpi: tuple[Words, ...]
    main: tuple[Dx, ...]
    also: tuple[Dx, ...] = ()
    sex: str = "any"
    exam: Mapping[str, str] = field(default_factory=dict)
    vitals: Mapping[str, Range] = field(default_factory=dict)
    labs: Mapping[str, Range] = field(default_factory=dict)
    results: Words = ()
    studies: tuple[Study, ...] = ()
    course: tuple[Words, ...] = ()
    denies: Words = ()
    drugs: Words = ()
    ops: tuple[Op, ...] = ()
    cultures: tuple[tuple[str, str], ...] = ()
    los: tuple[int, int, int] = (2, 4, 8)
    icu: float = 0.0
    admission_type: str = "1"
    origin: str = "1"
    leaves: Mapping[str, float] = field(default_factory=lambda: {"01": 1.0})
    chronic: float = 3.0
    has: Words = ()
    without: Words = ()
    not_coded: Words = ()
    consult: str = ""
    charges: tuple[ChargeLine, ...] = ()
    advice: Words = ("Return to ED for fever, worsening pain or shortness of breath.",)
    pathology: str = ""
