"""What people look at: performance by day, the heat map of p-values, unknown words and page confidence, exemplars."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import drift
from medcode_ml.drift.frames import AMOUNTS, CODING, KINDS, RANKING
from medcode_ml.drift.units import ALL
from medcode_ml.store.drift_alarms import standing_alarms
from medcode_ml.store.frames import read_frame

SHOWN_DAYS: Final = 60
#: kind -> pairs of what is estimated and what is realised, and what both are
PERFORMANCE_OF: Final = {
    CODING: (("estimated_micro_f1", "realised_micro_f1", "micro-F1"),),
    RANKING: (("estimated_principal_top1", "realised_principal_top1", "share of principals that are right"),),
    AMOUNTS: (
        ("estimated_charges_wape", "realised_charges_wape", "error of charges (sum of errors / sum of charges)"),
        ("estimated_payments_wape", "realised_payments_wape", "error of payments (sum of errors / sum of payments)"),
    ),
}
#: what else is shown by day -> what it is called
INPUTS: Final = {"oov_rate": "unknown words", "page_confidence": "page confidence"}


@dataclass(frozen=True)
class DriftReport:
    """What is known of a kind of model up to a day.

    Attributes:
        kind: coding, ranking or amounts.
        performance: day, metric, value, low, high, reference_value, alarm; over all hospitals, of each day the shortest
            window that had enough encounters.
        heat: hospital_id, metric, p_adjusted: the least over windows and types of document on the last day evaluated.
        inputs: day, metric, value, reference_value; over all hospitals, window of a day.
        alarms: rows of ml.drift_alarm that stand, of every kind.
        exemplars: ids of the documents most typical of the last window. words: public words that tell it, with weight.
        last_day: the last day evaluated; None where none was.
    """

    kind: str
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
    names = [name for one, other, _ in PERFORMANCE_OF[kind] for name in (one, other)]
    daily = read_frame(
        source,
        sa.select(table).where(
            *own, table.c.hospital_id == ALL, table.c.document_type == ALL, table.c.metric.in_([*names, *INPUTS]),
        ).order_by(table.c.received_date, table.c.window_days),
    ).drop_duplicates(["received_date", "metric"])  # fmt: skip
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
    performance = daily["metric"].isin(names)
    return DriftReport(
        kind,
        daily.loc[performance, columns], heat, daily.loc[~performance, columns],
        standing_alarms(source, day=upto), tuple(notes.get("documents", ())),
        tuple((word, weight) for word, weight in notes.get("words", ())), last,
    )  # fmt: skip


def drift_reports(source: sa.Engine | sa.Connection, upto: date) -> list[DriftReport]:
    """The reports of every kind of which a day was evaluated by `upto`."""
    return [report for kind in KINDS if (report := drift_report(source, upto, kind)).last_day is not None]


def metrics_of_day(
    source: sa.Engine | sa.Connection, day: date, *, alarms_only: bool, limit: int = 40, kind: str | None = None
) -> pd.DataFrame:
    """The tested metrics of a day, those in alarm and then the least likely first."""
    table = drift.drift_metric
    query = sa.select(table).where(table.c.received_date == day, table.c.test.is_not(None))
    if kind is not None:
        query = query.where(table.c.kind == kind)
    if alarms_only:
        query = query.where(table.c.alarm)
    return read_frame(
        source, query.order_by(table.c.alarm.desc(), table.c.p_adjusted.nulls_first(), table.c.metric).limit(limit)
    )


def last_day_evaluated(source: sa.Engine | sa.Connection) -> date | None:
    """The last received day with metrics."""
    found = read_frame(source, sa.select(sa.func.max(drift.drift_metric.c.received_date).label("day")))
    return found["day"].iloc[0]
