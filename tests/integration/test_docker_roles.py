"""The roles that the PostgreSQL container makes, on a server of their own: who may do what, and what is refused."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

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
        with make_engine(url.set(database="postgres").render_as_string(hide_password=False)).connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(sa.text("DROP DATABASE medcode"))
        subprocess.run([DOCKER / "secrets.sh", home / "secrets"], check=True)
        access = {"PGHOST": str(url.host), "PGPORT": str(url.port), "PGPASSWORD": str(url.password)}
        subprocess.run(
            [DOCKER / "postgres" / "init" / "10-roles.sh"],
            env={
                **access, "POSTGRES_USER": str(url.username), "SECRETS": str(home / "secrets"),
                "PATH": f"{server._bin()}:{os.environ['PATH']}",
            },
            check=True,
        )  # fmt: skip
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
