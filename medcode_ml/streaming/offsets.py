"""How far each partition has come: kept in the database, moved in the transaction of what was read.

A partition is taken over with `claim`, which shuts out whoever had it (its epoch is older). `advance` moves it on only
from where the mover believed it to be, so that of two processes on one partition the slower one changes nothing.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from medcode_ml.contracts.streamed import stream_offset
from medcode_ml.streaming.client import Place

LAND: Final = "land"
WORK: Final = "work"


class OvertakenError(RuntimeError):
    """Another process has taken the partition over, or moved it on; nothing was written."""


@dataclass(frozen=True)
class Claim:
    """A partition that is ours: the first offset not taken in, our epoch, and how often work from there was begun."""

    next_offset: int
    epoch: int
    tries: int


def owner() -> str:
    """This process as the offsets name it."""
    return f"{socket.gethostname()}:{os.getpid()}"


def claim(
    engine: sa.Engine,
    reader: str,
    places: Sequence[Place],
    beginnings: Callable[[list[Place]], Mapping[Place, int]],
) -> dict[Place, Claim]:
    """Take partitions over; one that was never read starts at its beginning, as `beginnings` tells."""
    known = positions(engine, reader)
    new = [place for place in places if place not in known]
    first = beginnings(new) if new else {}
    claimed = {}
    with engine.begin() as connection:
        now = sa.func.clock_timestamp()
        for place in sorted(places):
            wanted = sa.dialects.postgresql.insert(stream_offset).values(
                reader=reader, topic=place.topic, partition=place.partition, next_offset=first.get(place, 0), epoch=1,
                owner=owner(), tries=0, updated_at=now,
            )  # fmt: skip
            row = connection.execute(
                wanted.on_conflict_do_update(
                    index_elements=list(stream_offset.primary_key),
                    set_={"epoch": stream_offset.c.epoch + 1, "owner": owner()},
                ).returning(stream_offset.c.next_offset, stream_offset.c.epoch, stream_offset.c.tries)
            ).one()
            claimed[place] = Claim(int(row.next_offset), int(row.epoch), int(row.tries))
    return claimed


def advance(
    connection: sa.Connection, reader: str, place: Place, epoch: int, expected: int, next_offset: int
) -> datetime:
    """Move a claimed partition from `expected` to `next_offset` in the caller's transaction; returns the time.

    Call it before anything else is written: it waits for whoever moves the partition at the moment.

    Raises:
        OvertakenError: the partition is no longer ours, or no longer there.
    """
    row = connection.execute(
        sa.update(stream_offset)
        .where(_is(reader, place), stream_offset.c.epoch == epoch, stream_offset.c.next_offset == expected)
        .values(next_offset=next_offset, tries=0, updated_at=sa.func.clock_timestamp())
        .returning(stream_offset.c.updated_at)
    ).one_or_none()
    if row is None:
        raise OvertakenError(f"{place.topic}/{place.partition} was taken over or moved on by another process")
    moved: datetime = row.updated_at
    return moved


def move_on(engine: sa.Engine, reader: str, place: Place, claimed: Claim, to: int) -> Claim:
    """Move a claimed partition on to `to`, past offsets that hold no messages; the errors are those of `advance`."""
    with engine.begin() as connection:
        advance(connection, reader, place, claimed.epoch, claimed.next_offset, to)
    return replace(claimed, next_offset=to, tries=0)


def is_ours(engine: sa.Engine, reader: str, place: Place, epoch: int, next_offset: int) -> bool:
    """Whether the partition is still ours and stands at `next_offset`: what a commit that was cut off came to."""
    with engine.connect() as connection:
        found = connection.execute(
            sa.select(stream_offset.c.epoch, stream_offset.c.next_offset).where(_is(reader, place))
        ).one_or_none()
    return found is not None and (int(found.epoch), int(found.next_offset)) == (epoch, next_offset)


def begin_work(engine: sa.Engine, reader: str, place: Place, epoch: int) -> int:
    """Note that work from the partition's next offset on begins; returns how often it has begun without an end.

    Raises:
        OvertakenError: the partition is no longer ours.
    """
    with engine.begin() as connection:
        row = connection.execute(
            sa.update(stream_offset)
            .where(_is(reader, place), stream_offset.c.epoch == epoch)
            .values(tries=stream_offset.c.tries + 1)
            .returning(stream_offset.c.tries)
        ).one_or_none()
    if row is None:
        raise OvertakenError(f"{place.topic}/{place.partition} was taken over by another process")
    return int(row.tries)


def give_back(engine: sa.Engine, reader: str, place: Place, epoch: int) -> None:
    """Take back that work was begun: it ended because the process was asked to stop. Nothing where it is not ours."""
    with engine.begin() as connection:
        connection.execute(
            sa.update(stream_offset)
            .where(_is(reader, place), stream_offset.c.epoch == epoch, stream_offset.c.tries > 0)
            .values(tries=stream_offset.c.tries - 1)
        )


def positions(engine: sa.Engine, reader: str) -> dict[Place, int]:
    """The next offset of every partition that `reader` has ever claimed."""
    query = sa.select(stream_offset.c.topic, stream_offset.c.partition, stream_offset.c.next_offset)
    with engine.connect() as connection:
        rows = connection.execute(query.where(stream_offset.c.reader == reader)).all()
    return {Place(topic, partition): int(offset) for topic, partition, offset in rows}


def _is(reader: str, place: Place) -> sa.ColumnElement[bool]:
    of = stream_offset.c
    return sa.and_(of.reader == reader, of.topic == place.topic, of.partition == place.partition)
