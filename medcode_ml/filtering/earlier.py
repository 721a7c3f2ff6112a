"""What `raw` and `mapped` set aside, as quarantine rows: one place tells a person everything that did not go on."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import filtered, mapped, raw
from medcode_ml.contracts.ids import record_hash
from medcode_ml.store.frames import read_frame, read_partition


def earlier_quarantine(connection: sa.Connection, day: date, released: frozenset[tuple[str, str]]) -> pd.DataFrame:
    """Return filtered.quarantine rows for lines, pages and records set aside on `day` before filtering.

    A page that a person released is not listed: mapping carried its text.
    """
    rows: list[dict[str, Any]] = []
    for line in read_partition(connection, raw.set_aside, day).itertuples():
        where = f"{line.source_file} line {line.source_line}" if line.source_line else line.source_file
        rows.append(
            _row(line.set_aside_id, "raw", "line", line.set_aside_id, line.rule, f"{line.reason} ({where})")
            | {"original": line.original}
        )
    page = raw.page.c
    columns = (page.page_id, page.hospital_id, page.gate, page.gate_reason, page.text.is_not(None).label("readable"))
    gated = sa.select(*columns).where(page.received_date == day, page.gate.is_not(None)).order_by(page.page_id)
    for one in read_frame(connection, gated).itertuples():
        if (one.page_id, one.gate) not in released:
            name = record_hash("raw", one.page_id, one.gate)
            rows.append(
                _row(name, "raw", "page", one.page_id, one.gate, one.gate_reason)
                | {"hospital_id": one.hospital_id, "releasable": bool(one.readable)}
            )
    for one in read_partition(connection, mapped.unmatched, day).itertuples():
        rows.append(
            _row(one.unmatched_id, "mapped", one.record_kind, one.record_id, one.rule, one.reason)
            | {"original": one.original, "encounter_id": one.encounter_id, "hospital_id": one.hospital_id}
        )
    names = [c.name for c in filtered.quarantine.columns if c.name != "received_date"]
    return pd.DataFrame(rows, columns=names, dtype=object)


def _row(name: str, stage: str, kind: str, record: str, rule: str, reason: str) -> dict[str, Any]:
    return {
        "quarantine_id": name, "stage": stage, "record_kind": kind, "record_id": record, "encounter_id": None,
        "hospital_id": None, "rule": rule, "severity": "error", "reason": reason, "column_name": None,
        "original": None, "releasable": False,
    }  # fmt: skip
