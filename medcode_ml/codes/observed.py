"""Common vital signs and laboratory results: one standard name, LOINC code, UCUM unit and what a conversion needs.

LOINC codes are those of Regenstrief Institute (loinc.org), units are UCUM; molar masses (g/mol) follow from the
formulas, that of haemoglobin from its monomer. The master equation of HbA1c is that of IFCC and NGSP (Hoelzel et al.,
Clinical Chemistry 2004;50:166-174). A small table of facts; what it does not hold is carried as delivered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

Group = Literal["vital", "laboratory"]


@dataclass(frozen=True, eq=False)
class Observed:
    """One observation. `other_units` are conversions that no unit library knows: unit -> (factor, offset)."""

    name: str
    code: str
    unit: str
    aliases: tuple[str, ...] = ()
    kind: Group = "laboratory"
    molar_mass: float | None = None
    valence: int | None = None
    other_units: Mapping[str, tuple[float, float]] = field(default_factory=dict)


_V: Group = "vital"
OBSERVED: tuple[Observed, ...] = (
    Observed("body temperature", "8310-5", "Cel", ("temperature", "temp", "t"), _V),
    Observed("heart rate", "8867-4", "/min", ("pulse", "hr", "pulse rate", "p"), _V),
    Observed("respiratory rate", "9279-1", "/min", ("rr", "resp", "resp rate", "respirations", "respiration rate"), _V),
    Observed(
        "systolic blood pressure", "8480-6", "mm[Hg]",
        ("sbp", "systolic", "bp systolic", "systolic bp", "blood pressure systolic", "bp", "blood pressure", "nibp"),
        _V,
    ),
    Observed(
        "diastolic blood pressure", "8462-4", "mm[Hg]",
        ("dbp", "diastolic", "bp diastolic", "diastolic bp", "blood pressure diastolic"), _V,
    ),
    Observed("mean blood pressure", "8478-0", "mm[Hg]", ("map", "mean arterial pressure"), _V),
    Observed(
        "oxygen saturation", "59408-5", "%",
        ("spo2", "o2 sat", "o2 saturation", "sao2", "pulse ox", "pulse oximetry", "oxygen sat"), _V,
    ),
    Observed("body weight", "29463-7", "kg", ("weight", "wt"), _V),
    Observed("body height", "8302-2", "cm", ("height", "ht", "body length", "length"), _V),
    Observed("body mass index", "39156-5", "kg/m2", ("bmi",), _V),
    Observed("head circumference", "9843-4", "cm", ("hc", "ofc"), _V),
    Observed("sodium", "2951-2", "mmol/L", ("na", "na+"), molar_mass=22.990, valence=1),
    Observed("potassium", "2823-3", "mmol/L", ("k", "k+"), molar_mass=39.098, valence=1),
    Observed("chloride", "2075-0", "mmol/L", ("cl", "cl-"), molar_mass=35.453, valence=1),
    Observed(
        "bicarbonate", "2028-9", "mmol/L", ("co2", "hco3", "total co2", "tco2", "carbon dioxide", "co2 total"),
        valence=1,
    ),
    Observed("urea nitrogen", "3094-0", "mg/dL", ("bun", "blood urea nitrogen", "urea n"), molar_mass=28.014),
    Observed("creatinine", "2160-0", "mg/dL", ("cr", "creat", "crea", "scr"), molar_mass=113.120),
    Observed("glucose", "2345-7", "mg/dL", ("glu", "gluc", "blood glucose", "glucose random"), molar_mass=180.156),
    Observed("calcium", "17861-6", "mg/dL", ("ca", "calcium total", "total calcium"), molar_mass=40.078, valence=2),
    Observed("magnesium", "19123-9", "mg/dL", ("mg", "mag", "mg++"), molar_mass=24.305, valence=2),
    Observed("phosphate", "2777-1", "mg/dL", ("phos", "phosphorus", "po4", "inorganic phosphate"), molar_mass=30.974),
    Observed("white cell count", "6690-2", "10*3/uL", ("wbc", "white blood cells", "white blood cell count")),
    Observed("hemoglobin", "718-7", "g/dL", ("hgb", "hb", "haemoglobin"), molar_mass=16114.5),
    Observed("hematocrit", "4544-3", "%", ("hct", "haematocrit")),
    Observed("platelet count", "777-3", "10*3/uL", ("plt", "platelets", "platelet", "thrombocytes")),
    Observed("reticulocytes", "17849-1", "%", ("retic", "reticulocyte count")),
    Observed("lactate", "2524-7", "mmol/L", ("lactic acid", "lac"), molar_mass=90.078),
    Observed("procalcitonin", "33959-8", "ng/mL", ("pct",)),
    Observed("C-reactive protein", "1988-5", "mg/L", ("crp", "c reactive protein")),
    Observed("erythrocyte sedimentation rate", "30341-2", "mm/h", ("esr", "sed rate", "sedimentation rate")),
    Observed("natriuretic peptide B", "30934-4", "pg/mL", ("bnp", "brain natriuretic peptide")),
    Observed("NT-proBNP", "33762-6", "pg/mL", ("nt probnp", "ntprobnp", "pro bnp")),
    Observed("troponin I", "10839-9", "ng/mL", ("troponin", "trop", "trop i", "tni", "ctni")),
    Observed("D-dimer", "48065-7", "ng/mL", ("ddimer", "d dimer", "d dimer feu")),
    Observed("ferritin", "2276-4", "ng/mL", ("ferr",)),
    Observed(
        "hemoglobin A1c", "4548-4", "%", ("a1c", "hba1c", "hgb a1c", "hemoglobin a1c", "glycated hemoglobin"),
        other_units={"mmol/mol": (0.0915, 2.15)},
    ),
    Observed("thyrotropin", "3016-3", "m[IU]/L", ("tsh", "thyroid stimulating hormone")),
    Observed("INR", "6301-6", "{INR}", ("pt inr", "international normalized ratio", "inr pt")),
    Observed("aspartate aminotransferase", "1920-8", "U/L", ("ast", "sgot", "ast sgot")),
    Observed("alanine aminotransferase", "1742-6", "U/L", ("alt", "sgpt", "alt sgpt")),
    Observed("alkaline phosphatase", "6768-6", "U/L", ("alp", "alk phos")),
    Observed(
        "total bilirubin", "1975-2", "mg/dL", ("tbili", "bilirubin total", "bilirubin", "t bili", "bili total"),
        molar_mass=584.66,
    ),
    Observed("albumin", "1751-7", "g/dL", ("alb",)),
    Observed("lipase", "3040-3", "U/L", ("lip",)),
    Observed("ammonia", "16362-6", "umol/L", ("nh3",), molar_mass=17.031),
    Observed("oxygen partial pressure, arterial", "2703-7", "mm[Hg]", ("pao2", "po2", "po2 arterial")),
    Observed("carbon dioxide partial pressure, arterial", "2019-8", "mm[Hg]", ("paco2", "pco2", "pco2 arterial")),
    Observed("pH, arterial", "2744-1", "[pH]", ("ph", "ph arterial", "arterial ph", "abg ph")),
    Observed("beta-hydroxybutyrate", "6873-4", "mmol/L", ("bhb", "beta hydroxybutyrate", "b ohb"), molar_mass=104.105),
    Observed("prostate specific antigen", "2857-1", "ng/mL", ("psa", "psa total")),
    Observed("carcinoembryonic antigen", "2039-6", "ng/mL", ("cea",)),
    Observed("LDL cholesterol", "13457-7", "mg/dL", ("ldl", "ldl c", "ldl calculated"), molar_mass=386.65),
    Observed("acetaminophen", "3298-7", "ug/mL", ("apap", "tylenol level", "paracetamol"), molar_mass=151.163),
)  # fmt: skip
_TOKEN = re.compile(r"[a-z0-9]+[+-]*")
#: words that say where the sample came from and do not change what is meant
_SPECIMEN = frozenset({"serum", "plasma", "blood", "whole", "ser", "plas", "bld", "level", "lvl", "s", "venous", "lab"})


def alias_key(name: str) -> str:
    """The form in which names are compared: lower case, no punctuation."""
    return " ".join(w.rstrip("-") or w for w in _TOKEN.findall(name.lower()))


@lru_cache(maxsize=1)
def _by_name() -> dict[str, Observed]:
    return {alias_key(n): o for o in OBSERVED for n in (o.name, *o.aliases)}


@lru_cache(maxsize=1)
def _by_code() -> dict[str, Observed]:
    return {o.code: o for o in OBSERVED}


@lru_cache(maxsize=20_000)
def observed(name: str | None, code: str | None = None, code_system: str | None = None) -> Observed | None:
    """Look an observation up by its LOINC code, else by its name or a usual short form; None where it is not known.

    A name that says another sample than blood ("Glucose, urine") is not taken for the blood value.
    """
    if code and (code_system or "").strip().upper() == "LOINC" and (found := _by_code().get(code.strip())):
        return found
    if not name:
        return None
    key = alias_key(name)
    if known := _by_name().get(key):
        return known
    kept = [w for w in key.split() if w not in _SPECIMEN]
    return _by_name().get(" ".join(kept)) if kept else None
