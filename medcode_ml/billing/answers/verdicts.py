"""Figures that people look at when insurers answered: what does not balance, what answers no claim of ours."""

from __future__ import annotations

from collections import Counter
from datetime import date

import sqlalchemy as sa

from medcode_ml.contracts import answers


def unbalanced_payments(engine: sa.Engine, start: date, end: date) -> dict[str, int]:
    """Payments of `start` to `end` that do not balance, counted by payer."""
    payment = answers.remittance.c
    query = sa.select(sa.func.coalesce(payment.payer_id, "no payer"), sa.func.count()).where(
        payment.received_date.between(start, end), payment.outcome == "unbalanced"
    )
    with engine.connect() as connection:
        return {str(who): int(n) for who, n in connection.execute(query.group_by(sa.text("1")))}


def unmatched_claims(engine: sa.Engine, start: date, end: date) -> dict[str, int]:
    """Answered claims of `start` to `end` that match none of ours, counted by the kind of reason."""
    claim = answers.remittance_claim.c
    query = sa.select(claim.because).where(claim.received_date.between(start, end), claim.outcome == "unmatched")
    counts: Counter[str] = Counter()
    with engine.connect() as connection:
        for (because,) in connection.execute(query).yield_per(1000):
            # what comes before the colon is the kind, after it the amounts
            counts.update(reason.partition(":")[0] for reason in because[:1])
    return dict(counts.most_common())
