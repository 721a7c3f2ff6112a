"""Deleting what streaming keeps, once somebody asks: by itself nothing is deleted.

What a later step still needs stays, however old: what has not been sent, dead letters that wait for repair, the last
event of an encounter (the next one is held against it), and landed messages of a day that can be run again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final

import sqlalchemy as sa
from tqdm import tqdm

from medcode_ml.contracts.streamed import event, reply, stream_dead_letter, stream_message
from medcode_ml.settings import settings

_AT_ONCE: Final = 2000


def purge(
    engine: sa.Engine, older_than: timedelta, *, dry_run: bool = False, now: datetime | None = None
) -> dict[str, int]:
    """Delete what is older and no longer needed, some rows at a time; returns rows by table.

    Replies and events go by the time they were sent, dead letters by the time they were settled, and landed messages
    by their day: only those before the first day of the settings, which no run reads again and no message lands on.

    Args:
        engine: the database.
        older_than: age from which on rows go.
        dry_run: count only.
        now: present time unless given.
    """
    before = (now or datetime.now(UTC)) - older_than
    days_before = min(before.date(), settings().first_day)
    wanted = {
        reply: reply.c.published_at < before,
        event: sa.and_(event.c.published_at < before, _is_overtaken()),
        stream_dead_letter: sa.and_(
            stream_dead_letter.c.settled_at < before, stream_dead_letter.c.published_at.is_not(None)
        ),
        stream_message: sa.and_(stream_message.c.received_date < days_before, _is_alone(days_before)),
    }
    found = {}
    for table, condition in wanted.items():
        if dry_run:
            with engine.connect() as connection:
                counted = sa.select(sa.func.count()).select_from(table).where(condition)
                found[table.fullname] = int(connection.execute(counted).scalar_one())
        else:
            found[table.fullname] = sum(_deleted(engine, table, condition))
    return found


def _deleted(engine: sa.Engine, table: sa.Table, condition: sa.ColumnElement[bool]) -> Iterator[int]:
    """Delete along the primary key, a transaction for every `_AT_ONCE` rows: no lock is held for long."""
    columns = list(table.primary_key.columns)
    key, left = sa.tuple_(*columns), condition
    with tqdm(desc=table.fullname, unit="row", disable=not sys.stderr.isatty()) as bar:
        while True:
            with engine.begin() as connection:
                chosen = connection.execute(sa.select(*columns).where(left).order_by(*columns).limit(_AT_ONCE)).all()
                if not chosen:
                    return
                last = sa.tuple_(*chosen[-1])
                gone = connection.execute(sa.delete(table).where(left, key <= last)).rowcount
            left = sa.and_(condition, key > last)
            bar.update(gone)
            yield gone


def _is_overtaken() -> sa.ColumnElement[bool]:
    """Whether a later event tells of the same encounter, day and family (a claim is billed or held)."""
    one, later = event.c, event.alias("later").c
    claim = ("billed", "held")
    return sa.exists().where(
        later.received_date == one.received_date,
        later.encounter_id == one.encounter_id,
        sa.or_(later.kind == one.kind, sa.and_(later.kind.in_(claim), one.kind.in_(claim))),
        sa.tuple_(later.recorded_at, later.event_id) > sa.tuple_(one.recorded_at, one.event_id),
    )


def _is_alone(days_before: date) -> sa.ColumnElement[bool]:
    """Whether the message was not sent again for a day that stays: there the first of one id counts."""
    one, other = stream_message.c, stream_message.alias("other").c
    return ~sa.exists().where(
        other.source_system == one.source_system,
        other.message_id == one.message_id,
        other.received_date >= days_before,
    )
