"""FHIR R4 `ExplanationOfBenefit` of one answer to a claim: what a remittance says, beside what the claim said.

Shaped after C4BB where plain R4 is silent (adjudication categories, payment status); no profile is claimed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from medcode_ml.billing.answers.denials import DENIED, ORDINARY
from medcode_ml.billing.fhir import parties
from medcode_ml.billing.fhir import terms as t
from medcode_ml.billing.fhir.adjudication import (
    PAID,
    SUBMITTED,
    adjustment_adjudications,
    amount,
    line_adjudications,
    totals,
)
from medcode_ml.billing.fhir.answered_lines import Answered, answered
from medcode_ml.billing.fhir.answers import PREDETERMINATION, REVERSAL, Answer
from medcode_ml.billing.fhir.claim import claim_id
from medcode_ml.billing.fhir.claim_parts import (
    account_number,
    common,
    drg,
    item,
    payer_number,
    product,
    supporting,
)
from medcode_ml.billing.fhir.terms import Resource
from medcode_ml.billing.x12.loops import ReadyClaim

Row = dict[str, Any]
_PRECEDENCE = {"primary": 1, "secondary": 2, "tertiary": 3}
_UNFINISHED = frozenset({"not_our_claim_forwarded", "unknown"})
_PRIOR_NUMBER = "F8"


def explanation_resource(
    claim: ReadyClaim,
    answer: Answer,
    *,
    grouper_version: str | None = None,
    claim_exported: bool = True,
    synthetic: bool = False,
) -> Resource:
    """Return the `ExplanationOfBenefit` of an answer.

    Answers that were taken back, and reversals themselves, have status cancelled: the active ones of a claim add up to
    what was paid on it, as long as what was reversed is exported too (an unbalanced answer is not).

    `claim_exported` says whether the `Claim` stands in the same export; else it is named by its identifier alone.
    """
    row = answer.claim
    ours = {"identifier": account_number(claim)}
    if claim_exported:
        ours |= t.reference("Claim", claim_id(claim.claim_number))
    reached = answered(claim.case.lines, answer.lines)
    by_line = _by_line(answer.adjustments)
    shared = common(claim, grouper_version)
    return t.resource(
        "ExplanationOfBenefit",
        row["remittance_claim_id"],
        {
            **shared,
            "identifier": [account_number(claim), *_payer_numbers(claim, row)],
            "status": "cancelled" if answer.taken_back or row["status"] == REVERSAL else "active",
            "use": "predetermination" if row["status"] == PREDETERMINATION else "claim",
            "created": t.day(row["payment_date"] or answer.received),
            "claim": ours,
            "related": _related(claim, row),
            "outcome": "partial" if row["status"] in _UNFINISHED else "complete",
            "disposition": row["status"].replace("_", " ").capitalize(),
            "supportingInfo": t.numbered([*supporting(claim), *_of_payer(claim, row)]),
            "precedence": _PRECEDENCE.get(row["status"].removeprefix("processed_as_").split("_")[0]),
            "insurance": parties.coverages(claim.case),
            "item": t.numbered(_items(claim, reached, by_line)),
            "addItem": [_added(place, line, by_line[line["line_number"]]) for place, line in reached.others],
            "adjudication": _of_claim(row, answer, by_line[None]),
            "total": totals(row, answer.adjustments),
            "payment": _payment(row, answer),
            "processNote": _notes(row, answer.adjustments),
        },
        synthetic=synthetic,
    )


def _by_line(adjustments: Iterable[Row]) -> defaultdict[int | None, list[Row]]:
    found: defaultdict[int | None, list[Row]] = defaultdict(list)
    for row in adjustments:
        found[row["line_number"]].append(row)
    return found


def _payer_numbers(claim: ReadyClaim, row: Row) -> list[Resource]:
    return [payer_number(claim, row["payer_control_number"])] if row["payer_control_number"] else []


def _related(claim: ReadyClaim, row: Row) -> list[Resource]:
    """The answer before a reversal or correction, by the number that the payer gave it (REF*F8)."""
    prior = (row["reference_numbers"] or {}).get(_PRIOR_NUMBER)
    if not prior:
        return []
    named = {"identifier": payer_number(claim, prior)}
    return [{"claim": named, "relationship": t.concept(t.RELATIONSHIP, "prior")}]


def _of_payer(claim: ReadyClaim, row: Row) -> list[Resource]:
    """What the payer tells of the claim beside money: the day it came in, the DRG it was paid by."""
    found: list[Resource] = []
    if row["claim_received_date"]:
        category = t.concept(t.CARIN_INFORMATION, "clmrecvddate")
        found.append({"category": category, "timingDate": t.day(row["claim_received_date"])})
    if row["drg"]:
        # CLP11 does not say which kind of DRG it is: only one that is ours is known to be an MS-DRG
        code = drg(row["drg"], None) if row["drg"] == claim.drg else {"text": row["drg"]}
        found.append({"category": t.concept(t.CARIN_INFORMATION, "drg"), "code": code})
    return found


def _items(claim: ReadyClaim, reached: Answered, by_line: defaultdict[int | None, list[Row]]) -> list[Resource]:
    found = []
    for place, line in enumerate(claim.case.lines, 1):
        one = item(claim, line)
        row = reached.by_place.get(place)
        if row is not None:
            one["adjudication"] = line_adjudications(row, by_line[row["line_number"]])
        found.append(one)
    return found


def _added(place: int | None, row: Row, adjustments: Sequence[Row]) -> Resource:
    """A line of the payer that no charge line of ours is the counterpart of."""
    code = row["procedure"]
    service = t.concept(t.REVENUE, row["revenue_code"]) if not code and row["revenue_code"] else product(code)
    modifiers = row["modifiers"] or []
    return t.present(
        {
            "itemSequence": [place] if place is not None else [],
            "productOrService": service,
            "modifier": [t.concept(t.service_system(m), m) for m in modifiers],
            "servicedDate": t.day(row["service_from"]),
            "quantity": {"value": row["units_paid"]} if row["units_paid"] is not None else None,
            "net": t.money(row["charge"]) if row["charge"] is not None else None,
            "adjudication": line_adjudications(row, adjustments),
        }
    )


def _of_claim(row: Row, answer: Answer, adjustments: Sequence[Row]) -> list[Resource]:
    """Adjustments of the whole claim; an answer without lines tells submitted and paid here too."""
    found = list(adjustment_adjudications(adjustments))
    if answer.lines:
        return found
    submitted = [amount(SUBMITTED, row["charge"])] if row["charge"] is not None else []
    paid = [amount(PAID, row["paid"])] if row["paid"] is not None else []
    return [*submitted, *found, *paid]


def _payment(row: Row, answer: Answer) -> Resource:
    trace = {"type": {"text": "trace number (TRN02)"}, "value": row["trace_number"]}
    return t.present(
        {
            "type": t.concept(t.CARIN_STATUS, _payment_status(row, answer)),
            "date": t.day(row["payment_date"]),
            "amount": t.money(row["paid"]) if row["paid"] is not None else None,
            "identifier": trace if row["trace_number"] else None,
        }
    )


def _payment_status(row: Row, answer: Answer) -> str:
    """Paid, denied, or partially paid: a line that was charged and denied. Nothing paid under a deductible is paid."""
    refused = [a for a in answer.adjustments if a["reason_code"] not in ORDINARY]
    if row["status"] == DENIED or (not row["paid"] and refused):
        return "denied"
    lines = {a["line_number"] for a in refused}
    unpaid = any(x["charge"] and not x["paid"] and x["line_number"] in lines for x in answer.lines)
    return "partiallypaid" if unpaid else "paid"


def _notes(row: Row, adjustments: Sequence[Row]) -> list[Resource]:
    """Remark codes of the claim that stand at none of its adjustments."""
    told = {remark for a in adjustments for remark in a["remark_codes"] or ()}
    rest = [remark for remark in dict.fromkeys(row["remark_codes"] or ()) if remark not in told]
    return [{"number": n, "type": "display", "text": f"remark code {remark}"} for n, remark in enumerate(rest, 1)]
