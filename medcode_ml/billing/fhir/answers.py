"""The answers to claims as the export takes them: rows of a payment's claim with its lines and adjustments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

Row = dict[str, Any]
REVERSAL, PREDETERMINATION = "reversal", "predetermination"


@dataclass(frozen=True)
class Answer:
    """One claim of a payment: its rows of billed.remittance_claim, remittance_line and remittance_adjustment."""

    claim: Row
    lines: Sequence[Row]
    adjustments: Sequence[Row]
    received: date | None  #: the day it arrived, where that is known
    taken_back: bool = False  #: a later reversal took it back


def answers_by_encounter(
    claims: pd.DataFrame, lines: pd.DataFrame, adjustments: pd.DataFrame
) -> dict[str, list[Answer]]:
    """Matched answers by the encounter of our claim, in the order in which they came; those taken back are marked.

    Args:
        claims: rows of billed.remittance_claim that were matched, in the order in which they came, all of a claim
            together; `received_date` may be absent.
        lines: their rows of billed.remittance_line, in their order.
        adjustments: their rows of billed.remittance_adjustment, in their order.
    """
    own_lines, own_adjustments = _by_claim(lines), _by_claim(adjustments)
    by_encounter: dict[str, list[Row]] = defaultdict(list)
    for row in _rows(claims):
        by_encounter[row["encounter_id"]].append(row)
    found = {}
    for encounter, rows in by_encounter.items():
        back = taken_back(rows)
        found[encounter] = [
            Answer(row, own_lines[key], own_adjustments[key], row.get("received_date"), key in back)
            for row in rows
            for key in (row["remittance_claim_id"],)
        ]
    return found


def _rows(frame: pd.DataFrame) -> list[Row]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _by_claim(frame: pd.DataFrame) -> defaultdict[str, list[Row]]:
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in _rows(frame):
        found[row["remittance_claim_id"]].append(row)
    return found


def taken_back(answers: Iterable[Row]) -> set[str]:
    """Ids (remittance_claim_id) of the answers to one claim that a later reversal takes back.

    Args:
        answers: rows of billed.remittance_claim of one claim, in the order in which they came. A reversal takes back
            what came before it under the same number of the payer; all that came before where none has that number.
    """
    back: set[str] = set()
    standing: dict[str | None, list[str]] = defaultdict(list)
    for row in _in_turn(answers):
        if row["status"] == REVERSAL:
            number = row["payer_control_number"]
            fallen = [number] if number in standing else list(standing)
            back |= {key for one in fallen for key in standing.pop(one)}
        elif row["status"] != PREDETERMINATION:
            standing[row["payer_control_number"]].append(row["remittance_claim_id"])
    return back


def _in_turn(answers: Iterable[Row]) -> list[Row]:
    """By payment date, those of a day as they came; within a payment reversals first."""
    rows = list(answers)
    came: dict[str, int] = {}
    for row in rows:
        came.setdefault(row["remittance_id"], len(came))

    def turn(row: Row) -> tuple[date, int, bool]:
        return row["payment_date"] or date.max, came[row["remittance_id"]], row["status"] != REVERSAL

    return sorted(rows, key=turn)
