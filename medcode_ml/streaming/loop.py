"""The loop of a process that reads a topic: polls, hands batches on, and starts where the database says.

While one batch is taken in, on a thread of its own, the next is read; it is begun when the one before has ended well.
Whatever is killed (this process, the database, the connection to the broker), the next start reads from the offset that
was written with the last rows. While the database is away a second batch is read at most, and both wait. What a batch
leads to is sent beside all this (`publisher`): a topic that takes nothing stops neither reading nor answering.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Protocol

import sqlalchemy as sa

from medcode_ml.logs import logger
from medcode_ml.settings import Settings, settings
from medcode_ml.streaming.batches import Batch, Writer, short_turns
from medcode_ml.streaming.client import BrokerError, Consumer, OutOfRangeError, Place, Producer, Sender
from medcode_ml.streaming.health import Pulse
from medcode_ml.streaming.offsets import Claim, OvertakenError, claim, is_ours, move_on
from medcode_ml.streaming.publisher import Publisher
from medcode_ml.streaming.skipping import explain_range
from medcode_ml.streaming.topics import StreamError, topic
from medcode_ml.streaming.waiting import StoppedError, with_database

_POLL: Final = 0.2
_POLL_MORE: Final = 0.05
"""Seconds to wait for more, while there is something to go on with."""
_PATIENCE: Final = 1.0
"""Seconds that a full batch waits for the one before it, until reading is stopped."""
_SAY_EVERY: Final = 10.0
_SEND_EVERY: Final = 2.0
_RETRY: Final = 1.0
_log = logger("streaming.loop")


class Taker(Protocol):
    """What is done with the messages of one topic."""

    reader: str
    """Under which name offsets are kept."""
    subject: str
    """The topic."""
    prompt: bool
    """Whether what a batch leads to is sent as soon as it is taken in, before the next is begun."""

    def take(self, batch: Batch, claims: Mapping[Place, Claim], hand: Hand) -> None:
        """Write everything that the batch leads to and move its partitions on, in one transaction.

        Called on a thread of its own, never twice at a time.

        Raises:
            OvertakenError: another process has one of the partitions now; nothing was written.
        """

    def publish(self, engine: sa.Engine, sender: Sender) -> None:
        """Send what waits to be sent; called on another thread of its own.

        Raises:
            BrokerError: the broker did not take it; it goes on waiting.
        """

    def unsent(self, engine: sa.Engine) -> int:
        """How many messages wait to be sent."""

    def figures(self) -> str:
        """What was done so far, in a line."""


@dataclass(frozen=True)
class Hand:
    """What a `Taker` is given while it has a batch in hand."""

    database: Callable[[Callable[[sa.Engine], None]], None]
    """Does work on the database, again and again while it is away."""
    alive: Callable[[], None]
    """To be called now and then in long work: ends it where the process shall stop."""


class Loop:
    """Reads the partitions that the group gives this process and hands them to a `Taker`."""

    def __init__(
        self,
        taker: Taker,
        open_consumer: Callable[[], Consumer],
        open_producer: Callable[[], Producer],
        stopped: Callable[[], bool],
        chosen: Settings | None = None,
        most: int | None = None,
    ) -> None:
        """`stopped` is asked often; the clients are opened by `run`, and again when the broker was away.

        A batch holds at most `most` messages; as many as the settings say for landing unless given.
        """
        self._taker = taker
        self._open_consumer = open_consumer
        self._stopped = stopped
        self._settings = chosen or settings()
        self._most = most or self._settings.stream_batch
        self._consumer: Consumer | None = None
        self._publisher = Publisher(self._publish, open_producer, every=0.0 if taker.prompt else _SEND_EVERY)
        self._claims: dict[Place, Claim] = {}
        self._batch = Batch()
        self._writer = Writer()
        self._pulse = Pulse(taker.reader, self._settings)
        self._ending = False
        #: one by one until there: work on these was begun before and never ended
        self._alone: dict[Place, int] = {}
        self._said = time.monotonic()

    def run(self, until_end: bool = False) -> None:
        """Read until stopped or, with `until_end`, until nothing more comes and all that the topic held is taken in.

        Raises:
            StreamError: the broker holds less than was read from it, or has lost messages: somebody must look. Or all
                was taken in `until_end`, and some of what came of it could not be sent.
        """
        try:
            while not self._stopped():
                try:
                    self._connect()
                    with short_turns():
                        at_end = self._read_on(until_end)
                    if at_end:
                        break
                except (BrokerError, OvertakenError) as error:
                    _log.warning("%s; trying again", error)
                    self._disconnect()
                    self._pause(self._settings.kafka_session_seconds if isinstance(error, OvertakenError) else _RETRY)
                except StoppedError:
                    _log.info("stopped while waiting; what was in hand is read again by the next process")
            with suppress(StoppedError):
                self._finish(until_end and not self._stopped())
        finally:
            self._ending = True
            try:
                self._disconnect()
            finally:
                self._writer.close()
                self._publisher.close()
                self._pulse.end()
            _log.info("%s", self._taker.figures())

    def _connect(self) -> None:
        if self._consumer is None:
            self._consumer = self._open_consumer()
            self._consumer.subscribe([topic(self._taker.subject)], self._positions, self._revoked)

    def _read_on(self, until_end: bool) -> bool:
        """Read until stopped; True when the end was reached or we were asked to stop."""
        consumer, ends, first = self._joined(), dict[Place, int](), 0.0
        while not self._stopped():
            waiting = self._batch.count > 0
            polled = self._poll(consumer)
            if not waiting:
                first = time.monotonic()
            if not self._writer.busy:
                self._settle(consumer)
            is_due = not polled or time.monotonic() - first >= self._settings.stream_seconds
            if self._batch.count and (self._is_full() or (is_due and self._writer.free)):
                self._settle(consumer)
                self._hand_over()
                if self._taker.prompt:
                    self._settle(consumer)
            self._publisher.turn()
            self._say(consumer)
            if self._claims and not polled and not self._batch.count and self._writer.free:
                self._pass_marks(consumer)
                if until_end and ends.keys() != self._claims.keys():
                    ends = consumer.ends(self._claims)
                if until_end and all(self._claims[place].next_offset >= end for place, end in ends.items()):
                    return True
        return True

    def _poll(self, consumer: Consumer, seconds: float | None = None, most: int | None = None) -> bool:
        """Add what comes to the batch; whether anything came."""
        if most is None:
            most = 0 if self._is_full() else self._most - self._batch.count
        if seconds is None:
            seconds = _POLL if self._writer.free and not self._batch.count else _POLL_MORE
        self._beat()
        if most <= 0:
            return False
        try:
            polled = consumer.poll(seconds, most)
        except OutOfRangeError:
            explain_range(
                self._taker.reader, self._claims, consumer.beginnings(self._claims), consumer.ends(self._claims)
            )
            raise BrokerError("Kafka: an offset could not be read") from None
        self._batch.add({place: messages for place, messages in polled.items() if place in self._claims})
        return bool(polled)

    def _is_full(self) -> bool:
        """Whether the batch is: half of the memory is for it, half for the one that is being taken in."""
        return self._batch.count >= self._most or self._batch.size >= self._settings.stream_bytes // 2

    def _hand_over(self) -> None:
        """Begin to take in the batch, or a part of it."""
        batch, self._batch = self._due()
        ends = batch.ends()
        claims = {place: self._claims[place] for place in ends}

        def database(work: Callable[[sa.Engine], None]) -> None:
            def once(engine: sa.Engine) -> None:
                try:
                    work(engine)
                except OvertakenError:
                    # a commit that was cut off may have been carried out
                    if not all(is_ours(engine, self._taker.reader, p, c.epoch, ends[p]) for p, c in claims.items()):
                        raise

            with_database(once, self._stop_or_go)

        hand = Hand(database, self._stop_or_go)
        self._writer.begin(claims, ends, lambda: self._taker.take(batch, claims, hand))

    def _settle(self, consumer: Consumer) -> None:
        """Wait for the batch that is being taken in, if any: its partitions stand at its end then.

        Raises:
            OvertakenError: another process has one of the partitions now.
        """
        paused = False
        while not self._writer.wait(_PATIENCE):
            if not paused:
                consumer.pause(True)
                paused = True
            # Keeps our place in the group. Nothing comes while paused, unless partitions were dealt anew meanwhile.
            self._poll(consumer, 0, 1)
            self._publisher.turn()
        if paused:
            consumer.pause(False)
        in_hand = self._writer.result()
        if in_hand is None:
            return
        epochs = {place: one.epoch for place, one in self._claims.items()}
        ours = {p: end for p, end in in_hand.ends.items() if epochs.get(p) == in_hand.claims[p].epoch}
        try:
            in_hand.done.result()
        except OvertakenError:
            if ours:
                raise
            return  # given away meanwhile: whoever has them now reads the batch again
        self._publisher.wake()
        for place, end in ours.items():
            self._claims[place] = replace(self._claims[place], next_offset=end, tries=0)
            if end >= self._alone.get(place, end):
                self._alone.pop(place, None)
        if ours:
            consumer.commit(ours)

    def _due(self) -> tuple[Batch, Batch]:
        """What to take in now and what to leave for later: all, or one message of a partition under suspicion."""
        for place in self._batch.messages:
            if place in self._alone:
                return self._batch.split(place)
        return self._batch, Batch()

    def _pass_marks(self, consumer: Consumer) -> None:
        """With nothing in hand, go past marks of transactions: they are never handed out, and may be deleted."""
        for place, one in list(self._claims.items()):
            to = consumer.position(place)
            if to > one.next_offset:
                moved = partial(move_on, reader=self._taker.reader, place=place, claimed=one, to=to)
                self._claims[place] = with_database(moved, self._wait_on)

    def _publish(self, sender: Sender) -> None:
        with_database(lambda engine: self._taker.publish(engine, sender), self._stop_or_go)

    def _finish(self, at_end: bool) -> None:
        """Send what is left to send; raise where that fails and all else was done."""
        self._end_batch()
        self._publisher.finish(self._beat, anew=at_end)
        failure = self._publisher.failure
        if at_end and failure is not None and (left := with_database(self._taker.unsent, self._stop_or_go)):
            raise StreamError(
                f"all was taken in, but {left} messages could not be sent ({failure}); they are kept, the next run "
                "sends them"
            )

    def _positions(self, places: Sequence[Place]) -> Mapping[Place, int]:
        consumer = self._joined()
        claimed = with_database(
            lambda engine: claim(engine, self._taker.reader, places, consumer.beginnings), self._wait_on
        )
        self._claims |= claimed
        for place, one in claimed.items():
            if one.tries > 1:
                self._alone[place] = one.next_offset + self._most
        return {place: one.next_offset for place, one in claimed.items()}

    def _revoked(self) -> None:
        # What is being taken in may end well while the partitions are still ours; if not, the next owner shuts it out
        # and reads it again, as what waits.
        self._writer.wait(self._settings.kafka_session_seconds / 2)
        self._claims, self._batch, self._alone = {}, Batch(), {}

    def _joined(self) -> Consumer:
        assert self._consumer is not None
        return self._consumer

    def _stop_or_go(self) -> None:
        if self._ending or self._stopped():
            raise StoppedError

    def _wait_on(self) -> None:
        self._stop_or_go()
        self._beat()

    def _beat(self) -> None:
        self._pulse.beat(not self._writer.busy, len(self._claims))

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._stopped():
            time.sleep(0.05)

    def _say(self, consumer: Consumer) -> None:
        if time.monotonic() - self._said < _SAY_EVERY or not self._claims:
            return
        self._said = time.monotonic()
        ends = consumer.ends(self._claims)
        lag = sum(max(0, end - self._claims[place].next_offset) for place, end in ends.items() if place in self._claims)
        _log.info("%s, lag %d, partitions %d", self._taker.figures(), lag, len(self._claims))

    def _end_batch(self) -> None:
        """Wait for what is being taken in; how it ends counts no more: reading begins where the database stands."""
        in_hand = self._writer.result()
        if in_hand is not None:
            with suppress(OvertakenError, StoppedError):
                in_hand.done.result()
            self._publisher.wake()

    def _disconnect(self) -> None:
        self._end_batch()
        self._claims, self._batch, self._alone = {}, Batch(), {}
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with suppress(BrokerError):  # the broker may be away; the group notices by itself
                consumer.close()
