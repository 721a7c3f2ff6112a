"""`medcode review ...`: what coders decided about codes, loaded from files, shown, and measured."""

from __future__ import annotations

import csv
import getpass
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from medcode_assets.commands.jsonlines import Output, Record, batches, count_lines, progress, read_lines
from medcode_assets.commands.tables import prepared_engine, print_table

if TYPE_CHECKING:
    import pandas as pd

review_app = typer.Typer(
    name="review", no_args_is_help=True, help="What coders decided about codes: load, show, measure."
)
_AT_ONCE = 500
Hospital = Annotated[str | None, typer.Option(help="Only this hospital; without it each of them and all together.")]


@review_app.command()
def load(
    file: Annotated[Path, typer.Argument(help="JSON Lines, a chart a line; the README shows the keys.")],
    out: Annotated[
        Path | None, typer.Option(help="What became of each line; default FILE with .recorded.jsonl.")
    ] = None,
) -> None:
    """Record charts and the decisions in them. Lines that came before are known: a file may be loaded again.

    A line that cannot be recorded goes whole to <out>.rejected.jsonl with its number and the reason.

    Examples:

        medcode review load decisions.jsonl

        medcode review load audits.jsonl --out audits.recorded.jsonl
    """
    from medcode_ml.feedback.recording import Door, Refused, record_charts
    from medcode_ml.feedback.words import FILE
    from medcode_ml.settings import settings

    engine = prepared_engine()
    door = Door(FILE, getpass.getuser(), datetime.now(UTC), settings().review_idle_minutes * 60)
    states: dict[str, int] = {}
    with (
        Output(out or file.with_suffix(".recorded.jsonl")) as output,
        progress(count_lines(file), "chart") as bar,
    ):
        for lines in batches(read_lines(file, output, _no_fault), _AT_ONCE):
            found = record_charts(engine, [line.record for line in lines], door)
            for line, one in zip(lines, found, strict=True):
                if isinstance(one, Refused):
                    output.reject(line.number, one.reason, _again(line.record))
                    continue
                output.write(one.facts())
                states[one.state] = states.get(one.state, 0) + 1
            bar.update(len(lines))
    told = ", ".join(f"{number} {state}" for state, number in sorted(states.items())) or "none"
    typer.echo(f"{output.written} charts recorded ({told}), {output.rejected} lines rejected", err=True)
    if output.rejected:
        typer.echo(f"see {output.rejected_path}", err=True)


@review_app.command()
def show(
    encounter: Annotated[str, typer.Option("--encounter", help="Encounter, as the mart views name it.")],
) -> None:
    """Print the charts of an encounter, every decision in its order, and the codes of the chart that counts.

    Example:

        medcode review show --encounter 5f0c9a33d2b34f7a8c11
    """
    from medcode_ml.feedback.report import charts_of, codes_of, decisions_of

    engine = prepared_engine()
    charts = charts_of(engine, encounter)
    if charts.empty:
        typer.echo(f"no chart of {encounter}; `medcode review load` brings them in")
        return
    for frame, wide in ((charts, 3), (decisions_of(engine, encounter), 4), (codes_of(engine, encounter), 3)):
        if len(frame):
            _print(frame, wide)
            typer.echo("")


@review_app.command()
def figures(
    hospital: Hospital = None,
    by: Annotated[Literal["day", "week", "all"], typer.Option(help="Period of the reviews and times.")] = "all",
    as_csv: Annotated[bool, typer.Option("--csv", help="One CSV of every figure, for other tools.")] = False,
) -> None:
    """Print how far coders agree with the proposals, why they reject, how long charts take, and what audits found.

    Shares have 95% intervals. error_auto is what a compliance officer asks for: how many of the codes of the auto band
    a second coder, who saw no proposals, did not give, weighted to all encounters.

    Examples:

        medcode review figures

        medcode review figures --by week --hospital STLU --csv > figures.csv
    """
    from medcode_ml.feedback.report import feedback_report

    report = feedback_report(prepared_engine(), by, hospital)
    parts = {"review": report.shares, "reason": report.reasons, "time": report.times, "audit": report.audits}
    if as_csv:
        _write_csv(parts)
        return
    titles = {
        "review": "coders against proposals", "reason": "why codes were rejected", "time": "seconds a chart",
        "audit": "audits: a second coder without proposals",
    }  # fmt: skip
    for name, frame in parts.items():
        typer.echo(f"{titles[name]}\n")
        if frame.empty:
            typer.echo("nothing yet\n")
            continue
        _print(frame, len(frame.columns) - 1)
        typer.echo("")
    typer.echo(f"{report.open_charts} charts are open")


def _no_fault(record: Record) -> None:
    return None


def _again(record: Record) -> str:
    import json

    return json.dumps(record, ensure_ascii=False)


def _print(frame: pd.DataFrame, wide: int) -> None:
    if "period_start" in frame and frame["period_start"].isna().all():
        frame, wide = frame.drop(columns="period_start"), wide - 1
    rows = [[_shown(value) for value in row] for row in frame.itertuples(index=False, name=None)]
    print_table(list(frame.columns), rows, wide)


def _shown(value: Any) -> str:
    if value is None or value != value:
        return "-"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _write_csv(parts: dict[str, pd.DataFrame]) -> None:
    """Every figure as a row: what it is of, its keys as they are, the rest empty."""
    names = list(dict.fromkeys(name for frame in parts.values() for name in frame.columns))
    writer = csv.DictWriter(sys.stdout, ["table", *names], lineterminator="\n")
    writer.writeheader()
    for table, frame in parts.items():
        for row in frame.to_dict("records"):
            writer.writerow({"table": table, **{str(k): v for k, v in row.items() if v is not None}})
