"""`medcode acknowledge` and `medcode remit`: what insurers answer, matched to the claims that went out."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from tqdm import tqdm

from medcode_assets.commands.jsonlines import InputFileError, Output, Record, read_lines

if TYPE_CHECKING:
    import pandas as pd

    from medcode_ml.billing.answers.matching import Matched

Files = Annotated[list[Path], typer.Option("--in", help="X12 file of an insurer; may be repeated.")]
Out = Annotated[
    Path, typer.Option("--out", help="JSON Lines to write; what matches no claim goes to <out>.apart.jsonl.")
]
More = Annotated[list[Path] | None, typer.Argument(help="Further files.")]
_CLAIM = ("claim_number", "payer_id", "total_charge", "encounter_id")
Claims = Annotated[
    Path | None, typer.Option(help="Claims that went out: what `medcode bill` wrote. Without it nothing can match.")
]
Land = Annotated[
    bool, typer.Option("--land", help="Also put the files in today's inbox: the next `medcode run` matches them.")
]


def acknowledge(files: Files, out: Out, more: More = None, claims: Claims = None, land: Land = False) -> None:
    """Read 999 and 277CA: which files, sets and claims were accepted or rejected, and why.

    Rejected syntax names its segment and element; a claim without an answer is waiting, not rejected. What answers no
    claim or file of ours is kept apart with its reason.

    Examples:

        medcode acknowledge --in 999.x12 --in 277ca.x12 --claims claims.jsonl --out acknowledged.jsonl

        medcode acknowledge --in 999.x12 --out acknowledged.jsonl --land
    """
    from medcode_ml.billing.answers.lines import acknowledgement_lines

    given = [*files, *(more or [])]
    _answer(given, out, claims, lambda matched, edits: acknowledgement_lines(matched))
    if land:
        _land(given)


def remit(files: Files, out: Out, more: More = None, claims: Claims = None, land: Land = False) -> None:
    """Read 835: what was paid, adjusted and denied, balanced to the cent and matched to the claims.

    A denial is keyed by group, CARC and RARC, with the edits behind it. Claims that do not balance, and payments for
    claims that are not ours, are kept apart with their reason; a payment that comes twice counts once.

    Examples:

        medcode remit --in 835.x12 --claims claims.jsonl --out remitted.jsonl

        medcode remit --in 835.x12 --out remitted.jsonl --land
    """
    import pandas as pd

    from medcode_ml.billing.answers.denials import denials
    from medcode_ml.billing.answers.lines import remittance_lines

    # the lines of `medcode bill` tell edits, not codes
    codes = pd.DataFrame(columns=["encounter_id", "code"], dtype=object)
    given = [*files, *(more or [])]
    _answer(
        given,
        out,
        claims,
        lambda matched, edits: remittance_lines(matched, denials(matched, codes, edits)),
    )
    if land:
        _land(given)


def _land(files: list[Path]) -> None:
    """Put the files in the inbox of today."""
    from medcode_ml.billing.answers.arrivals import Inbox
    from medcode_ml.settings import settings

    inbox, today = Inbox(settings().answers_inbox), datetime.now(UTC).date()
    new = sum(inbox.put(path, today) for path in files)
    typer.echo(f"{new} files put in {inbox.folder / today.isoformat()}, {len(files) - new} were there", err=True)


def _answer(
    files: list[Path],
    out: Path,
    claims: Path | None,
    lines: Callable[[Matched, pd.DataFrame], Iterable[dict[str, Any]]],
) -> None:
    from medcode_ml.billing.answers.lines import summary
    from medcode_ml.billing.answers.matching import OurClaims, match
    from medcode_ml.billing.answers.reading import stream_answers
    from medcode_ml.billing.answers.repeated import Seen, mark_repeated

    apart = out.with_name(out.name + ".apart.jsonl")
    with Output(out) as good, Output(apart) as other:
        sent, edits = _claims(claims, good)
        if claims is None:
            typer.echo("no --claims were given: nothing can match", err=True)
        ours, seen = OurClaims(sent), Seen()
        for path in tqdm(files, unit="file", disable=not sys.stderr.isatty()):
            for part in _parts(path, stream_answers):
                matched = match(mark_repeated(part, seen), ours)
                for line in lines(matched, edits):
                    (good if line["matched"] else other).write({**line, "file": path.name})
                typer.echo(json.dumps({"file": path.name, **summary(matched)}, ensure_ascii=False), err=True)
    typer.echo(f"{good.written} answers written to {out}; {other.written} kept apart in {apart}", err=True)


def _parts(path: Path, stream: Callable[..., Iterator[Any]]) -> Iterator[Any]:
    try:
        with path.open("rb") as source:
            yield from stream(source, path.name)
    except OSError as error:
        raise InputFileError(f"{path}: {error.strerror}") from error


def _claims(path: Path | None, output: Output) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Claims and their edits, out of what `medcode bill` wrote; malformed lines are rejected."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    edits: list[dict[str, Any]] = []
    for line in read_lines(path, output, _claim_fault) if path is not None else ():
        claim = line.record
        rows.append({**{key: claim.get(key) for key in _CLAIM}, "total_charge": Decimal(claim["total_charge"])})
        edits += [{**edit, "encounter_id": claim["encounter_id"]} for edit in claim.get("edits") or ()]
    return (
        pd.DataFrame(rows, columns=list(_CLAIM), dtype=object),
        pd.DataFrame(edits, columns=["encounter_id", "edit", "level", "code"], dtype=object),
    )


def _claim_fault(record: Record) -> str | None:
    absent = [key for key in ("claim_number", "encounter_id", "total_charge") if not isinstance(record.get(key), str)]
    if absent:
        return f"{', '.join(absent)}: missing or no text; give the lines that `medcode bill` wrote"
    try:
        Decimal(record["total_charge"])
    except InvalidOperation:
        return "total_charge is no amount; give the lines that `medcode bill` wrote"
    return None
