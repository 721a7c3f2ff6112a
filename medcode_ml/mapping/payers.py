"""Payers of a delivery by the days they hold, with what does not agree."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

import pandas as pd

from medcode_ml.mapping.providers import check_span, read_day

KINDS = ("medicare", "medicaid", "commercial", "self_pay")
COLUMNS = ("source", "payer_id", "name", "kind", "contract", "effective_from", "effective_to", "findings")


def map_payers(
    payer: pd.DataFrame, as_of: date | None = None, contracts: Collection[str] | None = None
) -> pd.DataFrame:
    """Return the rows of mapped.payer.

    `payer` is the raw table of a day, `as_of` the received day (None: effective dates are only put in order),
    `contracts` the names that the payers file knows (None: not asked). A payer delivered more than once keeps its first
    row; periods of the others that overlap it, or say something else, are findings.
    """
    some = payer.astype(object)
    made: dict[tuple[Any, Any], dict[str, Any]] = {}
    for raw in some.where(some.notna(), None).to_dict("records"):
        row: dict[str, Any] = {
            "source": raw["source"], "payer_id": raw["payer_id"], "name": " ".join((raw["name"] or "").split()) or None,
            "kind": (raw["kind"] or "").strip().lower().replace("-", "_").replace(" ", "_") or None,
            "contract": (raw["contract"] or "").strip() or None, "findings": [],
        }  # fmt: skip
        for column in ("effective_from", "effective_to"):
            row[column] = read_day(raw.get(column), column, row["findings"])
        first = made.setdefault((row["source"], row["payer_id"]), row)
        if first is not row:
            _compare(first, row)
            continue
        if row["kind"] not in KINDS:
            said = "is missing" if row["kind"] is None else "is none of medicare, medicaid, commercial, self_pay"
            row["findings"].append({"rule": "payer_kind_known", "reason": f"the kind {said}"})
        if contracts is not None and row["contract"] is not None and row["contract"] not in contracts:
            row["findings"].append(
                {"rule": "contract_known", "reason": "the payers file has no such contract; add it or correct the name"}
            )
        check_span(row, as_of or row["effective_to"] or row["effective_from"] or date.max)
    return pd.DataFrame([{c: row[c] for c in COLUMNS} for row in made.values()], columns=list(COLUMNS), dtype=object)


def _compare(first: dict[str, Any], other: dict[str, Any]) -> None:
    """A second row of a payer: its period may not overlap the first one's."""
    begins = max(first["effective_from"] or date.min, other["effective_from"] or date.min)
    ends = min(first["effective_to"] or date.max, other["effective_to"] or date.max)
    if begins <= ends:
        rule, reason = "periods_overlap", "another row of the payer holds on the same days; the first is used"
    else:
        rule, reason = "several_periods", "another row of the payer holds on other days; the first is used"
    if {"rule": rule, "reason": reason} not in first["findings"]:
        first["findings"].append({"rule": rule, "reason": reason})
