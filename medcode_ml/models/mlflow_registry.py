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
from medcode_ml.models.tracking import TrackingError, open_client
from medcode_ml.models.warehouse.stages import CHAMPION, SHADOW, registered_versions, standings

_ALIASES: Final = (CHAMPION, SHADOW)
_VERSION, _STAGE = "medcode_version", "stage"


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
    """Make MLflow's registry say of `kind` what the tables say; the link of every version.

    Args:
        engine: the database.
        kind: coding, ranking or amounts.
        home: holds the store where there is no server.
        url: of the tracking server; empty for the store under `home`.

    Raises:
        TrackingError: MLflow cannot be reached or refuses.
    """
    from mlflow.exceptions import MlflowException

    rows, standing = registered_versions(engine, kind), {one.version: one.stage for one in standings(engine, kind)}
    name = registered_name(kind)
    try:
        client, where = open_client(home, url)
        try:
            client.get_registered_model(name)
        except MlflowException as missing:
            if missing.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            client.create_registered_model(name, description=f"Models of medcode, kind {kind}")
        known = {v.tags.get(_VERSION): v for v in client.search_model_versions(f"name='{name}'")}
        for version, row in rows.items():
            if version not in known:
                known[version] = client.create_model_version(
                    name, source=_source(client, home, row), run_id=row["mlflow_run"], tags={_VERSION: version}
                )
            stage = standing[version]
            if known[version].tags.get(_STAGE) != stage:
                client.set_model_version_tag(name, known[version].version, _STAGE, stage)
        _set_aliases(client, name, {s: known[v].version for v, s in standing.items() if s in _ALIASES})
    except (MlflowException, OSError) as refused:
        raise TrackingError(
            f"the registry of MLflow in {url or home} does not take {name} ({type(refused).__name__}): check "
            "MEDCODE_MLFLOW_URL, or leave it empty to keep it under MEDCODE_HOME"
        ) from refused
    return {
        version: Link(name, str(known[version].version), row["mlflow_run"],
                      f"{where}/#/models/{name}/versions/{known[version].version}" if url else where)
        for version, row in rows.items()
    }  # fmt: skip


def tell_mlflow(engine: sa.Engine, kind: str, home: Path, url: str = "") -> dict[str, Link]:
    """`mirror` after a move that is done: where MLflow cannot be reached that is logged, and the next move tells it."""
    try:
        return mirror(engine, kind, home, url)
    except TrackingError as behind:
        logger(__name__).warning("%s; the move itself is done", behind)
        return {}


def _source(client: Any, home: Path, row: dict[str, Any]) -> str:
    """Where the files of a version lie: among the artifacts of its run, or in the registry of medcode."""
    if row["mlflow_run"] is None:
        return (home.resolve() / row["folder"]).as_uri()
    return f"{client.get_run(row['mlflow_run']).info.artifact_uri}/model"


def _set_aliases(client: Any, name: str, wanted: dict[str, Any]) -> None:
    now = {alias: str(number) for alias, number in client.get_registered_model(name).aliases.items()}
    for alias in _ALIASES:
        if alias in wanted and now.get(alias) != str(wanted[alias]):
            client.set_registered_model_alias(name, alias, str(wanted[alias]))
        elif alias in now and alias not in wanted:
            client.delete_registered_model_alias(name, alias)
