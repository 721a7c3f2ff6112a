"""`medcode evaluate`: figures of predictions against gold, as JSON, each with its 95% bootstrap interval."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medcode_ml.coding.labelled.note import LabelledData
    from medcode_ml.models.labelled_files import Rejected
    from medcode_ml.ranking.figures.predictions import RankedStay
    from medcode_ml.ranking.labelled.stay import LabelledStays

evaluate_app = typer.Typer(name="evaluate", help="Figures of predictions against gold, with 95% bootstrap intervals.")
_SHOWN = 5
"""Rejected lines that are named one by one."""


class EvaluationError(ValueError):
    """What was asked for cannot be measured."""


@evaluate_app.callback()
def _group() -> None:
    """Figures of predictions against gold, with 95% bootstrap intervals."""


@evaluate_app.command()
def coding(
    gold: Annotated[
        Path, typer.Option(help="Labelled notes: JSON Lines, or a folder of the CodiEsp or MIMIC-IV(+Note) layout.")
    ],
    pred: Annotated[Path, typer.Option(help="What `medcode code` wrote: JSON Lines, one record a line.")],
    trained_on: Annotated[
        Path | None, typer.Option(help="Labelled notes the model learned from: adds unseen codes and frequency bands.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Measure one split of the gold: train, dev or test.")] = None,
    out: Annotated[Path | None, typer.Option(help="File for the JSON; default is the standard output.")] = None,
    resamples: Annotated[int, typer.Option(min=0, help="Bootstrap draws; 0 leaves the intervals out.")] = 1000,
) -> None:
    """Measure the codes of `medcode code` against those of coders.

    Micro-F1, macro-F1 over gold codes, mean average precision, exact match, candidate recall, for full codes and
    categories; codes unseen in training and by frequency with --trained-on; agreement of evidence where coders marked
    it. A gold record without a prediction counts as nothing predicted. The table goes to the standard error.

    Examples:

        medcode evaluate coding --gold gold.jsonl --pred codes.jsonl

        medcode evaluate coding --gold codiesp/dev --pred codes.jsonl --trained-on codiesp/train --out figures.json
    """
    from medcode_ml.coding.figures.predictions import read_answers
    from medcode_ml.coding.figures.report import coding_report, table
    from medcode_ml.coding.labelled.reading import read_labelled

    if out is not None and not out.parent.is_dir():
        raise EvaluationError(f"{out.parent}: there is no such folder to write to")
    answers, refused = read_answers(pred)
    truth = read_labelled(gold, text_needed=False)
    if split is not None:
        truth = _only(truth, split, "--gold")
    learned = None
    if trained_on is not None:
        learned = read_labelled(trained_on, text_needed=False, evidence=False)
        if "train" in learned.splits():
            learned = _only(learned, "train", "--trained-on")
    report = coding_report(truth, answers, learned, resamples=resamples)
    report["predictions"]["rejected"] = len(refused)
    _tell(report, truth, refused)
    typer.echo(table(report), err=True)
    _write(report, out)


@evaluate_app.command()
def ranking(
    gold: Annotated[
        Path,
        typer.Option(
            help="Stays with their codes in true order: JSON Lines, or a folder with gold.jsonl and encounters.jsonl, "
            "or of the MIMIC layout."
        ),
    ],
    pred: Annotated[Path, typer.Option(help="What `medcode rank` wrote: JSON Lines, one encounter a line.")],
    against: Annotated[
        Path | None, typer.Option(help="Another output of `medcode rank`: adds the paired differences.")
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(help="Folder for pictures of risk and coverage, where probabilities were said.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File for the JSON; default is the standard output.")] = None,
    resamples: Annotated[int, typer.Option(min=0, help="Bootstrap draws; 0 leaves the intervals out.")] = 1000,
) -> None:
    """Measure the order of `medcode rank` against that of coders.

    Principal first and among the first three, reciprocal rank, nDCG@5 and @10, Kendall tau-b, MS-DRG agreement and case
    mix; over encounters and over patients, intervals by patient. Calibration and risk where the probability of the
    principal was said. An encounter without a prediction counts as an order of nothing.

    Examples:

        medcode evaluate ranking --gold gold.jsonl --pred ranked.jsonl

        medcode evaluate ranking --gold stays/ --pred ranked.jsonl --against guidelines.jsonl --out figures.json
    """
    from medcode_ml.ranking.figures.predictions import read_ranked
    from medcode_ml.ranking.figures.report import ranking_report, table
    from medcode_ml.ranking.labelled.reading import read_stays

    for folder in (out.parent if out is not None else None, pictures.parent if pictures is not None else None):
        if folder is not None and not folder.is_dir():
            raise EvaluationError(f"{folder}: there is no such folder to write to")
    answers, refused = read_ranked(pred)
    other = read_ranked(against)[0] if against is not None else None
    truth = read_stays(gold)
    report = ranking_report(truth, answers, other, resamples=resamples)
    report["predictions"]["rejected"] = len(refused)
    _say_rejected(truth.rejected, refused)
    for remark in truth.remarks:
        typer.echo(remark, err=True)
    typer.echo(table(report), err=True)
    if pictures is not None:
        _draw(truth, answers, pictures)
    _write(report, out)


@evaluate_app.command()
def amounts(
    gold: Annotated[
        Path,
        typer.Option(
            help="Cases with aveCharges and avePayments: JSON Lines, or a folder of the layout of the Medicare charges."
        ),
    ],
    pred: Annotated[Path, typer.Option(help="What `medcode price` wrote: JSON Lines, one case a line.")],
    out: Annotated[Path | None, typer.Option(help="File for the JSON; default is the standard output.")] = None,
    resamples: Annotated[int, typer.Option(min=0, help="Bootstrap draws; 0 leaves the intervals out.")] = 1000,
) -> None:
    """Measure the prices of `medcode price` against the amounts that were found.

    Mean and median absolute percentage error, bias, coverage and width of the 90% intervals, for charges and payments,
    over cases and over hospitals; intervals by hospital.

    Examples:

        medcode evaluate amounts --gold gold.jsonl --pred prices.jsonl
    """
    from medcode_ml.billing.amounts.reading import read_cases
    from medcode_ml.billing.amounts.report import amounts_report, read_prices, table

    if out is not None and not out.parent.is_dir():
        raise EvaluationError(f"{out.parent}: there is no such folder to write to")
    prices, refused = read_prices(pred)
    truth = read_cases(gold)
    report = amounts_report(truth, prices, resamples=resamples)
    _say_rejected(truth.rejected, refused)
    for remark in truth.remarks:
        typer.echo(remark, err=True)
    typer.echo(table(report), err=True)
    _write(report, out)


def _draw(truth: LabelledStays, answers: Sequence[RankedStay], folder: Path) -> None:
    """Draw how sure the ranker was of its principals, where it said so."""
    from medcode_ml.ranking.figures.pictures import (
        RELIABILITY,
        RISK,
        principal_reliability_picture,
        principal_risk_picture,
    )
    from medcode_ml.ranking.figures.report import said_of

    said, right, patients = said_of(truth.stays, answers)
    if not len(said):
        typer.echo("no probability of a principal was said: there is nothing to draw", err=True)
        return
    principal_risk_picture(folder / RISK, said, right, patients)
    principal_reliability_picture(folder / RELIABILITY, said, right, patients)
    typer.echo(f"{folder / RISK} and {folder / RELIABILITY} drawn", err=True)


def _only(data: LabelledData, split: str, option: str) -> LabelledData:
    notes = data.split(split)
    if not notes:
        held = ", ".join(sorted(str(s) for s in data.splits() if s)) or "none"
        raise EvaluationError(f"{option} holds no note of the split {split}; its splits: {held}")
    return replace(data, notes=notes, source=f"{data.source}, split {split}")


def _tell(report: dict[str, Any], truth: LabelledData, refused: list[Rejected]) -> None:
    """Say what was left out, and what makes the figures less than they seem."""
    _say_rejected(truth.rejected, refused)
    if truth.codes_rejected:
        typer.echo(f"{truth.codes_rejected} gold labels are not written like ICD-10-CM and not asked for", err=True)
    counts = report["predictions"]
    if counts["missing_records"]:
        typer.echo(f"{counts['missing_records']} gold records have no prediction: nothing predicted", err=True)
    if counts["extra_records"]:
        typer.echo(f"{counts['extra_records']} predicted records are not in the gold: left out", err=True)
    known = report.get("trained_on", {}).get("gold_records_among_them")
    if known:
        typer.echo(f"{known} gold records were trained on: these figures flatter the model", err=True)
    for remark in truth.remarks:
        typer.echo(remark, err=True)


def _say_rejected(gold: Sequence[Rejected], predicted: Sequence[Rejected]) -> None:
    for what, rejected in (("gold", gold), ("prediction", predicted)):
        if rejected:
            typer.echo(f"{len(rejected)} {what} line{'s' * (len(rejected) != 1)} rejected:", err=True)
        for one in rejected[:_SHOWN]:
            typer.echo(f"  {one.where}: {one.reason}", err=True)


def _write(report: dict[str, Any], out: Path | None) -> None:
    text = json.dumps(report, indent=1) + "\n"
    if out is None:
        typer.echo(text, nl=False)
        return
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, out)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise EvaluationError(f"{out}: cannot be written ({error.strerror})") from error


__all__ = ["EvaluationError", "amounts", "coding", "evaluate_app", "ranking"]
