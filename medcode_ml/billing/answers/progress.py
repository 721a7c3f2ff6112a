"""What the answers on one claim come to: payments, reversals and corrections together.

Where every claim stands, and what it waits for, is said by the view `mart.claim_progress`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import Any

from medcode_ml.billing.answers.values import ZERO


def net(rows: list[dict[str, Any]], denied: Collection[str] = ()) -> tuple[str, Decimal, Decimal]:
    """Payment (paid, denied, forwarded, reversed, waiting), amount paid and patient responsibility of one claim.

    A reversal takes back what came before it under the payer's number, and all that came before it where nothing stands
    under that number; it goes before the correction that comes with it. A claim whose last answer is a reversal waits
    for another. `mart.claim_payment` counts by the same rule.

    Args:
        rows: all answers on the claim: payments, parts, reversals and corrections.
        denied: remittance claims that deny the whole claim, whatever their status says.
    """
    status = "waiting"
    owed: dict[str | None, Decimal] = {}
    standing: set[str | None] = set()
    for row in _in_turn(rows):
        number = row["payer_control_number"]
        if row["status"] == "reversal":
            status = "reversed"
            if number in standing:
                owed.pop(number, None)
                standing.discard(number)
            else:
                owed.clear()
        elif row["status"] != "predetermination":
            status = "denied" if row["remittance_claim_id"] in denied else _PAYMENTS.get(row["status"], "paid")
            owed[number] = owed.get(number, ZERO) + (row["patient_responsibility"] or ZERO)
            standing.add(number)
    return status, sum((r["paid"] for r in rows if r["status"] != "predetermination"), ZERO), sum(owed.values(), ZERO)


_PAYMENTS = {"denied": "denied", "not_our_claim_forwarded": "forwarded"}


def _in_turn(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Payments by their date, those of a day as they came; within a payment reversals first, then as they stand."""
    came: dict[str, int] = {}
    for row in rows:
        came.setdefault(row["remittance_id"], len(came))

    def turn(row: dict[str, Any]) -> tuple[date, int, bool]:
        return row["payment_date"] or date.max, came[row["remittance_id"]], row["status"] != "reversal"

    return sorted(rows, key=turn)
