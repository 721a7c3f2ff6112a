"""Training the coding model from the database: texts and labels of the training set in, a registered model out."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.codes.release import release_on
from medcode_ml.coding.batch import sections_by_document
from medcode_ml.coding.encounter import Document
from medcode_ml.coding.in_use import KIND
from medcode_ml.coding.mentions import Section
from medcode_ml.coding.proposals.charts import BETWEEN, LabelledChart
from medcode_ml.coding.training_split import CALIBRATION, TEST, TRAIN
from medcode_ml.contracts import filtered, mapped, ml
from medcode_ml.settings import settings
from medcode_ml.store.copying import copy_in
from medcode_ml.store.frames import read_frame

DOCUMENTS, DEIDENTIFIED = "documents", "deidentified_document"
TEXT_SOURCES: Final = (DOCUMENTS, DEIDENTIFIED)
Train = Callable[..., Any]


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


def train_from_store(
    engine: sa.Engine,
    home: Path,
    *,
    parameters: Mapping[str, Any] | None = None,
    text_source: str = DOCUMENTS,
    progress: bool = False,
    train: Train | None = None,
) -> TrainingResult:
    """Train on `ml.coding_training_set`, register the model, and write `ml.coding_model` and its encounters.

    A training that was cut short goes on where it stopped when the same data is trained with the same parameters again.

    Args:
        engine: the database.
        home: where the registry lies.
        parameters: overrides of the training's own.
        text_source: `documents`, or `deidentified_document` to learn from the texts without identifiers only.
        progress: show bars.
        train: what trains, by default `medcode_ml.coding.training.train`.

    Raises:
        TrainingDataError: nothing to learn from, or texts that changed or are missing.
    """
    from medcode_ml.models.folder import read_folder
    from medcode_ml.models.manifest import CARD
    from medcode_ml.models.registry import register
    from medcode_ml.models.tracking import tracked_run

    fit = train or _own_training()
    began = time.monotonic()
    encounters = training_encounters(engine)
    digest = data_hash(encounters, text_source)
    parts = dict(zip(encounters["encounter_id"], encounters["split"], strict=True))
    charts = labelled_charts(engine, encounters[encounters["split"] != TEST], text_source)
    learned = [chart for chart in charts if parts[chart.record_id] == TRAIN]
    calibrated = [chart for chart in charts if parts[chart.record_id] == CALIBRATION]
    if not learned:
        raise TrainingDataError("ml.coding_training_set holds no encounter to learn from: materialise it first")
    making = home / "training" / KIND / digest[:16]
    chosen = dict(parameters or {})
    state = making.with_name(f"{making.name}.state")
    with tracked_run("coding", chosen, home, url=settings().mlflow_url, resume_in=state) as run:
        fit(learned, calibrated, making, chosen, progress, data={"sha256": digest}, run=run, checkpoints=state)
    kept = register(making, KIND, home)
    manifest = read_folder(kept, KIND).manifest
    counts = encounters["split"].value_counts()
    model: dict[str, Any] = {
        "version": manifest.version,
        "folder": kept.relative_to(home).as_posix(),
        "trained_at": datetime.now(UTC),
        "seconds": round(time.monotonic() - began, 1),
        "text_source": text_source,
        "code_set_releases": [
            r.name for r in sorted({release_on(d) for d in encounters["discharge_date"]}, key=lambda r: r.start)[::-1]
        ],
        **{f"{part}_encounters": int(counts.get(part, 0)) for part in (TRAIN, CALIBRATION, TEST)},
        "code_count": len({code for chart in learned for code in chart.codes}),
        "data_hash": digest,
        "parameters": dict(manifest.parameters),
    }
    rows = _write(engine, model, encounters)
    shown = ("seconds", "train_encounters", "calibration_encounters", "test_encounters", "code_count")
    pictures = tuple((Path(n).stem.replace("_", " "), kept / n) for n in sorted(manifest.files) if n.endswith(".png"))
    return TrainingResult(
        manifest.version, kept, rows, {name: model[name] for name in shown},
        (kept / CARD).read_text(encoding="utf-8") if CARD in manifest.files else "", pictures,
    )  # fmt: skip


def _own_training() -> Train:
    from medcode_ml.coding.training import train

    return train


def training_encounters(source: sa.Engine | sa.Connection) -> pd.DataFrame:
    """The encounters of every part, by id: the columns of `ml.coding_training_set`."""
    table = ml.coding_training_set
    return read_frame(source, sa.select(table).where(table.c.split.is_not(None)).order_by(table.c.encounter_id))


def data_hash(encounters: pd.DataFrame, text_source: str) -> str:
    """Hash over encounters, parts, labels and texts: a model of the same data can be told."""
    columns = (encounters[c] for c in ("encounter_id", "split", "codes", "text_hash"))
    digest = hashlib.sha256(text_source.encode())
    for encounter, split, codes, text in zip(*columns, strict=True):
        digest.update("\x1f".join((encounter, split, " ".join(sorted(codes)), text)).encode() + b"\x00")
    return digest.hexdigest()


def labelled_charts(
    source: sa.Engine | sa.Connection, encounters: pd.DataFrame, text_source: str = DOCUMENTS
) -> list[LabelledChart]:
    """The chart of each of `encounters` (rows of the training set): its documents and sections as the coder gets them.

    Raises:
        TrainingDataError: a text is gone or is another than the one labelled, or has no copy without identifiers.
    """
    if text_source not in TEXT_SOURCES:
        raise TrainingDataError(f"no text source {text_source!r}: choose one of {', '.join(TEXT_SOURCES)}")
    ids = [one for own in encounters["document_ids"] for one in own]
    texts = _documents(source, ids, text_source)
    # sections are places in the original text; a copy without identifiers has others
    sections = _sections(source, ids) if text_source == DOCUMENTS else {}
    charts, gone, changed = [], 0, 0
    for row in encounters.itertuples(index=False):
        if not row.document_ids or any(document not in texts for document in row.document_ids):
            gone += 1
            continue
        documents = tuple(Document(d, *texts[d], sections.get(d, ())) for d in row.document_ids)
        text = BETWEEN.join(d.text for d in documents)
        changed += text_source == DOCUMENTS and hashlib.sha256(text.encode()).hexdigest() != row.text_hash
        charts.append(
            LabelledChart(
                row.encounter_id, row.person_id, documents, row.setting, row.discharge_date, tuple(row.codes)
            )
        )
    if gone and text_source == DEIDENTIFIED:
        raise TrainingDataError(f"{gone} encounters have documents without a de-identified copy: run deidentify_job")
    if gone or changed:
        raise TrainingDataError(
            f"{gone + changed} encounters have other documents than when they were put into the training set: "
            "materialise ml/coding_training_set again for all days"
        )
    return charts


def newest_version(source: sa.Engine | sa.Connection) -> str:
    """The version trained last.

    Raises:
        TrainingDataError: none was trained yet.
    """
    table = ml.coding_model
    found = read_frame(source, sa.select(table.c.version).order_by(table.c.trained_at.desc(), table.c.version).limit(1))
    if found.empty:
        raise TrainingDataError("no coding model was trained yet: materialise ml/coding_model")
    return str(found["version"].iloc[0])


def _documents(
    source: sa.Engine | sa.Connection, documents: list[str], text_source: str
) -> dict[str, tuple[str, str | None]]:
    """Text and type of each document, the newest; the text without identifiers where that is asked for."""
    of = filtered.document
    newest = (
        sa.select(of.c.document_id, of.c.text, of.c.document_type)
        .where(_among(of))
        .distinct(of.c.document_id)
        .order_by(of.c.document_id, of.c.received_date.desc())
    )
    found = read_frame(source, newest, {"ids": documents})
    columns = (found[c] for c in ("document_id", "text", "document_type"))
    known = {document: (text, kind) for document, text, kind in zip(*columns, strict=True)}
    if text_source == DOCUMENTS:
        return known
    copies = filtered.deidentified_document
    newest = (
        sa.select(copies.c.document_id, copies.c.text)
        .where(_among(copies))
        .distinct(copies.c.document_id)
        .order_by(copies.c.document_id, copies.c.received_date.desc())
    )
    found = read_frame(source, newest, {"ids": documents})
    pairs = zip(found["document_id"], found["text"], strict=True)
    return {document: (text, known[document][1]) for document, text in pairs if document in known}


def _sections(source: sa.Engine | sa.Connection, documents: list[str]) -> dict[str, tuple[Section, ...]]:
    """The sections of each document, as they were last mapped."""
    table = mapped.document_section
    found = read_frame(source, sa.select(table).where(_among(table)).order_by(*table.primary_key), {"ids": documents})
    newest = found.groupby("document_id")["received_date"].transform("max")
    return sections_by_document(found[found["received_date"] == newest].drop(columns="received_date"))


def _among(table: sa.Table) -> sa.ColumnElement[bool]:
    return table.c.document_id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Text)))


def _write(engine: sa.Engine, model: dict[str, Any], encounters: pd.DataFrame) -> dict[str, int]:
    """Put a version into the tables; the same version again takes its own place."""
    frames = {
        ml.coding_model: pd.DataFrame([model], dtype=object),
        ml.coding_model_encounter: pd.DataFrame(
            {
                "version": model["version"],
                "encounter_id": encounters["encounter_id"],
                "person_id": encounters["person_id"],
                "part": encounters["split"],
            },
            dtype=object,
        ),
    }
    with engine.begin() as connection:
        for table, frame in frames.items():
            connection.execute(sa.delete(table).where(table.c.version == model["version"]))
            copy_in(connection, table, frame)
    return {table.name: len(frame) for table, frame in frames.items()}
