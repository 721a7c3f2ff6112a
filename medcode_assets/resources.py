"""Resources of the assets: the database and the configured source. Nothing is opened before it is asked for."""

from __future__ import annotations

import dagster as dg
import sqlalchemy as sa

from medcode_ml.billing.answers.arrivals import Arrivals
from medcode_ml.billing.answers.kept import KeptFiles
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


class ConfiguredInsurers(dg.ConfigurableResource[None]):
    """Where insurers' answers come from: the inbox, and the simulated payers (synthetic) of the simulated network."""

    def open(self) -> tuple[list[Arrivals], KeptFiles]:
        """Sources of answers, and where they are kept."""
        from medcode_ml.insurers import configured_insurers

        return configured_insurers()
