"""Making the `mart` views from their contract, and the role that may read them and nothing else."""

from __future__ import annotations

import sqlalchemy as sa

from medcode_ml.contracts.mart import VIEWS, View

READER_ROLE = "medcode_reader"


class ReaderRoleError(RuntimeError):
    """The read-only role is missing and this account may not make it."""


def create_views(connection: sa.Connection) -> None:
    """Create or replace every view of `mart`, comment its columns, and let `medcode_reader` read `mart` alone."""
    _ensure_reader(connection)
    for view in VIEWS:
        _create(connection, view)
    connection.execute(sa.text(f"GRANT USAGE ON SCHEMA mart TO {READER_ROLE}"))
    connection.execute(sa.text(f"GRANT SELECT ON ALL TABLES IN SCHEMA mart TO {READER_ROLE}"))


def refresh_views(engine: sa.Engine) -> None:
    """Bring the views of a database to their present definition."""
    with engine.begin() as connection:
        create_views(connection)


def count_views(engine: sa.Engine) -> dict[str, int]:
    """Count the rows that each view of `mart` shows."""
    with engine.connect() as connection:
        return {
            view.name: int(connection.execute(sa.text(f"SELECT count(*) FROM mart.{view.name}")).scalar_one())
            for view in VIEWS
        }


def _create(connection: sa.Connection, view: View) -> None:
    names = ", ".join(view.columns)
    statement = f"VIEW mart.{view.name} ({names}) AS {view.select}"
    held = connection.execute(
        sa.text("SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute WHERE attrelid = to_regclass(:v)"),
        {"v": f"mart.{view.name}"},
    ).scalar()
    if held is not None and held != list(view.columns):
        # PostgreSQL replaces a view in place only when its columns stay.
        connection.exec_driver_sql(f"DROP VIEW mart.{view.name}")
    connection.exec_driver_sql(f"CREATE OR REPLACE {statement}")
    connection.exec_driver_sql(f"COMMENT ON VIEW mart.{view.name} IS {_literal(view.comment)}")
    for name, comment in view.columns.items():
        connection.exec_driver_sql(f"COMMENT ON COLUMN mart.{view.name}.{name} IS {_literal(comment)}")


def _ensure_reader(connection: sa.Connection) -> None:
    there = connection.execute(sa.text("SELECT 1 FROM pg_roles WHERE rolname = :r"), {"r": READER_ROLE}).scalar()
    if there:
        return
    may = connection.execute(
        sa.text("SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user")
    ).scalar()
    if not may:
        raise ReaderRoleError(
            f"the role {READER_ROLE} does not exist and this account may not create it: "
            f"have an administrator run CREATE ROLE {READER_ROLE} NOLOGIN"
        )
    connection.exec_driver_sql(f"CREATE ROLE {READER_ROLE} NOLOGIN")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
