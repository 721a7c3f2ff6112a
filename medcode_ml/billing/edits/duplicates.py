"""Duplicate claims: the same patient, provider, dates and codes under another encounter. The table is the stage's."""

from __future__ import annotations

import hashlib

from medcode_ml.billing.claims import Case
from medcode_ml.billing.transmission import Transmission

_LENGTH = 32


def fingerprint(case: Case, transmission: Transmission) -> str | None:
    """A hash that two claims share when a payer would take one for the other; None where a part of it is missing.

    Its parts are patient, provider, payer, kind of claim, dates, the transmitted diagnoses and procedures, and revenue
    and HCPCS codes of the lines. Order, charges and units do not count: a payer compares none of them.
    """
    e = case.encounter
    patient, provider = e["patient_id"] or e["member_id"], e["hospital_npi"] or e["hospital_id"]
    admitted, discharged = e["admission_date"], e["discharge_date"]
    if not (patient and provider and admitted and discharged and transmission.diagnoses):
        return None
    parts = (
        patient,
        provider,
        e["payer_id"] or "",
        e["claim_type"] or "837I",
        e["setting"] or "",
        admitted.isoformat(),
        discharged.isoformat(),
        " ".join(sorted({d.code for d in transmission.diagnoses})),
        " ".join(sorted({p.code for p in transmission.procedures})),
        " ".join(sorted({f"{line.revenue_code}:{line.hcpcs}" for line in case.lines})),
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:_LENGTH]
