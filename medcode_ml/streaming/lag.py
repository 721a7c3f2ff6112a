"""How far behind streaming is, and which days what was landed lately belongs to: only looking, nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b

import orjson
import sqlalchemy as sa

from medcode_ml.contracts.streamed import stream_message
from medcode_ml.streaming.client import Place, open_consumer
from medcode_ml.streaming.offsets import LAND, positions
from medcode_ml.streaming.topics import topic


@dataclass(frozen=True)
class PartitionLag:
    """A partition: the offset its next message will get, how far the database has come, and what lies between."""

    place: Place
    end: int
    taken_in: int
    lag: int


def partition_lags(engine: sa.Engine, reader: str, subject: str) -> list[PartitionLag]:
    """The lag of every partition of a topic for `reader` (`land` or `work`).

    A partition that was never read lags by what the broker holds of it.

    Raises:
        BrokerError: the broker cannot be reached.
        StreamError: no broker is named.
    """
    consumer = open_consumer("lag")
    try:
        places = consumer.partitions(topic(subject))
        ends, beginnings = consumer.ends(places), consumer.beginnings(places)
    finally:
        consumer.close()
    taken = positions(engine, reader)
    found = []
    for place in places:
        at = taken.get(place, beginnings[place])
        found.append(PartitionLag(place, ends[place], at, max(0, ends[place] - at)))
    return found


@dataclass(frozen=True)
class DaysWanted:
    """Days to run now, as (run key, day), and the cursor to go on from."""

    days: list[tuple[str, date]]
    cursor: str


def days_landed_since(engine: sa.Engine, cursor: str, today: date, most: int) -> DaysWanted:
    """Days that messages were landed for since `cursor` (offsets by topic and partition; empty is the beginning).

    At most `most` days are handed out at a time, the oldest first; the others, and days that have not begun, wait in
    the cursor.
    """
    known = orjson.loads(cursor) if cursor else {"offsets": {}, "waiting": []}
    standing = {f"{place.topic}/{place.partition}": offset for place, offset in positions(engine, LAND).items()}
    waiting = {date.fromisoformat(day) for day in known["waiting"]} | _days(engine, known["offsets"], standing)
    ready = sorted(day for day in waiting if day <= today)[:most]
    state = blake2b(orjson.dumps(standing, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()
    left = sorted(day.isoformat() for day in waiting - set(ready))
    return DaysWanted(
        [(f"{day.isoformat()}:{state}", day) for day in ready],
        orjson.dumps({"offsets": standing, "waiting": left}, option=orjson.OPT_SORT_KEYS).decode(),
    )


def _days(engine: sa.Engine, seen: Mapping[str, int], standing: Mapping[str, int]) -> set[date]:
    of = stream_message.c
    new = [
        sa.and_(of.topic == name.rpartition("/")[0], of.partition == int(name.rpartition("/")[2]),
                of.offset >= seen.get(name, 0), of.offset < offset)
        for name, offset in standing.items()
        if offset > seen.get(name, 0)
    ]  # fmt: skip
    if not new:
        return set()
    with engine.connect() as connection:
        return set(connection.execute(sa.select(of.received_date).where(sa.or_(*new)).distinct()).scalars())
