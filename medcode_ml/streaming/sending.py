"""Sending records to the scanned-record topic: for trying out, for tests, and for bringing a delivery folder in."""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import orjson

from medcode_ml.contracts.ids import record_hash
from medcode_ml.contracts.raw import DELIVERED, delivered_columns, optional_columns
from medcode_ml.intake.folder import FolderSource
from medcode_ml.intake.source import DeliveredFile
from medcode_ml.settings import settings
from medcode_ml.streaming.client import Producer
from medcode_ml.streaming.messages import MessageFault, parse
from medcode_ml.streaming.topics import REQUEST, SCANNED_RECORD, StreamError, topic
from medcode_ml.streaming.validation import checker

_FLUSH_EVERY: Final = 2000
_KEY_DIGITS: Final = 20
_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Sent:
    """What was sent, and the lines that were not, with the reason."""

    messages: int
    rejected: list[tuple[int, str]]


def send_folder(producer: Producer, root: Path, source_system: str = "folder") -> Sent:
    """Send every row of a delivery folder, day by day, as a message of its own with the day as received_date.

    Page files stay where they are: the one who lands reads them under MEDCODE_SOURCE_DIR. Rows that the folder layout
    sets aside are not sent.

    Raises:
        DeliveryError: the folder cannot be read.
        StreamError: the secret of the keys cannot be read.
        BrokerError: the broker did not take the messages; send again, messages carry the same ids.
    """
    source, rejected, sent, keyed = FolderSource(root), list[tuple[int, str]](), 0, message_keys()
    for day in source.received_dates():
        seen = Counter[str]()
        for part in source.read(day):
            rejected += [(int(line), str(why)) for line, why in zip(part.rejected["source_line"],
                                                                    part.rejected["reason"], strict=True)]  # fmt: skip
            for message in folder_messages(part, day, source_system, seen):
                _send(producer, SCANNED_RECORD, keyed(*_subject(message)), message)
                sent += 1
                if sent % _FLUSH_EVERY == 0:
                    producer.flush(_SECONDS)
    producer.flush(_SECONDS)
    return Sent(sent, rejected)


def folder_messages(part: DeliveredFile, day: date, source_system: str, seen: Counter[str]) -> Iterator[dict[str, Any]]:
    """The messages for the rows of a delivered file.

    A row gets the same message_id however often its file is delivered, wherever it stands in it; another content is
    another message. `seen` counts the equal rows of the day, each of which is a message of its own.
    """
    columns, optional = delivered_columns(part.table), optional_columns(part.table)
    now = datetime.now(UTC).isoformat()
    for row in part.rows.to_dict("records"):
        values = {c: row[c] for c in columns if row[c] is not None or c not in optional}
        content = record_hash(part.table, part.file, orjson.dumps(values).decode())
        seen[content] += 1
        yield {
            "message_id": content if seen[content] == 1 else record_hash(content, seen[content]), "kind": part.table,
            "source_system": source_system, "received_date": day.isoformat(), "sent_at": now, "row": values,
        }  # fmt: skip


def send_lines(producer: Producer, path: Path, subject: str) -> Sent:
    """Send a JSON Lines file, one message a line, to the topic of `subject`; a line that breaks its schema is not sent.

    Raises:
        StreamError: the file or the secret of the keys cannot be read, or no such topic is sent to.
        BrokerError: the broker did not take the messages.
    """
    if subject not in (SCANNED_RECORD, REQUEST):
        raise StreamError(f"nothing is sent to {subject}; choose {SCANNED_RECORD} or {REQUEST}")
    against, rejected, sent, keyed = checker(subject), list[tuple[int, str]](), 0, message_keys()
    try:
        handle = path.open("rb")
    except OSError as error:
        raise StreamError(f"{path}: {error.strerror}; name a JSON Lines file or a delivery folder with --in") from error
    with handle:
        for number, line in enumerate(handle, start=1):
            if not line.strip():
                continue
            message = parse(line.strip(), against)
            if isinstance(message, MessageFault):
                rejected.append((number, message.reason))
                continue
            _send(producer, subject, keyed(*_subject(message)), message)
            sent += 1
            if sent % _FLUSH_EVERY == 0:
                producer.flush(_SECONDS)
    producer.flush(_SECONDS)
    return Sent(sent, rejected)


def message_keys() -> Callable[..., str]:
    """How the parts that make a key become one: by HMAC, where MEDCODE_KAFKA_MESSAGE_KEY_SECRET_FILE names a secret.

    Without a secret the key is a plain hash: whoever can guess a number can tell whether a key stands for it.

    Raises:
        StreamError: the file cannot be read, or is empty.
    """
    file = settings().kafka_message_key_secret_file
    if file is None:
        return record_hash
    try:
        secret = file.read_bytes().strip()
    except OSError as error:
        raise StreamError(
            f"{file}: the secret of the keys cannot be read ({error.strerror}); name a readable file in "
            "MEDCODE_KAFKA_MESSAGE_KEY_SECRET_FILE"
        ) from error
    if not secret:
        raise StreamError(
            f"{file}: the secret of the keys is empty; put some random bytes there (openssl rand -hex 32)"
        )
    return lambda *parts: hmac.digest(secret, "\x1f".join(map(str, parts)).encode(), "sha256").hex()[:_KEY_DIGITS]


def _send(producer: Producer, subject: str, key: str, message: dict[str, Any]) -> None:
    producer.send(topic(subject), key, orjson.dumps(message))


def _subject(message: dict[str, Any]) -> tuple[str, ...]:
    """What a message is about: it keeps the rows of one encounter, patient or document in one partition, in order."""
    if "request_id" in message:
        return "request", message["request_id"]
    row, key = message["row"], DELIVERED[message["kind"]][1]
    of = next((column for column in key if column != "hospital_id"), key[0])
    return "key", of, str(row.get("hospital_id") or ""), str(row[of])
