"""What all tests share: a MEDCODE_HOME of their own and, for those that ask, a real PostgreSQL under it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa


@pytest.fixture(scope="session", autouse=True)
def medcode_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """All state of the test session lies here, nothing of a developer's own MEDCODE_HOME is touched."""
    home = tmp_path_factory.mktemp("medcode")
    for name in [n for n in os.environ if n.startswith("MEDCODE_") or n == "MLFLOW_TRACKING_URI"]:
        del os.environ[name]
    os.environ["MEDCODE_HOME"] = str(home)
    from medcode_ml.settings import settings

    settings.cache_clear()
    yield home
    from medcode_ml.store.embedded import EmbeddedServer

    EmbeddedServer(settings()).remove()


@pytest.fixture(scope="session")
def server_engine(medcode_home: Path) -> sa.Engine:
    """An engine on a real PostgreSQL, migrated."""
    from medcode_ml.store.database import engine
    from medcode_ml.store.migrate import migrate

    migrate(engine())
    return engine()


@pytest.fixture
def database(server_engine: sa.Engine) -> sa.Engine:
    """The migrated database with every table empty."""
    from medcode_ml.contracts import metadata

    names = ", ".join(f'"{t.schema}"."{t.name}"' for t in metadata.tables.values())
    with server_engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {names}"))
    return server_engine
