"""Whom a refusal is believed of, how sending goes on after a failure, and what each client's errors mean."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from support.senders import Failing

from medcode_ml.streaming import confluent, kafka_python, outbox, publisher
from medcode_ml.streaming.client import BrokerError, Delivered, Outgoing, Place, Refusal, Sender
from medcode_ml.streaming.offsets import Claim
from medcode_ml.streaming.publisher import Publisher
from medcode_ml.streaming.skipping import explain_range
from medcode_ml.streaming.topics import StreamError


class _WholeBatches:
    """As a client that fails every message of a call for one of them."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def deliver(self, messages: Sequence[Outgoing], seconds: float) -> list[Delivered]:
        self.calls.append(len(messages))
        closed = any(one.topic == "closed" for one in messages)
        large = any(len(one.value) > 5 for one in messages)
        verdict = Refusal.NOT_ALLOWED if closed else Refusal.TOO_LARGE if large else None
        return [verdict] * len(messages)


def test_a_message_is_not_refused_for_what_is_wrong_with_another() -> None:
    sender = _WholeBatches()
    messages = [Outgoing("open", "k", value) for value in (b"a", b"much too large", b"b")]
    assert outbox._delivered(sender, messages) == [None, Refusal.TOO_LARGE, None]
    sender = _WholeBatches()
    many = [Outgoing("closed", "k", b"a")] * 50 + [Outgoing("open", "k", b"a")]
    assert outbox._delivered(sender, many) == [Refusal.NOT_ALLOWED] * 50 + [None]
    assert sender.calls == [51, 1, 1], "a topic that is closed is asked for every message"


def test_after_a_failure_it_is_tried_again_by_a_new_producer_after_growing_pauses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publisher, "_FIRST_PAUSE", 0.05)
    opened: list[Failing] = []

    def open_producer() -> Failing:
        opened.append(Failing())
        return opened[-1]

    def publish(sender: Sender) -> None:
        if len(opened) < 3:
            sender.deliver([Outgoing("t", "k", b"")], 1)

    sending = Publisher(publish, open_producer)  # type: ignore[arg-type, return-value]
    began = time.monotonic()
    while len(opened) < 3 or sending.failure is not None:
        assert time.monotonic() - began < 20
        sending.turn()
        time.sleep(0.005)
    assert time.monotonic() - began >= 0.05 + 0.10 + 0.20, "the pauses do not grow"
    assert [(one.tries, one.closed) for one in opened] == [(1, 1)] * 3
    sending.close()


def test_a_fault_of_our_own_is_not_taken_for_a_broker_that_is_away() -> None:
    def publish(sender: Sender) -> None:
        raise ZeroDivisionError

    sending = Publisher(publish, Failing)  # type: ignore[arg-type]
    with pytest.raises(ZeroDivisionError):
        sending.finish(lambda: None, anew=True)
    sending.close()


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("MessageSizeTooLargeError", Refusal.TOO_LARGE),
        ("RecordListTooLargeError", Refusal.TOO_LARGE),
        ("UnknownTopicOrPartitionError", Refusal.TOPIC_UNKNOWN),
        ("InvalidTopicError", Refusal.TOPIC_UNKNOWN),
        ("TopicAuthorizationFailedError", Refusal.NOT_ALLOWED),
        ("KafkaTimeoutError", None),
        ("NotLeaderForPartitionError", None),
        ("ClusterAuthorizationFailedError", None),
    ],
)
def test_what_the_errors_of_kafka_python_mean(name: str, meaning: Refusal | None) -> None:
    from kafka import errors

    found = kafka_python._delivered(getattr(errors, name)("text"))
    assert found is meaning if meaning else isinstance(found, BrokerError)


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("MSG_SIZE_TOO_LARGE", Refusal.TOO_LARGE),
        ("RECORD_LIST_TOO_LARGE", Refusal.TOO_LARGE),
        ("UNKNOWN_TOPIC_OR_PART", Refusal.TOPIC_UNKNOWN),
        ("_UNKNOWN_TOPIC", Refusal.TOPIC_UNKNOWN),
        ("TOPIC_EXCEPTION", Refusal.TOPIC_UNKNOWN),
        ("TOPIC_AUTHORIZATION_FAILED", Refusal.NOT_ALLOWED),
        ("_MSG_TIMED_OUT", None),
        ("_PURGE_QUEUE", None),
        ("CLUSTER_AUTHORIZATION_FAILED", None),
    ],
)
def test_what_the_errors_of_librdkafka_mean(name: str, meaning: Refusal | None) -> None:
    error = pytest.importorskip("confluent_kafka").KafkaError
    found = confluent._outcome(error(getattr(error, name)))
    assert found is meaning if meaning else isinstance(found, BrokerError)


def test_a_person_is_told_by_which_command_to_go_past_deleted_messages() -> None:
    place = Place("medcode.scanned-record.v1", 2)
    claims = {place: Claim(5, 1, 0)}
    explain_range("land", claims, {place: 5}, {place: 5})
    command = f"medcode stream skip --topic {place.topic} --partition 2 --to 9 --reader land"
    with pytest.raises(StreamError, match=f"messages 5 to 8 were deleted.*{command}"):
        explain_range("land", claims, {place: 9}, {place: 12})
