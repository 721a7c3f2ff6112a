"""`medcode export`: what stands in the tables back out, as a delivery folder or as FHIR resources."""

from __future__ import annotations

import sys
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from medcode_assets.commands.tables import prepared_engine


class FhirKind(StrEnum):
    """Resource types that can be asked for."""

    claim = "claim"
    explanation_of_benefit = "explanation-of-benefit"


def export(
    out: Annotated[Path, typer.Option(help="Folder to write; it must not exist or be empty.")],
    start: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First received day.")] = None,
    end: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last received day.")] = None,
    fhir: Annotated[
        list[FhirKind] | None,
        typer.Option("--fhir", help="Write FHIR R4 instead, of this type and all that it refers to; may be repeated."),
    ] = None,
) -> None:
    """Write the delivered records in the folder layout that MEDCODE_SOURCE=folder reads, pages included.

    With --fhir write ready claims and the answers of insurers as NDJSON files, one a FHIR resource type, with the
    patients, coverages, organizations and practitioners that they refer to. What is left out (held claims, answers
    that match no claim) is named in left_out.jsonl. The files hold records of patients: the folder is its owner's only.

    Examples:

        medcode export --out deliveries --from 2026-10-01 --to 2026-10-07

        medcode export --fhir claim --fhir explanation-of-benefit --out fhir --from 2026-10-01
    """
    first = start.date() if start else date(1, 1, 1)
    last = end.date() if end else date(9999, 12, 31)
    if fhir:
        _export_fhir(out, fhir, first, last)
    else:
        _export_deliveries(out, first, last)


def _export_deliveries(out: Path, first: date, last: date) -> None:
    from medcode_ml.intake.export import export_deliveries
    from medcode_ml.pipeline import page_store

    counts = export_deliveries(prepared_engine(), page_store(), out, first, last)
    for table, rows in counts.items():
        typer.echo(f"{table:<16} {rows:>8}")


def _export_fhir(out: Path, kinds: list[FhirKind], first: date, last: date) -> None:
    from medcode_ml.billing.fhir.export import export_fhir

    engine = prepared_engine()
    with tqdm(unit="claim", disable=not sys.stderr.isatty()) as bar:
        exported = export_fhir(engine, out, [kind.value for kind in kinds], first, last, bar.update)
    for kind, resources in sorted(exported.written.items()):
        typer.echo(f"{kind:<22} {resources:>8}")
    for (kind, because), number in sorted(exported.left_out.items()):
        typer.echo(f"left out: {number} {kind}, {because}", err=True)
