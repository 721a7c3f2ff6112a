"""What a claim is once it has gone through an 837: the values as the guides let them be written.

`read_837` of a written file gives exactly these frames. They differ from what billing was handed only in this: text is
upper case in X12's characters and cut to its element; codes beyond the guide's limits, present on admission where it
is not reported, and what an 837 has no place for (age, contract, HAC exemption) are not there; external causes stand
behind the other diagnoses, and adjustments by group.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd

from medcode_ml.billing.claims import (
    CODE_COLUMNS,
    ENCOUNTER_COLUMNS,
    LINE_COLUMNS,
    PRIOR_PAYMENT_COLUMNS,
    PROCEDURE_COLUMNS,
    ClaimFrames,
    Diagnosis,
    PriorPayment,
)
from medcode_ml.billing.transmission import is_external_cause, sent_poa
from medcode_ml.billing.x12.loops import FILING_INDICATORS, ORIGINAL, ReadyClaim, by_group, insurance_type
from medcode_ml.billing.x12.segments import x12_text
from medcode_ml.billing.x12.writer import ready_claims
from medcode_ml.codes.identifiers import dotted

_TEXTS = {
    "hospital_name": 60, "hospital_address": 55, "hospital_city": 30, "attending_last_name": 60,
    "attending_first_name": 35, "member_id": 80, "subscriber_last_name": 60, "subscriber_first_name": 35,
    "subscriber_address": 55, "subscriber_city": 30, "payer_id": 80, "payer_name": 60, "patient_id": 50,
}  # fmt: skip
_AS_THEY_ARE = (
    "setting", "discharge_status", "hospital_npi", "hospital_taxonomy", "hospital_state", "attending_npi",
    "subscriber_birth_date", "subscriber_sex", "subscriber_state", "admission_date", "discharge_date",
)  # fmt: skip
_WITHOUT_HYPHEN = ("hospital_zip", "hospital_tax_id", "subscriber_zip")
_STAY_ONLY = ("admission_hour", "discharge_hour")
_CENT = Decimal("0.01")


def transmitted(frames: ClaimFrames, claims: pd.DataFrame) -> ClaimFrames:
    """Return the frames that the ready claims, written and read back, must give; encounters have claim_number and drg.

    Args:
        frames: the frames the claims were billed from.
        claims: rows of billed.claim.
    """
    ready = ready_claims(frames, claims)
    encounters = [_encounter(claim) for claim in ready]
    codes, procedures, lines, prior = [], [], [], []
    for claim in ready:
        key = claim.case.encounter_id
        reports_poa = claim.case.inpatient and claim.claim_type == "837I"
        codes += [
            (key, rank, dotted(d.code), sent_poa(d, reports_poa), rank == 1)
            for rank, d in enumerate(_sent_order(claim), 1)
        ]
        procedures += [
            (key, number, p.code, "ICD-10-PCS", p.date) for number, p in enumerate(claim.transmission.procedures, 1)
        ]
        for line in claim.case.lines:
            revenue = line.revenue_code if claim.claim_type == "837I" else None
            units = Decimal(line.units or 0)
            whole = int(units) if units == int(units) else units
            charge = _in_cents(line.charge or Decimal(0))
            lines.append(
                (key, line.line_number, revenue, line.hcpcs, list(line.modifiers), whole, charge, line.service_date)
            )
        prior += [(key, n, *_payment(p)) for n, p in enumerate(claim.case.prior_payments, 1)]
    return ClaimFrames(
        pd.DataFrame(encounters, columns=[*ENCOUNTER_COLUMNS, "claim_number", "drg"], dtype=object),
        _frame(codes, CODE_COLUMNS),
        _frame(procedures, PROCEDURE_COLUMNS),
        _frame(lines, LINE_COLUMNS),
        _frame(prior, PRIOR_PAYMENT_COLUMNS),
    )


def _frame(rows: list[tuple[Any, ...]], columns: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(columns), dtype=object)


def _in_cents(value: Decimal) -> Decimal:
    exact = value.normalize()
    exponent = exact.as_tuple().exponent
    return value.quantize(_CENT) if isinstance(exponent, int) and exponent >= -2 else exact


def _sent_order(claim: ReadyClaim) -> list[Diagnosis]:
    plan = claim.transmission
    if claim.claim_type == "837P":
        return list(plan.diagnoses)
    causes, others = plan.parted()
    beyond = [d for d in others if is_external_cause(d.code)]
    plain = [d for d in others if not is_external_cause(d.code)]
    first = [plan.principal] if plan.principal else []
    return [*first, *plain, *causes, *beyond]


def _encounter(claim: ReadyClaim) -> dict[str, Any]:
    e, case = claim.case.encounter, claim.case
    sent: dict[str, Any] = dict.fromkeys(ENCOUNTER_COLUMNS)
    sent |= {name: x12_text(e[name] or "", longest) or None for name, longest in _TEXTS.items()}
    sent |= {name: e[name] for name in _AS_THEY_ARE}
    sent |= {name: e[name].replace("-", "") for name in _WITHOUT_HYPHEN}
    institutional = claim.claim_type == "837I"
    if institutional:
        sent |= {name: e[name] or None for name in ("admission_type", "admission_source")}
        sent["admitting_code"] = dotted(e["admitting_code"]) if e["admitting_code"] else None
        if case.inpatient:
            sent |= {name: f"{int(e[name]):02d}" for name in _STAY_ONLY}
    else:
        sent["discharge_status"] = None
        if not case.inpatient:
            days = [line.service_date for line in case.lines if line.service_date is not None]
            sent |= {"admission_date": min(days), "discharge_date": max(days)}
    kind = e["payer_kind"] if e["payer_kind"] in FILING_INDICATORS else None
    number = x12_text(claim.payer_control_number or "", 50) if claim.frequency != ORIGINAL else ""
    return sent | {
        "encounter_id": case.encounter_id,
        "claim_type": claim.claim_type,
        "hospital_id": e["hospital_npi"],
        "birth_date": e["subscriber_birth_date"],
        "sex": e["subscriber_sex"],
        "hac_exempt": False,
        "payer_kind": kind,
        "insurance_type": insurance_type(claim) or None,
        "frequency_code": claim.frequency,
        "payer_control_number": number or None,
        "delay_reason": claim.delay_reason or None,
        "claim_number": claim.claim_number,
        "drg": claim.drg if institutional else None,
    }


def _payment(payment: PriorPayment) -> tuple[Any, ...]:
    adjustments = [
        {"group": a.group, "reason": a.reason, "amount": _in_cents(a.amount)}
        for some in by_group(payment).values()
        for a in some
    ]
    kind = payment.payer_kind if payment.payer_kind in FILING_INDICATORS else None
    number = x12_text(payment.payer_control_number or "", 50) or None
    named = x12_text(payment.payer_id, 80), x12_text(payment.payer_name or "", 60)
    return (
        *named,
        x12_text(payment.member_id or "", 80),
        _in_cents(payment.paid),
        payment.paid_date,
        adjustments,
        kind,
        number,
    )
