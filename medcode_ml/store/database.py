"""Which database medcode works on, and the engine that reaches it."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import sqlalchemy as sa

from medcode_ml.settings import settings
from medcode_ml.store.embedded import EmbeddedServer

_TIME_LIMITS: Final = {
    "connect_timeout": 10, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}  # fmt: skip
"""Of libpq, seconds (the last: milliseconds): a host that is gone without a word is an error, not a wait of hours."""


class DatabaseUrlError(ValueError):
    """`MEDCODE_DATABASE_URL` does not name a PostgreSQL database."""


def database_url() -> str:
    """Return the URL of the database: `MEDCODE_DATABASE_URL`, or the embedded server, started when needed."""
    outside = settings().database_url
    if outside is None:
        return EmbeddedServer(settings()).ensure()
    url = outside.get_secret_value()
    if not url.startswith(("postgresql://", "postgres://")):
        raise DatabaseUrlError(
            "MEDCODE_DATABASE_URL must start with postgresql:// (for example postgresql://user:secret@host:5432/medcode)"
        )
    return "postgresql://" + url.split("://", 1)[1]


def make_engine(url: str) -> sa.Engine:
    """Return an engine over psycopg for a `postgresql://` URL; what the URL says of time limits goes before ours."""
    made = sa.make_url(url).set(drivername="postgresql+psycopg")
    limits = {name: value for name, value in _TIME_LIMITS.items() if name not in made.query}
    return sa.create_engine(made, pool_pre_ping=True, hide_parameters=True, connect_args=limits)


@lru_cache(maxsize=1)
def engine() -> sa.Engine:
    """Return the engine of this process."""
    return make_engine(database_url())
