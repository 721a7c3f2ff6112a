"""What a simulated payer decides about a claim that was sent to it: rejected, paid, adjusted, denied, corrected later.

Drawn from the claim's own numbers: the same claim is decided the same way whenever and beside whatever it is asked
about. Shares are invented, of the order that hospitals report (a tenth denied); synthetic throughout.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from medcode_ml.simulation.drawing import chance, pick, pick_by, whole
from medcode_ml.simulation.remittances import LACKING, PART_A_DEDUCTIBLE, PAYS_BY_ROWS

_CENT = Decimal("0.01")
ZERO = Decimal("0.00")
_COMMERCIAL_DEDUCTIBLE = Decimal("750.00")
_COINSURANCE = Decimal("0.20")
_UNPRICED = Decimal("0.38")
#: days from the 837 to its payment; a correction comes so many days after
PAID_AFTER = (4, 12)
CORRECTED_AFTER = 4
LONGEST = PAID_AFTER[1] + CORRECTED_AFTER
REJECTED_SHARE = 0.03
#: statuses of a rejecting 277CA: category, status, entity (code sources 507 and 508)
REJECTIONS = ("A7:562:85", "A3:21", "A7:254", "A8:496:85")
_OUTCOMES = {"paid": 0.70, "underpaid": 0.06, "denied": 0.11, "line_denied": 0.09, "corrected": 0.04}
#: group, CARC, RARC and how often among denied claims
_DENIALS = {
    **{("CO", "16", remark): 1.0 for remark in LACKING},
    ("CO", "197", ""): 2.0,
    ("CO", "50", "N115"): 2.0,
    ("CO", "29", ""): 1.0,
    ("CO", "11", ""): 1.0,
}
_LINE_DENIALS = (("CO", "97", "M15"), ("CO", "50", "N115"), ("CO", "151", "N362"))
_UNDERPAID = Decimal("0.93")

Adjustment = tuple[str, str, Decimal]
"""Group, CARC and amount."""


@dataclass(frozen=True, slots=True)
class SentLine:
    """A service line of a claim as it was sent; `charge` in US dollars."""

    number: int
    revenue_code: str | None
    hcpcs: str | None
    units: Decimal | None
    charge: Decimal
    day: date | None


@dataclass(frozen=True, slots=True)
class SentClaim:
    """A claim as a payer receives it; amounts in US dollars, `expected` what its contract gives."""

    claim_number: str
    claim_type: str
    frequency: str
    payer_id: str
    payer_name: str
    payer_kind: str
    npi: str
    hospital: str
    inpatient: bool
    charge: Decimal
    expected: Decimal | None
    drg: str | None
    first_day: date | None
    last_day: date | None
    sent_on: date
    control_number: str
    set_control_number: str
    lines: tuple[SentLine, ...] = ()

    @property
    def payer_number(self) -> str:
        """The payer's own number of the claim (CLP07)."""
        return "SIM" + hashlib.sha256(f"{self.payer_id} {self.claim_number}".encode()).hexdigest()[:12].upper()


@dataclass(frozen=True, slots=True)
class SettledLine:
    """What became of a line."""

    line: SentLine
    paid: Decimal
    adjustments: tuple[Adjustment, ...]
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a claim on a day: CLP02 and amounts that balance (rule 31), at the claim or on its lines."""

    day: date
    status: str
    charge: Decimal
    paid: Decimal
    adjustments: tuple[Adjustment, ...] = ()
    remark: str = ""
    lines: tuple[SettledLine, ...] = field(default=())

    @property
    def owed(self) -> Decimal:
        """What is left to the patient (CLP05)."""
        told = [*self.adjustments, *(one for line in self.lines for one in line.adjustments)]
        return sum((amount for group, _, amount in told if group == "PR"), ZERO)

    def reversed(self, day: date) -> Settlement:
        """The reversal (22) that takes this back."""
        lines = tuple(
            SettledLine(_negative(one.line), -one.paid, _negated(one.adjustments), one.remark) for one in self.lines
        )
        return Settlement(day, "22", -self.charge, -self.paid, _negated(self.adjustments), self.remark, lines)


@dataclass(frozen=True, slots=True)
class Decision:
    """All that a payer says of a claim: the status that its 277CA rejects it by, or what it pays, day by day."""

    rejection: str | None
    settlements: tuple[Settlement, ...] = ()


def decide(claim: SentClaim) -> Decision:
    """Decide about a claim."""
    drawn = hashlib.sha256(f"payer {claim.claim_number} {claim.control_number}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(drawn[:8], "big"))
    rejected, rejection = chance(rng, REJECTED_SHARE), pick(rng, REJECTIONS)
    # whose payments are delivered as rows pays every claim of them: a rejection would contradict its own payment
    if rejected and claim.payer_id not in PAYS_BY_ROWS:
        return Decision(rejection)
    day = claim.sent_on + timedelta(days=whole(rng, *PAID_AFTER))
    outcome = pick_by(rng, tuple(_OUTCOMES), tuple(_OUTCOMES.values()))
    if outcome == "denied":
        group, reason, remark = pick_by(rng, tuple(_DENIALS), tuple(_DENIALS.values()))
        return Decision(None, (_denied(claim, day, group, reason, remark),))
    deductible = chance(rng, 0.45)
    dropped = pick(rng, _LINE_DENIALS) if outcome == "line_denied" else None
    less = outcome in ("underpaid", "corrected")
    first = _paid(claim, day, _UNDERPAID if less else Decimal(1), deductible, dropped)
    if outcome != "corrected":
        return Decision(None, (first,))
    later = day + timedelta(days=CORRECTED_AFTER)
    return Decision(None, (first, first.reversed(later), _paid(claim, later, Decimal(1), deductible, None)))


def _by_line(claim: SentClaim) -> bool:
    """Outpatient and professional claims are settled line by line, where the lines are the claim."""
    return not claim.inpatient and bool(claim.lines) and sum(one.charge for one in claim.lines) == claim.charge


def _denied(claim: SentClaim, day: date, group: str, reason: str, remark: str) -> Settlement:
    if not _by_line(claim):
        return Settlement(day, "4", claim.charge, ZERO, ((group, reason, claim.charge),), remark)
    lines = tuple(SettledLine(one, ZERO, ((group, reason, one.charge),), remark) for one in claim.lines)
    return Settlement(day, "4", claim.charge, ZERO, lines=lines)


def _paid(
    claim: SentClaim, day: date, share: Decimal, deductible: bool, dropped: tuple[str, str, str] | None
) -> Settlement:
    expected = claim.expected if claim.expected is not None else claim.charge * _UNPRICED
    allowed = (expected * share).quantize(_CENT)
    if not _by_line(claim):
        most = PART_A_DEDUCTIBLE if claim.payer_kind == "medicare" else _COMMERCIAL_DEDUCTIBLE
        owed = min(allowed, most) if deductible and claim.payer_kind != "medicaid" else ZERO
        # a DRG may pay more than was charged: a negative adjustment says by how much
        told = (("CO", "45" if allowed <= claim.charge else "94", claim.charge - allowed), ("PR", "1", owed))
        return Settlement(day, "1", claim.charge, allowed - owed, _without_nothing(told))
    ratio = min(Decimal(1), allowed / claim.charge) if claim.charge else Decimal(0)
    lines = []
    for place, one in enumerate(claim.lines):
        if dropped is not None and place == len(claim.lines) - 1 and place:
            lines.append(SettledLine(one, ZERO, ((*dropped[:2], one.charge),), dropped[2]))
            continue
        part = (one.charge * ratio).quantize(_CENT)
        owed = ZERO if claim.payer_kind == "medicaid" else (part * _COINSURANCE).quantize(_CENT)
        told = (("CO", "45", one.charge - part), ("PR", "2", owed))
        lines.append(SettledLine(one, part - owed, _without_nothing(told)))
    return Settlement(day, "1", claim.charge, sum((one.paid for one in lines), ZERO), lines=tuple(lines))


def _without_nothing(told: tuple[Adjustment, ...]) -> tuple[Adjustment, ...]:
    return tuple(one for one in told if one[2])


def _negated(told: tuple[Adjustment, ...]) -> tuple[Adjustment, ...]:
    return tuple((group, reason, -amount) for group, reason, amount in told)


def _negative(line: SentLine) -> SentLine:
    return SentLine(line.number, line.revenue_code, line.hcpcs, line.units, -line.charge, line.day)
