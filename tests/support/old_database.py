"""Databases of their own that stand at an older revision, and rows that they hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from alembic import command

from medcode_ml.contracts import SCHEMAS
from medcode_ml.store.migrate import VERSION_TABLE, _config

DAY = date(2026, 10, 5)


@contextmanager
def database_at(server: sa.Engine, revision: str, name: str) -> Iterator[sa.Engine]:
    """An engine of a database `name` beside that of `server`, at `revision`; gone afterwards."""
    admin = server.execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE IF EXISTS {name}"))
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine = sa.create_engine(server.url.set(database=name))
    try:
        with engine.begin() as connection:
            for schema in SCHEMAS:
                connection.execute(sa.text(f"CREATE SCHEMA {schema}"))
            command.upgrade(_config(connection), revision)
        yield engine
    finally:
        engine.dispose()
        with admin.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name}"))


def tables_of(engine: sa.Engine) -> dict[str, sa.Table]:
    """The tables of our schemas as they are in the database, by `schema.name`."""
    held = sa.MetaData()
    for schema in SCHEMAS:
        held.reflect(engine, schema=schema)
    return {name: table for name, table in held.tables.items() if table.name != VERSION_TABLE}


def fill(engine: sa.Engine, tables: dict[str, sa.Table], **special: dict[str, Any]) -> None:
    """Put two rows into every table: one with a value in every column, one with those alone that must have one.

    `special` are values by the name of a table, for columns whose value matters.
    """
    with engine.begin() as connection:
        for table in tables.values():
            own = special.get(table.name, {})
            whole = {c.name: _value(c, 1) for c in table.columns}
            sparse = {c.name: None if c.nullable else _value(c, 2) for c in table.columns}
            connection.execute(sa.insert(table), [whole | own, sparse | own])


def rows(engine: sa.Engine, table: sa.Table, columns: list[str]) -> list[tuple[Any, ...]]:
    """Its rows in those columns, in one order."""
    with engine.connect() as connection:
        found = connection.execute(sa.select(*(table.c[name] for name in columns))).all()
    return sorted((tuple(row) for row in found), key=str)


def _value(column: sa.Column[Any], number: int) -> Any:
    """A value that fits; texts are alike by column, so that rows of several tables belong together."""
    kind = column.type
    if isinstance(kind, sa.types.DateTime):
        return datetime(2026, 10, 5, number, tzinfo=UTC)
    if isinstance(kind, sa.JSON):
        return []
    values: tuple[tuple[type, Any], ...] = (
        (sa.Boolean, True), (sa.Date, DAY), (sa.Text, _text(column, number)), (sa.Integer, number),
        (sa.Float, number / 2), (sa.Numeric, Decimal(number)), (sa.LargeBinary, b"x"),
    )  # fmt: skip
    return next(value for known, value in values if isinstance(kind, known))


def _text(column: sa.Column[Any], number: int) -> str:
    # versions of several kinds of models stand in one table later
    kind = column.table.name.partition("_")[0] if column.name in ("version", "replaced") else column.name
    return f"{kind}-{number}"
