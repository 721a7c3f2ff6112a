"""`medcode model timeline`: the coding model through time as a table and a picture."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from medcode_assets.commands.tables import prepared_engine, print_table


def timeline(
    start: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First received day.")] = None,
    end: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last received day.")] = None,
    picture: Annotated[Path | None, typer.Option(help="PNG file to draw it to.")] = None,
) -> None:
    """Print what happened to the coding model: versions in use, alarms, retrainings, shadow runs, by received day.

    With --picture also micro-F1, estimated and realised, and the share of codes in the auto band, day by day.

    Examples:

        medcode model timeline

        medcode model timeline --from 2026-10-01 --picture timeline.png
    """
    import dagster as dg

    from medcode_assets.asked import retrainings_asked
    from medcode_assets.timeline_picture import timeline_picture
    from medcode_ml.drift.timeline import coding_timeline, with_events

    first, last = start.date() if start else date.min, end.date() if end else date.max
    found = coding_timeline(prepared_engine(), first, last)
    if found.days.empty:
        typer.echo("no day was coded: `medcode run` first, or name other days")
        return
    with dg.DagsterInstance.get() as instance:
        found = with_events(found, [e for e in retrainings_asked(instance) if first <= e.day <= last])
    print_table(["day", "what", "version", "why"], [[e.day, e.what, e.version, e.said] for e in found.events], wide=3)
    if picture is not None:
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(timeline_picture(found, "The coding model through time"))
        typer.echo(f"drawn to {picture}")
