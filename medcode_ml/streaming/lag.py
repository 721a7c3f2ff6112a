"""How far behind streaming is, and which days to run for what was landed: only looking, nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from hashlib import blake2b
from typing import Final, Literal

import orjson
import sqlalchemy as sa

from medcode_ml.contracts.streamed import stream_message
from medcode_ml.streaming.client import Place, open_consumer
from medcode_ml.streaming.offsets import LAND, positions
from medcode_ml.streaming.topics import topic

PAUSE: Final = timedelta(minutes=5)
"""From a run that failed to the next one for the same messages."""
MOST_TRIES: Final = 3
"""Runs of a day for the same messages."""


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
class Asked:
    """A run that was asked for: where landing stood then, the number of the try, and when."""

    state: str
    tries: int
    at: datetime

    def key(self, day: date) -> str:
        """The run key of this run for `day`."""
        return f"{day.isoformat()}:{self.state}" + (f":{self.tries}" if self.tries > 1 else "")


@dataclass(frozen=True)
class Days:
    """What is remembered from look to look: offsets that were looked at, days that wait, days that were asked for."""

    offsets: Mapping[str, int]
    waiting: frozenset[date]
    asked: Mapping[date, Asked]

    @property
    def run_keys(self) -> list[str]:
        """The keys of the runs whose end is waited for."""
        return [one.key(day) for day, one in self.asked.items()]


@dataclass(frozen=True)
class EndedRun:
    """How a run ended: succeeded, failed or cancelled by a person."""

    how: Literal["succeeded", "failed", "cancelled"]
    at: datetime


@dataclass(frozen=True)
class KnownRuns:
    """Runs of the lineage: first and last day of those in hand, and what has ended by run key."""

    in_hand: Sequence[tuple[date, date]]
    ended: Mapping[str, EndedRun]


@dataclass(frozen=True)
class DaysWanted:
    """Days to run now, as (run key, day), days that no more runs are asked for, and the cursor to go on from."""

    days: list[tuple[str, date]]
    given_up: list[date]
    cursor: str


def days_from_cursor(cursor: str | None) -> Days:
    """What a cursor remembers; an empty one stands at the beginning."""
    known = orjson.loads(cursor) if cursor else {"offsets": {}, "waiting": []}
    return Days(
        known["offsets"],
        frozenset(date.fromisoformat(day) for day in known["waiting"]),
        {
            date.fromisoformat(day): Asked(one["state"], one["tries"], datetime.fromisoformat(one["at"]))
            for day, one in known.get("asked", {}).items()
        },
    )


def days_landed(engine: sa.Engine, seen: Mapping[str, int]) -> tuple[set[date], dict[str, int]]:
    """Days of the messages landed since `seen`, and where landing stands: offsets by topic/partition."""
    standing = {f"{place.topic}/{place.partition}": offset for place, offset in positions(engine, LAND).items()}
    of = stream_message.c
    new = [
        sa.and_(of.topic == name.rpartition("/")[0], of.partition == int(name.rpartition("/")[2]),
                of.offset >= seen.get(name, 0), of.offset < offset)
        for name, offset in standing.items()
        if offset > seen.get(name, 0)
    ]  # fmt: skip
    if not new:
        return set(), standing
    with engine.connect() as connection:
        return set(connection.execute(sa.select(of.received_date).where(sa.or_(*new)).distinct()).scalars()), standing


def days_wanted(
    known: Days, landed: set[date], standing: Mapping[str, int], runs: KnownRuns, now: datetime, most: int
) -> DaysWanted:
    """Which days to run now, the oldest first and at most `most`.

    A day waits while it has not begun and while a run of it is in hand: that one may have read before the last message
    came. A day whose run failed is asked for again after `PAUSE`, `MOST_TRIES` times in all, until new messages come.
    """
    waiting = known.waiting | landed
    asked = {day: one for day, one in known.asked.items() if day not in landed}
    busy = {day for day in waiting | set(asked) if any(first <= day <= last for first, last in runs.in_hand)}
    again, given_up = set(), []
    for day, one in list(asked.items()):
        run = runs.ended.get(one.key(day)) or EndedRun("failed", one.at)  # or it never began
        if day in busy or (run.how == "failed" and now - run.at < PAUSE):
            continue
        if run.how == "failed" and one.tries < MOST_TRIES:
            again.add(day)
            continue
        del asked[day]
        if run.how != "succeeded":
            given_up.append(day)
    ready = sorted(day for day in (waiting | again) - busy if day <= now.date())[:most]
    state = blake2b(orjson.dumps(standing, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()
    for day in ready:
        before = asked.get(day)
        asked[day] = Asked(before.state, before.tries + 1, now) if before else Asked(state, 1, now)
    cursor = {
        "offsets": standing,
        "waiting": sorted(day.isoformat() for day in waiting - set(ready)),
        "asked": {day.isoformat(): asdict(one) for day, one in asked.items()},
    }
    return DaysWanted(
        [(asked[day].key(day), day) for day in ready],
        sorted(given_up),
        orjson.dumps(cursor, option=orjson.OPT_SORT_KEYS).decode(),
    )
