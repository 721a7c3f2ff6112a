"""`medcode train`: models from labelled files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medcode_assets.commands.code_set_day import code_set_day

if TYPE_CHECKING:
    from medcode_ml.models.labelled_files import Rejected

train_app = typer.Typer(name="train", help="Train models on labelled files; each run is recorded in MLflow.")


_WORDS = ("network.loss",)
"""Parameters whose value is a word."""


class TrainingOptionError(ValueError):
    """An option of the training cannot be used."""


@train_app.callback()
def _group() -> None:
    """Train models on labelled files; each run is recorded in MLflow."""


@train_app.command()
def coding(
    data: Annotated[
        list[Path],
        typer.Option(
            help="Labelled notes: JSON Lines, or a folder of the CodiEsp or MIMIC-IV(+Note) layout; again for more."
        ),
    ],
    model: Annotated[Path, typer.Option(help="Model folder to write; a model that lies there is replaced.")],
    calibrate: Annotated[
        Path | None, typer.Option(help="Labelled notes of other patients to calibrate on; default is out of fold.")
    ] = None,
    hold_out: Annotated[
        str | None, typer.Option(help="Split of --data to calibrate on instead of learning from it, such as dev.")
    ] = None,
    tune: Annotated[int, typer.Option(min=0, help="Trials of a search for better parameters.")] = 0,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A parameter, name=value, such as reranker.leaves=15; again for more."),
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Code set day of undated notes; default the one that fits the labels."),
    ] = None,
) -> None:
    """Train the coding model: phrases, proposals, network and re-ranker, calibration and bands.

    Reads {"record_id", "text", "codes": [code or {"code", "evidence": [{"start", "end"}]}], "split"?, "setting"?,
    "discharge_date"?, "patient_id"?} a line. Notes of the split "test" are never learned from. An interrupted training
    goes on when the same command is given again.

    Examples:

        medcode train coding --data labelled.jsonl --model models/coding

        medcode train coding --data codiesp/train --calibrate codiesp/dev --model models/coding --tune 20
    """
    from medcode_ml.learning import train_coding

    folder, read = train_coding(
        data,
        model,
        calibrate_on=calibrate,
        hold_out=hold_out,
        trials=tune,
        parameters=parameters_of(set_ or []),
        as_of=code_set_day(as_of),
        progress=sys.stderr.isatty(),
    )
    _tell([(one.source, len(one.notes), "notes", one.rejected) for one in read])
    typer.echo(f"{folder.manifest.version} written to {model}; read {model / 'model_card.md'}", err=True)


@train_app.command()
def ranking(
    data: Annotated[
        list[Path],
        typer.Option(
            help="Stays with their codes in true order: JSON Lines, or a folder with gold.jsonl and encounters.jsonl, "
            "or of the MIMIC layout; again for more."
        ),
    ],
    model: Annotated[Path, typer.Option(help="Model folder to write; a model that lies there is replaced.")],
    calibrate: Annotated[
        Path | None, typer.Option(help="Stays of other patients to calibrate on; default is out of fold.")
    ] = None,
    tune: Annotated[int, typer.Option(min=0, help="Trials of a search for better parameters.")] = 0,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A parameter, name=value, such as network.ridge=60; again for more."),
    ] = None,
) -> None:
    """Train the ranking model: the principal among the codes that may lead, the order of the rest, and how sure it is.

    Reads the lines of `medcode rank` with their codes in true order, principal first. Patients are kept together. An
    interrupted training goes on when the same command is given again.

    Examples:

        medcode train ranking --data encounters.jsonl --model models/ranking

        medcode train ranking --data stays/ --model models/ranking --tune 20 --set error=0.2
    """
    from medcode_ml.learning import train_ranking

    folder, read = train_ranking(
        data,
        model,
        calibrate_on=calibrate,
        trials=tune,
        parameters=parameters_of(set_ or []),
        progress=sys.stderr.isatty(),
    )
    _tell([(one.source, len(one.stays), "stays", one.rejected) for one in read])
    for one in read:
        for remark in one.remarks:
            typer.echo(remark, err=True)
    typer.echo(f"{folder.manifest.version} written to {model}; read {model / 'model_card.md'}", err=True)


@train_app.command()
def amounts(
    data: Annotated[
        list[Path],
        typer.Option(
            help="Cases with aveCharges and avePayments: JSON Lines, or a folder of the layout of the Medicare charges "
            "of 2011; again for more."
        ),
    ],
    model: Annotated[Path, typer.Option(help="Model folder to write; a model that lies there is replaced.")],
    tune: Annotated[int, typer.Option(min=0, help="Trials of a search for better parameters.")] = 0,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A parameter, name=value, such as network.epochs=20; again for more."),
    ] = None,
) -> None:
    """Train the model of amounts: charges and payments of a hospital's MS-DRGs, with intervals that hold for new ones.

    Reads the lines of `medcode price` with aveCharges and avePayments. Hospitals are kept together; network and boosted
    trees are measured on hospitals they did not learn from, and the better decides.

    Examples:

        medcode train amounts --data cases.jsonl --model models/amounts

        medcode train amounts --data medicare/ --model models/amounts
    """
    from medcode_ml.learning import train_amounts

    folder, read = train_amounts(
        data, model, trials=tune, parameters=parameters_of(set_ or []), progress=sys.stderr.isatty()
    )
    _tell([(one.source, len(one.cases), "cases", one.rejected) for one in read])
    typer.echo(f"{folder.manifest.version} written to {model}; read {model / 'model_card.md'}", err=True)


def _tell(read: Sequence[tuple[str, int, str, Sequence[Rejected]]]) -> None:
    """Say what was read of each source, and the first lines that were rejected."""
    for source, count, what, refused in read:
        typer.echo(f"{source}: {count} {what}, {len(refused)} rejected", err=True)
        for rejected in refused[:5]:
            typer.echo(f"  {rejected.where}: {rejected.reason}", err=True)


def parameters_of(given: list[str]) -> dict[str, Any]:
    """Parameters of a training out of `name=value` as --set takes them.

    Raises:
        TrainingOptionError: one is not written so, or its value is none.
    """
    found: dict[str, Any] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals:
            raise TrainingOptionError(f"--set {one}: write name=value")
        if name in _WORDS:
            found[name] = value
            continue
        if value.lower() in ("true", "false"):
            found[name] = value.lower() == "true"
            continue
        try:
            found[name] = float(value) if any(c in value for c in ".eE") else int(value)
        except ValueError as error:
            raise TrainingOptionError(f"--set {one}: {value!r} is no number, true or false") from error
    return found
