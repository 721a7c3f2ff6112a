"""Numbers in a note that are codes (BMI, NIH stroke scale, weeks of gestation) or only findings (laboratory values).

A value alone is never a diagnosis (rules 20 and 25): laboratory values raise a query, no code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from medcode_ml.coding.assertion import AFFIRMED
from medcode_ml.coding.mentions import Mention, Section

_BMI = re.compile(r"\b(?:BMI|body mass index)\b[^\d\n]{0,25}(\d{2}(?:\.\d{1,2})?)(?!\d)", re.IGNORECASE)
_NIHSS = re.compile(r"\b(?:NIHSS|NIH stroke scale)\b[^\d\n]{0,20}(\d{1,2})(?!\d)", re.IGNORECASE)
_WEEKS = re.compile(
    r"\b(\d{1,2})(?:[- ]?(?:and|&)?\s?\d/7)?[- ]weeks?(?:'s?)?[- ]"
    r"(?:of )?(?:pregnan\w*|gestation\w*|intrauterine pregnancy|IUP)",
    re.IGNORECASE,
)
_ADULT_BMI_LOW, _ADULT_BMI_HIGH = 12.0, 90.0
_STROKE_SCALE_TOP = 42


def bmi_code(value: float) -> str:
    """The Z68 code of an adult's body mass index in kg/m2."""
    whole = int(value)
    if value < 20:
        return "Z68.1"
    if whole < 40:
        return f"Z68.{whole}"
    step = next((i for i, top in enumerate((45, 50, 60, 70)) if value < top), 4)
    return f"Z68.4{step + 1}"


def measured_mentions(text: str, sections: list[Section]) -> list[Mention]:
    """Mentions made by a number: body mass index, NIH stroke scale, completed weeks of gestation."""
    found: list[Mention] = []
    low = text.lower() if len(text) < 5_000_000 else text
    if "bmi" in low or "body mass" in low:
        for match in _BMI.finditer(text):
            value = float(match[1])
            if _ADULT_BMI_LOW <= value <= _ADULT_BMI_HIGH:
                found.append(_mention(match, bmi_code(value), f"body mass index {match[1]}", sections))
    if "nih" in low:
        for match in _NIHSS.finditer(text):
            if int(match[1]) <= _STROKE_SCALE_TOP:
                found.append(_mention(match, f"R29.7{int(match[1]):02d}", f"NIH stroke scale {match[1]}", sections))
    if "week" in low:
        for match in _WEEKS.finditer(text):
            weeks = int(match[1])
            if 8 <= weeks <= 42:
                found.append(_mention(match, f"Z3A.{weeks:02d}", f"{weeks} weeks of gestation", sections))
    return found


def _mention(match: re.Match[str], node: str, term: str, sections: list[Section]) -> Mention:
    start, end = match.span()
    section = next((s.kind for s in sections if s.start <= start < s.end), "other")
    return Mention(start, end, node, "measurement", term, AFFIRMED, section, None, frozenset())


@dataclass(frozen=True, slots=True)
class Analyte:
    """A laboratory value: limits beyond which it wants explaining, what is possible, the diagnoses that explain it."""

    name: str
    low: float | None
    high: float | None
    plausible: tuple[float, float]
    if_low: tuple[str, ...]
    if_high: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AbnormalValue:
    """A value outside its limits: characters of the document, what it is, and the codes that would explain it."""

    start: int
    end: int
    analyte: str
    direction: str
    explained_by: tuple[str, ...]


# Limits are wide on purpose: a query is raised only where a clinician would have to act.
_ANALYTES = {
    "sodium": Analyte("sodium", 132, 148, (100, 190), ("E87.1", "E22.2"), ("E87.0",)),
    "potassium": Analyte("potassium", 3.2, 5.6, (1.5, 9), ("E87.6",), ("E87.5",)),
    "magnesium": Analyte("magnesium", 1.4, 2.9, (0.4, 8), ("E83.42",), ("E83.41",)),
    "hemoglobin": Analyte("hemoglobin", 9, None, (2, 25), ("D5", "D6", "D46", "C9"), ()),
    "platelets": Analyte("platelets", 100, None, (2, 1500), ("D69", "D61", "D75.82", "M31.1", "C9"), ()),
    "creatinine": Analyte(
        "creatinine", None, 2.0, (0.1, 25), (), ("N17", "N18", "N19", "N28.9", "I12", "I13", "E11.2")
    ),
    "lactate": Analyte("lactate", None, 4.0, (0.2, 30), (), ("E87.2", "A41", "R65", "R57")),
    "glucose": Analyte(
        "glucose", 55, 250, (10, 1500), ("E16", "E11.64", "E10.64"), ("E08", "E09", "E10", "E11", "E13", "R73")
    ),
    "troponin": Analyte(
        "troponin", None, 0.4, (0.0, 100), (), ("I21", "I22", "I24", "I5A", "R79.89", "I20", "I40", "I51.81")
    ),
}
_NAMES = {
    **{name: name for name in _ANALYTES},
    "na": "sodium",
    "hgb": "hemoglobin",
    "hb": "hemoglobin",
    "platelet count": "platelets",
    "plt": "platelets",
    "lactic acid": "lactate",
}
_VALUE = re.compile(
    r"\b(" + "|".join(sorted(_NAMES, key=len, reverse=True)) + r")\b(?: level| count)?(?: (?:was|is|of|at))?[:=\s]{1,3}"
    r"(\d{1,4}(?:\.\d{1,2})?)(?![\d/%-])",
    re.IGNORECASE,
)


def abnormal_values(text: str) -> list[AbnormalValue]:
    """Laboratory values of `text` that lie outside the limits and within what a person can have."""
    out = []
    for match in _VALUE.finditer(text):
        analyte = _ANALYTES[_NAMES[match[1].lower()]]
        value = float(match[2])
        if analyte.name == "platelets" and value >= 2000:
            value /= 1000
        if not analyte.plausible[0] <= value <= analyte.plausible[1]:
            continue
        if analyte.low is not None and value < analyte.low:
            out.append(AbnormalValue(*match.span(), analyte.name, "low", analyte.if_low))
        elif analyte.high is not None and value > analyte.high:
            out.append(AbnormalValue(*match.span(), analyte.name, "high", analyte.if_high))
    return out
