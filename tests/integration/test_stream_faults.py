"""Killed, cut off and deprived of its database, landing loses nothing and doubles nothing; what was dead comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from support.broker import Link, Ungrouped, free_port, make_topics, running_broker, ungrouped
from support.delivery import patient
from support.killed import land, start
from support.streams import all_topics, land_all, message, received, send, stream_settings
from typer.testing import CliRunner

from medcode_ml.contracts.streamed import stream_dead_letter, stream_message, stream_offset
from medcode_ml.settings import settings
from medcode_ml.streaming.batches import Batch
from medcode_ml.streaming.client import Consumer, Message, OutOfRangeError, Place, open_consumer, open_producer
from medcode_ml.streaming.landing import Lander, run_landing
from medcode_ml.streaming.loop import Hand, Loop
from medcode_ml.streaming.offsets import LAND, WORK, Claim, OvertakenError, advance, claim
from medcode_ml.streaming.replay import replay_dead_letters, replay_offsets, send_repaired
from medcode_ml.streaming.skipping import skip
from medcode_ml.streaming.topics import DEAD_LETTER, SCANNED_RECORD, StreamError, topic
from medcode_ml.streaming.validation import checker

pytestmark = pytest.mark.integration


@pytest.fixture
def stream(broker: str, database: sa.Engine) -> Iterator[sa.Engine]:
    """Topics of the test's own, the database empty."""
    with stream_settings(broker, stream_batch=20):
        all_topics(broker, partitions=1)
        yield database


def _offsets(engine: sa.Engine) -> list[int]:
    with engine.connect() as connection:
        return sorted(connection.execute(sa.select(stream_message.c.offset)).scalars())


def _many(count: int) -> list[dict[str, object]]:
    return [message("patient", patient(f"M{n}"), f"m{n}") for n in range(count)]


def test_a_process_killed_again_and_again_lands_every_message_once(stream: sa.Engine) -> None:
    """kill -9 three times while it lands; each start goes on from the offset that stands with the rows."""
    many, over = _many(300), threading.Event()

    def feed() -> None:
        producer = open_producer()
        for number, one in enumerate(many):
            producer.send(topic(SCANNED_RECORD), "00" * 10, orjson.dumps(one))
            if number % 5 == 0 and number < 200:
                producer.flush(10)
                over.wait(0.05)
        producer.flush(10)
        producer.close()

    feeding = threading.Thread(target=feed, daemon=True)
    feeding.start()
    for _ in range(3):
        before, process = len(_offsets(stream)), start(land)
        until = time.monotonic() + 30
        while len(_offsets(stream)) <= before and time.monotonic() < until:
            time.sleep(0.01)
        process.kill()
        process.join()
        assert len(_offsets(stream)) > before, "the process landed nothing before it was killed"
    over.set()  # the rest at once
    feeding.join()
    land_all()
    assert _offsets(stream) == list(range(300))


def test_a_cut_connection_to_the_broker_loses_nothing(database: sa.Engine) -> None:
    """Every connection between consumer and broker ends at once, several times, while messages are landed."""
    behind, front = free_port(), free_port()
    with running_broker(behind, advertised=front):
        link = Link(front, behind)
        try:
            with stream_settings(f"127.0.0.1:{front}", stream_batch=50):
                make_topics(f"127.0.0.1:{front}", topic(SCANNED_RECORD), topic(DEAD_LETTER))
                send(*_many(600))
                cuts = threading.Thread(target=lambda: [(time.sleep(0.15), link.cut()) for _ in range(4)], daemon=True)
                cuts.start()
                until = time.monotonic() + 40
                run_landing(
                    ungrouped("land"), open_producer,
                    lambda: (len(_offsets(database)) == 600 and not cuts.is_alive()) or time.monotonic() > until,
                )  # fmt: skip
        finally:
            link.close()
    assert _offsets(database) == list(range(600))


class _Counted(Ungrouped):
    """Counts what it hands out."""

    def __init__(self) -> None:
        super().__init__("land")
        self.read = 0

    def poll(self, seconds: float, most: int) -> Mapping[Place, Sequence[Message]]:
        polled: Mapping[Place, Sequence[Message]] = self._own.poll(seconds, most)
        self.read += sum(map(len, polled.values()))
        return polled


class _Deprived(Lander):
    """Before the second batch is written the database goes away: all connections end and new ones are refused."""

    def __init__(self, engine: sa.Engine, consumer: _Counted) -> None:
        super().__init__()
        self.began, self.consumer, self.read = 0, consumer, list[int]()
        self._name = engine.url.database
        # a database that every server has
        self._beside = sa.create_engine(engine.url.set(database="postgres"), isolation_level="AUTOCOMMIT")
        self.back = threading.Timer(2.0, self.comes_back)

    def take(self, batch: Batch, claims: Mapping[Place, Claim], hand: Hand) -> None:
        self.began += 1
        if self.began == 2:
            self._allow("false")
            self.back.start()
        super().take(batch, claims, hand)

    def comes_back(self) -> None:
        self.read.append(self.consumer.read)
        self._allow("true")

    def _allow(self, whether: str) -> None:
        ends = sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
        with self._beside.connect() as connection:
            connection.execute(sa.text(f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS {whether}'))
            connection.execute(ends, {"name": self._name})
        self._beside.dispose()


def test_while_the_database_is_away_nothing_is_read_on_and_nothing_lost(stream: sa.Engine) -> None:
    """A batch was landed, one is in hand and one was read ahead; then it waits, and goes on where it stood."""
    send(*_many(200))
    until = time.monotonic() + 60
    consumer = _Counted()
    lander = _Deprived(stream, consumer)
    opened: Any = lambda: consumer  # noqa: E731
    try:
        Loop(lander, opened, open_producer, lambda: time.monotonic() > until).run(until_end=True)
    finally:
        lander.back.cancel()
        lander.comes_back()
    assert time.monotonic() < until
    assert 20 < lander.read[0] <= 60, "it read on"
    assert _offsets(stream) == list(range(200))
    assert lander.landed == 200


class _Watched(Lander):
    """Lands, but not before something more was read; before the third batch another process takes the partition."""

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__()
        self.engine, self.began, self.read_on, self.taken_over = engine, 0, list[bool](), False
        self.read = self.taken = 0

    def take(self, batch: Batch, claims: Mapping[Place, Claim], hand: Hand) -> None:
        self.began += 1
        self.taken += batch.count
        if self.began <= 3:
            until = time.monotonic() + 5
            while self.read <= self.taken and time.monotonic() < until:
                time.sleep(0.005)
            self.read_on.append(self.read > self.taken)
        if self.began == 3:
            self.taken_over = True
            with self.engine.begin() as connection:
                connection.execute(sa.update(stream_offset).values(epoch=stream_offset.c.epoch + 1))
        super().take(batch, claims, hand)


class _Seen(Ungrouped):
    """Tells a `_Watched` how much it has read."""

    def __init__(self, lander: _Watched) -> None:
        super().__init__("land")
        self._lander = lander

    def poll(self, seconds: float, most: int) -> Mapping[Place, Sequence[Message]]:
        polled: Mapping[Place, Sequence[Message]] = self._own.poll(seconds, min(most, 5))
        self._lander.read += sum(map(len, polled.values()))
        return polled


def test_the_next_batch_is_read_while_one_is_written_and_not_begun_if_that_fails(stream: sa.Engine) -> None:
    """What was read ahead of a batch that another process shut out is read again, from where the database stands."""
    send(*_many(120))
    lander = _Watched(stream)
    chosen = settings().model_copy(update={"kafka_session_seconds": 0.2})  # how long it waits when shut out
    Loop(lander, lambda: _Seen(lander), open_producer, lambda: False, chosen).run(until_end=True)  # type: ignore[arg-type, return-value]
    assert lander.taken_over
    assert lander.read_on == [True, True, True]
    assert _offsets(stream) == list(range(120))
    assert lander.landed == 120, "the batch that was shut out counts as landed"


class _OutOfRange(Ungrouped):
    """Reads as the real one, but says out of range as Apache Kafka does (the test broker waits instead)."""

    def poll(self, seconds: float, most: int) -> None:
        raise OutOfRangeError("OffsetOutOfRangeError")


def test_a_topic_made_anew_is_not_taken_for_the_old_one(stream: sa.Engine) -> None:
    """The broker holds less than was landed: going on would mix two topics under one name."""
    send(*_many(2))
    land_all()
    with stream.begin() as connection:
        connection.execute(sa.update(stream_offset).values(next_offset=50))
    with pytest.raises(StreamError, match="made anew"):
        run_landing(lambda: _OutOfRange("land"), open_producer, lambda: False)  # type: ignore[arg-type, return-value]


def test_messages_that_cannot_be_read_any_more_are_skipped_and_set_aside(stream: sa.Engine) -> None:
    """Forward only, no farther than the topic goes; who reads the partition at the moment is shut out."""
    from medcode_assets.commands.stream import stream_app

    send(*_many(10))
    land_all()
    for one in _many(5):  # the test broker counts its last batch as one message
        send(one)
    place = Place(topic(SCANNED_RECORD), 0)
    held = claim(stream, LAND, [place], lambda new: {})[place]
    consumer: Consumer = open_consumer("skip")
    for to, words in ((10, "stands at 10 and ends at 15"), (16, "stands at 10 and ends at 15")):
        with pytest.raises(StreamError, match=words):
            skip(stream, consumer, LAND, place, to)
    with pytest.raises(StreamError, match="never read for work"):
        skip(stream, consumer, WORK, place, 12)
    consumer.close()
    named = ["--topic", place.topic, "--partition", "0", "--to", "13", "--reader", "land"]
    done = CliRunner().invoke(stream_app, ["skip", *named], catch_exceptions=False)
    assert "skipped 3; land goes on at 13" in done.output
    with pytest.raises(OvertakenError), stream.begin() as connection:
        advance(connection, LAND, place, held.epoch, 10, 15)
    assert land_all().landed == 2
    with stream.connect() as connection:
        (row,) = connection.execute(sa.select(stream_dead_letter)).all()
    assert (row.offset, row.rule, row.payload) == (10, "skipped", None)
    assert "messages 10 to 12" in row.reason
    assert _offsets(stream) == [*range(10), 13, 14]
    assert checker(DEAD_LETTER).is_valid(received(DEAD_LETTER, 1)[0])


def test_messages_that_went_missing_are_landed_again_from_an_offset(stream: sa.Engine) -> None:
    send(*_many(30))
    land_all()
    with stream.begin() as connection:
        connection.execute(sa.delete(stream_message).where(stream_message.c.offset.between(5, 9)))
    place = Place(topic(SCANNED_RECORD), 0)
    for expected in (5, 0):
        consumer: Consumer = open_consumer("replay")
        done = replay_offsets(stream, consumer, place, 3)
        consumer.close()
        assert (done.read, done.landed) == (27, expected)
    assert _offsets(stream) == list(range(30))
    consumer = open_consumer("replay")
    with pytest.raises(StreamError, match="never landed"):
        replay_offsets(stream, consumer, Place("other", 0), 0)
    consumer.close()


def test_dead_letters_come_back_when_the_rules_change_or_somebody_repairs_them(
    stream: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    early = message("patient", patient("M1"), "m1", received_date="2026-08-31")
    broken = message("patient", {"hospital_id": "H1", "mrn": "M2"}, "m2")
    send(early, broken)
    assert land_all().dead_letters == 2
    assert replay_dead_letters(stream).landed == 0
    monkeypatch.setenv("MEDCODE_FIRST_DAY", "2026-08-01")
    settings.cache_clear()
    done = replay_dead_letters(stream)
    assert (done.landed, done.still_dead) == (1, 1)
    assert replay_dead_letters(stream).landed == 0, "settled is settled"
    letter = next(one for one in received(DEAD_LETTER, 2) if one["offset"] == 1)
    repaired = {"dead_letter_id": letter["dead_letter_id"], "message": {**broken, "row": patient("M2")}}
    file = tmp_path / "repaired.jsonl"
    file.write_bytes(orjson.dumps(repaired) + b"\n{}\n" + orjson.dumps({**repaired, "message": broken}) + b"\n")
    producer = open_producer()
    done = send_repaired(stream, producer, file)
    assert (done.sent, [n for n, _ in done.rejected]) == (1, [2, 3])
    assert send_repaired(stream, producer, file).sent == 0
    producer.close()
    assert land_all().landed == 1
    with stream.connect() as connection:
        settled = connection.execute(sa.select(stream_dead_letter.c.settled_as).order_by(stream_dead_letter.c.offset))
        assert list(settled.scalars()) == ["landed", "sent_again"]
        assert set(connection.execute(sa.select(stream_message.c.message_id)).scalars()) == {"m1", "m2"}
