"""Where each claim stands: acknowledged, accepted, paid or denied, or waiting (rule 32: silence is no rejection)."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd

from medcode_ml.billing.answers.frames import frame
from medcode_ml.billing.answers.matching import Matched
from medcode_ml.billing.answers.values import ZERO, same_number

PROGRESS = (
    "claim_number", "encounter_id", "payer_id", "syntax", "acceptance", "payment", "paid", "patient_responsibility",
    "waiting_for", "waiting_days", "because",
)  # fmt: skip
"""Columns of `progress`. `syntax` (999) and `acceptance` (277CA) are accepted, rejected or waiting; `payment` (835) is
paid, denied, reversed, forwarded or waiting; `waiting_for` is the next answer due, None where there is none."""


def progress(claims: pd.DataFrame, matched: Matched, day: date) -> pd.DataFrame:
    """One row a claim: what was answered so far, columns `PROGRESS`.

    Args:
        claims: as for `match`; `control_number` and `set_control_number` lead to the 999, `sent_on` to the days waited.
        matched: all answers so far, matched.
        day: today.
    """
    answers = matched.answers
    syntax = _Syntax(answers.acknowledgements)
    said = _statuses(answers.claim_statuses)
    payments = _payments(matched.claims("matched"))
    rows = []
    for claim in claims.astype(object).where(claims.notna(), None).to_dict("records"):
        number, key = str(claim["claim_number"]), (str(claim["claim_number"]), claim.get("encounter_id"))
        form, because = syntax.of(claim)
        acceptance, why = said.get(key, ("waiting", []))
        payment, paid, owed = payments.get(key, ("waiting", None, None))
        # a later answer implies the earlier ones
        if payment != "waiting" and acceptance == "waiting":
            acceptance = "accepted"
        if acceptance in ("accepted", "rejected") and form == "waiting":
            form = "accepted"
        due = _due(form, acceptance, payment)
        sent = claim.get("sent_on")
        waited = (day - sent).days if due is not None and sent is not None else None
        rows.append((
            number, claim.get("encounter_id"), claim["payer_id"], form, acceptance, payment, paid, owed, due, waited,
            [*because, *why],
        ))  # fmt: skip
    return frame(rows, PROGRESS)


def waiting(claims: pd.DataFrame, matched: Matched, day: date) -> pd.DataFrame:
    """The claims that an answer is due for, longest first; columns `PROGRESS`."""
    found = progress(claims, matched, day)
    found = found[found["waiting_for"].notna()]
    order = found["waiting_days"].map(lambda days: -1 if days is None else days).astype(int)
    return found.loc[order.sort_values(ascending=False, kind="stable").index].reset_index(drop=True)


def _due(syntax: str, acceptance: str, payment: str) -> str | None:
    if syntax == "rejected" or acceptance == "rejected":
        return None
    if payment not in ("waiting", "reversed"):
        return None
    if acceptance == "accepted":
        return "835"
    return "277CA" if syntax == "accepted" else "999"


class _Syntax:
    """Verdicts of 999 and TA1 by interchange and transaction set."""

    def __init__(self, acknowledgements: pd.DataFrame) -> None:
        self._rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in acknowledgements[acknowledgements["outcome"] == "matched"].to_dict("records"):
            interchange = row["level"] == "interchange"
            number = row["interchange_control_number"] if interchange else row["group_control_number"]
            self._rows[_number(str(number))].append(row)

    def of(self, claim: dict[str, Any]) -> tuple[str, list[str]]:
        """accepted, rejected or waiting, and why; the answer on the set goes before that on its group."""
        rows = self._rows.get(_number(str(claim.get("control_number") or "")), [])
        own_set = claim.get("set_control_number")
        sets = [r for r in rows if r["level"] == "transaction_set"]
        if own_set:
            own = [r for r in sets if same_number(str(r["set_control_number"]), str(own_set))]
        else:
            # which set the claim went out in is not known: it stands for all only where all say the same
            own = sets if len({_word(r["status"]) for r in sets}) == 1 else []
        for level in (own, [r for r in rows if r["level"] == "group" and r["status"] != "partly_accepted"]):
            if level:
                # a set that was sent and answered again: the last answer holds
                return _word(level[-1]["status"]), list(level[-1]["reasons"])
        refused = [r for r in rows if r["level"] == "interchange" and r["status"] == "rejected"]
        return ("rejected", list(refused[-1]["reasons"])) if refused else ("waiting", [])


def _word(status: str) -> str:
    return {"accepted": "accepted", "accepted_with_errors": "accepted", "rejected": "rejected"}.get(status, "waiting")


def _number(written: str) -> str:
    return str(int(written)) if written.isascii() and written.isdigit() else written


def _statuses(frame_: pd.DataFrame) -> dict[tuple[str, Any], tuple[str, list[str]]]:
    """The last word of the 277CAs on each claim."""
    found: dict[tuple[str, Any], tuple[str, list[str]]] = {}
    claims = frame_[(frame_["outcome"] == "matched") & (frame_["level"] == "claim")]
    for row in claims.to_dict("records"):
        word = row["status"] if row["status"] in ("accepted", "rejected") else "waiting"
        told = [
            "-".join(part for part in (one["category"], one["status"], one["entity"]) if part)
            for one in row["reasons"]
        ]  # fmt: skip
        found[row["claim_number"], row["encounter_id"]] = (word, told if word != "accepted" else [])
    return found


def _payments(claims: pd.DataFrame) -> dict[tuple[str, Any], tuple[str, Decimal, Decimal]]:
    """What was paid on each claim in sum: payments, reversals and corrections together."""
    found: dict[tuple[str, Any], tuple[str, Decimal, Decimal]] = {}
    by_claim: dict[tuple[str, Any], list[dict[str, Any]]] = defaultdict(list)
    for row in claims.to_dict("records"):
        by_claim[row["claim_number"], row["encounter_id"]].append(row)
    for key, rows in by_claim.items():
        found[key] = net(rows)
    return found


def net(rows: list[dict[str, Any]]) -> tuple[str, Decimal, Decimal]:
    """Payment (paid, denied, forwarded, reversed, waiting), amount paid and patient responsibility of one claim.

    `rows` are all its answers: payments, parts, reversals and corrections. A reversal takes back what came before it,
    and goes before the correction that comes with it; a claim whose last answer is a reversal waits for another.
    """
    status = "waiting"
    owed: dict[str | None, Decimal] = {}
    for row in _in_turn(rows):
        if row["status"] == "reversal":
            status = "reversed"
            if owed.pop(row["payer_control_number"], None) is None:
                # reversed under another number of the payer: all that was told before falls
                owed.clear()
        elif row["status"] != "predetermination":
            status = _PAYMENTS.get(row["status"], "paid")
            number = row["payer_control_number"]
            owed[number] = owed.get(number, ZERO) + (row["patient_responsibility"] or ZERO)
    return status, sum((r["paid"] for r in rows if r["status"] != "predetermination"), ZERO), sum(owed.values(), ZERO)


_PAYMENTS = {"denied": "denied", "not_our_claim_forwarded": "forwarded"}


def _in_turn(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Payments by their date, those of a day as they came; within a payment reversals first, then as they stand."""
    came: dict[str, int] = {}
    for row in rows:
        came.setdefault(row["remittance_id"], len(came))

    def turn(row: dict[str, Any]) -> tuple[date, int, bool]:
        return row["payment_date"] or date.max, came[row["remittance_id"]], row["status"] != "reversal"

    return sorted(rows, key=turn)
