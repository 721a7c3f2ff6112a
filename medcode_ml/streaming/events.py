"""Telling the event topic what became of encounters: coded, ranked, billed or held, once for every state.

A state is what the stage wrote of the encounter, as a hash: a run that changes nothing makes no event, one that changes
codes, order or claim makes one. Events name the encounter by its opaque id and carry neither codes nor amounts.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import orjson
import sqlalchemy as sa

from medcode_ml.contracts.stage import StageResult
from medcode_ml.contracts.streamed import event
from medcode_ml.streaming.client import Producer, open_producer
from medcode_ml.streaming.topics import EVENT, topic

_AT_ONCE: Final = 2000
_SECONDS: Final = 60.0
#: kind of event, encounter, version, and what its state is made of
_STATES: Final = """
SELECT 'coded' AS kind, e.received_date, e.encounter_id, e.model_version AS version,
       md5(concat_ws('|', e.model_version, e.code_set_release,
           (SELECT string_agg(c.code || ':' || c.accepted || ':' || c.score, ',' ORDER BY c.code)
            FROM coded.encounter_code c
            WHERE c.received_date = e.received_date AND c.encounter_id = e.encounter_id))) AS state
FROM coded.encounter e WHERE e.received_date BETWEEN :start AND :end
UNION ALL
SELECT 'ranked', e.received_date, e.encounter_id, e.model_version,
       md5(concat_ws('|', e.model_version, e.outcome,
           (SELECT string_agg(c.code || ':' || c.rank, ',' ORDER BY c.rank, c.code)
            FROM ranked.encounter_code c
            WHERE c.received_date = e.received_date AND c.encounter_id = e.encounter_id)))
FROM ranked.encounter e WHERE e.received_date BETWEEN :start AND :end
UNION ALL
SELECT CASE c.status WHEN 'held' THEN 'held' ELSE 'billed' END, c.received_date, c.encounter_id, c.grouper_version,
       md5(concat_ws('|', c.status, c.drg, c.principal_code, c.total_charge, c.expected_payment, c.held_because))
FROM billed.claim c WHERE c.received_date BETWEEN :start AND :end
"""
_RECORD: Final = f"""
INSERT INTO served.event (event_id, received_date, kind, encounter_id, state, version, recorded_at)
SELECT left(encode(sha256(convert_to(concat_ws('|', kind, encounter_id, state), 'UTF8')), 'hex'), 20),
       received_date, kind, encounter_id, state, version, clock_timestamp()
FROM ({_STATES}) AS seen
ON CONFLICT (event_id) DO NOTHING
RETURNING kind
"""


def run_events(engine: sa.Engine, start: date, end: date, *, publish: bool) -> StageResult:
    """Record the states of the encounters received from `start` to `end` and, with `publish`, send what is new.

    Raises:
        BrokerError: the broker did not take the events; they wait in `served.event` and go with the next run.
    """
    kinds = record_events(engine, start, end)
    sent = 0
    if publish:
        producer = open_producer()
        try:
            sent = publish_events(engine, producer)
        finally:
            producer.close()
    figures: dict[str, float | int | str] = {"events_recorded": sum(kinds.values()), "events_sent": sent}
    listing = tuple(sorted(kinds.items()))
    return StageResult("events", start, end, {"event": sum(kinds.values())}, figures, (("event", "count"), listing))


def record_events(engine: sa.Engine, start: date, end: date) -> dict[str, int]:
    """Write the states that have no event yet; returns new events by kind."""
    found: dict[str, int] = {}
    with engine.begin() as connection:
        for kind in connection.execute(sa.text(_RECORD), {"start": start, "end": end}).scalars():
            found[kind] = found.get(kind, 0) + 1
    return found


def publish_events(engine: sa.Engine, producer: Producer) -> int:
    """Send every event that has not been sent, in the order they were recorded; returns how many.

    Sent at least once, always under the same event_id.
    """
    of, sent = event.c, 0
    while True:
        with engine.begin() as connection:
            waiting = sa.select(event).where(of.published_at.is_(None)).order_by(of.recorded_at, of.event_id)
            rows = connection.execute(waiting.limit(_AT_ONCE).with_for_update(skip_locked=True)).all()
            if not rows:
                return sent
            for row in rows:
                producer.send(topic(EVENT), row.encounter_id, orjson.dumps(published_form(row)))
            producer.flush(_SECONDS)
            ids = [row.event_id for row in rows]
            connection.execute(
                sa.update(event)
                .where(of.event_id == sa.func.any(sa.cast(ids, sa.ARRAY(sa.Text))))
                .values(published_at=sa.func.clock_timestamp())
            )
        sent += len(rows)


def published_form(row: Any) -> dict[str, Any]:
    """A row of `served.event` as the event topic carries it."""
    return {
        "event_id": row.event_id, "kind": row.kind, "encounter_id": row.encounter_id,
        "received_date": row.received_date.isoformat(), "version": row.version,
        "recorded_at": row.recorded_at.isoformat(),
    }  # fmt: skip
