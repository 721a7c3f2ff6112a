"""Vital signs and laboratory values that follow the story: abnormal at first, toward normal by discharge."""

from __future__ import annotations

import numpy as np

from medcode_ml.simulation.drawing import between, whole
from medcode_ml.simulation.model import Range
from medcode_ml.simulation.stays import Stay

#: adult reference ranges and units; the value drawn where the story says nothing stays inside them
NORMAL: dict[str, tuple[float, float, str]] = {
    "WBC": (4.8, 10.2, "K/uL"),
    "Hgb": (12.4, 15.2, "g/dL"),
    "Plt": (165, 370, "K/uL"),
    "Na": (136, 143, "mmol/L"),
    "K": (3.6, 4.8, "mmol/L"),
    "CO2": (22, 28, "mmol/L"),
    "BUN": (8, 19, "mg/dL"),
    "Cr": (0.6, 1.1, "mg/dL"),
    "Glu": (82, 128, "mg/dL"),
}
_OTHER: dict[str, tuple[float, float, str]] = {
    "Lactate": (0.6, 1.6, "mmol/L"),
    "Procalcitonin": (0.02, 0.1, "ng/mL"),
    "BNP": (20, 90, "pg/mL"),
    "Troponin": (0.0, 0.02, "ng/mL"),
    "D-dimer": (150, 450, "ng/mL"),
    "CRP": (1, 7, "mg/L"),
    "ESR": (5, 19, "mm/h"),
    "Ferritin": (40, 220, "ng/mL"),
    "A1c": (5.0, 5.6, "%"),
    "TSH": (0.6, 3.8, "mIU/L"),
    "INR": (0.9, 1.1, ""),
    "AST": (14, 34, "U/L"),
    "ALT": (12, 38, "U/L"),
    "Tbili": (0.3, 1.0, "mg/dL"),
    "Albumin": (3.6, 4.6, "g/dL"),
    "Lipase": (12, 52, "U/L"),
    "Ammonia": (15, 45, "umol/L"),
    "Mg": (1.8, 2.3, "mg/dL"),
    "Ca": (8.7, 10.1, "mg/dL"),
    "PaO2": (82, 98, "mmHg"),
    "pCO2": (36, 43, "mmHg"),
    "BHB": (0.1, 0.3, "mmol/L"),
    "Retic": (0.8, 2.0, "%"),
    "PSA": (0.4, 3.2, "ng/mL"),
    "CEA": (0.5, 2.8, "ng/mL"),
    "LDL": (70, 118, "mg/dL"),
    "APAP": (0, 5, "mcg/mL"),
}
_VITALS: dict[str, Range] = {"T": (36.5, 37.1), "HR": (64, 88), "SBP": (116, 138), "RR": (14, 18), "SpO2": (95, 99)}
_CHILD_VITALS: dict[str, Range] = {
    "T": (36.6, 37.2),
    "HR": (92, 116),
    "SBP": (94, 110),
    "RR": (20, 26),
    "SpO2": (97, 100),
}
_STEADY = ("A1c", "TSH", "PSA", "CEA", "LDL", "Ferritin", "Albumin")


def _share_left(stay: Stay, day: int) -> float:
    """How much of the abnormality of admission is left on a day."""
    return max(0.0, 1.0 - day / max(stay.days, 1)) if stay.days else 1.0


def value_text(name: str, value: float) -> str:
    """A value with the decimals its laboratory prints."""
    if name in (
        "Cr",
        "K",
        "Lactate",
        "Procalcitonin",
        "Troponin",
        "INR",
        "Tbili",
        "Albumin",
        "A1c",
        "Hgb",
        "WBC",
        "Mg",
        "Ca",
        "BHB",
        "TSH",
        "CEA",
        "PSA",
        "Retic",
    ):
        return f"{value:.2f}" if name in ("Troponin", "Procalcitonin", "TSH") else f"{value:.1f}"
    return f"{value:.0f}"


def vital_values(rng: np.random.Generator, stay: Stay, day: int) -> dict[str, float]:
    """Vital signs of a day: T (degrees Celsius), HR, SBP (mm Hg), RR, SpO2 (%)."""
    age = stay.context["age"]
    normal = _CHILD_VITALS if isinstance(age, int) and age < 13 else _VITALS
    left = _share_left(stay, day)
    read: dict[str, float] = {}
    for name, (low, high) in normal.items():
        usual = between(rng, low, high)
        abnormal = stay.scenario.vitals.get(name)
        read[name] = usual if abnormal is None else usual + (between(rng, *abnormal) - usual) * left
    return read


def vitals_line(rng: np.random.Generator, stay: Stay, day: int) -> str:
    """One line of vital signs."""
    read = vital_values(rng, stay, day)
    oxygen = "vent FiO2 50%" if stay.ventilated(day) else "RA" if read["SpO2"] >= 92 else f"{whole(rng, 2, 6)} L NC"
    pressure = f"BP {read['SBP']:.0f}/{read['SBP'] * 0.58:.0f}"
    breathing = f"RR {read['RR']:.0f}, SpO2 {read['SpO2']:.0f}% on {oxygen}"
    return f"T {read['T']:.1f} C, HR {read['HR']:.0f}, {pressure}, {breathing}"


def laboratory(rng: np.random.Generator, stay: Stay, day: int) -> list[tuple[str, float, str, float, float, str]]:
    """Results of a day: (name, value, unit, reference low, reference high, flag). Empty for most clinic visits."""
    age = stay.context["age"]
    panel = (
        list(NORMAL)
        if stay.days > 0 and isinstance(age, int) and age >= 1 and stay.scenario.service not in ("NEWBORN", "NICU")
        else []
    )
    late = {name: f.dx.day for f in stay.findings if f.dx.day for name in f.dx.labs}
    rows = []
    for name in [*panel, *(n for n in stay.labs if n not in panel)]:
        low, high, unit = NORMAL.get(name) or _OTHER[name]
        usual = between(rng, low, high)
        value = usual
        if name in stay.labs and day >= late.get(name, 0):
            left = 1.0 if name in _STEADY else max(0.35, _share_left(stay, day - late.get(name, 0)))
            value = usual + (between(rng, *stay.labs[name]) - usual) * left
        flag = "L" if value < low - 0.06 * (high - low) else "H" if value > high + 0.06 * (high - low) else ""
        rows.append((name, value, unit, low, high, flag))
    return rows


def labs_line(rng: np.random.Generator, stay: Stay, day: int) -> str:
    """The day's results as a clinician types them."""
    rows = laboratory(rng, stay, day)
    return ", ".join(
        f"{name} {value_text(name, value)}{' (' + flag + ')' if flag else ''}" for name, value, _, _, _, flag in rows
    )
