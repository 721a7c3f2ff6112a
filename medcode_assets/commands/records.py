"""`medcode code`, `rank`, `bill`, `read-page`: JSON Lines in, JSON Lines out, without Dagster or a database."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medcode_assets.commands.code_set_day import code_set_day
from medcode_assets.commands.jsonlines import (
    InputFileError,
    Output,
    Record,
    batches,
    count_lines,
    progress,
    read_lines,
)
from medcode_ml.settings import settings

if TYPE_CHECKING:
    import pandas as pd

    from medcode_ml.billing.claims import ClaimFrames

BATCH = 256
In = Annotated[Path, typer.Option("--in", help="JSON Lines file to read.")]
Out = Annotated[Path, typer.Option("--out", help="JSON Lines to write; malformed lines go to <out>.rejected.jsonl.")]


def code(
    source: In,
    out: Out,
    model: Annotated[Path | None, typer.Option(help="Model folder; without one the ontology coder.")] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Discharge date where a note has none; default today, or the day of the model's code set where it was "
            "trained on undated notes.",
        ),
    ] = None,
) -> None:
    """Code notes in ICD-10-CM, best code first, each with the characters it rests on.

    Reads {"record_id", "text", "setting"?, "discharge_date"?} a line.

    Examples:

        medcode code --in notes.jsonl --out codes.jsonl

        medcode code --in notes.jsonl --out codes.jsonl --as-of 2026-03-31

        medcode code --in notes.jsonl --out codes.jsonl --model models/coding
    """
    from medcode_ml.pipeline import code_notes, note_fault

    given = code_set_day(as_of)
    trained = None
    if model is not None:
        from medcode_ml.coding.model import load_model

        trained = load_model(model)
    undated = trained.day if trained is not None else None
    fallback = given or undated or date.today()
    with Output(out) as output, progress(count_lines(source), "note") as bar:
        for batch in batches(read_lines(source, output, note_fault), BATCH):
            for answer in code_notes([line.record for line in batch], fallback, trained):
                output.write(answer)
            bar.update(len(batch))
    _say(output, "notes")


def rank(
    source: In,
    out: Out,
    model: Annotated[Path | None, typer.Option(help="Model folder; without one the Official Guidelines.")] = None,
) -> None:
    """Put the codes of encounters in reporting order, principal diagnosis first, each place with its reason.

    Reads {"encounter_id", "codes", "age"?, "sex"?, "admission_type"?, "service"?, "procedures"?, "poa"?, "documents"?,
    "services"?, "medications"?, "microbiology"?, "units"?, "icu_hours"?, ...} a line; what is given is used.

    Examples:

        medcode rank --in encounters.jsonl --out ranked.jsonl

        medcode rank --in encounters.jsonl --out ranked.jsonl --model models/ranking
    """
    from medcode_ml.documentation import with_documents
    from medcode_ml.ranking.records import RankRecordError, check_record, rank_records

    trained = None
    if model is not None:
        from medcode_ml.ranking.model import load_model

        trained = load_model(model)

    def fault(record: Record) -> str | None:
        try:
            check_record(record)
        except RankRecordError as error:
            return str(error)
        return None

    with Output(out) as output, progress(count_lines(source), "encounter") as bar:
        for batch in batches(read_lines(source, output, fault), BATCH * 8):
            for answer in rank_records(with_documents([line.record for line in batch]), trained):
                output.write(answer)
            bar.update(len(batch))
    _say(output, "encounters")


def bill(
    source: In,
    out: Out,
    x12: Annotated[Path | None, typer.Option(help="Folder for the 837 files, one a batch, payer and type.")] = None,
    fhir: Annotated[Path | None, typer.Option(help="New folder for the ready claims as FHIR R4, NDJSON.")] = None,
    payer: Annotated[Path | None, typer.Option(help="Payers file; default is the sample that ships.")] = None,
    as_of: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day of billing; default today.")] = None,
) -> None:
    """Edit, group and price ranked encounters; with --x12 write the ready claims as 837 files, with --fhir as FHIR.

    Examples:

        medcode bill --in ranked.jsonl --out claims.jsonl --x12 outbox

        medcode bill --in ranked.jsonl --out claims.jsonl --fhir fhir
    """
    from medcode_ml.billing.notes import Notes
    from medcode_ml.billing.payers import load_payers
    from medcode_ml.billing.records import bill_records, claims_by_fingerprint

    book = load_payers(payer or settings().payers_file)
    day = as_of.date() if as_of else date.today()
    # a claim that came before in the file is a duplicate, in whatever batch it was
    earlier: dict[str, str] = {}
    said: list[Notes] = []
    with Output(out) as output, progress(count_lines(source), "encounter") as bar:

        def billed() -> Iterator[tuple[ClaimFrames, pd.DataFrame]]:
            for batch in batches(read_lines(source, output, lambda record: None), BATCH * 8):
                result = bill_records([line.record for line in batch], day, book, earlier=earlier)
                earlier.update(claims_by_fingerprint(result.billed))
                for refused in result.rejected:
                    line = batch[refused.place]
                    output.reject(line.number, refused.reason, str(line.record.get("encounter_id", "")))
                for answer in result.answers:
                    output.write(answer)
                bar.update(len(batch))
                said.append(result.billed.said)
                yield result.frames, result.billed.claims

        claims = billed() if fhir is None else _with_fhir(billed(), day, fhir)
        if x12 is None:
            for _ in claims:
                pass
        else:
            _write_interchanges(claims, day, x12)
    _say(output, "encounters", sum(said, Notes()).sentences())


def read_page(
    files: Annotated[list[Path], typer.Option("--in", help="Page images, PDFs, or a manifest.jsonl; may be repeated.")],
    out: Out,
    more: Annotated[list[Path] | None, typer.Argument(help="Further files.")] = None,
    encounters: Annotated[Path | None, typer.Option(help="Encounters, for identity and page-count gates.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that read pages.")] = None,
) -> None:
    """Read page images and PDFs: text with word boxes and confidence, or the gate that stopped a page.

    Examples:

        medcode read-page --in page1.png page2.tif --out pages.jsonl

        medcode read-page --in manifest.jsonl --encounters encounters.jsonl --out pages.jsonl
    """
    from medcode_ml.pipeline import read_page_files

    chosen = settings()
    rows = read_page_files(
        [*files, *(more or [])], encounters, workers or chosen.ocr_workers, chosen.page_seconds, sys.stderr.isatty()
    )
    with Output(out) as output:
        for number, reason, original in rows.rejected:
            output.reject(number, reason, original)
        for row in rows.pages:
            output.write(row)
    _say(output, "pages")


def _write_interchanges(billed: Iterator[tuple[ClaimFrames, pd.DataFrame]], day: date, folder: Path) -> None:
    """Write the files batch by batch, as the claims come, and say what became of each."""
    from medcode_ml.billing.files import VALID, sender, write_files

    written = write_files(billed, sender(), day, folder)
    for file in written.files:
        typer.echo(f"{file.path}: {file.claims} claims, {file.verdict}", err=file.verdict != VALID)
    for refused in written.refused:
        typer.echo(f"{refused.claim_number}: not written; {'; '.join(refused.reasons)}", err=True)


def _with_fhir(
    billed: Iterator[tuple[ClaimFrames, pd.DataFrame]], day: date, folder: Path
) -> Iterator[tuple[ClaimFrames, pd.DataFrame]]:
    """Pass the batches on, writing their ready claims as FHIR resources on the way."""
    from medcode_ml.billing.fhir.claims import billed_claims, write_claims
    from medcode_ml.billing.fhir.ndjson import FhirFiles

    with FhirFiles(folder) as files:
        for frames, claims in billed:
            write_claims(files, list(billed_claims(frames, claims, day)))
            yield frames, claims
    typer.echo(f"{files.written['Claim']} claims written to {folder}", err=True)
    for (kind, because), number in sorted(files.left_out.items()):
        typer.echo(f"left out: {number} {kind}, {because}", err=True)


def _say(output: Output, what: str, notes: Sequence[str] = ()) -> None:
    said = f"{output.written} {what} written to {output.path}"
    if output.rejected:
        said += f"; {output.rejected} lines rejected, see {output.rejected_path}"
    typer.echo(". ".join([said, *(note.rstrip(".") for note in notes)]), err=True)


__all__ = ["InputFileError", "bill", "code", "rank", "read_page"]
