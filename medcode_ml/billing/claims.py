"""What a claim is made from: the frames of a batch, and the same batch as one `Case` an encounter.

Frames are the boundary (stages, Spark, the API hand them over); the row work of billing reads cases, because an edit
looks at one claim from many sides. No rule lives here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

#: Columns of `ClaimFrames.encounters`. `age` is years at admission; dates are `datetime.date`; hours two digits;
#: `hac_exempt` a boolean; `payer_kind` medicare, medicaid, commercial or self_pay; `contract` a name in the payers
#: file. `frequency_code` is 1 original (also None), 7 replacement or 8 void of the claim that the payer knows by its
#: `payer_control_number`; `insurance_type` says why Medicare is not the first payer (SBR05: 12, 13, 14, 15, 16, 41, 42,
#: 43 or 47); `delay_reason` why the claim is filed late (CLM20).
#: A missing column stands for a column of None: the edits then name what the claim lacks.
ENCOUNTER_COLUMNS: tuple[str, ...] = (
    "encounter_id",
    "patient_id",
    "setting",
    "claim_type",
    "age",
    "birth_date",
    "sex",
    "admission_date",
    "admission_hour",
    "discharge_date",
    "discharge_hour",
    "admission_type",
    "admission_source",
    "discharge_status",
    "admitting_code",
    "hospital_id",
    "hospital_npi",
    "hospital_name",
    "hospital_tax_id",
    "hospital_taxonomy",
    "hospital_address",
    "hospital_city",
    "hospital_state",
    "hospital_zip",
    "hac_exempt",
    "attending_npi",
    "attending_last_name",
    "attending_first_name",
    "member_id",
    "subscriber_last_name",
    "subscriber_first_name",
    "subscriber_birth_date",
    "subscriber_sex",
    "subscriber_address",
    "subscriber_city",
    "subscriber_state",
    "subscriber_zip",
    "payer_id",
    "payer_name",
    "payer_kind",
    "contract",
    "frequency_code",
    "payer_control_number",
    "insurance_type",
    "delay_reason",
)
#: `principal` (boolean) is optional: without it the lowest rank is the principal diagnosis.
CODE_COLUMNS: tuple[str, ...] = ("encounter_id", "rank", "code", "poa", "principal")
PROCEDURE_COLUMNS: tuple[str, ...] = ("encounter_id", "line_number", "code", "system", "date")
LINE_COLUMNS: tuple[str, ...] = (
    "encounter_id",
    "line_number",
    "revenue_code",
    "hcpcs",
    "modifiers",
    "units",
    "charge",
    "service_date",
)
#: What other payers paid before this claim: `adjustments` is a list of {"group", "reason", "amount"} (amount Decimal);
#: `payer_kind` as of an encounter; `payer_control_number` is that payer's own number of the claim.
PRIOR_PAYMENT_COLUMNS: tuple[str, ...] = (
    "encounter_id",
    "sequence",
    "payer_id",
    "payer_name",
    "member_id",
    "paid",
    "paid_date",
    "adjustments",
    "payer_kind",
    "payer_control_number",
)


_DATE_COLUMNS = ("birth_date", "admission_date", "discharge_date", "subscriber_birth_date")


class ClaimFramesError(ValueError):
    """The frames handed to billing cannot be read: a key column is missing or an amount is not a Decimal."""


class Diagnosis(NamedTuple):
    """A diagnosis in reporting order; `poa` is Y, N, U, W, or None where nothing was reported."""

    code: str
    poa: str | None


class Procedure(NamedTuple):
    """A procedure; `system` is ICD-10-PCS, CPT or HCPCS."""

    code: str
    system: str | None
    date: date | None


class Line(NamedTuple):
    """A charge line; `charge` in US dollars."""

    line_number: int
    revenue_code: str | None
    hcpcs: str | None
    modifiers: tuple[str, ...]
    units: int | Decimal | None
    charge: Decimal | None
    service_date: date | None


class Adjustment(NamedTuple):
    """One CAS adjustment of a prior payer, US dollars."""

    group: str
    reason: str
    amount: Decimal


class PriorPayment(NamedTuple):
    """What a payer before this one paid, US dollars."""

    payer_id: str
    payer_name: str | None
    member_id: str | None
    paid: Decimal
    paid_date: date | None
    adjustments: tuple[Adjustment, ...]
    payer_kind: str | None = None
    payer_control_number: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One encounter as billing sees it. `encounter` holds every name of `ENCOUNTER_COLUMNS`, missing as None."""

    encounter: dict[str, Any]
    diagnoses: tuple[Diagnosis, ...]
    has_principal: bool
    procedures: tuple[Procedure, ...]
    lines: tuple[Line, ...]
    prior_payments: tuple[PriorPayment, ...]

    @property
    def encounter_id(self) -> str:
        """Id of the encounter."""
        return str(self.encounter["encounter_id"])

    @property
    def inpatient(self) -> bool:
        """True for an inpatient stay; anything else is billed as outpatient."""
        return self.encounter["setting"] == "inpatient"

    @property
    def total_charge(self) -> Decimal:
        """Sum of the line charges in US dollars (CLM02, rule 31)."""
        return sum([line.charge for line in self.lines if line.charge is not None], Decimal("0.00"))

    @property
    def length_of_stay(self) -> int | None:
        """Days from admission to discharge, at least 1; None when a date is missing."""
        admitted, discharged = self.encounter["admission_date"], self.encounter["discharge_date"]
        if admitted is None or discharged is None:
            return None
        return max(1, (discharged - admitted).days)


def _empty(columns: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame({c: pd.Series(dtype=object) for c in columns})


def _no_prior_payments() -> pd.DataFrame:
    return _empty(PRIOR_PAYMENT_COLUMNS)


@dataclass(frozen=True)
class ClaimFrames:
    """The frames of a batch, keyed by `encounter_id`; see the column lists above."""

    encounters: pd.DataFrame
    codes: pd.DataFrame
    procedures: pd.DataFrame
    lines: pd.DataFrame
    prior_payments: pd.DataFrame = field(default_factory=_no_prior_payments)

    def only(self, encounter_ids: Sequence[str]) -> ClaimFrames:
        """Return the frames of these encounters alone."""
        wanted = set(encounter_ids)
        if self.encounters["encounter_id"].isin(wanted).all():
            return self
        return ClaimFrames(
            *(
                frame[frame["encounter_id"].isin(wanted)]
                for frame in (self.encounters, self.codes, self.procedures, self.lines, self.prior_payments)
            )
        )

    def cases(self) -> Iterator[Case]:
        """Yield one case an encounter, in the order of `encounters`.

        Raises:
            ClaimFramesError: a key column is missing, an encounter stands twice, or an amount is a binary float.
        """
        rows = _rows(self.encounters, ENCOUNTER_COLUMNS)
        encounters = [dict(zip(ENCOUNTER_COLUMNS, row, strict=True)) for row in rows]
        if len({e["encounter_id"] for e in encounters}) != len(encounters):
            raise ClaimFramesError("encounters: an encounter_id stands more than once; give each encounter one row")
        codes = _grouped(self.codes, CODE_COLUMNS, 1)
        procedures = _grouped(self.procedures, PROCEDURE_COLUMNS, 1)
        lines = _grouped(self.lines, LINE_COLUMNS, 1)
        prior = _grouped(self.prior_payments, PRIOR_PAYMENT_COLUMNS, 1)
        for encounter in encounters:
            key = encounter["encounter_id"]
            for column in _DATE_COLUMNS:
                encounter[column] = _day(encounter[column])
            encounter["hac_exempt"] = _flag(encounter["hac_exempt"])
            diagnoses, has_principal = _diagnoses(codes.get(key, []))
            yield Case(
                encounter=encounter,
                diagnoses=diagnoses,
                has_principal=has_principal,
                procedures=tuple(Procedure(row[2], row[3], _day(row[4])) for row in procedures.get(key, [])),
                lines=tuple(_line(row) for row in lines.get(key, [])),
                prior_payments=tuple(_prior_payment(row) for row in prior.get(key, [])),
            )


def _rows(frame: pd.DataFrame, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Rows of `frame` in the order of `columns`, missing columns and missing values as None."""
    if "encounter_id" not in frame.columns:
        raise ClaimFramesError(f"a frame has no encounter_id column; it has {sorted(map(str, frame.columns))}")
    values: list[list[Any]] = []
    for name in columns:
        if name not in frame.columns:
            values.append([None] * len(frame))
            continue
        series, missing = frame[name].astype(object), frame[name].isna()
        values.append((series.mask(missing, None) if missing.any() else series).tolist())
    return zip(*values, strict=True)


def _grouped(frame: pd.DataFrame, columns: Sequence[str], order: int) -> dict[str, list[tuple[Any, ...]]]:
    grouped: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in _rows(frame, columns):
        grouped[row[0]].append(row)
    place = itemgetter(order)
    for rows in grouped.values():
        rows.sort(key=place)
    return grouped


def _diagnoses(rows: list[tuple[Any, ...]]) -> tuple[tuple[Diagnosis, ...], bool]:
    """Diagnoses with the principal first, and whether there is one."""
    if not rows:
        return (), False
    marked = [row for row in rows if row[4] is not None]
    if marked:
        # the mark decides; the others keep their order
        principal = [row for row in marked if row[4]]
        if not principal:
            return tuple(Diagnosis(row[2], row[3]) for row in rows), False
        rows = [principal[0], *(row for row in rows if row is not principal[0])]
    return tuple(Diagnosis(row[2], row[3]) for row in rows), True


def _day(value: Any) -> date | None:
    """A date; time stamps, which pandas makes of dates in passing, are cut down to their day."""
    if isinstance(value, datetime):
        return value.date()
    if value is None or isinstance(value, date):
        return value
    raise ClaimFramesError(f"a date must be a datetime.date, not {type(value).__name__}")


def _flag(value: Any) -> bool:
    """True or false; None counts as false. The text "N" would be true to Python, so texts are refused."""
    if value is None:
        return False
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise ClaimFramesError(f"encounters.hac_exempt must be true or false, not {type(value).__name__}")


def _amount(value: Any, where: str) -> Decimal | None:
    if value is None or isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    raise ClaimFramesError(f"{where}: an amount must be a Decimal, never {type(value).__name__} (rule 34)")


def _units(value: Any) -> int | Decimal | None:
    if value is None or isinstance(value, Decimal):
        return value
    return int(value)


def _line(row: tuple[Any, ...]) -> Line:
    _, number, revenue_code, hcpcs, modifiers, units, charge, day = row
    # the plain types first: a batch has ten times as many lines as claims
    if type(charge) is not Decimal:
        charge = _amount(charge, "lines.charge")
    if type(units) is not int:
        units = _units(units)
    if type(day) is not date:
        day = _day(day)
    return Line(int(number), revenue_code, hcpcs, tuple(modifiers) if modifiers else (), units, charge, day)


def _prior_payment(row: tuple[Any, ...]) -> PriorPayment:
    adjustments = tuple(
        Adjustment(str(a["group"]), str(a["reason"]), _amount(a["amount"], "prior_payments.adjustments") or Decimal(0))
        for a in row[7] or ()
    )
    paid = _amount(row[5], "prior_payments.paid")
    paid = Decimal(0) if paid is None else paid
    return PriorPayment(row[2], row[3], row[4], paid, _day(row[6]), adjustments, row[8], row[9])
