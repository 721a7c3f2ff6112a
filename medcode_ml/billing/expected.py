"""What a claim is expected to be paid: which contract and terms, its price by them, or the edit that says why not.

The methods are in `pricing`, the contracts in the payer book; here they meet the claim.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from medcode_ml.billing.claims import Case
from medcode_ml.billing.edits.catalogue import Edit, found
from medcode_ml.billing.grouping import UNGROUPABLE, Grouping
from medcode_ml.billing.payers import SELF_PAY, PayerBook, UnknownPayer
from medcode_ml.billing.pricing.factors import Factor
from medcode_ml.billing.pricing.price import NotPricedError, pays_by_drg, price, price_with_drg
from medcode_ml.billing.pricing.terms import Contract, Terms
from medcode_ml.codes.drg_weights import DrgWeight, drg_weight
from medcode_ml.codes.release import release_on


@dataclass(frozen=True, slots=True)
class PricedClaim:
    """What a contract says of a claim: the factors of its price and edits; None where there is no contract or terms.

    `filing_days` after discharge the payer takes claims, None where nobody says.
    """

    contract: Contract | None
    terms: Terms | None
    filing_days: int | None
    factors: list[Factor]
    edits: list[Edit]

    @property
    def expected(self) -> Decimal | None:
        """Expected payment in US dollars, None without a price."""
        return self.factors[-1].value if self.factors else None


def weight_of(grouping: Grouping | None, discharged: date | None) -> DrgWeight | None:
    """Table 5 row of a grouped claim, None where there is no payable MS-DRG."""
    if grouping is None or discharged is None or grouping.drg in UNGROUPABLE:
        return None
    return drg_weight(grouping.drg, release_on(discharged).fiscal_year)


def price_claim(case: Case, payers: PayerBook, grouping: Grouping | None, weight: DrgWeight | None) -> PricedClaim:
    """Price a claim by its payer's contract; the claim is held without a contract, not without a price."""
    encounter = case.encounter
    payer_id = encounter["payer_id"]
    if encounter["payer_kind"] == SELF_PAY:
        return PricedClaim(None, None, None, [], [found("self_pay")])
    contract = payers.contract_of(payer_id, encounter["payer_kind"], encounter["contract"])
    if isinstance(contract, UnknownPayer):
        return PricedClaim(None, None, None, [], [found("payer_unknown", why=contract.why)])
    days = payers.timely_filing_days(payer_id, contract)
    discharged: date | None = encounter["discharge_date"]
    if discharged is None:
        return PricedClaim(contract, None, days, [], [])
    terms = contract.terms_on(discharged)
    if terms is None:
        edit = found("contract_not_in_force", why=contract.why_no_terms(discharged))
        return PricedClaim(contract, None, days, [], [edit])
    drg = grouping.drg if grouping and grouping.drg not in UNGROUPABLE else None
    try:
        result = price(case, contract, terms, drg, weight)
    except NotPricedError as why_not:
        return PricedClaim(contract, terms, days, [], [found("not_priced", why=str(why_not))])
    without = [found("no_fee", line=line.line_number, code=line.service) for line in result.without_fee]
    return PricedClaim(contract, terms, days, result.factors, without)


def expected_with(case: Case, priced: PricedClaim, drg: str, weight: DrgWeight | None) -> Decimal | None:
    """Expected payment of a priced inpatient claim with another MS-DRG; None where it cannot be worked out."""
    if priced.contract is None or priced.terms is None:
        return None
    if not pays_by_drg(priced.terms):
        return priced.expected
    try:
        return price_with_drg(case, priced.contract, priced.terms, drg, weight)
    except NotPricedError:
        # what-if rows leave the amount empty; the claim's own price has an edit that says why
        return None
