"""Payments that a hospital delivers as rows instead of an 835 (`raw.remittance`), read into the same frames."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd

from medcode_ml.billing.answers.balance import difference_of, unbalanced
from medcode_ml.billing.answers.frames import REMITTANCE_CLAIM, Answers, Rows
from medcode_ml.billing.answers.values import ZERO, amount, dollars, total
from medcode_ml.contracts.ids import record_hash

DELIVERED_COLUMNS = (
    "control_number", "payer_id", "trace_number", "line_number", "remittance_date", "charge", "paid",
    "patient_responsibility", "drg", "adjustments",
)  # fmt: skip
"""Columns of `raw.remittance` that are read, and control_number: the claim number of the row's encounter."""
_PARTS = 4


def answers_from_rows(rows: pd.DataFrame) -> Answers:
    """Read delivered payments: one claim a row, adjustments as group:CARC:RARC:amount separated by |.

    A row whose amounts cannot be read is kept, unbalanced, with the reason. Rows carry no payment total, so a payment
    is the sum of its claims and no provider adjustments are known.

    Raises:
        ValueError: a column of `DELIVERED_COLUMNS` is missing.
    """
    missing = [c for c in DELIVERED_COLUMNS if c not in rows.columns]
    if missing:
        raise ValueError(f"delivered remittances: column {', '.join(missing)} is missing")
    made = Rows()
    given = rows[list(DELIVERED_COLUMNS)].astype(object)
    for (payer, trace), some in given.groupby(["payer_id", "trace_number"], sort=True):
        _payment(made, str(payer), str(trace), some.to_dict("records"))
    return made.take()


def _payment(made: Rows, payer: str, trace: str, rows: list[dict[str, Any]]) -> None:
    remittance_id = record_hash("remittance", "delivered", payer, trace)
    paid_on = _day(rows[0]["remittance_date"])
    claims = [_claim(made, remittance_id, payer, trace, place, row) for place, row in enumerate(rows, 1)]
    paid = total(c["paid"] for c in claims if c["paid"] is not None)
    set_id = record_hash("set", remittance_id)
    made.add("sets", set_id=set_id, transaction="rows", repeated=False, status="read", because=[], claims=len(claims))
    made.add(
        "remittances", remittance_id=remittance_id, set_id=set_id, payer_id=payer, payer_ids=[payer], payee_ids=[],
        trace_number=trace, payment_date=paid_on, currency="USD", paid=paid, claims=len(claims), claims_paid=paid,
        provider_adjustments=ZERO, difference=ZERO, balanced=True, faults=[],
        envelope_faults=[], notes=[],
    )  # fmt: skip


def _claim(made: Rows, remittance_id: str, payer: str, trace: str, place: int, row: dict[str, Any]) -> dict[str, Any]:
    claim_id = record_hash("claim", remittance_id, str(row["line_number"]))
    faults: list[str] = []
    money = {}
    for column in ("charge", "paid", "patient_responsibility"):
        money[column] = amount(_text(row[column]))
        if money[column] is None:
            faults.append(f"claim: {column} is missing or no amount")
    adjustments = list(_adjustments(_text(row["adjustments"]), faults))
    adjusted = total(value for *_, value in adjustments)
    for number, (group, reason, remarks, value) in enumerate(adjustments, 1):
        made.add(
            "adjustments", remittance_claim_id=claim_id, adjustment_number=number, group_code=group,
            reason_code=reason, amount=value, remark_codes=remarks,
        )  # fmt: skip
    difference = difference_of(money["charge"], adjusted, money["paid"])
    if difference and money["charge"] is not None and money["paid"] is not None:
        faults.append(unbalanced("claim: charge", money["charge"], adjusted, "paid", money["paid"], difference))
    owed = total(value for group, *_, value in adjustments if group == "PR")
    told = money["patient_responsibility"]
    notes = []
    if told is not None and told != owed:
        notes.append(f"patient responsibility is {dollars(told)}, the PR adjustments {dollars(owed)}")
    denied = not money["paid"] and bool(money["charge"]) and all(group != "PR" for group, *_ in adjustments)
    values: dict[str, Any] = money | {
        "remittance_claim_id": claim_id, "remittance_id": remittance_id, "set_id": record_hash("set", remittance_id),
        "place": place, "payer_ids": [payer],
        "trace_number": trace, "payment_date": _day(row["remittance_date"]),
        "control_number": _text(row["control_number"]) or None, "status": "denied" if denied else "processed",
        "adjusted": adjusted, "difference": difference, "balanced": not faults, "drg": _text(row["drg"]) or None,
        "remark_codes": sorted({r for _, _, remarks, _ in adjustments for r in remarks}), "amounts": {},
        "quantities": {}, "reference_numbers": {}, "faults": faults, "payment_faults": [], "envelope_faults": [],
        "notes": notes,
    }  # fmt: skip
    made.add_row("remittance_claims", tuple(values.get(c) for c in REMITTANCE_CLAIM))
    return values


def _adjustments(written: str, faults: list[str]) -> Iterable[tuple[str, str, list[str], Decimal]]:
    for place, one in enumerate((part for part in written.split("|") if part), 1):
        parts = one.split(":")
        value = amount(parts[-1])
        if len(parts) != _PARTS or value is None:
            faults.append(f"claim: adjustment {place} is not group:CARC:RARC:amount")
            continue
        yield parts[0], parts[1], [parts[2]] if parts[2] else [], value


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value)


def _day(value: Any) -> date | None:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(_text(value))
    except ValueError:
        return None
