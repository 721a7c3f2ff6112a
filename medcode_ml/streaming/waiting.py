"""Waiting for the database: work that finds it gone is tried again until it is back, and nothing is given up."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

import psycopg
import sqlalchemy as sa

from medcode_ml.logs import logger
from medcode_ml.store import database
from medcode_ml.store.embedded import EmbeddedServerError

T = TypeVar("T")
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0
#: states in which a server takes nothing for the moment: shutting down or starting, read only after a fail-over
_PASSING: Final = ("57P", "08", "53", "25006", "40")


class StoppedError(Exception):
    """Asked to stop while waiting."""


def with_database(work: Callable[[sa.Engine], T], between: Callable[[], None]) -> T:
    """Do `work` with the engine, again and again while the database is away.

    `between` is called between two tries: to stay in a consumer group, or to raise `StoppedError`.
    """
    pause = _FIRST_PAUSE
    while True:
        try:
            return work(database.engine())
        except (sa.exc.DBAPIError, psycopg.Error, EmbeddedServerError) as error:
            if not _is_passing(error):
                raise
            logger("streaming").warning("the database is away (%s); trying again", type(error).__name__)
            _forget()
        until = time.monotonic() + pause
        while time.monotonic() < until:
            between()
            time.sleep(min(0.1, pause))
        pause = min(2 * pause, _LONGEST_PAUSE)


def _forget() -> None:
    """Drop every connection and ask anew where the database is: an embedded server is started again by that."""
    if database.engine.cache_info().currsize:
        database.engine().dispose()
    database.engine.cache_clear()


def _is_passing(error: Exception) -> bool:
    if isinstance(error, EmbeddedServerError):
        return True
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    if isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
        return True
    state = getattr(cause, "sqlstate", None) or ""
    return any(state.startswith(passing) for passing in _PASSING)
