"""The life of a version: candidate, shadow, champion, retired, in `ml.model_stage`, and which one is in use.

The table is the truth wherever there is a database. The pointer file of the registry follows it, for what works without
a database (the command line, the API, stream workers): whoever looks for the model in use puts the pointer right.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts.ml import model, model_stage
from medcode_ml.logs import logger
from medcode_ml.models.manifest import ModelFolderError
from medcode_ml.models.registry import promote, promoted, promoted_version, withdraw
from medcode_ml.store.copying import copy_in
from medcode_ml.store.turns import take_turn

CANDIDATE, SHADOW, CHAMPION, RETIRED = "candidate", "shadow", "champion", "retired"
#: stage -> stages a version may come from; None where it is new. Back to champion leads a rollback alone
_FROM: Final[dict[str, tuple[str | None, ...]]] = {
    CANDIDATE: (None,),
    SHADOW: (CANDIDATE,),
    CHAMPION: (SHADOW,),
    RETIRED: (CANDIDATE, SHADOW, CHAMPION),
}


class StageError(ValueError):
    """A version cannot move as asked: says where it stands and what may be done."""


@dataclass(frozen=True)
class Standing:
    """Where a version stands: the newest of its moves."""

    kind: str
    version: str
    stage: str
    at: datetime
    by: str
    why: str


def standings(source: sa.Engine | sa.Connection, kind: str | None = None) -> list[Standing]:
    """Where every version stands, of one kind or all, in the order of their newest moves."""
    if isinstance(source, sa.Engine):
        with source.connect() as connection:
            return standings(connection, kind)
    table = model_stage.c
    newest = sa.select(model_stage).distinct(table.version).order_by(table.version, table.number.desc())
    if kind is not None:
        newest = newest.where(table.kind == kind)
    rows = sorted(source.execute(newest).all(), key=lambda row: (row.kind, row.number))
    return [Standing(r.kind, r.version, r.stage, r.at, r.by, r.why) for r in rows]


def standing_of(source: sa.Engine | sa.Connection, version: str) -> Standing:
    """Where a version stands.

    Raises:
        StageError: there is no such version.
    """
    if isinstance(source, sa.Engine):
        with source.connect() as connection:
            return standing_of(connection, version)
    table = model_stage.c
    query = sa.select(model_stage).where(table.version == version).order_by(table.number.desc()).limit(1)
    row = source.execute(query).one_or_none()
    if row is None:
        raise StageError(f"there is no model {version}: `medcode model list` prints those there are")
    return Standing(row.kind, row.version, row.stage, row.at, row.by, row.why)


def champion_version(source: sa.Engine | sa.Connection, kind: str) -> str | None:
    """The champion of a kind; None where there is none."""
    return next((one.version for one in standings(source, kind) if one.stage == CHAMPION), None)


def shadow_versions(source: sa.Engine | sa.Connection, kind: str | None = None) -> list[tuple[str, str]]:
    """(kind, version) of what runs in shadow."""
    return [(one.kind, one.version) for one in standings(source, kind) if one.stage == SHADOW]


def champion_folder(source: sa.Engine | sa.Connection, kind: str, home: Path | None = None) -> Path | None:
    """The folder of the model in use, its files held against their hashes; None where rules are in use.

    The table decides, and the pointer under `home` is put right where it says something else. A kind of which the table
    never named a champion is the registry's alone: then the pointer decides.

    Raises:
        ModelFolderError: the model in use is gone or damaged, or this home does not have it.
    """
    engine = source.engine if isinstance(source, sa.Connection) else source
    settle_pointer(engine, kind, home)
    return promoted(kind, home)


def settle_pointer(engine: sa.Engine, kind: str, home: Path | None = None) -> bool:
    """Make the pointer under `home` say what the table says; True where it said something else.

    Raises:
        ModelFolderError: the champion does not lie under `home`.
    """
    with engine.connect() as connection:
        if _agree(connection, kind, home):
            return False
    with engine.begin() as connection:
        lock(connection, kind)  # no promotion meanwhile
        if _agree(connection, kind, home):
            return False
        champion = champion_version(connection, kind)
        if champion is None:
            withdraw(kind, home)
        else:
            promote(kind, champion, home)
    logger("models.stages").info("the %s model in use here is now %s", kind, champion or "none")
    return True


def lock(connection: sa.Connection, kind: str) -> None:
    """Let the moves of a kind take turns, until the transaction ends."""
    take_turn(connection, f"{model_stage.fullname}:{kind}")


def move(
    connection: sa.Connection, kind: str, version: str, stage: str, *, by: str, why: str, replaced: str | None = None,
    back: bool = False,
) -> None:  # fmt: skip
    """Write one move of a version; the caller holds the lock.

    Args:
        connection: in the caller's transaction.
        kind: of the version.
        version: what moves.
        stage: where to.
        by: person or asset.
        why: for the record.
        replaced: of a new champion: the one before.
        back: a rollback, which alone leads from retired to champion.

    Raises:
        StageError: this move is none of the life of a version.
    """
    table = model_stage.c
    query = sa.select(table.stage).where(table.version == version).order_by(table.number.desc()).limit(1)
    now = connection.execute(query).scalar_one_or_none()
    if now not in ((RETIRED,) if back else _FROM[stage]):
        stood = "is new" if now is None else f"is {now}"
        raise StageError(
            f"{version} {stood} and cannot become {stage}: a version goes from candidate to shadow to champion to "
            "retired, and back to champion by a rollback alone"
        )
    last = connection.execute(sa.select(sa.func.max(table.number)).where(table.kind == kind)).scalar_one()
    row: dict[str, Any] = {
        "kind": kind, "number": (last or 0) + 1, "version": version, "stage": stage, "replaced": replaced,
        "at": datetime.now(UTC), "by": by, "why": why,
    }  # fmt: skip
    copy_in(connection, model_stage, pd.DataFrame([row], dtype=object))


def champion_before(connection: sa.Connection, version: str) -> str | None:
    """The champion that `version` took the place of when it was promoted; None where there was none."""
    table = model_stage.c
    first = sa.select(table.replaced).where(table.version == version, table.stage == CHAMPION).order_by(table.number)
    found = connection.execute(first.limit(1)).one_or_none()
    return None if found is None else found.replaced


def moves_of(source: sa.Engine | sa.Connection, version: str) -> list[Standing]:
    """All moves of a version, oldest first."""
    if isinstance(source, sa.Engine):
        with source.connect() as connection:
            return moves_of(connection, version)
    table = model_stage.c
    rows = source.execute(sa.select(model_stage).where(table.version == version).order_by(table.number)).all()
    return [Standing(r.kind, r.version, r.stage, r.at, r.by, r.why) for r in rows]


def registered_versions(source: sa.Engine | sa.Connection, kind: str | None = None) -> dict[str, dict[str, Any]]:
    """The rows of `ml.model` by version, oldest first."""
    if isinstance(source, sa.Engine):
        with source.connect() as connection:
            return registered_versions(connection, kind)
    query = sa.select(model).order_by(model.c.trained_at, model.c.version)
    if kind is not None:
        query = query.where(model.c.kind == kind)
    return {row.version: dict(row._mapping) for row in source.execute(query).all()}


def _agree(connection: sa.Connection, kind: str, home: Path | None) -> bool:
    ever = sa.select(model_stage.c.number).where(model_stage.c.kind == kind, model_stage.c.stage == CHAMPION).limit(1)
    if connection.execute(ever).first() is None:
        return True
    try:
        return champion_version(connection, kind) == promoted_version(kind, home)
    except ModelFolderError:
        return False  # a pointer that cannot be read says nothing: it is written anew
