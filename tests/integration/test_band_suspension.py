"""The auto band under a drift alarm, on a real PostgreSQL: by day and hospital in the stage, in the API, the stream."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient
from support.charts import labelled, made_up
from support.rows import insert_rows

from medcode_ml.coding.batch import MODEL_VERSION
from medcode_ml.coding.model import CodingModel, load_model, recalibrated_files
from medcode_ml.coding.stage import run_coding
from medcode_ml.coding.suspension import ANSWERED
from medcode_ml.coding.training import train
from medcode_ml.contracts import coded, filtered, ml
from medcode_ml.contracts.stage import StageResult
from medcode_ml.drift.alarms import clear_alarms, raise_alarms
from medcode_ml.drift.evaluation import Row
from medcode_ml.drift.reading import coding_frames
from medcode_ml.models.bands import AUTO, REVIEW, Bands
from medcode_ml.models.folder import write_folder
from medcode_ml.models.registry import promote, register, withdraw
from medcode_ml.operations import answer_records
from medcode_ml.serving.app import create_app
from medcode_ml.serving.in_use import ModelsInUse
from medcode_ml.serving.keys import SCOPES, create_key
from medcode_ml.settings import Settings, settings
from medcode_ml.store.frames import read_frame
from medcode_ml.streaming import worker_models

pytestmark = pytest.mark.integration

DAY = date(2026, 11, 20)
BEFORE, AFTER = DAY - timedelta(days=1), DAY + timedelta(days=1)
NOTE = {"record_id": "n", "text": made_up(1, seed=9, first=500)[0]["text"], "discharge_date": "2026-10-15"}


@pytest.fixture(scope="module")
def version(medcode_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The promoted model: a small one whose bands let everything through that is accepted."""
    root = tmp_path_factory.mktemp("models")
    trained = train(labelled(made_up(40)), [], root / "one", {"use_network": False, "folds": 2, "reranker.rounds": 40})
    own = load_model(trained.path)
    lax = CodingModel(
        "", own.learned, own.reranker, None, 0.0, own.calibrator, own.threshold, Bands(own.threshold, None), None
    )
    folder = write_folder(root / "lax", kind="coding", files=recalibrated_files(trained.path, lax), facts={"lax": True})
    register(folder.path, "coding", medcode_home)
    promote("coding", folder.manifest.version, medcode_home)
    yield folder.manifest.version
    withdraw("coding", medcode_home)


@pytest.fixture
def days(database: sa.Engine) -> sa.Engine:
    """Three days with encounters of two hospitals."""
    notes = iter(made_up(60, seed=9, first=500))
    encounters, documents = [], []
    for day in (BEFORE, DAY, AFTER):
        for hospital in ("HARB", "LAKE"):
            for _ in range(3):
                note = next(notes)
                encounter = f"e{note['record_id']}"
                encounters.append(
                    {"received_date": day, "encounter_id": encounter, "hospital_id": hospital, "setting": "inpatient",
                     "discharge_date": date(2026, 10, 15)}
                )  # fmt: skip
                documents.append(
                    {"received_date": day, "document_id": note["record_id"], "encounter_id": encounter,
                     "text": note["text"]}
                )  # fmt: skip
    insert_rows(database, filtered.encounter, *encounters)
    insert_rows(database, filtered.document, *documents)
    return database


def raised(engine: sa.Engine, version: str, day: date = DAY, hospital: str = "all") -> None:
    row = Row(hospital, "all", "oov_rate", 1, 60, 600, p_adjusted=1e-9, effect=0.4, alarm=True)
    with engine.begin() as connection:
        assert raise_alarms(connection, "coding", version, day, [row]) == 1


def coded_rows(engine: sa.Engine, table: sa.Table = coded.encounter_code) -> pd.DataFrame:
    return read_frame(engine, sa.select(table).order_by(*table.primary_key))


def run(engine: sa.Engine) -> tuple[StageResult, pd.DataFrame]:
    result = run_coding(engine, BEFORE, AFTER)
    found = coded_rows(engine)
    hospitals = read_frame(engine, sa.select(filtered.encounter.c.encounter_id, filtered.encounter.c.hospital_id))
    return result, found.merge(hospitals, on="encounter_id")


def test_the_days_from_the_alarm_on_go_to_review_and_nothing_else_is_another(days: sa.Engine, version: str) -> None:
    result, quiet = run(days)
    evidence = coded_rows(days, coded.evidence)
    assert (quiet["band"] == AUTO).groupby(quiet["received_date"]).sum().min() > 5
    assert (result.figures["auto_codes_suspended"], result.figures["encounters_suspended"]) == (0, 0)
    raised(days, version)
    result, found = run(days)
    was_auto = (quiet["band"] == AUTO) & (quiet["received_date"] >= DAY)
    assert not (found.loc[found["received_date"] >= DAY, "band"] == AUTO).any()
    assert (found.loc[was_auto, "band"] == REVIEW).all()
    assert found.loc[was_auto, "reason"].str.contains(r"; auto band suspended: drift alarm \w+ of 2026-11-20").all()
    assert result.figures["auto_codes_suspended"] == was_auto.sum()
    assert result.figures["encounters_suspended"] == quiet.loc[was_auto, "encounter_id"].nunique()
    others = [c for c in quiet.columns if c not in ("band", "reason")]
    pd.testing.assert_frame_equal(found[others], quiet[others])
    pd.testing.assert_frame_equal(found[~was_auto], quiet[~was_auto])
    pd.testing.assert_frame_equal(coded_rows(days, coded.evidence), evidence)
    clear_alarms(days, "q.lead", "template agreed", kind="coding")
    result, again = run(days)
    pd.testing.assert_frame_equal(again, quiet)
    assert result.figures["auto_codes_suspended"] == 0


def test_an_alarm_of_one_hospital_leaves_the_others_alone(days: sa.Engine, version: str) -> None:
    _, quiet = run(days)
    raised(days, version, hospital="HARB")
    _, found = run(days)
    concerned = (found["received_date"] >= DAY) & (found["hospital_id"] == "HARB")
    assert not (found.loc[concerned, "band"] == AUTO).any()
    pd.testing.assert_frame_equal(found[~concerned], quiet[~concerned])
    assert (found.loc[found["hospital_id"] == "LAKE", "band"] == AUTO).sum() > 5


def test_an_alarm_about_another_version_suspends_nothing(days: sa.Engine, version: str) -> None:
    _, quiet = run(days)
    for other in (MODEL_VERSION, "coding-20260101-00000000"):
        raised(days, other)
    _, found = run(days)
    pd.testing.assert_frame_equal(found, quiet)


def test_drift_measures_the_coder_and_not_its_suspension(days: sa.Engine, version: str) -> None:
    """Else the share of the auto band would fall to 0 under an alarm, and the alarm raise itself again for ever."""

    def measured() -> pd.DataFrame:
        run(days)
        with days.connect() as connection:
            codes = coding_frames(connection, AFTER, version).codes
        return codes.sort_values(["encounter_id", "code"], ignore_index=True)

    quiet = measured()
    assert (quiet["band"] == AUTO).sum() > 5
    raised(days, version)
    pd.testing.assert_frame_equal(measured(), quiet)


def bands(answer: dict[str, Any]) -> set[str]:
    return {code["band"] for code in answer["codes"] if code["accepted"]}


def test_a_worker_of_the_api_takes_up_an_alarm_and_drops_it_again(database: sa.Engine, version: str) -> None:
    models = ModelsInUse(settings(), database)
    held = models.current
    record = {**NOTE, "hospital_id": "LAKE"}
    (quiet,) = answer_records("code", [record], models.current)
    assert isinstance(quiet, dict)
    assert bands(quiet) == {AUTO}
    raised(database, version, hospital="HARB")
    assert not models.refresh(), "no model is another"
    (other,) = answer_records("code", [record], models.current)
    assert other == quiet
    here, unnamed = answer_records("code", [{**NOTE, "hospital_id": "HARB"}, NOTE], models.current)
    for answer in (here, unnamed):
        assert isinstance(answer, dict)
        assert bands(answer) == {REVIEW}
        assert answer[ANSWERED]["day"] == "2026-11-20"
    assert held.suspension is not models.current.suspension, "a request in hand ends as it began"
    clear_alarms(database, "q.lead", "n", kind="coding")
    models.refresh()
    assert answer_records("code", [record, NOTE], models.current) == answer_records("code", [record, NOTE], held)
    assert models.loads == 0, "no model was loaded for it"


def test_the_api_says_that_the_band_is_suspended_and_that_alarms_could_not_be_read(
    database: sa.Engine, medcode_home: Path, version: str
) -> None:
    chosen = Settings(api_rate="100000/minute", api_workers=1, api_model_seconds=600)
    whole = {"encounter_id": "E1", "documents": [{"text": NOTE["text"]}], "discharge_date": "2026-10-15"}
    with TestClient(create_app(chosen, database), raise_server_exceptions=False) as client:
        key = {"Authorization": f"Bearer {create_key(database, 'tests', SCOPES, ['*'], by='tests')}"}
        models: ModelsInUse = client.app.state.api.models  # type: ignore[attr-defined]
        assert client.get("/readyz").json()["auto_band_suspended"] == []
        raised(database, version)
        models.refresh()
        ready = client.get("/readyz").json()
        assert ready["status"] == "ready"
        assert "drift alarm" in ready["auto_band_suspended"][0]
        assert client.get("/v1/models", headers=key).json()["auto_band_suspended"] == ready["auto_band_suspended"]
        assert "medcode_api_auto_band_suspended 1.0" in client.get("/metrics", headers=key).text
        for path, record in (("/v1/code", NOTE), ("/v1/encounters", whole)):
            answer = client.post(path, json=record, headers=key).json()
            assert bands(answer) == {REVIEW}, path
            assert answer[ANSWERED]["reason"] in ready["auto_band_suspended"]
        way = [c["reason"] for c in client.post("/v1/encounters", json=whole, headers=key).json()["codes"]]
        assert any("auto band suspended" in reason for reason in way)
        with database.begin() as connection:
            connection.execute(sa.text("ALTER TABLE ml.drift_alarm RENAME TO drift_alarm_gone"))
        try:
            models.refresh()
            unread = client.get("/readyz").json()
            assert unread["status"] == "degraded"
            assert "as they were read before" in unread["trouble"]["drift_alarms"]
            assert unread["auto_band_suspended"] == ready["auto_band_suspended"], "the last that was known holds"
            assert "medcode_api_drift_alarms_unread 1.0" in client.get("/metrics", headers=key).text
        finally:
            with database.begin() as connection:
                connection.execute(sa.text("ALTER TABLE ml.drift_alarm_gone RENAME TO drift_alarm"))
        clear_alarms(database, "q.lead", "n", kind="coding")
        models.refresh()
        ready = client.get("/readyz").json()
        assert (ready["status"], ready["auto_band_suspended"]) == ("ready", [])
        assert bands(client.post("/v1/code", json=NOTE, headers=key).json()) == {AUTO}


def test_a_stream_worker_takes_up_an_alarm_and_drops_it_without_a_restart(
    database: sa.Engine, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_models, "_LOOK_EVERY", 0.0)
    models = worker_models.WorkerModels()

    def told() -> set[str]:
        (answer,) = answer_records("code", [NOTE], models.current())
        assert isinstance(answer, dict)
        return bands(answer)

    assert told() == {AUTO}
    raised(database, version)
    assert told() == {REVIEW}
    clear_alarms(database, "q.lead", "n", kind="coding")
    assert told() == {AUTO}


def test_a_stream_worker_answers_with_the_champion_of_the_database(
    database: sa.Engine, version: str, medcode_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A promotion on another host moves no pointer here: whoever looks puts it right."""
    monkeypatch.setattr(worker_models, "_LOOK_EVERY", 0.0)
    models = worker_models.WorkerModels()
    assert models.version("code", models.current()) == version
    for number, stage in ((1, "champion"), (2, "retired")):
        insert_rows(database, ml.model_stage, {"kind": "coding", "number": number, "version": version, "stage": stage})
    assert models.version("code", models.current()) is None, "retired there, the rules are in use here"
    promote("coding", version, medcode_home)
