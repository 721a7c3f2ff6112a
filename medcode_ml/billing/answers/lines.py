"""Answers as JSON-ready objects, for `medcode remit` and `medcode acknowledge`. Amounts are texts, dates ISO days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd

from medcode_ml.billing.answers.denials import denials
from medcode_ml.billing.answers.matching import Matched
from medcode_ml.billing.answers.progress import net

_DENIAL_KEYS = (
    "denial_key", "kind", "group_code", "reason_code", "remark_codes", "amount", "line_number", "procedure", "codes",
    "edits", "because",
)  # fmt: skip
_ADJUSTMENT_KEYS = ("group_code", "reason_code", "amount", "quantity", "line_number", "remark_codes")
_PART_KEYS = (
    "remittance_claim_id", "status_code", "status", "charge", "paid", "patient_responsibility", "payer_control_number",
    "payer_name", "trace_number", "payment_date", "drg", "difference",
)  # fmt: skip


def remittance_lines(matched: Matched, found: pd.DataFrame | None = None) -> Iterator[dict[str, Any]]:
    """One object a claim and outcome: its payments, reversals and corrections together, net of each other.

    Keys: claim_number, encounter_id, outcome, matched, balanced, status, charge, paid, patient_responsibility,
    adjustments, denials, payments (each CLP), because, notes.

    Args:
        found: what `denials` gave, with codes and edits; without it the denials are worked out without them.
    """
    answers = matched.answers
    if found is None:
        nothing = pd.DataFrame({"encounter_id": [], "code": [], "edit": []}, dtype=object)
        found = denials(matched, nothing, nothing)
    adjustments = _by_claim(answers.adjustments)
    denied = _by_claim(found)
    whole = set(found.loc[found["kind"] == "claim", "remittance_claim_id"])
    together: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in answers.remittance_claims.to_dict("records"):
        # without a claim of ours, answers of different payers under one number are not one claim
        whose = str(row["encounter_id"]) if row["outcome"] == "matched" else str(row["remittance_id"])
        together[str(row["claim_number"] or row["control_number"]), whose, row["outcome"]].append(row)
    for (number, _, outcome), rows in together.items():
        ids = [row["remittance_claim_id"] for row in rows]
        readable = all(row["paid"] is not None for row in rows)
        status, paid, owed = net(rows, whole) if readable else ("unreadable", None, None)
        charges = [row["charge"] for row in rows if row["status"] != "reversal" and row["charge"] is not None]
        yield {
            "claim_number": number,
            "encounter_id": rows[0]["encounter_id"],
            "outcome": outcome,
            "matched": outcome == "matched",
            "balanced": all(row["balanced"] and not row["payment_faults"] for row in rows),
            "status": status,
            "charge": _plain(_charge(rows, charges)),
            "paid": _plain(paid),
            "patient_responsibility": _plain(owed),
            "adjustments": [_chosen(a, _ADJUSTMENT_KEYS) for i in ids for a in adjustments.get(i, [])],
            "denials": [_chosen(d, _DENIAL_KEYS) for i in ids for d in denied.get(i, [])],
            "payments": [_chosen(row, _PART_KEYS) for row in rows],
            "because": list(dict.fromkeys(why for row in rows for why in row["because"])),
            "notes": list(dict.fromkeys(note for row in rows for note in row["notes"])),
        }


def _charge(rows: list[dict[str, Any]], charges: list[Decimal]) -> Decimal | None:
    """The charge answered: that of the parts of a split claim together, else that of the last answer."""
    if not charges:
        return None if rows[0]["charge"] is None else abs(rows[0]["charge"])
    numbers = [row["payer_control_number"] for row in rows]
    split = len(set(numbers)) == len(rows) and len({row["trace_number"] for row in rows}) == 1
    return sum(charges, Decimal("0.00")) if split else charges[-1]


def acknowledgement_lines(matched: Matched) -> Iterator[dict[str, Any]]:
    """One object for every answer on an interchange, group or set (999, TA1), batch, provider, claim or line (277CA).

    Keys of all: answer, level, status, matched, outcome, because, reasons. Syntax faults stand in `faults`.
    """
    answers = matched.answers
    faults = defaultdict(list)
    for fault in answers.acknowledgement_faults.to_dict("records"):
        # the copy of the bad value stays in its table: it may name a patient
        faults[fault["acknowledgement_id"]].append(
            {k: _plain(v) for k, v in fault.items() if k not in ("acknowledgement_id", "bad_value")}
        )
    for row in answers.acknowledgements.to_dict("records"):
        yield _answer(row, "TA1" if row["level"] == "interchange" else "999") | {
            "interchange_control_number": row["interchange_control_number"],
            "group_control_number": row["group_control_number"],
            "set_control_number": row["set_control_number"],
            "sets_received": row["sets_received"],
            "sets_accepted": row["sets_accepted"],
            "faults": faults[row["acknowledgement_id"]],
        }
    keys = (
        "claim_number", "encounter_id", "control_number", "batch_number", "payer_control_number",
        "clearinghouse_number", "line_control_number", "source_id", "source_name", "charge", "effective_date",
        "accepted_claims", "rejected_claims", "accepted_charge", "rejected_charge",
    )  # fmt: skip
    for row in answers.claim_statuses.to_dict("records"):
        yield _answer(row, "277CA") | _chosen(row, keys)


def _answer(row: dict[str, Any], kind: str) -> dict[str, Any]:
    return {
        "answer": kind, "level": row["level"], "status": row["status"], "matched": row["outcome"] == "matched",
        "outcome": row["outcome"], "because": row["because"], "reasons": row["reasons"],
    }  # fmt: skip


def summary(matched: Matched) -> dict[str, Any]:
    """What came in and what became of it, for the last line of a command: counts and amounts in US dollars."""
    answers = matched.answers
    claims = answers.remittance_claims
    paid = claims.loc[claims["outcome"] == "matched", "paid"]
    refused = answers.sets[answers.sets["status"].isin(("refused", "not_read"))]
    return {
        "files": len(answers.files),
        "transaction_sets": {str(k): int(v) for k, v in answers.sets["status"].value_counts().items()},
        "claims": matched.counts,
        "paid_matched": _plain(sum(paid, Decimal("0.00"))),
        "payments": {str(k): int(v) for k, v in answers.remittances["outcome"].value_counts().items()},
        "claim_statuses": _counted(answers.claim_statuses),
        "acknowledgements": _counted(answers.acknowledgements),
        "unread_segments": len(answers.unread),
        "set_aside": [
            {"set": row["set_number"], "transaction": row["transaction"], "because": row["because"]}
            for row in refused.to_dict("records")
        ],
    }


def _counted(frame: pd.DataFrame) -> dict[str, int]:
    counts = frame.groupby(["status", "outcome"]).size() if len(frame) else pd.Series(dtype=int)
    return {f"{status}, {outcome}": int(n) for (status, outcome), n in counts.items()}  # type: ignore[misc]


def _by_claim(rows: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows.to_dict("records"):
        found[row["remittance_claim_id"]].append(row)
    return found


def _chosen(row: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: _plain(row[key]) for key in keys}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date):
        return value.isoformat()
    return value
