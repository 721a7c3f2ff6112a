"""Landing again: messages from an offset on, dead letters that are good by now, and dead letters sent again repaired.

Every way can be gone twice: what is landed stays as it is, and what was sent again carries the message_id it had.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from medcode_ml.contracts.ids import record_hash
from medcode_ml.contracts.streamed import stream_dead_letter, stream_message
from medcode_ml.settings import settings
from medcode_ml.streaming.client import Consumer, Message, Place, Producer
from medcode_ml.streaming.messages import Landing, MessageFault, Reader, delivered_bytes, parse
from medcode_ml.streaming.offsets import LAND, positions
from medcode_ml.streaming.topics import REQUEST, SCANNED_RECORD, StreamError, topic
from medcode_ml.streaming.validation import checker

_AT_ONCE: Final = 1000
_LETTERS_AT_ONCE: Final = 100
_SECONDS: Final = 30.0


@dataclass
class Replayed:
    """What came of it; `days` are the received days whose stages should run again."""

    read: int = 0
    landed: int = 0
    still_dead: int = 0
    sent: int = 0
    days: set[date] = field(default_factory=set)
    rejected: list[tuple[int, str]] = field(default_factory=list)


class _Kept(NamedTuple):
    """A dead letter read back as the message it was."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def replay_offsets(
    engine: sa.Engine, consumer: Consumer, place: Place, first: int, last: int | None = None
) -> Replayed:
    """Read a partition again from offset `first` to `last` and land what is missing; its own position does not move.

    It ends where landing stands, at most.

    Raises:
        StreamError: the partition was never landed, or the broker no longer holds the offsets.
    """
    standing = positions(engine, LAND)
    if place not in standing:
        known = ", ".join(f"{p.topic}/{p.partition}" for p in sorted(standing)) or "none"
        raise StreamError(f"{place.topic}/{place.partition} was never landed; known: {known}")
    held = consumer.beginnings([place])[place]
    if first < held:
        raise StreamError(f"{place.topic}/{place.partition}: the broker holds messages from {held} on, not {first}")
    end = standing[place] if last is None else min(last + 1, standing[place])
    done, reader, at = Replayed(), Reader(settings().first_day), first
    consumer.assign({place: first})
    while at < end:
        polled = consumer.poll(5.0, _AT_ONCE).get(place, [])
        if not polled:
            break  # the last offsets of a partition may be marks of transactions
        messages = [m for m in polled if m.offset < end]
        at = polled[-1].offset + 1
        _land_missing(engine, reader, place, messages, done)
    return done


def replay_dead_letters(engine: sa.Engine) -> Replayed:
    """Try every unsettled dead letter of the scanned-record topic by the rules of now; land those that are good."""
    of, done, after = stream_dead_letter.c, Replayed(), sa.tuple_(sa.literal(-1), sa.literal(-1))
    reader = Reader(settings().first_day)
    waiting = sa.select(stream_dead_letter).where(of.settled_at.is_(None), of.topic == topic(SCANNED_RECORD))
    waiting = waiting.order_by(of.partition, of.offset).limit(_LETTERS_AT_ONCE)
    while True:
        with engine.connect() as connection:
            rows = connection.execute(waiting.where(sa.tuple_(of.partition, of.offset) > after)).all()
        if not rows:
            return done
        after = sa.tuple_(sa.literal(rows[-1].partition), sa.literal(rows[-1].offset))
        for partition, members in groupby(rows, key=lambda row: row.partition):
            kept = [_as_sent(row) for row in members]
            _land_missing(engine, reader, Place(topic(SCANNED_RECORD), partition), kept, done)


def _as_sent(row: Any) -> _Kept:
    """The message of a dead letter, with its time; where that was lost, the time it was set aside."""
    # one without a day had no time either: none is made up for it
    time = row.message_time or (None if row.rule == "no_day" else row.landed_at)
    milliseconds = 0 if time is None else int(time.timestamp() * 1000)
    return _Kept(row.offset, milliseconds, None, delivered_bytes(row.encoding, row.payload))


def send_repaired(engine: sa.Engine, producer: Producer, path: Path) -> Replayed:
    """Send repaired dead letters again: lines {"dead_letter_id", "message": the whole message, put right}.

    Raises:
        StreamError: the file cannot be read.
        BrokerError: the broker did not take them; send the file again.
    """
    done = Replayed()
    for number, line in _lines(path):
        reason = _repaired(engine, producer, line)
        done.read += 1
        if reason is None:
            done.sent += 1
        else:
            done.rejected.append((number, reason))
    return done


def _repaired(engine: sa.Engine, producer: Producer, line: bytes) -> str | None:
    """Send one repaired dead letter; returns why not."""
    try:
        told = orjson.loads(line)
        dead_letter_id, message = str(told["dead_letter_id"]), told["message"]
        data = orjson.dumps(message)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, KeyError, TypeError):
        return 'no line of the form {"dead_letter_id": ..., "message": {...}}'
    if not dead_letter_id.isalnum():
        return "there is no dead letter of that id"
    of = stream_dead_letter.c
    with engine.begin() as connection:
        query = sa.select(stream_dead_letter).where(of.dead_letter_id == dead_letter_id).with_for_update()
        row = connection.execute(query).one_or_none()
        if row is None:
            return "there is no dead letter of that id"
        if row.settled_as is not None:
            return f"the dead letter is settled already ({row.settled_as})"
        if row.topic == topic(SCANNED_RECORD):
            landings, dead = Reader(settings().first_day).read(
                Place(row.topic, row.partition), [_as_sent(row)._replace(value=data)]
            )
            if dead:
                return dead[0].reason
            # the day of the message that was set aside, not that of sending it again
            data = orjson.dumps({"received_date": landings[0].received_date.isoformat(), **message})
        elif row.topic == topic(REQUEST):
            fault = parse(data, checker(REQUEST))
            if isinstance(fault, MessageFault):
                return fault.reason
        else:
            return "it came by a topic that is not read any more"
        producer.send(row.topic, record_hash("repaired", dead_letter_id), data)
        producer.flush(_SECONDS)
        connection.execute(_settled(of.dead_letter_id == dead_letter_id, "sent_again"))
    return None


def _land_missing(engine: sa.Engine, reader: Reader, place: Place, messages: Sequence[Message], done: Replayed) -> None:
    landings, dead = reader.read(place, messages)
    done.read += len(messages)
    done.still_dead += len(dead)
    if not landings:
        return
    with engine.begin() as connection:
        now: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        missing = pg.insert(stream_message).on_conflict_do_nothing().returning(
            stream_message.c.offset, stream_message.c.received_date
        )  # fmt: skip
        rows: list[dict[str, Any]] = [{**one._asdict(), "landed_at": now} for one in landings]
        new = connection.execute(missing, rows).all()
        at = stream_dead_letter.c
        connection.execute(
            _settled(
                sa.and_(at.topic == place.topic, at.partition == place.partition,
                        at.offset.in_([one.offset for one in landings])),
                "landed",
            )
        )  # fmt: skip
    done.landed += len(new)
    done.days |= {row.received_date for row in new}


def _settled(which: sa.ColumnElement[bool], how: str) -> sa.Update:
    changed = sa.update(stream_dead_letter).where(which, stream_dead_letter.c.settled_at.is_(None))
    return changed.values(settled_at=sa.func.clock_timestamp(), settled_as=how)


def _lines(path: Path) -> list[tuple[int, bytes]]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise StreamError(f"{path}: {error.strerror}; name a JSON Lines file of repaired dead letters") from error
    return [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]


__all__ = ["Landing", "Replayed", "replay_dead_letters", "replay_offsets", "send_repaired"]
