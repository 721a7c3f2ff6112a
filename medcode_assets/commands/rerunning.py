"""What the worklists share: after a decision the day it is about runs again, at once or with the others later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import typer


def after_decision(outcome: str, day: date, command: str, *, at_once: bool) -> None:
    """Say what was decided and run `day` again, or say how; `command` runs all days that wait.

    Raises:
        RunFailedError: the run failed; the decision stands.
    """
    if at_once:
        typer.echo(f"{outcome}; running {day} again")
        _run(day)
    else:
        typer.echo(f"{outcome}; run its day again: medcode run --from {day} --to {day}, or {command}")


def run_waiting(days: Sequence[date]) -> None:
    """Run every day again that decisions wait for, one after the other.

    Raises:
        RunFailedError: a run failed; the days before it are done, it and those after it wait still.
    """
    if not days:
        typer.echo("no decision waits for a run")
    for day in days:
        typer.echo(f"running {day} again")
        _run(day)


def _run(day: date) -> None:
    from medcode_assets.runner import run_lineage

    run_lineage(day, day)
