"""Sending replies to the topics that requests name; what such a topic never takes is told to the asker as an error."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import orjson
import sqlalchemy as sa

from medcode_ml.contracts.streamed import reply
from medcode_ml.streaming.client import Outgoing, Refusal, Sender
from medcode_ml.streaming.outbox import Outbox, send_waiting
from medcode_ml.streaming.topics import REPLY, topic

_TOO_LARGE: Final = "reply_too_large"
TOPIC_RULES: Final = frozenset({"reply_topic_unknown", "reply_topic_not_allowed"})
"""Problems with a topic: the same request that comes again is answered anew, the topic may be right by then."""
_PROBLEMS: Final = {
    Refusal.TOO_LARGE: (_TOO_LARGE, "the answer is larger than its topic allows; ask for fewer records in one request"),
    Refusal.TOPIC_UNKNOWN: (
        "reply_topic_unknown",
        "the topic that reply_to names does not exist; have it created or leave reply_to out, and send the request "
        "again",
    ),
    Refusal.NOT_ALLOWED: (
        "reply_topic_not_allowed",
        "medcode may not write to the topic that reply_to names; have that allowed or leave reply_to out, and send the "
        "request again",
    ),
}


def publish_replies(engine: sa.Engine, sender: Sender) -> int:
    """Send every reply that waits to be sent; returns how many.

    Raises:
        BrokerError: some wait on; all others were sent.
    """
    return send_waiting(engine, sender, _OUTBOX)


def problem_rule(payload: str) -> str | None:
    """The rule of the problem that a kept reply tells; None where it holds answers."""
    rule: str | None = orjson.loads(payload).get("problem", {}).get("rule")
    return rule


def _message(row: Any) -> Outgoing:
    return Outgoing(row.reply_to, row.reply_id, row.payload.encode())


def _instead(connection: sa.Connection, row: Any, refusal: Refusal) -> Outgoing | None:
    """The short error that takes the place of a reply, kept in its row: for the common topic if its own is the problem.

    None where that is no help: an error is too large for the topic, or the common topic itself is the problem.
    """
    is_large, common = refusal is Refusal.TOO_LARGE, topic(REPLY)
    is_no_help = row.status == "error" if is_large else row.reply_to == common
    if is_no_help:
        return None
    to = row.reply_to if is_large else common
    # an error goes to the common topic as it is: what is wrong with the request comes first
    payload = row.payload if row.status == "error" else _refused(row.payload, refusal)
    changed = {"reply_to": to, "status": "error", "payload": payload}
    connection.execute(sa.update(reply).where(reply.c.reply_id == row.reply_id).values(**changed))
    return Outgoing(to, row.reply_id, payload.encode())


def _refused(payload: str, refusal: Refusal) -> str:
    told, (rule, reason) = orjson.loads(payload), _PROBLEMS[refusal]
    return orjson.dumps(
        {
            "reply_id": told["reply_id"], "request_id": told["request_id"], "correlation_id": told["correlation_id"],
            "operation": told["operation"], "status": "error", "problem": {"rule": rule, "reason": reason},
            "answered_at": datetime.now(UTC).isoformat(),
        }
    ).decode()  # fmt: skip


_OUTBOX: Final = Outbox(
    reply, "reply_id", ("answered_at", "reply_id"), _message, _instead, topic="reply_to", at_once=200
)
