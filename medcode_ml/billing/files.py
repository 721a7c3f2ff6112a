"""Claim files: the ready claims of a day as 837 interchanges in the outbox, and their rows in `billed`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd
import sqlalchemy as sa

from medcode_ml.billing.files_before import FilesBefore
from medcode_ml.billing.gathering import ROWS_AT_ONCE, claim_frames, parts_of, rows_of_part
from medcode_ml.billing.x12.interchange import Batch, Piece, member_frame, stream_interchanges
from medcode_ml.billing.x12.parties import Sender
from medcode_ml.billing.x12.validate import Validation, validate_sets
from medcode_ml.billing.x12.writable import Refused
from medcode_ml.contracts import billed
from medcode_ml.contracts.stage import StageResult
from medcode_ml.settings import settings
from medcode_ml.store.frames import copy_in, days_of

VALID = "pyx12: valid"
NOT_VALIDATED = "not validated"
REFUSED = "refused"
_CHUNK = 1 << 20
# The envelope carries the billing day at noon, not the clock: the same claims make the same bytes.
_ENVELOPE_TIME = time(12, 0)


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A row of billed.interchange: one 837 file and its verdict; `total_charge` in US dollars."""

    payer_id: str
    claim_type: str
    sequence: int
    control_number: str
    path: Path
    sha256: str
    claims: int
    total_charge: Decimal
    verdict: str


@dataclass(frozen=True, slots=True)
class WrittenFiles:
    """The files of a day, the ready claims that could not be written, and the file that says why, if there are any."""

    files: tuple[WrittenFile, ...]
    refused: tuple[Refused, ...]
    refusals: Path | None


def run_claim_files(
    engine: sa.Engine, start: date, end: date, outbox: Path, *, rows_at_once: int = ROWS_AT_ONCE
) -> StageResult:
    """Write the ready claims of the days `start` to `end` as 837 files, one for each payer, claim type and day.

    A file that was sent stays as it is; claims of its day that are new, corrected, replaced or voided since go into a
    further one with a control number of its own.
    A file that its validator does not accept goes to the folder `refused` of its day, never beside the ones to send; so
    do the reasons of ready claims that cannot be written.
    """
    rows = {"interchange": 0, "interchange_claim": 0}
    sizes: list[tuple[str | int | float, ...]] = []
    refused = unwritten = kept = 0
    for day in days_of(start, end):
        with engine.begin() as connection:
            before = FilesBefore.of(connection, day)
            before.clear_others(connection)

            def keep(members: pd.DataFrame, connection: sa.Connection = connection, day: date = day) -> None:
                rows["interchange_claim"] += copy_in(
                    connection, billed.interchange_claim, members.assign(received_date=day)
                )

            batches = _ready_batches(connection, day, before, rows_at_once)
            written = write_files(batches, sender(), day, outbox / day.isoformat(), keep, after=before.sequences())
            files = _file_rows(written, outbox).assign(received_date=day)
            rows["interchange"] += copy_in(connection, billed.interchange, files)
        current = {one.path for one in written.files} | {written.refusals} | {outbox / f for f in before.paths()}
        _drop_stale(outbox, day, current)
        refused += sum(one.verdict != VALID for one in written.files)
        unwritten += len(written.refused)
        kept += len(before.files)
        sizes += [(one.payer_id, one.claim_type, day.isoformat(), one.claims) for one in written.files]
    header = ("payer", "claim type", "day", "claims")
    figures: dict[str, float | int | str] = {
        "refused": refused, "claims_not_written": unwritten, "files_sent_before": kept,
    }  # fmt: skip
    return StageResult("claim files", start, end, rows, figures, (header, tuple(sizes)))


def _ready_batches(connection: sa.Connection, day: date, before: FilesBefore, rows_at_once: int) -> Iterator[Batch]:
    """Frames and claims of the day part by part, without the claims that stand in a file that was sent as they are."""
    for part in list(parts_of(connection, day, rows_at_once)):
        frames = claim_frames(connection, day, part)
        claims = rows_of_part(connection, billed.claim, day, part)
        yield frames, before.without_sent(connection, frames, claims)


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


def write_files(
    batches: Iterable[Batch],
    sender: Sender,
    day: date,
    folder: Path,
    sent: Callable[[pd.DataFrame], None] | None = None,
    *,
    after: Mapping[tuple[str, str], int] | None = None,
    validate: bool = True,
) -> WrittenFiles:
    """Write any number of claims as 837 files in constant memory, one for each payer and claim type of the day.

    Files appear when they are whole and validated; a refused one in the folder `refused` below `folder`. After a
    failure none is left behind.

    Args:
        batches: frames with their rows of billed.claim; held claims are passed over.
        sent: is given the rows of billed.interchange_claim, piece by piece.
        after: sequence of the last file of a payer and claim type that is there already.
        validate: ask the guide's validator, which takes some ten times as long as writing.
    """
    opened: dict[str, tuple[Path, BinaryIO]] = {}
    files: list[WrittenFile] = []
    refused: list[Refused] = []
    try:
        for piece in stream_interchanges(batches, sender, day, datetime.combine(day, _ENVELOPE_TIME), after=after):
            if isinstance(piece, Refused):
                refused.append(piece)
                continue
            name = piece.writer.file_name
            if name not in opened:
                folder.mkdir(parents=True, exist_ok=True)
                part = folder / f".{name}.{os.getpid()}.part"
                opened[name] = part, part.open("wb")
            opened[name][1].write(piece.text.encode("ascii"))
            if sent is not None and piece.members:
                sent(member_frame(piece.members))
            if piece.last:
                part, stream = opened[name]
                stream.close()
                files.append(_finished(piece, part, folder, validate))
                del opened[name]
    finally:
        for part, stream in opened.values():
            stream.close()
            part.unlink(missing_ok=True)
    return WrittenFiles(tuple(files), tuple(refused), _write_refusals(refused, folder))


def _finished(piece: Piece, part: Path, folder: Path, validate: bool) -> WrittenFile:
    """Validate a whole file and put it in its place."""
    verdict = NOT_VALIDATED
    if validate:
        with part.open(encoding="ascii", newline="") as stream:
            verdict = _verdict(validate_sets(iter(lambda: stream.read(_CHUNK), "")))
    path = _place(part, folder, piece.writer.file_name, verdict)
    writer = piece.writer
    return WrittenFile(
        piece.payer_id, writer.claim_type, piece.sequence, writer.control_number, path, writer.sha256, writer.claims,
        writer.total_charge, verdict,
    )  # fmt: skip


def _verdict(validation: Validation) -> str:
    return VALID if validation.ok else "pyx12: " + "; ".join(validation.errors)[:2000]


def _place(part: Path, folder: Path, name: str, verdict: str) -> Path:
    chosen = folder if verdict in (VALID, NOT_VALIDATED) else folder / REFUSED
    chosen.mkdir(parents=True, exist_ok=True)
    os.replace(part, chosen / name)
    return chosen / name


def _write_refusals(refused: list[Refused], folder: Path) -> Path | None:
    """Keep why claims were not written, one JSON object a line; claim numbers say nothing of the patient."""
    if not refused:
        return None
    path = folder / REFUSED / "claims.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_text("".join(json.dumps(one._asdict()) + "\n" for one in refused), encoding="utf-8")
    os.replace(part, path)
    return path


def _file_rows(written: WrittenFiles, outbox: Path) -> pd.DataFrame:
    names = [c.name for c in billed.interchange.columns if c.name != "received_date"]
    rows: list[dict[str, Any]] = [
        {
            "payer_id": one.payer_id, "claim_type": one.claim_type, "sequence": one.sequence,
            "control_number": one.control_number, "file": str(one.path.relative_to(outbox)), "sha256": one.sha256,
            "claims": one.claims, "total_charge": one.total_charge, "validator": one.verdict,
            "written_at": datetime.now(UTC),
        }
        for one in written.files
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=names, dtype=object)


def _drop_stale(outbox: Path, day: date, current: Collection[Path | None]) -> None:
    """Remove files of the day that an earlier run wrote and this one did not: a claim that is held now must not go."""
    folder = outbox / day.isoformat()
    for path in (*folder.rglob("*.x12"), *folder.rglob("claims.jsonl")):
        if path not in current:
            path.unlink()
