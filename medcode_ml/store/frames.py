"""Frames in and out of the database: reading a select, replacing a partition in one transaction by COPY."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from psycopg.types.json import Jsonb
from sqlalchemy.dialects.postgresql import JSONB


class ContractError(ValueError):
    """A frame does not have the columns that its table's contract asks for."""


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
    return read_frame(source, sa.select(table).where(table.c.received_date == day).order_by(*table.primary_key))


def replace_partition(
    connection: sa.Connection,
    table: sa.Table,
    day: date,
    frame: pd.DataFrame,
    *,
    where: Mapping[str, Any] | None = None,
) -> int:
    """Put `frame` in the place of the rows of `table` received on `day`; return the rows written.

    Runs inside the caller's transaction, so several tables of one stage change together or not at all. `where` narrows
    the rows replaced (a source within a day). A lock on the table's partition makes two runs of one day take turns.
    """
    lock = f"{table.fullname}:{day.isoformat()}"
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:lock, 0))"), {"lock": lock})
    old = sa.delete(table).where(table.c.received_date == day)
    for name, value in (where or {}).items():
        old = old.where(table.c[name] == value)
    connection.execute(old)
    return copy_in(connection, table, frame.assign(received_date=day))


def copy_in(connection: sa.Connection, table: sa.Table, frame: pd.DataFrame) -> int:
    """COPY `frame` into `table`; columns are matched by name, and all of the table's must be there."""
    names = [c.name for c in table.columns]
    missing = [n for n in names if n not in frame.columns and not table.c[n].nullable]
    unknown = [n for n in frame.columns if n not in table.columns]
    if missing or unknown:
        raise ContractError(f"{table.fullname}: columns missing {missing}, columns unknown {unknown}")
    if frame.empty:
        return 0
    names = [n for n in names if n in frame.columns]
    columns = [_values(table.c[n], frame[n]) for n in names]
    listed = ", ".join(f'"{n}"' for n in names)
    driver = connection.connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor, cursor.copy(f'COPY "{table.schema}"."{table.name}" ({listed}) FROM STDIN') as copy:
        for row in zip(*columns, strict=True):
            copy.write_row(row)
    return len(frame)


def _values(column: sa.Column[Any], series: pd.Series) -> Iterable[Any]:
    if isinstance(column.type, JSONB):
        return [None if _is_missing(v) else Jsonb(_plain(v)) for v in series]
    return [None if _is_missing(v) else _plain(v) for v in series]


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value))


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return value
