"""The store against a real PostgreSQL: partitions, COPY, migrations, comments, the read-only role, a killed server."""

from __future__ import annotations

import os
import signal
import stat
import time
from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import settings as trials
from hypothesis import strategies as st
from support.old_database import database_at, fill, rows, tables_of

from medcode_ml.contracts import billed, filtered, metadata, review
from medcode_ml.contracts.mart import VIEWS
from medcode_ml.settings import Settings, settings
from medcode_ml.store.checks import schema_faults
from medcode_ml.store.database import DatabaseUrlError, database_url, make_engine
from medcode_ml.store.embedded import EmbeddedServer
from medcode_ml.store.frames import ContractError, copy_in, read_partition, replace_partition
from medcode_ml.store.migrate import differences, migrate
from medcode_ml.store.views import READER_ROLE

pytestmark = pytest.mark.integration

DAY, NEXT = date(2026, 10, 5), date(2026, 10, 6)


def factors(*values: str, encounter: str = "e1") -> pd.DataFrame:
    rows = [(encounter, n, f"factor {n}", Decimal(v), "note") for n, v in enumerate(values, start=1)]
    return pd.DataFrame(rows, columns=["encounter_id", "factor_number", "factor", "value", "note"], dtype=object)


def test_a_partition_written_twice_is_there_once(database: sa.Engine) -> None:
    for _ in range(2):
        with database.begin() as connection:
            assert replace_partition(connection, billed.payment_factor, DAY, factors("1.50", "2")) == 2
    with database.begin() as connection:
        replace_partition(connection, billed.payment_factor, NEXT, factors("9"))
    held = read_partition(database, billed.payment_factor, DAY)
    assert held["value"].tolist() == [Decimal("1.500000"), Decimal("2.000000")]
    assert len(read_partition(database, billed.payment_factor, NEXT)) == 1


def test_a_run_that_breaks_off_leaves_the_old_rows(database: sa.Engine) -> None:
    with database.begin() as connection:
        replace_partition(connection, billed.payment_factor, DAY, factors("1"))
    with pytest.raises(ZeroDivisionError), database.begin() as connection:
        replace_partition(connection, billed.payment_factor, DAY, factors("7", "8"))
        raise ZeroDivisionError
    assert read_partition(database, billed.payment_factor, DAY)["value"].tolist() == [Decimal("1.000000")]


def test_a_frame_that_is_not_the_contracts_is_refused(database: sa.Engine) -> None:
    with (
        pytest.raises(ContractError, match=r"columns missing \['note'\], columns unknown \['remark'\]"),
        database.begin() as c,
    ):
        replace_partition(c, billed.payment_factor, DAY, factors("1").rename(columns={"note": "remark"}))


@trials(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=200))
def test_any_text_comes_back_as_it_went_in(server_engine: sa.Engine, text: str) -> None:
    frame = pd.DataFrame(
        [("x" * 20, "t", "r", "page", "e", text, text, None, True, None, None)],
        columns=["quarantine_id", "record_kind", "rule", "stage", "severity", "reason", "original", "column_name",
                 "releasable", "encounter_id", "hospital_id"],
        dtype=object,
    ).assign(record_id="one", owner="nobody")  # fmt: skip
    with server_engine.begin() as connection:
        replace_partition(connection, filtered.quarantine, DAY, frame)
        assert read_partition(connection, filtered.quarantine, DAY)["original"].tolist() == [text]
        connection.rollback()


def test_the_migrations_lead_to_the_contracts(server_engine: sa.Engine) -> None:
    assert differences(server_engine) == []
    assert [fault for table in metadata.tables.values() for fault in schema_faults(server_engine, table)] == []


def test_migrating_twice_changes_nothing(server_engine: sa.Engine) -> None:
    migrate(server_engine)
    assert differences(server_engine) == []


def test_a_filled_database_of_0005_comes_to_the_contracts_and_keeps_its_rows(server_engine: sa.Engine) -> None:
    """New columns that must not be null are filled, rows that move arrive, nothing else of what was there changes."""
    with database_at(server_engine, "0005", "filled_0005") as engine:
        before = tables_of(engine)
        fill(engine, before, claim={"status": "ready"})
        columns = {name: [c.name for c in table.columns] for name, table in before.items()}
        held = {name: rows(engine, table, columns[name]) for name, table in before.items()}
        migrate(engine)
        assert differences(engine) == []
        now = tables_of(engine)
        for name in before.keys() & now.keys():
            kept = [place for place, column in enumerate(columns[name]) if column in now[name].columns]
            wanted = sorted((tuple(row[at] for at in kept) for row in held[name]), key=str)
            assert rows(engine, now[name], [columns[name][at] for at in kept]) == wanted, name
        assert {name for name in before if name not in now} == {"ml.coding_promotion", "ml.ranking_promotion"}
        versions = [(f"{kind}-{n}",) for kind in ("coding", "ranking") for n in (1, 2)]
        assert rows(engine, now["ml.model"], ["version"]) == versions
        champions = [row for row in rows(engine, now["ml.model_stage"], ["version", "stage"]) if row[1] == "champion"]
        assert {version for version, _ in champions} <= {version for (version,) in versions}
        assert len(champions) == 4, "every promotion arrives"
        sent = ["sequence", "set_control_number", "frequency_code", "total_charge"]
        assert rows(engine, now["billed.interchange_claim"], sent) == [
            (1, "0001", "1", Decimal(1)), (1, "0001", "1", Decimal(2))
        ]  # fmt: skip
        with engine.connect() as connection:
            for view in VIEWS:
                connection.execute(sa.text(f"SELECT * FROM mart.{view.name}")).all()


def test_a_missing_column_is_a_fault_of_the_schema_check(server_engine: sa.Engine) -> None:
    with server_engine.connect() as connection, connection.begin() as transaction:
        connection.execute(sa.text("ALTER TABLE billed.claim_edit DROP COLUMN remedy"))
        assert schema_faults(connection, billed.claim_edit) == ["remedy: missing"]
        transaction.rollback()


def test_every_column_of_the_database_has_a_comment(server_engine: sa.Engine) -> None:
    query = sa.text(
        "SELECT n.nspname || '.' || c.relname || '.' || a.attname "
        "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY(:schemas) AND c.relkind IN ('r', 'v') "
        "AND a.attnum > 0 AND NOT a.attisdropped AND col_description(c.oid, a.attnum) IS NULL"
    )
    schemas = ["raw", "mapped", "filtered", "coded", "ranked", "billed", "review", "mart"]
    with server_engine.connect() as connection:
        assert connection.execute(query, {"schemas": schemas}).scalars().all() == []


def test_the_reader_sees_mart_alone(server_engine: sa.Engine) -> None:
    with server_engine.connect() as connection:
        connection.execute(sa.text(f"SET LOCAL ROLE {READER_ROLE}"))
        for view in VIEWS:
            connection.execute(sa.text(f"SELECT * FROM mart.{view.name} LIMIT 1"))
    for table in ("raw.patient", "mapped.document", "billed.claim", "review.quarantine_decision"):
        with server_engine.connect() as connection, pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
            connection.execute(sa.text(f"SET LOCAL ROLE {READER_ROLE}"))
            connection.execute(sa.text(f"SELECT * FROM {table} LIMIT 1"))
    with server_engine.connect() as connection, pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
        connection.execute(sa.text(f"SET LOCAL ROLE {READER_ROLE}"))
        connection.execute(sa.text("CREATE TABLE mart.mine (x int)"))


def test_an_outside_database_is_named_by_its_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDCODE_DATABASE_URL", "postgres://someone:secret@db.example:5432/medcode")
    settings.cache_clear()
    try:
        assert database_url() == "postgresql://someone:secret@db.example:5432/medcode"
        monkeypatch.setenv("MEDCODE_DATABASE_URL", "mysql://x")
        settings.cache_clear()
        with pytest.raises(DatabaseUrlError, match="must start with postgresql://"):
            database_url()
        assert ":secret@" not in repr(settings())
    finally:
        monkeypatch.undo()
        settings.cache_clear()


def test_a_killed_server_starts_again_and_has_lost_nothing(tmp_path: Path) -> None:
    server = EmbeddedServer(Settings(home=tmp_path / "home"))
    try:
        engine = make_engine(server.ensure())
        migrate(engine)
        with engine.begin() as connection:
            copy_in(
                connection,
                review.quarantine_decision,
                pd.DataFrame(
                    [("d", "r", "rule", DAY, "released", "me", "why", pd.Timestamp("2026-10-05", tz="UTC"))],
                    columns=[
                        "decision_id",
                        "record_id",
                        "rule",
                        "received_date",
                        "outcome",
                        "decided_by",
                        "note",
                        "decided_at",
                    ],
                ),
            )
        engine.dispose()
        pid = int((server._data / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.3)
        again = make_engine(server.ensure())
        with again.connect() as connection:
            kept = sa.select(sa.func.count()).select_from(review.quarantine_decision)
            assert connection.execute(kept).scalar_one() == 1
        again.dispose()
        # as after a kill between the start of the server and the making of its database
        elsewhere = sa.make_url(again.url).set(database="postgres")
        with sa.create_engine(elsewhere, isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(sa.text("DROP DATABASE medcode WITH (FORCE)"))
        server._write_state({k: v for k, v in server._state().items() if k != "database_made"})
        with make_engine(server.ensure()).connect() as connection:
            assert connection.execute(sa.text("SELECT current_database()")).scalar_one() == "medcode"
        assert stat.S_IMODE((tmp_path / "home/postgres/server.json").stat().st_mode) == 0o600
    finally:
        server.remove()
    assert not (tmp_path / "home/postgres").exists()


def test_server_log_holds_no_statement_and_no_value(database: sa.Engine) -> None:
    bad = factors("1", encounter="SECRET-NAME")
    with pytest.raises(sa.exc.IntegrityError), database.begin() as connection:
        replace_partition(connection, billed.payment_factor, DAY, bad)
        connection.execute(sa.insert(billed.payment_factor), bad.assign(received_date=DAY).to_dict("records"))
    server = EmbeddedServer(settings())
    log = (server._home_of_files() / "server.log").read_text(errors="replace")
    assert "duplicate key" in log
    assert "SECRET-NAME" not in log
