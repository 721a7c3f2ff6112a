"""Versions of a kind: a trained folder registered and written down with its encounters, the newest, its test."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from medcode_ml.codes.release import release_on
from medcode_ml.contracts.ml import ModelTables
from medcode_ml.models.folder import read_folder
from medcode_ml.models.manifest import CARD
from medcode_ml.models.registry import register
from medcode_ml.models.splitting import PARTS, TEST, TRAIN
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
    for done in (making, state):
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
    learned_codes: Iterable[str],
    own: Mapping[str, Any] | None = None,
) -> TrainingResult:
    """Register a trained folder and write its row and its encounters; the same version again takes its own place.

    Args:
        engine: the database.
        of: the tables of the kind.
        home: where the registry lies.
        folder: the model as the training wrote it.
        encounters: rows of the training set that it was made from, of every part.
        seconds: time the training took.
        data_hash: of the data it was made from.
        learned_codes: labels of the encounters it learned from.
        own: columns that only this kind has.
    """
    kept = register(folder, of.kind, home)
    manifest = read_folder(kept, of.kind).manifest
    counts = encounters["split"].value_counts()
    releases = sorted({release_on(d) for d in encounters["discharge_date"]}, key=lambda r: r.start)
    model: dict[str, Any] = {
        "version": manifest.version,
        "folder": kept.relative_to(home).as_posix(),
        "trained_at": datetime.now(UTC),
        "seconds": round(seconds, 1),
        **(own or {}),
        "code_set_releases": [r.name for r in releases[::-1]],
        **{f"{part}_encounters": int(counts.get(part, 0)) for part in PARTS},
        "code_count": len(set(learned_codes)),
        "data_hash": data_hash,
        "parameters": dict(manifest.parameters),
    }
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
    with engine.begin() as connection:
        for table, frame in frames.items():
            connection.execute(sa.delete(table).where(table.c.version == manifest.version))
            copy_in(connection, table, frame)
    shown = ("seconds", *(f"{part}_encounters" for part in PARTS), "code_count")
    return TrainingResult(
        manifest.version,
        kept,
        {table.name: len(frame) for table, frame in frames.items()},
        {name: model[name] for name in shown},
        (kept / CARD).read_text(encoding="utf-8") if CARD in manifest.files else "",
        tuple((Path(n).stem.replace("_", " "), kept / n) for n in sorted(manifest.files) if n.endswith(".png")),
    )


def newest_version(source: sa.Engine | sa.Connection, of: ModelTables) -> str:
    """The version trained last.

    Raises:
        TrainingDataError: none was trained yet.
    """
    table = of.model
    found = read_frame(source, sa.select(table.c.version).order_by(table.c.trained_at.desc(), table.c.version).limit(1))
    if found.empty:
        raise TrainingDataError(f"no {of.kind} model was trained yet: materialise {table.schema}/{table.name}")
    return str(found["version"].iloc[0])


def encounters_of_version(
    source: sa.Engine | sa.Connection, of: ModelTables, version: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The encounters that a version learned from and those of its test, each with its newest labels, by id.

    Columns: those of the training set, `person_id` and `part` as they were when the model was trained.
    """
    own, labels = of.model_encounter, of.training_set
    kept = [c for c in labels.columns if c.name not in ("encounter_id", "person_id")]
    query = (
        sa.select(own.c.encounter_id, own.c.person_id, own.c.part, *kept)
        .distinct(own.c.encounter_id)
        .select_from(own.join(labels, labels.c.encounter_id == own.c.encounter_id))
        .where(own.c.version == version, own.c.part.in_((TRAIN, TEST)), labels.c.split.is_not(None))
        .order_by(own.c.encounter_id, labels.c.received_date.desc())
    )
    found = read_frame(source, query)
    learned, test = (found[found["part"] == part].reset_index(drop=True) for part in (TRAIN, TEST))
    return learned, test
