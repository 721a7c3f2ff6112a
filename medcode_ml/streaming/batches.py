"""Batches of messages, and the one that is being taken in while the next is read.

One thread, one batch at a time: order and transactions are those of taking in batch after batch. What is gained is the
time that the database takes, in which the broker is read.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from medcode_ml.streaming.client import Message, Place
from medcode_ml.streaming.offsets import Claim

_TURN: Final = 0.0005
"""Seconds that a thread keeps the interpreter while another wants it; by Python's custom of 5 ms reading waits long."""


@dataclass
class Batch:
    """Messages of several partitions that wait to be taken in together, with what they weigh."""

    messages: dict[Place, list[Message]] = field(default_factory=dict)
    count: int = 0
    size: int = 0

    def add(self, polled: Mapping[Place, Sequence[Message]]) -> None:
        """Add what was polled, in order."""
        for place, messages in polled.items():
            self.messages.setdefault(place, []).extend(messages)
            self.count += len(messages)
            self.size += sum(len(m.value) for m in messages if m.value is not None)

    def ends(self) -> dict[Place, int]:
        """The offset after the last message of each partition."""
        return {place: messages[-1].offset + 1 for place, messages in self.messages.items()}

    def split(self, place: Place) -> tuple[Batch, Batch]:
        """The first message of `place` alone, and all the others."""
        first, others = Batch(), Batch()
        first.add({place: self.messages[place][:1]})
        rest = {p: m[1:] if p == place else m for p, m in self.messages.items()}
        others.add({p: m for p, m in rest.items() if m})
        return first, others


@dataclass(frozen=True)
class InHand:
    """A batch that is being taken in: where its partitions stood, and where they will stand."""

    claims: dict[Place, Claim]
    ends: dict[Place, int]
    done: Future[None]


class Writer:
    """Takes in one batch at a time on a thread of its own; all else is called by the thread that reads."""

    def __init__(self) -> None:
        """Nothing is in hand."""
        self._thread = ThreadPoolExecutor(1, "stream-writer")
        self._in_hand: InHand | None = None

    @property
    def busy(self) -> bool:
        """Whether a batch is in hand and not done."""
        return self._in_hand is not None and not self._in_hand.done.done()

    @property
    def free(self) -> bool:
        """Whether nothing is in hand: what was has been given back by `result`."""
        return self._in_hand is None

    def begin(self, claims: dict[Place, Claim], ends: dict[Place, int], work: Callable[[], None]) -> None:
        """Start taking in a batch; nothing else may be in hand."""
        assert self._in_hand is None
        self._in_hand = InHand(claims, ends, self._thread.submit(work))

    def wait(self, seconds: float) -> bool:
        """Wait for the batch in hand; whether there is none or it is done."""
        return self._in_hand is None or not wait([self._in_hand.done], seconds).not_done

    def result(self) -> InHand | None:
        """What was in hand, once it is done; ask its `done` how it ended."""
        in_hand, self._in_hand = self._in_hand, None
        if in_hand is not None:
            wait([in_hand.done])
        return in_hand

    def close(self) -> None:
        """End the thread, once it has nothing in hand."""
        self._thread.shutdown()


@contextmanager
def short_turns() -> Iterator[None]:
    """Let the thread that reads and the one that writes take turns more often than is Python's custom."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_TURN)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
