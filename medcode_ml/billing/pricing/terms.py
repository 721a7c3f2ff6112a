"""The terms a contract can have, as dataclasses. Amounts are US dollars, all numbers Decimal; no arithmetic here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class PercentOfCharges:
    """Pays `percent` of the total charge."""

    percent: Decimal


@dataclass(frozen=True, slots=True)
class Level:
    """A level of care of a per-diem contract; `revenue_codes` are first digits of its accommodation revenue codes."""

    name: str
    revenue_codes: tuple[str, ...]
    rate: Decimal


@dataclass(frozen=True, slots=True)
class PerDiem:
    """Pays `rate` for each day that no level names, and each level's own rate."""

    rate: Decimal
    levels: tuple[Level, ...] = ()
    lesser_of_charges: bool = False


@dataclass(frozen=True, slots=True)
class CaseRate:
    """Pays `base_rate` times the MS-DRG weight, or the fixed rate of the DRG, and a share of charges past stop-loss."""

    base_rate: Decimal
    drg_rates: dict[str, Decimal] = field(default_factory=dict)
    stop_loss_threshold: Decimal | None = None
    stop_loss_percent: Decimal | None = None
    lesser_of_charges: bool = False


@dataclass(frozen=True, slots=True)
class Hospital:
    """What the inpatient prospective payment system knows of a hospital. IME and DSH are additions to 1."""

    wage_index: Decimal = Decimal(1)
    cost_of_living: Decimal = Decimal(1)
    operating_cost_to_charge: Decimal = Decimal(0)
    capital_cost_to_charge: Decimal = Decimal(0)
    operating_ime: Decimal = Decimal(0)
    operating_dsh: Decimal = Decimal(0)
    capital_ime: Decimal = Decimal(0)
    capital_dsh: Decimal = Decimal(0)
    uncompensated_care: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Ipps:
    """Medicare's inpatient prospective payment system, operating and capital (42 CFR 412)."""

    source: str
    operating_rate: Decimal
    labor_share: Decimal
    labor_share_low_wage: Decimal
    capital_rate: Decimal
    capital_wage_exponent: Decimal
    fixed_loss: Decimal
    marginal_cost_factor: Decimal
    burn_marginal_cost_factor: Decimal
    default_hospital: Hospital
    hospitals: dict[str, Hospital] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """Pays each service its fee times its units.

    `fees` by HCPCS code, code and modifier ("70450-26"), or "revenue code 0636". What they do not name is paid
    `otherwise_percent` of its charge, nothing where that is None.
    """

    fees: dict[str, Decimal]
    otherwise_percent: Decimal | None = None
    lesser_of_charges: bool = False


Method = PercentOfCharges | PerDiem | CaseRate | FeeSchedule | Ipps


@dataclass(frozen=True, slots=True)
class Terms:
    """What a contract pays from `start` to `end`, both days included; None for an open end or a setting not covered."""

    start: date
    end: date | None
    inpatient: Method | None
    outpatient: Method | None


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract by name, with its terms in order of their dates; between two of them the contract may have a gap.

    `timely_filing_days` after discharge is the last day for filing, None where the contract names none.
    """

    name: str
    also_called: tuple[str, ...]
    kinds: tuple[str, ...]
    terms: tuple[Terms, ...]
    timely_filing_days: int | None = None

    def terms_on(self, day: date) -> Terms | None:
        """Terms in force on `day`, None when there are none."""
        for terms in self.terms:
            if terms.start <= day and (terms.end is None or day <= terms.end):
                return terms
        return None

    def why_no_terms(self, day: date) -> str:
        """Why nothing is in force on `day`: before the first terms, after the last, or in a gap between two."""
        before = [t.end for t in self.terms if t.end is not None and t.end < day]
        after = [t.start for t in self.terms if t.start > day]
        where = f"Contract {self.name} has no terms in force on {day}"
        if before and after:
            return f"{where}: a gap, the terms before end on {max(before)} and the next begin on {min(after)}."
        return f"{where}: they begin on {min(after)}." if after else f"{where}: they ended on {max(before)}."
