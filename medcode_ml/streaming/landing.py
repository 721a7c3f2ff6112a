"""Landing: messages of the scanned-record topic into `raw`, with their dead letters and offsets, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts.streamed import stream_dead_letter, stream_message
from medcode_ml.settings import Settings, settings
from medcode_ml.store.frames import copy_in
from medcode_ml.streaming.batches import Batch
from medcode_ml.streaming.client import Consumer, Place, Producer, Sender
from medcode_ml.streaming.dead_letters import publish_dead_letters
from medcode_ml.streaming.loop import Hand, Loop
from medcode_ml.streaming.messages import DeadLetter, Landing, Reader
from medcode_ml.streaming.offsets import LAND, Claim, advance
from medcode_ml.streaming.outbox import unsent
from medcode_ml.streaming.topics import SCANNED_RECORD


@dataclass(frozen=True)
class ReadBatch:
    """A batch made ready for the database: rows, dead letters, and the next offset of each partition."""

    landings: list[Landing]
    dead: list[DeadLetter]
    ends: dict[Place, int]


class Lander:
    """Takes in messages of the scanned-record topic; in = landed + dead letters."""

    reader = LAND
    subject = SCANNED_RECORD
    prompt = False

    def __init__(self, chosen: Settings | None = None) -> None:
        """Days before the first day of the settings have no partition to go to."""
        self._reader = Reader((chosen or settings()).first_day)
        self.landed = self.dead_letters = self.transactions = 0

    def take(self, batch: Batch, claims: Mapping[Place, Claim], hand: Hand) -> None:
        """See `loop.Taker`."""
        read = read_batch(batch, self._reader)
        hand.database(lambda engine: land(engine, read, claims))
        self.landed += len(read.landings)
        self.dead_letters += len(read.dead)
        self.transactions += 1

    def publish(self, engine: sa.Engine, sender: Sender) -> None:
        """See `loop.Taker`."""
        publish_dead_letters(engine, sender)

    def unsent(self, engine: sa.Engine) -> int:
        """See `loop.Taker`."""
        return unsent(engine, stream_dead_letter)

    def figures(self) -> str:
        """See `loop.Taker`."""
        return f"landed {self.landed}, dead letters {self.dead_letters}, transactions {self.transactions}"


def run_landing(
    open_consumer: Callable[[], Consumer],
    open_producer: Callable[[], Producer],
    stopped: Callable[[], bool],
    *,
    until_end: bool = False,
) -> Lander:
    """Land messages until stopped or, with `until_end`, until the topic has nothing more; returns what was done.

    Raises:
        StreamError: the broker holds less than was landed from it, or has lost messages: somebody must look.
    """
    lander = Lander()
    Loop(lander, open_consumer, open_producer, stopped).run(until_end)
    return lander


def read_batch(batch: Batch, reader: Reader) -> ReadBatch:
    """Read the messages of a batch: in = landings + dead letters."""
    landings: list[Landing] = []
    dead: list[DeadLetter] = []
    for place, messages in batch.messages.items():
        good, bad = reader.read(place, messages)
        landings += good
        dead += bad
    return ReadBatch(landings, dead, batch.ends())


def land(engine: sa.Engine, read: ReadBatch, claims: Mapping[Place, Claim]) -> None:
    """Land a batch: rows, dead letters and offsets together or not at all.

    Raises:
        OvertakenError: another process has one of the partitions now; nothing was written.
    """
    with engine.begin() as connection:
        moved = advance_all(connection, LAND, read.ends, claims)
        if moved is not None:
            copy_rows(connection, stream_message, read.landings, Landing._fields, landed_at=moved)
            copy_rows(connection, stream_dead_letter, read.dead, DeadLetter._fields, landed_at=moved)


def advance_all(
    connection: sa.Connection, reader: str, ends: Mapping[Place, int], claims: Mapping[Place, Claim]
) -> datetime | None:
    """Move partitions on, always in one order: two processes wait for each other, never in a ring; returns the time."""
    moved = None
    for place in sorted(ends):
        moved = advance(connection, reader, place, claims[place].epoch, claims[place].next_offset, ends[place])
    return moved


def copy_rows(
    connection: sa.Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]], columns: Sequence[str],
    **at: datetime,
) -> None:  # fmt: skip
    """COPY tuples into a table that has these columns, and the times `at` in every row."""
    if rows:
        values = zip(*rows, strict=True)
        frame = pd.DataFrame({c: pd.Series(v, dtype=object) for c, v in zip(columns, values, strict=True)})
        copy_in(connection, table, frame.assign(**{name: time.isoformat() for name, time in at.items()}))
