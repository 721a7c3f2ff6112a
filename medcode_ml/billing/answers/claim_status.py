"""Reading the segments of one 277CA (005010X214) into rows: what a payer or clearinghouse says of each claim.

A row for every trace (TRN) with a status: of the whole batch (receiver), of a provider, of a claim, and of a line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from medcode_ml.billing.answers.envelope import TransactionSet
from medcode_ml.billing.answers.frames import CLAIM_STATUS, Rows
from medcode_ml.billing.answers.segments import Delimiters
from medcode_ml.billing.answers.values import amount, at, day, days, quantity, text
from medcode_ml.contracts.ids import record_hash

ACCEPTED = frozenset({"A1", "A2", "A5"})
"""Received, accepted into adjudication, split into several claims (code source 507)."""
REJECTED = frozenset({"A3", "A6", "A7", "A8"})
"""Returned as unprocessable, missing, invalid, or contradicting information (rule 32)."""
FORWARDED = "A0"
NOT_FOUND = "A4"
_TOTALS = ("accepted_claims", "rejected_claims", "accepted_charge", "rejected_charge")
_LEVELS = {"20": "source", "21": "receiver", "19": "provider", "PT": "claim", "22": "claim", "23": "claim"}


class ClaimStatusReader:
    """Takes the segments of one 277CA in their order."""

    def __init__(self, one: TransactionSet, set_id: str, delimiters: Delimiters, rows: Rows) -> None:
        self._set, self._set_id, self._rows = one, set_id, rows
        self._component = delimiters.component
        self._level = ""
        self._source: dict[str, Any] = {}
        self._batch: str | None = None
        self._row: dict[str, Any] | None = None
        self._claim: dict[str, Any] | None = None
        self._place = 0
        self._handlers: dict[str, Callable[[list[str]], bool]] = {
            "HL": self._hl, "NM1": self._nm1, "TRN": self._trn, "STC": self._stc, "REF": self._ref, "DTP": self._dtp,
            "QTY": self._qty, "AMT": self._amt, "SVC": self._svc,
            "ST": lambda _: True, "SE": lambda _: True, "BHT": lambda _: True,
        }  # fmt: skip

    @property
    def control_number(self) -> str | None:
        """Control number of the claim that is being read."""
        return self._claim["control_number"] if self._claim else None

    def segment(self, number: int, elements: list[str]) -> bool:
        """Take one segment; False when it was not understood where it stands."""
        handler = self._handlers.get(elements[0])
        return handler is not None and handler(elements)

    def _hl(self, e: list[str]) -> bool:
        self._close_row()
        self._claim = None
        self._level = _LEVELS.get(at(e, 3), "")
        return bool(self._level)

    def _nm1(self, e: list[str]) -> bool:
        if self._level == "source":
            self._source = {"source_id": text(e, 9), "source_name": text(e, 3)}
        return bool(self._level)

    def _trn(self, e: list[str]) -> bool:
        if self._level in ("", "source"):
            return bool(self._level)
        self._close_row()
        if self._level == "receiver":
            self._batch = text(e, 2)
        number = text(e, 2) if self._level == "claim" else None
        self._row = {"level": self._level, "batch_number": self._batch, "control_number": number, "reasons": []}
        if self._level == "claim":
            self._claim = self._row
        return True

    def _stc(self, e: list[str]) -> bool:
        row = self._row
        if row is None:
            return False
        for place in (1, 10, 11):
            category, *rest = at(e, place).split(self._component)
            if category:
                code, entity = [*rest, "", ""][:2]
                row["reasons"].append({"category": category, "status": code or None, "entity": entity or None})
        row |= {"effective_date": day(at(e, 2)), "action": text(e, 3), "message": text(e, 12)}
        if at(e, 4):
            row["charge"] = amount(at(e, 4))
        return True

    def _ref(self, e: list[str]) -> bool:
        names = {"1K": "payer_control_number", "D9": "clearinghouse_number", "FJ": "line_control_number"}
        if self._row is None:
            return False
        if at(e, 1) in names:
            self._row[names[at(e, 1)]] = text(e, 2)
        # bill type, prescription and secondary provider numbers are ours and known
        return at(e, 1) in names or at(e, 1) in ("BLT", "XZ", "0B", "1G", "G2", "LU", "SY", "TJ")

    def _dtp(self, e: list[str]) -> bool:
        if self._row is not None and at(e, 1) == "472":
            self._row["service_from"], self._row["service_to"] = days(at(e, 2), at(e, 3))
            return True
        return self._level == "source" and at(e, 1) in ("050", "009")

    def _qty(self, e: list[str]) -> bool:
        return self._total(at(e, 1), at(e, 2), {"90": "accepted", "QA": "accepted", "AA": "rejected", "QC": "rejected"})

    def _amt(self, e: list[str]) -> bool:
        names = {"YU": "accepted_charge", "YY": "rejected_charge"}
        if self._row is None or at(e, 1) not in names:
            return False
        self._row[names[at(e, 1)]] = amount(at(e, 2))
        return True

    def _total(self, qualifier: str, written: str, names: dict[str, str]) -> bool:
        if self._row is None or qualifier not in names:
            return False
        count = quantity(written)
        self._row[f"{names[qualifier]}_claims"] = None if count is None else int(count)
        return True

    def _svc(self, e: list[str]) -> bool:
        if self._claim is None:
            return False
        self._close_row()
        number = self._claim["control_number"]
        self._row = {
            "level": "line", "batch_number": self._batch, "control_number": number, "reasons": [],
            "charge": amount(at(e, 2)),
        }  # fmt: skip
        return True

    def _close_row(self) -> None:
        if self._row is None:
            return
        row, self._row = self._row, None
        self._place += 1
        if row["level"] == "provider" and not row["reasons"] and not any(row.get(c) is not None for c in _TOTALS):
            # the guide puts a TRN of 0 at every provider that nothing is said of
            return
        row |= self._source | {
            "claim_status_id": record_hash("claim status", self._set.content_id, self._place), "set_id": self._set_id,
            "place": self._place, "status": verdict([r["category"] for r in row["reasons"]]),
            "envelope_faults": self._set.refused_because,
        }  # fmt: skip
        self._rows.add_row("claim_statuses", tuple(row.get(c) for c in CLAIM_STATUS))

    def close(self) -> None:
        """The set is at its end."""
        self._close_row()


def verdict(categories: list[str]) -> str:
    """accepted, rejected, forwarded, not_found or unknown, by the categories of a claim's statuses (rule 32).

    One rejection rejects the claim. "unknown" means that the payer said something else, or nothing: still waiting.
    """
    if REJECTED.intersection(categories):
        return "rejected"
    if ACCEPTED.intersection(categories):
        return "accepted"
    if NOT_FOUND in categories:
        return "not_found"
    return "forwarded" if FORWARDED in categories else "unknown"
