"""MLflow's model registry beside medcode's own: a registered model a kind, a version of it for every version.

`ml.model` and `ml.model_stage` are the truth; MLflow is made to say the same, whole, whenever it is told. So a time
when it could not be reached is made good by the next move. Aliases `champion` and `shadow` name what stands there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from medcode_ml.logs import logger
from medcode_ml.models.tracking import TrackingError, open_client, tracked_run
from medcode_ml.models.warehouse.stages import CHAMPION, SHADOW, registered_versions, standings

_ALIASES: Final = (CHAMPION, SHADOW)
_VERSION, _STAGE = "medcode_version", "stage"
_UNKNOWN: Final = "RESOURCE_DOES_NOT_EXIST"
#: refusals that are of one version, not of the server
_OF_ONE: Final = (_UNKNOWN, "INVALID_PARAMETER_VALUE", "BAD_REQUEST")


@dataclass(frozen=True)
class Link:
    """Where MLflow keeps a version: the registered model, its number there, the run that made it, and its address."""

    name: str
    number: str
    run: str | None
    url: str


def registered_name(kind: str) -> str:
    """The registered model of a kind."""
    return f"medcode-{kind}"


def mirror(engine: sa.Engine, kind: str, home: Path, url: str = "") -> dict[str, Link]:
    """Make MLflow's registry say of `kind` what the tables say; the link of every version that it takes.

    A version that it refuses, or whose files are gone, keeps no other from being told: it is logged.

    Args:
        engine: the database.
        kind: coding, ranking or amounts.
        home: holds the store where there is no server.
        url: of the tracking server; empty for the store under `home`.

    Raises:
        TrackingError: MLflow cannot be reached or refuses them all.
    """
    from mlflow.exceptions import MlflowException

    rows, standing = registered_versions(engine, kind), {one.version: one.stage for one in standings(engine, kind)}
    name = registered_name(kind)
    try:
        client, where = open_client(home, url)
        try:
            client.get_registered_model(name)
        except MlflowException as missing:
            if missing.error_code != _UNKNOWN:
                raise
            client.create_registered_model(name, description=f"Models of medcode, kind {kind}")
        known = {v.tags.get(_VERSION): v for v in client.search_model_versions(f"name='{name}'")}
        for version in [version for version in rows if version not in known]:
            made = _register(client, name, home, url, version, rows[version])
            if made is not None:
                known[version] = made
        told = {version: known[version] for version in rows if version in known}
        for version, there in told.items():
            if there.tags.get(_STAGE) != standing[version]:
                client.set_model_version_tag(name, there.version, _STAGE, standing[version])
        _set_aliases(client, name, {s: told[v].version for v, s in standing.items() if s in _ALIASES and v in told})
    except (MlflowException, OSError) as refused:
        raise TrackingError(
            f"the registry of MLflow in {url or home} does not take {name} ({type(refused).__name__}): check "
            "MEDCODE_MLFLOW_URL, or leave it empty to keep it under MEDCODE_HOME"
        ) from refused
    return {
        version: Link(name, str(there.version), there.run_id or None,
                      f"{where}/#/models/{name}/versions/{there.version}" if url else where)
        for version, there in told.items()
    }  # fmt: skip


def tell_mlflow(engine: sa.Engine, kind: str, home: Path, url: str = "") -> dict[str, Link]:
    """`mirror` after a move that is done: where MLflow cannot be reached that is logged, and the next move tells it."""
    try:
        return mirror(engine, kind, home, url)
    except TrackingError as behind:
        logger(__name__).warning("%s; the move itself is done", behind)
        return {}


def _register(client: Any, name: str, home: Path, url: str, version: str, row: dict[str, Any]) -> Any | None:
    """Register a version; None, and a line in the log, where its files are gone or MLflow refuses this one."""
    from mlflow.exceptions import MlflowException

    try:
        found = _source(client, name, home, url, version, row)
        if found is not None:
            run, source = found
            return client.create_model_version(name, source=source, run_id=run, tags={_VERSION: version})
        why = "neither its run nor its files are there"
    except MlflowException as refused:
        if refused.error_code not in _OF_ONE:
            raise
        why = str(refused.error_code)
    logger(__name__).warning("MLflow's registry goes without %s of %s: %s", version, name, why)
    return None


def _source(
    client: Any, name: str, home: Path, url: str, version: str, row: dict[str, Any]
) -> tuple[str | None, str] | None:
    """The run of a version and where its files lie: among the artifacts of the run, or in the registry of medcode.

    A run that MLflow does not know was recorded elsewhere. A server takes files from a run alone: it is given one.
    """
    from mlflow.exceptions import MlflowException

    run, folder = row["mlflow_run"], home.resolve() / row["folder"]
    if run is not None:
        try:
            return run, f"{client.get_run(run).info.artifact_uri}/model"
        except MlflowException as missing:
            if missing.error_code != _UNKNOWN:
                raise
    if not folder.is_dir():
        return None
    if not url:
        return None, folder.as_uri()
    with tracked_run(name, {"version": version}, home, url=url) as again:
        again.folder(folder)
    return again.id, f"{client.get_run(again.id).info.artifact_uri}/model"


def _set_aliases(client: Any, name: str, wanted: dict[str, Any]) -> None:
    now = {alias: str(number) for alias, number in client.get_registered_model(name).aliases.items()}
    for alias in _ALIASES:
        if alias in wanted and now.get(alias) != str(wanted[alias]):
            client.set_registered_model_alias(name, alias, str(wanted[alias]))
        elif alias in now and alias not in wanted:
            client.delete_registered_model_alias(name, alias)
