"""Measures what documents add to the order of codes, on a simulated hospital network whose coders err as coders do.

    python -m medcode_ml.benchmarks.ranking_documents [--encounters 1200] [--seed 7]

The codes are those of the simulated coders (wrong principal in 3% of encounters, see `simulation/labels.py`), their
order is the answer. Every line holds what `medcode rank` reads; the table takes the documents away, and the rest.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcode_ml.documentation import with_documents
from medcode_ml.models.bootstrap import weights
from medcode_ml.ranking.records import rank_records
from medcode_ml.simulation.config import NetworkConfig
from medcode_ml.simulation.network import simulate

SEED: Final = 7
ENCOUNTERS: Final = 1200
_KEY: Final = ["hospital_id", "encounter_number"]
_STAY: Final = ("medications", "microbiology", "units", "procedures", "services")
_Bools = npt.NDArray[np.bool_]


def lines_of(seed: int, encounters: int) -> list[dict[str, Any]]:
    """The network as lines of `medcode rank` with their documents; `codes` in the coders' order."""
    config = NetworkConfig(seed=seed, encounters=encounters, planted_faults=False, scanned_pages=0)
    tables = simulate(config).tables()
    people = tables["patient"].drop_duplicates(["hospital_id", "mrn"], keep="last").set_index(["hospital_id", "mrn"])
    groups = {
        name: dict(list(frame.groupby(_KEY))) for name, frame in tables.items() if set(_KEY) <= set(frame.columns)
    }
    lines = []
    for stay in tables["encounter"].drop_duplicates(_KEY, keep="last").to_dict("records"):
        key = (stay["hospital_id"], stay["encounter_number"])
        if key not in groups["coder_label"]:
            continue
        labels = groups["coder_label"][key].assign(place=lambda f: f["line_number"].astype(int)).sort_values("place")
        person = people.loc[(stay["hospital_id"], stay["mrn"])]
        first, last = _day(stay["admission_date"]), _day(stay["discharge_date"])

        def dated(name: str, columns: Mapping[str, str], key: Any = key, first: date = first) -> list[dict[str, Any]]:
            frame = groups[name].get(key, pd.DataFrame(columns=list(columns.values())))
            return [
                {own: (_day(row[of]) - first).days if of.endswith("_date") else row[of] for own, of in columns.items()}
                for row in frame.to_dict("records")
            ]

        units = dated("unit_stay", {"name": "unit", "start_day": "start_date", "hours": "hours"})
        lines.append(
            {
                "encounter_id": "/".join(key),
                "patient_id": f"{stay['hospital_id']}/{stay['mrn']}",
                "setting": stay["setting"],
                "age": int((first - _day(person["birth_date"])).days / 365.25),
                "sex": person["sex"],
                "admission_type": stay["admission_type"],
                "service": stay["service"],
                "discharge_date": last.isoformat(),
                "length_of_stay_days": (last - first).days,
                "codes": list(dict.fromkeys(labels["code"])),
                "poa": {c: p for c, p in zip(labels["code"], labels["poa"], strict=True) if p},
                "documents": dated("scanned_record", {"type": "document_type", "text": "text"}),
                "procedures": dated("procedure", {"code": "code", "system": "code_system", "day": "procedure_date"}),
                "medications": dated("medication", {"name": "drug", "start_day": "start_date"}),
                "microbiology": dated(
                    "microbiology", {"specimen": "specimen", "organism": "organism", "day": "specimen_date"}
                ),
                "services": dated("service", {"name": "service"}),
                "units": [unit | {"hours": float(unit["hours"])} for unit in units],
            }
        )
    return lines


def _day(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])


def without(lines: Sequence[Mapping[str, Any]], *names: str) -> list[dict[str, Any]]:
    """The lines without some of their keys, codes in the order of the code system."""
    return [{k: v for k, v in line.items() if k not in names} | {"codes": sorted(line["codes"])} for line in lines]


def right(ranked: Sequence[Mapping[str, Any]], lines: Sequence[Mapping[str, Any]]) -> _Bools:
    """Whether the principal is the coder's, for each line."""
    return np.array([a["codes"][0]["code"] == line["codes"][0] for a, line in zip(ranked, lines, strict=True)])


def interval(values: npt.NDArray[np.float64], patients: Sequence[str]) -> tuple[float, float, float]:
    """Mean over encounters with its 95% bootstrap interval by patient."""
    _, patient = np.unique(np.array(patients), return_inverse=True)
    sums, sizes = np.bincount(patient, weights=values), np.bincount(patient)
    drawn = np.concatenate(list(weights(len(sums))))
    low, high = np.quantile(drawn @ sums / (drawn @ sizes), [0.025, 0.975])
    return float(values.mean()), float(low), float(high)


def run(seed: int = SEED, encounters: int = ENCOUNTERS) -> list[tuple[str, str, int, tuple[float, float, float]]]:
    """Return (input, setting, encounters, principal right with its interval); the last rows are paired gains.

    Encounters with one code are left out: nothing is to be decided there.
    """
    lines = [line for line in lines_of(seed, encounters) if len(line["codes"]) > 1]
    inputs = {
        "codes alone": without(lines, "documents", *_STAY),
        "codes and documents": with_documents(without(lines, *_STAY)),
        "all but documents": without(lines, "documents"),
        "all": with_documents(without(lines)),
    }
    answers = {name: right(rank_records(given), lines).astype(np.float64) for name, given in inputs.items()}
    answers["gain: documents on codes alone"] = answers["codes and documents"] - answers["codes alone"]
    answers["gain: documents on all else"] = answers["all"] - answers["all but documents"]
    setting = np.array([line["setting"] for line in lines])
    patients = np.array([line["patient_id"] for line in lines])
    rows = []
    for name, values in answers.items():
        for chosen in ("inpatient", "outpatient", "both"):
            own = (setting == chosen) | (chosen == "both")
            rows.append((name, chosen, int(own.sum()), interval(values[own], list(patients[own]))))
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m medcode_ml.benchmarks.ranking_documents", description=__doc__)
    parser.add_argument("--encounters", type=int, default=ENCOUNTERS)
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args(arguments)
    sys.stdout.write(f"{'input':32s} {'setting':10s} {'n':>5s}  principal right (95% interval)\n")
    for name, setting, count, (mean, low, high) in run(given.seed, given.encounters):
        sys.stdout.write(f"{name:32s} {setting:10s} {count:5d}  {mean:6.3f} ({low:.3f} to {high:.3f})\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
