"""What the views of schema `mart` say of answers and money in a few figures: for the report and the marts page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import sqlalchemy as sa


@dataclass(frozen=True)
class Answered:
    """What insurers answered to the claims of received days `first` to `last`; amounts are US dollars.

    `expected` is what was expected of the claims that are paid or denied, `allowed` what payers allowed of it: paid,
    and left to the patient. A claim that was rejected and then paid or denied all the same counts by its payment.
    `synthetic` tells that every answer comes of simulated insurers.
    """

    sent: int
    rejected: int
    paid: int
    denied: int
    waiting: int
    longest_wait: int
    expected: Decimal
    allowed: Decimal
    synthetic: bool


def answered(engine: sa.Engine, first: date, last: date) -> Answered:
    """Count where the claims of the days `first` to `last` stand, all answers so far taken together."""
    with engine.connect() as connection:
        row = connection.execute(sa.text(_ANSWERED), {"first": first, "last": last}).one()
    return Answered(
        int(row.sent), int(row.rejected), int(row.paid), int(row.denied), int(row.waiting), int(row.longest_wait),
        Decimal(row.expected), Decimal(row.allowed), bool(row.synthetic),
    )  # fmt: skip


def denials_by_reason(engine: sa.Engine) -> list[tuple[str, int, Decimal]]:
    """Each reason (group, CARC, RARCs) with its denials and their amount in US dollars; most money first."""
    query = """
        SELECT denial_key, sum(adjustments), coalesce(sum(amount), 0) AS amount FROM mart.denial_reason
        WHERE kind <> 'reduction' GROUP BY 1 ORDER BY amount DESC, 1
    """
    with engine.connect() as connection:
        return [(str(key), int(n), Decimal(amount)) for key, n, amount in connection.execute(sa.text(query))]


def expected_by_payer(engine: sa.Engine) -> list[tuple[str, int, Decimal, Decimal]]:
    """Each payer with its claims paid or denied, what was expected of them and what it allowed, in US dollars."""
    query = """
        SELECT payer_id, count(*), sum(expected_payment) AS expected, sum(allowed) FROM mart.expected_against_paid
        WHERE expected_payment IS NOT NULL GROUP BY 1 ORDER BY expected DESC, 1
    """
    with engine.connect() as connection:
        return [
            (str(payer), int(n), Decimal(expected), Decimal(allowed))
            for payer, n, expected, allowed in connection.execute(sa.text(query))
        ]


_ANSWERED = """
SELECT count(sent_on) AS sent,
       count(*) FILTER (WHERE payment = 'waiting' AND (syntax = 'rejected' OR acceptance = 'rejected')) AS rejected,
       count(*) FILTER (WHERE payment = 'paid') AS paid, count(*) FILTER (WHERE payment = 'denied') AS denied,
       count(waiting_for) AS waiting, coalesce(max(days_waited), 0) AS longest_wait,
       coalesce(sum(expected_payment) FILTER (WHERE payment IN ('paid', 'denied')), 0) AS expected,
       coalesce(sum(paid + patient_responsibility)
                FILTER (WHERE payment IN ('paid', 'denied') AND expected_payment IS NOT NULL), 0) AS allowed,
       (SELECT coalesce(bool_and(source = 'simulated'), false) FROM billed.answer_set) AS synthetic
FROM mart.claim_progress WHERE received_date BETWEEN :first AND :last
"""
