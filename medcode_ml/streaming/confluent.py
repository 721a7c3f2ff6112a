"""The client `confluent-kafka` (librdkafka) behind the interface of `client`: the extra `confluent`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

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
from medcode_ml.streaming.kafka_python import LARGEST_MESSAGE, SECURE

_SECONDS: Final = 10.0
"""How long questions to the broker may take."""
#: errors that another try does not mend; the broker's, and librdkafka's own
_REFUSALS: Final = {
    "MSG_SIZE_TOO_LARGE": Refusal.TOO_LARGE, "RECORD_LIST_TOO_LARGE": Refusal.TOO_LARGE,
    "UNKNOWN_TOPIC_OR_PART": Refusal.TOPIC_UNKNOWN, "_UNKNOWN_TOPIC": Refusal.TOPIC_UNKNOWN,
    "TOPIC_EXCEPTION": Refusal.TOPIC_UNKNOWN, "TOPIC_AUTHORIZATION_FAILED": Refusal.NOT_ALLOWED,
}  # fmt: skip


class _Read(NamedTuple):
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class ConfluentConsumer:
    """A consumer of librdkafka."""

    def __init__(self, access: Access, group: str, chosen: Settings) -> None:
        """Make the client; librdkafka connects in the background."""
        from confluent_kafka import Consumer

        more = {"group.instance.id": chosen.kafka_instance} if chosen.kafka_instance else {}
        self._kafka = Consumer(
            {
                **_connection(access),
                **more,
                "group.id": group,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "error",
                "enable.partition.eof": True,
                "isolation.level": "read_committed",  # what a sender took back is not read
                "max.poll.interval.ms": int(longest_between_polls(chosen) * 1000),
                "session.timeout.ms": int(chosen.kafka_session_seconds * 1000),
                "heartbeat.interval.ms": int(chosen.kafka_session_seconds * 1000 / 6),
                "queued.max.messages.kbytes": max(1024, chosen.stream_bytes // 2048),
                "fetch.wait.max.ms": 200,
                "max.partition.fetch.bytes": min(LARGEST_MESSAGE, chosen.stream_bytes // 4),
            }
        )
        self._failed: BaseException | None = None
        self._ends: dict[Place, int] = {}

    def subscribe(self, topics: Sequence[str], positions: Positions, revoked: Callable[[], None]) -> None:
        """See `client.Consumer`."""

        def assigned(consumer: Any, partitions: Any) -> None:
            places = [Place(p.topic, p.partition) for p in partitions]
            try:
                starts = positions(places)
            except BaseException as error:
                self._failed = error  # an error raised here would be lost in librdkafka
                raise
            self._ends.clear()
            consumer.assign([_partition(place, starts[place]) for place in places])

        self._kafka.subscribe(list(topics), on_assign=assigned, on_revoke=lambda *_: revoked())

    def assign(self, positions: Mapping[Place, int]) -> None:
        """See `client.Consumer`."""
        self._ends.clear()
        self._kafka.assign([_partition(place, offset) for place, offset in positions.items()])

    def poll(self, seconds: float, most: int) -> Mapping[Place, Sequence[Message]]:
        """See `client.Consumer`."""
        from confluent_kafka import KafkaError, KafkaException

        found: dict[Place, list[_Read]] = {}
        try:
            # librdkafka waits the whole time for a full batch: little by little, so that few messages do not wait
            messages = self._kafka.consume(most, min(seconds, 0.05))
            if not messages:
                messages = self._kafka.consume(1, max(0.0, seconds - 0.05))
        except KafkaException as error:
            self._raise_failed()
            raise BrokerError(_refused(error.args[0])) from error
        self._raise_failed()
        for message in messages:
            fault = message.error()
            if fault is not None:
                if fault.code() == KafkaError._PARTITION_EOF:
                    self._ends[Place(str(message.topic()), int(message.partition() or 0))] = int(message.offset() or 0)
                    continue
                if fault.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
                    raise OutOfRangeError(fault.name())
                raise BrokerError(_refused(fault))
            topic, partition, offset = message.topic(), message.partition(), message.offset()
            assert topic is not None  # only errors lack these three
            assert partition is not None
            assert offset is not None
            read = _Read(offset, message.timestamp()[1], message.key(), message.value())
            found.setdefault(Place(topic, partition), []).append(read)
        return found

    def assignment(self) -> list[Place]:
        """See `client.Consumer`."""
        return sorted(Place(p.topic, p.partition) for p in self._kafka.assignment())

    def pause(self, wait: bool) -> None:
        """See `client.Consumer`."""
        assigned = self._kafka.assignment()
        if wait:
            self._kafka.pause(assigned)
        else:
            self._kafka.resume(assigned)

    def commit(self, positions: Mapping[Place, int]) -> None:
        """See `client.Consumer`."""
        from confluent_kafka import KafkaException

        try:
            self._kafka.commit(offsets=[_partition(p, o) for p, o in positions.items()], asynchronous=True)
        except KafkaException as error:  # the database knows how far we are; Kafka is told again with the next batch
            logger("streaming").info("Kafka was not told the position: %s", error.args[0].name())

    def ends(self, places: Iterable[Place]) -> dict[Place, int]:
        """See `client.Consumer`."""
        return {place: self._watermarks(place)[1] for place in places}

    def beginnings(self, places: Iterable[Place]) -> dict[Place, int]:
        """See `client.Consumer`."""
        return {place: self._watermarks(place)[0] for place in places}

    def position(self, place: Place) -> int:
        """See `client.Consumer`; the end met last: the client's own position may be of an assignment before."""
        return self._ends.get(place, 0)

    def partitions(self, topic: str) -> list[Place]:
        """See `client.Consumer`."""
        from confluent_kafka import KafkaException

        try:
            known = self._kafka.list_topics(topic, timeout=_SECONDS).topics[topic]
        except KafkaException as error:
            raise BrokerError(_refused(error.args[0])) from error
        return [Place(topic, number) for number in sorted(known.partitions)]

    def close(self) -> None:
        """See `client.Consumer`."""
        self._kafka.close()

    def _watermarks(self, place: Place) -> tuple[int, int]:
        from confluent_kafka import KafkaException

        try:
            low, high = self._kafka.get_watermark_offsets(_partition(place, 0), timeout=_SECONDS)
            # some brokers count their last batch as one message: what came with messages read is surer
            _, seen = self._kafka.get_watermark_offsets(_partition(place, 0), cached=True)
        except KafkaException as error:
            raise BrokerError(_refused(error.args[0])) from error
        return int(low), max(int(high), int(seen))

    def _raise_failed(self) -> None:
        failed, self._failed = self._failed, None
        if failed is not None:
            raise failed


class ConfluentProducer:
    """A producer of librdkafka: acknowledged by all replicas, idempotent."""

    def __init__(self, access: Access) -> None:
        """Make the client; librdkafka connects in the background."""
        from confluent_kafka import Producer

        self._kafka = Producer(
            {
                **_connection(access),
                "enable.idempotence": True,
                "linger.ms": 5,
                "message.max.bytes": LARGEST_MESSAGE,
                "topic.metadata.propagation.max.ms": 5000,  # then a topic counts as unknown
            }
        )
        self._faults: list[str] = []

    def send(self, topic: str, key: str, value: bytes) -> None:
        """See `client.Producer`."""
        from confluent_kafka import KafkaException

        try:
            self._produce(Outgoing(topic, key, value), self._delivered)
        except KafkaException as error:
            raise BrokerError(_refused(error.args[0])) from error

    def flush(self, seconds: float) -> None:
        """See `client.Producer`."""
        left = self._kafka.flush(seconds)
        faults, self._faults = self._faults, []
        if left or faults:
            raise BrokerError(
                f"Kafka: {left + len(faults)} messages were not taken ({', '.join(faults[:1]) or 'time'})"
            )

    def deliver(self, messages: Sequence[Outgoing], seconds: float) -> list[Delivered]:
        """See `client.Sender`."""
        from confluent_kafka import KafkaException

        silent = BrokerError("Kafka: the broker does not answer; see that it runs at MEDCODE_KAFKA_BOOTSTRAP")
        found: list[Delivered] = [silent] * len(messages)

        def told(at: int, error: Any, message: object) -> None:
            found[at] = None if error is None else _outcome(error)

        for at, one in enumerate(messages):
            try:
                self._produce(one, partial(told, at))
            except KafkaException as error:
                found[at] = _outcome(error.args[0])
            except BrokerError as error:
                found[at] = error
        if self._kafka.flush(seconds):
            self._kafka.purge()  # what is still on its way is sent again by whoever asked
            self._kafka.flush(1)
        return list(found)

    def close(self) -> None:
        """See `client.Producer`."""
        self._kafka.flush(2)

    def _produce(self, one: Outgoing, told: Callable[[Any, Any], None]) -> None:
        until = time.monotonic() + _SECONDS
        while True:
            try:
                self._kafka.produce(one.topic, one.value, key=one.key, on_delivery=told)
            except BufferError:  # the queue is full: wait for the broker
                if time.monotonic() > until:
                    raise BrokerError("Kafka: the broker takes no messages; see that it runs") from None
                self._kafka.poll(0.1)
                continue
            self._kafka.poll(0)
            return

    def _delivered(self, error: Any, message: object) -> None:
        if error is not None:
            self._faults.append(error.name())


def _partition(place: Place, offset: int) -> Any:
    from confluent_kafka import TopicPartition

    return TopicPartition(place.topic, place.partition, offset)


def _refused(error: Any) -> str:
    return f"Kafka: {error.name()}; see that the broker runs at MEDCODE_KAFKA_BOOTSTRAP and lets medcode in"


def _outcome(error: Any) -> Delivered:
    return _REFUSALS.get(error.name()) or BrokerError(_refused(error))


def _connection(access: Access) -> dict[str, Any]:
    named: dict[str, Any] = {
        "bootstrap.servers": access.bootstrap, "security.protocol": access.security, "log_level": 3,
        # librdkafka prints to standard error on its own; what matters comes as an error of a call
        "logger": logger("streaming.librdkafka"),
    }  # fmt: skip
    if access.security in SECURE:
        shown = {
            "ssl.ca.location": access.ca_file, "ssl.certificate.location": access.cert_file,
            "ssl.key.location": access.key_file, "ssl.key.password": access.key_password(),
        }  # fmt: skip
        named |= {name: str(value) for name, value in shown.items() if value is not None}
    if access.security.startswith("SASL"):
        named |= {
            "sasl.mechanism": access.sasl_mechanism, "sasl.username": access.user, "sasl.password": access.password(),
        }  # fmt: skip
    return named
