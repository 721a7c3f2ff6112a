"""The quarantine as a worklist: what waits for whom, and what people decide about it.

Decisions are only added. `released` and `rejected` speak about a record under a rule, `corrected` about one column of
it; `withdrawn` takes back what stands. A decision takes effect when the day of the record runs again.
"""

from __future__ import annotations

from datetime import date, datetime

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import filtered, review
from medcode_ml.contracts.ids import record_hash
from medcode_ml.contracts.raw import delivered_columns
from medcode_ml.filtering.apply import CASCADES, KEYS
from medcode_ml.filtering.columns import parsed
from medcode_ml.filtering.corrections import refused_column
from medcode_ml.store.decisions import newest_decisions
from medcode_ml.store.frames import read_frame

OUTCOMES = ("released", "corrected", "rejected", "withdrawn")


class DecisionError(ValueError):
    """There is nothing to decide under that name, or not like that; the message says what to do."""


def decide(
    engine: sa.Engine,
    record: str,
    rule: str,
    outcome: str,
    by: str,
    note: str,
    when: datetime,
    column: str | None = None,
    value: str | None = None,
) -> date:
    """Write a decision and return the received day that has to run again.

    `record` and `rule` are as mart.quarantine shows them; a `record` that is a day (YYYY-MM-DD) speaks about the day as
    a whole: `released` accepts that the rule fired more often than usual. `column` and `value` belong to `corrected`; a
    `value` of None says that the column has none.

    Raises:
        DecisionError: an unknown record, not releasable, a column that cannot be corrected, an unreadable value.
    """
    if outcome not in OUTCOMES:
        raise DecisionError(f"no outcome {outcome!r}: choose {', '.join(OUTCOMES)}")
    if not by.strip() or not note.strip():
        raise DecisionError("a decision needs the name of the person (--by) and the reason (--note)")
    if (outcome == "corrected") != (column is not None):
        raise DecisionError("a correction names the column and its value (--column, --value); no other decision does")
    with engine.begin() as connection:
        standing = newest_decisions(connection)
        standing = standing[(standing["record_id"] == record) & (standing["rule"] == rule)]
        if (of_day := _as_day(record)) is not None:
            _refuse_day(connection, of_day, rule, outcome, standing)
            day = of_day
        else:
            day = _day_of_record(connection, record, rule, outcome, column, value, standing)
        columns = [column] if outcome != "withdrawn" else list(standing["column_name"])
        rows = [
            {
                "decision_id": record_hash("decision", record, rule, one or "", when.isoformat(), outcome),
                "record_id": record, "rule": rule, "outcome": outcome, "column_name": one,
                "value": value if outcome == "corrected" else None, "decided_by": by.strip(), "note": note.strip(),
                "decided_at": when, "received_date": day,
            }
            for one in columns
        ]  # fmt: skip
        connection.execute(sa.insert(review.quarantine_decision), rows)
    return day


def worklist(
    engine: sa.Engine,
    today: date,
    *,
    rule: str | None = None,
    owner: str | None = None,
    hospital: str | None = None,
    decided: bool = False,
) -> pd.DataFrame:
    """Count what waits, by rule: [owner, rule, stage, record_kind, waiting, oldest, age, decided, follows, reason].

    `follows` is true where the records only wait for another, which has a line of its own; `age` is the days since the
    oldest was received. `decided` lists rules too where nothing waits any more. The longest list of an owner first.
    """
    query = sa.text(f"""
        SELECT q.owner, q.stage, q.record_kind, q.rule, min(q.reason) AS reason,
               count(*) FILTER (WHERE NOT {_STANDS}) AS waiting,
               min(q.received_date) FILTER (WHERE NOT {_STANDS}) AS oldest,
               count(*) FILTER (WHERE {_STANDS}) AS decided
        FROM filtered.quarantine q
        LEFT JOIN ({review.NEWEST_DECISION}) d ON d.record_id = q.record_id AND d.rule = q.rule
        WHERE (CAST(:rule AS text) IS NULL OR q.rule = :rule)
          AND (CAST(:hospital AS text) IS NULL OR q.hospital_id = :hospital)
        GROUP BY q.owner, q.stage, q.record_kind, q.rule
    """)
    found = read_frame(engine, query, {"rule": rule, "hospital": hospital})
    found = found.assign(
        follows=found["rule"].isin(CASCADES),
        age=[None if d is None else (today - d).days for d in found["oldest"]],
    )
    if owner is not None:
        found = found[found["owner"] == owner]
    if not decided:
        found = found[found["waiting"].astype(int) > 0]
    columns = ["owner", "rule", "stage", "record_kind", "waiting", "oldest", "age", "decided", "follows", "reason"]
    return found.sort_values(["owner", "waiting", "rule"], ascending=[True, False, True])[columns].reset_index(
        drop=True
    )


def entries(
    engine: sa.Engine, *, rule: str | None = None, record: str | None = None, hospital: str | None = None,
    waiting: bool = True, limit: int = 50,
) -> pd.DataFrame:  # fmt: skip
    """The entries of the quarantine, oldest first, with the decision that stands on each, null where it waits."""
    query = sa.text(f"""
        SELECT q.received_date, q.stage, q.record_kind, q.record_id, q.encounter_id, q.hospital_id, q.rule, q.owner,
               q.reason, q.column_name, q.original, q.releasable, CASE WHEN {_STANDS} THEN d.outcome END AS decision,
               CASE WHEN {_STANDS} THEN d.decided_by END AS decided_by
        FROM filtered.quarantine q
        LEFT JOIN ({review.NEWEST_DECISION}) d ON d.record_id = q.record_id AND d.rule = q.rule
        WHERE (CAST(:rule AS text) IS NULL OR q.rule = :rule)
          AND (CAST(:record AS text) IS NULL OR q.record_id = :record)
          AND (CAST(:hospital AS text) IS NULL OR q.hospital_id = :hospital)
          AND (NOT :waiting OR NOT {_STANDS})
        ORDER BY q.received_date, q.rule, q.quarantine_id LIMIT :limit
    """)
    asked = {"rule": rule, "record": record, "hospital": hospital, "waiting": waiting, "limit": limit}
    return read_frame(engine, query, asked)


def history(engine: sa.Engine, record: str) -> pd.DataFrame:
    """Decisions about a record, oldest first: [decided_at, rule, outcome, column_name, value, decided_by, note]."""
    decision = review.quarantine_decision.c
    columns = (
        decision.decided_at, decision.rule, decision.outcome, decision.column_name, decision.value, decision.decided_by,
        decision.note,
    )  # fmt: skip
    query = sa.select(*columns).where(decision.record_id == record).order_by(decision.decided_at, decision.decision_id)
    return read_frame(engine, query)


def days_to_run(engine: sa.Engine) -> list[date]:
    """Received days with a decision that the quarantine does not show yet: released or corrected, and still there."""
    query = sa.text(f"""
        SELECT DISTINCT q.received_date FROM filtered.quarantine q
        JOIN ({review.NEWEST_DECISION}) d ON d.record_id = q.record_id AND d.rule = q.rule
        WHERE d.outcome IN ('released', 'corrected') ORDER BY 1
    """)
    return [date.fromisoformat(str(d)) for d in read_frame(engine, query)["received_date"]]


_STANDS = "coalesce(d.outcome, 'withdrawn') <> 'withdrawn'"


def _as_day(record: str) -> date | None:
    try:
        return date.fromisoformat(record)
    except ValueError:
        return None


def _refuse_day(connection: sa.Connection, day: date, rule: str, outcome: str, standing: pd.DataFrame) -> None:
    count = filtered.rule_count.c
    known = sa.select(sa.exists().where(count.received_date == day, count.rule == rule))
    if not connection.execute(known).scalar_one():
        raise DecisionError(f"no rule {rule} was asked on {day}; `medcode rules list` names the rules")
    if outcome == "withdrawn" and standing.empty:
        raise DecisionError(f"nothing was decided about {rule} on {day}; there is nothing to withdraw")
    if outcome not in ("released", "withdrawn"):
        raise DecisionError("a day is released (accepted as it is) or the decision withdrawn; nothing else")


def _day_of_record(
    connection: sa.Connection, record: str, rule: str, outcome: str, column: str | None, value: str | None,
    standing: pd.DataFrame,
) -> date:  # fmt: skip
    entry = filtered.quarantine.c
    found = connection.execute(
        sa.select(entry.received_date, entry.stage, entry.record_kind, entry.releasable)
        .where(entry.record_id == record, entry.rule == rule)
        .order_by(entry.received_date.desc())
    ).first()
    if outcome == "withdrawn" and standing.empty:
        raise DecisionError(f"nothing stands on record {record} under rule {rule}; there is nothing to withdraw")
    if found is None and standing.empty:
        raise DecisionError(
            f"the quarantine has no record {record} under rule {rule}; `medcode quarantine show` lists both"
        )
    if rule in CASCADES and outcome in ("released", "corrected"):
        raise DecisionError(f"record {record} waits for another: decide about the patient or encounter it belongs to")
    if outcome == "released" and found is not None and not found.releasable:
        raise DecisionError(
            f"record {record} cannot be released from {rule}: there is nothing readable to carry; correct it, "
            "or have it delivered again"
        )
    if outcome == "corrected":
        assert column is not None
        if found is None:
            raise DecisionError(f"record {record} is in quarantine no more; withdraw what stands before correcting it")
        if found.stage == "mapped":
            _refuse_raw_column(found.record_kind, column, value)
        elif found.record_kind in KEYS:
            _refuse_value(found.record_kind, column, value)
        else:
            raise DecisionError(f"a {found.record_kind} cannot be corrected here; have it delivered again")
    if found is not None:
        return date.fromisoformat(str(found.received_date))
    return max(date.fromisoformat(str(d)) for d in standing["received_date"])


def _refuse_raw_column(kind: str, column: str, value: str | None) -> None:
    """What mapping set aside is corrected as delivered: a number it could not match, a line number, a code."""
    columns = delivered_columns("scanned_record" if kind == "document" else kind)
    if column not in columns or column in ("hospital_id", "text", "files"):
        raise DecisionError(f"column {column} of a {kind} cannot be corrected; these can: {', '.join(columns)}")
    if not (value or "").strip():
        raise DecisionError(f"column {column} of a {kind} needs a value")


def _refuse_value(kind: str, column: str, value: str | None) -> None:
    if (problem := refused_column(kind, column, missing=value is None)) is not None:
        raise DecisionError(problem)
    if value is None:
        return
    try:
        parsed(kind, column, value)
    except ValueError as error:
        raise DecisionError(f"the value cannot be read: {error}") from error
