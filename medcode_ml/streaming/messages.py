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
from medcode_ml.logs import logger
from medcode_ml.streaming.client import Message, Place
from medcode_ml.streaming.topics import SCANNED_RECORD
from medcode_ml.streaming.validation import Checker, checker

MOST_DEEP: Final = 100
"""Lists and objects within each other in a message, at most; what lies deeper than 254 could never be written again."""
_OPAQUE_KEY: Final = re.compile(rb"[0-9a-fA-F]{16,64}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NUL: Final = b"\\u0000"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_log = logger("streaming.messages")


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
    message_time: datetime | None


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
            try:
                read = self._read(place, message, last)
            except Exception as error:  # nobody foresaw it, and it may cost this message alone
                read = unreadable(place, message.offset, error)
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
            time = message_time(timestamp)
            if time is None:
                reason = "the message has neither received_date nor a time in milliseconds; send it again with a day"
                return MessageFault("no_day", reason, [])
            day = time.date()
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


def message_time(milliseconds: int) -> datetime | None:
    """When a message was made; None where it has no time, or one beyond the calendar (micro- or nanoseconds)."""
    if not milliseconds or milliseconds < 0:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None


def parse(data: bytes | None, against: Checker) -> dict[str, Any] | MessageFault:
    """The object that a message holds, checked, or what is wrong with it."""
    if data is None:
        return MessageFault("no_content", "the message is empty; nothing can be taken back by an empty message", [])
    try:
        parsed = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        # the text of the error may repeat the message, its place does not
        return MessageFault("not_json", f"no JSON in UTF-8 at character {error.pos + 1}; send one JSON object", [])
    if data.count(b"[") + data.count(b"{") > MOST_DEEP and _is_too_deep(parsed):
        reason = f"lists and objects stand more than {MOST_DEEP} deep in each other; send the message flatter"
        return MessageFault("too_deep", reason, [])
    if not against.is_valid(parsed):
        faults = against.faults(parsed)
        first = f"{faults[0]['at']}: {faults[0]['fault']}" if faults else "unknown fault"
        more = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
        reason = f"breaks the schema at {first}{more}; send it again as `medcode stream schemas` publishes it"
        return MessageFault("breaks_schema", reason, faults)
    if _NUL in data and _holds_nul(parsed):
        return MessageFault("nul_byte", "holds a NUL character, which no database text can; send it without", [])
    return parsed  # type: ignore[no-any-return]


def unreadable(place: Place, offset: int, error: Exception) -> MessageFault:
    """The fault of a message on which reading failed: the type of the error alone, its text may repeat the message."""
    _log.error("%s/%d: reading offset %d failed (%s)", place.topic, place.partition, offset, type(error).__name__)
    reason = (
        f"medcode failed on reading the message ({type(error).__name__}); hold it against what `medcode stream "
        "schemas` publishes and send it again, or have medcode mended"
    )
    return MessageFault("unreadable", reason, [])


def dead_letter(place: Place, message: Message, fault: MessageFault) -> DeadLetter:
    """The dead letter of a message."""
    encoding, payload = _kept(message.value)
    return DeadLetter(
        place.topic, place.partition, message.offset, record_hash("dead", *place, message.offset), fault.rule,
        fault.reason, fault.faults, opaque_key(message.key), encoding, payload, message_time(message.timestamp),
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


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MOST_DEEP + 1):
        level = [inner for one in level if isinstance(one, dict | list) for inner in _within(one)]
        if not level:
            return False
    return True


def _holds_nul(value: Any) -> bool:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if "\0" in one:
                return True
        elif isinstance(one, dict | list):
            waiting += [*_within(one), *(one if isinstance(one, dict) else ())]
    return False


def _within(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value
