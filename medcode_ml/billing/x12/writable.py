"""Why a claim cannot be written as an 837: what the guides need and it lacks, in words.

The edits hold such a claim with a remedy before it comes here; this is the last look, so that a claim that slips
through is refused by name instead of ending the file it would stand in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from medcode_ml.billing.claims import Line, PriorPayment
from medcode_ml.billing.x12 import institutional, professional
from medcode_ml.billing.x12.loops import (
    ADJUSTMENTS_A_SEGMENT,
    DELAY_REASONS,
    ORIGINAL,
    REPLACEMENT,
    SEQUENCE,
    VOID,
    ReadyClaim,
    by_group,
)
from medcode_ml.billing.x12.segments import x12_text

MOST_ADJUSTMENT_SEGMENTS = 5
"""CAS segments of one earlier payer (loop 2320)."""
#: Free text an X12 element of at least this many characters is made from, with its name for a person.
_TEXTS = (
    ("hospital_name", "the hospital's name", 1), ("hospital_address", "the hospital's street address", 1),
    ("hospital_city", "the hospital's city", 2), ("attending_last_name", "the attending clinician's last name", 1),
    ("member_id", "the subscriber's member identifier", 2),
    ("subscriber_last_name", "the subscriber's last name", 1),
    ("subscriber_first_name", "the subscriber's first name", 1),
    ("subscriber_address", "the subscriber's street address", 1), ("subscriber_city", "the subscriber's city", 2),
    ("payer_id", "the payer's identifier", 2), ("payer_name", "the payer's name", 1),
)  # fmt: skip
#: Codes and numbers that are written as they stand.
_CODES = (
    ("hospital_npi", "the hospital's NPI"), ("hospital_tax_id", "the hospital's tax identifier"),
    ("hospital_taxonomy", "the hospital's taxonomy code"), ("hospital_state", "the hospital's state"),
    ("hospital_zip", "the hospital's ZIP"), ("attending_npi", "the attending clinician's NPI"),
    ("subscriber_sex", "the subscriber's sex"), ("subscriber_state", "the subscriber's state"),
    ("subscriber_zip", "the subscriber's ZIP"),
)  # fmt: skip
_DATES = (
    ("admission_date", "the admission date"), ("discharge_date", "the discharge date"),
    ("subscriber_birth_date", "the subscriber's birth date"),
)  # fmt: skip
_STAY = (("admission_hour", "the admission hour"), ("discharge_hour", "the discharge hour"))
_CODE = re.compile(r"[0-9A-Z][0-9A-Z.\-]*", re.ASCII)
_HOUR = re.compile(r"[01]?\d|2[0-3]", re.ASCII)
# Working aged and the other reasons for which Medicare pays second.
_INSURANCE_TYPES = frozenset({"12", "13", "14", "15", "16", "41", "42", "43", "47"})


class Refused(NamedTuple):
    """A ready claim that could not be written, and why."""

    encounter_id: str
    claim_number: str
    reasons: tuple[str, ...]


@lru_cache(maxsize=100_000)
def _is_code(value: str) -> bool:
    """True for a code or number that can be written as it stands; they come again and again."""
    return _CODE.fullmatch(value) is not None


def unwritable(claim: ReadyClaim) -> list[str]:
    """Return what keeps a claim from being written, as sentences without values; empty when it can be written."""
    return [*_about_claim(claim), *_about_fields(claim), *_about_lines(claim), *_about_earlier_payers(claim)]


def _about_claim(claim: ReadyClaim) -> Iterator[str]:
    plan = claim.transmission
    if plan.principal is None:
        yield "there is no principal diagnosis"
    if not all(_is_code(d.code) for d in plan.diagnoses):
        yield "a diagnosis code has characters that no code has"
    if any(p.date is None for p in plan.procedures):
        yield "a procedure has no date"
    if not all(_is_code(p.code) for p in plan.procedures):
        yield "a procedure code has characters that no code has"
    if claim.frequency not in (ORIGINAL, REPLACEMENT, VOID):
        yield "the frequency code is not 1 (original), 7 (replacement) or 8 (void)"
    elif claim.frequency != ORIGINAL and not x12_text(claim.payer_control_number or "", 50):
        yield "a replacement or void needs the payer's control number of the claim it is about"
    if claim.delay_reason and claim.delay_reason not in DELAY_REASONS:
        yield "the delay reason is none of the guide's codes (CLM20)"
    if claim.drg is not None and not _is_code(claim.drg):
        yield "the DRG has characters that no code has"


def _about_fields(claim: ReadyClaim) -> Iterator[str]:
    e, institutional_claim = claim.case.encounter, claim.claim_type != "837P"
    for column, name, least in _TEXTS:
        if len(x12_text(e[column] or "", 80)) < least:
            yield f"{name} is absent or has no characters that X12 can carry"
    for column, name in _CODES:
        if not _is_code(e[column] or ""):
            yield f"{name} is absent or not in form"
    for column, name in _DATES:
        if e[column] is None:
            yield f"{name} is absent"
    if institutional_claim and claim.case.inpatient:
        for column, name in _STAY:
            if not _HOUR.fullmatch(e[column] or ""):
                yield f"{name} is absent or not an hour"
    if institutional_claim and not _is_code(e["discharge_status"] or ""):
        yield "the discharge status is absent or not in form"
    for column in ("admission_type", "admission_source", "admitting_code"):
        if e[column] and not _is_code(e[column]):
            yield f"the {column.replace('_', ' ')} is not in form"


def _about_lines(claim: ReadyClaim) -> Iterator[str]:
    lines = claim.case.lines
    professional_claim = claim.claim_type == "837P"
    most = (professional if professional_claim else institutional).MOST_LINES
    if not lines:
        yield "there is no charge line"
        return
    if len(lines) > most:
        yield f"there are {len(lines)} charge lines, at most {most} fit a claim"
    for line in lines:
        if line.charge is None:
            yield f"line {line.line_number} has no charge"
        elif line.charge < 0:
            yield f"line {line.line_number} has a negative charge"
        if line.units is None or line.units <= 0:
            yield f"line {line.line_number} has no positive units"
        if not _codes_fit(line, professional_claim):
            yield f"line {line.line_number} has no code to bill by, or one that is not in form"
        if professional_claim and line.service_date is None:
            yield f"line {line.line_number} has no service date"
    if claim.total_charge <= 0:
        yield "the charges of the claim do not add up to more than zero"


def _codes_fit(line: Line, professional_claim: bool) -> bool:
    needed = line.hcpcs if professional_claim else line.revenue_code
    if not needed or not _is_code(needed) or (line.hcpcs and not _is_code(line.hcpcs)):
        return False
    return not line.modifiers or (
        line.hcpcs is not None and len(line.modifiers) <= 4 and all(_is_code(m) for m in line.modifiers)
    )


def _about_earlier_payers(claim: ReadyClaim) -> Iterator[str]:
    payments = claim.case.prior_payments
    if not payments:
        return
    if len(payments) >= len(SEQUENCE):
        yield f"there are {len(payments)} earlier payers, at most {len(SEQUENCE) - 1} fit a claim"
    for place, payment in enumerate(payments, 1):
        yield from _about_payment(f"earlier payer {place}", payment)
        adjusted = sum([a.amount for a in payment.adjustments])
        if payment.paid + adjusted != claim.total_charge:
            yield f"earlier payer {place}: payment and adjustments do not add up to the charges of the claim (rule 31)"
    e = claim.case.encounter
    if claim.claim_type == "837P" and e["payer_kind"] == "medicare" and e["insurance_type"] not in _INSURANCE_TYPES:
        yield "Medicare is not the first payer: a professional claim must say why (insurance type, SBR05)"


def _about_payment(where: str, payment: PriorPayment) -> Iterator[str]:
    identified = ((payment.payer_id, "identifier"), (payment.member_id, "member identifier"))
    for value, name in identified:
        if len(x12_text(value or "", 80)) < 2:
            yield f"{where}: its {name} is absent or has no characters that X12 can carry"
    if not x12_text(payment.payer_name or "", 60):
        yield f"{where}: its name is absent or has no characters that X12 can carry"
    if payment.paid < 0:
        yield f"{where}: the payment is negative"
    groups = by_group(payment)
    if sum(-(-len(some) // ADJUSTMENTS_A_SEGMENT) for some in groups.values()) > MOST_ADJUSTMENT_SEGMENTS:
        yield f"{where}: its adjustments need more than {MOST_ADJUSTMENT_SEGMENTS} CAS segments"
    for adjustment in payment.adjustments:
        if not (_is_code(adjustment.group) and _is_code(adjustment.reason)):
            yield f"{where}: an adjustment has a group or reason that is not in form"
