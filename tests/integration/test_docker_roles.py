"""The roles that the PostgreSQL container makes, on a server of their own: who may do what, and what is refused."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
import yaml

from medcode_ml.contracts import metadata
from medcode_ml.settings import Settings
from medcode_ml.store.database import make_engine
from medcode_ml.store.embedded import EmbeddedServer
from medcode_ml.store.migrate import SchemaBehindError, migrate, newest, revision

DOCKER = Path(__file__).resolve().parents[2] / "docker"
ROLES = ("owner", "application", "dagster")

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, sa.Engine]]:
    """An engine for each role, after the container's own script made roles and databases."""
    home = tmp_path_factory.mktemp("roles")
    server = EmbeddedServer(Settings(home=home))
    url = sa.make_url(server.ensure())
    made: dict[str, sa.Engine] = {}
    try:
        _make_roles(server, url, home, DOCKER / "postgres" / "init")
        for role in ROLES:
            text = (home / "secrets" / f"{role}_url").read_text().strip()
            made[role] = make_engine(text.replace("@postgres:5432/", f"@{url.host}:{url.port}/"))
        yield made
    finally:
        for engine in made.values():
            engine.dispose()
        server.remove()


def test_each_role_may_do_its_work_and_no_more(engines: dict[str, sa.Engine]) -> None:
    """The owner makes tables, the application moves rows, Dagster sees nothing of a patient."""
    owner, application, dagster = (engines[role] for role in ROLES)
    with pytest.raises(SchemaBehindError, match="medcode migrate"):
        migrate(application)
    migrate(owner)
    migrate(application)  # up to date: nothing to do, and no right needed for that
    with application.begin() as connection:
        assert revision(connection) == newest()
        connection.execute(sa.text("CREATE TEMPORARY TABLE mine (x int) ON COMMIT DROP"))
        connection.execute(sa.delete(metadata.tables["raw.patient"]))
        assert connection.execute(sa.text("SELECT count(*) FROM mart.claim")).scalar_one() == 0
    with dagster.begin() as connection:
        connection.execute(sa.text("CREATE TABLE runs (id int)"))
        where = connection.execute(
            sa.text("SELECT table_schema FROM information_schema.tables WHERE table_name='runs'")
        )
        assert where.scalars().all() == ["dagster"]
    for engine, statement in (
        (application, "CREATE TABLE raw.mine (x int)"),
        (application, "DROP TABLE raw.patient"),
        (application, "SELECT * FROM dagster.runs"),
        (dagster, "SELECT * FROM raw.patient"),
        (dagster, "SELECT * FROM mart.claim"),
    ):
        with (
            engine.connect() as connection,
            pytest.raises(sa.exc.ProgrammingError, match=r"permission denied|owner of"),
        ):
            connection.execute(sa.text(statement))


def test_a_view_that_is_gone_or_of_another_contract_is_made_again(engines: dict[str, sa.Engine]) -> None:
    """`migrate` leaves an up-to-date database alone; the mark on schema mart must not hide that it is not."""
    owner = engines["owner"]
    migrate(owner)
    count = sa.text("SELECT count(*) FROM pg_views WHERE schemaname = 'mart'")
    with owner.begin() as connection:
        views = connection.execute(count).scalar_one()
        connection.execute(sa.text("DROP VIEW mart.quarantine CASCADE"))
    migrate(owner)
    with owner.begin() as connection:
        assert connection.execute(count).scalar_one() == views
        connection.execute(sa.text("COMMENT ON SCHEMA mart IS 'an older contract'"))
    migrate(owner)
    with owner.connect() as connection:
        kept = connection.execute(sa.text("SELECT obj_description('mart'::regnamespace, 'pg_namespace')")).scalar_one()
    assert "contract" in kept
    assert kept != "an older contract"


def test_dagsters_tables_are_made_whole_by_its_own_account(
    engines: dict[str, sa.Engine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may make no schema: where the first makers were killed their tables alone go, and nothing beside them."""
    from medcode_assets.instance import URL_VARIABLE, make_tables

    text = (DOCKER / "dagster" / "dagster.yaml").read_text().replace("/var/lib/medcode/dagster", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text(text)
    url = engines["dagster"].url.set(drivername="postgresql").render_as_string(hide_password=False)
    for name, value in {URL_VARIABLE: url, "DAGSTER_HOME": str(tmp_path), "MEDCODE_RUNS_AT_ONCE": "2"}.items():
        monkeypatch.setenv(name, value)
    with engines["dagster"].begin() as connection:
        connection.execute(sa.text("DROP TABLE IF EXISTS runs"))
        connection.execute(sa.text("CREATE TABLE event_logs (id int)"))
        connection.execute(sa.text("CREATE TABLE of_another AS SELECT 1 AS one"))
    make_tables()
    inspector = sa.inspect(engines["dagster"])
    assert {"runs", "event_logs", "asset_keys", "jobs", "of_another"} <= set(inspector.get_table_names())
    assert "run_id" in {column["name"] for column in inspector.get_columns("event_logs")}


def test_the_container_of_postgresql_is_well_only_when_all_was_made(tmp_path: Path) -> None:
    """A volume whose making was cut short stays so: pg_isready called it well, and all others failed on it."""
    home, init = tmp_path / "home", tmp_path / "init"
    server = EmbeddedServer(Settings(home=home))
    try:
        url = sa.make_url(server.ensure())
        shutil.copytree(DOCKER / "postgres" / "init", init)
        whole = init / "sql" / "roles.sql"
        text = whole.read_text()
        whole.write_text(text[: text.rindex("ALTER DEFAULT PRIVILEGES")])
        _make_roles(server, url, home, init)
        assert not _is_well(server, url, home), "its last statement is missing"
        with make_engine(url.render_as_string(hide_password=False)).begin() as connection:
            connection.execute(sa.text(text[text.rindex("ALTER DEFAULT PRIVILEGES") :]))
        assert _is_well(server, url, home)
    finally:
        server.remove()


def _make_roles(server: EmbeddedServer, url: sa.URL, home: Path, init: Path) -> None:
    """By the container's own script, on a server without the database that medcode itself makes."""
    with make_engine(url.set(database="postgres").render_as_string(hide_password=False)).connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(sa.text("DROP DATABASE medcode"))
    subprocess.run(["sh", DOCKER / "secrets.sh", home / "secrets"], check=True)
    environment = {**_access(server, url), "POSTGRES_USER": str(url.username), "SECRETS": str(home / "secrets")}
    subprocess.run([init / "10-roles.sh"], env=environment, check=True)


def _access(server: EmbeddedServer, url: sa.URL) -> dict[str, str]:
    return {
        "PGHOST": str(url.host), "PGPORT": str(url.port), "PGPASSWORD": str(url.password),
        "PATH": f"{server._bin()}:{os.environ['PATH']}",
    }  # fmt: skip


def _is_well(server: EmbeddedServer, url: sa.URL, home: Path) -> bool:
    """What the health check of the container says, run here: with this server's files, account and port."""
    service = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]["postgres"]
    kind, command = service["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    password = home / "password"
    password.write_text(str(url.password))
    for there, here in (
        ("$$", "$"),
        ("/run/secrets/postgres_password", str(password)),
        ("/docker-entrypoint-initdb.d", str(DOCKER / "postgres" / "init")),
        ("--username postgres", f"--username {url.username}"),
    ):
        assert there in command
        command = command.replace(there, here)
    access = {name: value for name, value in _access(server, url).items() if name in ("PGPORT", "PATH")}
    return subprocess.run(["sh", "-c", command], env=access, capture_output=True, check=False).returncode == 0
