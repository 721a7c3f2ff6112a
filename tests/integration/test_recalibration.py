"""Recalibration on a real PostgreSQL: the same scores under new probabilities and bands, a candidate behind gates."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from support.charts import DAY, labelled, made_up
from support.rows import insert_rows

from medcode_ml.coding.evaluation import BRIER, MICRO_F1, evaluate_from_store
from medcode_ml.coding.in_use import coder_of
from medcode_ml.coding.model import load_model
from medcode_ml.coding.promotion import gates, recalibrated_from
from medcode_ml.coding.recalibration import recalibrate_from_store
from medcode_ml.coding.training import train
from medcode_ml.contracts import filtered, ml
from medcode_ml.drift.alarms import raise_alarms
from medcode_ml.drift.evaluation import Row
from medcode_ml.models.folder import read_folder
from medcode_ml.models.manifest import ModelFolderError
from medcode_ml.models.registry import promoted_version
from medcode_ml.models.splitting import CALIBRATION, TEST, TRAIN
from medcode_ml.models.warehouse.evaluation import CHAMPION, MODEL, WHOLE, difference
from medcode_ml.models.warehouse.promotion import Gate, persons_in_two_parts, promote_version
from medcode_ml.models.warehouse.stages import CANDIDATE, moves_of, standing_of
from medcode_ml.models.warehouse.versions import TrainingDataError, register_trained
from medcode_ml.store.frames import read_frame

pytestmark = [pytest.mark.integration, pytest.mark.slow]

OLD, SINCE = date(2026, 11, 1), date(2026, 11, 20)
SMALL: dict[str, Any] = {"use_network": False, "folds": 2, "reranker.rounds": 60}
LEARNED, RECENT = 60, 200


def shifted(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same notes where coders give every second code no longer: what was likely is not as likely any more."""
    generator = np.random.default_rng(5)
    return [{**r, "codes": [c for c in r["codes"] if generator.random() < 0.5] or r["codes"][:1]} for r in records]


def put_in(engine: sa.Engine, records: list[dict[str, Any]], received: date, split: str) -> pd.DataFrame:
    """Labelled encounters of one document each, with their rows of the training set."""
    documents, rows = [], []
    for record in records:
        codes = [c if isinstance(c, str) else c["code"] for c in record["codes"]]
        documents.append(
            {"received_date": received, "document_id": record["record_id"], "encounter_id": record["record_id"],
             "text": record["text"], "document_type": "discharge_summary"}
        )  # fmt: skip
        rows.append(
            {"received_date": received, "encounter_id": record["record_id"], "patient_id": record["patient_id"],
             "person_id": record["patient_id"], "setting": "inpatient", "discharge_date": DAY, "split": split,
             "set_aside": None, "codes": codes, "codes_outside_release": [], "document_ids": [record["record_id"]],
             "text_hash": hashlib.sha256(record["text"].encode()).hexdigest(), "encounter_received": received}
        )  # fmt: skip
    insert_rows(engine, filtered.document, *documents)
    insert_rows(engine, ml.coding_training_set, *rows)
    return pd.DataFrame(rows, dtype=object)


def against_champion(engine: sa.Engine, version: str) -> Gate:
    return {gate.name: gate for gate in gates(engine, version)}["candidate_beats_champion"]


def planted(engine: sa.Engine, version: str, figure: str, **values: float) -> None:
    """Let a figure of the model on the whole test be another."""
    table = ml.coding_evaluation
    key = {"version": version, "part": WHOLE, "coder": MODEL, "figure": figure}
    with engine.begin() as connection:
        connection.execute(sa.delete(table).where(*(table.c[name] == value for name, value in key.items())))
        row = {**dict.fromkeys(("low", "high")), **key, **values, "encounters": 50}
        connection.execute(sa.insert(table).values(**row, notes="planted"))


def auto(engine: sa.Engine, version: str, *, codes: int, precision: float, high: float) -> None:
    planted(engine, version, "codes_auto", value=codes)
    planted(engine, version, "precision_auto", value=precision, high=high)


def changed(engine: sa.Engine, version: str, column: str, value: Any) -> Any:
    """Let a column of the registry say something else; what it said."""
    own = ml.model.c.version == version
    with engine.begin() as connection:
        before = connection.execute(sa.select(ml.model.c[column]).where(own)).scalar_one()
        connection.execute(sa.update(ml.model).where(own).values({column: value}))
    return before


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(labelled(made_up(LEARNED)), [], tmp_path_factory.mktemp("made") / "one", SMALL).path


@pytest.fixture
def champion(database: sa.Engine, made: Path, tmp_path: Path) -> tuple[sa.Engine, Path, str]:
    """A model in use, and labelled encounters of a changed world, some of persons it learned from."""
    home = tmp_path / "home"
    learned = put_in(database, made_up(LEARNED), OLD, TRAIN)
    put_in(database, shifted(made_up(RECENT, seed=9, first=500)), SINCE, TEST)
    known = [{**r, "patient_id": f"p{n // 2}"} for n, r in enumerate(made_up(20, seed=4, first=900))]
    put_in(database, known, SINCE, TRAIN)
    version = register_trained(
        database, ml.CODING, home, made, learned, seconds=1.0, data_hash="d", learned_codes=["I10"],
        own={"text_source": "documents"},
    ).version  # fmt: skip
    promote_version(database, ml.CODING, home, version, [], by="test")
    return database, home, version


def test_a_recalibration_is_a_new_candidate_whose_scores_are_the_same_and_whose_promises_hold(
    champion: tuple[sa.Engine, Path, str],
) -> None:
    engine, home, version = champion
    parent = home / "models" / "coding" / version
    files = {path.name: path.read_bytes() for path in parent.iterdir()}
    result = recalibrate_from_store(engine, home, since=SINCE, by="q.lead", reason="coders code less")
    assert {path.name: path.read_bytes() for path in parent.iterdir()} == files, "no file of a version is written over"
    assert promoted_version("coding", home) == version
    now = standing_of(engine, result.version)
    assert (now.stage, now.by, now.why) == (CANDIDATE, "q.lead", "coders code less")
    new = {path.name: path.read_bytes() for path in result.folder.iterdir()}
    assert all(new[name] == files[name] for name in ("learned.safetensors", "reranker.txt"))
    assert new["model.json"] != files["model.json"]
    row = read_frame(engine, sa.select(ml.model).where(ml.model.c.version == result.version)).iloc[0]
    assert (row["tuned_from"], row["champion"], row["recent_from"]) == (version, version, SINCE)
    # on persons it has not seen the old one is far too sure of itself, the new one is not
    told = result.figures
    assert float(told["expected_calibration_error_before"]) > 2 * float(told["expected_calibration_error_after"])
    assert float(told["micro_f1_after"]) > float(told["micro_f1_before"]) - 0.02
    old, after = load_model(parent), load_model(result.folder)
    assert after.bands.auto is None or after.bands.auto > (old.bands.auto or 0.0)
    card = (result.folder / "model_card.md").read_text(encoding="utf-8")
    assert f"Probabilities and bands of {version} were set anew" in card
    assert "expected_calibration_error" in card
    assert read_folder(result.folder, "coding").manifest.facts["recalibrated"]["version"] == version
    parts = read_frame(
        engine, sa.select(ml.coding_model_encounter).where(ml.coding_model_encounter.c.version == result.version)
    )
    assert parts["part"].value_counts().to_dict()[TRAIN] == LEARNED
    assert persons_in_two_parts(engine, ml.CODING, result.version) == 0
    recent = parts[parts["part"].isin([CALIBRATION, TEST])]
    assert len(recent) == RECENT, "nobody it had learned from, everybody else"
    assert [move.stage for move in moves_of(engine, result.version)] == [CANDIDATE]
    # it goes through the gates of any version, and beats the one it was made of by its probabilities
    evaluation = evaluate_from_store(engine, home, result.version, resamples=200)
    assert {gate.name: gate for gate in gates(engine, result.version)}["patients_do_not_overlap"].passed
    assert recalibrated_from(engine, result.version) == version
    assert recalibrated_from(engine, version) is None
    passed = against_champion(engine, result.version)
    assert passed.passed, passed.said
    assert f"Brier score of the listed codes (less is better) against {version}: -" in passed.said
    assert "codes in the auto band" in passed.said
    leads = evaluation.figures[evaluation.figures["coder"] == difference(CHAMPION)].set_index(["part", "figure"])
    assert leads.loc[(WHOLE, BRIER), "high"] < 0
    assert leads.loc[(WHOLE, MICRO_F1), "low"] <= 0, "by micro-F1 alone it would not have passed"
    # what it promises of the auto band binds it where it may pass by its probabilities alone
    auto(engine, result.version, codes=40, precision=0.7, high=0.83)
    broken = against_champion(engine, result.version)
    assert not broken.passed
    assert "precision of 40 codes in the auto band: 0.7000 (95% up to 0.8300), below the 95% promised" in broken.said
    auto(engine, result.version, codes=19, precision=0.7, high=0.83)
    assert against_champion(engine, result.version).passed
    # an ordinary candidate with the same figures does not, nor a recalibration of another than the one in use
    for column, value in (("figures", []), ("tuned_from", "coding-20260101-00000000")):
        kept = changed(engine, result.version, column, value)
        found = against_champion(engine, result.version)
        assert not found.passed
        assert "Brier" not in found.said
        changed(engine, result.version, column, kept)
    assert against_champion(engine, result.version).passed
    # one that changes nothing proves nothing
    one = coder_of(parent).code
    evaluate_from_store(
        engine, home, result.version, resamples=50, measured=lambda *_: ({MODEL: one, CHAMPION: one}, version)
    )
    idle = against_champion(engine, result.version)
    assert not idle.passed
    assert f"against {version}: +0.0000 (95% +0.0000 to +0.0000)" in idle.said


def test_the_day_is_that_of_the_alarm_unless_it_is_named(champion: tuple[sa.Engine, Path, str]) -> None:
    engine, home, version = champion
    with pytest.raises(TrainingDataError, match=r"no drift alarm stands about .*--since"):
        recalibrate_from_store(engine, home)
    row = Row("all", "all", "oov_rate", 3, 60, 600, p_adjusted=1e-9, effect=0.4, alarm=True)
    with engine.begin() as connection:
        raise_alarms(connection, "coding", version, date(2026, 12, 26), [row])
    with pytest.raises(TrainingDataError, match="0 encounters received since 2026-12-24 can be calibrated on"):
        recalibrate_from_store(engine, home)


def test_what_cannot_be_recalibrated_is_said(champion: tuple[sa.Engine, Path, str]) -> None:
    engine, home, _ = champion
    with pytest.raises(ModelFolderError, match="no coding model coding-x is registered"):
        recalibrate_from_store(engine, home, "coding-x", SINCE)
    with engine.begin() as connection:
        connection.execute(sa.delete(ml.model_stage))
    with pytest.raises(TrainingDataError, match="no coding model is in use"):
        recalibrate_from_store(engine, home, since=SINCE)
