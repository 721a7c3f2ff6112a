"""Coder labels: the true codes with the errors that coders make, at documented rates.

`ERROR_RATES` are shares of lines, except `wrong_principal`, a share of encounters. Together about 8% of lines differ
from the truth, near the share that coding audits find; the manifest carries the rates.
"""

from __future__ import annotations

from datetime import date

import numpy as np

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.codes.poa import is_poa_exempt
from medcode_ml.simulation.combining import Coded
from medcode_ml.simulation.drawing import chance, pick

ERROR_RATES: dict[str, float] = {
    "dropped_secondary": 0.05,
    "less_specific": 0.02,
    "wrong_principal": 0.03,
    "poa_slip": 0.02,
}
CODERS_PER_HOSPITAL = 4
# about a sixth of the lines has a less specific neighbour: those err six times as often, so the rate holds overall
_LESS_SPECIFIC_AMONG = 6.0
#: the less specific code that a hurried coder takes
LESS_SPECIFIC = {
    "I50.23": "I50.20",
    "I50.33": "I50.30",
    "I50.21": "I50.20",
    "I50.31": "I50.30",
    "I50.22": "I50.20",
    "I50.32": "I50.30",
    "N18.31": "N18.30",
    "N18.32": "N18.30",
    "N18.4": "N18.9",
    "J96.01": "J96.00",
    "J96.22": "J96.20",
    "J96.11": "J96.10",
    "E11.65": "E11.9",
    "E11.42": "E11.40",
    "A41.51": "A41.9",
    "A41.59": "A41.9",
    "J13": "J18.9",
    "J15.212": "J15.9",
    "J15.69": "J15.9",
    "I48.20": "I48.91",
    "I48.0": "I48.91",
    "I48.19": "I48.91",
    "I21.11": "I21.9",
    "N17.0": "N17.9",
    "K70.31": "K70.30",
    "F33.2": "F33.9",
    "F33.1": "F33.9",
    "F32.1": "F32.A",
    "E66.811": "E66.9",
    "E66.812": "E66.9",
    "E66.813": "E66.9",
    "G93.41": "G93.40",
    "D62": "D64.9",
    "D50.0": "D50.9",
    "M17.11": "M17.9",
    "M17.12": "M17.9",
    "M16.11": "M16.9",
    "M16.12": "M16.9",
    "L89.154": "L89.159",
    "L89.152": "L89.159",
    "E78.2": "E78.5",
    "E78.00": "E78.5",
    "J45.41": "J45.901",
    "J45.31": "J45.901",
    "C50.411": "C50.911",
    "C50.412": "C50.912",
    "K56.51": "K56.609",
    "F10.230": "F10.239",
    "F10.231": "F10.239",
    "G40.409": "G40.909",
    "I12.9": "I10",
    "K57.31": "K92.2",
    "N30.00": "N39.0",
    "N30.01": "N39.0",
    "S93.411A": "S93.401A",
    "S93.412A": "S93.402A",
}


def coder_of(rng: np.random.Generator, hospital_id: str) -> str:
    """Opaque id of one of the hospital's coders."""
    return f"{hospital_id}-CDR{1 + int(rng.random() * CODERS_PER_HOSPITAL):02d}"


def label(rng: np.random.Generator, truth: tuple[Coded, ...], discharge: date) -> tuple[Coded, ...]:
    """What the coder wrote down, in reporting order. Every code written is billable at discharge; none stands twice."""
    release = CodeSet.on(discharge)
    lines: list[Coded] = []
    for place, one in enumerate(truth):
        if place and chance(rng, ERROR_RATES["dropped_secondary"]):
            continue
        code, poa = one.code, one.poa
        less = LESS_SPECIFIC.get(code)
        if (
            less is not None
            and release.is_billable(less)
            and chance(rng, _LESS_SPECIFIC_AMONG * ERROR_RATES["less_specific"])
        ):
            code = less
            poa = "" if is_poa_exempt(less) else poa or "Y"
        if poa and chance(rng, ERROR_RATES["poa_slip"]):
            poa = "U" if poa == "Y" and chance(rng, 0.5) else pick(rng, [p for p in ("Y", "N") if p != poa])
        if code not in {line.code for line in lines}:
            lines.append(Coded(code, poa))
    if len(lines) > 1 and chance(rng, ERROR_RATES["wrong_principal"]) and lines[1].code[0] not in "VWXYZ":
        lines[0], lines[1] = lines[1], lines[0]
    return tuple(lines)
