"""`medcode model ...`: the registry of models: what there is, where each version stands, and its moves."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from medcode_assets.commands.tables import prepared_engine, print_table

model_app = typer.Typer(
    name="model",
    no_args_is_help=True,
    help="Models of all kinds: list, show; candidate to shadow to champion to retired, and back; recalibrate.",
)
Version = Annotated[str, typer.Argument(help="Version, as `medcode model list` prints it.")]
Kind = Annotated[str, typer.Argument(help="coding, ranking or amounts.")]
Note = Annotated[str, typer.Option("--note", help="Why, for the record.")]
By = Annotated[str, typer.Option("--by", help="Who decides.")]


@model_app.command("list")
def list_models(
    kind: Annotated[str | None, typer.Option(help="Only this kind: coding, ranking or amounts.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Also those retired.")] = False,
) -> None:
    """Print every version with its stage, oldest move first; the champion of a kind is the one in use.

    Examples:

        medcode model list

        medcode model list --kind coding --all
    """
    from medcode_ml.lifecycle import tables_of
    from medcode_ml.models.warehouse.stages import RETIRED, registered_versions, standings

    if kind is not None:
        tables_of(kind)
    engine = prepared_engine()
    rows = registered_versions(engine, kind)
    found = [one for one in standings(engine, kind) if every or one.stage != RETIRED]
    if not found:
        typer.echo("no model is registered: run coding_model_job, ranking_model_job or amount_model_job")
        return
    print_table(
        ["kind", "version", "stage", "since", "by", "trained from", "to", "parent", "why"],
        [
            [
                one.kind, one.version, one.stage, f"{one.at:%Y-%m-%d %H:%M}", one.by,
                rows[one.version]["first_day"], rows[one.version]["last_day"],
                rows[one.version]["tuned_from"] or rows[one.version]["champion"], one.why,
            ]
            for one in found
        ],
        wide=8,
    )  # fmt: skip


@model_app.command()
def show(version: Version) -> None:
    """Print a version: what it was made from, its parents, its moves, its gates, and its shadow run by day.

    Example:

        medcode model show coding-20261122-0a1b2c3d
    """
    from medcode_ml.lifecycle import all_gates
    from medcode_ml.models.warehouse.shadow import shadow_figures
    from medcode_ml.models.warehouse.stages import RETIRED, moves_of, registered_versions, standing_of

    engine = prepared_engine()
    now = standing_of(engine, version)
    row = registered_versions(engine, now.kind)[version]
    for name in ("kind", "folder", "trained_at", "trained_by", "reason", "first_day", "last_day", "since",
                 "recent_from", "champion", "tuned_from", "mlflow_run"):  # fmt: skip
        if row[name] is not None:
            typer.echo(f"{name:<12} {row[name]}")
    if row["tuning"] is not None:
        said = row["tuning"]
        typer.echo(f"{'tuning':<12} best {said['value']:.4f} of {said['complete']} trials: {said['parameters']}")
    typer.echo("")
    moves = moves_of(engine, version)
    print_table(["stage", "at", "by", "why"], [[m.stage, f"{m.at:%Y-%m-%d %H:%M}", m.by, m.why] for m in moves], wide=3)
    if now.stage != RETIRED:
        typer.echo("")
        rows = [[g.name, "passed" if g.passed else "FAILED", g.said] for g in all_gates(now.kind, engine, version)]
        print_table(["gate", "", "found"], rows, wide=2)
    figures = shadow_figures(engine, version)
    if not figures.empty:
        typer.echo("")
        columns = ["received_date", "champion", "figure", "value", "low", "high", "encounters", "notes"]
        listed = [[_shown(v) for v in r] for r in figures[columns].itertuples(index=False, name=None)]
        print_table(columns, listed, wide=7)


@model_app.command()
def shadow(version: Version, by: By, note: Note) -> None:
    """Let a candidate run beside the champion, on the same input, from the next day of the lineage on.

    Example:

        medcode model shadow coding-20261122-0a1b2c3d --by q.lead --note "learned from October"
    """
    from medcode_ml.lifecycle import to_shadow
    from medcode_ml.settings import settings

    to_shadow(prepared_engine(), settings().home, version, by=by, note=note)
    typer.echo(f"{version} is in shadow: ml/shadow_figure compares it with the champion, day by day")


@model_app.command()
def promote(
    version: Version,
    by: By,
    note: Note,
    despite: Annotated[
        str, typer.Option(help="Why it is promoted although its shadow run was too short or shifts too many MS-DRGs.")
    ] = "",
) -> None:
    """Make a version the champion, if it passes every gate; the champion before is retired.

    Examples:

        medcode model promote coding-20261122-0a1b2c3d --by q.lead --note "three days in shadow"

        medcode model promote coding-20261122-0a1b2c3d --by q.lead --note sepsis --despite "new guideline"
    """
    from medcode_ml.lifecycle import promote as promote_version
    from medcode_ml.models.warehouse.stages import standing_of
    from medcode_ml.settings import settings

    engine = prepared_engine()
    kind = standing_of(engine, version).kind
    done = promote_version(kind, engine, settings().home, version=version, by=by, note=note, despite=despite)
    typer.echo(f"{done.version} is in use, in the place of {done.replaced}" if done.changed else "it is in use already")


@model_app.command()
def recalibrate(
    kind: Annotated[str, typer.Argument(help="coding: no other kind has a band that goes through unseen.")],
    by: By,
    note: Note,
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="First received day; default is that of the drift alarm that stands."),
    ] = None,
    version: Annotated[str | None, typer.Option(help="What is recalibrated; default is the model in use.")] = None,
) -> None:
    """Set probabilities and bands anew on recent labels, as a new version: a candidate behind gates.

    One of the model in use may beat it by its probabilities (Brier score) where the codes it accepts are no worse.
    Network, trees and phrases stay. While a drift alarm stands every code goes to review; once the new version is in
    use the alarm, which is about the old one, suspends nothing.

    Examples:

        medcode model recalibrate coding --by q.lead --note "new note template"

        medcode model recalibrate coding --since 2026-11-02 --by q.lead --note "new note template"
    """
    from medcode_ml.coding.evaluation import evaluate_from_store
    from medcode_ml.coding.recalibration import recalibrate_from_store
    from medcode_ml.lifecycle import all_gates, tables_of
    from medcode_ml.models.warehouse.versions import TrainingDataError
    from medcode_ml.settings import settings

    if tables_of(kind).kind != "coding":
        raise TrainingDataError(f"a {kind} model is not recalibrated: its training sets its certainty, train it anew")
    engine, home = prepared_engine(), settings().home
    day = since.date() if since else None
    made = recalibrate_from_store(engine, home, version, day, by=by, reason=note, progress=True)
    evaluate_from_store(engine, home, made.version)
    names = [name.removesuffix("_after") for name in made.figures if name.endswith("_after")]
    rows = [[n, _shown(made.figures.get(f"{n}_before")), _shown(made.figures[f"{n}_after"])] for n in names]
    print_table(["on persons kept apart", "before", "after"], rows, wide=0)
    rows = [[g.name, "passed" if g.passed else "FAILED", g.said] for g in all_gates(kind, engine, made.version)]
    typer.echo("")
    print_table(["gate", "", "found"], rows, wide=2)
    typer.echo(f"{made.version} is a candidate: medcode model shadow {made.version}, then promote")


@model_app.command()
def rollback(kind: Kind, by: By, note: Note) -> None:
    """Retire the champion of a kind and take the one before it again: it answers byte by byte as it did.

    Example:

        medcode model rollback coding --by q.lead --note "codes too much on the new note style"
    """
    from medcode_ml.lifecycle import roll_back, tables_of
    from medcode_ml.settings import settings

    done = roll_back(prepared_engine(), tables_of(kind).kind, settings().home, by=by, note=note)
    typer.echo(f"{done.version} is in use again, {done.replaced} is retired")


@model_app.command()
def retire(version: Version, by: By, note: Note) -> None:
    """Retire a version for good. Without a champion the rules are in use: ontology coder, guidelines, no amounts.

    Example:

        medcode model retire ranking-20261122-0a1b2c3d --by q.lead --note "superseded"
    """
    from medcode_ml.lifecycle import retire_version
    from medcode_ml.settings import settings

    retire_version(prepared_engine(), settings().home, version, by=by, note=note)
    typer.echo(f"{version} is retired")


def _shown(value: Any) -> Any:
    return f"{value:.4g}" if isinstance(value, float) else value
