"""The life of the models of every kind through the same code: into shadow, promoted behind gates, back, retired.

Only what a kind measures itself by is its own (`gates` of its stage); here they are called by the name of the kind.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from medcode_ml.contracts.ml import BY_KIND, ModelTables
from medcode_ml.models.mlflow_registry import Link, tell_mlflow
from medcode_ml.models.warehouse import promotion as moves
from medcode_ml.models.warehouse.promotion import Gate, Promotion
from medcode_ml.models.warehouse.shadow import RAN, shadow_gates
from medcode_ml.models.warehouse.stages import CANDIDATE, SHADOW, StageError, champion_version, standing_of
from medcode_ml.models.warehouse.versions import newest_version
from medcode_ml.settings import settings

_GATES: Final = {
    "coding": "medcode_ml.coding.promotion",
    "ranking": "medcode_ml.ranking.promotion",
    "amounts": "medcode_ml.billing.amounts.promotion",
}


def tables_of(kind: str) -> ModelTables:
    """The tables of a kind.

    Raises:
        StageError: there is no such kind.
    """
    if kind not in BY_KIND:
        raise StageError(f"there is no model of kind {kind!r}: choose one of {', '.join(BY_KIND)}")
    return BY_KIND[kind]


def all_gates(kind: str, engine: sa.Engine, version: str, *, despite: str = "") -> list[Gate]:
    """The gates of a version: those of its kind, and those of its shadow run.

    Raises:
        NotPromotedError: there is no such version.
    """
    own: Callable[[sa.Engine, str], list[Gate]] = import_module(_GATES[tables_of(kind).kind]).gates
    chosen = settings()
    shadow = shadow_gates(
        engine, version, champion_version(engine, kind), days=chosen.shadow_days, drg_shift=chosen.shadow_drg_shift,
        despite=despite,
    )  # fmt: skip
    return [*own(engine, version), *shadow]


def promote(
    kind: str,
    engine: sa.Engine,
    home: Path,
    *,
    version: str | None = None,
    by: str,
    note: str = "",
    despite: str = "",
) -> Promotion:
    """Make `version` (the newest by default) the champion if it passes every gate.

    Args:
        kind: coding, ranking or amounts.
        engine: the database. home: where the registry lies.
        version: what to promote.
        by: person or asset. note: why.
        despite: why a person promotes it although it ran too short in shadow or shifts more MS-DRGs than allowed; no
            other gate is opened by it.

    Raises:
        NotPromotedError: a gate is not passed.
        StageError: it was retired, or is unknown.
        ModelFolderError: its folder is gone or was changed.
    """
    of = tables_of(kind)
    version = version or newest_version(engine, of)
    against = champion_version(engine, kind)
    gates = all_gates(kind, engine, version, despite=despite)
    why = "; ".join(part for part in (note, f"despite its shadow run: {despite}" if despite else "") if part)
    done = moves.promote_version(engine, of, home, version, gates, by=by, note=why, against=against)
    in_mlflow(engine, kind, home)
    return done


def advance(
    kind: str, engine: sa.Engine, home: Path, *, version: str | None = None, by: str, note: str = ""
) -> Promotion:
    """Take `version` (the newest by default) one step on: champion if it passes every gate, else into shadow.

    A version that passes every gate but has not run beside the champion for long enough goes into shadow, or stays
    there, until it is asked for again; `Promotion.stage` says where it stands.

    Raises:
        NotPromotedError: another gate is not passed.
        StageError: it was retired.
        ModelFolderError: its folder is gone or was changed.
    """
    of = tables_of(kind)
    version = version or newest_version(engine, of)
    against = champion_version(engine, kind)
    gates = all_gates(kind, engine, version)
    stage = standing_of(engine, version).stage
    if [gate.name for gate in gates if not gate.passed] == [RAN] and stage in (CANDIDATE, SHADOW):
        if stage == CANDIDATE:
            why = next(gate.said for gate in gates if gate.name == RAN)
            to_shadow(engine, home, version, by=by, note=note or why)
        return Promotion(version, against, changed=stage == CANDIDATE, stage=SHADOW)
    done = moves.promote_version(engine, of, home, version, gates, by=by, note=note, against=against)
    in_mlflow(engine, kind, home)
    return done


def to_shadow(engine: sa.Engine, home: Path, version: str, *, by: str, note: str) -> None:
    """Let a candidate run beside the champion from now on; see `models.warehouse.promotion.to_shadow`."""
    moves.to_shadow(engine, home, version, by=by, note=note)
    in_mlflow(engine, standing_of(engine, version).kind, home)


def roll_back(engine: sa.Engine, kind: str, home: Path, *, by: str, note: str) -> Promotion:
    """Take the champion before the present one again; see `models.warehouse.promotion.roll_back`."""
    done = moves.roll_back(engine, tables_of(kind).kind, home, by=by, note=note)
    in_mlflow(engine, kind, home)
    return done


def retire_version(engine: sa.Engine, home: Path, version: str, *, by: str, note: str) -> None:
    """Retire a version for good; see `models.warehouse.promotion.retire_version`."""
    moves.retire_version(engine, home, version, by=by, note=note)
    in_mlflow(engine, standing_of(engine, version).kind, home)


def in_mlflow(engine: sa.Engine, kind: str, home: Path) -> dict[str, Link]:
    """Tell MLflow's registry how the versions of a kind stand; the link of each, none where it cannot be reached."""
    return tell_mlflow(engine, kind, home, settings().mlflow_url)
