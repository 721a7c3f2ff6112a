"""From landed messages to runs, and from stages to events: what the sensors and the events asset rest on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import dagster as dg
import pytest
import sqlalchemy as sa
from support.delivery import DAY, patient
from support.rows import insert_rows
from support.streams import all_topics, land_all, message, received, send, stream_settings

# here and not in the test: whether a sensor runs by itself is settled when it is imported, from then on for all tests
from medcode_assets.defs.streaming.sensors import stream_lag_sensor, stream_landed_sensor
from medcode_assets.resources import Database
from medcode_ml.contracts import billed, coded, ranked
from medcode_ml.contracts.streamed import event
from medcode_ml.settings import settings
from medcode_ml.streaming.events import run_events
from medcode_ml.streaming.lag import days_landed_since, partition_lags
from medcode_ml.streaming.offsets import LAND
from medcode_ml.streaming.topics import EVENT, SCANNED_RECORD
from medcode_ml.streaming.validation import checker

pytestmark = pytest.mark.integration
TODAY, ON = date(2026, 11, 22), date.fromisoformat(DAY)


@pytest.fixture
def stream(broker: str, database: sa.Engine) -> Iterator[sa.Engine]:
    """Topics of the test's own, the database empty."""
    with stream_settings(broker):
        all_topics(broker, partitions=1)
        yield database


def _on(*days: str) -> list[dict[str, object]]:
    return [message("patient", patient(f"M{n}"), received_date=day) for n, day in enumerate(days)]


def test_landed_days_are_asked_for_once_some_at_a_time_and_none_is_forgotten(stream: sa.Engine) -> None:
    send(*_on("2026-10-01", "2026-10-02", "2026-10-03", "2026-10-02"))
    land_all()
    first = days_landed_since(stream, "", TODAY, most=2)
    assert [day.day for _, day in first.days] == [1, 2]
    second = days_landed_since(stream, first.cursor, TODAY, most=2)
    assert [day.day for _, day in second.days] == [3]
    assert days_landed_since(stream, second.cursor, TODAY, most=2).days == []
    send(*_on("2026-10-02"))
    land_all()
    third = days_landed_since(stream, second.cursor, TODAY, most=2)
    assert [day.day for _, day in third.days] == [2]
    assert third.days[0][0] != first.days[1][0], "the same run key would be skipped as done"


def test_a_day_that_has_not_begun_waits(stream: sa.Engine) -> None:
    send(*_on("2026-10-02"))
    land_all()
    early = days_landed_since(stream, "", date(2026, 10, 1), most=5)
    assert early.days == []
    assert len(days_landed_since(stream, early.cursor, date(2026, 10, 2), most=5).days) == 1


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
    with dg.build_sensor_context(resources={"database": Database()}) as context:
        asked = stream_landed_sensor(context)
        assert isinstance(asked, dg.SensorResult)
        assert [r.partition_key for r in asked.run_requests or []] == ["2026-10-01"]
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
