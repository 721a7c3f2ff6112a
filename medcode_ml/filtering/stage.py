"""The filtering stage: a day of `mapped` becomes a day of `filtered`, with everything set aside in one quarantine."""

from __future__ import annotations

from datetime import date

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import filtered, mapped, raw, review
from medcode_ml.contracts.stage import StageResult
from medcode_ml.filtering.apply import KEYS, filter_batch
from medcode_ml.filtering.earlier import earlier_quarantine
from medcode_ml.filtering.rule import rules
from medcode_ml.store.frames import days_of, read_frame, read_partition, replace_partition

WRITTEN = (*KEYS, "quarantine", "rule_count")


def run_filtering(engine: sa.Engine, start: date, end: date) -> StageResult:
    """Filter the records received from `start` to `end`, day by day; each day is replaced in one transaction."""
    rows: dict[str, int] = dict.fromkeys(WRITTEN, 0)
    by_rule: dict[tuple[str, str, str], int] = {}
    for day in days_of(start, end):
        with engine.begin() as connection:
            tables = filter_day(connection, day)
            for name in WRITTEN:
                rows[name] += replace_partition(connection, getattr(filtered, name), day, tables[name])
        for key in tables["quarantine"][["stage", "record_kind", "rule"]].itertuples(index=False, name=None):
            by_rule[key] = by_rule.get(key, 0) + 1
    listing = tuple((*key, n) for key, n in sorted(by_rule.items(), key=lambda item: -item[1]))
    return StageResult("filtering", start, end, rows, {}, (("stage", "record", "rule", "set aside"), listing))


def filter_day(connection: sa.Connection, day: date) -> dict[str, pd.DataFrame]:
    """Return the rows of every filtered table for the records received on `day`."""
    tables = {kind: read_partition(connection, getattr(mapped, kind), day) for kind in KEYS}
    pairs = read_frame(connection, sa.select(review.release.c.record_id, review.release.c.rule))
    released = frozenset(pairs.itertuples(index=False, name=None))
    result = filter_batch(tables, _context(connection, day), rules(), released)
    own = pd.DataFrame(result.quarantine, columns=_names(filtered.quarantine), dtype=object)
    parts = [f for f in (earlier_quarantine(connection, day, released), own) if not f.empty]
    quarantine = pd.concat(parts, ignore_index=True) if parts else own
    counts = pd.DataFrame(list(result.counts.values()), columns=_names(filtered.rule_count), dtype=object)
    return {**result.carried, "quarantine": quarantine, "rule_count": counts}


def _names(table: sa.Table) -> list[str]:
    return [c.name for c in table.columns if c.name != "received_date"]


def _context(connection: sa.Connection, day: date) -> dict[str, pd.DataFrame]:
    patient = mapped.patient
    needed = sa.select(mapped.encounter.c.patient_id).where(mapped.encounter.c.received_date == day)
    latest = (
        sa.select(patient.c.patient_id, patient.c.birth_date, patient.c.death_date)
        .where(patient.c.received_date <= day, patient.c.patient_id.in_(needed))
        .distinct(patient.c.patient_id)
        .order_by(patient.c.patient_id, patient.c.received_date.desc())
    )
    payer = raw.delivered_tables["payer"]
    kinds = sa.select(payer.c.payer_id, payer.c.kind).where(payer.c.received_date == day, payer.c.copy_number == 1)
    return {"patient": read_frame(connection, latest), "payer": read_frame(connection, kinds)}
