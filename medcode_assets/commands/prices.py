"""`medcode price`: predicted charges and payments of hospital cases, without Dagster or a database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medcode_assets.commands.jsonlines import Output, Record, count_lines, progress, read_lines


def price(
    source: Annotated[Path, typer.Option("--in", help="JSON Lines file to read.")],
    out: Annotated[
        Path, typer.Option("--out", help="JSON Lines to write; malformed lines go to <out>.rejected.jsonl.")
    ],
    model: Annotated[Path | None, typer.Option(help="Model folder; without one the grouper's weight.")] = None,
) -> None:
    """Predict mean charges and payments of a hospital's MS-DRGs, each with its 90% interval, in US dollars.

    Reads {"drg", "provider_id", "provider_name", "city", "state", "zip", "referral_region", "total_discharges"?} a
    line.
    All lines of a hospital are looked at together: its mix tells much, and so do amounts that some of its lines carry
    ("aveCharges", "avePayments").

    Examples:

        medcode price --in cases.jsonl --out prices.jsonl

        medcode price --in cases.jsonl --out prices.jsonl --model models/amounts
    """
    from medcode_ml.billing.amounts.cases import AmountCaseError
    from medcode_ml.billing.amounts.records import check_case, price_records

    trained = None
    if model is not None:
        from medcode_ml.billing.amounts.model import load_model

        trained = load_model(model)

    def fault(record: Record) -> str | None:
        try:
            check_case(record, trained)
        except AmountCaseError as error:
            return str(error)
        return None

    with Output(out) as output, progress(count_lines(source), "case") as bar:
        for answer in price_records([line.record for line in read_lines(source, output, fault)], trained):
            output.write(answer)
            bar.update()
    said = f"{output.written} cases written to {output.path}"
    if output.rejected:
        said += f"; {output.rejected} lines rejected, see {output.rejected_path}"
    typer.echo(said, err=True)
