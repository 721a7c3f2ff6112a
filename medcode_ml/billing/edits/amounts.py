"""Amounts that lie outside their predicted intervals: claims to look at before they go out. No model lives here."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd

from medcode_ml.billing.edits.catalogue import Edit, found
from medcode_ml.billing.pricing.factors import money

INTERVAL_COLUMNS = ("encounter_id", "charges_low", "charges_high", "payments_low", "payments_high")


def amount_edits(claims: pd.DataFrame, intervals: pd.DataFrame) -> dict[str, list[Edit]]:
    """Edits by encounter for the amounts of `claims` that lie outside `intervals`.

    Args:
        claims: rows of billed.claim; `total_charge` and `expected_payment` in US dollars.
        intervals: `INTERVAL_COLUMNS`, US dollars; a missing bound says nothing, and so does a missing encounter.
    """
    raised: dict[str, list[Edit]] = {}
    kept = claims[["encounter_id", "total_charge", "expected_payment"]]
    for row in kept.merge(intervals[list(INTERVAL_COLUMNS)], on="encounter_id").itertuples(index=False):
        edits = []
        if bounds := _bounds_missed(row.total_charge, row.charges_low, row.charges_high):
            edits.append(found("charge_outside_interval", charge=row.total_charge, low=bounds[0], high=bounds[1]))
        if bounds := _bounds_missed(row.expected_payment, row.payments_low, row.payments_high):
            edits.append(found("payment_outside_interval", payment=row.expected_payment, low=bounds[0], high=bounds[1]))
        if edits:
            raised[str(row.encounter_id)] = edits
    return raised


def _bounds_missed(amount: Any, low: Any, high: Any) -> tuple[Decimal, Decimal] | None:
    """The bounds in cents where the amount lies outside them; they are floats of a model or Decimals."""
    if any(pd.isna(value) for value in (amount, low, high)):
        return None
    bounds = money(Decimal(str(low))), money(Decimal(str(high)))
    return None if bounds[0] <= amount <= bounds[1] else bounds
