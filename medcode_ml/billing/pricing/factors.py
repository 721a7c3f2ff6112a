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


def money(value: Decimal) -> Decimal:
    """Round an amount to the cent, halves away from zero: done at the end of every step that yields an amount."""
    return value.quantize(_CENT, ROUND_HALF_UP)


def ratio(value: Decimal) -> Decimal:
    """Round a ratio to six decimals, as the factor table stores it."""
    return value.quantize(_MILLIONTH, ROUND_HALF_UP)
