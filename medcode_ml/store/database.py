"""Which database medcode works on, and the engine that reaches it."""

from __future__ import annotations

from functools import lru_cache

import sqlalchemy as sa

from medcode_ml.settings import settings
from medcode_ml.store.embedded import EmbeddedServer


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
    """Return an engine over psycopg for a `postgresql://` URL."""
    return sa.create_engine(
        sa.make_url(url).set(drivername="postgresql+psycopg"), pool_pre_ping=True, hide_parameters=True
    )


@lru_cache(maxsize=1)
def engine() -> sa.Engine:
    """Return the engine of this process."""
    return make_engine(database_url())
