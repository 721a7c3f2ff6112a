"""What people decide about pairs of patient records: same, different, or taken back. Decisions are only added.

A decision takes effect when linkage runs (`stage.run_linkage`); the days it changes then run again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import linkage, mapped, review
from medcode_ml.contracts.ids import record_hash
from medcode_ml.mapping.linkage.clusters import Pair, Persons, ordered
from medcode_ml.mapping.linkage.normalise import PATIENT_COLUMNS
from medcode_ml.mapping.linkage.patients import current_decisions
from medcode_ml.store.frames import read_frame
from medcode_ml.store.turns import take_turn

OUTCOMES = ("same", "different", "withdrawn")
_SHORTEST = 6  # characters of a patient_id that may stand for it


class LinkDecisionError(ValueError):
    """There is nothing to decide under these ids, or not like that; the message says what to do."""


def decide(engine: sa.Engine, one: str, other: str, outcome: str, by: str, note: str, when: datetime) -> Pair:
    """Write a decision on two patient records (ids, or beginnings of ids that only one has) and return their pair.

    Raises:
        LinkDecisionError: unknown records, no name or reason, nothing to take back, or a decision that contradicts
            others: `same` over a pair that people keep apart, `different` within what people made one.
    """
    if outcome not in OUTCOMES:
        raise LinkDecisionError(f"no outcome {outcome!r}: choose {', '.join(OUTCOMES)}")
    if not by.strip() or not note.strip():
        raise LinkDecisionError("a decision needs the name of the person (--by) and the reason (--note)")
    with engine.begin() as connection:
        # one decision after the other: two that contradict each other must not pass at once
        take_turn(connection, "review.link_decision")
        pair = _pair(connection, one, other)
        standing = current_decisions(read_frame(connection, sa.select(review.link_decision)))
        _refuse(pair, outcome, standing)
        connection.execute(
            sa.insert(review.link_decision),
            {
                "decision_id": record_hash("link", *pair, when.isoformat(), outcome),
                "patient_id": pair[0], "other_patient_id": pair[1], "outcome": outcome, "decided_by": by.strip(),
                "note": note.strip(), "decided_at": when,
            },
        )  # fmt: skip
    return pair


def _refuse(pair: Pair, outcome: str, standing: dict[Pair, str]) -> None:
    if outcome == "withdrawn":
        if pair not in standing:
            raise LinkDecisionError("no decision stands on these two records: there is nothing to take back")
        return
    others = {p: o for p, o in standing.items() if p != pair}
    apart = [p for p, o in others.items() if o == "different"]
    made_one = Persons(apart)
    for a, b in reversed([p for p, o in others.items() if o == "same"]):
        made_one.join(a, b)
    if outcome == "same" and not made_one.join(*pair):
        mine, theirs = set(made_one.records(pair[0])), set(made_one.records(pair[1]))
        a, b = next(p for p in apart if (p[0] in mine) != (p[1] in mine) and {*p} <= mine | theirs)
        raise LinkDecisionError(f"that would make {a} and {b} one, which were decided to differ: undo that one first")
    if outcome == "different" and made_one.of(pair[0]) == made_one.of(pair[1]):
        among = set(made_one.records(pair[0]))
        links = "; ".join(f"{a} {b}" for (a, b), o in others.items() if o == "same" and a in among)
        raise LinkDecisionError(f"people made these one through other records: undo one of {links} first")


def _pair(connection: sa.Connection, one: str, other: str) -> Pair:
    first, second = _record(connection, one), _record(connection, other)
    if first == second:
        raise LinkDecisionError("the two ids name the same record: a decision is about two")
    return ordered(first, second)


def _record(connection: sa.Connection, text: str) -> str:
    start = text.strip().lower()
    if len(start) < _SHORTEST or not start.isalnum():
        raise LinkDecisionError(f"{text!r} is no patient_id: give at least its first {_SHORTEST} characters")
    column = mapped.patient.c.patient_id
    found = list(connection.execute(sa.select(column).where(column.startswith(start)).distinct().limit(2)).scalars())
    if not found:
        raise LinkDecisionError(f"no patient record {text}: `medcode link list` prints those that wait")
    if len(found) > 1:
        raise LinkDecisionError(f"{text} begins several patient_ids: give more of it")
    return str(found[0])


def waiting(engine: sa.Engine, *, every: bool = False) -> pd.DataFrame:
    """Return the pairs that wait for a person, likeliest first; with `every` also those linked alone or decided.

    Columns of `mapped.person_link` with `hospital_id` and `other_hospital_id`, and `one_person` (they are one now). No
    value of a field is in it.
    """
    query = sa.text("""
        SELECT l.*, p.person_id = o.person_id AS one_person, h.hospital_id, g.hospital_id AS other_hospital_id
        FROM mapped.person_link l
        JOIN mapped.person p USING (patient_id)
        JOIN mapped.person o ON o.patient_id = l.other_patient_id
        CROSS JOIN LATERAL (SELECT hospital_id FROM mapped.patient m WHERE m.patient_id = l.patient_id LIMIT 1) h
        CROSS JOIN LATERAL (SELECT hospital_id FROM mapped.patient m WHERE m.patient_id = l.other_patient_id LIMIT 1) g
        WHERE :every OR (l.band = 'review' AND l.decision IS NULL AND p.person_id <> o.person_id)
        ORDER BY l.weight DESC, l.patient_id, l.other_patient_id
    """)
    return read_frame(engine, query, {"every": every})


@dataclass(frozen=True)
class Comparison:
    """Two records side by side. `records` holds what identifies patients: for a person's eyes, never for a log."""

    pair: Pair
    link: dict[str, Any] | None
    records: tuple[dict[str, Any], dict[str, Any]]
    decisions: pd.DataFrame


def compare(engine: sa.Engine, one: str, other: str) -> Comparison:
    """Return two records with how they compare and every decision on them, newest first."""
    with engine.connect() as connection:
        pair = _pair(connection, one, other)
        columns = [mapped.patient.c[name] for name in PATIENT_COLUMNS]
        rows = [
            read_frame(
                connection,
                sa.select(*columns).where(mapped.patient.c.patient_id == record)
                .order_by(mapped.patient.c.received_date.desc()).limit(1),
            ).to_dict("records")[0]
            for record in pair
        ]  # fmt: skip
        link, made = linkage.person_link, review.link_decision
        found = read_frame(
            connection, sa.select(link).where(link.c.patient_id == pair[0], link.c.other_patient_id == pair[1])
        ).to_dict("records")
        decisions = read_frame(
            connection,
            sa.select(made)
            .where(made.c.patient_id == pair[0], made.c.other_patient_id == pair[1])
            .order_by(made.c.decided_at.desc(), made.c.decision_id.desc()),
        )
    return Comparison(pair, dict(found[0]) if found else None, (rows[0], rows[1]), decisions)


@dataclass(frozen=True)
class Decided:
    """A decision as the sensor sees it."""

    decision_id: str
    decided_at: datetime
    pair: Pair

    @property
    def mark(self) -> str:
        """Its place in time; marks sort as the decisions were made."""
        return f"{self.decided_at.isoformat()} {self.decision_id}"


@dataclass(frozen=True)
class Runs:
    """Days to run again, each with a key that asks for it once, and the mark to go on from."""

    days: tuple[tuple[str, date], ...]
    mark: str


def runs_for(decided: Sequence[Decided], mark: str, days_of: Callable[[Pair], Sequence[date]]) -> Runs:
    """Return what to run for the decisions after `mark`: each day once, under the key of the newest decision on it."""
    new = sorted((d for d in decided if d.mark > mark), key=lambda d: d.mark)
    newest: dict[date, str] = {day: d.decision_id for d in new for day in days_of(d.pair)}
    return Runs(tuple((f"{key}:{day}", day) for day, key in sorted(newest.items())), new[-1].mark if new else mark)


def decided_after(engine: sa.Engine, mark: str) -> list[Decided]:
    """Return the decisions made after `mark` ('' for all of them), oldest first."""
    table = review.link_decision
    query = sa.select(table).order_by(table.c.decided_at, table.c.decision_id)
    if mark:
        query = query.where(table.c.decided_at >= datetime.fromisoformat(mark.split(" ")[0]))
    with engine.connect() as connection:
        return [
            Decided(r.decision_id, r.decided_at, (r.patient_id, r.other_patient_id)) for r in connection.execute(query)
        ]
