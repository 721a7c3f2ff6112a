"""`medcode drift ...`: what has shifted, which alarms stand, clearing them, and a new reference."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import typer

from medcode_assets.commands.tables import prepared_engine, print_table

drift_app = typer.Typer(
    name="drift", no_args_is_help=True, help="Drift of the models: what has shifted, alarms, references, audit samples."
)
By = Annotated[str, typer.Option("--by", help="Who decides.")]
Note = Annotated[str, typer.Option("--note", help="Why.")]
Kind = Annotated[str, typer.Option(help="coding, ranking or amounts.")]


@drift_app.command()
def show(
    day: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day; default is the last one.")] = None,
    alarms_only: Annotated[bool, typer.Option("--alarms-only", help="Only metrics in alarm.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many metrics.")] = 30,
    kind: Annotated[str | None, typer.Option(help="Only coding, ranking or amounts.")] = None,
) -> None:
    """Print the metrics of a day, those in alarm and then the least likely first.

    Examples:

        medcode drift show

        medcode drift show --day 2026-11-20 --alarms-only --kind amounts
    """
    from medcode_ml.drift.report import last_day_evaluated, metrics_of_day

    engine = prepared_engine()
    chosen = day.date() if day else last_day_evaluated(engine)
    found = None if chosen is None else metrics_of_day(engine, chosen, alarms_only=alarms_only, limit=limit, kind=kind)
    if found is None or found.empty:
        typer.echo(f"no metric of {chosen or 'any day'}: a reference is made of the first days a version works on")
        return
    typer.echo(f"{chosen}: {int(found['alarm'].sum())} of the metrics shown are in alarm")
    columns = [
        "kind", "hospital_id", "document_type", "metric", "window_days", "n", "value", "reference_value", "effect",
        "p_adjusted", "alarm",
    ]  # fmt: skip
    rows = [[_shown(v) for v in row] for row in found[columns].itertuples(index=False, name=None)]
    print_table(columns, rows, wide=3)


@drift_app.command()
def alarms(
    every: Annotated[bool, typer.Option("--all", help="Also those cleared.")] = False,
) -> None:
    """Print the alarms that stand, or with --all everything that was ever raised and cleared.

    While an alarm about the coding model stands, for its hospital or for all, the auto band is suspended: from the
    alarm's day on every code goes to review.

    Examples:

        medcode drift alarms

        medcode drift alarms --all
    """
    import sqlalchemy as sa

    from medcode_ml.contracts.drift import drift_alarm
    from medcode_ml.store.drift_alarms import standing_alarms
    from medcode_ml.store.frames import read_frame

    engine = prepared_engine()
    found = read_frame(engine, sa.select(drift_alarm).order_by(drift_alarm.c.at)) if every else standing_alarms(engine)
    if found.empty:
        typer.echo("no alarm stands")
        return
    columns = ["alarm_id", "event", "day", "kind", "version", "hospital_id", "by", "reason"]
    print_table(columns, list(found[columns].itertuples(index=False, name=None)), wide=7)


@drift_app.command()
def clear(
    by: By,
    note: Note,
    alarm: Annotated[str | None, typer.Option(help="One alarm, as `medcode drift alarms` prints it.")] = None,
    kind: Annotated[str | None, typer.Option(help="All alarms of a kind: coding, ranking or amounts.")] = None,
) -> None:
    """Clear one alarm, or all of a kind. If the shift goes on, the next day raises one again: see `rebase`.

    A coding model's auto band is in use again from the next day coded on; API and stream workers take it up within
    seconds. Days coded before stay as they are until they are run again. `medcode model recalibrate coding` makes a
    version whose bands hold for the changed notes.

    Example:

        medcode drift clear --alarm 0b1f6a0c55e3d2a4c901 --by q.lead --note "scanner repaired"
    """
    from medcode_ml.drift.alarms import clear_alarms

    cleared = clear_alarms(prepared_engine(), by, note, kind=kind, alarm_id=alarm)
    typer.echo(f"{cleared} cleared")


@drift_app.command()
def rebase(
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First received day.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last received day.")],
    by: By,
    note: Note,
    kind: Kind = "coding",
) -> None:
    """Make the days the new reference of the version that worked on them, and clear the alarms of the kind.

    Scores are calibrated anew on the coders' labels of those days. Later days are held against them.

    Example:

        medcode drift rebase --from 2026-11-02 --to 2026-11-15 --by q.lead --note "new note template is here to stay"
    """
    from medcode_ml.drift.alarms import clear_alarms
    from medcode_ml.drift.reference import new_reference
    from medcode_ml.store.drift_alarms import standing_alarms

    engine = prepared_engine()
    made = new_reference(engine, kind, first.date(), last.date())
    stood = len(standing_alarms(engine, kind))
    if stood:
        clear_alarms(engine, by, f"new reference {made.reference_id}: {note}", kind=kind)
    typer.echo(f"reference {made.reference_id} of {made.version}, {made.first_day} to {made.last_day}; {stood} cleared")


@drift_app.command()
def audit(
    day: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Received day.")],
) -> None:
    """Print the encounters of a day that a second coder is to code, with the number of encounters each stands for.

    Example:

        medcode drift audit --day 2026-11-20
    """
    from medcode_ml.contracts.drift import audit_sample
    from medcode_ml.store.frames import read_partition

    found = read_partition(prepared_engine(), audit_sample, _day(day))
    if found.empty:
        typer.echo(f"no audit sample of {_day(day)}: run its day first")
        return
    columns = ["encounter_id", "hospital_id", "version", "stratum", "stratum_size", "drawn", "weight"]
    print_table(columns, [[_shown(v) for v in r] for r in found[columns].itertuples(index=False, name=None)], wide=2)


def _day(given: datetime) -> date:
    return given.date()


def _shown(value: object) -> object:
    if isinstance(value, bool):
        return "alarm" if value else ""
    return f"{value:.3g}" if isinstance(value, float) else value
