"""FHIR R4 `Claim` of one claim: what the 837 says, as a resource."""

from __future__ import annotations

from datetime import date

from medcode_ml.billing.fhir import parties
from medcode_ml.billing.fhir import terms as t
from medcode_ml.billing.fhir.claim_parts import account_number, common, item, payer_number, supporting
from medcode_ml.billing.fhir.terms import Resource
from medcode_ml.billing.x12.loops import ORIGINAL, VOID, ReadyClaim


def claim_id(claim_number: str) -> str:
    """Id of the `Claim`: its patient control number, the same for the same encounter and telling nothing of it."""
    return claim_number


def claim_resource(
    claim: ReadyClaim, created: date, *, grouper_version: str | None = None, synthetic: bool = False
) -> Resource:
    """Return the `Claim` of a ready claim.

    Args:
        claim: the claim as the 837 writer takes it.
        created: the billing day.
        grouper_version: version of the MS-DRG, as billed.claim has it.
        synthetic: label it as test data.
    """
    shared = common(claim, grouper_version)
    return t.resource(
        "Claim",
        claim_id(claim.claim_number),
        {
            **shared,
            "identifier": [account_number(claim)],
            # a void takes the claim back
            "status": "cancelled" if claim.frequency == VOID else "active",
            "created": t.day(created),
            "related": _related(claim),
            "supportingInfo": t.numbered(supporting(claim)),
            "insurance": t.numbered(parties.coverages(claim.case)),
            "item": t.numbered(item(claim, line) for line in claim.case.lines),
            "total": t.money(claim.total_charge),
        },
        synthetic=synthetic,
    )


def _related(claim: ReadyClaim) -> list[Resource]:
    """The claim that a replacement or void (frequency 7, 8) is about, by the payer's number of it."""
    if claim.frequency == ORIGINAL or not claim.payer_control_number:
        return []
    prior = {"identifier": payer_number(claim, claim.payer_control_number)}
    return [{"claim": prior, "relationship": t.concept(t.RELATIONSHIP, "prior")}]
