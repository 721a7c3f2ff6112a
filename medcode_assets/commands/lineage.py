"""`medcode run`, `migrate`, `status`, `ui`, `stop`, `clean`, `simulate`: the lineage and what stands in its tables."""

from __future__ import annotations

import os
import shutil
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from medcode_assets.commands.report import print_report
from medcode_ml.logs import configure_logging
from medcode_ml.settings import PROJECT_ROOT, settings


class RunFailedError(RuntimeError):
    """A run ended with a failed step or check."""


def run(
    start: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First received day.")] = None,
    end: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last received day.")] = None,
) -> None:
    """Materialise the whole asset graph for the configured source and print what came of it.

    Examples:

        medcode run

        medcode run --from 2026-10-01 --to 2026-10-07

        MEDCODE_SOURCE=folder MEDCODE_SOURCE_DIR=deliveries medcode run
    """
    configure_logging("WARNING")
    began = time.monotonic()
    if start and end:
        _refuse_days_without_partition(start.date(), end.date())
    from medcode_assets.instance import prepare
    from medcode_assets.runner import run_lineage
    from medcode_ml.pipeline import configured_source

    prepare()
    source = configured_source(progress=sys.stderr.isatty())
    delivered = source.received_dates()
    received = [*delivered, *_days_with_answers()]
    first = start.date() if start else min(received, default=settings().first_day)
    last = end.date() if end else max(received, default=first)
    _refuse_days_without_partition(first, last)
    typer.echo(f"source {source.name}: {len(delivered)} days with deliveries, running {first} to {last}")
    run_lineage(first, last)
    print_report(first, last, seconds=time.monotonic() - began)


def _days_with_answers() -> list[date]:
    """Days up to today into whose inbox insurers' answers came."""
    from medcode_ml.billing.answers.arrivals import Inbox

    today = datetime.now(UTC).date()
    return [day for day in Inbox(settings().answers_inbox).days(settings().first_day) if day <= today]


def _refuse_days_without_partition(first: date, last: date) -> None:
    earliest, today = settings().first_day, datetime.now(UTC).date()
    if first > last:
        raise RunFailedError(f"the first day {first} lies after the last day {last}: swap --from and --to")
    if first < earliest:
        raise RunFailedError(f"{first} lies before the first partition {earliest}: set MEDCODE_FIRST_DAY={first}")
    if last > today:
        raise RunFailedError(f"{last} lies in the future: a delivery's folder is named after the day it was received")


def migrate() -> None:
    """Bring the tables and views of the database to this version of medcode, and stop. Run again it changes nothing.

    Other commands do it by themselves; this one is for deployments where only one account may change tables.

    Example:

        MEDCODE_DATABASE_URL=postgresql://owner:secret@host:5432/medcode medcode migrate
    """
    configure_logging("WARNING")
    from medcode_ml.store.database import engine
    from medcode_ml.store.migrate import migrate as upgrade
    from medcode_ml.store.migrate import revision

    upgrade(engine())
    with engine().connect() as connection:
        typer.echo(f"the database stands at revision {revision(connection)}")


def status() -> None:
    """Print what stands in the tables: records, quarantine, codes, claims, and the accounting of every stage."""
    configure_logging("WARNING")
    from medcode_assets.instance import prepare

    prepare()
    print_report(date(1, 1, 1), date(9999, 12, 31), accounting=True)


def ui(
    port: Annotated[int, typer.Option(help="Port of the web server.")] = 3000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Open the Dagster UI, with its daemon, on the instance that `medcode run` uses. Ctrl-C ends it.

    Example:

        medcode ui --port 3001
    """
    import dagster as dg

    from medcode_assets.instance import prepare
    from medcode_assets.runner import close_killed_runs

    prepare()
    with dg.DagsterInstance.get() as instance:
        close_killed_runs(instance)
    workspace = PROJECT_ROOT / "workspace.yaml"
    where = ["-w", str(workspace)] if workspace.exists() else ["-m", "medcode_assets.definitions"]
    command = [sys.executable, "-m", "dagster", "dev", *where, "-h", host, "-p", str(port)]
    typer.echo(f"Dagster UI: http://{host}:{port}")
    sys.stdout.flush()
    os.chdir(PROJECT_ROOT)
    # This process becomes Dagster's: a signal reaches it directly, and it ends its server and daemon itself.
    os.execv(command[0], command)


def stop() -> None:
    """Stop the embedded PostgreSQL; the next command starts it again."""
    from medcode_ml.store.embedded import EmbeddedServer

    EmbeddedServer(settings()).stop()


def clean(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete everything under MEDCODE_HOME: database, pages, outbox, reference tables.

    An outside database (MEDCODE_DATABASE_URL) is left alone.
    """
    home = settings().home
    if not home.exists():
        return
    if not yes:
        typer.confirm(f"Delete {home} with its database?", abort=True)
    from medcode_ml.store.embedded import EmbeddedServer

    EmbeddedServer(settings()).remove()
    shutil.rmtree(home)


def simulate(
    out: Annotated[Path, typer.Option(help="Folder to write the delivery to.")],
    encounters: Annotated[int, typer.Option(help="Encounters.")] = 360,
    pages: Annotated[int, typer.Option(help="Scanned page images, about.")] = 80,
    seed: Annotated[int, typer.Option(help="Seed; the same seed gives the same bytes.")] = 20261001,
) -> None:
    """Write a delivery of the simulated hospital network (synthetic) in the folder layout.

    Example:

        medcode simulate --out deliveries --encounters 5000 --pages 0
    """
    from medcode_ml.simulation.config import NetworkConfig
    from medcode_ml.simulation.delivery import write_delivery

    config = NetworkConfig(seed=seed, encounters=encounters, scanned_pages=pages)
    typer.echo(write_delivery(config, out, progress=sys.stderr.isatty()))
