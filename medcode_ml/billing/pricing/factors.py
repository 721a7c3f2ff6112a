"""A factor of an expected payment, and how amounts and ratios are rounded. No payment method lives here."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

_CENT = Decimal("0.01")
_MILLIONTH = Decimal("0.000001")


class Factor(NamedTuple):
    """One row of the calculation: `value` is an amount in US dollars, a rate, a ratio or a number of days."""

    factor: str
    value: Decimal
    note: str


def lesser(amount: Decimal, charge: Decimal, lesser_of_charges: bool, how: str) -> list[Factor]:
    """The last factors of a negotiated method: its amount, or the total charge where the contract pays the lesser."""
    total = Factor("total_charge", charge, "sum of the line charges")
    if lesser_of_charges and charge < amount:
        return [
            total,
            Factor("contract_amount", amount, how),
            Factor("expected_payment", money(charge), "lesser of contract amount and total charge"),
        ]
    return [total, Factor("expected_payment", amount, how)]


def money(value: Decimal) -> Decimal:
    """Round an amount to the cent, halves away from zero: done at the end of every step that yields an amount."""
    return value.quantize(_CENT, ROUND_HALF_UP)


def ratio(value: Decimal) -> Decimal:
    """Round a ratio to six decimals, as the factor table stores it."""
    return value.quantize(_MILLIONTH, ROUND_HALF_UP)
