"""The pure-Python client `kafka-python` behind the interface of `client`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from medcode_ml.logs import logger
from medcode_ml.settings import Settings
from medcode_ml.streaming.client import (
    Access,
    BrokerError,
    Delivered,
    Message,
    Outgoing,
    OutOfRangeError,
    Place,
    Positions,
    Refusal,
    longest_between_polls,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST_MESSAGE: Final = 8 * 2**20
"""Bytes of a message that is sent, at most; the broker may ask for less."""
SECURE: Final = frozenset({"SSL", "SASL_SSL"})
"""Protocols with TLS."""
_BLOCK_MS: Final = 10_000
"""How long sending may wait for a broker or for what is known of a topic."""
#: errors that another try does not mend
_REFUSALS: Final = {
    "MessageSizeTooLargeError": Refusal.TOO_LARGE, "RecordListTooLargeError": Refusal.TOO_LARGE,
    "UnknownTopicOrPartitionError": Refusal.TOPIC_UNKNOWN, "InvalidTopicError": Refusal.TOPIC_UNKNOWN,
    "TopicAuthorizationFailedError": Refusal.NOT_ALLOWED,
}  # fmt: skip


class PythonConsumer:
    """A consumer of kafka-python."""

    def __init__(self, access: Access, group: str, chosen: Settings) -> None:
        """Connect; the group is joined by `subscribe`."""
        from kafka import KafkaConsumer  # type: ignore[import-untyped]

        with _said():
            self._kafka = KafkaConsumer(
                **_connection(access),
                group_id=group,
                group_instance_id=chosen.kafka_instance or None,
                enable_auto_commit=False,
                isolation_level="read_committed",  # what a sender took back is not read
                auto_offset_reset="none",
                max_poll_records=chosen.stream_batch,
                fetch_max_bytes=chosen.stream_bytes // 2,
                max_partition_fetch_bytes=min(LARGEST_MESSAGE, chosen.stream_bytes // 4),
                fetch_max_wait_ms=200,
                max_poll_interval_ms=int(longest_between_polls(chosen) * 1000),
                session_timeout_ms=int(chosen.kafka_session_seconds * 1000),
                heartbeat_interval_ms=int(chosen.kafka_session_seconds * 1000 / 6),
                metrics_enabled=False,
            )
        self._new: list[Place] = []
        self._positions: Positions = lambda places: {}

    def subscribe(self, topics: Sequence[str], positions: Positions, revoked: Callable[[], None]) -> None:
        """See `client.Consumer`."""
        from kafka import ConsumerRebalanceListener

        consumer, new = self._kafka, self._new

        class Listener(ConsumerRebalanceListener):  # type: ignore[misc]
            def on_partitions_revoked(self, revoked_partitions: Any) -> None:
                new.clear()
                revoked()

            def on_partitions_assigned(self, assigned: Any) -> None:
                # Called in the client's own loop, where the broker cannot be asked: `poll` finds their positions.
                new.extend(Place(p.topic, p.partition) for p in assigned)
                for partition in assigned:
                    consumer.seek(partition, 0)
                consumer.pause(*assigned)

        self._positions = positions

        with _said():
            self._kafka.subscribe(list(topics), listener=Listener())

    def assign(self, positions: Mapping[Place, int]) -> None:
        """See `client.Consumer`."""
        with _said():
            self._kafka.assign([_partition(place) for place in positions])
            for place, offset in positions.items():
                self._kafka.seek(_partition(place), offset)

    def poll(self, seconds: float, most: int) -> Mapping[Place, Sequence[Message]]:
        """See `client.Consumer`."""
        with _said():
            found = self._kafka.poll(timeout_ms=int(seconds * 1000), max_records=most)
        if self._new:
            starts = self._positions(list(self._new))
            for place in self._new:
                self._kafka.seek(_partition(place), starts[place])
            self._kafka.resume(*(_partition(place) for place in self._new))
            self._new.clear()
        return {Place(p.topic, p.partition): records for p, records in found.items()}

    def assignment(self) -> list[Place]:
        """See `client.Consumer`."""
        return sorted(Place(p.topic, p.partition) for p in self._kafka.assignment())

    def pause(self, wait: bool) -> None:
        """See `client.Consumer`."""
        assigned = self._kafka.assignment()
        if wait:
            self._kafka.pause(*assigned)
        else:
            self._kafka.resume(*assigned)

    def commit(self, positions: Mapping[Place, int]) -> None:
        """See `client.Consumer`."""
        from kafka.errors import KafkaError  # type: ignore[import-untyped]
        from kafka.structs import OffsetAndMetadata  # type: ignore[import-untyped]

        told = {_partition(place): OffsetAndMetadata(offset, "", -1) for place, offset in positions.items()}
        try:
            self._kafka.commit_async(told)
        except KafkaError as error:  # the database knows how far we are; Kafka is told again with the next batch
            logger("streaming").info("Kafka was not told the position: %s", type(error).__name__)

    def ends(self, places: Iterable[Place]) -> dict[Place, int]:
        """See `client.Consumer`."""
        with _said():
            found = self._kafka.end_offsets([_partition(place) for place in places])
        # some brokers count their last batch as one message: what came with messages read is surer
        seen = {p: self._kafka.highwater(p) or 0 if p in self._kafka.assignment() else 0 for p in found}
        return {Place(p.topic, p.partition): max(offset, seen[p]) for p, offset in found.items()}

    def beginnings(self, places: Iterable[Place]) -> dict[Place, int]:
        """See `client.Consumer`."""
        with _said():
            found = self._kafka.beginning_offsets([_partition(place) for place in places])
        return {Place(p.topic, p.partition): offset for p, offset in found.items()}

    def position(self, place: Place) -> int:
        """See `client.Consumer`."""
        with _said():
            at = self._kafka.position(_partition(place))
        return int(at or 0)

    def partitions(self, topic: str) -> list[Place]:
        """See `client.Consumer`."""
        with _said():
            found = self._kafka.partitions_for_topic(topic)
        return [Place(topic, number) for number in sorted(found or ())]

    def close(self) -> None:
        """See `client.Consumer`."""
        with _said():
            self._kafka.close(autocommit=False, timeout_ms=2000)


class PythonProducer:
    """A producer of kafka-python: acknowledged by all replicas, idempotent."""

    def __init__(self, access: Access) -> None:
        """Connect."""
        self._access = access
        self._kafka: Any = None
        self._waiting: list[Any] = []
        self._open()

    def send(self, topic: str, key: str, value: bytes) -> None:
        """See `client.Producer`."""
        with _said():
            self._waiting.append(self._open().send(topic, value, key=key.encode()))

    def flush(self, seconds: float) -> None:
        """See `client.Producer`."""
        waiting, self._waiting = self._waiting, []
        with _said():
            self._open().flush(timeout=seconds)
            for sent in waiting:
                sent.get(timeout=0)

    def deliver(self, messages: Sequence[Outgoing], seconds: float) -> list[Delivered]:
        """See `client.Sender`."""
        from kafka.errors import KafkaError, KafkaTimeoutError

        kafka, found = self._open(), list[Delivered]([None] * len(messages))
        sent: dict[int, Any] = {}
        silent: dict[str, Delivered] = {}
        for at, one in enumerate(messages):
            if one.topic in silent:
                found[at] = silent[one.topic]
                continue
            try:
                sent[at] = kafka.send(one.topic, one.value, key=one.key.encode())
            except KafkaTimeoutError:  # nothing was learned of the topic in time
                found[at] = silent[one.topic] = self._asked(one.topic)
            except KafkaError as error:
                found[at] = _delivered(error)
        with suppress(KafkaError):  # each message says for itself what became of it
            kafka.flush(timeout=seconds)
        for at, future in sent.items():
            try:
                future.get(timeout=0)
            except KafkaError as error:
                found[at] = _delivered(error)
        if any(one is not None for one in found):
            self.close()  # after an error that it calls fatal the client fails every message; the next call opens anew
        return found

    def close(self) -> None:
        """See `client.Producer`."""
        from kafka.errors import KafkaError

        kafka, self._kafka = self._kafka, None
        if kafka is None:
            return
        try:
            kafka.close(timeout=2)
        except KafkaError:  # it does not end before its messages are too old, and there is no other way to end it
            Thread(target=kafka.close, name="kafka-producer-end", daemon=True).start()

    def _open(self) -> Any:
        if self._kafka is None:
            from kafka import KafkaProducer

            with _said():
                self._kafka = KafkaProducer(
                    **_connection(self._access), acks="all", enable_idempotence=True, linger_ms=5,
                    max_request_size=LARGEST_MESSAGE, max_block_ms=_BLOCK_MS, bootstrap_timeout_ms=_BLOCK_MS,
                    metrics_enabled=False,
                )  # fmt: skip
        return self._kafka

    def _asked(self, topic: str) -> Delivered:
        """What the broker says of a topic that the client could learn nothing of."""
        from kafka.admin import KafkaAdminClient  # type: ignore[import-untyped]
        from kafka.errors import KafkaError, for_code

        try:
            admin = KafkaAdminClient(**_connection(self._access), bootstrap_timeout_ms=_BLOCK_MS)
            try:
                (told,) = admin.describe_topics([topic])
            finally:
                admin.close()
        except KafkaError as error:
            return _delivered(error)
        return _delivered(for_code(told["error_code"])())


def _partition(place: Place) -> Any:
    from kafka import TopicPartition

    return TopicPartition(place.topic, place.partition)


def _connection(access: Access) -> dict[str, Any]:
    named: dict[str, Any] = {"bootstrap_servers": access.bootstrap.split(","), "security_protocol": access.security}
    if access.security in SECURE:
        shown = {
            "ssl_cafile": access.ca_file, "ssl_certfile": access.cert_file, "ssl_keyfile": access.key_file,
            "ssl_password": access.key_password(),
        }  # fmt: skip
        named |= {name: str(value) for name, value in shown.items() if value is not None}
    if access.security.startswith("SASL"):
        named |= {
            "sasl_mechanism": access.sasl_mechanism, "sasl_plain_username": access.user,
            "sasl_plain_password": access.password(),
        }  # fmt: skip
    return named


@contextmanager
def _said() -> Iterator[None]:
    """Turn the client's errors into ours; their texts may hold what was sent, so only their names are kept."""
    from kafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

    try:
        yield
    except (OffsetOutOfRangeError, NoOffsetForPartitionError) as error:
        raise OutOfRangeError(type(error).__name__) from None
    except KafkaError as error:
        raise _broker_error(error) from error


def _delivered(error: Exception) -> Delivered:
    return _REFUSALS.get(type(error).__name__) or _broker_error(error)


def _broker_error(error: Exception) -> BrokerError:
    return BrokerError(
        f"Kafka: {type(error).__name__}; see that the broker runs at MEDCODE_KAFKA_BOOTSTRAP and lets medcode in"
    )
