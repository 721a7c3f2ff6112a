"""From landed messages to runs, and from stages to events: what the sensors and the events asset rest on."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
import sqlalchemy as sa
from support.delivery import DAY, patient
from support.rows import insert_rows
from support.streams import all_topics, land_all, message, received, send, stream_settings

from medcode_assets.defs.streaming import runs

# here and not in the test: whether a sensor runs by itself is settled when it is imported, from then on for all tests
from medcode_assets.defs.streaming.sensors import stream_lag_sensor, stream_landed_sensor
from medcode_assets.resources import Database
from medcode_ml.contracts import billed, coded, ranked
from medcode_ml.contracts.streamed import event
from medcode_ml.settings import settings
from medcode_ml.streaming.events import record_events, run_events
from medcode_ml.streaming.lag import KnownRuns, days_from_cursor, days_landed, days_wanted, partition_lags
from medcode_ml.streaming.offsets import LAND
from medcode_ml.streaming.topics import EVENT, SCANNED_RECORD
from medcode_ml.streaming.validation import checker

pytestmark = pytest.mark.integration
ON = date.fromisoformat(DAY)


@pytest.fixture
def stream(broker: str, database: sa.Engine) -> Iterator[sa.Engine]:
    """Topics of the test's own, the database empty."""
    with stream_settings(broker):
        all_topics(broker, partitions=1)
        yield database


def _on(*days: str) -> list[dict[str, object]]:
    return [message("patient", patient(f"M{n}"), received_date=day) for n, day in enumerate(days)]


def test_landed_days_are_found_once_each_by_what_came_since(stream: sa.Engine) -> None:
    send(*_on("2026-10-01", "2026-10-02", "2026-10-02"))
    land_all()
    landed, standing = days_landed(stream, {})
    assert {day.day for day in landed} == {1, 2}
    assert days_landed(stream, standing) == (set(), standing)
    send(*_on("2026-10-02"))
    land_all()
    assert {day.day for day in days_landed(stream, standing)[0]} == {2}


def test_a_day_that_has_not_begun_waits() -> None:
    day = date(2026, 10, 2)
    early = days_wanted(
        days_from_cursor(None), {day}, {"t/0": 1}, KnownRuns([], {}), datetime(2026, 10, 1, 23, tzinfo=UTC), 5
    )
    assert early.days == []
    known = days_from_cursor(early.cursor)
    (due,) = days_wanted(known, set(), {"t/0": 1}, KnownRuns([], {}), datetime(2026, 10, 2, tzinfo=UTC), 5).days
    assert due[1] == day


def test_lag_is_what_the_broker_holds_and_the_database_does_not(stream: sa.Engine) -> None:
    for one in _on("2026-10-01", "2026-10-02"):
        send(one)
    (before,) = partition_lags(stream, LAND, SCANNED_RECORD)
    assert (before.end, before.taken_in, before.lag) == (2, 0, 2)
    land_all()
    (after,) = partition_lags(stream, LAND, SCANNED_RECORD)
    assert (after.taken_in, after.lag) == (2, 0)


def test_the_sensor_asks_for_the_lineage_of_a_landed_day(stream: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    send(*_on("2026-10-01"))
    land_all()
    with dg.build_sensor_context(resources={"database": Database()}) as context:
        assert isinstance(stream_landed_sensor(context), dg.SkipReason), "another source is configured"
    monkeypatch.setenv("MEDCODE_SOURCE", "stream")
    settings.cache_clear()
    with dg.DagsterInstance.ephemeral() as instance:
        assert _asked(_look(instance, None)) == ["2026-10-01"]
    with dg.build_sensor_context(resources={"database": Database()}) as context:
        seen = stream_lag_sensor(context)
        assert isinstance(seen, dg.SensorResult)
        (landing, _) = seen.asset_events
        assert landing.asset_key == dg.AssetKey(["kafka", "scanned_record"])
        assert landing.metadata["lag"].value == 0
    monkeypatch.setenv("MEDCODE_KAFKA_BOOTSTRAP", "")
    settings.cache_clear()
    with dg.build_sensor_context(resources={"database": Database()}) as context:
        assert isinstance(stream_lag_sensor(context), dg.SkipReason)


def test_events_tell_every_state_once_and_nothing_of_the_patient(stream: sa.Engine) -> None:
    one = {"encounter_id": "0123456789abcdef0123", "received_date": ON}
    insert_rows(stream, coded.encounter, {**one, "outcome": "coded"})
    insert_rows(stream, coded.encounter_code, {**one, "code": "J18.9", "score": 0.9, "accepted": True})
    insert_rows(stream, ranked.encounter, one)
    insert_rows(stream, billed.claim, {**one, "status": "ready", "principal_code": "J18.9", "claim_number": "M1"})
    for sent in (3, 0):
        assert run_events(stream, ON, ON, publish=True).figures["events_sent"] == sent
    with stream.begin() as connection:
        connection.execute(sa.update(billed.claim).values(status="held", held_because=["Roe lacks a pneumonia"]))
    again = run_events(stream, ON, ON, publish=True)
    assert again.figures["events_sent"] == 1
    told = received(EVENT, 4)
    assert len({one["event_id"] for one in told}) == len(told) == 4
    assert {"coded", "ranked"} < {one["kind"] for one in told}
    assert all(checker(EVENT).is_valid(one) for one in told)
    assert not any(word in str(told) for word in ("Roe", "M1", "E1'", "pneumonia", "J18"))
    with stream.connect() as connection:
        unsent = sa.select(sa.func.count()).select_from(event).where(event.c.published_at.is_(None))
        assert connection.execute(unsent).scalar_one() == 0


@pytest.fixture
def as_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is landed is the source."""
    monkeypatch.setenv("MEDCODE_SOURCE", "stream")
    settings.cache_clear()


def _look(instance: dg.DagsterInstance, cursor: str | None) -> dg.SensorResult:
    with dg.build_sensor_context(resources={"database": Database()}, instance=instance, cursor=cursor) as context:
        found = stream_landed_sensor(context)
    assert isinstance(found, dg.SensorResult)
    return found


def _asked(found: dg.SensorResult) -> list[str | None]:
    return [request.partition_key for request in found.run_requests or []]


def _run(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, job: str = "lineage_job", **tags: str) -> None:
    named = {f"dagster/{name}": value for name, value in tags.items()}
    instance.add_run(dg.DagsterRun(job_name=job, run_id=str(uuid.uuid4()), status=status, tags=named))


@pytest.mark.parametrize(
    ("job", "tags"),
    [
        ("lineage_job", {"partition": DAY}),
        ("lineage_job", {"asset_partition_range_start": "2026-10-01", "asset_partition_range_end": "2026-10-31"}),
        ("__ASSET_JOB", {"partition": DAY}),
    ],
)
@pytest.mark.usefixtures("as_source")
def test_a_day_with_a_run_in_hand_waits_for_its_end(stream: sa.Engine, job: str, tags: dict[str, str]) -> None:
    """In a steady stream every look asked for the whole lineage of the same day once more."""
    send(*_on(DAY))
    land_all()
    with dg.DagsterInstance.ephemeral() as instance:
        _run(instance, dg.DagsterRunStatus.NOT_STARTED, job, **tags)
        _run(instance, dg.DagsterRunStatus.STARTED, "coding_model_job", partition="2026-10-06")
        first = _look(instance, None)
        assert _asked(first) == []
        (run,) = instance.get_runs(dg.RunsFilter(job_name=job))
        instance.report_run_canceled(run)
        assert _asked(_look(instance, first.cursor)) == [DAY]


@pytest.mark.usefixtures("as_source")
def test_a_run_that_failed_is_asked_for_again_and_one_that_succeeded_is_not(
    stream: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cursor went on when a run was asked for: rows of a failed one waited for the next message of their day."""
    send(*_on(DAY))
    land_all()
    monkeypatch.setattr("medcode_ml.streaming.lag.PAUSE", timedelta(0))  # else the test would take five minutes
    with dg.DagsterInstance.ephemeral() as instance:
        look, keys = _look(instance, None), []
        for status in (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS):
            (request,) = look.run_requests or []
            keys.append(str(request.run_key))
            _run(instance, status, partition=DAY, run_key=keys[-1])
            look = _look(instance, look.cursor)
        assert _asked(look) == []
        assert len(set(keys)) == 2, "the same run key would be skipped as done"
        send(*_on(DAY))
        land_all()
        assert _asked(_look(instance, look.cursor)) == [DAY]


def test_a_state_that_comes_back_is_told_again(stream: sa.Engine) -> None:
    """Held, billed, held for the same reasons: readers went on believing that the claim was billed."""
    one = {"encounter_id": "0123456789abcdef0123", "received_date": ON}
    insert_rows(stream, coded.encounter, {**one, "outcome": "coded"})
    insert_rows(stream, billed.claim, {**one, "status": "held", "principal_code": "J18.9"},
                {**one, "received_date": date(2026, 10, 6), "status": "ready", "principal_code": "J18.9"})  # fmt: skip
    told = []
    for status in ("held", "ready", "held", "ready"):
        with stream.begin() as connection:
            connection.execute(sa.update(billed.claim).where(billed.claim.c.received_date == ON).values(status=status))
        told.append(record_events(stream, ON, date(2026, 10, 6)))
        assert record_events(stream, ON, date(2026, 10, 6)) == {}, "nothing changed"
    assert told == [{"coded": 1, "held": 1, "billed": 1}, {"billed": 1}, {"held": 1}, {"billed": 1}]
    with stream.connect() as connection:
        query = sa.select(event.c.kind).where(event.c.received_date == ON).order_by(event.c.recorded_at)
        assert list(connection.execute(query).scalars())[-4:] == ["held", "billed", "held", "billed"]


def test_two_runs_at_once_tell_a_state_once(stream: sa.Engine) -> None:
    insert_rows(stream, coded.encounter,
                *({"encounter_id": f"e{n}", "received_date": ON, "outcome": "coded"} for n in range(50)))  # fmt: skip
    with ThreadPoolExecutor(4) as threads:
        told = list(threads.map(lambda _: record_events(stream, ON, ON), range(4)))
    assert [one for one in told if one] == [{"coded": 50}]


def test_runs_are_known_by_the_names_that_dagster_gives_them() -> None:
    """They are no part of Dagster's interface: a new version may call them something else."""
    from dagster._core.definitions.assets.job.asset_job import IMPLICIT_ASSET_JOB_NAME
    from dagster._core.storage.tags import PARTITION_NAME_TAG, RUN_KEY_TAG

    assert (runs.PARTITION, runs.RUN_KEY, runs.ASSETS) == (PARTITION_NAME_TAG, RUN_KEY_TAG, IMPLICIT_ASSET_JOB_NAME)
