"""The Dagster instance: its storage in the same PostgreSQL as the data, in a schema of its own."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

import sqlalchemy as sa

from medcode_ml.settings import settings
from medcode_ml.store.database import database_url, engine, make_engine
from medcode_ml.store.migrate import migrate
from medcode_ml.store.turns import take_turn

SCHEMA = "dagster"
URL_VARIABLE = "MEDCODE_DAGSTER_URL"
_TURN = "medcode dagster tables"

_CONFIG = """\
# Written by medcode; changes are overwritten. The database is named by the environment, never in a file.
storage:
  postgres:
    postgres_url:
      env: {variable}
local_artifact_storage:
  module: dagster._core.storage.root
  class: LocalArtifactStorage
  config:
    base_dir: {base}
compute_logs:
  module: dagster._core.storage.local_compute_log_manager
  class: LocalComputeLogManager
  config:
    base_dir: {base}/compute_logs
concurrency:
  runs:
    max_concurrent_runs: {runs}
# A run that hangs ends some day; one whose process was killed is closed by the next command (runner.py).
run_monitoring:
  enabled: true
  start_timeout_seconds: 600
  max_runtime_seconds: 172800
  free_slots_after_run_end_seconds: 60
telemetry:
  enabled: false
nux:
  enabled: false
"""


class DagsterHomeError(RuntimeError):
    """`MEDCODE_DAGSTER_HOME` names a folder that Dagster cannot use."""


def prepare() -> Path:
    """Start the database where needed, bring its schema up to date and point Dagster at it; return DAGSTER_HOME.

    With `MEDCODE_DAGSTER_HOME` the instance is the operator's: its dagster.yaml stays, and so does what it points to.

    Raises:
        DagsterHomeError: that folder has no dagster.yaml.
    """
    # gRPC's handlers of forks crash one child in ten; nothing of ours goes on in a fork without becoming a program
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    migrate(engine())
    # A run over many days answers with an event a table and day; written one by one they take longer than the work.
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "200")
    kept = settings().dagster_home
    if kept is not None:
        if not (kept / "dagster.yaml").is_file():
            raise DagsterHomeError(f"MEDCODE_DAGSTER_HOME={kept} has no dagster.yaml: put one there, or unset it")
        os.environ["DAGSTER_HOME"] = str(kept.resolve())
        return kept.resolve()
    home = settings().home.resolve() / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    _write(home / "dagster.yaml", _CONFIG.format(variable=URL_VARIABLE, base=home, runs=settings().runs_at_once))
    url = sa.make_url(database_url()).update_query_dict({"options": f"-csearch_path={SCHEMA}"})
    os.environ[URL_VARIABLE] = url.render_as_string(hide_password=False)
    os.environ["DAGSTER_HOME"] = str(home)
    with engine().begin() as connection:
        take_turn(connection, _TURN)
        connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    make_tables()
    return home


def make_tables() -> None:
    """Have Dagster make its tables in the database of `MEDCODE_DAGSTER_URL`, by one process at a time.

    Dagster makes them one by one, and never the rest later: where their maker was killed they are made anew. Tables
    with a run in them are never touched: what they lack then is for `dagster instance migrate`. Neither is a schema of
    another name, where tables of the same names may be somebody else's.
    """
    from dagster import DagsterInstance
    from dagster._core.storage.event_log.schema import SqlEventLogStorageMetadata
    from dagster._core.storage.runs.schema import RunStorageSqlMetadata
    from dagster._core.storage.schedules.schema import ScheduleStorageSqlMetadata

    made_by = (RunStorageSqlMetadata, SqlEventLogStorageMetadata, ScheduleStorageSqlMetadata)
    wanted = {name for metadata in made_by for name in metadata.tables}
    own = make_engine(os.environ[URL_VARIABLE])
    try:
        with own.begin() as turn:
            take_turn(turn, _TURN)
            # transactions of their own: the turn must hold nothing that Dagster waits for
            with own.begin() as connection:
                if connection.scalar(sa.text("SELECT current_schema()")) != SCHEMA:
                    return
                there = wanted & set(sa.inspect(connection).get_table_names())
                if wanted == there or ("runs" in there and _any_run(connection)):
                    return
                for name in sorted(there):
                    connection.execute(sa.text(f"DROP TABLE {name} CASCADE"))
            with DagsterInstance.get():
                pass
    finally:
        own.dispose()


def _any_run(connection: sa.Connection) -> bool:
    return connection.execute(sa.text("SELECT 1 FROM runs LIMIT 1")).first() is not None


def _write(path: Path, text: str) -> None:
    """Write a file in one step: whoever reads it meanwhile, a running daemon, has the whole old one or the new one."""
    if path.is_file() and path.read_text() == text:
        return
    with NamedTemporaryFile("w", dir=path.parent, prefix=".dagster-", delete=False) as made:
        made.write(text)
    Path(made.name).replace(path)
