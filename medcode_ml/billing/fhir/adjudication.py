"""What a payer did with a claim or line, as FHIR adjudications: submitted, adjusted by group, CARC and RARC, paid.

Every CAS adjustment is one adjudication with its amount, so that submitted less the adjustments is what was paid
(rule 31); its category is C4BB's where it names the amount, always with the X12 group beside it, its reason the CARC
with the RARCs (rule 33).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from medcode_ml.billing.answers.denials import ORDINARY
from medcode_ml.billing.answers.values import amount as read_amount
from medcode_ml.billing.fhir import terms as t
from medcode_ml.billing.fhir.terms import Resource

Row = dict[str, Any]
_ZERO = Decimal("0.00")
_PATIENT = "PR"
#: CARCs of patient responsibility that name a kind of cost share.
COST_SHARES = {
    "1": (t.ADJUDICATION, "deductible"),
    "2": (t.CARIN_ADJUDICATION, "coinsurance"),
    "3": (t.ADJUDICATION, "copay"),
}
#: CARCs of the other groups with an amount of C4BB: contract, earlier payer.
_NAMED = {"45": (t.CARIN_ADJUDICATION, "discount"), "23": (t.CARIN_ADJUDICATION, "priorpayerpaid")}
SUBMITTED = (t.ADJUDICATION, "submitted")
PAID = (t.CARIN_ADJUDICATION, "paidtoprovider")
OWED = (t.CARIN_ADJUDICATION, "memberliability")
_NONCOVERED = (t.CARIN_ADJUDICATION, "noncovered")
_ALLOWED = (t.ADJUDICATION, "eligible")
ALLOWED_AMOUNT = "B6"
"""AMT qualifier of the amount a payer allows for a line."""


def amount(category: tuple[str, str], value: Decimal) -> Resource:
    """An amount of a category, in US dollars."""
    return {"category": t.concept(*category), "amount": t.money(value)}


def line_adjudications(line: Row, adjustments: Sequence[Row]) -> list[Resource]:
    """Adjudications of a remitted line: submitted, allowed, adjustments, units allowed, paid."""
    found = [amount(SUBMITTED, line["charge"])] if line["charge"] is not None else []
    allowed = read_amount((line["amounts"] or {}).get(ALLOWED_AMOUNT) or "")
    if allowed is not None:
        found.append(amount(_ALLOWED, allowed))
    found += adjustment_adjudications(adjustments)
    if line["units_paid"] is not None:
        units = t.concept(t.CARIN_DISCRIMINATOR, "allowedunits")
        found.append({"category": units, "value": line["units_paid"]})
    if line["paid"] is not None:
        found.append(amount(PAID, line["paid"]))
    return found


def adjustment_adjudications(adjustments: Iterable[Row]) -> Iterator[Resource]:
    """One adjudication an adjustment; those that deny come again as a denial reason, where readers of C4BB look."""
    for row in adjustments:
        reason = _reason(row)
        group, code = row["group_code"], row["reason_code"]
        named = COST_SHARES.get(code, OWED) if group == _PATIENT else _NAMED.get(code, _NONCOVERED)
        category = t.concept(*named)
        category["coding"].append(t.coding(t.ADJUSTMENT_GROUP, group))
        value = t.money(row["amount"]) if row["amount"] is not None else None
        yield t.present({"category": category, "reason": reason, "amount": value, "value": row["quantity"]})
        if code not in ORDINARY:
            yield {"category": t.concept(t.CARIN_DISCRIMINATOR, "denialreason"), "reason": reason}


def _reason(row: Row) -> Resource:
    remarks = [t.coding(t.RARC, remark) for remark in row["remark_codes"] or ()]
    return {"coding": [t.coding(t.CARC, row["reason_code"]), *remarks]}


def totals(claim: Row, adjustments: Sequence[Row]) -> list[Resource]:
    """Sums of a remitted claim: submitted, adjusted by X12 group, cost shares, what the patient owes, paid."""
    found = [amount(SUBMITTED, claim["charge"])] if claim["charge"] is not None else []
    groups = dict.fromkeys(row["group_code"] for row in adjustments)
    found += [amount((t.ADJUSTMENT_GROUP, g), _sum(r for r in adjustments if r["group_code"] == g)) for g in groups]
    owed = [row for row in adjustments if row["group_code"] == _PATIENT]
    for code, category in COST_SHARES.items():
        some = [row for row in owed if row["reason_code"] == code]
        if some:
            found.append(amount(category, _sum(some)))
    told = claim["patient_responsibility"]
    found.append(amount(OWED, _sum(owed) if told is None else told))
    if claim["paid"] is not None:
        found.append(amount(PAID, claim["paid"]))
    return found


def _sum(rows: Iterable[Row]) -> Decimal:
    return sum((row["amount"] for row in rows if row["amount"] is not None), _ZERO)
