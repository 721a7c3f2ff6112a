"""A small simulated network in a database, taken in, mapped, linked and filtered: what models are trained on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import sqlalchemy as sa

from medcode_ml.contracts import metadata
from medcode_ml.simulation.config import NetworkConfig
from medcode_ml.simulation.delivery import write_delivery

FIRST, LAST = date(2026, 9, 29), date(2026, 10, 2)
SMALL = NetworkConfig(seed=5, encounters=220, first_day=FIRST, last_day=LAST, scanned_pages=0)


@contextmanager
def labelled_network(engine: sa.Engine, folder: Path) -> Iterator[sa.Engine]:
    """The database with the network up to `filtered` and nothing else; empty again afterwards."""
    from medcode_ml.filtering.stage import run_filtering
    from medcode_ml.intake.folder import FolderSource
    from medcode_ml.intake.landing import run_intake
    from medcode_ml.intake.page_store import PageWork
    from medcode_ml.mapping.linkage.stage import run_linkage
    from medcode_ml.mapping.stage import run_mapping

    names = ", ".join(f'"{t.schema}"."{t.name}"' for t in metadata.tables.values())
    with engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {names}"))
    root = write_delivery(SMALL, folder / "delivery")
    run_intake(engine, FolderSource(root), FIRST, LAST, PageWork(folder / "store", 1, 30))
    run_mapping(engine, FIRST, LAST)
    run_linkage(engine)
    run_filtering(engine, FIRST, LAST)
    yield engine
    with engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {names}"))
