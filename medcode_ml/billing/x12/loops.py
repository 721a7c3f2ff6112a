"""Loops that institutional and professional claims share: billing provider, subscriber, payer, earlier payers.

Loop 2300 and the service lines differ and are in `institutional` and `professional`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from medcode_ml.billing.claims import Adjustment, Case, PriorPayment
from medcode_ml.billing.transmission import Transmission, plan
from medcode_ml.billing.x12.segments import amount, composite, d8, segment, x12_text

FILING_INDICATORS = {"medicare": "MA", "medicaid": "MC", "commercial": "CI"}
"""SBR09 by kind of payer; a professional claim to Medicare is MB. ZZ where the kind is not known."""
_SEQUENCE = "PSTABCDEFGH"
"""SBR01: primary, secondary, tertiary, then fourth to eleventh payer."""
_ADJUSTMENTS_A_SEGMENT = 6


class ReadyClaim(NamedTuple):
    """A claim to write: the case, its plan, and what billing decided about it."""

    case: Case
    transmission: Transmission
    claim_number: str
    claim_type: str
    drg: str | None

    @staticmethod
    def of(case: Case, row: dict[str, Any]) -> ReadyClaim:
        """Put a case and its row of billed.claim together."""
        return ReadyClaim(case, plan(case), row["claim_number"], row["claim_type"], row["drg"])


def provider_loop(number: int, e: dict[str, Any]) -> Iterator[str]:
    """Loops 2000A and 2010AA: the billing hospital, ZIP of nine digits (rule 28)."""
    yield segment("HL", str(number), "", "20", "1")
    yield segment("PRV", "BI", "PXC", e["hospital_taxonomy"])
    yield segment("NM1", "85", "2", x12_text(e["hospital_name"], 60), "", "", "", "", "XX", e["hospital_npi"])
    yield segment("N3", x12_text(e["hospital_address"], 55))
    yield segment("N4", x12_text(e["hospital_city"], 30), e["hospital_state"], e["hospital_zip"].replace("-", ""))
    yield segment("REF", "EI", e["hospital_tax_id"].replace("-", ""))


def subscriber_loop(number: int, parent: int, claim: ReadyClaim) -> Iterator[str]:
    """Loops 2000B, 2010BA and 2010BB: the patient as subscriber, and the payer."""
    e = claim.case.encounter
    filing = FILING_INDICATORS.get(e["payer_kind"] or "", "ZZ")
    if claim.claim_type == "837P" and filing == "MA":
        filing = "MB"
    yield segment("HL", str(number), str(parent), "22", "0")
    yield segment("SBR", _SEQUENCE[len(claim.case.prior_payments)], "18", "", "", "", "", "", "", filing)
    last, first = x12_text(e["subscriber_last_name"], 60), x12_text(e["subscriber_first_name"], 35)
    yield segment("NM1", "IL", "1", last, first, "", "", "", "MI", x12_text(e["member_id"], 80))
    yield segment("N3", x12_text(e["subscriber_address"], 55))
    zip_code = e["subscriber_zip"].replace("-", "")
    yield segment("N4", x12_text(e["subscriber_city"], 30), e["subscriber_state"], zip_code)
    yield segment("DMG", "D8", d8(e["subscriber_birth_date"]), e["subscriber_sex"])
    payer_id = x12_text(e["payer_id"], 80)
    yield segment("NM1", "PR", "2", x12_text(e["payer_name"], 60), "", "", "", "", "PI", payer_id)


def person(entity: str, e: dict[str, Any]) -> str:
    """The attending clinician as NM1 of the entity given: 71 attending, 82 rendering."""
    last, first = x12_text(e["attending_last_name"], 60), x12_text(e["attending_first_name"] or "", 35)
    return segment("NM1", entity, "1", last, first, "", "", "", "XX", e["attending_npi"])


def prior_payer_loops(claim: ReadyClaim) -> Iterator[str]:
    """Loops 2320 and 2330 for every payer before this one: what it paid and how it adjusted (rule 31)."""
    for place, payment in enumerate(claim.case.prior_payments):
        yield from _prior_payer_loop(_SEQUENCE[place], payment, claim.case.encounter)


def _prior_payer_loop(sequence: str, payment: PriorPayment, e: dict[str, Any]) -> Iterator[str]:
    yield segment("SBR", sequence, "18", "", "", "", "", "", "", "ZZ")
    groups: dict[str, list[Adjustment]] = {}
    for adjustment in payment.adjustments:
        groups.setdefault(adjustment.group, []).append(adjustment)
    for group, adjustments in groups.items():
        for start in range(0, len(adjustments), _ADJUSTMENTS_A_SEGMENT):
            elements: list[str] = []
            for adjustment in adjustments[start : start + _ADJUSTMENTS_A_SEGMENT]:
                # reason, amount, and a quantity that is left empty
                elements += [adjustment.reason, amount(adjustment.amount), ""]
            yield segment("CAS", group, *elements)
    yield segment("AMT", "D", amount(payment.paid))
    yield segment("OI", "", "", "Y", "", "", "Y")
    last, first = x12_text(e["subscriber_last_name"], 60), x12_text(e["subscriber_first_name"], 35)
    yield segment("NM1", "IL", "1", last, first, "", "", "", "MI", x12_text(payment.member_id or "", 80))
    name = x12_text(payment.payer_name or "", 60)
    yield segment("NM1", "PR", "2", name, "", "", "", "", "PI", x12_text(payment.payer_id, 80))
    if payment.paid_date is not None:
        yield segment("DTP", "573", "D8", d8(payment.paid_date))


def hcpcs(code: str, modifiers: tuple[str, ...]) -> str:
    """A HCPCS code with its modifiers as composite HC."""
    return composite("HC", code, *modifiers)
