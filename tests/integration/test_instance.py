"""Dagster's own tables beside the data: whole, whatever was killed while they were made."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

pytestmark = pytest.mark.integration


def test_tables_that_were_made_by_half_are_made_anew_and_whole_ones_stay(
    server_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards a home whose first run was killed: Dagster makes its tables one by one, and would never add the rest."""
    from dagster._core.storage.event_log.schema import SqlEventLogStorageMetadata

    from medcode_assets.instance import SCHEMA, URL_VARIABLE, prepare

    for name in (URL_VARIABLE, "DAGSTER_HOME", "DAGSTER_EVENT_BATCH_SIZE"):
        monkeypatch.setenv(name, "")  # what is prepared is of this test alone

    def there() -> set[str]:
        return set(sa.inspect(server_engine).get_table_names(schema=SCHEMA))

    with server_engine.begin() as connection:
        connection.execute(sa.text(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE"))
        connection.execute(sa.text(f"CREATE SCHEMA {SCHEMA}"))
        connection.execute(sa.text(f"CREATE TABLE {SCHEMA}.event_logs (id int)"))
    prepare()
    assert there() == set()
    with server_engine.begin() as connection:
        for name in SqlEventLogStorageMetadata.tables:
            connection.execute(sa.text(f"CREATE TABLE {SCHEMA}.{name} (id int)"))
    prepare()
    assert there() == set(SqlEventLogStorageMetadata.tables)
    with server_engine.begin() as connection:
        connection.execute(sa.text(f"DROP SCHEMA {SCHEMA} CASCADE"))
