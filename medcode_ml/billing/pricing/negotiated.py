"""Negotiated methods: percent of charges, per diem and case rate. Amounts in US dollars, rounded step by step."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from medcode_ml.billing.claims import Line
from medcode_ml.billing.pricing.factors import Factor, lesser, money
from medcode_ml.billing.pricing.terms import CaseRate, PercentOfCharges, PerDiem
from medcode_ml.codes.drg_weights import DrgWeight

# Accommodation revenue codes 010x to 021x: their units are days.
_ACCOMMODATION = tuple(f"0{n}" for n in range(10, 22))
_PERCENT = Decimal(100)


def price_percent_of_charges(terms: PercentOfCharges, contract: str, charge: Decimal) -> list[Factor]:
    """Total charge times the contract's percent."""
    return [
        Factor("total_charge", charge, "sum of the line charges"),
        Factor("percent_of_charges", terms.percent, f"contract {contract}"),
        Factor("expected_payment", money(charge * terms.percent / _PERCENT), "total charge x percent / 100"),
    ]


def price_per_diem(
    terms: PerDiem, contract: str, lines: Sequence[Line], length_of_stay: int, charge: Decimal
) -> list[Factor]:
    """Days on each level at the level's rate, the rest of the stay at the general rate.

    Days on a level are the units of its accommodation lines, never more than the days of the stay that are left.
    """
    factors = [Factor("length_of_stay", Decimal(length_of_stay), "days from admission to discharge, at least 1")]
    left, total = Decimal(length_of_stay), Decimal("0.00")
    for level in terms.levels:
        billed = sum(
            (
                Decimal(line.units)
                for line in lines
                if line.units
                and line.revenue_code
                and line.revenue_code.startswith(level.revenue_codes)
                and line.revenue_code.startswith(_ACCOMMODATION)
            ),
            Decimal(0),
        )
        days = min(billed, left)
        if days <= 0:
            continue
        left -= days
        amount = money(days * level.rate)
        total += amount
        name = level.name.replace(" ", "_")
        codes = ", ".join(level.revenue_codes)
        factors += [
            Factor(f"{name}_days", days, f"units of revenue codes {codes}; at most the days of the stay left"),
            Factor(f"{name}_rate", level.rate, f"contract {contract}"),
            Factor(f"{name}_payment", amount, "days x rate"),
        ]
    amount = money(left * terms.rate)
    factors += [
        Factor("other_days", left, "days of the stay on no level of the contract"),
        Factor("per_diem_rate", terms.rate, f"contract {contract}"),
        Factor("per_diem_payment", amount, "days x rate"),
    ]
    return factors + lesser(total + amount, charge, terms.lesser_of_charges, "sum of the payments by day")


def price_case_rate(
    terms: CaseRate, contract: str, drg: str, weight: DrgWeight | None, charge: Decimal
) -> list[Factor]:
    """The fixed rate of the MS-DRG, or base rate times weight; above stop-loss a percent of the charges beyond it.

    Raises:
        ValueError: the MS-DRG has neither a fixed rate nor a weight.
    """
    factors: list[Factor] = []
    if drg in terms.drg_rates:
        case = money(terms.drg_rates[drg])
        factors.append(Factor("case_rate", case, f"contract {contract}, fixed rate of MS-DRG {drg}"))
    elif weight is not None and weight.weight > 0:
        case = money(terms.base_rate * weight.weight)
        factors += [
            Factor("base_rate", terms.base_rate, f"contract {contract}"),
            Factor("drg_weight", weight.weight, f"MS-DRG {drg}, {weight.source}"),
            Factor("case_rate", case, "base rate x weight"),
        ]
    else:
        raise ValueError(f"MS-DRG {drg} has neither a weight nor a rate of its own in contract {contract}.")
    stop_loss = Decimal("0.00")
    if terms.stop_loss_threshold is not None and terms.stop_loss_percent is not None:
        beyond = max(Decimal(0), charge - terms.stop_loss_threshold)
        stop_loss = money(beyond * terms.stop_loss_percent / _PERCENT)
        factors += [
            Factor("stop_loss_threshold", terms.stop_loss_threshold, f"contract {contract}"),
            Factor("stop_loss_percent", terms.stop_loss_percent, f"contract {contract}"),
            Factor("stop_loss_payment", stop_loss, "charges above the threshold x percent / 100"),
        ]
    return factors + lesser(case + stop_loss, charge, terms.lesser_of_charges, "case rate + stop-loss")
