"""`medcode quarantine ...`: what was set aside, as a worklist that people release, correct or reject."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from medcode_assets.commands.rerunning import after_decision, run_waiting
from medcode_assets.commands.tables import prepared_engine, print_table, today
from medcode_ml.filtering.worklist import DecisionError

quarantine_app = typer.Typer(
    name="quarantine", no_args_is_help=True, help="What was set aside, as a worklist: release, correct or reject."
)
Record = Annotated[str, typer.Argument(help="record_id as `medcode quarantine show` prints it, or a day (YYYY-MM-DD).")]
RuleName = Annotated[str, typer.Option("--rule", help="Rule that set the record aside.")]
By = Annotated[str, typer.Option("--by", help="Who decides.")]
Note = Annotated[str, typer.Option("--note", help="Why.")]
Run = Annotated[bool, typer.Option("--run", help="Run the day of the record again at once.")]


@quarantine_app.command("list")
def list_quarantine(
    rule: Annotated[str | None, typer.Option(help="Only this rule.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only rules of this owner.")] = None,
    hospital: Annotated[str | None, typer.Option(help="Only this hospital.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Rules too where all is decided or waits for another.")] = False,
) -> None:
    """Print what waits, by owner and rule: how many records and how old the oldest is.

    Records that only wait for their encounter or patient are counted below the table; --all lists them too.

    Examples:

        medcode quarantine list

        medcode quarantine list --owner registration
    """
    from medcode_ml.filtering.worklist import worklist

    found = worklist(prepared_engine(), today(), rule=rule, owner=owner, hospital=hospital, decided=all_)
    names = ("owner", "rule", "record_kind", "waiting", "oldest", "age", "decided", "reason")
    follows = found["follows"].to_numpy(dtype=bool)
    shown = found if all_ else found[~follows]
    print_table(names, list(shown[list(names)].itertuples(index=False, name=None)), wide=7)
    number, behind = int(found["waiting"][~follows].sum()), int(found["waiting"][follows].sum())
    typer.echo(f"{number} records wait for a decision and {behind} behind them; `medcode quarantine show --rule RULE`")


@quarantine_app.command("show")
def show_quarantine(
    record: Annotated[str | None, typer.Argument(help="record_id; prints it whole with every decision.")] = None,
    rule: Annotated[str | None, typer.Option(help="Only this rule.")] = None,
    hospital: Annotated[str | None, typer.Option(help="Only this hospital.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Those too that are decided.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 50,
) -> None:
    """Print records that wait, oldest first, or one record whole: its reasons, original values and decisions.

    Values are the hospital's own and may name a patient: mind who looks on.

    Examples:

        medcode quarantine show --rule admission_not_after_discharge

        medcode quarantine show 1f0c9a33d2b34f7a8c11
    """
    from medcode_ml.filtering.worklist import entries, history

    engine = prepared_engine()
    found = entries(
        engine, rule=rule, record=record, hospital=hospital, waiting=record is None and not all_, limit=limit
    )
    if record is None:
        names = ("received_date", "record_kind", "record_id", "rule", "column_name", "releasable", "decision")
        print_table(names, list(found[list(names)].itertuples(index=False, name=None)), wide=3)
        return
    decisions = history(engine, record)
    if found.empty and decisions.empty:
        raise DecisionError(f"the quarantine has no record {record}; `medcode quarantine show` lists those that wait")
    for entry in found.to_dict("records"):
        for label, value in entry.items():
            if value is not None:
                typer.echo(f"{label:<14} {value}")
        typer.echo("")
    print_table(list(decisions.columns), list(decisions.itertuples(index=False, name=None)), wide=6)


@quarantine_app.command()
def release(record: Record, rule: RuleName, by: By, note: Note, run: Run = False) -> None:
    """Release a record: the rule no longer holds it when its day runs again. For a day: accept it as it is.

    Examples:

        medcode quarantine release 1f0c9a33d2b34f7a8c11 --rule duplicate_page --by a.coder --note "two views"

        medcode quarantine release 2026-10-05 --rule mbi_valid --by a.coder --note "a new plan, cards checked" --run
    """
    _decide(record, rule, "released", by, note, run)


@quarantine_app.command()
def correct(
    record: Record,
    rule: RuleName,
    by: By,
    note: Note,
    column: Annotated[str, typer.Option(help="Column that is wrong.")],
    value: Annotated[str | None, typer.Option(help="What it should be; dates as YYYY-MM-DD.")] = None,
    missing: Annotated[bool, typer.Option("--missing", help="The column should have no value.")] = False,
    run: Run = False,
) -> None:
    """Correct a column of a record: the value enters before the rules are asked; the delivered one stays in `repairs`.

    Example:

        medcode quarantine correct 1f0c9a33d2b34f7a8c11 --rule discharge_date_present --column discharge_date
        --value 2026-10-02 --by a.coder --note "ward book" --run
    """
    if (value is None) != missing:
        raise DecisionError("give either --value or --missing")
    _decide(record, rule, "corrected", by, note, run, column, value)


@quarantine_app.command()
def reject(record: Record, rule: RuleName, by: By, note: Note, run: Run = False) -> None:
    """Reject a record: it stays aside for good and leaves the worklist.

    Example:

        medcode quarantine reject 1f0c9a33d2b34f7a8c11 --rule text_is_language --by a.coder --note "a program, no note"
    """
    _decide(record, rule, "rejected", by, note, run)


@quarantine_app.command()
def withdraw(record: Record, rule: RuleName, by: By, note: Note, run: Run = False) -> None:
    """Take back what stands on a record under a rule: releases, corrections, rejections. The history stays.

    Example:

        medcode quarantine withdraw 1f0c9a33d2b34f7a8c11 --rule duplicate_page --by a.coder --note "they are copies"
    """
    _decide(record, rule, "withdrawn", by, note, run)


@quarantine_app.command("run")
def run_again() -> None:
    """Run again every day with released or corrected records that still stand in the quarantine.

    Example:

        medcode quarantine run
    """
    from medcode_ml.filtering.worklist import days_to_run

    run_waiting(days_to_run(prepared_engine()))


def _decide(
    record: str, rule: str, outcome: str, by: str, note: str, run: bool, column: str | None = None,
    value: str | None = None,
) -> None:  # fmt: skip
    from medcode_ml.filtering.worklist import decide

    day = decide(prepared_engine(), record, rule, outcome, by, note, datetime.now(UTC), column, value)
    after_decision(outcome, day, "medcode quarantine run", at_once=run)
