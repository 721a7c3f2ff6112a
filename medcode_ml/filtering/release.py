"""A person's decision to let a quarantined record through."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from medcode_ml.contracts import filtered, review


class UnknownRecordError(ValueError):
    """There is nothing to release under that name, or it cannot be released."""


def release_record(engine: sa.Engine, record: str, rule: str, by: str, note: str, when: datetime) -> date:
    """Write the decision and return the received day that has to run again.

    Raises:
        UnknownRecordError: the quarantine has no such record under that rule, or the entry is not releasable.
    """
    entry = filtered.quarantine.c
    with engine.begin() as connection:
        found = connection.execute(
            sa.select(entry.received_date, entry.releasable).where(entry.record_id == record, entry.rule == rule)
        ).first()
        if found is None:
            raise UnknownRecordError(
                f"the quarantine has no record {record} under rule {rule}; mart.quarantine lists record_id and rule"
            )
        if not found.releasable:
            raise UnknownRecordError(
                f"record {record} cannot be released from {rule}: there is nothing readable to carry; deliver it again"
            )
        connection.execute(
            insert(review.release)
            .values(record_id=record, rule=rule, decided_by=by, note=note, decided_at=when)
            .on_conflict_do_nothing()
        )
    return date.fromisoformat(str(found.received_date))
