"""`medcode link ...`: pairs of patient records that may be one person, and what people decide about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import sqlalchemy as sa
import typer

link_app = typer.Typer(
    name="link", no_args_is_help=True, help="Patient records that may be one person: list, show, same, different, undo."
)
One = Annotated[str, typer.Argument(help="patient_id, or its beginning.")]
Other = Annotated[str, typer.Argument(help="patient_id of the other record, or its beginning.")]
By = Annotated[str, typer.Option("--by", help="Who decides.")]
Note = Annotated[str, typer.Option("--note", help="Why.")]
_SHOWN = (
    "hospital_id",
    "mrn",
    "last_name",
    "first_name",
    "birth_date",
    "sex",
    "ssn",
    "address",
    "city",
    "state",
    "zip",
)
_FIELD_OF = {"zip": "address", "city": "address", "state": "address"}


@link_app.command("list")
def list_links(
    every: Annotated[bool, typer.Option("--all", help="Also pairs linked alone or decided.")] = False,
    most: Annotated[int, typer.Option("--most", min=1, help="Pairs to print.")] = 40,
) -> None:
    """List the pairs that wait for a person, likeliest first. Ids and reasons only, no patient data.

    Examples:

        medcode link list

        medcode link list --all --most 200
    """
    engine = _engine()
    from medcode_ml.mapping.linkage.decisions import waiting

    found = waiting(engine, every=every)
    typer.echo(f"{'record':<21}{'record':<21}{'hospitals':<14}{'weight':>7}  {'stands as':<10} why")
    for row in found.head(most).to_dict("records"):
        hospitals = f"{row['hospital_id']} {row['other_hospital_id']}"
        stands = row["decision"] or row["band"]
        why = row["reason"] or ("between the two thresholds" if row["band"] == "review" else "")
        ids = f"{row['patient_id']:<21}{row['other_patient_id']:<21}"
        typer.echo(f"{ids}{hospitals:<14}{row['weight']:>7.1f}  {stands:<10} {why}".rstrip())
    typer.echo(f"{len(found)} pairs; `medcode link show RECORD RECORD` compares two, field by field")


@link_app.command("show")
def show_link(one: One, other: Other) -> None:
    """Compare two records field by field, with what each field weighs. Prints patient data: for your eyes only.

    Example:

        medcode link show 1f0c9a33d2 7b8812ce01
    """
    engine = _engine()
    from medcode_ml.mapping.linkage.decisions import compare

    found = compare(engine, one, other)
    mine, theirs = found.records
    said = {f["field"]: f for f in (found.link or {}).get("fields", [])}
    typer.echo(f"{'':<12}{found.pair[0]:<32}{found.pair[1]:<32}{'weight':>7}  agreement")
    if "prior" in said:
        typer.echo(f"{'':<76}{said['prior']['weight']:>7.1f}  {said['prior']['level']}")
    for name in _SHOWN:
        field = said.get(name) if name not in _FIELD_OF else None
        weighed = f"{field['weight']:>7.1f}  {field['level']}" if field else ""
        typer.echo(f"{name:<12}{_text(mine[name]):<32}{_text(theirs[name]):<32}{weighed}".rstrip())
    if found.link:
        link = found.link
        typer.echo(f"together {link['weight']:.1f}, probability {link['probability']:.6f}, band {link['band']}")
        if link["reason"]:
            typer.echo(f"not linked alone: {link['reason']}")
    else:
        typer.echo("the two were not compared closely: too little agrees")
    for row in found.decisions.to_dict("records"):
        typer.echo(f"{row['decided_at']:%Y-%m-%d %H:%M} {row['decided_by']}: {row['outcome']} ({row['note']})")


@link_app.command("same")
def same(one: One, other: Other, by: By, note: Note) -> None:
    """Decide that two records are one person.

    Example:

        medcode link same 1f0c9a33d2 7b8812ce01 --by a.coder --note "married in June, papers seen"
    """
    _decide(one, other, "same", by, note)


@link_app.command("different")
def different(one: One, other: Other, by: By, note: Note) -> None:
    """Decide that two records are two persons; a link that was made alone is taken apart.

    Example:

        medcode link different 1f0c9a33d2 7b8812ce01 --by a.coder --note "twins"
    """
    _decide(one, other, "different", by, note)


@link_app.command("undo")
def undo(one: One, other: Other, by: By, note: Note) -> None:
    """Take the decision on two records back; they stand again as medcode itself finds them.

    Example:

        medcode link undo 1f0c9a33d2 7b8812ce01 --by a.coder --note "wrong pair"
    """
    _decide(one, other, "withdrawn", by, note)


def _decide(one: str, other: str, outcome: str, by: str, note: str) -> None:
    engine = _engine()
    from medcode_ml.mapping.linkage.decisions import decide
    from medcode_ml.mapping.linkage.stage import run_linkage

    pair = decide(engine, one, other, outcome, by, note, datetime.now(UTC))
    result = run_linkage(engine)
    said = "decision taken back" if outcome == "withdrawn" else f"decided: {outcome}"
    typer.echo(f"{said}, {pair[0]} {pair[1]}; {result.figures['persons']} persons now")
    if not result.days:
        typer.echo("no encounter has another person than before: nothing has to run again")
    for first, last in ranges(result.days):
        typer.echo(f"run again what follows from it: medcode run --from {first} --to {last}")


def ranges(days: Sequence[date]) -> list[tuple[date, date]]:
    """Days in ascending order as ranges without a gap."""
    found: list[tuple[date, date]] = []
    for day in days:
        if found and day - found[-1][1] == timedelta(days=1):
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def _text(value: object) -> str:
    return "-" if value is None else str(value)[:30]


def _engine() -> sa.Engine:
    from medcode_assets.instance import prepare
    from medcode_ml.store.database import engine

    prepare()
    return engine()
