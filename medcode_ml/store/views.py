"""Making the `mart` views from their contract, and the role that may read them and nothing else."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa

from medcode_ml.contracts.mart import VIEWS, View

READER_ROLE = "medcode_reader"
#: invalid_table_definition: what CREATE OR REPLACE VIEW answers where a column's name, type or place would change
_OTHER_COLUMNS = "42P16"


class ReaderRoleError(RuntimeError):
    """The read-only role is missing and this account may not make it."""


def create_views(connection: sa.Connection) -> None:
    """Create or replace every view of `mart`, comment its columns, and let `medcode_reader` read `mart` alone."""
    _ensure_reader(connection)
    try:
        with connection.begin_nested():
            for view in VIEWS:
                _create(connection, view)
    except sa.exc.ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != _OTHER_COLUMNS:
            raise
        # PostgreSQL replaces a view in place only when its columns stay, and drops none that another view reads
        for view in reversed(VIEWS):
            _run(connection, f"DROP VIEW IF EXISTS mart.{view.name}")
        for view in VIEWS:
            _create(connection, view)
    connection.execute(sa.text(f"GRANT USAGE ON SCHEMA mart TO {READER_ROLE}"))
    connection.execute(sa.text(f"GRANT SELECT ON ALL TABLES IN SCHEMA mart TO {READER_ROLE}"))
    connection.exec_driver_sql(f"COMMENT ON SCHEMA mart IS {_literal(_mark())}")


def views_are_current(connection: sa.Connection) -> bool:
    """Tell whether the views of `mart` were made from this very contract, and are all there."""
    kept = connection.execute(
        sa.text(
            "SELECT obj_description(to_regnamespace('mart'), 'pg_namespace'), "
            "(SELECT count(*) FROM pg_views WHERE schemaname = 'mart' AND viewname = ANY(:names))"
        ),
        {"names": [view.name for view in VIEWS]},
    ).one()
    return tuple(kept) == (_mark(), len(VIEWS))


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
    _run(connection, f"CREATE OR REPLACE VIEW mart.{view.name} ({names}) AS {view.select}")
    _run(connection, f"COMMENT ON VIEW mart.{view.name} IS {_literal(view.comment)}")
    for name, comment in view.columns.items():
        _run(connection, f"COMMENT ON COLUMN mart.{view.name}.{name} IS {_literal(comment)}")


def _run(connection: sa.Connection, statement: str) -> None:
    # a per cent sign would be read as the place of a parameter
    connection.exec_driver_sql(statement.replace("%", "%%"))


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


def _mark() -> str:
    """What the schema's comment says of the contract its views were made from."""
    digest = hashlib.sha256(repr(VIEWS).encode()).hexdigest()
    return f"The views that SQL consumers read; made from contract {digest[:16]}"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
