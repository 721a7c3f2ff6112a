"""Vital signs and results of a stay as numbers, in the names, units and habits of each hospital's systems.

They tell the same story as the notes but are drawn apart from them, from a stream of their own: the numbers of a day
are not those a note quotes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np

from medcode_ml.simulation.measurements import laboratory, value_text, vital_values
from medcode_ml.simulation.stays import Stay

Row = dict[str, str]
_STREAM = 8_101


@dataclass(frozen=True)
class Habit:
    """How one hospital's systems send results.

    `names` are its own names; `units` its own units, as (unit, factor); `loinc` codes the results that have one;
    `flag_in_value` writes the flag behind the number, and `signed` puts a pressure into one field.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    fahrenheit: bool = False
    loinc: bool = False
    local: str = ""
    flag_in_value: bool = False
    joined_pressure: bool = False


#: LOINC codes that a laboratory system sends beside its names
_LOINC = {"Na": "2951-2", "K": "2823-3", "Cr": "2160-0", "Glu": "2345-7", "WBC": "6690-2", "Hgb": "718-7"}
_INTERNATIONAL = {
    "Glu": ("mmol/L", 0.0555), "Cr": ("umol/L", 88.4), "BUN": ("mmol/L", 0.357), "Ca": ("mmol/L", 0.2495),
    "Mg": ("mmol/L", 0.4114), "Tbili": ("umol/L", 17.1), "Hgb": ("g/L", 10.0), "WBC": ("10^9/L", 1.0),
    "Plt": ("10^9/L", 1.0), "Troponin": ("ng/L", 1000.0), "LDL": ("mmol/L", 0.02586), "CRP": ("mg/L", 1.0),
}  # fmt: skip
_HABITS: dict[str, Habit] = {
    "HARB": Habit(loinc=True, names={"T": "Temp", "HR": "Pulse", "RR": "Resp"}),
    "STLU": Habit(
        names={
            "Na": "SODIUM, SERUM", "K": "POTASSIUM, SERUM", "Cr": "CREATININE, SERUM", "Glu": "GLUCOSE, SERUM",
            "BUN": "UREA NITROGEN", "Hgb": "HEMOGLOBIN", "Plt": "PLATELETS", "CO2": "TOTAL CO2", "T": "TEMPERATURE",
            "HR": "HEART RATE", "RR": "RESPIRATORY RATE", "Cl": "CHLORIDE",
        },
        units={"WBC": ("x10E3/uL", 1.0), "Plt": ("x10E3/uL", 1.0), "Na": ("mEq/L", 1.0), "K": ("mEq/L", 1.0)},
        fahrenheit=True, local="SLLAB",
    ),
    "PECA": Habit(
        names={"Glu": "Gluc", "Cr": "Creat", "SpO2": "O2 Sat", "T": "temp", "HR": "pulse"},
        units={"WBC": ("/uL", 1000.0), "Na": ("mEq/L", 1.0), "K": ("mEq/L", 1.0), "CRP": ("mg/dL", 0.1)},
        fahrenheit=True, flag_in_value=True, joined_pressure=True,
    ),
    "CASC": Habit(units=_INTERNATIONAL, names={"T": "Temperature", "HR": "Heart rate"}),
}  # fmt: skip
_VITAL_UNITS = {"HR": "bpm", "RR": "/min", "SpO2": "%", "SBP": "mmHg"}


def observation_rows(seed: int, stay: Stay) -> list[Row]:
    """Rows of the delivered table `observation`: the first and the last day of a stay; none for a visit."""
    if not stay.days:
        return []
    rng = np.random.default_rng([seed, stay.index, _STREAM])
    habit = _HABITS[stay.person.hospital.hospital_id]
    rows: list[Row] = []
    for day in (0, stay.days):
        on = (stay.admission + timedelta(days=day)).isoformat()
        for row in (*_vitals(rng, stay, day, habit), *_results(rng, stay, day, habit)):
            rows.append(
                {
                    "hospital_id": stay.person.hospital.hospital_id,
                    "encounter_number": stay.encounter_number,
                    "line_number": str(len(rows) + 1),
                    "observed_date": on,
                    **row,
                }
            )
    return rows


def _row(kind: str, name: str, value: str, unit: str, flag: str = "", code: str = "", system: str = "") -> Row:
    return {"kind": kind, "name": name, "code": code, "code_system": system, "value": value, "unit": unit, "flag": flag}


def _vitals(rng: np.random.Generator, stay: Stay, day: int, habit: Habit) -> list[Row]:
    read = vital_values(rng, stay, day)
    degrees = read["T"] * 9 / 5 + 32 if habit.fahrenheit else read["T"]
    rows = [_row("vital", habit.names.get("T", "T"), f"{degrees:.1f}", "F" if habit.fahrenheit else "C")]
    for name in ("HR", "RR", "SpO2"):
        rows.append(_row("vital", habit.names.get(name, name), f"{read[name]:.0f}", _VITAL_UNITS[name]))
    systolic, diastolic = read["SBP"], read["SBP"] * 0.58
    if habit.joined_pressure:
        rows.append(_row("vital", "BP", f"{systolic:.0f}/{diastolic:.0f}", "mmHg"))
    else:
        rows.append(_row("vital", "SBP", f"{systolic:.0f}", "mmHg"))
        rows.append(_row("vital", "DBP", f"{diastolic:.0f}", "mmHg"))
    return rows


def _results(rng: np.random.Generator, stay: Stay, day: int, habit: Habit) -> list[Row]:
    rows: list[Row] = []
    for name, value, unit, _, _, flag in laboratory(rng, stay, day):
        own, factor = habit.units.get(name, (unit, 1.0))
        # a value in another unit keeps three significant digits, as an analyser prints it
        text = value_text(name, value) if factor == 1.0 else f"{float(f'{value * factor:.3g}'):g}"
        if habit.flag_in_value and flag:
            text, flag = f"{text} {flag}", ""
        loinc = _LOINC.get(name, "") if habit.loinc else ""
        code, system = (loinc, "LOINC") if loinc else (f"L{len(rows) + 101}", habit.local) if habit.local else ("", "")
        rows.append(_row("laboratory", habit.names.get(name, name), text, own, flag, code, system))
    return rows
