"""Recalibration: the champion's own network, trees and phrases, with probabilities and bands set anew on recent labels.

It is a version of its own, a candidate that passes gates and a shadow run as one that was trained; one of the model in
use may beat that by its probabilities (`promotion.recalibration_beats`). Only coding has it: ranking has no band that
goes through unseen, and the intervals of amounts are set by their training, which takes seconds.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa

from medcode_ml.codes.release import release_on
from medcode_ml.coding.calibrating import calibrate
from medcode_ml.coding.figures.codes import PredictedCode, code_figures
from medcode_ml.coding.in_use import KIND
from medcode_ml.coding.labelled.note import LabelledNote
from medcode_ml.coding.model import CodingModel, blended_logits, load_model, recalibrated_files
from medcode_ml.coding.promotion import BEFORE, FEWEST
from medcode_ml.coding.proposals.charts import LabelledChart
from medcode_ml.coding.proposals.learning import propose
from medcode_ml.coding.proposals.table import Proposals
from medcode_ml.coding.training import groups_of, read_charts
from medcode_ml.coding.training_fit import best_cut, is_true
from medcode_ml.coding.training_parameters import TrainingParameters
from medcode_ml.coding.training_run import data_hash, labelled_charts
from medcode_ml.coding.training_words import card_words
from medcode_ml.contracts import ml
from medcode_ml.models.calibration import reliability
from medcode_ml.models.card import render_card
from medcode_ml.models.folder import read_folder, write_folder
from medcode_ml.models.manifest import Figure
from medcode_ml.models.pictures import reliability_picture, risk_coverage_picture
from medcode_ml.models.registry import registered
from medcode_ml.models.splitting import CALIBRATION, TEST, TRAIN, split_encounters
from medcode_ml.models.warehouse.learned import learned_persons
from medcode_ml.models.warehouse.stages import champion_version
from medcode_ml.models.warehouse.training_set import training_encounters
from medcode_ml.models.warehouse.versions import (
    TrainingDataError,
    TrainingResult,
    parameters_of_version,
    register_trained,
    training_place,
)
from medcode_ml.settings import settings
from medcode_ml.store.drift_alarms import changed_since
from medcode_ml.store.frames import read_frame

MODEL, PART = "model", "recent persons kept apart"
_SHOWN: Final = ("expected_calibration_error", "auto_precision", "auto_share", "micro_f1")


@dataclass(frozen=True)
class _Scored:
    """Labelled charts with their proposals: logits, whether coders gave the code, and whose chart it is, by row."""

    charts: Sequence[LabelledChart]
    proposals: Proposals
    logits: npt.NDArray[np.float64]
    right: npt.NDArray[np.bool_]
    groups: npt.NDArray[Any]


def recalibrate_from_store(
    engine: sa.Engine,
    home: Path,
    version: str | None = None,
    since: date | None = None,
    *,
    by: str = "recalibration",
    reason: str = "",
    progress: bool = False,
) -> TrainingResult:
    """Set probabilities, cut and bands of `version` anew on encounters received since `since`; register the candidate.

    Of the persons seen since whom the version neither learned from nor was calibrated on, those that a retraining would
    test on (`split_encounters`) are kept apart: on them the figures before and after are measured. The others are
    calibrated on.

    Args:
        engine: the database, with `ml.coding_training_set` filled.
        home: where the registry lies.
        version: what is recalibrated; by default the champion.
        since: received day; by default the first of the changed world, as the alarms that stand about it have it.
        by: who asks.
        reason: why, for the record.
        progress: show bars.

    Returns:
        The candidate; its figures hold `<figure>_before` and `<figure>_after`.

    Raises:
        TrainingDataError: nothing to recalibrate, no day, or too few labelled encounters.
        CalibrationError: their labels do not rise with the scores: recalibration cannot mend that, retraining may.
        ModelFolderError: the folder of the version is gone or was changed.
    """
    from medcode_ml.models.tracking import tracked_run

    began = time.monotonic()
    version, since = _chosen(engine, version, since)
    folder = registered(KIND, version, home)
    p = TrainingParameters.of(parameters_of_version(engine, ml.CODING, version))
    row = read_frame(engine, sa.select(ml.coding_model).where(ml.coding_model.c.version == version)).iloc[0]
    encounters = _recent(engine, version, since)
    digest = hashlib.sha256(f"{version} {data_hash(encounters, row['text_source'])}".encode()).hexdigest()
    model = load_model(folder)
    parts = dict(zip(encounters["encounter_id"], encounters["split"], strict=True))
    charts = labelled_charts(engine, encounters, row["text_source"])
    fitted, kept = (
        _scored(model, [c for c in charts if parts[c.record_id] == part], progress) for part in (CALIBRATION, TEST)
    )
    cut = best_cut(fitted.logits, fitted.right, sum(len(c.codes) for c in fitted.charts))
    made = calibrate(fitted.logits, fitted.right, fitted.groups, cut, p)
    after = replace_calibration(model, made.calibrator, made.threshold, made.bands)
    probability = made.calibrator.probabilities(fitted.logits)
    figures = [*_figures(MODEL, after, kept), *_figures(BEFORE, model, kept)]
    said = reliability(after.calibrator.probabilities(kept.logits), kept.right, kept.groups, part=PART)
    manifest = read_folder(folder, KIND).manifest
    origin = {"version": version, "since": since.isoformat(), "test_charts": len(kept.charts)}
    with (
        training_place(home, KIND, digest) as (making, _),
        tracked_run(KIND, {"recalibrated": origin}, home, url=settings().mlflow_url) as run,
    ):
        written = write_folder(
            making,
            kind=KIND,
            files=recalibrated_files(folder, after)
            | {
                "risk_coverage.png": lambda path: risk_coverage_picture(
                    path, probability, fitted.right, fitted.groups, threshold=made.auto.value, precision=p.precision
                ),
                "reliability.png": lambda path: reliability_picture(path, said),
            },
            code_set_release=manifest.code_set_release,
            data={**manifest.data, "calibration_charts": len(fitted.charts), "sha256": digest},
            parameters=manifest.parameters,
            figures=figures,
            facts={
                **made.facts(
                    on=f"charts received since {since} of persons it had not seen",
                    network_weight=model.network_weight,
                ),
                "recalibrated": origin,
            },
            card=lambda held: render_card(held, card_words(held)),
        )
        run.metrics({f"{f.coder}.{f.name}": f.value for f in figures})
        run.folder(written.path)
        result = register_trained(
            engine, ml.CODING, home, making, pd.concat([_learned(engine, version), encounters], ignore_index=True),
            seconds=time.monotonic() - began, data_hash=digest,
            own={
                "text_source": row["text_source"], "code_count": int(row["code_count"]),
                "code_set_releases": _releases(row["code_set_releases"], encounters["discharge_date"]),
            },
            by=by, mlflow_run=run.id, tuned_from=version, reason=reason or f"recalibrated since {since}",
        )  # fmt: skip
    told = {(f.name, "after" if f.coder == MODEL else "before"): round(f.value, 4) for f in figures if f.name in _SHOWN}
    return replace(result, figures={**result.figures, **{f"{name}_{when}": v for (name, when), v in told.items()}})


def replace_calibration(model: CodingModel, calibrator: Any, threshold: float, bands: Any) -> CodingModel:
    """The same scores under another calibration."""
    return CodingModel(
        model.version, model.learned, model.reranker, model.network, model.network_weight, calibrator, threshold, bands,
        model.day,
    )  # fmt: skip


def _chosen(engine: sa.Engine, version: str | None, since: date | None) -> tuple[str, date]:
    found = version or champion_version(engine, KIND)
    if found is None:
        raise TrainingDataError(
            "no coding model is in use: the ontology coder has no probabilities to calibrate; run coding_model_job"
        )
    day = since or changed_since(engine, KIND, found)
    if day is None:
        raise TrainingDataError(f"no drift alarm stands about {found}: name the first received day with --since")
    return found, day


def _recent(engine: sa.Engine, version: str, since: date) -> pd.DataFrame:
    """Labelled encounters received since, of persons the version does not know, to calibrate on or to test."""
    rows = training_encounters(engine, ml.CODING)
    received = rows["encounter_received"].where(rows["encounter_received"].notna(), rows["received_date"])
    known = learned_persons(engine, ml.CODING, version)
    kept = (received >= since) & ~rows["person_id"].isin(known)
    recent = rows[kept].assign(received_date=received[kept]).reset_index(drop=True)
    parts = split_encounters(recent, recent_from=since, learned=known) if len(recent) else pd.Series([], dtype=object)
    recent["split"] = parts.where(parts == TEST, CALIBRATION)
    counts = recent["split"].value_counts()
    if any(counts.get(part, 0) < FEWEST[part] for part in (CALIBRATION, TEST)):
        raise TrainingDataError(
            f"{counts.get(CALIBRATION, 0)} encounters received since {since} can be calibrated on and "
            f"{counts.get(TEST, 0)} kept apart, {FEWEST[CALIBRATION]} and {FEWEST[TEST]} are needed, of persons that "
            f"{version} has not seen: name an earlier day, or wait for labels and materialise ml/coding_training_set"
        )
    return recent.assign(since=None, recent_from=since)


def _learned(engine: sa.Engine, version: str) -> pd.DataFrame:
    """The encounters that the version learned from, and so its recalibration: also those without labels by now."""
    own, labels = ml.coding_model_encounter, ml.coding_training_set
    query = (
        sa.select(own.c.encounter_id, own.c.person_id, labels.c.discharge_date, labels.c.received_date)
        .distinct(own.c.encounter_id)
        .select_from(own.outerjoin(labels, labels.c.encounter_id == own.c.encounter_id))
        .where(own.c.version == version, own.c.part == TRAIN)
        .order_by(own.c.encounter_id, labels.c.received_date.desc())
    )
    return read_frame(engine, query).assign(split=TRAIN)


def _scored(model: CodingModel, charts: Sequence[LabelledChart], progress: bool) -> _Scored:
    read = read_charts(charts, progress)
    proposals = propose(read, [c.day for c in charts], model.learned)
    logits = blended_logits(model.reranker, model.network, model.network_weight, [c.note.text for c in read], proposals)
    return _Scored(charts, proposals, logits, is_true(proposals, charts), np.array(groups_of(charts))[proposals.chart])


def _figures(coder: str, model: CodingModel, kept: _Scored) -> list[Figure]:
    """Figures of a calibration on charts kept apart; bands before the guidelines and the text may object."""
    decided = model.decided(kept.proposals, kept.logits)
    predicted: dict[str, list[PredictedCode]] = {c.record_id: [] for c in kept.charts}
    columns = (
        kept.proposals.chart.tolist(), kept.proposals.codes[kept.proposals.code], decided.probability.tolist(),
        decided.accepted.tolist(), decided.band.tolist(),
    )  # fmt: skip
    for chart, code, value, accepted, band in zip(*columns, strict=True):
        predicted[kept.charts[chart].record_id].append(PredictedCode(code, value, accepted, band))
    gold = [LabelledNote(c.record_id, "", c.codes, patient_id=c.patient_id, disputed=c.disputed) for c in kept.charts]
    told = code_figures(gold, predicted)
    auto = told["by_band"].get("auto", {"precision": None, "codes": 0})
    found = [
        _figure(name, coder, told["full"], name, told["true_codes"]) for name in ("micro_f1", "precision", "recall")
    ]
    found.append(_figure("auto_precision", coder, auto, "precision", auto["codes"]))
    taken = told["accepted_codes"]
    found.append(Figure("auto_share", PART, coder, auto["codes"] / taken, count=taken) if taken else None)
    said = reliability(decided.probability, kept.right, kept.groups, part=PART, coder=coder)
    return [one for one in found if one is not None] + list(said.figures)


def _figure(name: str, coder: str, told: dict[str, Any], key: str, count: int) -> Figure | None:
    value = told.get(key)
    low, high = told.get(f"{key}_95") or (None, None)
    return None if value is None else Figure(name, PART, coder, value, low, high, count)


def _releases(known: Sequence[str], days: pd.Series) -> list[str]:
    """Code set releases, those of `days` and then those known before, newest first."""
    seen = sorted({release_on(day) for day in days}, key=lambda r: r.start, reverse=True)
    return list(dict.fromkeys([*(r.name for r in seen), *known]))
