"""`medcode deidentify`: notes in, notes without identifiers out (rule 42), without Dagster or a database."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from medcode_assets.commands.jsonlines import Output, Record, batches, count_lines, progress, read_lines
from medcode_assets.commands.records import In, Out

BATCH = 256


class Zip3FileError(ValueError):
    """The list of ZIP prefixes cannot be read."""


def deidentify(
    source: In,
    out: Out,
    zip3: Annotated[
        Path | None,
        typer.Option(
            help="File of ZIP prefixes (three digits, one a line) that hold over 20,000 people; else all become 000."
        ),
    ] = None,
    keep: Annotated[
        list[str] | None, typer.Option(help="Further key to carry over untouched; may be repeated. Others are dropped.")
    ] = None,
) -> None:
    """Replace the identifiers of the safe harbour list in notes; years stay, ages of 90 and over become 90+.

    Reads {"record_id", "text", "identifiers"?: [{"kind", "value"}]} a line; what is known of the patient lifts recall.
    Writes {"record_id", "text", "replaced": [{"start", "end", "kind", "new_start", "new_end"}], "recogniser_version"}.
    Keys that are not asked for with --keep are dropped, since they may identify; so does a record_id that tells
    something. <out>.rejected.jsonl holds rejected lines as they came, identifiers included.

    Examples:

        medcode deidentify --in notes.jsonl --out clean.jsonl

        medcode deidentify --in notes.jsonl --out clean.jsonl --keep setting --zip3 populous.txt
    """
    import pandas as pd

    from medcode_ml.filtering.deidentify.documents import deidentify as deidentified

    populous = _prefixes(zip3)
    carried = [k for k in keep or [] if k not in ("record_id", "text", "identifiers", "replaced", "recogniser_version")]
    with Output(out) as output, progress(count_lines(source), "note") as bar:
        for batch in batches(read_lines(source, output, fault), BATCH):
            records = [line.record for line in batch]
            # record ids may repeat: places in the batch name the notes
            documents = pd.DataFrame({"document_id": range(len(records)), "text": [r["text"] for r in records]})
            known = [
                (place, one["kind"], one["value"])
                for place, record in enumerate(records)
                for one in record.get("identifiers") or []
            ]
            identifiers = pd.DataFrame(known, columns=["document_id", "kind", "value"], dtype=object)
            clean = deidentified(documents, identifiers, populous_zip3=populous)
            for record, text, replaced, version in zip(
                records, clean["text"], clean["replaced"], clean["recogniser_version"], strict=True
            ):
                answer: Record = {"record_id": record["record_id"], "text": text, "replaced": replaced}
                answer["recogniser_version"] = version
                output.write({**answer, **{k: record[k] for k in carried if k in record}})
            bar.update(len(batch))
    said = f"{output.written} notes written to {output.path}"
    if output.rejected:
        said += f"; {output.rejected} lines rejected, see {output.rejected_path}"
    typer.echo(said, err=True)


def fault(record: Record) -> str | None:
    """What is wrong with a note, or None."""
    from medcode_ml.filtering.deidentify.known import OWN_KINDS

    if not isinstance(record.get("record_id"), str) or not record["record_id"]:
        return "record_id is missing or no text; give each note an opaque id"
    if not isinstance(record.get("text"), str):
        return "text is missing or no text"
    known: Any = record.get("identifiers")
    if known is None:
        return None
    if not isinstance(known, list) or not all(isinstance(k, dict) for k in known):
        return 'identifiers must be a list of {"kind", "value"}'
    for one in known:
        if one.get("kind") not in OWN_KINDS:
            return f"identifiers: a kind is none of {', '.join(OWN_KINDS)}"
        if not isinstance(one.get("value"), str) or not one["value"]:
            return "identifiers: a value is missing or no text"
        if one["kind"] in ("DATE", "BIRTH_DATE") and not _is_date(one["value"]):
            return "identifiers: a date is not written YYYY-MM-DD"
    return None


def _is_date(value: str) -> bool:
    from datetime import date

    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _prefixes(path: Path | None) -> frozenset[str]:
    if path is None:
        return frozenset()
    try:
        lines = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise Zip3FileError(f"{path}: cannot be read; name a text file with one three-digit prefix a line") from error
    wrong = next((n for n, line in enumerate(lines, 1) if not re.fullmatch(r"[0-9]{3}", line)), None)
    if wrong is not None:
        raise Zip3FileError(f"{path}: entry {wrong} is no three-digit ZIP prefix")
    return frozenset(lines)


__all__ = ["Zip3FileError", "deidentify"]
