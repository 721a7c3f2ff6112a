"""A record of a chart as clients send it: its layout, and why one cannot be read. Pure; no code set is asked here.

    {"encounter_id", "coder", "opened_at", "kind"?: "review" | "audit", "model_version"?,
     "closed_at"?, "outcome"?: "final" | "given_back", "active_seconds"?,
     "decisions"?: [{"code", "outcome", "reason"?, "place"?, "poa"?, "decided_at"?,
                     "evidence"?: {"document_id", "start", "end"}}]}

Encounter, kind, coder and opened_at name the chart: records that agree in them add to one chart, and the one with
`closed_at` closes it. Times are in ISO form with their offset. Faults name places and rules, never a value: any of
them may hold a name.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from medcode_ml.codes.identifiers import written_code
from medcode_ml.contracts.characters import has_half_character
from medcode_ml.contracts.ids import record_hash
from medcode_ml.feedback.words import (
    ADDED,
    ENDS,
    KINDS,
    OUTCOMES,
    POA,
    REASONS,
    REJECTED,
    REORDERED,
    REVIEW,
    WITHDRAWN,
)

_USER: Final = re.compile(r"[A-Za-z0-9_.@:-]{1,80}")
_FIRST_YEAR: Final = 2015
MOST_DECISIONS: Final = 500
MOST_PLACES: Final = 500


class ChartRecordError(ValueError):
    """A record is no chart: says where, what, and what to do."""


@dataclass(frozen=True)
class Decision:
    """One decision as sent; `decided_at` is None where the whole chart was sent at once without times."""

    code: str
    outcome: str
    reason: str | None
    place: int | None
    poa: str | None
    document_id: str | None
    start: int | None
    end: int | None
    decided_at: datetime | None
    decision_id: str


@dataclass(frozen=True)
class ChartRecord:
    """A record of a chart; without `closed_at` it stays open. `active_seconds` is None where the client counts none."""

    chart_id: str
    encounter_id: str
    kind: str
    coder: str
    opened_at: datetime
    closed_at: datetime | None
    outcome: str | None
    active_seconds: float | None
    model_version: str | None
    decisions: tuple[Decision, ...]


def read_chart(record: Mapping[str, Any]) -> ChartRecord:
    """The chart of a record.

    Raises:
        ChartRecordError: the record has not the layout above.
    """
    encounter, kind = _text(record, "encounter_id"), _one_of(record.get("kind", REVIEW), KINDS, "kind")
    coder, opened = record.get("coder"), _time(record, "opened_at", "")
    if not isinstance(coder, str) or not _USER.fullmatch(coder):
        raise ChartRecordError("coder: give the coder's user id, 1 to 80 letters, digits and . _ - @ :")
    if opened is None:
        raise ChartRecordError("opened_at: missing; give the time the coder opened the chart")
    closed, outcome = _time(record, "closed_at", ""), record.get("outcome")
    if (closed is None) != (outcome is None):
        raise ChartRecordError("closed_at and outcome: give both to close a chart, neither while it is open")
    if closed is not None:
        _one_of(outcome, ENDS, "outcome")
        if closed < opened:
            raise ChartRecordError("closed_at: lies before opened_at")
    seconds = _seconds(record.get("active_seconds"), opened, closed)
    version = record.get("model_version")
    if version is not None and not isinstance(version, str):
        raise ChartRecordError("model_version: must be a text, the version the coder saw")
    given = record.get("decisions")
    given = [] if given is None else given
    if not isinstance(given, list) or len(given) > MOST_DECISIONS:
        raise ChartRecordError(f"decisions: must be a list of at most {MOST_DECISIONS}")
    chart = record_hash("chart", encounter, kind, coder, opened.isoformat())
    decisions, seen = [], Counter[str]()
    for number, one in enumerate(given, start=1):
        where = f"decision {number}: "
        decision = _decision(one, where, chart, seen)
        if decision.decided_at is None and closed is None:
            raise ChartRecordError(f"{where}decided_at: missing; only a chart that is sent closed may leave it out")
        if decision.decided_at is not None and not opened <= decision.decided_at <= (closed or decision.decided_at):
            raise ChartRecordError(f"{where}decided_at: lies outside of the time the chart was open")
        decisions.append(decision)
    return ChartRecord(
        chart, encounter, kind, coder, opened, closed, outcome, seconds, version or None, tuple(decisions)
    )


def _decision(given: Any, where: str, chart: str, seen: Counter[str]) -> Decision:
    if not isinstance(given, dict):
        raise ChartRecordError(f"{where}must be an object")
    code = _text(given, "code", where)
    code = written_code(code) or code
    outcome = _one_of(given.get("outcome"), OUTCOMES, "outcome", where)
    reason, place, poa = given.get("reason"), given.get("place"), given.get("poa")
    if outcome == REJECTED:
        if reason is None:
            raise ChartRecordError(f"{where}reason: a rejection needs one of {', '.join(REASONS)}")
        _one_of(reason, tuple(REASONS), "reason", where)
    elif reason is not None:
        raise ChartRecordError(f"{where}reason: only a rejection has one")
    if place is not None and not _whole(place, 1, MOST_PLACES):
        raise ChartRecordError(f"{where}place: must be a whole number from 1 to {MOST_PLACES}")
    if place is None and outcome == REORDERED:
        raise ChartRecordError(f"{where}place: missing; say where the code was moved to, 1 first")
    if place is not None and outcome not in (REORDERED, ADDED):
        raise ChartRecordError(f"{where}place: only an added or reordered code has one")
    if poa is not None:
        _one_of(poa, POA, "poa", where)
        if outcome in (REJECTED, WITHDRAWN):
            raise ChartRecordError(f"{where}poa: only a code that stands has one")
    document, start, end = _evidence(given.get("evidence"), outcome, where)
    at = _time(given, "decided_at", where)
    said = record_hash(
        "code decision", chart, code, outcome, *(str(v) for v in (reason, place, poa, document, start, end)),
        "" if at is None else at.isoformat(),
    )  # fmt: skip
    seen[said] += 1
    return Decision(
        code, outcome, reason, place, poa, document, start, end, at, record_hash("decision", said, seen[said])
    )


def _evidence(given: Any, outcome: str, where: str) -> tuple[str | None, int | None, int | None]:
    if given is None:
        return None, None, None
    if outcome != ADDED:
        raise ChartRecordError(f"{where}evidence: only an added code has it")
    if not isinstance(given, dict):
        raise ChartRecordError(f"{where}evidence: must be an object with document_id, start and end")
    document = _text(given, "document_id", f"{where}evidence: ")
    start, end = given.get("start", -1), given.get("end", -1)
    if not _whole(start, 0, 2**31 - 1) or not _whole(end, 1, 2**31 - 1) or start >= end:
        raise ChartRecordError(f"{where}evidence: start and end must be characters of the document, start before end")
    return document, start, end


def _seconds(given: Any, opened: datetime, closed: datetime | None) -> float | None:
    if given is None:
        return None
    if closed is None:
        raise ChartRecordError("active_seconds: belongs to the record that closes the chart")
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given) or given < 0:
        raise ChartRecordError("active_seconds: must be a number of seconds")
    # a client counts in whole seconds
    if given > (closed - opened).total_seconds() + 1:
        raise ChartRecordError("active_seconds: more than the time from opened_at to closed_at")
    return float(given)


def _time(given: Mapping[str, Any], key: str, where: str) -> datetime | None:
    value = given.get(key)
    if value is None:
        return None
    try:
        # a number in place of a text is a time of its own to some readers: not here
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
        if at is not None and at.tzinfo is not None and _FIRST_YEAR <= at.year < 9999:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ChartRecordError(f"{where}{key}: must be a time with its offset, such as 2026-11-20T09:30:00Z")


def _text(given: Mapping[str, Any], key: str, where: str = "") -> str:
    value = given.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**18 else None
    if not isinstance(value, str) or not value.strip() or len(value) > 200 or "\0" in value:
        raise ChartRecordError(f"{where}{key}: missing, or no text of at most 200 characters")
    if has_half_character(value):
        raise ChartRecordError(f"{where}{key}: holds half of a surrogate pair; write the whole character")
    return value


def _whole(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _one_of(value: Any, choices: tuple[str, ...], key: str, where: str = "") -> str:
    if not isinstance(value, str) or value not in choices:
        raise ChartRecordError(f"{where}{key}: choose one of {', '.join(choices)}")
    return value
