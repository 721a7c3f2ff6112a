"""Outboxes: tables whose rows wait to be sent while `published_at` is null; a broker that is away loses none of them.

Replies, dead letters and events are sent by the one loop here: at least once, always under the same id. A row that the
broker refuses for good holds up no other; where nothing can be sent in its place it waits until somebody mends it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from medcode_ml.streaming.client import BrokerError, Delivered, Outgoing, Refusal, Sender

_SECONDS: Final = 10.0
_TO_DO: Final = {
    Refusal.TOO_LARGE: "a message is larger than the topic {topic} allows; raise its max.message.bytes",
    Refusal.TOPIC_UNKNOWN: "the topic {topic} does not exist; create it",
    Refusal.NOT_ALLOWED: "medcode may not write to the topic {topic}; allow it",
}


@dataclass(frozen=True)
class Outbox:
    """A table of what waits to be sent, and how its rows are sent."""

    table: sa.Table
    key: str
    """Column whose value a row is known by."""
    order: tuple[str, ...]
    """Columns in whose order rows are sent."""
    message: Callable[[Any], Outgoing]
    """What is sent for a row."""
    instead: Callable[[sa.Connection, Any, Refusal], Outgoing | None]
    """What is sent in its place after a refusal; None where the row has to wait."""
    topic: str | None = None
    """Column that names the topic of a row, where it is not the same one for all."""
    at_once: int = 500


def send_waiting(engine: sa.Engine, sender: Sender, outbox: Outbox) -> int:
    """Send every row that waits; returns how many.

    Raises:
        BrokerError: some wait on, with the reason; all others were sent.
    """
    of, sent, held = outbox.table.c, 0, dict[str, Delivered]()
    while True:
        waiting = sa.select(outbox.table).where(of.published_at.is_(None))
        if outbox.topic and held:
            waiting = waiting.where(of[outbox.topic].not_in(list(held)))
        waiting = waiting.order_by(*(of[name] for name in outbox.order)).limit(outbox.at_once)
        with engine.begin() as connection:
            rows = connection.execute(waiting.with_for_update(skip_locked=True)).all()
            arrived = _send(connection, sender, outbox, rows, held)
            if arrived:
                connection.execute(
                    sa.update(outbox.table)
                    .where(of[outbox.key] == sa.func.any(sa.cast(arrived, sa.ARRAY(sa.Text))))
                    .values(published_at=sa.func.clock_timestamp())
                )
        sent += len(arrived)
        if not rows or (held and not outbox.topic):
            break
    if held:
        raise BrokerError(f"{_reason(held)}; {unsent(engine, outbox.table)} rows of {outbox.table.fullname} wait")
    return sent


def unsent(engine: sa.Engine, *tables: sa.Table) -> int:
    """How many rows of these tables wait to be sent."""
    with engine.connect() as connection:
        return sum(
            connection.execute(
                sa.select(sa.func.count()).select_from(table).where(table.c.published_at.is_(None))
            ).scalar_one()
            for table in tables
        )


def _send(
    connection: sa.Connection, sender: Sender, outbox: Outbox, rows: Sequence[Any], held: dict[str, Delivered]
) -> list[str]:
    """Send rows, or what stands in for them; returns the keys of those that arrived and adds to `held` by topic."""
    messages = [outbox.message(row) for row in rows]
    outcomes = _delivered(sender, messages)
    others: dict[int, Outgoing] = {}
    for at, outcome in enumerate(outcomes):
        if isinstance(outcome, Refusal):
            other = outbox.instead(connection, rows[at], outcome)
            if other is not None:
                others[at] = other
    for at, outcome in zip(others, _delivered(sender, list(others.values())), strict=True):
        messages[at], outcomes[at] = others[at], outcome
    held |= {one.topic: outcome for one, outcome in zip(messages, outcomes, strict=True) if outcome is not None}
    return [getattr(row, outbox.key) for row, outcome in zip(rows, outcomes, strict=True) if outcome is None]


def _delivered(sender: Sender, messages: Sequence[Outgoing]) -> list[Delivered]:
    """Send messages; a refusal is believed once the message, or one for the same topic, was refused alone."""
    if not messages:
        return []
    outcomes = sender.deliver(messages, _SECONDS)
    if len(messages) == 1:
        return outcomes
    closed: dict[str, Delivered] = {}
    for at, outcome in enumerate(outcomes):
        if not isinstance(outcome, Refusal):
            continue
        to = messages[at].topic
        if to not in closed:
            (outcomes[at],) = sender.deliver([messages[at]], _SECONDS)
            if outcomes[at] in (Refusal.TOPIC_UNKNOWN, Refusal.NOT_ALLOWED):
                closed[to] = outcomes[at]
        else:
            outcomes[at] = closed[to]
    return outcomes


def _reason(held: dict[str, Delivered]) -> str:
    topic, outcome = next(iter(held.items()))
    return _TO_DO[outcome].format(topic=topic) if isinstance(outcome, Refusal) else str(outcome)
