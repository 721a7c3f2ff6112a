"""The expected payment of one claim: the method of the contract in force, less what other payers paid before."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from medcode_ml.billing.claims import Case
from medcode_ml.billing.pricing.factors import Factor, money
from medcode_ml.billing.pricing.ipps import price_ipps
from medcode_ml.billing.pricing.negotiated import price_case_rate, price_per_diem, price_percent_of_charges
from medcode_ml.billing.pricing.terms import CaseRate, Contract, PercentOfCharges, PerDiem, Terms
from medcode_ml.codes.drg_weights import DrgWeight


class NotPricedError(ValueError):
    """No expected payment can be worked out; the message says why."""


class Price(NamedTuple):
    """Expected payment in US dollars and its factors in order of calculation."""

    expected: Decimal
    factors: list[Factor]


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
    if isinstance(method, PercentOfCharges):
        factors = price_percent_of_charges(method, contract.name, charge)
    elif isinstance(method, PerDiem):
        factors = price_per_diem(method, contract.name, case.lines, _days(case), charge)
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
    return Price(factors[-1].value, factors)


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
    paid = sum((p.paid for p in case.prior_payments), Decimal("0.00"))
    return [
        *steps,
        Factor("allowed_payment", allowed.value, allowed.note),
        Factor("prior_payments", money(paid), "paid by the payers before this one"),
        Factor(
            "expected_payment", max(Decimal("0.00"), allowed.value - money(paid)), "allowed payment - prior payments"
        ),
    ]
