"""The Dagster instance: its storage in the same PostgreSQL as the data, in a schema of its own."""

from __future__ import annotations

import os
from pathlib import Path

import sqlalchemy as sa

from medcode_ml.settings import settings
from medcode_ml.store.database import database_url, engine
from medcode_ml.store.migrate import migrate

SCHEMA = "dagster"
URL_VARIABLE = "MEDCODE_DAGSTER_URL"

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
    with engine().begin() as connection:
        _drop_half_made(connection)
        connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    home = settings().home.resolve() / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text(_CONFIG.format(variable=URL_VARIABLE, base=home, runs=settings().runs_at_once))
    url = sa.make_url(database_url()).update_query_dict({"options": f"-csearch_path={SCHEMA}"})
    os.environ[URL_VARIABLE] = url.render_as_string(hide_password=False)
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def _drop_half_made(connection: sa.Connection) -> None:
    """Drop Dagster's tables where their maker was killed: it makes them one by one, and never the rest later.

    Nothing is lost: no run was ever kept in them.
    """
    from dagster._core.storage.event_log.schema import SqlEventLogStorageMetadata

    there = set(sa.inspect(connection).get_table_names(schema=SCHEMA))
    if "event_logs" in there and set(SqlEventLogStorageMetadata.tables) - there:
        connection.execute(sa.text(f"DROP SCHEMA {SCHEMA} CASCADE"))
