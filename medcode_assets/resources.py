"""Resources of the assets: the database and the configured source. Nothing is opened before it is asked for."""

from __future__ import annotations

import dagster as dg
import sqlalchemy as sa

from medcode_ml.intake.source import Source
from medcode_ml.store.database import engine


class Database(dg.ConfigurableResource[None]):
    """The database that `MEDCODE_DATABASE_URL` names, or the embedded server."""

    def engine(self) -> sa.Engine:
        """The engine of this process."""
        return engine()


class ConfiguredSource(dg.ConfigurableResource[None]):
    """The source that `MEDCODE_SOURCE` names; the simulated hospital network by default."""

    def open(self) -> Source:
        """Open the source."""
        from medcode_ml.pipeline import configured_source

        return configured_source()
