"""`medcode held ...`: claims that edits hold, as a worklist, and what billers ask of claims that were sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from medcode_assets.commands.rerunning import after_decision, run_waiting
from medcode_assets.commands.tables import prepared_engine, print_table

held_app = typer.Typer(
    name="held",
    no_args_is_help=True,
    help="Claims that edits hold: release, say why late; replace or void what was sent.",
)
Claim = Annotated[str, typer.Argument(help="Claim number (CLM01) or encounter, as `medcode held list` prints them.")]
EditName = Annotated[str, typer.Option("--edit", help="Name or number of the edit.")]
Number = Annotated[str | None, typer.Option("--number", help="The payer's number of the claim, if no answer told it.")]
By = Annotated[str, typer.Option("--by", help="Who decides.")]
Note = Annotated[str, typer.Option("--note", help="Why.")]
Run = Annotated[bool, typer.Option("--run", help="Run the day of the claim again at once.")]


@held_app.command("list")
def list_held(
    edit: Annotated[str | None, typer.Option(help="The claims that this edit (name or number) holds.")] = None,
    hospital: Annotated[str | None, typer.Option(help="Only this hospital.")] = None,
    payer: Annotated[str | None, typer.Option(help="Only this payer.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many claims.")] = 50,
) -> None:
    """Print what holds claims, by edit: claims, those that nothing else holds, charges; or the claims of one edit.

    Examples:

        medcode held list

        medcode held list --edit timely_filing_passed --payer MEDICARE
    """
    from medcode_ml.billing.held import held_by_edit, held_claims

    engine = prepared_engine()
    found = (
        held_by_edit(engine, hospital=hospital, payer=payer)
        if edit is None
        else held_claims(engine, edit=edit, hospital=hospital, payer=payer, limit=limit)
    )
    print_table(list(found.columns), list(found.itertuples(index=False, name=None)), wide=2)


@held_app.command("show")
def show_held(claim: Claim) -> None:
    """Print a claim with its edits and what to do about each, the files that carried it, and every decision.

    Example:

        medcode held show 0B1F6A0C55E3D2A4
    """
    from medcode_ml.billing.held import claim_of, decisions_of, edits_of, files_of

    engine = prepared_engine()
    found = claim_of(engine, claim)
    for name in (
        "claim_number", "encounter_id", "received_date", "status", "claim_type", "frequency_code",
        "payer_control_number", "delay_reason", "payer_id", "hospital_id", "total_charge", "expected_payment",
    ):  # fmt: skip
        if found[name] is not None:
            typer.echo(f"{name:<21} {found[name]}")
    for edit in edits_of(engine, found).to_dict("records"):
        typer.echo(f"\n{edit['edit_number']} {edit['edit']} ({edit['level']})\n    {edit['sentence']}")
        if edit["released_by"] is not None:
            typer.echo(f"    released by {edit['released_by']}: {edit['released_because']}")
        else:
            typer.echo(f"    {edit['remedy']}")
    files = files_of(engine, str(found["encounter_id"]))
    decisions = decisions_of(engine, str(found["encounter_id"]))
    names = ["received_date", "control_number", "set_control_number", "frequency_code", "total_charge"]
    for frame, columns in ((files, names), (decisions, list(decisions.columns))):
        if len(frame):
            typer.echo("")
            print_table(columns, list(frame[columns].itertuples(index=False, name=None)), wide=len(columns) - 1)


@held_app.command()
def release(claim: Claim, edit: EditName, by: By, note: Note, run: Run = False) -> None:
    """Release a claim from an edit: it stays on the claim and no longer holds it.

    What an 837 cannot be written without is never released: correct the record instead.

    Example:

        medcode held release 0B1F6A0C55E3D2A4 --edit 109 --by b.biller --note "age confirmed with registration" --run
    """
    from medcode_ml.billing.decisions import RELEASED

    _decide(claim, RELEASED, by, note, run, edit=edit)


@held_app.command("delay-reason")
def delay_reason(
    claim: Claim,
    reason: Annotated[str, typer.Option(help="Delay reason code, 1 to 11 or 15 (CLM20).")],
    by: By,
    note: Note,
    run: Run = False,
) -> None:
    """Say why a claim is late: it goes out with the reason, and timely filing only warns.

    Example:

        medcode held delay-reason 0B1F6A0C55E3D2A4 --reason 8 --by b.biller --note "eligibility granted in May"
    """
    from medcode_ml.billing.decisions import DELAY

    _decide(claim, DELAY, by, note, run, value=reason)


@held_app.command()
def replace(claim: Claim, by: By, note: Note, number: Number = None, run: Run = False) -> None:
    """Replace a claim that was sent by what it says now (frequency 7), by the payer's number of it.

    Example:

        medcode held replace 0B1F6A0C55E3D2A4 --by b.biller --note "coded anew after query" --run
    """
    from medcode_ml.billing.decisions import REPLACE

    _decide(claim, REPLACE, by, note, run, value=number)


@held_app.command("void")
def void(claim: Claim, by: By, note: Note, number: Number = None, run: Run = False) -> None:
    """Take back a claim that was sent (frequency 8), by the payer's number of it.

    Example:

        medcode held void 0B1F6A0C55E3D2A4 --number 2026320000123 --by b.biller --note "wrong patient"
    """
    from medcode_ml.billing.decisions import VOIDED

    _decide(claim, VOIDED, by, note, run, value=number)


@held_app.command()
def withdraw(
    claim: Claim,
    by: By,
    note: Note,
    edit: Annotated[str | None, typer.Option(help="Edit of the release; without it the replacement or void.")] = None,
    run: Run = False,
) -> None:
    """Take back a release or delay reason (--edit), or a replacement or void. The history stays.

    Example:

        medcode held withdraw 0B1F6A0C55E3D2A4 --edit 109 --by b.biller --note "the age was wrong after all"
    """
    from medcode_ml.billing.decisions import WITHDRAWN

    _decide(claim, WITHDRAWN, by, note, run, edit=edit)


@held_app.command("run")
def run_again() -> None:
    """Run again every day with claims that do not show yet what was decided about them.

    Example:

        medcode held run
    """
    from medcode_ml.billing.held import days_to_run

    run_waiting(days_to_run(prepared_engine()))


def _decide(
    claim: str, outcome: str, by: str, note: str, run: bool, *, edit: str | None = None, value: str | None = None
) -> None:
    from medcode_ml.billing.held import decide

    day = decide(prepared_engine(), claim, outcome, by, note, datetime.now(UTC), edit=edit, value=value)
    after_decision(outcome, day, "medcode held run", at_once=run)
