"""Timely filing: the last day on which a payer takes a claim, from the days that its contract names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from medcode_ml.billing.edits.catalogue import Edit, found
from medcode_ml.billing.x12.loops import DELAY_REASONS

DAYS_OF_WARNING = 30
"""So many days before the limit a claim is marked as urgent."""


def filing_limit(discharged: date | None, days: int | None) -> date | None:
    """Last day for filing: `days` after discharge; None where the contract names no limit, or none of the calendar."""
    if discharged is None or days is None or days > (date.max - discharged).days:
        return None
    return discharged + timedelta(days=days)


def filing_edits(
    discharged: date | None, days: int | None, as_of: date, delay_reason: str | None = None
) -> Iterator[Edit]:
    """Yield what the limit says of a claim billed on `as_of`; one that says why it is late is not held by it."""
    limit = filing_limit(discharged, days)
    if limit is None:
        return
    if as_of > limit:
        level = "warning" if delay_reason in DELAY_REASONS else None
        yield found("timely_filing_passed", level=level, days=days, limit=limit.isoformat(), day=as_of.isoformat())
    elif (limit - as_of).days < DAYS_OF_WARNING and discharged is not None and as_of >= discharged:
        yield found("timely_filing_near", limit=limit.isoformat(), left=(limit - as_of).days)
