"""What cannot be sent stops nothing: reading and answering go on, and whoever asked hears what was wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from support.broker import Ungrouped, ungrouped
from support.delivery import patient
from support.requests import request
from support.senders import Failing, Refusing
from support.streams import all_topics, answer_all, land_all, message, received, send, stream_settings

from medcode_ml.contracts.streamed import reply, stream_dead_letter, stream_message, stream_offset
from medcode_ml.settings import settings
from medcode_ml.streaming import kafka_python, loop
from medcode_ml.streaming.batches import Batch
from medcode_ml.streaming.client import Outgoing, Place, Refusal, open_consumer, open_producer
from medcode_ml.streaming.landing import run_landing
from medcode_ml.streaming.loop import Hand
from medcode_ml.streaming.offsets import WORK, claim
from medcode_ml.streaming.replay import _Kept
from medcode_ml.streaming.topics import DEAD_LETTER, REPLY, REQUEST, SCANNED_RECORD, StreamError, topic
from medcode_ml.streaming.validation import checker
from medcode_ml.streaming.waiting import StoppedError
from medcode_ml.streaming.worker import Worker, run_worker
from medcode_ml.streaming.worker_models import WorkerModels

pytestmark = pytest.mark.integration
STAY = {"encounter_id": "E1", "codes": ["I10", "J18.9"]}


@pytest.fixture
def stream(broker: str, database: sa.Engine) -> Iterator[sa.Engine]:
    """Topics of the test's own, the database empty."""
    with stream_settings(broker, kafka_reply_topics="hospital-", stream_batch=20, stream_work_batch=2):
        all_topics(broker, partitions=1)
        yield database


def _answer(refuses: Callable[[Outgoing], Refusal | None]) -> Worker:
    opened: Any = lambda: Refusing(refuses)  # noqa: E731
    return run_worker(WorkerModels(), ungrouped("work"), opened, lambda: False, until_end=True)


def _replies(engine: sa.Engine) -> dict[str, Any]:
    with engine.connect() as connection:
        return {row.request_id: row for row in connection.execute(sa.select(reply))}


def test_a_reply_that_is_refused_becomes_an_error_and_holds_up_no_other(stream: sa.Engine) -> None:
    """One names a topic that does not exist, one has an answer that is too large; the others are sent once."""
    lost = request("r2", "rank", STAY, reply_to="hospital-7.answers")
    large = request("r3", "rank", *[STAY] * 100)
    send(request("r1", "rank", STAY), lost, large, request("r4", "rank", STAY), subject=REQUEST)

    def refuses(one: Outgoing) -> Refusal | None:
        if one.topic == "hospital-7.answers":
            return Refusal.TOPIC_UNKNOWN
        return Refusal.TOO_LARGE if len(one.value) > 10_000 else None

    worker = _answer(refuses)
    assert (worker.answered, worker.refused) == (4, 0)
    told = received(REPLY, 5, seconds=1)
    assert sorted(one["request_id"] for one in told) == ["r1", "r2", "r3", "r4"], "one was sent twice, or not at all"
    assert all(checker(REPLY).is_valid(one) for one in told)
    problems = {one["request_id"]: one["problem"]["rule"] for one in told if one["status"] == "error"}
    assert problems == {"r2": "reply_topic_unknown", "r3": "reply_too_large"}
    kept = _replies(stream)
    assert all(row.published_at for row in kept.values())
    assert kept["r2"].reply_to == topic(REPLY)
    assert {one["request_id"]: one["reply_id"] for one in told} == {name: row.reply_id for name, row in kept.items()}
    send(lost, large, subject=REQUEST)  # the topic is there by now; the answer is as large as it was
    worker = answer_all()
    assert (worker.answered, worker.again) == (1, 1)
    kept = _replies(stream)
    assert (kept["r2"].status, kept["r2"].reply_to) == ("ok", "hospital-7.answers")
    assert kept["r2"].published_at
    assert kept["r3"].status == "error"
    assert [one["request_id"] for one in received(REPLY, 6, seconds=1)].count("r3") == 2


def test_a_broker_that_makes_no_topics_is_asked_and_what_is_refused_is_told_apart(
    stream: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By kafka-python, which learns nothing of a topic that does not exist and keeps failing after some errors."""
    from kafka.cluster import ClusterMetadata

    # the test broker makes every topic that is asked for, unless asked not to
    monkeypatch.setitem(ClusterMetadata.DEFAULT_CONFIG, "allow_auto_create_topics", False)
    monkeypatch.setattr(kafka_python, "_BLOCK_MS", 3000)
    producer = open_producer()
    there, lost = Outgoing(topic(REPLY), "k", b"{}"), Outgoing(topic("nowhere"), "k", b"{}")
    large = Outgoing(topic(REPLY), "k", b"x" * (kafka_python.LARGEST_MESSAGE + 1))
    found = producer.deliver([lost, there, lost, large], 10)
    assert found == [Refusal.TOPIC_UNKNOWN, None, Refusal.TOPIC_UNKNOWN, Refusal.TOO_LARGE]
    assert producer.deliver([there], 10) == [None]
    producer.close()
    assert received(REPLY, 3, seconds=1) == [{}, {}]


def test_replies_and_dead_letters_wait_for_a_common_topic_that_is_refused(stream: sa.Engine) -> None:
    """An operator has to put it right; neither dead letters nor replies by another topic wait for that one."""
    send(request("r1", "rank", STAY), request("r2", "rank", STAY, reply_to="hospital-7.answers"), b"{", subject=REQUEST)
    with pytest.raises(StreamError, match=rf"1 messages could not be sent .*{topic(REPLY)} does not exist; create it"):
        _answer(lambda one: Refusal.TOPIC_UNKNOWN if one.topic == topic(REPLY) else None)
    assert len(received(DEAD_LETTER, 1)) == 1
    kept = _replies(stream)
    assert kept["r1"].published_at is None
    assert kept["r2"].published_at is not None
    answer_all()
    assert [one["status"] for one in received(REPLY, 1)] == ["ok"]


class _Counted(Ungrouped):
    """Counts how often a consumer was opened: one that is opened again has left its group."""

    opened = 0

    def __init__(self, reader: str) -> None:
        super().__init__(reader)
        _Counted.opened += 1


def test_landing_goes_on_while_nothing_can_be_sent(stream: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Counted, "opened", 0)
    monkeypatch.setattr(loop, "_SEND_EVERY", 0.0)  # the first failure comes while there is more to read
    failing = Failing()
    send(b"{", *[message("patient", patient(f"M{n}"), f"m{n}") for n in range(60)], b"[")
    opened: Any = (lambda: _Counted("land"), lambda: failing)
    with pytest.raises(StreamError, match=r"all was taken in, but 2 messages could not be sent .*nobody is there"):
        run_landing(*opened, lambda: False, until_end=True)
    with stream.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(stream_message)).scalar_one() == 60
        unsent = sa.select(sa.func.count()).where(stream_dead_letter.c.published_at.is_(None))
        assert connection.execute(unsent).scalar_one() == 2
    assert failing.tries >= 2, "it was not tried again at the end"
    assert _Counted.opened == 1, "the group was left"
    land_all()
    assert {one["offset"] for one in received(DEAD_LETTER, 2)} == {0, 61}


def test_a_dead_letter_that_is_too_large_for_its_topic_is_told_without_the_message(stream: sa.Engine) -> None:
    poison = b'{"text": "' + b"x" * 5000
    send(poison)
    opened: Any = lambda: Refusing(lambda one: Refusal.TOO_LARGE if len(one.value) > 2000 else None)  # noqa: E731
    assert run_landing(ungrouped("land"), opened, lambda: False, until_end=True).dead_letters == 1
    (told,) = received(DEAD_LETTER, 1)
    assert checker(DEAD_LETTER).is_valid(told)
    assert (told["message"], told["encoding"]) == (None, "none")
    assert "raw.stream_dead_letter" in told["reason"]
    with stream.connect() as connection:
        row = connection.execute(sa.select(stream_dead_letter)).one()
    assert (row.payload.encode(), row.encoding) == (poison, "text")
    assert row.published_at


def test_a_stop_in_the_middle_of_scoring_leaves_no_message_under_suspicion(stream: sa.Engine) -> None:
    """Nothing was wrong with them: a process that is stopped each time must not end in a refusal of the request."""
    place = Place(topic(REQUEST), 0)
    claims = claim(stream, WORK, [place], lambda new: dict.fromkeys(new, 0))
    batch = Batch()
    batch.add({place: [_Kept(0, 0, None, orjson.dumps(request("r1", "rank", STAY)))]})

    def stop() -> None:
        raise StoppedError

    for _ in range(3):
        with pytest.raises(StoppedError):
            Worker(WorkerModels()).take(batch, claims, Hand(lambda work: work(stream), stop))
        with stream.connect() as connection:
            assert connection.execute(sa.select(stream_offset.c.next_offset, stream_offset.c.tries)).one() == (0, 0)


def test_the_first_request_of_many_does_not_wait_for_the_last(stream: sa.Engine) -> None:
    """Requests are answered some at a time, in transactions of their own, though messages are landed in larger ones."""
    send(*[request(f"r{n}", "rank", STAY) for n in range(5)], subject=REQUEST)
    assert answer_all().answered == 5
    assert len({row.answered_at for row in _replies(stream).values()}) == 3


@pytest.mark.parametrize("client", ["kafka-python", "confluent"])
def test_marks_of_transactions_at_the_end_are_not_waited_for(
    stream: sa.Engine, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last offset of the partition is the mark of a commit: nobody is ever handed a message of that offset."""
    from kafka import KafkaProducer

    if client == "confluent":
        pytest.importorskip("confluent_kafka")
    monkeypatch.setenv("MEDCODE_KAFKA_CLIENT", client)
    settings.cache_clear()
    sender = KafkaProducer(bootstrap_servers=settings().kafka_bootstrap, transactional_id=topic("sender"))
    sender.init_transactions()
    for number in range(2):
        sender.begin_transaction()
        data = orjson.dumps(message("patient", patient(f"M{number}")))
        sender.send(topic(SCANNED_RECORD), data, key=b"00" * 10)
        sender.commit_transaction()
    sender.close()
    until = time.monotonic() + 20
    opened = ungrouped("land")
    assert run_landing(opened, open_producer, lambda: time.monotonic() > until, until_end=True).landed == 2
    assert time.monotonic() < until, "it waited for messages that never come"
    with stream.connect() as connection:
        assert set(connection.execute(sa.select(stream_message.c.offset)).scalars()) == {0, 2}
        moved = connection.execute(sa.select(stream_offset.c.next_offset)).scalar_one()
    assert moved == 4, "lag is told for ever, and the marks count as messages that were deleted once they are"


@pytest.mark.parametrize("client", ["kafka-python", "confluent"])
def test_a_position_of_an_assignment_before_is_not_taken_for_the_present_one(
    stream: sa.Engine, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A partition that comes back may start earlier than it was read: messages would be gone past unread."""
    if client == "confluent":
        pytest.importorskip("confluent_kafka")
    monkeypatch.setenv("MEDCODE_KAFKA_CLIENT", client)
    settings.cache_clear()
    for number in range(6):
        send(message("patient", patient(f"M{number}")))
    place, until = Place(topic(SCANNED_RECORD), 0), time.monotonic() + 20
    consumer = open_consumer("look")
    for start in (0, 3):
        consumer.assign({place: start})
        assert consumer.position(place) <= start
        at = start
        while consumer.position(place) < 6:
            assert time.monotonic() < until
            for one in consumer.poll(0.2, 2).get(place, []):
                at = one.offset + 1
            assert consumer.position(place) <= at, "a position behind what was handed out"
    consumer.close()
