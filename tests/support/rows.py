"""Rows of any table for tests that are about a few of their columns: what is not given is filled with what fits."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

_DAY = date(2026, 10, 1)
_FIT: dict[Any, Any] = {
    sa.DateTime: datetime(2026, 10, 1, tzinfo=UTC), sa.Date: _DAY, sa.Boolean: False, sa.Integer: 1, sa.Numeric: 1,
    sa.Float: 1.0, JSONB: [],
}  # fmt: skip


def filled(table: sa.Table, **given: object) -> dict[str, object]:
    """A row of `table` with `given`, and something that fits in every other column that wants a value."""
    row = {
        c.name: next((value for kind, value in _FIT.items() if isinstance(c.type, kind)), "x")
        for c in table.columns
        if not c.nullable
    }
    return row | given


def insert_rows(engine: sa.Engine, table: sa.Table, *given: dict[str, object]) -> None:
    """Insert a row of `table` for each of `given`, filled up."""
    with engine.begin() as connection:
        connection.execute(sa.insert(table), [filled(table, **one) for one in given])
