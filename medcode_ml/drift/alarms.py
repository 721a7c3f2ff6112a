"""Raising and clearing alarms; rows are only ever added."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from medcode_ml.contracts import drift
from medcode_ml.contracts.ids import record_hash
from medcode_ml.drift.evaluation import Row, strongest
from medcode_ml.drift.units import ALL
from medcode_ml.store.drift_alarms import CLEARED, RAISED, standing_alarms

RAISED_BY: Final = "ml/drift_metric"


class AlarmError(ValueError):
    """An alarm cannot be cleared: says why and what there is."""


def raised_by(rows: Sequence[Row], standing: frozenset[str]) -> dict[str, list[Row]]:
    """New alarms of a day: hospital (or all) to the rows behind it.

    Args:
        rows: of one kind and day, with alarms. standing: hospitals (or all) about which one stands already: it is
            raised once. An alarm about all of them covers every hospital.
    """
    alarms = [row for row in rows if row.alarm]
    if not alarms or ALL in standing:
        return {}
    if any(row.hospital_id == ALL for row in alarms):
        return {ALL: alarms}
    hospitals = sorted({row.hospital_id for row in alarms} - standing)
    return {h: [row for row in alarms if row.hospital_id == h] for h in hospitals}


def raise_alarms(
    connection: sa.Connection, kind: str, version: str, day: date, rows: Sequence[Row], *, now: str | None = None
) -> int:
    """Raise what `rows` ask for and say how many alarms are new; the same day evaluated again raises none twice.

    Args:
        connection: in the caller's transaction. kind, version: what worked on `day`. day: that was evaluated.
        rows: its metrics.
        now: the version that worked on the newest day, where it is known. An alarm about another one is history: it is
            kept, and cleared at once, so that it suspends nothing and asks for nothing.
    """
    for old in standing_alarms(connection, kind, day=day).itertuples():
        if old.version != version:
            _clear(connection, old, RAISED_BY, f"{version} took its place", day)
    standing = frozenset(standing_alarms(connection, kind, version, day)["hospital_id"])
    new = 0
    for hospital, behind in raised_by(rows, standing).items():
        metrics = strongest(behind)
        first = metrics[0]
        where = "all hospitals" if hospital == ALL else f"hospital {hospital}"
        reason = (
            f"{len(behind)} metrics of {where} have shifted, strongest {first['metric']} ({first['document_type']})"
        )
        row = {
            "alarm_id": record_hash("drift", kind, version, hospital, day.isoformat()),
            "event": RAISED, "kind": kind, "version": version, "hospital_id": hospital, "day": day,
            "at": datetime.now(UTC), "by": RAISED_BY, "reason": reason, "metrics": metrics,
        }  # fmt: skip
        once = insert(drift.drift_alarm).values(row).on_conflict_do_nothing().returning(drift.drift_alarm.c.alarm_id)
        new += len(connection.execute(once).all())
    if now is not None and now != version:
        for old in standing_alarms(connection, kind, version).itertuples():
            _clear(connection, old, RAISED_BY, f"{now} took its place", day)
    return new


def clear_alarms(engine: sa.Engine, by: str, note: str, *, kind: str | None = None, alarm_id: str | None = None) -> int:
    """Clear one alarm, or all of a kind that stand; say how many.

    Raises:
        AlarmError: neither is named, or no such alarm stands.
    """
    if (kind is None) == (alarm_id is None):
        raise AlarmError("name either one alarm or one kind of model: `medcode drift alarms` lists what stands")
    with engine.begin() as connection:
        found = standing_alarms(connection, kind)
        if alarm_id is not None:
            found = found[found["alarm_id"] == alarm_id]
        if found.empty:
            raise AlarmError(f"no alarm {alarm_id or 'of ' + str(kind)} stands: `medcode drift alarms` lists what does")
        for row in found.itertuples():
            _clear(connection, row, by, note, row.day)
    return len(found)


def _clear(connection: sa.Connection, raised: pd.Series, by: str, reason: str, day: date) -> None:
    row = {
        "alarm_id": raised.alarm_id, "event": CLEARED, "kind": raised.kind, "version": raised.version,
        "hospital_id": raised.hospital_id, "day": day, "at": datetime.now(UTC), "by": by, "reason": reason,
        "metrics": [],
    }  # fmt: skip
    connection.execute(insert(drift.drift_alarm).values(row).on_conflict_do_nothing())
