"""A day's rows cut into ranges of a key, so that any number of them passes through in flat memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

Key = tuple[str, ...]


@dataclass(frozen=True)
class KeyRange:
    """Rows whose key lies after `after` and up to `upto`; without bounds all, `keyless` those whose key is null."""

    columns: tuple[str, ...]
    after: Key | None = None
    upto: Key | None = None
    keyless: bool = False

    def of(self, table: sa.Table, day: date) -> sa.ColumnElement[bool]:
        """The condition on `table` for the rows of `day` in this range."""
        parts = [table.c.received_date == day]
        key = [table.c[c] for c in self.columns]
        if self.keyless:
            parts.append(key[-1].is_(None))
        if self.after is not None:
            parts.append(sa.tuple_(*key) > _row(self.after))
        if self.upto is not None:
            parts.append(sa.tuple_(*key) <= _row(self.upto))
        return sa.and_(*parts)


def _row(key: Key) -> Any:
    return sa.tuple_(*(sa.literal(k) for k in key))


def key_ranges(
    connection: sa.Connection, day: date, tables: Sequence[sa.Table], columns: tuple[str, ...], size: int
) -> Iterator[KeyRange]:
    """Ranges of the key `columns` with about `size` rows of `tables` in each; a day with fewer has one without bounds.

    All rows of one key are in one range, whichever table they stand in. The database compares the keys, so that ranges
    and conditions agree whatever its collation.
    """
    keys = [sa.select(*[t.c[c] for c in columns]).where(t.c.received_date == day) for t in tables]
    together = sa.union_all(*keys).subquery()
    rows = connection.execute(sa.select(sa.func.count()).select_from(together)).scalar_one()
    if rows <= size:
        yield KeyRange(columns)
        return
    names = [together.c[c] for c in columns]
    counted = sa.select(*names, sa.func.count().label("n")).where(names[-1].is_not(None)).group_by(*names).subquery()
    ordered = [counted.c[c] for c in columns]
    running = sa.select(*ordered, sa.func.sum(counted.c.n).over(order_by=ordered).label("upto")).subquery()
    part = sa.func.div(running.c.upto - 1, size)
    last = (
        sa.select(*[running.c[c] for c in columns])
        .distinct(part)
        .order_by(part, *[running.c[c].desc() for c in columns])
    )
    bounds: list[Key] = [tuple(row) for row in connection.execute(last)]
    after: Key | None = None
    for number, upto in enumerate(bounds, start=1):
        yield KeyRange(columns, after, upto if number < len(bounds) else None)
        after = upto
    if rows > 0 and connection.execute(sa.select(sa.exists().where(names[-1].is_(None)))).scalar_one():
        yield KeyRange(columns, keyless=True)
