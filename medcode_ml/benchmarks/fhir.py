"""Measures writing FHIR R4 claims and reading them back: speed, memory, sums, references.

    python -m medcode_ml.benchmarks.fhir [--claims 10000] [--checked 500]

The claims are those that `claims_837` draws (sizes of real ones, no meaning); drawing is not timed. The baseline makes
and writes the same lines without asking the standard's models. Read back are the first claims, by `fhir.resources`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any, Final

from medcode_ml.benchmarks.claims_837 import DAY, batch_of, peak_megabytes
from medcode_ml.billing.fhir.claim import claim_resource
from medcode_ml.billing.fhir.claims import Billed, billed_claims, write_claims
from medcode_ml.billing.fhir.ndjson import FhirFiles, as_line
from medcode_ml.billing.fhir.parties import parties
from medcode_ml.models.bootstrap import estimates, share

_BATCH: Final = 500


def _drawn(first: int, count: int) -> list[Billed]:
    frames, rows = batch_of(first, count)
    return list(billed_claims(frames, rows, DAY, {str(key) for key in rows["encounter_id"]}))


def written(claims: int) -> Iterator[str]:
    """Speed and memory of the export; lines of the table."""
    seconds, resources, plain = list[float](), list[int](), 0.0
    with tempfile.TemporaryDirectory() as folder:
        with FhirFiles(Path(folder) / "fhir") as files:
            for first in range(0, claims, _BATCH):
                batch = _drawn(first, min(_BATCH, claims - first))
                before, began = files.written.total(), time.process_time()
                write_claims(files, batch)
                seconds.append(time.process_time() - began)
                resources.append(files.written.total() - before)
                began = time.process_time()
                for one in batch:
                    for made in (
                        claim_resource(one.claim, DAY, synthetic=True),
                        *parties(one.claim.case, synthetic=True),
                    ):
                        as_line(made)
                plain += time.process_time() - began
        size = sum(path.stat().st_size for path in (Path(folder) / "fhir").iterdir())
    core = sum(seconds)
    speed: Any = estimates(len(seconds), {"speed": share(resources, seconds)})
    low, high = speed["speed_95"]
    count = files.written["Claim"]
    yield f"resources written, left out              {files.written.total():,}, {files.left_out.total():,}"
    yield f"of these claims                          {count:,}"
    yield f"resources a second of the core           {speed['speed']:,.0f} (95% {low:,.0f} to {high:,.0f})"
    yield f"claims with their parties a second       {count / core:,.0f}"
    yield f"baseline, made and not validated         {claims / plain:,.0f} claims a second of the core"
    yield f"size                                     {size / 2**20:,.0f} MB, {size / max(count, 1):,.0f} bytes a claim"
    yield f"most memory, drawing included            {peak_megabytes():,.0f} MB"


def checked(claims: int) -> Iterator[str]:
    """What reading back says: sums of lines and totals against what was billed, references that resolve."""
    batch = _drawn(0, claims)
    billed = {one.claim.claim_number: one.claim.total_charge for one in batch}
    equal, there, named = 0, set[str](), set[str]()
    with tempfile.TemporaryDirectory() as folder:
        with FhirFiles(Path(folder) / "fhir") as files:
            write_claims(files, batch)
        for path in (Path(folder) / "fhir").glob("*.ndjson"):
            model = getattr(import_module(f"fhir.resources.R4B.{path.stem.lower()}"), path.stem)
            for line in path.read_bytes().splitlines():
                read = model.model_validate_json(line)
                there.add(f"{path.stem}/{read.id}")
                named |= _references(read.model_dump())
                if path.stem == "Claim":
                    lines = sum((item.net.value for item in read.item), Decimal(0))
                    equal += lines == read.total.value == billed[read.id]
    yield f"read back, sums as billed                {equal:,} of {len(billed):,} claims"
    yield f"references that resolve                  {len(named & there):,} of {len(named):,}"


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["reference"]} if isinstance(value.get("reference"), str) else set()
        return own.union(*(_references(v) for v in value.values()))
    return set[str]().union(*(_references(v) for v in value)) if isinstance(value, list) else set()


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--claims", type=int, default=10_000, help="claims to write for speed and memory")
    parser.add_argument("--checked", type=int, default=500, help="claims to read back")
    chosen = parser.parse_args(arguments)
    for line in chain(written(chosen.claims), checked(chosen.checked)):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
