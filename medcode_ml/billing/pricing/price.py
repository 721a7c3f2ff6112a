"""The expected payment of one claim: the method of the contract in force, less what other payers paid before."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from medcode_ml.billing.claims import Case
from medcode_ml.billing.pricing.factors import Factor, money
from medcode_ml.billing.pricing.fees import WithoutFee, price_fee_schedule
from medcode_ml.billing.pricing.ipps import ipps_amounts, price_ipps
from medcode_ml.billing.pricing.negotiated import price_case_rate, price_per_diem, price_percent_of_charges
from medcode_ml.billing.pricing.terms import CaseRate, Contract, FeeSchedule, Ipps, PercentOfCharges, PerDiem, Terms
from medcode_ml.codes.drg_weights import DrgWeight


class NotPricedError(ValueError):
    """No expected payment can be worked out; the message says why."""


class Price(NamedTuple):
    """Expected payment in US dollars and its factors in order of calculation; the lines a fee schedule leaves out."""

    expected: Decimal
    factors: list[Factor]
    without_fee: list[WithoutFee]


def price(case: Case, contract: Contract, terms: Terms, drg: str | None, weight: DrgWeight | None) -> Price:
    """Price a claim by the terms in force at its discharge.

    Args:
        drg, weight: of an inpatient claim; None where it was not grouped.

    Raises:
        NotPricedError: the contract does not cover the setting, or its method needs something the claim lacks.
    """
    method = terms.inpatient if case.inpatient else terms.outpatient
    charge = money(case.total_charge)
    if method is None:
        setting = "inpatient" if case.inpatient else "outpatient"
        raise NotPricedError(f"Contract {contract.name} has no {setting} terms from {terms.start}.")
    without_fee: list[WithoutFee] = []
    if isinstance(method, PercentOfCharges):
        factors = price_percent_of_charges(method, contract.name, charge)
    elif isinstance(method, PerDiem):
        factors = price_per_diem(method, contract.name, case.lines, _days(case), charge)
    elif isinstance(method, FeeSchedule):
        factors, without_fee = price_fee_schedule(method, contract.name, case.lines, charge)
    elif drg is None:
        raise NotPricedError(f"Contract {contract.name} pays by MS-DRG and the claim has none.")
    elif isinstance(method, CaseRate):
        try:
            factors = price_case_rate(method, contract.name, drg, weight, charge)
        except ValueError as error:
            raise NotPricedError(str(error)) from error
    else:
        if weight is None or weight.weight <= 0:
            raise NotPricedError(f"MS-DRG {drg} has no relative weight.")
        encounter = case.encounter
        factors = price_ipps(
            method, encounter["hospital_npi"], weight, encounter["discharge_status"], _days(case), charge
        )
    if case.prior_payments:
        factors = _less_prior_payments(case, factors)
    return Price(factors[-1].value, factors, without_fee)


def price_with_drg(case: Case, contract: Contract, terms: Terms, drg: str, weight: DrgWeight | None) -> Decimal:
    """Expected payment alone, as `price` works it out, for another MS-DRG of an inpatient claim.

    Raises:
        NotPricedError: as `price`.
    """
    method = terms.inpatient
    if not isinstance(method, Ipps) or weight is None or weight.weight <= 0:
        return price(case, contract, terms, drg, weight).expected
    e = case.encounter
    charge = money(case.total_charge)
    stay = ipps_amounts(method, e["hospital_npi"], weight, e["discharge_status"], _days(case), charge)
    return _after_prior_payments(case, stay.expected) if case.prior_payments else stay.expected


def pays_by_drg(terms: Terms) -> bool:
    """True where the MS-DRG of an inpatient claim changes what is paid."""
    return isinstance(terms.inpatient, Ipps | CaseRate)


def _days(case: Case) -> int:
    days = case.length_of_stay
    admitted: date | None = case.encounter["admission_date"]
    discharged: date | None = case.encounter["discharge_date"]
    if days is None or (admitted and discharged and discharged < admitted):
        raise NotPricedError("The length of stay is not known: a date of the stay is missing or they are turned round.")
    return days


def _less_prior_payments(case: Case, factors: list[Factor]) -> list[Factor]:
    """A later payer pays what its own rate leaves after the payers before it."""
    *steps, allowed = factors
    return [
        *steps,
        Factor("allowed_payment", allowed.value, allowed.note),
        Factor("prior_payments", _prior_payments(case), "paid by the payers before this one"),
        Factor("expected_payment", _after_prior_payments(case, allowed.value), "allowed payment - prior payments"),
    ]


def _prior_payments(case: Case) -> Decimal:
    return money(sum((p.paid for p in case.prior_payments), Decimal("0.00")))


def _after_prior_payments(case: Case, allowed: Decimal) -> Decimal:
    return max(Decimal("0.00"), allowed - _prior_payments(case))
