"""Measures writing, judging and reading back 837 claims: speed, memory, both validators' verdicts, equality.

    python -m medcode_ml.benchmarks.claims_837 [--claims 100000] [--judged 1000]

The claims are drawn: people, hospitals, payers and clinicians of the simulated network, codes of the newest release.
What they mean together is nothing; they have the sizes of real ones (1-25 diagnoses, 0-6 procedures, 3-25 lines, one in
eight professional, one in ten with an earlier payer, some replacing or voiding another). Drawing is not timed. The
baseline is a bare copy: the same text written segment by segment without looking at a claim.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pandas as pd

from medcode_ml.billing.batch import claim_number
from medcode_ml.billing.claims import (
    CODE_COLUMNS,
    ENCOUNTER_COLUMNS,
    LINE_COLUMNS,
    PRIOR_PAYMENT_COLUMNS,
    PROCEDURE_COLUMNS,
    ClaimFrames,
)
from medcode_ml.billing.files import write_files
from medcode_ml.billing.x12.interchange import Batch, interchanges
from medcode_ml.billing.x12.parties import Sender
from medcode_ml.billing.x12.reading import read_837
from medcode_ml.billing.x12.transmitted import transmitted
from medcode_ml.billing.x12.validate import second_opinion, validate_837

SEED: Final = 20261122
DAY: Final = date(2026, 11, 21)
WHEN: Final = datetime(2026, 11, 21, 12, 0)
SENDER: Final = Sender("MEDCODE", "Harbour Network Billing", "Billing Office", "6175550100")
_BATCH: Final = 1000
_SMALL: Final = 25
"""Claims of a file that the slower validator is given."""
_CHUNK: Final = 1 << 16
_CODES: Final = 4000
_PERSONS: Final = 4000
_PROCEDURES: Final = ("0DTJ4ZZ", "02703DZ", "02HV33Z", "0DJD8ZZ", "0SRC0J9", "5A1955Z", "0BH17EZ", "30233N1")
_SERVICES: Final = ("G0380", "J1885", "G0463", "J0696", "Q9967", "A9270", "G0378")
_REVENUE: Final = ("0120", "0206", "0250", "0258", "0300", "0305", "0320", "0360", "0450", "0636", "0710", "0730")
_POA: Final = "YYYYYYNUW"


@lru_cache(maxsize=1)
def _people() -> tuple[tuple[dict[str, Any], str], ...]:
    """Encounter columns of persons with their hospital, clinician and payer, and the hospital."""
    import numpy as np

    from medcode_ml.simulation.organisations import HOSPITALS, clinicians
    from medcode_ml.simulation.people import draw_person

    generator, staff = np.random.default_rng(SEED), clinicians(SEED)
    found = []
    for number in range(_PERSONS):
        hospital = HOSPITALS[number % len(HOSPITALS)]
        one = draw_person(generator, number, hospital, "any", (18, 92), 0.0, DAY - timedelta(days=400))
        doctor = staff[hospital.hospital_id][number % len(staff[hospital.hospital_id])]
        columns = {
            "patient_id": f"P{number:06d}", "birth_date": one.birth_date, "sex": one.sex,
            "hospital_id": hospital.hospital_id, "hospital_npi": hospital.npi, "hospital_name": hospital.name,
            "hospital_tax_id": hospital.tax_id, "hospital_taxonomy": "282N00000X",
            "hospital_address": hospital.address, "hospital_city": hospital.city, "hospital_state": hospital.state,
            "hospital_zip": hospital.zip, "hac_exempt": False, "attending_npi": doctor.npi,
            "attending_last_name": doctor.last_name, "attending_first_name": doctor.first_name,
            "member_id": one.member_id, "subscriber_last_name": one.last_name,
            "subscriber_first_name": one.first_name, "subscriber_birth_date": one.birth_date,
            "subscriber_sex": one.sex, "subscriber_address": one.address, "subscriber_city": one.city,
            "subscriber_state": one.state or hospital.state, "subscriber_zip": one.zip,
            "payer_id": one.payer.payer_id, "payer_name": one.payer.name, "payer_kind": one.payer.kind,
        }  # fmt: skip
        found.append((columns, hospital.hospital_id))
    return tuple(found)


@lru_cache(maxsize=1)
def _diagnoses() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Codes that may be principal, and any, of the newest release."""
    from medcode_ml.codes.codeset import CodeSet
    from medcode_ml.codes.release import LAST_DAY

    codes = random.Random(SEED).sample(sorted(CodeSet.on(LAST_DAY).codes), _CODES)
    return tuple(c for c in codes if c[0] not in "VWXYZRO"), tuple(codes)


def batch_of(first: int, count: int, seed: int = SEED) -> Batch:
    """Frames of claims drawn, with their rows of billed.claim; the same for the same numbers."""
    rng = random.Random(f"{seed}/{first}")
    people = _people()
    rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in ("codes", "procedures", "lines", "prior")}
    encounters, claims = [], []
    for number in range(first, first + count):
        encounter = _draw(rng, f"E{number:07d}", people[rng.randrange(_PERSONS)][0], rows)
        encounters.append(encounter)
        key, stay = encounter["encounter_id"], encounter["setting"] == "inpatient"
        drg = f"{rng.randrange(1, 989):03d}" if stay and encounter["claim_type"] == "837I" else None
        claims.append((key, claim_number(key), encounter["claim_type"], drg, "ready"))
    frames = ClaimFrames(
        pd.DataFrame(encounters, columns=list(ENCOUNTER_COLUMNS), dtype=object),
        pd.DataFrame(rows["codes"], columns=list(CODE_COLUMNS), dtype=object),
        pd.DataFrame(rows["procedures"], columns=list(PROCEDURE_COLUMNS), dtype=object),
        pd.DataFrame(rows["lines"], columns=list(LINE_COLUMNS), dtype=object),
        pd.DataFrame(rows["prior"], columns=list(PRIOR_PAYMENT_COLUMNS), dtype=object),
    )
    columns = ["encounter_id", "claim_number", "claim_type", "drg", "status"]
    return frames, pd.DataFrame(claims, columns=columns, dtype=object)


def _draw(
    rng: random.Random, key: str, person: dict[str, Any], rows: dict[str, list[tuple[Any, ...]]]
) -> dict[str, Any]:
    """Encounter columns of one claim; its other rows are added to `rows`."""
    professional, stay = rng.random() < 0.125, rng.random() < 0.6
    admitted = DAY - timedelta(days=rng.randrange(20, 300))
    days = rng.randrange(1, 12) if stay else 0
    principal, any_code = _diagnoses()
    codes = dict.fromkeys([rng.choice(principal), *(rng.choice(any_code) for _ in range(rng.randrange(25)))])
    rows["codes"] += [(key, rank, code, rng.choice(_POA), rank == 1) for rank, code in enumerate(codes, 1)]
    if stay and not professional:
        steps = rng.sample(_PROCEDURES, rng.randrange(7))
        rows["procedures"] += [(key, n, code, "ICD-10-PCS", admitted) for n, code in enumerate(steps, 1)]
    total = Decimal(0)
    for number in range(1, rng.randrange(3, 26) + 1):
        charge = Decimal(rng.randrange(500, 2_000_000)) / 100
        total += charge
        service = rng.choice(_SERVICES) if professional or not stay else None
        modifiers = ["25"] if service and rng.random() < 0.2 else []
        day = admitted + timedelta(days=rng.randrange(days + 1))
        rows["lines"].append((key, number, rng.choice(_REVENUE), service, modifiers, rng.randrange(1, 30), charge, day))
    if rng.random() < 0.1:
        paid = (total * rng.randrange(90) / 100).quantize(Decimal("0.01"))
        owed = [{"group": "CO", "reason": "45", "amount": total - paid}]
        rows["prior"].append((key, 1, "OTHER", "Other Plan", "M12345", paid, DAY, owed, "commercial", "OTH20261100"))
    frequency = rng.choices(("1", "7", "8"), (96, 3, 1))[0]
    return {
        **dict.fromkeys(ENCOUNTER_COLUMNS), **person, "encounter_id": key,
        "setting": "inpatient" if stay else "outpatient", "claim_type": "837P" if professional else "837I",
        "admission_date": admitted, "admission_hour": f"{rng.randrange(24):02d}",
        "discharge_date": admitted + timedelta(days=days), "discharge_hour": f"{rng.randrange(24):02d}",
        "admission_type": "1", "admission_source": "1", "discharge_status": "01",
        "admitting_code": "R06.02", "insurance_type": "12", "frequency_code": frequency,
        "payer_control_number": f"{rng.randrange(10**11)}" if frequency != "1" else None,
    }  # fmt: skip


class _Drawing:
    """Batches with the seconds of the core that drawing them took."""

    def __init__(self, claims: int) -> None:
        self.claims, self.core_seconds, self.seconds = claims, 0.0, 0.0

    def __iter__(self) -> Iterator[Batch]:
        for first in range(0, self.claims, _BATCH):
            core, began = time.process_time(), time.perf_counter()
            batch = batch_of(first, min(_BATCH, self.claims - first))
            self.core_seconds += time.process_time() - core
            self.seconds += time.perf_counter() - began
            yield batch


def peak_megabytes() -> float:
    """Most memory this process has held."""
    import resource

    # kilobytes on Linux, bytes on macOS
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def written(claims: int) -> Iterator[str]:
    """Write the claims as a day's files, without the validator; lines of the table."""
    batch_of(0, 10)
    drawing = _Drawing(claims)
    with tempfile.TemporaryDirectory() as folder:
        core, began = time.process_time(), time.perf_counter()
        result = write_files(drawing, SENDER, DAY, Path(folder), validate=False)
        core = time.process_time() - core - drawing.core_seconds
        seconds = time.perf_counter() - began - drawing.seconds
        peak = peak_megabytes()
        size = sum(one.path.stat().st_size for one in result.files)
        baseline = time.process_time()
        for one in result.files:
            with one.path.open(encoding="ascii") as source, (Path(folder) / "copy").open("w") as copy:
                for text in iter(lambda: source.read(_CHUNK), ""):
                    copy.write("~".join(["*".join(s.split("*")) for s in text.split("~")]))
        baseline = time.process_time() - baseline
    count = sum(one.claims for one in result.files)
    yield f"claims written, refused, files           {count:,}, {len(result.refused):,}, {len(result.files)}"
    yield f"written, claims a second of the core     {count / core:,.0f} (by the clock {count / seconds:,.0f})"
    yield f"baseline, bare copy of the text          {count / baseline:,.0f} a second of the core"
    yield f"size                                     {size / 2**20:,.0f} MB, {size / count:,.0f} bytes a claim"
    yield f"most memory, drawing included            {peak:,.0f} MB"


def judged(claims: int) -> Iterator[str]:
    """Verdicts of both validators and of reading back; lines of the table."""
    frames, rows = batch_of(0, claims, SEED + 1)
    sent = transmitted(frames, rows)
    errors: Counter[str] = Counter()
    equal = read = 0
    reading = validating = 0.0
    for one in interchanges(frames, rows, SENDER, DAY, WHEN):
        began = time.process_time()
        errors["pyx12 and rules 27-32"] += len(validate_837(one.text).errors)
        validating += time.process_time() - began
        keys = dict(zip(one.members["claim_number"], one.members["encounter_id"], strict=True))
        began = time.process_time()
        back = read_837(one.text.encode("ascii"), keys)
        reading += time.process_time() - began
        read += len(keys)
        equal += same_claims(sent, back)
    for start in range(0, claims, _SMALL):
        for one in interchanges(frames, rows[start : start + _SMALL], SENDER, DAY, WHEN):
            errors["x12sdk"] += len(second_opinion(one.text))
    yield f"errors in {claims:,} claims                    " + ", ".join(
        f"{name}: {errors[name]}" for name in ("pyx12 and rules 27-32", "x12sdk")
    )
    yield f"validated by pyx12                       {claims / validating:,.0f} a second of the core"
    yield f"read back, the same claim                {equal:,} of {read:,}; {read / reading:,.0f} a second of the core"


def same_claims(sent: ClaimFrames, back: ClaimFrames) -> int:
    """How many of the claims read back are in every row what was sent."""
    tables: tuple[dict[str, list[str]], dict[str, list[str]]] = ({}, {})
    for found, frames in zip(tables, (sent, back), strict=True):
        for part in fields(ClaimFrames):
            frame: pd.DataFrame = getattr(frames, part.name)
            columns = [c for c in getattr(sent, part.name).columns if c in frame.columns]
            plain = frame[columns].astype(object).where(frame[columns].notna(), None)
            for row in plain.itertuples(index=False):
                found.setdefault(row.encounter_id, []).append(f"{part.name} {tuple(row)}")
    return sum(sorted(tables[0][key]) == sorted(rows) for key, rows in tables[1].items())


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--claims", type=int, default=100_000, help="claims to write for speed and memory")
    parser.add_argument("--judged", type=int, default=1_000, help="claims for the validators and for reading back")
    chosen = parser.parse_args(arguments)
    for line in written(chosen.claims):
        _say(line)
    if chosen.judged:
        for line in judged(chosen.judged):
            _say(line)


if __name__ == "__main__":
    main()
