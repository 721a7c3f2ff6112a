"""Fee schedule: each service at its fee times its units. Amounts in US dollars, rounded step by step."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from medcode_ml.billing.claims import Line
from medcode_ml.billing.pricing.factors import Factor, lesser, money
from medcode_ml.billing.pricing.terms import FeeSchedule

_PERCENT = Decimal(100)


class WithoutFee(NamedTuple):
    """A line whose service the schedule does not name: it was priced at nothing."""

    line_number: int
    service: str


def price_fee_schedule(
    terms: FeeSchedule, contract: str, lines: Sequence[Line], charge: Decimal
) -> tuple[list[Factor], list[WithoutFee]]:
    """The sum over the lines of fee times units; what the schedule does not name at its percent of the charge.

    The fee of a code with one of the line's modifiers ("70450-26") goes before that of the code alone.
    """
    factors: list[Factor] = []
    without: list[WithoutFee] = []
    total = Decimal("0.00")
    for line in lines:
        number = line.line_number
        service = line.hcpcs or f"revenue code {line.revenue_code}"
        named = next((f"{service}-{m}" for m in line.modifiers if f"{service}-{m}" in terms.fees), service)
        if named in terms.fees:
            fee, units = terms.fees[named], Decimal(line.units or 0)
            amount = money(fee * units)
            factors += [
                Factor(f"line_{number}_fee", fee, f"contract {contract}, fee of {named}"),
                Factor(f"line_{number}_units", units, "units of the line"),
                Factor(f"line_{number}_payment", amount, "fee x units"),
            ]
        elif terms.otherwise_percent is not None:
            charged = line.charge or Decimal(0)
            amount = money(charged * terms.otherwise_percent / _PERCENT)
            factors += [
                Factor(f"line_{number}_charge", charged, f"{service} has no fee of its own"),
                Factor(f"line_{number}_percent", terms.otherwise_percent, f"contract {contract}"),
                Factor(f"line_{number}_payment", amount, "charge x percent / 100"),
            ]
        else:
            amount = Decimal("0.00")
            without.append(WithoutFee(number, service))
            factors.append(Factor(f"line_{number}_payment", amount, f"contract {contract} has no fee for {service}"))
        total += amount
    return factors + lesser(total, charge, terms.lesser_of_charges, "sum of the lines"), without
