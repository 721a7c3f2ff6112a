"""Drift alarms that stand: read by what is suspended under one (the auto band), by the retraining, by people."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import drift
from medcode_ml.store.frames import read_frame

RAISED, CLEARED = "raised", "cleared"
ALL_HOSPITALS: Final = "all"
SUSPENDED: Final = "auto band suspended"
"""What the reason of a code says that is in review for an alarm alone."""


def standing_alarms(
    source: sa.Engine | sa.Connection, kind: str | None = None, version: str | None = None, day: date | None = None
) -> pd.DataFrame:
    """Alarms raised (by `day`, where it is given) and not cleared, oldest first, with the columns of ml.drift_alarm.

    Args:
        source: the database. kind: coding, ranking or amounts; None is every kind. version: only those about it.
        day: only those of this received day or before.
    """
    raised, cleared = drift.drift_alarm, drift.drift_alarm.alias()
    gone = sa.exists().where(cleared.c.alarm_id == raised.c.alarm_id, cleared.c.event == CLEARED)
    query = sa.select(raised).where(raised.c.event == RAISED, ~gone)
    for column, value in ((raised.c.kind, kind), (raised.c.version, version)):
        query = query if value is None else query.where(column == value)
    if day is not None:
        query = query.where(raised.c.day <= day)
    return read_frame(source, query.order_by(raised.c.day, raised.c.hospital_id))


def alarm_stands(
    source: sa.Engine | sa.Connection, kind: str, version: str, day: date, hospital_id: str | None = None
) -> bool:
    """Whether an alarm about `version` stands on `day`; for one hospital, also one about that hospital alone."""
    found = standing_alarms(source, kind, version, day)
    if hospital_id is None:
        return not found.empty
    return bool(found["hospital_id"].isin([ALL_HOSPITALS, hospital_id]).any())


def changed_since(source: sa.Engine | sa.Connection, kind: str, version: str) -> date | None:
    """First received day of the changed world, as the alarms about `version` that stand have it; None without one.

    The day of an alarm less the other days of the window that raised it (that of its strongest metric), never a day of
    the reference: those were held to be as they should. Of several alarms that stand the earliest day counts.
    """
    found = standing_alarms(source, kind, version)
    if found.empty:
        return None
    table = drift.drift_reference.c
    query = sa.select(table.last_day).where(table.kind == kind, table.version == version)
    ends = list(read_frame(source, query)["last_day"])
    days = []
    for alarm in found.itertuples():
        window = int(alarm.metrics[0]["window_days"]) if alarm.metrics else 1
        first = alarm.day - timedelta(days=window - 1)
        days.append(max([first, *(end + timedelta(days=1) for end in ends if end < alarm.day)]))
    return min(days)
