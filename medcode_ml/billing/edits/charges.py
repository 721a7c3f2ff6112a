"""Edits of the charge lines and of what earlier payers paid (rules 28, 29, 31, 37)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from medcode_ml.billing.claims import Case, Line, PriorPayment
from medcode_ml.billing.edits.catalogue import Edit, found
from medcode_ml.billing.edits.stay import in_stay, tolerance
from medcode_ml.codes.identifiers import hcpcs_is_valid, revenue_code_is_assigned, revenue_code_is_valid

MOST_LINES = 999
MOST_PROFESSIONAL_LINES = 50
MOST_PRIOR_PAYERS = 10
_ADJUSTMENT_GROUPS = frozenset({"CO", "CR", "OA", "PI", "PR"})
# Level I codes are the AMA's: only their shape is known here (rule 44).
_LEVEL_I = re.compile(r"\d{4}[0-9FTUM]", re.ASCII)
_MODIFIER = re.compile(r"[0-9A-Z]{2}", re.ASCII)
_CENT = Decimal("0.01")


def charge_edits(case: Case) -> Iterator[Edit]:
    """Yield the edits of the lines and of coordination of benefits."""
    lines = case.lines
    professional = case.encounter["claim_type"] == "837P"
    most = MOST_PROFESSIONAL_LINES if professional else MOST_LINES
    if not lines:
        yield found("no_charge_lines")
    elif len(lines) > most:
        yield found("too_many_lines", count=len(lines), most=most)
    for line in lines:
        yield from _line_edits(case, line, professional)
    if lines and not case.inpatient and not professional and not any(line.hcpcs for line in lines):
        yield found("outpatient_without_hcpcs")
    if len(case.prior_payments) > MOST_PRIOR_PAYERS:
        yield found("code_value_invalid", field="number of earlier payers", form=f"{MOST_PRIOR_PAYERS} or fewer")
    medicare_second = professional and bool(case.prior_payments) and case.encounter["payer_kind"] == "medicare"
    if medicare_second and not case.encounter["insurance_type"]:
        yield found("missing_field", field="reason why Medicare is not the first payer (insurance type)")
    for payment in case.prior_payments:
        yield from _prior_payment_edits(case, payment)


def _prior_payment_edits(case: Case, payment: PriorPayment) -> Iterator[Edit]:
    """What another payer decided must be complete and add up to the charge (rule 31)."""
    for value, name in ((payment.payer_name, "name"), (payment.member_id, "member identifier")):
        if not value:
            yield found("missing_field", field=f"{name} at the earlier payer {payment.payer_id}")
    if any(a.group not in _ADJUSTMENT_GROUPS for a in payment.adjustments):
        yield found(
            "code_value_invalid", field=f"adjustment group of payer {payment.payer_id}", form="CO, CR, OA, PI or PR"
        )
    adjusted = sum((a.amount for a in payment.adjustments), Decimal("0.00"))
    if payment.paid + adjusted != case.total_charge:
        yield found(
            "prior_payments_do_not_balance",
            payer=payment.payer_id,
            paid=payment.paid,
            adjusted=adjusted,
            charge=case.total_charge,
        )


def _line_edits(case: Case, line: Line, professional: bool) -> Iterator[Edit]:
    number = line.line_number
    if not professional and (not line.revenue_code or not revenue_code_is_valid(line.revenue_code)):
        yield found("revenue_code_invalid", line=number)
    elif line.revenue_code and not revenue_code_is_assigned(line.revenue_code):
        yield found("revenue_code_unassigned", line=number, revenue_code=line.revenue_code)
    if line.hcpcs and not (hcpcs_is_valid(line.hcpcs) or _LEVEL_I.fullmatch(line.hcpcs)):
        yield found("hcpcs_invalid", line.hcpcs, line=number)
    if professional and not line.hcpcs:
        yield found("professional_line_without_hcpcs", line=number)
    if line.modifiers:
        if len(line.modifiers) > 4 or not all(_MODIFIER.fullmatch(m) for m in line.modifiers):
            yield found("modifier_invalid", line=number)
        if not line.hcpcs and not professional:
            yield found("modifier_without_hcpcs", line=number)
    if line.charge is None or line.charge <= 0:
        yield found("charge_not_positive", line=number)
    elif line.charge != line.charge.quantize(_CENT):
        yield found("charge_not_in_cents", line=number)
    if line.units is None or line.units <= 0:
        yield found("units_not_positive", line=number)
    if line.service_date is None:
        if not case.inpatient:
            yield found("line_date_missing", line=number)
    elif not in_stay(case, line.service_date):
        yield found("line_date_outside_stay", line=number, days=tolerance(case))
