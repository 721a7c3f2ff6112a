"""Versions of a kind: a trained folder registered and written down with its encounters, the newest, its test."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from medcode_ml.codes.release import release_on
from medcode_ml.contracts.ml import ModelTables
from medcode_ml.contracts.ml import model as registry_model
from medcode_ml.models.folder import read_folder
from medcode_ml.models.manifest import CARD
from medcode_ml.models.registry import register
from medcode_ml.models.splitting import PARTS, TEST, TRAIN
from medcode_ml.models.warehouse.stages import CANDIDATE, champion_version, lock, move
from medcode_ml.models.warehouse.training_set import BEFORE_WINDOW
from medcode_ml.store.copying import copy_in
from medcode_ml.store.frames import read_frame


class TrainingDataError(ValueError):
    """The model cannot be trained on what stands in the tables: says what is missing and what to run."""


@dataclass(frozen=True)
class TrainingResult:
    """A model that was trained and registered.

    Attributes:
        version: of the model.
        folder: where the registry keeps it.
        rows: rows written by table of schema `ml`.
        figures: counts of the data and what the model's own calibration says.
        card: the model card, Markdown.
        pictures: title and file of each picture in the folder.
    """

    version: str
    folder: Path
    rows: dict[str, int]
    figures: dict[str, float | int | str] = field(default_factory=dict)
    card: str = ""
    pictures: tuple[tuple[str, Path], ...] = ()


@contextmanager
def training_place(home: Path, kind: str, data_hash: str) -> Iterator[tuple[Path, Path]]:
    """Where a training on this data writes its model, and where it keeps its state.

    Both are gone once the block was left well: by then the registry has the model. After an interruption they stay, so
    that the same training goes on where it stopped.
    """
    making = home / "training" / kind / data_hash[:16]
    state = making.with_name(f"{making.name}.state")
    yield making, state
    # a process that was killed while it wrote its folder left that behind under another name (`write_folder`)
    for done in (making, state, *making.parent.glob(f".{making.name}-*")):
        shutil.rmtree(done, ignore_errors=True)


def register_trained(
    engine: sa.Engine,
    of: ModelTables,
    home: Path,
    folder: Path,
    encounters: pd.DataFrame,
    *,
    seconds: float,
    data_hash: str,
    learned_codes: Iterable[str] | None = None,
    own: Mapping[str, Any] | None = None,
    by: str = "",
    mlflow_run: str | None = None,
    tuned_from: str | None = None,
    reason: str = "",
) -> TrainingResult:
    """Register a trained folder as a candidate and write its rows; the same version again changes nothing.

    Args:
        engine: the database.
        of: the tables of the kind.
        home: where the registry lies.
        folder: the model as the training wrote it.
        encounters: rows of the training set that it was made from, of every part.
        seconds: time the training took.
        data_hash: of the data it was made from.
        learned_codes: labels of the encounters it learned from, where it learns codes.
        own: columns that only this kind has.
        by: who had it trained; by default the asset of the kind.
        mlflow_run: id of its run in MLflow.
        tuned_from: version whose parameters it was trained with.
        reason: why it was trained, where there is one to tell.
    """
    kept = register(folder, of.kind, home)
    manifest = read_folder(kept, of.kind).manifest
    counts = encounters["split"].value_counts()
    model: dict[str, Any] = {
        "version": manifest.version,
        "seconds": round(seconds, 1),
        **(own or {}),
        **{f"{part}_encounters": int(counts.get(part, 0)) for part in PARTS},
        "data_hash": data_hash,
        "parameters": dict(manifest.parameters),
    }
    if learned_codes is not None:
        releases = sorted({release_on(d) for d in encounters["discharge_date"]}, key=lambda r: r.start)
        model |= {"code_set_releases": [r.name for r in releases[::-1]], "code_count": len(set(learned_codes))}
    frames = {
        of.model: pd.DataFrame([model], dtype=object),
        of.model_encounter: pd.DataFrame(
            {
                "version": manifest.version,
                "encounter_id": encounters["encounter_id"],
                "person_id": encounters["person_id"],
                "part": encounters["split"],
            },
            dtype=object,
        ),
    }
    by = by or f"asset {of.model.schema}/{of.model.name}"
    days = [day for day in encounters["received_date"] if day is not None] if "received_date" in encounters else []
    with engine.begin() as connection:
        lock(connection, of.kind)
        known = sa.select(registry_model.c.version).where(registry_model.c.version == manifest.version)
        if connection.execute(known).first() is None:
            row = {
                "version": manifest.version,
                "kind": of.kind,
                "folder": kept.relative_to(home).as_posix(),
                "trained_at": datetime.now(UTC),
                "trained_by": by,
                "first_day": min(days, default=None),
                "last_day": max(days, default=None),
                "figures": [asdict(figure) for figure in manifest.figures],
                "champion": champion_version(connection, of.kind),
                "tuned_from": tuned_from,
                "tuning": manifest.facts.get("tuning"),
                "mlflow_run": mlflow_run,
                "since": _of_all(encounters, "since"),
                "recent_from": _of_all(encounters, "recent_from"),
                "reason": reason or None,
            }
            copy_in(connection, registry_model, pd.DataFrame([row], dtype=object))
            move(connection, of.kind, manifest.version, CANDIDATE, by=by, why=reason or "trained")
            for table, frame in frames.items():
                copy_in(connection, table, frame)
    shown = [name for name in ("seconds", *(f"{part}_encounters" for part in PARTS), "code_count") if name in model]
    return TrainingResult(
        manifest.version,
        kept,
        {table.name: len(frame) for table, frame in frames.items()},
        {name: model[name] for name in shown},
        (kept / CARD).read_text(encoding="utf-8") if CARD in manifest.files else "",
        tuple((Path(n).stem.replace("_", " "), kept / n) for n in sorted(manifest.files) if n.endswith(".png")),
    )


def _of_all(encounters: pd.DataFrame, name: str) -> Any:
    """What all rows of a training set have alike; None where they have nothing, or come from files."""
    return next(iter(encounters[name].dropna()), None) if name in encounters else None


def parameters_of_version(source: sa.Engine | sa.Connection, of: ModelTables, version: str) -> dict[str, Any]:
    """The parameters a version was trained with, by the names that its training takes: "network.dropout".

    Raises:
        TrainingDataError: there is no such version of the kind.
    """
    found = read_frame(source, sa.select(of.model.c.parameters).where(of.model.c.version == version))
    if found.empty:
        raise TrainingDataError(
            f"no {of.kind} model {version} is registered: `medcode model list` prints those there are"
        )
    named: dict[str, Any] = {}
    for name, value in found["parameters"].iloc[0].items():
        parts = value.items() if isinstance(value, dict) else ()
        named |= {f"{name}.{own}": of_part for own, of_part in parts} if parts else {name: value}
    return {name: value for name, value in named.items() if value != {}}


def newest_version(source: sa.Engine | sa.Connection, of: ModelTables) -> str:
    """The version trained last.

    Raises:
        TrainingDataError: none was trained yet.
    """
    table = registry_model.c
    newest = sa.select(table.version).where(table.kind == of.kind).order_by(table.trained_at.desc(), table.version)
    found = read_frame(source, newest.limit(1))
    if found.empty:
        raise TrainingDataError(f"no {of.kind} model was trained yet: materialise {of.model.schema}/{of.model.name}")
    return str(found["version"].iloc[0])


def encounters_of_version(
    source: sa.Engine | sa.Connection, of: ModelTables, version: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The encounters that a version learned from and those of its test, each with its newest labels, by id.

    Columns: those of the training set, `person_id` and `part` as they were when the model was trained. What the window
    of a later split set aside is still there.
    """
    own, labels = of.model_encounter, of.training_set
    kept = [c for c in labels.columns if c.name not in ("encounter_id", "person_id")]
    query = (
        sa.select(own.c.encounter_id, own.c.person_id, own.c.part, *kept)
        .distinct(own.c.encounter_id)
        .select_from(own.join(labels, labels.c.encounter_id == own.c.encounter_id))
        .where(own.c.version == version, own.c.part.in_((TRAIN, TEST)), _labelled(labels))
        .order_by(own.c.encounter_id, labels.c.received_date.desc())
    )
    found = read_frame(source, query)
    learned, test = (found[found["part"] == part].reset_index(drop=True) for part in (TRAIN, TEST))
    return learned, test


def _labelled(labels: sa.Table) -> sa.ColumnElement[bool]:
    return labels.c.split.is_not(None) | (labels.c.set_aside == BEFORE_WINDOW)
