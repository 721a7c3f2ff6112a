"""Taking turns: transactions of any process that name the same thing do it one after the other."""

from __future__ import annotations

import sqlalchemy as sa

_LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


def take_turn(connection: sa.Connection, name: str) -> None:
    """Wait for every transaction that took the turn of `name` before; it is this one's until the transaction ends."""
    connection.execute(_LOCK, {"name": name})
