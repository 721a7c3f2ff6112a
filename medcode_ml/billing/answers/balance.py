"""Rule 31 for an 835: lines, claims and payments that balance, and by how much those that do not are off.

SVC02 - adjustments = SVC03; CLP03 - adjustments of claim and lines = CLP04; BPR02 = sum of CLP04 - sum of PLB.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from medcode_ml.billing.answers.frames import REMITTANCE_LINE, Rows
from medcode_ml.billing.answers.values import ZERO, dollars, total

Adjusted = tuple[str, str, Decimal | None, Decimal | None]
"""Group, CARC, amount and quantity of an adjustment."""


@dataclass(slots=True)
class Parts:
    """What claims and lines both have: values of their columns, adjustments, RARCs, AMT, QTY and REF by qualifier."""

    values: dict[str, Any]
    adjustments: list[Adjusted] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    amounts: dict[str, str] = field(default_factory=dict)
    quantities: dict[str, str] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Line(Parts):
    """A service line while it is read; lines count from 1 within their claim."""

    number: int = 0


@dataclass(slots=True)
class ClaimParts(Parts):
    """A claim while it is read."""

    lines: list[Line] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Sum:
    """What the parts of an 835 add up to: BPR02 against the paid claims less the provider adjustments (rule 31)."""

    paid: Decimal | None = None
    claims: Decimal = ZERO
    count: int = 0
    """Claims (CLP) in it, counted apart from what is read of them."""
    adjustments: Decimal = ZERO
    unreadable: int = 0

    @property
    def difference(self) -> Decimal | None:
        """BPR02 - (sum of CLP04 - sum of PLB), 0.00 when it balances; None where an amount cannot be read."""
        if self.paid is None or self.unreadable:
            return None
        return self.paid - (self.claims - self.adjustments)


def payment_fault(sums: Sum) -> str | None:
    """Why a payment does not balance (rule 31), as a sentence with the amounts, or None."""
    if sums.paid is None:
        return "payment: BPR02 is missing or no amount; the payment cannot be balanced"
    if sums.unreadable:
        return f"payment: {sums.unreadable} amounts in CLP04 or PLB cannot be read; the payment cannot be balanced"
    if sums.difference:
        return (
            f"payment: BPR02 is {dollars(sums.paid)}, the claims paid ({dollars(sums.claims)}) less the provider "
            f"adjustments ({dollars(sums.adjustments)}) are {dollars(sums.claims - sums.adjustments)}: "
            f"off by {dollars(sums.difference)}"
        )
    return None


def add_adjustments(rows: Rows, claim_id: str, claim: ClaimParts) -> Decimal:
    """Add the adjustments of a claim and its lines; return their sum."""
    adjusted, number = ZERO, 0
    parts: list[Parts] = [claim, *claim.lines]
    for of in parts:
        line = of.number if isinstance(of, Line) else None
        # a line without remarks of its own is explained by those of its claim
        remarks = of.remarks or claim.remarks
        for group, reason, value, count in of.adjustments:
            number += 1
            adjusted += value or ZERO
            rows.add(
                "adjustments", remittance_claim_id=claim_id, adjustment_number=number, line_number=line,
                group_code=group, reason_code=reason, amount=value, quantity=count, remark_codes=remarks,
            )  # fmt: skip
    return adjusted


def add_line(rows: Rows, claim_id: str, line: Line, faults: list[str]) -> None:
    """Add the row of a line; where it does not balance, its claim gets a fault."""
    v = line.values
    adjusted = total(value for _, _, value, _ in line.adjustments if value is not None)
    difference = difference_of(v["charge"], adjusted, v["paid"])
    if difference:
        faults.append(unbalanced(f"line {line.number}: SVC02", v["charge"], adjusted, "SVC03", v["paid"], difference))
    v |= {
        "remittance_claim_id": claim_id, "line_number": line.number, "adjusted": adjusted, "difference": difference,
        "balanced": difference is not None and not difference, "remark_codes": line.remarks, "amounts": line.amounts,
        "quantities": line.quantities, "reference_numbers": line.references,
        "line_control_number": line.references.get("6R"),
    }  # fmt: skip
    rows.add_row("remittance_lines", tuple(v.get(c) for c in REMITTANCE_LINE))


def difference_of(charge: Decimal | None, adjusted: Decimal, paid: Decimal | None) -> Decimal | None:
    """Charge - adjustments - paid: 0.00 when it balances (rule 31), None where an amount is missing."""
    return None if charge is None or paid is None else charge - adjusted - paid


def unbalanced(where: str, charge: Decimal, adjusted: Decimal, to: str, paid: Decimal, difference: Decimal) -> str:
    """The sentence of a claim or line that does not balance."""
    return (
        f"{where} {dollars(charge)} less adjustments of {dollars(adjusted)} is not {to} {dollars(paid)}: "
        f"off by {dollars(difference)}"
    )


def notes_of(v: dict[str, Any], claim: ClaimParts) -> list[str]:
    """What is odd about a claim but does not unbalance it."""
    notes = []
    parts: list[Parts] = [claim, *claim.lines]
    patient = total(a for of in parts for g, _, a, _ in of.adjustments if g == "PR" and a is not None)
    told = v["patient_responsibility"]
    if told is not None and v["status"] != "reversal" and told != patient:
        notes.append(f"CLP05 tells a patient responsibility of {dollars(told)}, the PR adjustments {dollars(patient)}")
    charged = [line.values["charge"] for line in claim.lines]
    if charged and None not in (*charged, v["charge"]) and total(charged) != v["charge"]:
        notes.append(f"the lines charge {dollars(total(charged))}, the claim {dollars(v['charge'])}")
    if v["status"] == "denied" and v["paid"]:
        notes.append(f"the claim is denied and paid {dollars(v['paid'])}")
    return notes
