"""Denials: adjustments that deny a claim, a line or part of one, keyed by group + CARC + RARC (rule 33).

With each stand our codes and the edits we raised on the claim, so that a denial leads to what could have caught it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pandas as pd

from medcode_ml.billing.answers.frames import frame
from medcode_ml.billing.answers.matching import Matched
from medcode_ml.billing.answers.values import ZERO

DENIAL = (
    "remittance_claim_id", "adjustment_number", "claim_number", "encounter_id", "payer_name", "payment_date", "kind",
    "group_code", "reason_code", "remark_codes", "denial_key", "amount", "line_number", "procedure", "revenue_code",
    "drg", "for_coders", "codes", "edits", "because",
)  # fmt: skip
"""Columns of `denials`. `kind` is claim (denied whole), line (a line unpaid) or reduction (paid in part)."""
ORDINARY = frozenset({"1", "2", "3", "23", "24", "45", "66", "94", "104", "144", "187", "223", "237", "253", "B6"})
"""CARCs of an ordinary payment, no denial: cost shares, contract, an earlier payer, capitation, DRG payments above the
charge, managed care withholding, incentives, accounts of the patient, mandated amounts, sequestration."""
NEEDS_REMARK = frozenset({"16", "96", "129", "148", "226", "227", "234", "252", "A1"})
"""CARCs that say nothing without a RARC (X12 code source 139: at least one remark code must be given)."""
_CODING_REASONS = frozenset({"4", "6", "7", "9", "10", "11", "12", "50", "146", "167", "181", "182", "199", "236"})
_CODING_REMARKS = frozenset({"M20", "M51", "M64", "M76", "M81", "MA63", "MA65", "N657"})
DENIED = "denied"


def denials(matched: Matched, codes: pd.DataFrame, edits: pd.DataFrame) -> pd.DataFrame:
    """The denials among the claims that were matched, one row an adjustment, columns `DENIAL`.

    Args:
        matched: what `match` gave. Reversals deny nothing; unmatched and unbalanced claims wait for a person first.
        codes: transmitted codes, columns encounter_id, code (and rank, where the order is not that of the rows).
        edits: rows of billed.edit.
    """
    claims = {r["remittance_claim_id"]: r for r in matched.claims("matched").to_dict("records")}
    answers = matched.answers
    lines = {(r["remittance_claim_id"], r["line_number"]): r for r in _of(answers.remittance_lines, claims)}
    ordered = codes.sort_values("rank", kind="stable") if "rank" in codes.columns and len(codes) else codes
    our_codes = _listed(ordered, "code")
    our_edits = _listed(edits, "edit")
    by_claim: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in _of(answers.adjustments, claims):
        by_claim[row["remittance_claim_id"]].append(row)
    found = []
    for key, adjustments in by_claim.items():
        claim = claims[key]
        for row, kind in _denying(claim, adjustments, lines):
            line = lines.get((key, row["line_number"]), {})
            encounter = str(claim["encounter_id"])
            remarks = list(row["remark_codes"])
            found.append(
                (
                    key, row["adjustment_number"], claim["claim_number"], claim["encounter_id"], claim["payer_name"],
                    claim["payment_date"], kind, row["group_code"], row["reason_code"], remarks,
                    denial_key(row["group_code"], row["reason_code"], remarks), row["amount"], row["line_number"],
                    line.get("procedure"), line.get("revenue_code"), claim["drg"],
                    row["reason_code"] in _CODING_REASONS or bool(_CODING_REMARKS.intersection(remarks)),
                    our_codes.get(encounter, []), our_edits.get(encounter, []), _doubts(row["reason_code"], remarks),
                )
            )  # fmt: skip
    return frame(found, DENIAL)


def denial_key(group: str, reason: str, remarks: list[str]) -> str:
    """The key of a denial: group, CARC and its RARCs in alphabetical order, CO-16-M76+N290; CO-29 where it has none."""
    return "-".join([group, reason, *(["+".join(sorted(set(remarks)))] if remarks else [])])


def _denying(
    claim: dict[str, Any], adjustments: list[dict[str, Any]], lines: dict[tuple[str, int], dict[str, Any]]
) -> list[tuple[dict[str, Any], str]]:
    """The adjustments that deny something, each with its kind."""
    if claim["status"] in ("reversal", "predetermination"):
        return []
    telling = [row for row in adjustments if not _is_ordinary(row)]
    unpaid = not claim["paid"] and bool(claim["charge"])
    if claim["status"] == DENIED or (unpaid and sum((r["amount"] for r in telling), ZERO) == claim["charge"]):
        # a denial that gives only ordinary reasons keeps them: it must not vanish
        return [(row, "claim") for row in telling or adjustments]
    found = []
    for row in telling:
        if row["amount"] <= 0:
            continue
        line = lines.get((claim["remittance_claim_id"], row["line_number"]))
        whole = line is not None and not line["paid"] and bool(line["charge"])
        found.append((row, "line" if whole else "reduction"))
    return found


def _is_ordinary(row: dict[str, Any]) -> bool:
    return row["reason_code"] in ORDINARY


def _doubts(reason: str, remarks: list[str]) -> list[str]:
    if reason in NEEDS_REMARK and not remarks:
        return [f"CARC {reason} came without a remark code and says nothing alone (rule 33): ask the payer"]
    return []


def _of(rows: pd.DataFrame, claims: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rows[rows["remittance_claim_id"].isin(list(claims))].to_dict("records")
    return found


def _listed(rows: pd.DataFrame, column: str) -> dict[str, list[str]]:
    listed: dict[str, list[str]] = {}
    for key, value in zip(rows["encounter_id"], rows[column], strict=True):
        some = listed.setdefault(str(key), [])
        if value not in some:
            some.append(str(value))
    return listed
