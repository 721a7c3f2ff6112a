"""What streaming asks of a Kafka client, and the choice of one: `kafka-python`, or `confluent` (faster, an extra).

Both read without ever storing a position of their own choosing: where a partition starts is the caller's to say, each
time partitions are assigned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from medcode_ml.settings import Settings, settings
from medcode_ml.streaming.topics import StreamError

CLIENTS: Final = ("kafka-python", "confluent")
_LEAST_BETWEEN_POLLS: Final = 60.0


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class Message(Protocol):
    """A message as it was read; kafka-python's own record is one."""

    @property
    def offset(self) -> int:
        """Place in the partition."""

    @property
    def timestamp(self) -> int:
        """Milliseconds since 1970, UTC; 0 or less where the message has no time."""

    @property
    def key(self) -> bytes | None:
        """Key as sent."""

    @property
    def value(self) -> bytes | None:
        """Content as sent."""


class BrokerError(RuntimeError):
    """The broker cannot be reached or refuses; tried again, and said."""


class OutOfRangeError(RuntimeError):
    """The broker no longer holds, or does not hold yet, the offset that was asked for."""


class Refusal(StrEnum):
    """Why a message does not arrive, however often it is sent as things stand."""

    TOO_LARGE = "too_large"
    TOPIC_UNKNOWN = "topic_unknown"
    NOT_ALLOWED = "not_allowed"


class Outgoing(NamedTuple):
    """A message to be sent."""

    topic: str
    key: str
    value: bytes


#: what became of a message that was sent: None where it arrived, a `BrokerError` where another try may help
Delivered = Refusal | BrokerError | None
#: where to start each of some newly assigned partitions
Positions = Callable[[Sequence[Place]], Mapping[Place, int]]


class Consumer(Protocol):
    """Reads partitions of topics. Not for several threads at once."""

    def subscribe(self, topics: Sequence[str], positions: Positions, revoked: Callable[[], None]) -> None:
        """Share `topics` with the group; `positions` is asked when partitions come, `revoked` called when they go."""

    def assign(self, positions: Mapping[Place, int]) -> None:
        """Read these partitions from these offsets, without a group."""

    def poll(self, seconds: float, most: int) -> Mapping[Place, Sequence[Message]]:
        """At most `most` messages by partition, in order; nothing after `seconds` without any.

        Raises:
            BrokerError: the broker cannot be reached or refuses.
            OutOfRangeError: a partition does not hold the offset asked for.
        """

    def assignment(self) -> list[Place]:
        """Partitions that are read now."""

    def pause(self, wait: bool) -> None:
        """Stop reading the assigned partitions while staying in the group, or go on."""

    def commit(self, positions: Mapping[Place, int]) -> None:
        """Tell Kafka how far the group has come, for tools that measure lag; a failure is only logged."""

    def ends(self, places: Iterable[Place]) -> dict[Place, int]:
        """Offset that the next message of each partition will get."""

    def beginnings(self, places: Iterable[Place]) -> dict[Place, int]:
        """First offset that each partition still holds."""

    def position(self, place: Place) -> int:
        """An offset of an assigned partition before which all was polled; at the end it is past marks of transactions.

        0 where the client does not know.
        """

    def partitions(self, topic: str) -> list[Place]:
        """Partitions of a topic; none where the broker knows no such topic."""

    def close(self) -> None:
        """Leave the group."""


class Sender(Protocol):
    """Sends messages and tells of each what became of it."""

    def deliver(self, messages: Sequence[Outgoing], seconds: float) -> list[Delivered]:
        """Send messages and wait for them, about `seconds` at most; one outcome a message, in order.

        A refusal is sure only of a message that was sent alone: a client may refuse a whole batch for one message.

        Raises:
            BrokerError: the broker cannot be reached at all.
        """


class Producer(Sender, Protocol):
    """Sends messages, each at least once and never out of order by a retry."""

    def send(self, topic: str, key: str, value: bytes) -> None:
        """Hand a message over for sending; `flush` says whether it arrived."""

    def flush(self, seconds: float) -> None:
        """Wait until every message has arrived.

        Raises:
            BrokerError: one has not.
        """

    def close(self) -> None:
        """Close the connections."""


@dataclass(frozen=True)
class Access:
    """How a broker is reached; the password is read when a client is opened."""

    bootstrap: str
    security: str = "PLAINTEXT"
    sasl_mechanism: str = ""
    user: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    key_password_file: Path | None = None

    def password(self) -> str:
        """The SASL password, without the line end of its file.

        Raises:
            StreamError: no file is named, or it cannot be read.
        """
        if self.password_file is None:
            raise StreamError("Kafka asks for a password: name its file in MEDCODE_KAFKA_PASSWORD_FILE")
        return _secret(self.password_file, "MEDCODE_KAFKA_PASSWORD_FILE")

    def key_password(self) -> str | None:
        """The password of the private key; None where no file is named.

        Raises:
            StreamError: the file cannot be read.
        """
        if self.key_password_file is None:
            return None
        return _secret(self.key_password_file, "MEDCODE_KAFKA_KEY_PASSWORD_FILE")


def access(chosen: Settings | None = None) -> Access:
    """How the settings say the broker is reached.

    Raises:
        StreamError: no broker is named, or the security protocol is unknown.
    """
    chosen = chosen or settings()
    if not chosen.kafka_bootstrap:
        raise StreamError("no Kafka broker is named; set MEDCODE_KAFKA_BOOTSTRAP=host:port")
    known = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
    if chosen.kafka_security not in known:
        raise StreamError(f"MEDCODE_KAFKA_SECURITY is {chosen.kafka_security!r}; choose one of {', '.join(known)}")
    return Access(
        chosen.kafka_bootstrap, chosen.kafka_security, chosen.kafka_sasl_mechanism, chosen.kafka_user,
        chosen.kafka_password_file, chosen.kafka_ca_file, chosen.kafka_cert_file, chosen.kafka_key_file,
        chosen.kafka_key_password_file,
    )  # fmt: skip


def open_consumer(reader: str, chosen: Settings | None = None) -> Consumer:
    """A consumer of the group `<MEDCODE_KAFKA_GROUP>.<reader>`.

    Raises:
        StreamError: the settings name no broker or no client that is known and installed.
        BrokerError: the broker cannot be reached.
    """
    chosen = chosen or settings()
    if _client(chosen) == "confluent":
        from medcode_ml.streaming.confluent import ConfluentConsumer

        return ConfluentConsumer(access(chosen), f"{chosen.kafka_group}.{reader}", chosen)
    from medcode_ml.streaming.kafka_python import PythonConsumer

    return PythonConsumer(access(chosen), f"{chosen.kafka_group}.{reader}", chosen)


def open_producer(chosen: Settings | None = None) -> Producer:
    """An idempotent producer; the errors are those of `open_consumer`."""
    chosen = chosen or settings()
    if _client(chosen) == "confluent":
        from medcode_ml.streaming.confluent import ConfluentProducer

        return ConfluentProducer(access(chosen))
    from medcode_ml.streaming.kafka_python import PythonProducer

    return PythonProducer(access(chosen))


def longest_between_polls(chosen: Settings) -> float:
    """Seconds after which a member that has not polled leaves its group, and that a join may take.

    The thread that reads polls all the time, whatever is done with a batch, so this need not cover any work; a join
    that the broker leaves unanswered is begun anew after it.
    """
    return max(_LEAST_BETWEEN_POLLS, 3 * chosen.kafka_session_seconds)


def _secret(file: Path, named: str) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise StreamError(
            f"{file}: the password cannot be read ({error.strerror}); name a readable file in {named}"
        ) from error


def _client(chosen: Settings) -> str:
    from importlib.util import find_spec

    name = chosen.kafka_client
    if name not in CLIENTS:
        raise StreamError(f"MEDCODE_KAFKA_CLIENT is {name!r}; choose one of {', '.join(CLIENTS)}")
    if name == "confluent" and find_spec("confluent_kafka") is None:
        raise StreamError("the client confluent is not installed; pip install 'medcode[confluent]'")
    return name
