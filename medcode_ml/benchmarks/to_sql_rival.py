"""Mapping and filtering the plain pandas way: whole tables by `read_sql`, row work as in the stages, `to_sql` out.

Only for measuring against (see `throughput`): it holds a day in memory and knows only what that day delivered.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import filtered, mapped, raw
from medcode_ml.filtering.apply import KEYS, judge
from medcode_ml.filtering.context import encounters_with_context, with_stays
from medcode_ml.filtering.rule import rules
from medcode_ml.mapping.records import map_batch
from medcode_ml.store.ranges import KeyRange


def map_by_to_sql(engine: sa.Engine, day: date) -> None:
    """Map one day."""
    delivered = {name: read_day(engine, table, day) for name, table in raw.delivered_tables.items()}
    for name, frame in map_batch(delivered, read_day(engine, raw.page, day)).items():
        _write(engine, getattr(mapped, name), day, frame)


def filter_by_to_sql(engine: sa.Engine, day: date) -> None:
    """Filter one day."""
    frames = {kind: read_day(engine, getattr(mapped, kind), day) for kind in KEYS if kind != "encounter"}
    stays = _selected(engine, encounters_with_context(day, KeyRange(("encounter_id",))))
    for kind in KEYS:
        frame = stays if kind == "encounter" else frames[kind]
        if kind not in ("patient", "encounter"):
            frame = with_stays(frame, stays)
        judged = judge(kind, frame, rules())
        target = getattr(filtered, kind)
        _write(engine, target, day, judged.carried[[c.name for c in target.columns if c.name in judged.frame]])
        _write(engine, filtered.quarantine, day, judged.quarantine)


def read_day(engine: sa.Engine, table: sa.Table, day: date) -> pd.DataFrame:
    """Rows of a table received on `day`, by read_sql."""
    return _selected(engine, sa.select(table).where(table.c.received_date == day))


def _selected(engine: sa.Engine, query: sa.Select[Any]) -> pd.DataFrame:
    with engine.connect() as connection:
        frame = pd.read_sql(query, connection).astype(object)
    return frame.where(frame.notna(), None)


def write_day(connection: sa.Connection, table: sa.Table, frame: pd.DataFrame) -> None:
    """Append rows to a table by to_sql."""
    types: dict[str, Any] = {c.name: c.type for c in table.columns}
    frame.to_sql(table.name, connection, schema=table.schema, if_exists="append", index=False, dtype=types)


def _write(engine: sa.Engine, table: sa.Table, day: date, frame: pd.DataFrame) -> None:
    with engine.begin() as connection:
        write_day(connection, table, frame.assign(received_date=day))
