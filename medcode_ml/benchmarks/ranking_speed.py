"""Measures time and memory of ranking on one core: made-up encounters of 20 codes, as `medcode rank` reads them.

    python -m medcode_ml.benchmarks.ranking_speed [--encounters 10000] [--codes 20] [--model DIR]

The codes are drawn from some thousand of the newest release, few of them often and most of them seldom, with
procedures, drugs and units beside them. What they mean together is nothing; only the work counts.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from medcode_ml.ranking.records import rank_records

ENCOUNTERS: Final = 10_000
CODES: Final = 20
SEED: Final = 20261122
_BATCH: Final = 2048
"""Lines that `medcode rank` takes at a time."""
_POOL: Final = 3000
_WARM: Final = 50
_DRUGS: Final = (
    "Heparin", "Vancomycin", "Furosemide", "Pantoprazole", "Insulin", "Metoprolol Tartrate", "CefePIME", "Lactulose",
    "NORepinephrine", "Acetaminophen", "Docusate Sodium", "Levofloxacin", "Octreotide Acetate", "Lorazepam",
)  # fmt: skip
_OPERATIONS: Final = ("0DTJ4ZZ", "02703DZ", "02HV33Z", "0DJD8ZZ", "0SRC0J9", "5A1955Z", "0BH17EZ", "30233N1")
_SERVICES: Final = ("MED", "SURG", "CMED", "NMED", "ORTHO")


@dataclass(frozen=True, slots=True)
class Speed:
    """What ranking took: `first_seconds` to load tables and model, `seconds` for the encounters, `core_seconds` of them
    on the core: less where other work held it."""

    encounters: int
    codes: int
    model_version: str
    first_seconds: float
    seconds: float
    core_seconds: float
    peak_megabytes: float

    def line(self) -> str:
        """In words."""
        return (
            f"{self.encounters:,} encounters of {self.codes} codes by {self.model_version}, one core: "
            f"{self.seconds:.2f} s ({self.encounters / self.seconds:,.0f} a second), "
            f"{self.core_seconds:.2f} s of the core, {self.first_seconds:.2f} s to load, "
            f"at most {self.peak_megabytes:,.0f} MB"
        )


def encounters_of(count: int, codes: int, seed: int = SEED) -> list[dict[str, Any]]:
    """Made-up lines of `medcode rank`; the same for the same numbers."""
    from medcode_ml.codes.codeset import CodeSet
    from medcode_ml.codes.release import LAST_DAY

    generator = np.random.default_rng(seed)
    pool = generator.permutation(np.array(sorted(CodeSet.on(LAST_DAY).codes)))[:_POOL]
    often = 1.0 / np.arange(1, len(pool) + 1)
    often /= often.sum()
    return [
        {
            "encounter_id": str(number),
            "patient_id": str(number),
            "age": int(generator.integers(18, 95)),
            "sex": "MF"[int(generator.integers(2))],
            "admission_type": ("EW EMER.", "URGENT", "ELECTIVE")[int(generator.integers(3))],
            "discharge_date": LAST_DAY.isoformat(),
            "service": _SERVICES[int(generator.integers(len(_SERVICES)))],
            "length_of_stay_days": float(generator.integers(1, 15)),
            "procedures": [
                {"code": _OPERATIONS[int(place)], "system": "ICD-10-PCS", "day": int(generator.integers(5))}
                for place in generator.integers(len(_OPERATIONS), size=3)
            ],
            "medications": [
                {"name": _DRUGS[int(place)], "start_day": int(generator.integers(5))}
                for place in generator.permutation(len(_DRUGS))[:8]
            ],
            "units": [{"name": "MICU", "start_day": int(generator.integers(4)), "hours": 30.0}],
            "codes": [str(code) for code in generator.choice(pool, size=codes, replace=False, p=often)],
        }
        for number in range(count)
    ]


def measured(encounters: int = ENCOUNTERS, codes: int = CODES, model: Path | None = None) -> Speed:
    """Rank in this process; its peak memory counts all that it ever held."""
    import resource

    from medcode_ml.ranking.model import load_model

    lines = encounters_of(encounters, codes)
    began = time.perf_counter()
    loaded = None if model is None else load_model(model)
    version = rank_records(lines[:_WARM], loaded)[0]["model_version"]
    first = time.perf_counter() - began
    began, core = time.perf_counter(), time.process_time()
    ranked = 0
    for start in range(0, encounters, _BATCH):
        ranked += len(rank_records(lines[start : start + _BATCH], loaded))
    seconds, core_seconds = time.perf_counter() - began, time.process_time() - core
    # kilobytes on Linux, bytes on macOS
    unit = 2**20 if sys.platform == "darwin" else 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return Speed(ranked, codes, str(version), first, seconds, core_seconds, peak)


def measured_apart(model: Path | None = None, encounters: int = ENCOUNTERS, codes: int = CODES) -> Speed:
    """Measure in a process of its own, on one core, whose memory is nobody else's.

    Raises:
        subprocess.CalledProcessError: the process failed; it has said why.
    """
    command = [sys.executable, "-m", "medcode_ml.benchmarks.ranking_speed", "--json"]
    command += ["--encounters", str(encounters), "--codes", str(codes), *(["--model", str(model)] if model else [])]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return Speed(**json.loads(said))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what ranking took."""
    parser = argparse.ArgumentParser(prog="python -m medcode_ml.benchmarks.ranking_speed", description=__doc__)
    parser.add_argument("--encounters", type=int, default=ENCOUNTERS)
    parser.add_argument("--codes", type=int, default=CODES)
    parser.add_argument("--model", type=Path, help="a model folder; the guidelines without one")
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON")
    chosen = parser.parse_args(arguments)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    found = measured(chosen.encounters, chosen.codes, chosen.model)
    sys.stdout.write((json.dumps(asdict(found)) if chosen.json else found.line()) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
