"""Telling the event topic what became of encounters: coded, ranked, billed or held, at every change of state.

A state is what the stage wrote of the encounter, as a hash: a run that changes nothing makes no event, one that changes
codes, order or claim makes one, and so does one that changes them back. Events name the encounter by its opaque id and
carry neither codes nor amounts.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import orjson
import sqlalchemy as sa

from medcode_ml.contracts.stage import StageResult
from medcode_ml.contracts.streamed import event
from medcode_ml.store.turns import take_turn
from medcode_ml.streaming.client import Outgoing, Sender, open_producer
from medcode_ml.streaming.outbox import Outbox, send_waiting
from medcode_ml.streaming.topics import EVENT, topic

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
#: a state is new where the last event of its encounter, day and family (a claim is billed or held) tells another one;
#: the event before is part of the id, so that a state that comes back is an event of its own
_RECORD: Final = f"""
INSERT INTO served.event (event_id, received_date, kind, encounter_id, state, version, recorded_at)
SELECT left(encode(sha256(convert_to(
           concat_ws('|', seen.kind, seen.received_date, seen.encounter_id, seen.state, told.event_id), 'UTF8'
       )), 'hex'), 20),
       seen.received_date, seen.kind, seen.encounter_id, seen.state, seen.version, clock_timestamp()
FROM ({_STATES}) AS seen
LEFT JOIN LATERAL (
    SELECT e.event_id, e.kind, e.state FROM served.event e
    WHERE e.received_date = seen.received_date AND e.encounter_id = seen.encounter_id
      AND (e.kind = seen.kind OR (e.kind IN ('billed', 'held') AND seen.kind IN ('billed', 'held')))
    ORDER BY e.recorded_at DESC, e.event_id DESC LIMIT 1
) AS told ON true
WHERE told.event_id IS NULL OR (told.kind, told.state) <> (seen.kind, seen.state)
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
    """Write the states that differ from what was told last of their encounters; returns new events by kind."""
    found: dict[str, int] = {}
    with engine.begin() as connection:
        take_turn(connection, "medcode events")  # two at once would both see the same event as the last
        for kind in connection.execute(sa.text(_RECORD), {"start": start, "end": end}).scalars():
            found[kind] = found.get(kind, 0) + 1
    return found


def publish_events(engine: sa.Engine, sender: Sender) -> int:
    """Send every event that has not been sent, in the order they were recorded; returns how many.

    Sent at least once, always under the same event_id.

    Raises:
        BrokerError: the broker did not take them; they wait.
    """
    return send_waiting(engine, sender, _OUTBOX)


def published_form(row: Any) -> dict[str, Any]:
    """A row of `served.event` as the event topic carries it."""
    return {
        "event_id": row.event_id, "kind": row.kind, "encounter_id": row.encounter_id,
        "received_date": row.received_date.isoformat(), "version": row.version,
        "recorded_at": row.recorded_at.isoformat(),
    }  # fmt: skip


def _message(row: Any) -> Outgoing:
    return Outgoing(topic(EVENT), row.encounter_id, orjson.dumps(published_form(row)))


#: an event is short and all go to one topic: what is refused waits until the topic is put right
_OUTBOX: Final = Outbox(event, "event_id", ("recorded_at", "event_id"), _message, lambda *_: None, at_once=2000)
