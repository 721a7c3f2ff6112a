"""What people decided about quarantined records, as every stage asks for it: the newest decision on each subject."""

from __future__ import annotations

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import review
from medcode_ml.store.frames import read_frame


def newest_decisions(connection: sa.Connection) -> pd.DataFrame:
    """Return the newest decision on each record, rule and column.

    Columns: record_id, rule, outcome, column_name, value, received_date (of the record). A decision that was
    withdrawn is not listed.
    """
    decision = review.quarantine_decision.c
    subject = (decision.record_id, decision.rule, decision.column_name)
    newest = (
        sa.select(*subject, decision.outcome, decision.value, decision.received_date)
        .distinct(*subject)
        .order_by(*subject, decision.decided_at.desc(), decision.decision_id)
        .subquery()
    )
    found = read_frame(connection, sa.select(newest).where(newest.c.outcome != "withdrawn"))
    return found[["record_id", "rule", "outcome", "column_name", "value", "received_date"]]


def released(decisions: pd.DataFrame) -> frozenset[tuple[str, str]]:
    """The (record_id, rule) pairs that a person released."""
    rows = decisions[decisions["outcome"] == "released"]
    return frozenset(zip(rows["record_id"], rows["rule"], strict=True))
