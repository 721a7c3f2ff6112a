"""Telling the dead-letter topic what was set aside: an outbox, so that a broker that is away loses none."""

from __future__ import annotations

from typing import Any, Final

import orjson
import sqlalchemy as sa

from medcode_ml.contracts.streamed import stream_dead_letter
from medcode_ml.streaming.client import Producer
from medcode_ml.streaming.topics import DEAD_LETTER, topic

_AT_ONCE: Final = 500
_SECONDS: Final = 30.0


def publish_dead_letters(engine: sa.Engine, producer: Producer) -> int:
    """Send every dead letter that has not been sent; returns how many.

    Sent at least once: a process that ends between sending and noting it leaves them to be sent again, under the same
    dead_letter_id.

    Raises:
        BrokerError: the broker did not take them; they wait.
    """
    of, sent = stream_dead_letter.c, 0
    while True:
        with engine.begin() as connection:
            rows = connection.execute(
                sa.select(stream_dead_letter)
                .where(of.published_at.is_(None))
                .order_by(of.topic, of.partition, of.offset)
                .limit(_AT_ONCE)
                .with_for_update(skip_locked=True)
            ).all()
            if not rows:
                return sent
            for row in rows:
                producer.send(topic(DEAD_LETTER), row.dead_letter_id, orjson.dumps(published_form(row)))
            producer.flush(_SECONDS)
            connection.execute(
                sa.update(stream_dead_letter)
                .where(of.dead_letter_id.in_([row.dead_letter_id for row in rows]))
                .values(published_at=sa.func.clock_timestamp())
            )
        sent += len(rows)


def published_form(row: Any) -> dict[str, Any]:
    """A row of `raw.stream_dead_letter` as the dead-letter topic carries it."""
    return {
        "dead_letter_id": row.dead_letter_id, "rule": row.rule, "reason": row.reason, "faults": row.faults,
        "topic": row.topic, "partition": row.partition, "offset": row.offset, "key": row.key,
        "encoding": row.encoding, "message": row.payload,
    }  # fmt: skip
