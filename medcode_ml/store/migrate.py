"""Bringing a database to the present schema: migrations, then the `mart` views and their read-only role."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import autogenerate, command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from medcode_ml.contracts import SCHEMAS, metadata
from medcode_ml.store.turns import take_turn
from medcode_ml.store.views import create_views, views_are_current

MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_TABLE = "medcode_version"


class SchemaBehindError(RuntimeError):
    """The tables are not those of this medcode, and this account may not change them."""


def migrate(engine: sa.Engine) -> None:
    """Upgrade the database to the newest revision; a database that is up to date stays as it is.

    Takes a lock first, so that several processes starting together do not migrate twice. An up-to-date database asks
    for no right to change tables: the API and the stream workers start under an account that may only read and write
    rows.

    Raises:
        SchemaBehindError: the database is not up to date and this account may not make schemas in it.
    """
    with engine.begin() as connection:
        take_turn(connection, "medcode migrate")
        if revision(connection) == newest() and views_are_current(connection):
            return
        if not connection.execute(sa.text("SELECT has_database_privilege(current_database(), 'CREATE')")).scalar():
            raise SchemaBehindError(
                f"the database stands at revision {revision(connection) or 'none'}, this medcode needs {newest()}, and "
                "this account may not change tables: run `medcode migrate` with the account that owns them"
            )
        for schema in SCHEMAS:
            connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {schema}"))
        command.upgrade(_config(connection), "head")
        create_views(connection)


def revision(connection: sa.Connection) -> str | None:
    """Return the revision that the database stands at; None before the first migration."""
    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()


def newest() -> str:
    """Return the revision that this medcode needs."""
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    assert head is not None
    return head


def new_revision(engine: sa.Engine, message: str) -> None:
    """Write the migration that leads from the database's schema to the contracts; for developers."""
    with engine.connect() as connection:
        command.revision(_config(connection), message=message, autogenerate=True)


def differences(engine: sa.Engine) -> list[str]:
    """Return what differs between the database and the contracts; empty when they agree."""

    def ours(name: str | None, kind: str, parents: object) -> bool:
        return name in SCHEMAS and name != "mart" if kind == "schema" else True

    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_schemas": True, "include_name": ours, "compare_type": True}
        )
        return [str(d) for d in autogenerate.compare_metadata(context, metadata)]


def _config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
