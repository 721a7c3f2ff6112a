"""Tracking: every fitting is a run in MLflow with its parameters, figures, pictures and the model it made.

Without a server the runs lie under `<home>/mlruns` (a SQLite file and the artifacts), which `mlflow ui` of the
full MLflow package shows. Nothing
is sent anywhere else, and no user or host name is recorded.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from medcode_ml.models.card import flattened

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_RUN_FILE: Final = "mlflow_run.json"
_LONGEST: Final = 500  # characters of a parameter in MLflow's table; the whole stands in parameters.json


class TrackingError(RuntimeError):
    """The tracking server cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Run:
    """A run being tracked."""

    client: MlflowClient
    id: str

    def metric(self, name: str, value: float, step: int = 0) -> None:
        """Record a figure at a step (an epoch)."""
        self.client.log_metric(self.id, _allowed(name), float(value), step=step)

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Record figures at a step."""
        for name, value in values.items():
            self.metric(name, value, step)

    def fact(self, name: str, value: str) -> None:
        """Record a word about the run (a tag): the version of the model it made."""
        self.client.set_tag(self.id, _allowed(name), value)

    def picture(self, path: Path) -> None:
        """Keep a picture."""
        self.client.log_artifact(self.id, str(path), "pictures")

    def folder(self, path: Path, name: str = "model") -> None:
        """Keep a folder (the model)."""
        self.client.log_artifacts(self.id, str(path), name)


@contextmanager
def tracked_run(
    name: str,
    parameters: Mapping[str, Any],
    home: Path,
    *,
    url: str = "",
    resume_in: Path | None = None,
) -> Iterator[Run]:
    """A run of the experiment `name`, in the store under `home` or on the tracking server at `url`.

    It ends as FINISHED; as FAILED when an exception leaves the block; as KILLED when it was interrupted. With
    `resume_in` (the folder of the checkpoints) the run's id is kept there until it finishes: the same call after an
    interruption goes on in the same run, with the steps already recorded.

    Raises:
        TrackingError: the store or the server cannot be reached.
    """
    client, where = open_client(home, url)
    from mlflow.exceptions import MlflowException

    kept = resume_in / _RUN_FILE if resume_in is not None else None
    try:
        run = Run(client, _resumed(client, kept, where) or _begun(client, name, parameters, home, url))
    except (MlflowException, OSError) as refused:
        raise TrackingError(
            f"the run cannot be recorded in {where} ({type(refused).__name__}): check MEDCODE_MLFLOW_URL, or leave "
            "it empty to record under MEDCODE_HOME"
        ) from refused
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps({"run": run.id, "store": where}), encoding="utf-8")
    try:
        yield run
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        client.set_terminated(run.id, "KILLED")
        raise
    except BaseException:
        client.set_terminated(run.id, "FAILED")
        raise
    client.set_terminated(run.id, "FINISHED")
    if kept is not None:
        kept.unlink(missing_ok=True)


def open_client(home: Path, url: str = "") -> tuple[MlflowClient, str]:
    """A client, and where it writes, in words."""
    # before MLflow is loaded: it starts its telemetry while it is imported
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow.tracking import MlflowClient

    for loud in ("mlflow", "alembic"):
        logging.getLogger(loud).setLevel(logging.WARNING)
    if url:
        return MlflowClient(tracking_uri=url), url
    folder = home.resolve() / "mlruns"
    folder.mkdir(parents=True, exist_ok=True)
    return MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}"), str(folder)


def _begun(client: MlflowClient, name: str, parameters: Mapping[str, Any], home: Path, url: str) -> str:
    """Begin a run and return its id."""
    from mlflow.entities import Param

    known = client.get_experiment_by_name(name)
    if known is not None:
        experiment = known.experiment_id
    else:
        artifacts = None if url else (home.resolve() / "mlruns" / "artifacts").as_uri()
        experiment = client.create_experiment(name, artifact_location=artifacts)
    run = client.create_run(experiment, run_name=name).info.run_id
    flat = {_allowed(key): str(value)[:_LONGEST] for key, value in flattened(parameters).items()}
    client.log_batch(run, params=[Param(key, value) for key, value in flat.items()])
    client.log_dict(run, dict(parameters), "parameters.json")
    return run


def _resumed(client: MlflowClient, kept: Path | None, where: str) -> str | None:
    """The id of the unfinished run that a checkpoint folder belongs to, going on; None where there is none."""
    if kept is None or not kept.is_file():
        return None
    held = json.loads(kept.read_text(encoding="utf-8"))
    if held["store"] != where:
        return None
    client.update_run(held["run"], status="RUNNING")
    return str(held["run"])


def _allowed(name: str) -> str:
    """A name in the letters MLflow allows."""
    return "".join(c if c.isalnum() or c in "_-. /" else "_" for c in name)
