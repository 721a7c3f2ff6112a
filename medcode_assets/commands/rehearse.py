"""`medcode rehearse`: a fire drill of the whole loop, from drift to a new champion, on a simulated network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medcode_assets.commands.training import parameters_of
from medcode_ml.logs import configure_logging
from medcode_ml.settings import settings

if TYPE_CHECKING:
    from medcode_assets.rehearsal.plan import Plan


def rehearse(
    folder: Annotated[Path, typer.Option(help="Folder of the rehearsal: new, empty, or one that was cut.")] = Path(
        "rehearsal"
    ),
    shift: Annotated[
        str, typer.Option(help="What changes: note_style, disease_wave, scanner, code_release or none.")
    ] = "note_style",
    days_before: Annotated[int, typer.Option(help="Received days before the change.")] = 30,
    quiet: Annotated[int, typer.Option(help="The last of them, on which the first champion works.")] = 6,
    days_after: Annotated[int, typer.Option(help="Received days from the change on.")] = 14,
    a_day: Annotated[int, typer.Option(help="Encounters a day, about.")] = 40,
    scans: Annotated[
        int | None, typer.Option(help="Of them with a scanned page; default 12 for a worse scanner, else none.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the simulated network.")] = 7,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="A parameter of the training, name=value, such as use_network=false; again for more."
        ),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Where the timeline is drawn; default timeline.png in the folder.")
    ] = None,
    patience: Annotated[float, typer.Option(help="Seconds in which the daemon must get on.")] = 3600.0,
) -> None:
    """Rehearse what happens when the world changes: drift, alarm, retraining, gates, shadow, promotion. Synthetic.

    A simulated hospital network delivers one day after the other into a MEDCODE_HOME of its own, and changes on a known
    day. All that is done here is what a hospital does: the delivery arrives, and its nightly run is asked for. The rest
    is left to the Dagster daemon. Ends with a summary and a picture of the timeline; with code 1 where the loop did not
    close. A rehearsal that was cut goes on where it was when the same command is given again; --days-after may be more.

    Examples:

        medcode rehearse --folder drill

        medcode rehearse --folder quiet --shift none --days-after 10

        medcode rehearse --folder small --days-before 20 --a-day 30 --set use_network=false
    """
    from medcode_assets.rehearsal.drive import rehearse as hold
    from medcode_assets.rehearsal.drive import take_environment
    from medcode_assets.rehearsal.place import Place
    from medcode_assets.rehearsal.plan import SCANNER, Plan

    configure_logging("WARNING")
    if scans is None:
        scans = 12 if shift == SCANNER else 0
    plan = Plan(shift, days_before, quiet, days_after, a_day, scans, seed, parameters_of(set_ or []))
    place = Place(folder)
    again = place.enter(plan, settings().home)
    typer.echo(
        f"rehearsal in {place.folder}{', taken up again' if again else ''}: a simulated network (synthetic), "
        f"{plan.first_day} to {plan.last_day}, {shift} on {plan.shift_day}"
    )
    take_environment(plan, place)
    try:
        hold(plan, place, typer.echo, patience=patience)
        closed = _tell(plan, picture or place.folder / "timeline.png")
    finally:
        _stop_database()
    if not closed:
        raise typer.Exit(1)


def _tell(plan: Plan, picture: Path) -> bool:
    """Print the summary and write the picture; False where the loop did not close."""
    import dagster as dg

    from medcode_assets.asked import retrainings_asked
    from medcode_assets.commands.tables import print_table
    from medcode_assets.rehearsal.outcome import outcome_of
    from medcode_assets.rehearsal.plan import NONE
    from medcode_assets.timeline_picture import timeline_picture
    from medcode_ml.drift.timeline import coding_timeline, with_events
    from medcode_ml.store.database import engine

    with dg.DagsterInstance.get() as instance:
        asked = retrainings_asked(instance)
    timeline = with_events(coding_timeline(engine(), plan.nights[0], plan.last_day), asked)
    outcome = outcome_of(timeline, plan)
    print_table(["rehearsal (synthetic)", plan.shift], outcome.rows(), wide=1)
    quiet = plan.shift == NONE
    title = f"Rehearsal on a simulated network (synthetic), {plan.a_day} encounters a day"
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(
        timeline_picture(timeline, title, None if quiet else plan.shift_day, plan.shift.replace("_", " "))
    )
    typer.echo(f"timeline: {picture}")
    if outcome.open:
        typer.echo(f"the loop did not close: {outcome.open}", err=True)
    return not outcome.open


def _stop_database() -> None:
    from medcode_ml.store.embedded import EmbeddedServer

    EmbeddedServer(settings()).stop()
