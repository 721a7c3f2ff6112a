"""Looking at all tables at once: their contents as hashes, and the accounting of every stage."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import sqlalchemy as sa

STAGES = ("raw", "mapped", "filtered", "coded", "ranked", "billed", "raw.answer_file", "billed.remittance")
#: columns that tell when or how fast, not what
VOLATILE = {"seconds", "written_at", "decided_at"}

_FILLED: dict[type, Any] = {
    sa.Text: "x", sa.Integer: 1, sa.Boolean: False, sa.Numeric: Decimal(0), sa.Date: date(2026, 10, 1),
    sa.DateTime: datetime(2026, 10, 1, tzinfo=UTC),
}  # fmt: skip


def whole(table: sa.Table, frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with every further column of the table that may not be null."""
    found = frame.copy()
    for column in table.columns:
        if column.name in found.columns or column.nullable:
            continue
        kind = next((value for type_, value in _FILLED.items() if isinstance(column.type, type_)), [])
        found[column.name] = [kind] * len(found)
    return found.astype(object)


def contents(engine: sa.Engine) -> dict[str, str]:
    """A hash of what each stage table holds, apart from times."""
    from medcode_ml.contracts import metadata

    found = {}
    with engine.connect() as connection:
        for name, table in metadata.tables.items():
            columns = [f'"{c.name}"' for c in table.columns if c.name not in VOLATILE]
            query = (
                f"SELECT count(*) || ':' || coalesce(md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))), '') "
                f"FROM (SELECT {', '.join(columns)} FROM {table.schema}.{table.name}) t"
            )
            found[name] = str(connection.execute(sa.text(query)).scalar_one())
    return found


def assert_balanced(engine: sa.Engine, first: date, last: date) -> None:
    """In = carried + set aside at every stage."""
    from medcode_ml.store.accounting import accounts

    for stage in STAGES:
        lines = accounts(engine, stage, first, last)
        assert lines
        assert [a for a in lines if not a.balances] == []
