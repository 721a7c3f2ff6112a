"""Measures records a second and memory from raw to filtered, inside PostgreSQL, pages not read.

    python -m medcode_ml.benchmarks.throughput [--encounters N] [--copies 1 10 …] [--rival-records N]

The delivery is simulated (synthetic) once and multiplied inside the database, every copy with record and encounter
numbers of its own, all on one received day. A record is a row of a delivered table that mapping reads. Times are of one
process, which waits while the database works.

Two rivals, on one copy: `to_sql` does the same row work (documents split into sections, values typed, rules asked) on
whole tables, read by `pandas.read_sql` and written by `DataFrame.to_sql`; and the same tables of `mapped` and
`filtered` read and written without any row work, by COPY as the stages do it and by read_sql and to_sql.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa
from tqdm import tqdm

from medcode_ml.benchmarks.to_sql_rival import filter_by_to_sql, map_by_to_sql, read_day, write_day
from medcode_ml.contracts import filtered, mapped, metadata, raw
from medcode_ml.contracts.raw import DELIVERED
from medcode_ml.filtering.stage import WRITTEN as FILTERED
from medcode_ml.filtering.stage import run_filtering
from medcode_ml.mapping.stage import WRITTEN as MAPPED
from medcode_ml.mapping.stage import run_mapping
from medcode_ml.settings import Settings
from medcode_ml.simulation.config import NetworkConfig
from medcode_ml.simulation.network import simulate
from medcode_ml.store.database import make_engine
from medcode_ml.store.embedded import EmbeddedServer
from medcode_ml.store.frames import copy_in, read_partition
from medcode_ml.store.migrate import migrate

DAY = date(2026, 10, 5)
_COUNTED = [name for name in DELIVERED if name not in ("hospital", "clinician", "payer", "coder_label", "remittance")]
#: columns that name a record, a patient or an encounter: each copy of the delivery has its own
_NUMBERS = ("mrn", "encounter_number", "record_id")


@contextmanager
def scratch_database() -> Iterator[sa.Engine]:
    """A migrated database of its own, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="medcode-throughput-") as folder:
        server = EmbeddedServer(Settings(home=Path(folder)))
        try:
            engine = make_engine(server.ensure())
            migrate(engine)
            yield engine
            engine.dispose()
        finally:
            server.remove()


def fill_raw(engine: sa.Engine, encounters: int, seed: int = 20261001) -> None:
    """Land a simulated network of `encounters` on one day, without pages."""
    config = NetworkConfig(seed=seed, encounters=encounters, scanned_pages=0, first_day=DAY, last_day=DAY)
    tables = simulate(config).tables()
    with engine.begin() as connection:
        for name, frame in tables.items():
            rows = frame.drop(columns="received_date").astype(object)
            rows = rows.where(rows != "", None).where(rows.notna(), None)
            key = list(DELIVERED[name][1])
            landed = rows.assign(
                received_date=DAY, source="simulated", source_file=f"{name}.csv", source_line=range(2, len(rows) + 2),
                copy_number=rows.groupby(key, dropna=False).cumcount() + 1,
            )  # fmt: skip
            copy_in(connection, raw.delivered_tables[name], landed)


def multiply(engine: sa.Engine, copies: int) -> None:
    """Add copies of the delivery until there are `copies`, each with numbers of its own."""
    with engine.begin() as connection:
        for name in _COUNTED:
            table = raw.delivered_tables[name]
            if not any(c in table.c for c in _NUMBERS):
                continue
            names = [c.name for c in table.columns]
            picked = [f"t.{n} || '-X' || k.copy" if n in _NUMBERS else f"t.{n}" for n in names]
            connection.execute(
                sa.text(
                    f"INSERT INTO {table.fullname} ({', '.join(names)}) SELECT {', '.join(picked)} "
                    f"FROM {table.fullname} t CROSS JOIN generate_series(2, :copies) AS k(copy)"
                ),
                {"copies": copies},
            )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("ANALYZE"))


def records(engine: sa.Engine) -> int:
    """Raw records that mapping reads."""
    with engine.connect() as connection:
        counts = [
            connection.execute(sa.select(sa.func.count()).select_from(raw.delivered_tables[name])).scalar_one()
            for name in _COUNTED
        ]
    return sum(int(n) for n in counts)


def empty(engine: sa.Engine) -> None:
    """Empty every table."""
    names = ", ".join(t.fullname for t in metadata.tables.values())
    with engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {names}"))


def measure(engine: sa.Engine) -> dict[str, Any]:
    """Map and filter the day; return records, seconds by stage, records a second and the peak memory in MB so far."""
    count = records(engine)
    began = time.perf_counter()
    run_mapping(engine, DAY, DAY)
    mapped = time.perf_counter()
    run_filtering(engine, DAY, DAY)
    done = time.perf_counter()
    return {
        "way": "medcode", "records": count, "mapping_seconds": mapped - began, "filtering_seconds": done - mapped,
        "records_a_second": count / (done - began), "peak_memory_mb": _peak_mb(),
    }  # fmt: skip


def measure_rival(engine: sa.Engine) -> dict[str, Any]:
    """The same work by read_sql and to_sql."""
    count = records(engine)
    began = time.perf_counter()
    map_by_to_sql(engine, DAY)
    mapped = time.perf_counter()
    filter_by_to_sql(engine, DAY)
    done = time.perf_counter()
    return {
        "way": "to_sql", "records": count, "mapping_seconds": mapped - began, "filtering_seconds": done - mapped,
        "records_a_second": count / (done - began), "peak_memory_mb": _peak_mb(),
    }  # fmt: skip


def measure_transfer(engine: sa.Engine) -> pd.DataFrame:
    """Read and write the day's rows of `mapped` and `filtered`, by COPY and by read_sql and to_sql.

    One row a way: rows moved, seconds to read, seconds to write.
    """
    tables = [getattr(mapped, n) for n in MAPPED] + [getattr(filtered, n) for n in FILTERED]
    seconds = {"COPY": [0.0, 0.0], "read_sql, to_sql": [0.0, 0.0]}
    rows = 0
    for table in tables:
        began = time.perf_counter()
        with engine.connect() as connection:
            copied = read_partition(connection, table, DAY)
        seconds["COPY"][0] += time.perf_counter() - began
        began = time.perf_counter()
        read_day(engine, table, DAY)
        seconds["read_sql, to_sql"][0] += time.perf_counter() - began
        rows += len(copied)
        for way, write in (("COPY", copy_in), ("read_sql, to_sql", write_day)):
            with engine.begin() as connection:
                connection.execute(sa.delete(table))
                began = time.perf_counter()
                write(connection, table, copied)
                seconds[way][1] += time.perf_counter() - began
    return pd.DataFrame(
        [(way, rows, read, write, rows / (read + write)) for way, (read, write) in seconds.items()],
        columns=["way", "rows", "reading_seconds", "writing_seconds", "rows_a_second"],
    )


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def report(
    encounters: int, copies: list[int], rival: bool = True, progress: bool = False
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(the whole way, reading and writing alone).

    The first has a row for each number of copies, smallest first, then the rival on one copy.
    """
    rows = []
    transfer = pd.DataFrame()
    with scratch_database() as engine, tqdm(total=len(copies) + rival, disable=not progress) as bar:
        for many in [1, *sorted(copies)]:  # the first warms up: reference tables, patterns
            empty(engine)
            fill_raw(engine, encounters)
            multiply(engine, many)
            rows.append(measure(engine))
            bar.update()
        if rival:
            empty(engine)
            fill_raw(engine, encounters)
            multiply(engine, 1)
            rows.append(measure_rival(engine))
            transfer = measure_transfer(engine)
            bar.update()
    return pd.DataFrame(rows[1:]), transfer


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description="Records a second and memory, raw to filtered.")
    parser.add_argument("--encounters", type=int, default=600, help="encounters of the simulated delivery")
    parser.add_argument("--copies", type=int, nargs="+", default=[1, 5, 50], help="copies of it in the database")
    parser.add_argument("--no-rival", action="store_true", help="leave out the version by to_sql")
    chosen = parser.parse_args()
    for table in report(chosen.encounters, chosen.copies, not chosen.no_rival, progress=sys.stderr.isatty()):
        if len(table):
            sys.stdout.write(table.to_string(index=False, float_format=lambda v: f"{v:,.1f}") + "\n\n")


if __name__ == "__main__":
    main()
