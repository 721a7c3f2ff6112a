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
from medcode_ml.filtering.context import with_stays
from medcode_ml.filtering.rule import rules
from medcode_ml.mapping.records import map_batch


def map_by_to_sql(engine: sa.Engine, day: date) -> None:
    """Map one day."""
    delivered = {name: _read(engine, table, day) for name, table in raw.delivered_tables.items()}
    for name, frame in map_batch(delivered, _read(engine, raw.page, day)).items():
        _write(engine, getattr(mapped, name), day, frame)


def filter_by_to_sql(engine: sa.Engine, day: date) -> None:
    """Filter one day."""
    frames = {kind: _read(engine, getattr(mapped, kind), day) for kind in KEYS}
    people = frames["patient"].set_index("patient_id")
    stays = frames["encounter"]
    for name in ("birth_date", "death_date", "sex"):
        stays[f"patient_{name}"] = people[name].reindex(stays["patient_id"]).to_numpy(dtype=object)
    payers = _read(engine, raw.delivered_tables["payer"], day).drop_duplicates("payer_id").set_index("payer_id")
    stays["payer_kind"] = payers["kind"].reindex(stays["payer_id"]).to_numpy(dtype=object)
    stays = stays.astype(object).where(stays.notna(), None)
    for kind in KEYS:
        frame = stays if kind == "encounter" else frames[kind]
        if kind not in ("patient", "encounter"):
            frame = with_stays(frame, stays)
        judged = judge(kind, frame, rules())
        target = getattr(filtered, kind)
        _write(engine, target, day, judged.carried[[c.name for c in target.columns if c.name in judged.frame]])
        _write(engine, filtered.quarantine, day, judged.quarantine)


def _read(engine: sa.Engine, table: sa.Table, day: date) -> pd.DataFrame:
    with engine.connect() as connection:
        frame = pd.read_sql(sa.select(table).where(table.c.received_date == day), connection)
    frame = frame.astype(object)
    return frame.where(frame.notna(), None)


def _write(engine: sa.Engine, table: sa.Table, day: date, frame: pd.DataFrame) -> None:
    types: dict[str, Any] = {c.name: c.type for c in table.columns}
    with engine.begin() as connection:
        frame.assign(received_date=day).to_sql(
            table.name, connection, schema=table.schema, if_exists="append", index=False, dtype=types
        )
