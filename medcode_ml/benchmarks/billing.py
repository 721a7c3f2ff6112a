"""Claims a second and memory of edits, grouping and pricing on one core.

Simulated stays are billed as coders coded them, first with every cache empty, then again; then each part alone. The
rival is the same engine called a claim at a time, as an API without batches would call it.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd

from medcode_ml.billing.batch import bill_batch
from medcode_ml.billing.claims import ENCOUNTER_COLUMNS, ClaimFrames
from medcode_ml.billing.payers import PayerBook, load_payers
from medcode_ml.simulation.config import NetworkConfig
from medcode_ml.simulation.network import simulate

DAY = date(2026, 11, 20)
_HOSPITAL = ("npi", "name", "tax_id", "taxonomy", "address", "city", "state", "zip")
_SUBSCRIBER = ("last_name", "first_name", "birth_date", "sex", "address", "city", "state", "zip")
_KEY = ["hospital_id", "encounter_number"]


def simulated_frames(encounters: int, seed: int = 20261001, discharged_by: date = DAY) -> ClaimFrames:
    """Claims to bill of `encounters` simulated stays, in the coders' order; `discharged_by` is the day of billing."""
    config = NetworkConfig(
        seed=seed, encounters=encounters, scanned_pages=0, first_day=discharged_by, last_day=discharged_by
    )
    tables = simulate(config).tables()
    stays = tables["encounter"].drop_duplicates(_KEY).reset_index(drop=True)
    stays["encounter_id"] = stays["hospital_id"] + "-" + stays["encounter_number"]
    return ClaimFrames(
        encounters=_encounters(stays, tables),
        codes=_codes(tables["coder_label"]),
        procedures=_procedures(tables["procedure"]),
        lines=_lines(tables["charge"]),
    )


def earlier(frames: ClaimFrames, days: int) -> ClaimFrames:
    """The stays `days` earlier, in a version of the grouper that the second grouper knows too, for one."""

    def shifted(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
        moved = {
            name: pd.Series(
                [None if day is None else day - timedelta(days=days) for day in frame[name]],
                index=frame.index,
                dtype=object,
            )
            for name in columns
        }
        return frame.assign(**moved)

    return replace(
        frames,
        encounters=shifted(frames.encounters, "admission_date", "discharge_date"),
        procedures=shifted(frames.procedures, "date"),
        lines=shifted(frames.lines, "service_date"),
    )


def _keyed(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.drop_duplicates([*_KEY, "line_number"]).reset_index(drop=True)
    return frame.assign(encounter_id=frame["hospital_id"] + "-" + frame["encounter_number"])


def _none(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.astype(object)
    return frame.where((frame != "") & frame.notna(), None)


def _day(value: Any) -> date | None:
    """A delivered date; None where it is absent or not one, as a stage before billing would have left it."""
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        return None


def _amount(value: Any) -> Decimal | None:
    try:
        return Decimal(value) if value else None
    except ArithmeticError:
        return None


def _encounters(stays: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    hospital = tables["hospital"].drop_duplicates("hospital_id").set_index("hospital_id")
    clinician = tables["clinician"].drop_duplicates("npi").set_index("npi")
    payer = tables["payer"].drop_duplicates("payer_id").set_index("payer_id")
    patient = tables["patient"].drop_duplicates(["hospital_id", "mrn"]).set_index(["hospital_id", "mrn"])
    people = patient.reindex(pd.MultiIndex.from_frame(stays[["hospital_id", "mrn"]]))
    made = stays.assign(patient_id=stays["hospital_id"] + "-" + stays["mrn"])
    for name in _HOSPITAL:
        made[f"hospital_{name}"] = stays["hospital_id"].map(hospital[name])
    made["hac_exempt"] = stays["hospital_id"].map(hospital["hac_exempt"]) == "Y"
    for name in ("last_name", "first_name"):
        made[f"attending_{name}"] = stays["attending_npi"].map(clinician[name])
    for name in _SUBSCRIBER:
        made[f"subscriber_{name}"] = people[name].to_numpy()
    made["birth_date"], made["sex"] = made["subscriber_birth_date"], made["subscriber_sex"]
    for column, name in (("payer_name", "name"), ("payer_kind", "kind"), ("contract", "contract")):
        made[column] = stays["payer_id"].map(payer[name])
    made = _none(made.reindex(columns=list(ENCOUNTER_COLUMNS)))
    for name in ("birth_date", "subscriber_birth_date", "admission_date", "discharge_date"):
        made[name] = pd.Series([_day(v) for v in made[name]], index=made.index, dtype=object)
    return made


def _codes(labels: pd.DataFrame) -> pd.DataFrame:
    made = _none(_keyed(labels))
    return made.assign(rank=made["line_number"].astype(int))[["encounter_id", "rank", "code", "poa"]]


def _procedures(procedures: pd.DataFrame) -> pd.DataFrame:
    made = _none(_keyed(procedures))
    made = made[made["code_system"] == "ICD-10-PCS"]
    dates = pd.Series([_day(v) for v in made["procedure_date"]], index=made.index, dtype=object)
    made = made.assign(line_number=made["line_number"].astype(int), system=made["code_system"], date=dates)
    return made[["encounter_id", "line_number", "code", "system", "date"]]


def _lines(charges: pd.DataFrame) -> pd.DataFrame:
    made = _none(_keyed(charges))
    made = made.assign(
        line_number=made["line_number"].astype(int),
        modifiers=[m.split(",") if m else [] for m in made["modifiers"]],
    )
    for name, read in (("units", _amount), ("charge", _amount), ("service_date", _day)):
        made[name] = pd.Series([read(v) for v in made[name]], index=made.index, dtype=object)
    return made[
        ["encounter_id", "line_number", "revenue_code", "hcpcs", "modifiers", "units", "charge", "service_date"]
    ]


def measure(frames: ClaimFrames, payers: PayerBook, as_of: date = DAY, runs: int = 3) -> pd.DataFrame:
    """Claims a second of each way of billing the batch; one row a way, the best of `runs` where it is repeated."""
    count = len(frames.encounters)
    one_by_one = [frames.only([e]) for e in frames.encounters["encounter_id"].head(50)]
    ways: list[tuple[str, int, int, Callable[[], object]]] = [
        ("first batch of a process, caches empty", count, 1, lambda: bill_batch(frames, as_of, payers)),
        ("edits, grouping, pricing", count, runs, lambda: bill_batch(frames, as_of, payers)),
        ("without what-if", count, runs, lambda: bill_batch(frames, as_of, payers, candidates=0)),
        (
            "without the second grouper", count, runs,
            lambda: bill_batch(frames, as_of, payers, second_grouper=False),
        ),
        (
            "rival: a claim at a time", len(one_by_one), runs,
            lambda: [bill_batch(one, as_of, payers) for one in one_by_one],
        ),
    ]  # fmt: skip
    rows = []
    for name, claims, times, run in ways:
        seconds = min(_seconds(run) for _ in range(times))
        rows.append((name, claims, seconds, claims / seconds, _peak_mb()))
    return pd.DataFrame(rows, columns=["way", "claims", "seconds", "claims_a_second", "peak_memory_mb"])


def _seconds(run: Callable[[], object]) -> float:
    """Processor seconds: billing runs on one core and waits for nothing, and other work on the machine is not its."""
    began = time.process_time()
    run()
    return time.process_time() - began


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description="Claims a second of edits, grouping and pricing, one core.")
    parser.add_argument("--encounters", type=int, default=2000, help="simulated stays to bill")
    parser.add_argument("--earlier", type=int, default=0, help="days to shift all stays into the past")
    chosen = parser.parse_args()
    frames = earlier(simulated_frames(chosen.encounters), chosen.earlier)
    sys.stdout.write(
        measure(frames, load_payers(), DAY - timedelta(days=chosen.earlier)).to_string(
            index=False, float_format=lambda v: f"{v:,.1f}"
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
