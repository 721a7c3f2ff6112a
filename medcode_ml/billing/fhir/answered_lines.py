"""Which charge line of a claim a remitted line answers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from medcode_ml.billing.claims import Line

Row = dict[str, Any]


class Answered(NamedTuple):
    """Remitted lines by the place of the claim line they answer (1 first), and those that answer none.

    A second answer to one line (a line that the payer split) stands among `others` with the place of its line.
    """

    by_place: dict[int, Row]
    others: list[tuple[int | None, Row]]


def answered(lines: Sequence[Line], remitted: Sequence[Row]) -> Answered:
    """Match remitted lines to claim lines: by the line control number that payers echo (REF*6R), else by what was
    billed: the same charge, revenue code and procedure, each claim line once.
    """
    by_number = {str(line.line_number): place for place, line in enumerate(lines, 1)}
    by_place: dict[int, Row] = {}
    others: list[tuple[int | None, Row]] = []
    rest: list[Row] = []
    for row in remitted:
        place = by_number.get(row["line_control_number"] or "")
        if place is None:
            rest.append(row)
        elif place in by_place:
            others.append((place, row))
        else:
            by_place[place] = row
    for row in rest:
        free = (p for p, line in enumerate(lines, 1) if p not in by_place and _is_of(row, line))
        place = next(free, None)
        if place is None:
            others.append((None, row))
        else:
            by_place[place] = row
    return Answered(by_place, others)


def _is_of(row: Row, line: Line) -> bool:
    told = _submitted(row["submitted_procedure"]) or row["procedure"]
    return (
        row["charge"] == line.charge and row["revenue_code"] in (None, line.revenue_code) and told in (None, line.hcpcs)
    )


def _submitted(composite: str | None) -> str | None:
    """The code of SVC06, which comes as written: qualifier, code and modifiers with the payer's separator."""
    parts = re.split(r"[^0-9A-Z]+", composite or "")
    return (parts[1] if len(parts) > 1 else parts[0]) or None
