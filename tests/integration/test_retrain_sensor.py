"""The sensors that ask for retrainings and promotions, on a real PostgreSQL: when there is cause, and never more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
import sqlalchemy as sa
from support.rows import insert_rows

from medcode_ml.contracts import drift, mapped, metadata, ml
from medcode_ml.retraining.evidence import evidence_of
from medcode_ml.settings import settings

pytestmark = pytest.mark.integration
SHIFT = date(2026, 10, 1)
CHAMPION = "coding-20260901-00000001"


@pytest.fixture
def champion(database: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.Engine]:
    """A champion that has been watched for a month."""
    monkeypatch.setenv("MEDCODE_RETRAIN_LABELS", "40")
    settings.cache_clear()
    trained = datetime(2026, 9, 1, tzinfo=UTC)
    insert_rows(database, ml.model, {"version": CHAMPION, "kind": "coding", "trained_at": trained})
    stages = [
        {"kind": "coding", "number": n, "version": CHAMPION, "stage": stage, "replaced": None}
        for n, stage in enumerate(("candidate", "shadow", "champion"), 1)
    ]
    insert_rows(database, ml.model_stage, *stages)
    yield database
    settings.cache_clear()
    with database.begin() as connection:
        for table in (ml.model_stage, ml.model):
            connection.execute(sa.delete(table))


def metrics(engine: sa.Engine, days: int, until: date) -> None:
    """A metric without an alarm for each of the days."""
    insert_rows(
        engine,
        drift.drift_metric,
        *(
            {"received_date": until - timedelta(days=n), "kind": "coding", "version": CHAMPION, "alarm": False}
            for n in range(days)
        ),
    )


def alarm(engine: sa.Engine, day: date = SHIFT, version: str = CHAMPION, name: str = "a1") -> None:
    insert_rows(
        engine,
        drift.drift_alarm,
        {
            "alarm_id": name, "event": "raised", "kind": "coding", "version": version, "hospital_id": "all", "day": day,
            "metrics": [{"metric": "oov_rate", "window_days": 1}],
        },
    )  # fmt: skip


def labels(engine: sa.Engine, count: int, day: date = SHIFT) -> None:
    """Encounters received and labelled on a day."""
    named = [f"E{day:%m%d}{n}" for n in range(count)]
    insert_rows(
        engine, mapped.encounter,
        *({"received_date": day, "encounter_number": one, "encounter_id": one} for one in named),
    )  # fmt: skip
    insert_rows(
        engine,
        metadata.tables["raw.coder_label"],
        *({"received_date": day, "encounter_number": one, "code": "I10", "line_number": "1"} for one in named),
    )


def look(cursor: str | None = None, instance: dg.DagsterInstance | None = None) -> dg.SensorResult:
    """One look of the sensor; on an instance without runs where none is given."""
    from medcode_assets.defs.models.sensors import retrain_sensor
    from medcode_assets.resources import Database

    with ExitStack() as stack:
        used = instance or stack.enter_context(dg.DagsterInstance.ephemeral())
        context = dg.build_sensor_context(resources={"database": Database()}, cursor=cursor, instance=used)
        found = retrain_sensor(stack.enter_context(context))
    assert isinstance(found, dg.SensorResult)
    return found


def test_a_thousand_quiet_evaluations_cost_no_run(champion: sa.Engine) -> None:
    metrics(champion, 1000, SHIFT)
    labels(champion, 200)
    cursor = None
    for _ in range(30):
        found = look(cursor)
        assert not found.run_requests
        cursor = found.cursor
    assert cursor == "[]"


def test_an_alarm_with_labels_asks_once_for_a_run_that_says_since_when_the_world_is_another(
    champion: sa.Engine,
) -> None:
    metrics(champion, 3, SHIFT + timedelta(days=2))
    alarm(champion)
    labels(champion, 39)
    few = look()
    assert not few.run_requests
    assert "39 labelled" in str(few.skip_reason)
    labels(champion, 1, SHIFT + timedelta(days=1))
    (asked,) = look(few.cursor).run_requests or []
    assert asked.run_key == f"coding {CHAMPION} 2026-10-01 2026-10-03"
    assert asked.job_name == "coding_model_job"
    assert asked.run_config["ops"]["coding_training_set"]["config"] == {
        "since": "2026-04-07", "recent_from": "2026-10-01",
    }  # fmt: skip
    model = asked.run_config["ops"]["coding_model"]["config"]
    assert model["parameters_of"] == CHAMPION
    assert "a1" in model["reason"]


def test_what_is_asked_for_is_a_run_of_the_job_as_it_is(champion: sa.Engine) -> None:
    """Steps, their config and the range of days are those of the job: a request that no run can be made of is none."""
    from medcode_assets.definitions import defs
    from medcode_assets.defs.models.sensors import JOBS, training_request
    from medcode_ml.retraining.decision import Retraining

    window = Retraining("k", date(2026, 9, 1), SHIFT, SHIFT + timedelta(days=2))
    for kind in JOBS:
        asked = training_request(kind, window, CHAMPION, "drift")
        job = defs().resolve_job_def(str(asked.job_name))
        assert dg.validate_run_config(job, asked.run_config)


def test_the_same_alarm_is_not_asked_about_again_however_often_the_sensor_looks(champion: sa.Engine) -> None:
    metrics(champion, 3, SHIFT + timedelta(days=2))
    alarm(champion)
    labels(champion, 60)
    first = look()
    assert len(first.run_requests or []) == 1
    cursor = first.cursor
    for n in range(1, 40):  # days and alarms come in faster than the clock goes
        metrics(champion, 1, SHIFT + timedelta(days=2 + n))
        alarm(champion, SHIFT + timedelta(days=n), name=f"b{n}")
        found = look(cursor)
        assert not found.run_requests
        cursor = found.cursor


def test_alarms_about_a_version_that_is_not_in_use_count_for_nothing(champion: sa.Engine) -> None:
    metrics(champion, 3, SHIFT + timedelta(days=2))
    labels(champion, 60)
    alarm(champion, version="coding-20260101-00000000")
    assert not look().run_requests


def test_a_training_in_hand_and_a_version_in_shadow_are_waited_for(champion: sa.Engine) -> None:
    metrics(champion, 3, SHIFT + timedelta(days=2))
    alarm(champion)
    labels(champion, 60)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_run(
            dg.DagsterRun(
                job_name="coding_model_job",
                run_id="00000000-0000-4000-8000-000000000001",
                status=dg.DagsterRunStatus.STARTED,
            )
        )
        assert "in hand" in str(look(instance=instance).skip_reason)
    shadow = {"kind": "coding", "number": 4, "version": "coding-2", "stage": "shadow", "replaced": None}
    insert_rows(champion, ml.model_stage, shadow)
    assert evidence_of(champion, "coding").in_shadow == "coding-2"
    assert "coding-2 runs in shadow" in str(look().skip_reason)


def test_a_hospital_may_keep_retraining_to_people(champion: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics(champion, 3, SHIFT + timedelta(days=2))
    alarm(champion)
    labels(champion, 60)
    monkeypatch.setenv("MEDCODE_RETRAIN_KINDS", "")
    settings.cache_clear()
    assert not look().run_requests


NEXT = "coding-20261004-00000002"


def in_shadow(engine: sa.Engine) -> None:
    """A version that has passed the gates of its kind and stands in shadow."""
    stages = [
        {"kind": "coding", "number": n, "version": NEXT, "stage": stage, "replaced": None}
        for n, stage in ((4, "candidate"), (5, "shadow"))
    ]
    insert_rows(engine, ml.model_stage, *stages)
    insert_rows(engine, ml.model, {"version": NEXT, "kind": "coding"})
    counts = {"train_encounters": 300, "calibration_encounters": 50, "test_encounters": 60}
    insert_rows(engine, ml.coding_model, {"version": NEXT, **counts})
    lead = {
        "version": NEXT, "part": "encounter", "figure": "micro_f1", "value": 0.1, "low": 0.05, "high": 0.15,
        "encounters": 60,
    }  # fmt: skip
    insert_rows(
        engine, ml.coding_evaluation,
        {**lead, "coder": "model - ontology", "notes": ""},
        {**lead, "coder": "model - champion", "notes": f"champion: {CHAMPION}"},
    )  # fmt: skip


def ran_in_shadow(engine: sa.Engine, day: date, shift: float) -> None:
    insert_rows(
        engine, ml.shadow_figure,
        {"received_date": day, "kind": "coding", "shadow": NEXT, "champion": CHAMPION, "figure": "drg_shift",
         "value": shift, "encounters": 40},
    )  # fmt: skip


def look_at_shadows() -> dg.SensorResult | dg.SkipReason:
    from medcode_assets.defs.models.sensors import promotion_sensor
    from medcode_assets.resources import Database

    with dg.build_sensor_context(resources={"database": Database()}) as context:
        found = promotion_sensor(context)
    assert isinstance(found, dg.SensorResult | dg.SkipReason)
    return found


def test_a_version_is_asked_to_move_on_when_its_shadow_run_allows_it(champion: sa.Engine) -> None:
    from medcode_assets.definitions import defs

    assert "no version" in str(look_at_shadows())
    in_shadow(champion)
    assert "0 days in shadow" in str(look_at_shadows())
    ran_in_shadow(champion, SHIFT, 0.01)
    asked = [look_at_shadows() for _ in range(2)]
    assert all(isinstance(one, dg.SensorResult) for one in asked)
    (request,), again = ((one.run_requests or []) for one in asked if isinstance(one, dg.SensorResult))
    assert request.job_name == "coding_promotion_job"
    assert [one.run_key for one in again] == [request.run_key], "asked twice it is one run"
    assert dg.validate_run_config(defs().resolve_job_def("coding_promotion_job"), request.run_config)


def test_a_version_that_changes_too_many_groups_and_one_that_waits_for_a_person_are_not_asked(
    champion: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_shadow(champion)
    ran_in_shadow(champion, SHIFT, 0.5)
    assert "shadow_agrees" in str(look_at_shadows())
    ran_in_shadow(champion, SHIFT + timedelta(days=1), 0.0)
    monkeypatch.setenv("MEDCODE_PROMOTION", "person")
    monkeypatch.setenv("MEDCODE_SHADOW_DRG_SHIFT", "0.3")
    settings.cache_clear()
    assert "waits for a person" in str(look_at_shadows())
