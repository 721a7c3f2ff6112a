"""Sending what waits on a thread of its own: neither reading nor answering ever waits for it, and it is never given up.

What cannot be sent stays where it is kept. It is tried again after pauses that grow, with a producer opened anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Final

from medcode_ml.logs import logger
from medcode_ml.streaming.client import BrokerError, Delivered, Outgoing, Producer, Sender
from medcode_ml.streaming.waiting import StoppedError

_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
_BEAT: Final = 0.2
_log = logger("streaming.publisher")


class Publisher:
    """Sends what waits whenever it is woken; all but `deliver` is called by one thread."""

    def __init__(
        self, publish: Callable[[Sender], None], open_producer: Callable[[], Producer], every: float = 0.0
    ) -> None:
        """`publish` sends all that waits, once in `every` seconds at most; it has the producer opened by sending."""
        self._publish = publish
        self._open = open_producer
        self._every = every
        self._thread = ThreadPoolExecutor(1, "stream-publisher")
        self._going: Future[None] | None = None
        self._producer: Producer | None = None
        self._waits = True  # an earlier process may have left something
        self._pause = 0.0
        self._not_before = 0.0
        self.failure: BrokerError | None = None
        """Why the last try left something."""

    def wake(self) -> None:
        """There is something new to send."""
        self._waits = True

    def turn(self) -> None:
        """Begin to send where something waits and nothing is under way; does not wait for it."""
        self._collect()
        if self._waits and self._going is None and time.monotonic() >= self._not_before:
            self._begin()

    def finish(self, between: Callable[[], None], *, anew: bool) -> None:
        """Send what waits and wait for that, calling `between` meanwhile; after a failure only where `anew` says so."""
        self._await(between)
        if self._waits and (anew or self.failure is None):
            self._begin()
            self._await(between)

    def close(self) -> None:
        """End the thread and the producer."""
        self._thread.shutdown()
        self._drop()

    def deliver(self, messages: Sequence[Outgoing], seconds: float) -> list[Delivered]:
        """See `client.Sender`; for `publish` alone."""
        if self._producer is None:
            self._producer = self._open()
        return self._producer.deliver(messages, seconds)

    def _begin(self) -> None:
        self._waits = False
        self._going = self._thread.submit(self._once)

    def _once(self) -> None:
        try:
            self._publish(self)
        except BrokerError:
            self._drop()
            raise

    def _collect(self) -> None:
        if self._going is None or not self._going.done():
            return
        going, self._going = self._going, None
        try:
            going.result()
        except StoppedError:
            self._waits = True
        except BrokerError as error:
            self._waits, self.failure = True, error
            self._pause = min(max(2 * self._pause, _FIRST_PAUSE), _LONGEST_PAUSE)
            self._not_before = time.monotonic() + self._pause
            _log.warning("%s; trying again in %.0f s", error, self._pause)
        else:
            self.failure, self._pause, self._not_before = None, 0.0, time.monotonic() + self._every

    def _await(self, between: Callable[[], None]) -> None:
        while self._going is not None:
            wait([self._going], _BEAT)
            between()
            self._collect()

    def _drop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(BrokerError):  # the broker may be away
                producer.close()
