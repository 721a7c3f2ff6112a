"""What a message of the scanned-record topic says: a row for `raw.stream_message`, or what makes it a dead letter.

Only bytes and numbers come in and only plain values go out; nothing here knows a broker or a database.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import orjson

from medcode_ml.contracts.ids import record_hash
from medcode_ml.streaming.client import Message, Place
from medcode_ml.streaming.topics import SCANNED_RECORD
from medcode_ml.streaming.validation import Checker, checker

_OPAQUE_KEY: Final = re.compile(rb"[0-9a-fA-F]{16,64}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NUL: Final = b"\\u0000"
_EPOCH: Final = date(1970, 1, 1)
_DAY_MS: Final = 86_400_000


class Landing(NamedTuple):
    """A row of `raw.stream_message`, without the time of its landing; columns in the table's order."""

    topic: str
    partition: int
    offset: int
    received_date: date
    kind: str
    source_system: str
    hospital_id: str | None
    message_id: str
    content_hash: str
    payload: str


class DeadLetter(NamedTuple):
    """A row of `raw.stream_dead_letter` as it is written first; columns in the table's order."""

    topic: str
    partition: int
    offset: int
    dead_letter_id: str
    rule: str
    reason: str
    faults: list[dict[str, str]]
    key: str | None
    encoding: str
    payload: str | None


class MessageFault(NamedTuple):
    """Why a message cannot be taken in."""

    rule: str
    reason: str
    faults: list[dict[str, str]]


class Reader:
    """Reads scanned-record messages; days outside [first_day, tomorrow] have no partition to go to."""

    def __init__(self, first_day: date, today: date | None = None) -> None:
        """`first_day` is the first received day with a partition; `today` is the present UTC day unless given."""
        self._first_day = first_day
        self._today = today
        self._checker = checker(SCANNED_RECORD)

    def read(self, place: Place, messages: Iterable[Message]) -> tuple[list[Landing], list[DeadLetter]]:
        """Rows and dead letters of messages of one partition, in their order; as many as there are messages."""
        landings, dead = [], []
        last = (self._today or datetime.now(UTC).date()) + timedelta(days=1)
        for message in messages:
            read = self._read(place, message, last)
            if isinstance(read, Landing):
                landings.append(read)
            else:
                dead.append(dead_letter(place, message, read))
        return landings, dead

    def _read(self, place: Place, message: Message, last: date) -> Landing | MessageFault:
        data = message.value
        parsed = parse(data, self._checker)
        if isinstance(parsed, MessageFault):
            return parsed
        assert data is not None
        row = parsed["row"]
        hospital = parsed.get("hospital_id")
        in_row = row.get("hospital_id")
        if hospital is not None and in_row is not None and hospital != in_row:
            reason = "hospital_id of the message is not that of its row; send it again with the right one"
            return MessageFault("hospital_differs", reason, [])
        received = self._received(parsed.get("received_date"), message.timestamp, last)
        if isinstance(received, MessageFault):
            return received
        content = blake2b(orjson.dumps((parsed["kind"], row), option=orjson.OPT_SORT_KEYS), digest_size=16)
        return Landing(
            place.topic, place.partition, message.offset, received, parsed["kind"], parsed["source_system"],
            hospital or in_row, parsed["message_id"], content.hexdigest(), data.decode(),
        )  # fmt: skip

    def _received(self, stated: str | None, timestamp: int, last: date) -> date | MessageFault:
        if stated is None:
            if timestamp <= 0:
                reason = "the message has neither received_date nor a time; send it again with one of them"
                return MessageFault("no_day", reason, [])
            day = _EPOCH + timedelta(days=timestamp // _DAY_MS)
        else:
            try:
                day = date.fromisoformat(stated)
            except ValueError:
                return MessageFault("no_day", "received_date is no day of the calendar; send it again with one", [])
        if not self._first_day <= day <= last:
            reason = (
                f"the day the record was received lies before {self._first_day} (MEDCODE_FIRST_DAY) or in the future; "
                "send it again with the right day, or set the first day"
            )
            return MessageFault("day_without_partition", reason, [])
        return day


def parse(data: bytes | None, against: Checker) -> dict[str, Any] | MessageFault:
    """The object that a message holds, checked, or what is wrong with it."""
    if data is None:
        return MessageFault("no_content", "the message is empty; nothing can be taken back by an empty message", [])
    try:
        parsed = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        # the text of the error may repeat the message, its place does not
        return MessageFault("not_json", f"no JSON in UTF-8 at character {error.pos + 1}; send one JSON object", [])
    if not against.is_valid(parsed):
        faults = against.faults(parsed)
        first = f"{faults[0]['at']}: {faults[0]['fault']}" if faults else "unknown fault"
        more = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
        reason = f"breaks the schema at {first}{more}; send it again as `medcode stream schemas` publishes it"
        return MessageFault("breaks_schema", reason, faults)
    if _NUL in data and _holds_nul(parsed):
        return MessageFault("nul_byte", "holds a NUL character, which no database text can; send it without", [])
    return parsed  # type: ignore[no-any-return]


def dead_letter(place: Place, message: Message, fault: MessageFault) -> DeadLetter:
    """The dead letter of a message."""
    encoding, payload = _kept(message.value)
    return DeadLetter(
        place.topic, place.partition, message.offset, record_hash("dead", *place, message.offset), fault.rule,
        fault.reason, fault.faults, opaque_key(message.key), encoding, payload,
    )  # fmt: skip


def delivered_bytes(encoding: str, payload: str | None) -> bytes | None:
    """The message as delivered, from a dead letter's `encoding` and `payload`."""
    if payload is None:
        return None
    return base64.b64decode(payload) if encoding == "base64" else payload.encode()


def opaque_key(key: bytes | None) -> str | None:
    """The key where it looks like an opaque id (hex digits or a UUID), else its hash: it may be a patient's number."""
    if key is None:
        return None
    return key.decode() if _OPAQUE_KEY.fullmatch(key) else record_hash("key", key.hex())


def _kept(data: bytes | None) -> tuple[str, str | None]:
    if data is None:
        return "none", None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return "base64", base64.b64encode(data).decode()
    return "text", text


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_holds_nul(k) or _holds_nul(v) for k, v in value.items())
    return isinstance(value, list) and any(map(_holds_nul, value))
