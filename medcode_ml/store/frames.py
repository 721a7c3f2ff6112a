"""Frames in and out of the database: reading a select, replacing a partition in one transaction by COPY."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from medcode_ml.store.copying import ContractError, copy_in, copy_out
from medcode_ml.store.turns import take_turn

__all__ = [
    "ContractError", "clear_partition", "copy_in", "copy_out", "days_of", "read_frame", "read_partition",
    "replace_partition",
]  # fmt: skip


def days_of(start: date, end: date) -> Iterator[date]:
    """Every day from `start` to `end`, both included."""
    for offset in range((end - start).days + 1):
        yield start + timedelta(days=offset)


def read_frame(
    source: sa.Engine | sa.Connection, query: sa.Executable, parameters: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Run `query` and return its rows as a frame of object columns: None stays None, Decimal stays Decimal."""
    if isinstance(source, sa.Engine):
        with source.connect() as connection:
            return read_frame(connection, query, parameters)
    result = source.execute(query, parameters or {})
    return pd.DataFrame([tuple(row) for row in result.fetchall()], columns=list(result.keys()), dtype=object)


def read_partition(source: sa.Engine | sa.Connection, table: sa.Table, day: date) -> pd.DataFrame:
    """Return the rows of `table` received on `day`, in key order."""
    if isinstance(source, sa.Engine):
        with source.connect() as connection:
            return read_partition(connection, table, day)
    return copy_out(source, sa.select(table).where(table.c.received_date == day).order_by(*table.primary_key))


def clear_partition(
    connection: sa.Connection, table: sa.Table, day: date, *, where: Mapping[str, Any] | None = None
) -> None:
    """Delete the rows of `table` received on `day`, before new ones are copied in the caller's transaction.

    `where` narrows them (a source within a day). A lock on the table's partition makes two runs of one day take turns.
    """
    take_turn(connection, f"{table.fullname}:{day.isoformat()}")
    old = sa.delete(table).where(table.c.received_date == day)
    for name, value in (where or {}).items():
        old = old.where(table.c[name] == value)
    connection.execute(old)


def replace_partition(
    connection: sa.Connection,
    table: sa.Table,
    day: date,
    frame: pd.DataFrame,
    *,
    where: Mapping[str, Any] | None = None,
) -> int:
    """Put `frame` in the place of the rows of `table` received on `day`; return the rows written.

    Runs inside the caller's transaction, so several tables of one stage change together or not at all.
    """
    clear_partition(connection, table, day, where=where)
    return copy_in(connection, table, frame.assign(received_date=day))
