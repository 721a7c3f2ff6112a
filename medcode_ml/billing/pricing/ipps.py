"""Medicare's inpatient prospective payment, operating and capital, step by step (42 CFR 412 subparts D, F and M).

Every step that yields an amount is rounded to the cent, so that a person can recompute it from the factor rows. Left
out: new technology add-ons, value-based purchasing and readmission factors, sequestration, the patient's deductible.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import NamedTuple

from medcode_ml.billing.pricing.factors import Factor, money, ratio
from medcode_ml.billing.pricing.terms import Hospital, Ipps
from medcode_ml.codes.drg_weights import DrgWeight

ACUTE_TRANSFERS = frozenset({"02", "66", "82", "94"})
"""Discharge statuses of a transfer to another acute care or critical access hospital (42 CFR 412.4(b))."""
POST_ACUTE_TRANSFERS = frozenset({"03", "05", "06", "50", "51", "62", "63", "65", "83", "85", "86", "90", "91", "93"})
"""Discharge statuses to post-acute care: transfers for the post-acute MS-DRGs of Table 5 only (42 CFR 412.4(c))."""
_NEONATE_TRANSFERRED = "789"
_BURNS = frozenset({"927", "928", "929", "933", "934", "935"})
# Alaska and Hawaii: share of the operating cost-of-living adjustment that capital takes (42 CFR 412.316(c)).
_CAPITAL_COST_OF_LIVING_SHARE = Decimal("0.3152")
_GAF_PLACES = Decimal("0.0001")
_ONE = Decimal(1)


def transfer_ratio(weight: DrgWeight, status: str | None, length_of_stay: int) -> tuple[Decimal, str]:
    """Share of the full payment a transferred stay is paid, and why (42 CFR 412.4(f)).

    The per diem is the full payment over the geometric mean length of stay, twice for the first day, never more than
    the full payment; a special-pay MS-DRG gets half the full payment at once and half the per diem.
    """
    acute = status in ACUTE_TRANSFERS and weight.drg != _NEONATE_TRANSFERRED
    post_acute = status in POST_ACUTE_TRANSFERS and weight.post_acute
    if not (acute or post_acute):
        return _ONE, f"discharge status {status} is no transfer for MS-DRG {weight.drg}"
    if not weight.gmlos:
        return _ONE, f"MS-DRG {weight.drg} has no geometric mean length of stay: paid in full"
    per_diem_share = Decimal(length_of_stay + 1) / weight.gmlos
    kind = "acute transfer" if acute else "post-acute transfer"
    if post_acute and weight.special_pay:
        share = (_ONE + per_diem_share) / 2
        kind += ", special pay: half, and half of (length of stay + 1) / GMLOS"
    else:
        share = per_diem_share
        kind += ": (length of stay + 1) / GMLOS"
    return ratio(min(_ONE, share)), f"{kind}, at most 1 (42 CFR 412.4)"


class _Rates(NamedTuple):
    """What a hospital is paid before any stay is looked at: the same for all its stays under the same terms."""

    labor: Decimal
    area: Decimal
    operating_rate: Decimal
    operating_adjustment: Decimal
    gaf: Decimal
    capital_living: Decimal
    capital_adjustment: Decimal
    both_ccr: Decimal
    adjusted_fixed_loss: Decimal


@lru_cache(maxsize=10_000)
def _rates(
    hospital: Hospital,
    operating_rate: Decimal,
    labor_share: Decimal,
    labor_share_low_wage: Decimal,
    capital_wage_exponent: Decimal,
    fixed_loss: Decimal,
) -> _Rates:
    wage, living = hospital.wage_index, hospital.cost_of_living
    labor = labor_share if wage > 1 else labor_share_low_wage
    area = labor * wage + (1 - labor) * living
    gaf = (wage**capital_wage_exponent).quantize(_GAF_PLACES, ROUND_HALF_UP)
    capital_living = 1 + _CAPITAL_COST_OF_LIVING_SHARE * (living - 1)
    both_ccr = hospital.operating_cost_to_charge + hospital.capital_cost_to_charge
    operating_part = hospital.operating_cost_to_charge / both_ccr if both_ccr else _ONE
    return _Rates(
        labor,
        area,
        money(operating_rate * area),
        1 + hospital.operating_ime + hospital.operating_dsh,
        gaf,
        capital_living,
        1 + hospital.capital_ime + hospital.capital_dsh,
        both_ccr,
        fixed_loss * (operating_part * area + (1 - operating_part) * gaf * capital_living),
    )


class IppsAmounts(NamedTuple):
    """The amounts of a stay in order of calculation, US dollars rounded step by step; `transferred` is a share."""

    operating_drg: Decimal
    operating: Decimal
    capital: Decimal
    transferred: Decimal
    why_transferred: str
    operating_paid: Decimal
    capital_paid: Decimal
    cost: Decimal
    fixed_loss: Decimal
    threshold: Decimal
    marginal: Decimal
    outlier: Decimal
    expected: Decimal


def ipps_amounts(
    terms: Ipps, npi: str | None, weight: DrgWeight, status: str | None, length_of_stay: int, charge: Decimal
) -> IppsAmounts:
    """Work out an inpatient stay; the arguments are those of `price_ipps`."""
    hospital = terms.hospitals.get(npi or "") or terms.default_hospital
    rates = _rates_of(terms, hospital)
    operating_drg = money(rates.operating_rate * weight.weight)
    operating = money(operating_drg * rates.operating_adjustment)
    capital = money(terms.capital_rate * rates.gaf * rates.capital_living * weight.weight * rates.capital_adjustment)
    transferred, why = transfer_ratio(weight, status, length_of_stay)
    operating_paid, capital_paid = money(operating * transferred), money(capital * transferred)
    cost = money(charge * rates.both_ccr)
    fixed_loss = money(rates.adjusted_fixed_loss * transferred)
    threshold = operating_paid + capital_paid + hospital.uncompensated_care + fixed_loss
    marginal = terms.burn_marginal_cost_factor if weight.drg in _BURNS else terms.marginal_cost_factor
    outlier = money(max(Decimal(0), cost - threshold) * marginal)
    expected = operating_paid + capital_paid + outlier + hospital.uncompensated_care
    return IppsAmounts(
        operating_drg, operating, capital, transferred, why, operating_paid, capital_paid, cost, fixed_loss, threshold,
        marginal, outlier, expected,
    )  # fmt: skip


def _rates_of(terms: Ipps, hospital: Hospital) -> _Rates:
    return _rates(
        hospital, terms.operating_rate, terms.labor_share, terms.labor_share_low_wage, terms.capital_wage_exponent,
        terms.fixed_loss,
    )  # fmt: skip


def price_ipps(
    terms: Ipps, npi: str | None, weight: DrgWeight, status: str | None, length_of_stay: int, charge: Decimal
) -> list[Factor]:
    """Return the factors of an inpatient stay in order of calculation; the last is `expected_payment`.

    Args:
        terms: rates in force at discharge.
        npi: the hospital's NPI, for its own figures in the payers file.
        weight: Table 5 row of the MS-DRG.
        status: patient discharge status, two digits.
        length_of_stay: days, at least 1.
        charge: total charge in US dollars.
    """
    own = terms.hospitals.get(npi or "")
    hospital = own or terms.default_hospital
    whose = f"hospital {npi} in the payers file" if own else "default hospital of the payers file"
    wage, living = hospital.wage_index, hospital.cost_of_living
    paid = _rates_of(terms, hospital)
    stay = ipps_amounts(terms, npi, weight, status, length_of_stay, charge)
    rates = f"payers file: {terms.source}"
    return [
        Factor("operating_base_rate", terms.operating_rate, rates),
        Factor("labor_share", paid.labor, f"{rates}; the wage index is {'above' if wage > 1 else 'not above'} 1"),
        Factor("wage_index", wage, whose),
        Factor("cost_of_living", living, whose),
        Factor(
            "wage_adjusted_operating_rate",
            paid.operating_rate,
            "base rate x (labour share x wage index + (1 - labour share) x cost of living)",
        ),
        Factor("drg_weight", weight.weight, f"MS-DRG {weight.drg}, {weight.source}"),
        Factor("operating_drg_payment", stay.operating_drg, "adjusted rate x weight"),
        Factor(
            "operating_adjustment", paid.operating_adjustment, f"1 + teaching (IME) + disproportionate share; {whose}"
        ),
        Factor("operating_payment", stay.operating, "operating DRG payment x adjustment"),
        Factor("capital_base_rate", terms.capital_rate, rates),
        Factor(
            "geographic_adjustment_factor",
            paid.gaf,
            f"wage index to the power {terms.capital_wage_exponent}, four decimals",
        ),
        Factor("capital_cost_of_living", ratio(paid.capital_living), "1 + 0.3152 x (cost of living - 1)"),
        Factor("capital_adjustment", paid.capital_adjustment, f"1 + teaching (IME) + disproportionate share; {whose}"),
        Factor(
            "capital_payment", stay.capital, "capital rate x geographic factor x cost of living x weight x adjustment"
        ),
        Factor("length_of_stay", Decimal(length_of_stay), "days from admission to discharge, at least 1"),
        Factor("geometric_mean_length_of_stay", weight.gmlos or Decimal(0), weight.source),
        Factor("transfer_adjustment", stay.transferred, stay.why_transferred),
        Factor("operating_payment_after_transfer", stay.operating_paid, "operating payment x transfer adjustment"),
        Factor("capital_payment_after_transfer", stay.capital_paid, "capital payment x transfer adjustment"),
        Factor("total_charge", charge, "sum of the line charges"),
        Factor("operating_cost_to_charge", hospital.operating_cost_to_charge, whose),
        Factor("capital_cost_to_charge", hospital.capital_cost_to_charge, whose),
        Factor("estimated_cost", stay.cost, "total charge x (operating + capital cost-to-charge ratio)"),
        Factor("fixed_loss", terms.fixed_loss, rates),
        Factor(
            "adjusted_fixed_loss",
            stay.fixed_loss,
            "fixed loss x (operating part of cost x area adjustment + capital part x geographic factor) x transfer "
            "adjustment",
        ),
        Factor(
            "outlier_threshold",
            stay.threshold,
            "operating + capital after transfer + uncompensated care + adjusted fixed loss (42 CFR 412.80)",
        ),
        Factor("marginal_cost_factor", stay.marginal, f"{rates}; MS-DRG {weight.drg}"),
        Factor("outlier_payment", stay.outlier, "(estimated cost - threshold) x marginal cost factor, not below 0"),
        Factor("uncompensated_care", hospital.uncompensated_care, whose),
        Factor(
            "expected_payment",
            stay.expected,
            "operating + capital after transfer + outlier + uncompensated care; before deductible and sequestration",
        ),
    ]
