"""Raw records back out in the folder layout: what `medcode export` writes."""

from __future__ import annotations

from datetime import date
from functools import partial
from pathlib import Path

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import raw
from medcode_ml.contracts.raw import DELIVERED
from medcode_ml.intake.layout import PageFile, write_layout
from medcode_ml.intake.page_store import PageStore
from medcode_ml.store.frames import read_partition


def export_deliveries(engine: sa.Engine, pages: PageStore, out: Path, first: date, last: date) -> dict[str, int]:
    """Write the raw records received from `first` to `last` as a delivery folder; return rows by table.

    `pages` is the page store; page files come out under the names the scanned records use. A page file that was never
    stored (it could not be opened when it came) is left out: its record still names it.
    """
    encounter = raw.delivered_tables["encounter"]
    counts = dict.fromkeys(DELIVERED, 0)
    tables: dict[date, dict[str, pd.DataFrame]] = {}
    files: dict[date, dict[str, PageFile]] = {}
    with engine.connect() as connection:
        days = connection.execute(
            sa.select(encounter.c.received_date)
            .where(encounter.c.received_date.between(first, last))
            .distinct()
            .order_by(encounter.c.received_date)
        ).scalars()
        for day in list(days):
            tables[day] = {name: read_partition(connection, table, day) for name, table in raw.delivered_tables.items()}
            for name, frame in tables[day].items():
                counts[name] += len(frame)
            stored = read_partition(connection, raw.page, day)[["file", "content_hash"]].drop_duplicates()
            files[day] = {
                file: partial(pages.get, content)
                for file, content in stored.itertuples(index=False, name=None)
                if content is not None and content in pages
            }
    write_layout(tables, out, files)
    return counts
