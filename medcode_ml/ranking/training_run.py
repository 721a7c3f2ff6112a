"""Training the ranking model from the database: the coders' orders of the training set in, a registered model out."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import ml
from medcode_ml.models.splitting import CALIBRATION, TEST, TRAIN
from medcode_ml.models.warehouse.training_set import training_encounters
from medcode_ml.models.warehouse.versions import (
    TrainingDataError,
    TrainingResult,
    parameters_of_version,
    register_trained,
    training_place,
)
from medcode_ml.ranking.frames_of_stay import RankingFrames
from medcode_ml.ranking.model import KIND
from medcode_ml.ranking.store_frames import MissingStaysError, frames_of_encounters
from medcode_ml.settings import settings

Train = Callable[..., Any]
#: a good ranker errs on one principal in ten: of fewer encounters too few are wrong to set a probability by. It is then
#: set on those learned from, each scored by a model that had not seen its person
FEWEST_TO_CALIBRATE: Final = 100


def train_from_store(
    engine: sa.Engine,
    home: Path,
    *,
    parameters: Mapping[str, Any] | None = None,
    parameters_of: str | None = None,
    trials: int = 0,
    reason: str = "",
    progress: bool = False,
    train: Train | None = None,
) -> TrainingResult:
    """Train on `ml.ranking_training_set`, register the model, and write `ml.ranking_model` and its encounters.

    A training that was cut short goes on where it stopped when the same data is trained with the same parameters again.
    A calibration part of fewer than `FEWEST_TO_CALIBRATE` encounters is left out.

    Args:
        engine: the database.
        home: where the registry lies.
        parameters: overrides of the training's own.
        parameters_of: a version whose parameters come before them, such as one that was tuned.
        trials: of a tuning before the training; none without.
        reason: why it is trained, for the record.
        progress: show bars.
        train: what trains, by default `medcode_ml.ranking.training.train`.

    Raises:
        TrainingDataError: nothing to learn from, or encounters that are gone.
    """
    from medcode_ml.models.tracking import tracked_run

    fit = train or _own_training()
    began = time.monotonic()
    encounters = training_encounters(engine, ml.RANKING)
    if not (encounters["split"] == TRAIN).any():
        raise TrainingDataError("ml.ranking_training_set holds no encounter to learn from: materialise it first")
    known = encounters[encounters["split"] != TEST].reset_index(drop=True)
    frames = labelled_frames(engine, known)
    digest = data_hash(encounters, frames)
    learned, calibrated = (
        frames.of(known.loc[known["split"] == part, "encounter_id"]) for part in (TRAIN, CALIBRATION)
    )
    enough = len(calibrated.encounters) >= FEWEST_TO_CALIBRATE
    chosen = {
        **(parameters_of_version(engine, ml.RANKING, parameters_of) if parameters_of else {}),
        **(parameters or {}),
    }
    with training_place(home, KIND, digest) as (making, state):
        with tracked_run(KIND, {**chosen, "trials": trials}, home, url=settings().mlflow_url, resume_in=state) as run:
            fit(
                learned, calibrated if enough else None, making, chosen, progress,
                data={"sha256": digest}, run=run, checkpoints=state, trials=trials, studies=engine,
            )  # fmt: skip
        return register_trained(
            engine, ml.RANKING, home, making, encounters, seconds=time.monotonic() - began, data_hash=digest,
            learned_codes=learned.codes["code"], mlflow_run=run.id, tuned_from=parameters_of, reason=reason,
        )  # fmt: skip


def labelled_frames(engine: sa.Engine, labelled: pd.DataFrame) -> RankingFrames:
    """The frames of rows of the training set, with the coders' places, all as of one moment.

    Raises:
        TrainingDataError: encounters of it are gone.
    """
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        try:
            return frames_of_encounters(connection, labelled)
        except MissingStaysError as missing:
            raise TrainingDataError(f"{missing}: materialise ml/ranking_training_set again for all days") from missing


def data_hash(encounters: pd.DataFrame, frames: RankingFrames) -> str:
    """Hash over encounters, parts, labels in their order and all that is known of the encounters.

    Args:
        encounters: rows of the training set, of every part.
        frames: what a model is made from; the test is not among them.
    """
    digest = hashlib.sha256()
    for row in zip(*(encounters[c] for c in ("encounter_id", "split", "codes")), strict=True):
        digest.update("\x1f".join((row[0], row[1], " ".join(row[2]))).encode() + b"\x00")
    for field in fields(frames):
        frame = getattr(frames, field.name)
        digest.update(b"" if frame is None else frame.to_json(orient="values", date_format="iso").encode() + b"\x00")
    return digest.hexdigest()


def _own_training() -> Train:
    from medcode_ml.ranking.training import train

    return train
