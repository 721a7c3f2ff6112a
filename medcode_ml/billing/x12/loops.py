"""Loops that institutional and professional claims share: billing provider, subscriber, payer, earlier payers.

Loop 2300 and the service lines differ and are in `institutional` and `professional`.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from medcode_ml.billing.claims import Adjustment, Case, PriorPayment
from medcode_ml.billing.transmission import Transmission, plan
from medcode_ml.billing.x12.segments import amount, composite, d8, segment, x12_text

FILING_INDICATORS = {"medicare": "MA", "medicaid": "MC", "commercial": "CI"}
"""SBR09 by kind of payer; a professional claim to Medicare is MB. ZZ where the kind is not known."""
SEQUENCE = "PSTABCDEFGH"
"""SBR01: primary, secondary, tertiary, then fourth to eleventh payer."""
ORIGINAL, REPLACEMENT, VOID = "1", "7", "8"
"""CLM05-3: what the payer does with an earlier claim of the same encounter."""
DELAY_REASONS = {
    "1": "proof of eligibility unknown or unavailable", "2": "litigation", "3": "authorization delays",
    "4": "delay in certifying the provider", "5": "delay in supplying billing forms",
    "6": "delay in delivery of custom-made appliances", "7": "processing by a third party",
    "8": "delay in determining eligibility", "9": "original claim rejected or denied for another reason than its date",
    "10": "delay in prior approval", "11": "other", "15": "natural disaster",
}  # fmt: skip
"""CLM20: why a claim is filed late."""
ADJUSTMENTS_A_SEGMENT = 6


class ReadyClaim(NamedTuple):
    """A claim to write: the case, its plan, and what billing decided about it."""

    case: Case
    transmission: Transmission
    claim_number: str
    claim_type: str
    drg: str | None
    frequency: str
    payer_control_number: str | None
    total_charge: Decimal
    delay_reason: str | None = None

    @staticmethod
    def of(case: Case, row: dict[str, Any]) -> ReadyClaim:
        """Put a case and its row of billed.claim together; what the row says of frequency and delay decides."""
        e = case.encounter
        return ReadyClaim(
            case,
            plan(case),
            row["claim_number"],
            row["claim_type"],
            row["drg"],
            row.get("frequency_code") or e["frequency_code"] or ORIGINAL,
            row.get("payer_control_number") or e["payer_control_number"],
            case.total_charge,
            row.get("delay_reason") or e["delay_reason"],
        )


def provider_loop(e: dict[str, Any]) -> str:
    """Loops 2000A and 2010AA after their HL: the billing hospital, ZIP of nine digits (rule 28)."""
    zip_code = e["hospital_zip"].replace("-", "")
    return (
        f"PRV*BI*PXC*{e['hospital_taxonomy']}~"
        f"NM1*85*2*{x12_text(e['hospital_name'], 60)}*****XX*{e['hospital_npi']}~"
        f"N3*{x12_text(e['hospital_address'], 55)}~"
        f"N4*{x12_text(e['hospital_city'], 30)}*{e['hospital_state']}*{zip_code}~"
        f"REF*EI*{e['hospital_tax_id'].replace('-', '')}~"
    )


def filing_indicator(kind: str | None, claim_type: str) -> str:
    """SBR09 for a kind of payer."""
    filing = FILING_INDICATORS.get(kind or "", "ZZ")
    return "MB" if filing == "MA" and claim_type == "837P" else filing


def insurance_type(claim: ReadyClaim) -> str:
    """SBR05: only a professional claim on which Medicare is not the first payer says why."""
    if claim.claim_type != "837P" or not claim.case.prior_payments:
        return ""
    return claim.case.encounter["insurance_type"] or ""


def subscriber_loop(claim: ReadyClaim) -> str:
    """Loops 2000B, 2010BA and 2010BB after their HL: the patient as subscriber, and the payer."""
    e = claim.case.encounter
    place = SEQUENCE[len(claim.case.prior_payments)]
    filing = filing_indicator(e["payer_kind"], claim.claim_type)
    last, first = x12_text(e["subscriber_last_name"], 60), x12_text(e["subscriber_first_name"], 35)
    zip_code = e["subscriber_zip"].replace("-", "")
    return (
        f"SBR*{place}*18***{insurance_type(claim)}****{filing}~"
        f"NM1*IL*1*{last}*{first}****MI*{x12_text(e['member_id'], 80)}~"
        f"N3*{x12_text(e['subscriber_address'], 55)}~"
        f"N4*{x12_text(e['subscriber_city'], 30)}*{e['subscriber_state']}*{zip_code}~"
        f"DMG*D8*{d8(e['subscriber_birth_date'])}*{e['subscriber_sex']}~"
        f"NM1*PR*2*{x12_text(e['payer_name'], 60)}*****PI*{x12_text(e['payer_id'], 80)}~"
    )


def claim_segment(claim: ReadyClaim, place: str, signature: str) -> str:
    """CLM: number, charge, place and frequency; CLM20 where the claim says why it is late.

    Args:
        place: CLM05, a composite.
        signature: CLM06, the provider's signature on file; empty in an institutional claim.
    """
    late = [*[""] * 10, claim.delay_reason] if claim.delay_reason else []
    charge = amount(claim.total_charge)
    return segment("CLM", claim.claim_number, charge, "", "", place, signature, "A", "Y", "Y", *late)


def person(entity: str, e: dict[str, Any]) -> str:
    """The attending clinician as NM1 of the entity given: 71 attending, 82 rendering."""
    last, first = x12_text(e["attending_last_name"], 60), x12_text(e["attending_first_name"] or "", 35)
    return f"NM1*{entity}*1*{last}*{first}****XX*{e['attending_npi']}~"


def references(claim: ReadyClaim) -> str:
    """REF of loop 2300: the payer's number of the claim replaced or voided, and the patient's number with us."""
    written = ""
    if claim.frequency != ORIGINAL and claim.payer_control_number:
        written = segment("REF", "F8", x12_text(claim.payer_control_number, 50))
    patient = x12_text(claim.case.encounter["patient_id"] or "", 50)
    return f"{written}REF*EA*{patient}~" if patient else written


def prior_payer_loops(claim: ReadyClaim) -> Iterator[str]:
    """Loops 2320 and 2330 for every payer before this one: what it paid and how it adjusted (rule 31)."""
    for place, payment in enumerate(claim.case.prior_payments):
        yield from _prior_payer_loop(SEQUENCE[place], payment, claim)


def by_group(payment: PriorPayment) -> dict[str, list[Adjustment]]:
    """Adjustments by their group, as they are written: the groups in the order of their first adjustment."""
    groups: dict[str, list[Adjustment]] = {}
    for adjustment in payment.adjustments:
        groups.setdefault(adjustment.group, []).append(adjustment)
    return groups


def _prior_payer_loop(sequence: str, payment: PriorPayment, claim: ReadyClaim) -> Iterator[str]:
    e = claim.case.encounter
    filing = filing_indicator(payment.payer_kind, claim.claim_type)
    yield segment("SBR", sequence, "18", "", "", "", "", "", "", filing)
    for group, adjustments in by_group(payment).items():
        for start in range(0, len(adjustments), ADJUSTMENTS_A_SEGMENT):
            elements: list[str] = []
            for adjustment in adjustments[start : start + ADJUSTMENTS_A_SEGMENT]:
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
    if payment.payer_control_number:
        yield segment("REF", "F8", x12_text(payment.payer_control_number, 50))


def line_control_number(place: int, number: int) -> str:
    """REF*6R, which remittances echo: the hospital's number of a line where it is not its place on the claim (LX01)."""
    return "" if place == number else f"REF*6R*{number}~"


def hcpcs(code: str, modifiers: tuple[str, ...]) -> str:
    """A HCPCS code with its modifiers as composite HC."""
    return composite("HC", code, *modifiers) if modifiers else f"HC:{code}"
