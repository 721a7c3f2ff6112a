"""Training the amount model from the database: own claims and the sources of the settings in, a registered model out.

Own claims are learned from as means by hospital and DRG, as the sources are. The model stands or falls with hospitals
it can compare: with fewer than `FEWEST` of them, own and others together, there is no model.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from medcode_ml.billing.amounts.cases import cases_of
from medcode_ml.billing.amounts.claim_rows import as_cases, hospitals_of, known_cells
from medcode_ml.billing.amounts.model import KIND
from medcode_ml.billing.amounts.own_claims import OwnClaims
from medcode_ml.billing.amounts.reading import LabelledCases, read_cases
from medcode_ml.billing.amounts.training import FEWEST, train
from medcode_ml.contracts import ml
from medcode_ml.models.splitting import CALIBRATION, TRAIN
from medcode_ml.models.warehouse.promotion import Gate
from medcode_ml.models.warehouse.training_set import training_encounters
from medcode_ml.models.warehouse.versions import (
    TrainingDataError,
    TrainingResult,
    parameters_of_version,
    register_trained,
    training_place,
)
from medcode_ml.settings import settings


def train_from_store(
    engine: sa.Engine,
    home: Path,
    *,
    sources: Sequence[Path] | None = None,
    parameters: Mapping[str, Any] | None = None,
    parameters_of: str | None = None,
    trials: int = 0,
    reason: str = "",
    progress: bool = False,
) -> TrainingResult:
    """Train on `ml.amount_training_set` and the sources, register the model, and write its row and its claims.

    A training that was cut short goes on where it stopped when the same data is trained with the same parameters again.

    Args:
        engine: the database.
        home: where the registry lies.
        sources: what `read_cases` reads; by default those of the settings.
        parameters: overrides of the training's own.
        parameters_of: a version whose parameters come before them, such as one that was tuned.
        trials: of a tuning before the training; none without.
        reason: why it is trained, for the record.
        progress: show bars.

    Raises:
        TrainingDataError: there are no claims to learn from, none to set intervals on, or too few hospitals.
        LabelledSourceError: a source cannot be read.
    """
    from medcode_ml.models.tracking import tracked_run

    began = time.monotonic()
    encounters = training_encounters(engine, ml.AMOUNT)
    for part, what in ((TRAIN, "learn from"), (CALIBRATION, "set intervals on")):
        if not (encounters["split"] == part).any():
            raise TrainingDataError(f"ml.amount_training_set holds no claim to {what}: materialise it first")
    others = read_sources(sources)
    with engine.connect() as connection:
        own = known_cells(connection, among=encounters.loc[encounters["split"] == TRAIN, "encounter_id"])
        kept_back = hospitals_of(connection, encounters[encounters["split"] == CALIBRATION])
    calibration = as_cases(kept_back, 1, kept_back["charges"], kept_back["payments"])
    learned = pd.concat([own, *(one.cases for one in others)], ignore_index=True)
    hospitals = int(learned["provider_id"].nunique())
    if hospitals < FEWEST:
        raise TrainingDataError(_too_few(hospitals))
    digest = data_hash(encounters, others)
    chosen = {
        **(parameters_of_version(engine, ml.AMOUNT, parameters_of) if parameters_of else {}),
        **(parameters or {}),
    }
    with training_place(home, KIND, digest) as (making, state):
        with tracked_run(KIND, {**chosen, "trials": trials}, home, url=settings().mlflow_url, resume_in=state) as run:
            train(
                cases_of(learned), making, chosen, progress, data={"sha256": digest}, run=run, checkpoints=state,
                trials=trials, studies=engine, claims=OwnClaims(own, calibration),
            )  # fmt: skip
        facts = {
            "sources": [one.source for one in others],
            "source_cases": sum(len(one.cases) for one in others),
            "hospitals": hospitals,
        }
        return register_trained(
            engine,
            ml.AMOUNT,
            home,
            making,
            encounters,
            seconds=time.monotonic() - began,
            data_hash=digest,
            own=facts,
            mlflow_run=run.id,
            tuned_from=parameters_of,
            reason=reason,
        )


def hospitals_gate(engine: sa.Engine, sources: Sequence[Path] | None = None) -> Gate:
    """`enough_hospitals`: hospitals to learn from, own and of the sources, against the fewest that can be compared.

    Raises:
        LabelledSourceError: a source cannot be read.
    """
    labelled = training_encounters(engine, ml.AMOUNT)["encounter_id"]
    with engine.connect() as connection:
        own = int(known_cells(connection, among=labelled)["provider_id"].nunique())
    others = {name for one in read_sources(sources) for name in one.cases["provider_id"].unique()}
    found = own + len(others)
    said = f"{own} own hospitals, {len(others)} of the sources"
    return Gate("enough_hospitals", found >= FEWEST, said if found >= FEWEST else f"{said}: {_too_few(found)}")


def read_sources(sources: Sequence[Path] | None = None) -> list[LabelledCases]:
    """The cases of `sources`, by default those of the settings.

    Raises:
        LabelledSourceError: one cannot be read.
    """
    return [read_cases(path) for path in (settings().amount_source_paths if sources is None else sources)]


def data_hash(encounters: pd.DataFrame, others: Sequence[LabelledCases]) -> str:
    """Hash over claims, parts and amounts, and over the cases of the sources."""
    digest = hashlib.sha256()
    columns = ("encounter_id", "split", "source", "hospital_id", "drg", "charges", "payments")
    for row in zip(*(encounters[c] for c in columns), strict=True):
        digest.update("\x1f".join(map(str, row)).encode() + b"\x00")
    for print_ in sorted(one.fingerprint() for one in others):
        digest.update(print_.encode() + b"\x00")
    return digest.hexdigest()


def _too_few(hospitals: int) -> str:
    return (
        f"amounts of {hospitals} hospitals are known; at least {FEWEST} are needed to learn. Name public cases beside "
        "the own claims in MEDCODE_AMOUNT_SOURCES, such as the folder of the Medicare inpatient charges"
    )
