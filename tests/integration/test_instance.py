"""Dagster's own tables beside the data: whole, whatever was killed while they were made and whoever starts at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

pytestmark = pytest.mark.integration

SCHEMA = "dagster"


@pytest.fixture(autouse=True)
def fresh(server_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No tables of Dagster before and after, and its environment that of this test alone."""
    from medcode_assets.instance import URL_VARIABLE

    for name in (URL_VARIABLE, "DAGSTER_HOME", "DAGSTER_EVENT_BATCH_SIZE"):
        monkeypatch.setenv(name, "to be put back")
        monkeypatch.delenv(name)
    _run(server_engine, f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    yield
    _run(server_engine, f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")


def test_tables_that_were_made_by_half_are_made_anew(server_engine: sa.Engine) -> None:
    """Guards a home whose first run was killed: Dagster makes its tables one by one, and would never add the rest."""
    from medcode_assets.instance import prepare

    _run(server_engine, f"CREATE SCHEMA {SCHEMA}", f"CREATE TABLE {SCHEMA}.event_logs (id int)")
    prepare()
    assert {"runs", "event_logs", "asset_keys", "jobs", "instigators"} <= _tables(server_engine)
    columns = sa.inspect(server_engine).get_columns("event_logs", schema=SCHEMA)
    assert {"event", "run_id"} <= {column["name"] for column in columns}


def test_tables_with_a_run_in_them_are_never_dropped(server_engine: sa.Engine) -> None:
    """Guards the history of runs where a newer Dagster wants a table that is not there yet."""
    from medcode_assets.instance import prepare

    prepare()
    run = f"INSERT INTO {SCHEMA}.runs (run_id, snapshot_id, pipeline_name) VALUES ('a', NULL, 'delivery_job')"
    _run(server_engine, run, f"DROP TABLE {SCHEMA}.asset_keys")
    prepare()
    with server_engine.connect() as connection:
        assert connection.execute(sa.text(f"SELECT run_id FROM {SCHEMA}.runs")).scalars().all() == ["a"]
    assert "asset_keys" not in _tables(server_engine)


def test_first_starts_at_the_same_moment_do_not_disturb_each_other(server_engine: sa.Engine) -> None:
    """Guards two commands on a new home: one makes the tables, the other finds them whole and drops nothing."""
    from medcode_assets.instance import prepare

    with ThreadPoolExecutor(3) as at_once:
        homes = list(at_once.map(lambda _: prepare(), range(3)))
    assert len(set(homes)) == 1
    first = _oid(server_engine)
    prepare()
    assert _oid(server_engine) == first


def test_a_run_that_hangs_ends_some_day_and_frees_what_it_holds(server_engine: sa.Engine) -> None:
    import dagster as dg

    from medcode_assets.instance import prepare

    prepare()
    with dg.DagsterInstance.get() as instance:
        assert instance.run_monitoring_enabled
        assert instance.run_monitoring_max_runtime_seconds >= 86_400
        assert instance.run_monitoring_settings["free_slots_after_run_end_seconds"] > 0


def _run(engine: sa.Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def _tables(engine: sa.Engine) -> set[str]:
    return set(sa.inspect(engine).get_table_names(schema=SCHEMA))


def _oid(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(sa.text(f"SELECT '{SCHEMA}.event_logs'::regclass::oid")).scalar_one())
