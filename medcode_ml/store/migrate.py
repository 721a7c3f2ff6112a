"""Bringing a database to the present schema: migrations, then the `mart` views and their read-only role."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import autogenerate, command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from medcode_ml.contracts import SCHEMAS, metadata
from medcode_ml.store.views import create_views

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(engine: sa.Engine) -> None:
    """Upgrade the database to the newest revision; a database that is up to date stays as it is.

    Takes a lock first, so that several processes starting together do not migrate twice.
    """
    with engine.begin() as connection:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended('medcode migrate', 0))"))
        for schema in SCHEMAS:
            connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {schema}"))
        command.upgrade(_config(connection), "head")
        create_views(connection)


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
