"""Alarms of drift on a real PostgreSQL, without a network: since when the world has changed, and whom they concern."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from medcode_ml.drift.alarms import clear_alarms, raise_alarms
from medcode_ml.drift.evaluation import Row
from medcode_ml.store.drift_alarms import changed_since, standing_alarms

pytestmark = pytest.mark.integration

DAY = date(2026, 9, 20)


@pytest.fixture
def tables(server_engine: sa.Engine) -> Iterator[sa.Engine]:
    """The database with no alarm and no reference in it."""

    def emptied() -> None:
        with server_engine.begin() as connection:
            connection.execute(sa.text("TRUNCATE ml.drift_alarm, ml.drift_reference"))

    emptied()
    yield server_engine
    emptied()


def row(window: int, *, hospital: str = "all", p: float = 1e-6, effect: float = 0.4) -> Row:
    return Row(hospital, "all", "oov_rate", window, 60, 600, p_adjusted=p, effect=effect, alarm=True)


def reference(engine: sa.Engine, version: str, last_day: date) -> None:
    given = {
        "reference_id": f"{version}{last_day}", "kind": "coding", "version": version, "origin": "first_days",
        "first_day": last_day - timedelta(days=13), "last_day": last_day, "created_at": datetime.now(UTC),
        "encounters": 600, "labelled": 600, "releases": json.dumps([]), "facts": json.dumps({}),
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                f"INSERT INTO ml.drift_reference ({', '.join(given)}) "
                f"VALUES ({', '.join(f':{name}' for name in given)})"
            ),
            given,
        )


def raised(engine: sa.Engine, version: str, day: date, *rows: Row) -> int:
    with engine.begin() as connection:
        return raise_alarms(connection, "coding", version, day, list(rows))


def test_the_world_has_changed_since_the_window_of_the_strongest_metric(tables: sa.Engine) -> None:
    """What is learned from later, and tested, begins there: a day too early takes the old world for the new one."""
    assert changed_since(tables, "coding", "one") is None
    raised(tables, "one", DAY, row(7, p=1e-5), row(3, p=1e-9))
    assert changed_since(tables, "coding", "one") == DAY - timedelta(days=2)
    assert changed_since(tables, "coding", "two") is None
    assert changed_since(tables, "ranking", "one") is None


def test_no_day_of_the_reference_is_of_the_changed_world(tables: sa.Engine) -> None:
    reference(tables, "one", DAY - timedelta(days=3))
    reference(tables, "one", DAY + timedelta(days=3))  # frozen later, of days after the alarm: it says nothing
    reference(tables, "two", DAY - timedelta(days=1))
    raised(tables, "one", DAY, row(7))
    assert changed_since(tables, "coding", "one") == DAY - timedelta(days=2)


def test_of_several_alarms_the_earliest_day_counts_and_a_cleared_one_does_not(tables: sa.Engine) -> None:
    raised(tables, "one", DAY, row(1, hospital="HARB"))
    raised(tables, "one", DAY + timedelta(days=2), row(7))
    assert len(standing_alarms(tables, "coding")) == 2
    assert changed_since(tables, "coding", "one") == DAY + timedelta(days=2) - timedelta(days=6)
    network = standing_alarms(tables, "coding").query("hospital_id == 'all'")["alarm_id"].iloc[0]
    clear_alarms(tables, "q.lead", "another scanner", alarm_id=network)
    assert changed_since(tables, "coding", "one") == DAY
    clear_alarms(tables, "q.lead", "template agreed", kind="coding")
    assert changed_since(tables, "coding", "one") is None


def test_a_thousand_evaluations_of_a_day_raise_one_alarm_and_of_a_quiet_one_none(tables: sa.Engine) -> None:
    quiet = replace(row(1), alarm=False)
    with tables.begin() as connection:
        none = [raise_alarms(connection, "coding", "one", DAY - timedelta(days=1), [quiet]) for _ in range(500)]
        one = [raise_alarms(connection, "coding", "one", DAY, [row(1), row(3)]) for _ in range(500)]
    assert (sum(none), sum(one)) == (0, 1)
    with tables.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM ml.drift_alarm")).scalar_one() == 1


def test_an_alarm_about_a_retired_version_stands_for_nothing_whichever_day_is_evaluated(tables: sa.Engine) -> None:
    """A late delivery has an old day evaluated again: what raised an alarm then must not suspend the new champion."""
    raised(tables, "one", DAY, row(1))
    raised(tables, "two", DAY + timedelta(days=1))
    assert standing_alarms(tables).empty
    with tables.begin() as connection:
        assert raise_alarms(connection, "coding", "one", DAY - timedelta(days=1), [row(1)], now="two") == 1
    assert standing_alarms(tables).empty
    raised(tables, "two", DAY + timedelta(days=2), row(1))
    assert list(standing_alarms(tables)["version"]) == ["two"]
