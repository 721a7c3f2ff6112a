"""The pure-Python client `kafka-python` behind the interface of `client`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from medcode_ml.logs import logger
from medcode_ml.settings import Settings
from medcode_ml.streaming.client import (
    Access,
    BrokerError,
    Message,
    OutOfRangeError,
    Place,
    Positions,
    longest_between_polls,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST_MESSAGE: Final = 8 * 2**20
"""Bytes of a message that is sent, at most; the broker may ask for less."""
_SECURE: Final = frozenset({"SSL", "SASL_SSL"})


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

    def partitions(self, topic: str) -> list[Place]:
        """See `client.Consumer`."""
        with _said():
            found = self._kafka.partitions_for_topic(topic)
        return [Place(topic, number) for number in sorted(found or ())]

    def close(self) -> None:
        """See `client.Consumer`."""
        self._kafka.close(autocommit=False, timeout_ms=2000)


class PythonProducer:
    """A producer of kafka-python: acknowledged by all replicas, idempotent."""

    def __init__(self, access: Access) -> None:
        """Connect."""
        from kafka import KafkaProducer

        with _said():
            self._kafka = KafkaProducer(
                **_connection(access), acks="all", enable_idempotence=True, linger_ms=5,
                max_request_size=LARGEST_MESSAGE, metrics_enabled=False,
            )  # fmt: skip
        self._waiting: list[Any] = []

    def send(self, topic: str, key: str, value: bytes) -> None:
        """See `client.Producer`."""
        with _said():
            self._waiting.append(self._kafka.send(topic, value, key=key.encode()))

    def flush(self, seconds: float) -> None:
        """See `client.Producer`."""
        waiting, self._waiting = self._waiting, []
        with _said():
            self._kafka.flush(timeout=seconds)
            for sent in waiting:
                sent.get(timeout=0)

    def close(self) -> None:
        """See `client.Producer`."""
        self._kafka.close(timeout=2)


def _partition(place: Place) -> Any:
    from kafka import TopicPartition

    return TopicPartition(place.topic, place.partition)


def _connection(access: Access) -> dict[str, Any]:
    named: dict[str, Any] = {"bootstrap_servers": access.bootstrap.split(","), "security_protocol": access.security}
    if access.security in _SECURE and access.ca_file is not None:
        named["ssl_cafile"] = str(access.ca_file)
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
        raise BrokerError(
            f"Kafka: {type(error).__name__}; see that the broker runs at MEDCODE_KAFKA_BOOTSTRAP and lets medcode in"
        ) from error
