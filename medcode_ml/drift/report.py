"""What people look at: performance by day, the heat map of p-values, unknown words and page confidence, exemplars."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import drift
from medcode_ml.drift.frames import CODING
from medcode_ml.drift.units import ALL
from medcode_ml.store.drift_alarms import standing_alarms
from medcode_ml.store.frames import read_frame

SHOWN_DAYS: Final = 60
#: figures by day: metric -> what it is called
BY_DAY: Final = {
    "estimated_micro_f1": "estimated", "realised_micro_f1": "realised", "oov_rate": "unknown words",
    "page_confidence": "page confidence",
}  # fmt: skip


@dataclass(frozen=True)
class DriftReport:
    """What is known of the coding model up to a day.

    Attributes:
        performance: day, metric, value, low, high, reference_value, alarm; over all hospitals, window of a day.
        heat: hospital_id, metric, p_adjusted: the least over windows and types of document on the last day evaluated.
        inputs: day, metric, value, reference_value; over all hospitals, window of a day.
        alarms: rows of ml.drift_alarm that stand, of every kind.
        exemplars: ids of the documents most typical of the last window. words: public words that tell it, with weight.
        last_day: the last day evaluated; None where none was.
    """

    performance: pd.DataFrame
    heat: pd.DataFrame
    inputs: pd.DataFrame
    alarms: pd.DataFrame
    exemplars: tuple[str, ...]
    words: tuple[tuple[str, float], ...]
    last_day: date | None


def drift_report(source: sa.Engine | sa.Connection, upto: date, kind: str = CODING) -> DriftReport:
    """The report of a kind of model up to the received day `upto`."""
    table = drift.drift_metric
    own = (
        table.c.kind == kind,
        table.c.received_date <= upto,
        table.c.received_date > upto - timedelta(days=SHOWN_DAYS),
    )
    daily = read_frame(
        source,
        sa.select(table).where(
            *own, table.c.hospital_id == ALL, table.c.document_type == ALL, table.c.window_days == 1,
            table.c.metric.in_(BY_DAY),
        ).order_by(table.c.received_date),
    )  # fmt: skip
    columns = ["received_date", "metric", "value", "low", "high", "reference_value", "alarm"]
    last = read_frame(source, sa.select(sa.func.max(table.c.received_date).label("day")).where(*own))["day"].iloc[0]
    heat = read_frame(
        source,
        sa.select(table.c.hospital_id, table.c.metric, sa.func.min(table.c.p_adjusted).label("p_adjusted"))
        .where(table.c.kind == kind, table.c.received_date == last, table.c.p_adjusted.is_not(None))
        .group_by(table.c.hospital_id, table.c.metric)
        .order_by(table.c.hospital_id, table.c.metric),
    )
    told = read_frame(
        source,
        sa.select(table.c.notes).where(
            table.c.kind == kind, table.c.received_date == last, table.c.metric == "domain_auc"
        ),
    )
    notes = told["notes"].iloc[0] if len(told) else {}
    performance = daily["metric"].str.endswith("micro_f1") if len(daily) else pd.Series([], dtype=bool)
    return DriftReport(
        daily.loc[performance, columns], heat, daily.loc[~performance, columns],
        standing_alarms(source, day=upto), tuple(notes.get("documents", ())),
        tuple((word, weight) for word, weight in notes.get("words", ())), last,
    )  # fmt: skip


def metrics_of_day(source: sa.Engine | sa.Connection, day: date, *, alarms_only: bool, limit: int = 40) -> pd.DataFrame:
    """The tested metrics of a day, those in alarm and then the least likely first."""
    table = drift.drift_metric
    query = sa.select(table).where(table.c.received_date == day, table.c.test.is_not(None))
    if alarms_only:
        query = query.where(table.c.alarm)
    return read_frame(
        source, query.order_by(table.c.alarm.desc(), table.c.p_adjusted.nulls_first(), table.c.metric).limit(limit)
    )


def last_day_evaluated(source: sa.Engine | sa.Connection) -> date | None:
    """The last received day with metrics."""
    found = read_frame(source, sa.select(sa.func.max(drift.drift_metric.c.received_date).label("day")))
    return found["day"].iloc[0]
