"""What the payers answer about earlier claims: paid, adjusted with reason codes, or denied; balanced to the cent.

As in an 835: charge - sum of all adjustments = paid, and patient responsibility = sum of the adjustments of group PR.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np

from medcode_ml.simulation.drawing import between, chance, pick

_CENT = Decimal("0.01")
PART_A_DEDUCTIBLE = Decimal("1736.00")  # 2026, CMS
_PER_DIEM = Decimal("2650.00")
_CASE_RATE = Decimal("15400.00")
#: RARC that a claim denied with CARC 16 (lacks information) carries; CO-16 means nothing without it (rule 33)
LACKING = ("M76", "N290", "M49", "MA63")
DENIED_SHARE = 0.06
#: payers whose payments hospitals deliver as rows; the others send an 835 (`payer_answers`)
PAYS_BY_ROWS = frozenset({"MCAID"})


@dataclass(frozen=True)
class Claim:
    """An account that was billed and waits for its payment."""

    hospital_id: str
    encounter_number: str
    payer_id: str
    contract: str
    inpatient: bool
    days: int
    charge: Decimal


def _allowed(rng: np.random.Generator, claim: Claim) -> Decimal:
    if not claim.inpatient:
        return claim.charge * Decimal(f"{between(rng, 0.32, 0.55):.4f}")
    if claim.contract == "commercial_per_diem":
        return _PER_DIEM * max(claim.days, 1)
    if claim.contract == "commercial_case_rate":
        return _CASE_RATE
    low, high = (0.26, 0.44) if claim.contract == "medicare_ipps" else (0.2, 0.3)
    return claim.charge * Decimal(f"{between(rng, low, high):.4f}")


def remittance_row(rng: np.random.Generator, claim: Claim, paid_on: date, line: int) -> dict[str, str]:
    """One claim of a payment, as a row of the delivered table `remittance`."""
    adjustments: list[tuple[str, Decimal]] = []
    if chance(rng, DENIED_SHARE):
        adjustments.append((f"CO:16:{pick(rng, LACKING)}", claim.charge))
    else:
        allowed = min(claim.charge, _allowed(rng, claim)).quantize(_CENT)
        bundled = (allowed * Decimal("0.06")).quantize(_CENT) if chance(rng, 0.12) else Decimal(0)
        allowed -= bundled
        adjustments.append(("CO:45:", claim.charge - allowed - bundled))
        if bundled:
            adjustments.append(("CO:97:M15", bundled))
        if claim.inpatient and chance(rng, 0.45):
            adjustments.append(
                ("PR:1:", min(allowed, PART_A_DEDUCTIBLE if claim.contract == "medicare_ipps" else Decimal("750.00")))
            )
        elif not claim.inpatient and claim.contract != "medicaid_percent":
            adjustments.append(("PR:2:", (allowed * Decimal("0.20")).quantize(_CENT)))
    adjustments = [(code, amount) for code, amount in adjustments if amount]
    owed = sum((amount for code, amount in adjustments if code.startswith("PR")), Decimal(0))
    paid = claim.charge - sum((amount for _, amount in adjustments), Decimal(0))
    return {
        "payer_id": claim.payer_id,
        "trace_number": f"{claim.payer_id}{paid_on:%Y%m%d}",
        "line_number": str(line),
        "hospital_id": claim.hospital_id,
        "encounter_number": claim.encounter_number,
        "remittance_date": paid_on.isoformat(),
        "charge": f"{claim.charge:.2f}",
        "paid": f"{paid:.2f}",
        "patient_responsibility": f"{owed:.2f}",
        "drg": "",
        "adjustments": "|".join(f"{code}:{amount:.2f}" for code, amount in adjustments),
    }
