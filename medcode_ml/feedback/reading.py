"""What is known of encounters when decisions on them come in: stay, proposals, audit sample, charts so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from medcode_ml.contracts import review
from medcode_ml.feedback.charts import Listed
from medcode_ml.feedback.words import CLOSED
from medcode_ml.store.turns import take_turn


@dataclass
class Known:
    """An encounter that filtering carried.

    Attributes:
        received_date: day it was received first.
        version: what proposed its codes; None where nothing was coded.
        listed: its codes, proposed or not.
        audit: stratum and weight where it was drawn for the audit sample.
        openings: chart_id to the row of its opening. closings: chart_id to that of its closing.
        decisions: chart_id to its decisions in their order.
    """

    encounter_id: str
    hospital_id: str
    received_date: date
    discharge_date: date | None
    version: str | None = None
    listed: dict[str, Listed] = field(default_factory=dict)
    audit: tuple[str, float] | None = None
    openings: dict[str, dict[str, Any]] = field(default_factory=dict)
    closings: dict[str, dict[str, Any]] = field(default_factory=dict)
    decisions: dict[str, list[Taken]] = field(default_factory=dict)


@dataclass(frozen=True)
class Taken:
    """A decision as it stands in review.decision."""

    decision_id: str
    code: str
    outcome: str
    reason: str | None
    place: int | None
    poa: str | None
    decided_at: datetime


def lock_encounters(connection: sa.Connection, encounters: Iterable[str]) -> None:
    """Let the caller's transaction alone write charts of these; in one order, so that no two wait in a ring."""
    for encounter in sorted(set(encounters)):
        take_turn(connection, f"review.chart:{encounter}")


def known_encounters(connection: sa.Connection, encounters: Iterable[str]) -> dict[str, Known]:
    """What is known of those that filtering carried, by id."""
    given = {"ids": sorted(set(encounters))}
    found = {
        row.encounter_id: Known(row.encounter_id, row.hospital_id, row.first_received, row.discharge_date)
        for row in connection.execute(_STAYS, given)
    }
    for row in connection.execute(_LISTED, given):
        if (known := found.get(row.encounter_id)) is None:
            continue
        known.version = row.model_version
        if row.code is not None:
            known.listed[row.code] = Listed(row.code, row.band, row.score, row.accepted, row.rank, row.poa)
    for row in connection.execute(_SAMPLED, given):
        if (known := found.get(row.encounter_id)) is not None:
            known.audit = (row.stratum, row.weight)
    chart, decision = review.chart, review.decision
    query = sa.select(chart).where(chart.c.encounter_id.in_(given["ids"]))
    for event in connection.execute(query).mappings():
        if (known := found.get(event["encounter_id"])) is not None:
            of = known.closings if event["event"] == CLOSED else known.openings
            of[event["chart_id"]] = dict(event)
    taken = decision.c
    columns = (taken.encounter_id, taken.chart_id, taken.decision_id, taken.code, taken.outcome, taken.reason,
               taken.place, taken.poa, taken.decided_at)  # fmt: skip
    made = sa.select(*columns).where(taken.encounter_id.in_(given["ids"])).order_by(taken.chart_id, taken.number)
    for row in connection.execute(made):
        if (known := found.get(row.encounter_id)) is not None:
            known.decisions.setdefault(row.chart_id, []).append(Taken(*row[2:]))
    return found


def document_lengths(connection: sa.Connection, documents: Iterable[str]) -> dict[str, tuple[str, int]]:
    """document_id to (encounter, characters of its text)."""
    rows = connection.execute(_DOCUMENTS, {"ids": sorted(set(documents))})
    return {row.document_id: (row.encounter_id, row.characters) for row in rows}


def hospitals_of(engine: sa.Engine, encounters: Iterable[str]) -> set[str]:
    """The hospitals that encounters belong to; those that nobody knows have none."""
    query = sa.text("SELECT DISTINCT hospital_id FROM filtered.encounter WHERE encounter_id = ANY(:ids)")
    with engine.connect() as connection:
        return {str(h) for h in connection.execute(query, {"ids": sorted(set(encounters))}).scalars()}


_STAYS = sa.text("""
SELECT DISTINCT ON (encounter_id) encounter_id, hospital_id, discharge_date,
       min(received_date) OVER (PARTITION BY encounter_id) AS first_received
FROM filtered.encounter WHERE encounter_id = ANY(:ids) ORDER BY encounter_id, received_date DESC
""")
_LISTED = sa.text("""
SELECT e.encounter_id, e.model_version, c.code, c.band, c.score, c.accepted, r.rank, coalesce(r.poa, c.poa) AS poa
FROM (SELECT DISTINCT ON (encounter_id) encounter_id, received_date, model_version FROM coded.encounter
      WHERE encounter_id = ANY(:ids) ORDER BY encounter_id, received_date DESC) e
LEFT JOIN coded.encounter_code c USING (received_date, encounter_id)
LEFT JOIN ranked.encounter_code r USING (received_date, encounter_id, code)
""")
_SAMPLED = sa.text("""
SELECT DISTINCT ON (encounter_id) encounter_id, stratum, weight FROM ml.audit_sample
WHERE encounter_id = ANY(:ids) ORDER BY encounter_id, received_date DESC
""")
_DOCUMENTS = sa.text("""
SELECT DISTINCT ON (document_id) document_id, encounter_id, length(text) AS characters FROM filtered.document
WHERE document_id = ANY(:ids) ORDER BY document_id, received_date DESC
""")
