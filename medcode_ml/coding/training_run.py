"""Training the coding model from the database: texts and labels of the training set in, a registered model out."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.coding.batch import sections_by_document
from medcode_ml.coding.encounter import Document
from medcode_ml.coding.in_use import KIND
from medcode_ml.coding.mentions import Section
from medcode_ml.coding.proposals.charts import BETWEEN, LabelledChart
from medcode_ml.contracts import filtered, mapped, ml
from medcode_ml.models.splitting import CALIBRATION, TEST, TRAIN
from medcode_ml.models.warehouse.training_set import training_encounters
from medcode_ml.models.warehouse.versions import (
    TrainingDataError,
    TrainingResult,
    parameters_of_version,
    register_trained,
    training_place,
)
from medcode_ml.settings import settings
from medcode_ml.store.frames import read_frame

DOCUMENTS, DEIDENTIFIED = "documents", "deidentified_document"
TEXT_SOURCES: Final = (DOCUMENTS, DEIDENTIFIED)
Train = Callable[..., Any]


def train_from_store(
    engine: sa.Engine,
    home: Path,
    *,
    parameters: Mapping[str, Any] | None = None,
    parameters_of: str | None = None,
    trials: int = 0,
    reason: str = "",
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
        parameters_of: a version whose parameters come before them, such as one that was tuned.
        trials: of a tuning before the training; none without.
        reason: why it is trained, for the record.
        text_source: `documents`, or `deidentified_document` to learn from the texts without identifiers only.
        progress: show bars.
        train: what trains, by default `medcode_ml.coding.training.train`.

    Raises:
        TrainingDataError: nothing to learn from, or texts that changed or are missing.
    """
    from medcode_ml.models.tracking import tracked_run

    fit = train or _own_training()
    began = time.monotonic()
    encounters = training_encounters(engine, ml.CODING)
    digest = data_hash(encounters, text_source)
    parts = dict(zip(encounters["encounter_id"], encounters["split"], strict=True))
    charts = labelled_charts(engine, encounters[encounters["split"] != TEST], text_source)
    learned = [chart for chart in charts if parts[chart.record_id] == TRAIN]
    calibrated = [chart for chart in charts if parts[chart.record_id] == CALIBRATION]
    if not learned:
        raise TrainingDataError("ml.coding_training_set holds no encounter to learn from: materialise it first")
    chosen = {
        **(parameters_of_version(engine, ml.CODING, parameters_of) if parameters_of else {}),
        **(parameters or {}),
    }
    with training_place(home, KIND, digest) as (making, state):
        with tracked_run(KIND, {**chosen, "trials": trials}, home, url=settings().mlflow_url, resume_in=state) as run:
            fit(
                learned, calibrated, making, chosen, progress,
                data={"sha256": digest}, run=run, checkpoints=state, trials=trials, studies=engine,
            )  # fmt: skip
        return register_trained(
            engine, ml.CODING, home, making, encounters, seconds=time.monotonic() - began, data_hash=digest,
            learned_codes=(code for chart in learned for code in chart.codes), own={"text_source": text_source},
            mlflow_run=run.id, tuned_from=parameters_of, reason=reason,
        )  # fmt: skip


def _own_training() -> Train:
    from medcode_ml.coding.training import train

    return train


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
            LabelledChart(row.encounter_id, row.person_id, documents, row.setting, row.discharge_date, tuple(row.codes))
        )
    if gone and text_source == DEIDENTIFIED:
        raise TrainingDataError(f"{gone} encounters have documents without a de-identified copy: run deidentify_job")
    if gone or changed:
        raise TrainingDataError(
            f"{gone + changed} encounters have other documents than when they were put into the training set: "
            "materialise ml/coding_training_set again for all days"
        )
    return charts


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
