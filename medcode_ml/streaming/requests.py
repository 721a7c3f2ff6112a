"""What a request message asks, and the reply to it: formats only, no broker, no database, no model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Final

import orjson

from medcode_ml.contracts.ids import record_hash
from medcode_ml.operations import Answer, Unanswered, failed
from medcode_ml.settings import settings
from medcode_ml.streaming.client import Message, Place
from medcode_ml.streaming.messages import MessageFault, parse, unreadable
from medcode_ml.streaming.topics import REPLY, REQUEST, topic
from medcode_ml.streaming.validation import checker

_MISUSED: Final = "request_id_reused"


@dataclass(frozen=True)
class Request:
    """A request that can be answered."""

    place: Place
    offset: int
    request_id: str
    correlation_id: str
    operation: str
    reply_to: str
    as_of: date | None
    records: list[dict[str, Any]]
    content: str

    @property
    def reply_id(self) -> str:
        """Id of its reply: the same request gets the same one."""
        return record_hash("reply", self.request_id, self.content)


@dataclass(frozen=True)
class Refused:
    """A request that cannot be answered; `request_id` is None where not even that can be read, so nobody is told."""

    place: Place
    offset: int
    fault: MessageFault
    request_id: str | None
    correlation_id: str | None
    reply_to: str
    content: str

    @property
    def reply_id(self) -> str:
        """Id of its reply."""
        return record_hash("reply", self.request_id or "", self.content)


def read_request(place: Place, message: Message) -> Request | Refused:
    """What a message of the request topic asks."""
    try:
        return _read(place, message)
    except Exception as error:  # nobody foresaw it, and it may cost this message alone
        return _refused(place, message, unreadable(place, message.offset, error))


def _read(place: Place, message: Message) -> Request | Refused:
    parsed = parse(message.value, checker(REQUEST))
    if isinstance(parsed, MessageFault):
        return _refused(place, message, parsed)
    content = blake2b(
        orjson.dumps({k: v for k, v in parsed.items() if k != "sent_at"}, option=orjson.OPT_SORT_KEYS), digest_size=16
    ).hexdigest()
    reply_to = parsed.get("reply_to") or topic(REPLY)
    if not is_allowed(reply_to):
        fault = MessageFault(
            "reply_topic_not_allowed",
            "answers are not sent to the topic that reply_to names; leave it out, or have the operator allow it "
            "(MEDCODE_KAFKA_REPLY_TOPICS)",
            [],
        )
        return Refused(
            place, message.offset, fault, parsed["request_id"], parsed.get("correlation_id"), topic(REPLY), content
        )
    try:
        as_of = date.fromisoformat(parsed["as_of"]) if parsed.get("as_of") else None
    except ValueError:
        fault = MessageFault("no_day", "as_of is no day of the calendar; send the request again with one", [])
        return Refused(
            place, message.offset, fault, parsed["request_id"], parsed.get("correlation_id"), reply_to, content
        )
    return Request(
        place, message.offset, parsed["request_id"], parsed.get("correlation_id") or parsed["request_id"],
        parsed["operation"], reply_to, as_of, parsed["records"], content,
    )  # fmt: skip


def is_allowed(reply_to: str) -> bool:
    """Whether answers may go to a topic: the reply topic, or one that begins as the settings allow."""
    allowed = [prefix.strip() for prefix in settings().kafka_reply_topics.split(",") if prefix.strip()]
    return reply_to == topic(REPLY) or any(reply_to.startswith(prefix) for prefix in allowed)


def answered(request: Request, answers: Sequence[Answer], version: str | None) -> bytes:
    """The reply to a request, one answer a record; one that cannot be written as JSON is a problem of its record."""
    told = [_told(one) for one in answers]
    reply = {
        "reply_id": request.reply_id, "request_id": request.request_id, "correlation_id": request.correlation_id,
        "operation": request.operation, "status": "ok", "answers": told, "model_version": version,
    }  # fmt: skip
    try:
        return _dumped(reply)
    except orjson.JSONEncodeError:
        return _dumped({**reply, "answers": [_written(request.operation, one) for one in told]})


def _told(answer: Answer) -> dict[str, Any]:
    if isinstance(answer, Unanswered):
        rule = "medcode_failed" if answer.ours else "record_refused"
        return {"problem": {"rule": rule, "reason": answer.reason}}
    return answer


def _written(operation: str, told: dict[str, Any]) -> dict[str, Any]:
    try:
        _dumped({"answers": [told]})
    except orjson.JSONEncodeError as error:
        return _told(failed(operation, error))
    return told


def refused_reply(refused: Refused) -> bytes:
    """The reply that says why a request is not answered."""
    assert refused.request_id is not None
    return _dumped(
        {
            "reply_id": refused.reply_id, "request_id": refused.request_id,
            "correlation_id": refused.correlation_id or refused.request_id, "status": "error",
            "problem": {"rule": refused.fault.rule, "reason": refused.fault.reason},
        }
    )  # fmt: skip


def reused(request: Request) -> Refused:
    """The refusal of a request whose id was used for another one."""
    fault = MessageFault(
        _MISUSED, "the request_id was used for another request before; give every request an id of its own", []
    )
    return Refused(
        request.place, request.offset, fault, request.request_id, request.correlation_id, request.reply_to,
        request.content,
    )  # fmt: skip


def abandoned(request: Request) -> Refused:
    """The refusal of a request that ended the process each time it was tried."""
    fault = MessageFault(
        "ended_the_process", "work on the request ended the process again and again; it is not tried any more", []
    )
    return Refused(
        request.place, request.offset, fault, request.request_id, request.correlation_id, request.reply_to,
        request.content,
    )  # fmt: skip


def _refused(place: Place, message: Message, fault: MessageFault) -> Refused:
    """Whatever can be read of who asks, so that the answer finds its way."""
    try:
        loose = orjson.loads(message.value or b"")
    except orjson.JSONDecodeError:
        loose = None
    told = loose if isinstance(loose, dict) else {}
    names = [
        value if isinstance(value := told.get(name), str) and 0 < len(value) <= 128 and "\0" not in value else None
        for name in ("request_id", "correlation_id", "reply_to")
    ]
    reply_to = names[2] if names[2] is not None and is_allowed(names[2]) else topic(REPLY)
    content = blake2b(message.value or b"", digest_size=16).hexdigest()
    return Refused(place, message.offset, fault, names[0], names[1], reply_to, content)


def _dumped(reply: dict[str, Any]) -> bytes:
    told = {**reply, "answered_at": datetime.now(UTC).isoformat()}
    return orjson.dumps(told, default=_plain, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(type(value).__name__)
