"""What stands in a chart: the proposed codes with a coder's decisions on them, one after the other. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any, Final, Protocol

from medcode_ml.feedback.words import (
    ACCEPTED,
    ADDED,
    AUDIT,
    CONFIRMED,
    KEPT,
    NOT_CONFIRMED,
    REJECTED,
    REORDERED,
    WITHDRAWN,
)

AUTO: Final = "auto"


class DecisionError(ValueError):
    """A decision does not fit what stands in the chart: says why, and what to do."""


class Decided(Protocol):
    """What is asked of a decision, as a record or a row of review.decision has it."""

    @property
    def code(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def place(self) -> int | None: ...
    @property
    def poa(self) -> str | None: ...


@dataclass(frozen=True)
class Listed:
    """A code of coded.encounter_code; `proposed` where it was accepted, `place` in the order that ranking gave it."""

    code: str
    band: str
    score: float
    proposed: bool
    place: int | None
    poa: str | None


@dataclass
class Chart:
    """A chart being worked on.

    Attributes:
        kind: review or audit; an auditor sees no proposals, so nothing can be accepted or rejected.
        listed: every code of the encounter by code, those not proposed too.
        order: codes that stand, first place first.
    """

    kind: str
    listed: Mapping[str, Listed]
    order: list[str] = field(default_factory=list)
    _said: dict[str, str] = field(default_factory=dict)
    _reasons: dict[str, str | None] = field(default_factory=dict)
    _poa: dict[str, str] = field(default_factory=dict)
    _moved: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._proposed = in_order(self.listed.values())
        if self.kind != AUDIT:
            self.order = list(self._proposed)

    def decide(self, decision: Decided) -> None:
        """Take a decision in.

        Raises:
            DecisionError: it does not fit what stands.
        """
        outcome, code = decision.outcome, decision.code
        if self.kind == AUDIT and outcome in (ACCEPTED, REJECTED):
            raise DecisionError(
                "an auditor codes without proposals: there is nothing to accept or reject, add the code"
            )
        {
            ACCEPTED: self._accept, REJECTED: self._reject, ADDED: self._add, REORDERED: self._move,
            WITHDRAWN: self._withdraw,
        }[outcome](decision)  # fmt: skip
        if decision.poa is not None:
            self._poa[code] = decision.poa

    def faults_of_final(self) -> str | None:
        """Why the chart cannot be closed as final, or None: every code that is for review needs a decision."""
        if not self.order:
            return "no code stands: a final chart has at least one; close it as given_back"
        if self.kind == AUDIT:
            return None
        waiting = sum(1 for code in self._proposed if self.listed[code].band != AUTO and code not in self._said)
        if waiting:
            return (
                f"{waiting} of the proposed codes wait for a decision: accept or reject each that is not in the auto "
                "band, or close the chart as given_back"
            )
        return None

    def codes(self) -> list[dict[str, Any]]:
        """Rows of review.chart_code, without the chart's and the encounter's id; those that stand first, in order."""
        places = {code: place for place, code in enumerate(self.order, start=1)}
        proposed_places = {code: place for place, code in enumerate(self._proposed, start=1)}
        gone = [code for code in self._proposed if code not in places]
        rows = []
        for code in (*self.order, *gone):
            was = self.listed.get(code)
            rows.append(
                {
                    "code": code,
                    "band": was.band if was is not None and was.proposed else None,
                    "score": None if was is None else was.score,
                    "proposed_place": proposed_places.get(code),
                    "outcome": self._outcome(code, code in places, code in proposed_places),
                    "reason": self._reasons.get(code),
                    "moved": code in self._moved,
                    "place": places.get(code),
                    "poa": self._poa.get(code, None if was is None else was.poa) if code in places else None,
                }
            )
        return rows

    def _outcome(self, code: str, stands: bool, proposed: bool) -> str:
        if not proposed:
            return ADDED
        if self.kind == AUDIT:
            return CONFIRMED if stands else NOT_CONFIRMED
        return self._said.get(code, KEPT)

    def _accept(self, decision: Decided) -> None:
        code = decision.code
        if code not in self._proposed:
            raise DecisionError("the code was not proposed: use the outcome added")
        if code not in self.order:
            self._back(code)
        self._said[code] = ACCEPTED
        self._reasons.pop(code, None)

    def _reject(self, decision: Decided) -> None:
        code = decision.code
        if code not in self._proposed:
            raise DecisionError("the code was not proposed: a code that the coder added is withdrawn, not rejected")
        if code in self.order:
            self.order.remove(code)
        self._said[code], self._reasons[code] = REJECTED, decision.reason
        self._moved.discard(code)

    def _add(self, decision: Decided) -> None:
        code = decision.code
        if code in self.order:
            raise DecisionError("the code stands in the chart already")
        if code in self._proposed and self.kind != AUDIT:
            raise DecisionError("the code was proposed: use the outcome accepted")
        self._put(code, decision.place if decision.place is not None else len(self.order) + 1)
        self._said[code] = ADDED

    def _move(self, decision: Decided) -> None:
        code = decision.code
        if code not in self.order:
            raise DecisionError("the code does not stand in the chart: accept or add it before it is given a place")
        before = list(self.order)
        self.order.remove(code)
        try:
            self._put(code, decision.place or 1)
        except DecisionError:
            self.order = before
            raise
        if self.order != before:
            self._moved.add(code)

    def _withdraw(self, decision: Decided) -> None:
        code = decision.code
        if code not in self._said and code not in self._moved:
            raise DecisionError("nothing was decided on the code in this chart: there is nothing to withdraw")
        if code in self.order:
            self.order.remove(code)
        self._said.pop(code, None)
        self._reasons.pop(code, None)
        self._poa.pop(code, None)
        self._moved.discard(code)
        if code in self._proposed and self.kind != AUDIT:
            self._back(code)

    def _back(self, code: str) -> None:
        """Back where it was proposed: before the first code that was proposed after it."""
        later = set(self._proposed[self._proposed.index(code) + 1 :])
        at = next((n for n, other in enumerate(self.order) if other in later), len(self.order))
        self.order.insert(at, code)

    def _put(self, code: str, place: int) -> None:
        if place > len(self.order) + 1:
            raise DecisionError(f"place {place} lies beyond the end: {len(self.order)} other codes stand")
        self.order.insert(place - 1, code)


def in_order(listed: Iterable[Listed]) -> list[str]:
    """The proposed codes in the order of ranking; those that it did not rank after them, the best score first."""
    proposed = [one for one in listed if one.proposed]
    last = max((one.place for one in proposed if one.place is not None), default=0) + 1
    return [one.code for one in sorted(proposed, key=lambda one: (one.place or last, -one.score, one.code))]


def seconds_by_clock(opened: datetime, decided: Sequence[datetime], closed: datetime, idle_seconds: float) -> float:
    """Seconds from opening to closing, each pause between two things that were done cut at `idle_seconds`."""
    times = sorted([opened, *decided, closed])
    pauses = ((after - before).total_seconds() for before, after in pairwise(times))
    return sum(min(pause, idle_seconds) for pause in pauses)
