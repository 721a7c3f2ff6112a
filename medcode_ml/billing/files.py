"""Claim files: the ready claims of a day as 837 interchanges in the outbox, and their rows in `billed`."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from medcode_ml.billing.stage import claim_frames
from medcode_ml.billing.x12.interchange import Interchange, interchanges
from medcode_ml.billing.x12.parties import Sender
from medcode_ml.billing.x12.validate import validate_837
from medcode_ml.contracts import billed
from medcode_ml.contracts.stage import StageResult
from medcode_ml.settings import settings
from medcode_ml.store.frames import days_of, read_partition, replace_partition

VALID = "pyx12: valid"
REFUSED = "refused"
# The envelope carries the billing day at noon, not the clock: the same claims make the same bytes.
_ENVELOPE_TIME = time(12, 0)


def run_claim_files(engine: sa.Engine, start: date, end: date, outbox: Path) -> StageResult:
    """Write the ready claims of the days `start` to `end` as 837 files, one for each payer, claim type and day.

    A file that its validator does not accept goes to `outbox/refused`, never beside the ones to send.
    """
    rows = {"interchange": 0, "interchange_claim": 0}
    sizes: list[tuple[str | int | float, ...]] = []
    refused = 0
    for day in days_of(start, end):
        with engine.begin() as connection:
            frames = claim_frames(connection, day)
            claims = read_partition(connection, billed.claim, day)
            written = list(interchanges(frames, claims, sender(), day, datetime.combine(day, _ENVELOPE_TIME)))
            files, members = _rows(written, day, outbox)
            rows["interchange"] += replace_partition(connection, billed.interchange, day, files)
            rows["interchange_claim"] += replace_partition(connection, billed.interchange_claim, day, members)
        _drop_stale(outbox, day, set(files["file"]))
        refused += int((files["validator"] != VALID).sum())
        sizes += [(i.payer_id, i.claim_type, day.isoformat(), i.claims) for i in written]
    header = ("payer", "claim type", "day", "claims")
    return StageResult("claim files", start, end, rows, {"refused": refused}, (header, tuple(sizes)))


def invalid_interchanges(engine: sa.Engine, start: date, end: date) -> list[str]:
    """Return file and verdict of the interchanges that the validator refused."""
    table = billed.interchange.c
    query = sa.select(table.file, table.validator).where(
        table.received_date.between(start, end), table.validator != VALID
    )
    with engine.connect() as connection:
        return [f"{file}: {verdict}" for file, verdict in connection.execute(query)]


def sender() -> Sender:
    """The submitter that the settings name."""
    chosen = settings()
    return Sender(
        chosen.submitter_id,
        chosen.submitter_name,
        chosen.submitter_contact,
        chosen.submitter_phone,
        test=not chosen.submitter_production,
    )


def write_interchange(interchange: Interchange, folder: Path) -> tuple[Path, str]:
    """Validate and write one interchange; return its file and the validator's verdict.

    A refused one is written to the folder `refused` below `folder`.
    """
    validation = validate_837(interchange.text)
    verdict = VALID if validation.ok else "pyx12: " + "; ".join(validation.errors)[:2000]
    folder = folder if validation.ok else folder / REFUSED
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / interchange.file_name
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    temporary.write_bytes(interchange.text.encode("ascii"))
    os.replace(temporary, path)
    return path, verdict


def _rows(written: list[Interchange], day: date, outbox: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    files: list[dict[str, Any]] = []
    for one in written:
        path, verdict = write_interchange(one, outbox / day.isoformat())
        files.append(
            {
                "payer_id": one.payer_id, "claim_type": one.claim_type, "control_number": one.control_number,
                "file": str(path.relative_to(outbox)), "sha256": one.sha256, "claims": one.claims,
                "total_charge": one.total_charge, "validator": verdict, "written_at": datetime.now(UTC),
            }
        )  # fmt: skip
    names = [c.name for c in billed.interchange.columns if c.name != "received_date"]
    own = [c.name for c in billed.interchange_claim.columns if c.name != "received_date"]
    members = [one.members for one in written]
    together = pd.concat(members, ignore_index=True) if members else pd.DataFrame(columns=own, dtype=object)
    return pd.DataFrame(files, columns=names, dtype=object), together[own]


def _drop_stale(outbox: Path, day: date, current: set[str]) -> None:
    """Remove files of the day that an earlier run wrote and this one did not: a claim that is held now must not go."""
    for path in (outbox / day.isoformat()).rglob("*.x12"):
        if str(path.relative_to(outbox)) not in current:
            path.unlink()
