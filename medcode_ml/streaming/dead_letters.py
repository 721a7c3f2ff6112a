"""Telling the dead-letter topic what was set aside."""

from __future__ import annotations

from typing import Any, Final

import orjson
import sqlalchemy as sa

from medcode_ml.contracts.streamed import stream_dead_letter
from medcode_ml.streaming.client import Outgoing, Refusal, Sender
from medcode_ml.streaming.outbox import Outbox, send_waiting
from medcode_ml.streaming.topics import DEAD_LETTER, topic


def publish_dead_letters(engine: sa.Engine, sender: Sender) -> int:
    """Send every dead letter that has not been sent; returns how many.

    Sent at least once: a process that ends between sending and noting it leaves them to be sent again, under the same
    dead_letter_id.

    Raises:
        BrokerError: the broker did not take them; they wait.
    """
    return send_waiting(engine, sender, _OUTBOX)


def published_form(row: Any) -> dict[str, Any]:
    """A row of `raw.stream_dead_letter` as the dead-letter topic carries it."""
    return {
        "dead_letter_id": row.dead_letter_id, "rule": row.rule, "reason": row.reason, "faults": row.faults,
        "topic": row.topic, "partition": row.partition, "offset": row.offset, "key": row.key,
        "encoding": row.encoding, "message": row.payload,
    }  # fmt: skip


def _message(row: Any) -> Outgoing:
    return Outgoing(topic(DEAD_LETTER), row.dead_letter_id, orjson.dumps(published_form(row)))


def _instead(connection: sa.Connection, row: Any, refusal: Refusal) -> Outgoing | None:
    """A dead letter without its message, where the message makes it larger than its topic allows."""
    if refusal is not Refusal.TOO_LARGE:
        return None
    reason = f"{row.reason} (the message is too large for this topic: it is kept in raw.stream_dead_letter)"
    short = {**published_form(row), "reason": reason, "encoding": "none", "message": None}
    return Outgoing(topic(DEAD_LETTER), row.dead_letter_id, orjson.dumps(short))


_OUTBOX: Final = Outbox(stream_dead_letter, "dead_letter_id", ("topic", "partition", "offset"), _message, _instead)
