"""The life of the models of every kind through the same code: into shadow, promoted behind gates, back, retired.

Only what a kind measures itself by is its own (`gates` of its stage); here they are called by the name of the kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from medcode_ml.contracts.ml import BY_KIND, ModelTables
from medcode_ml.models.mlflow_registry import Link, tell_mlflow
from medcode_ml.models.warehouse import promotion as moves
from medcode_ml.models.warehouse.promotion import Gate, Promotion
from medcode_ml.models.warehouse.shadow import AGREES, RAN, days_in_shadow, shadow_gates
from medcode_ml.models.warehouse.stages import (
    CANDIDATE,
    CHAMPION,
    RETIRED,
    SHADOW,
    StageError,
    champion_version,
    shadow_versions,
    standing_of,
)
from medcode_ml.models.warehouse.versions import newest_version
from medcode_ml.settings import settings

_GATES: Final = {
    "coding": "medcode_ml.coding.promotion",
    "ranking": "medcode_ml.ranking.promotion",
    "amounts": "medcode_ml.billing.amounts.promotion",
}


@dataclass(frozen=True)
class Step:
    """Where a version goes next, and why; None where a gate keeps it from going anywhere, or it is at its end."""

    to: str | None
    said: str


@dataclass(frozen=True)
class Due:
    """A version in shadow, the days with input that it ran, and what asking `advance` now would do, in words."""

    kind: str
    version: str
    days: int
    to: str | None
    said: str

    @property
    def changes(self) -> bool:
        """Whether asking would change anything."""
        return self.to not in (None, SHADOW)


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
        engine, version, champion_version(engine, kind), days=chosen.shadow_days, most_days=chosen.shadow_most_days,
        drg_shift=chosen.shadow_drg_shift, despite=despite,
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
    """Take `version` (the newest by default) one step on, as `next_step` decides.

    A version that passes every gate but has not run beside the champion for long enough goes into shadow, or stays
    there, until it is asked for again; `Promotion.stage` says where it stands, `Promotion.said` why.

    Raises:
        NotPromotedError: another gate is not passed.
        StageError: it was retired.
        ModelFolderError: its folder is gone or was changed.
    """
    of = tables_of(kind)
    version = version or newest_version(engine, of)
    against = champion_version(engine, kind)
    stage = standing_of(engine, version).stage
    if stage == RETIRED:
        raise StageError(
            f"{version} is retired and goes nowhere: only a rollback makes a retired version champion again"
        )
    gates = all_gates(kind, engine, version)
    step = _step(engine, version, stage, gates)
    if step.to == RETIRED:
        moves.retire_version(engine, home, version, by=by, note=step.said, standing=SHADOW)
    elif step.to == SHADOW and stage == CANDIDATE:
        moves.to_shadow(engine, home, version, by=by, note=note or step.said)
    elif step.to != SHADOW:  # also where a gate is not passed: it refuses
        done = moves.promote_version(engine, of, home, version, gates, by=by, note=note, against=against)
        in_mlflow(engine, kind, home)
        return replace(done, said=step.said)
    in_mlflow(engine, kind, home)
    return Promotion(version, against, changed=stage != step.to, stage=step.to, said=step.said)


def next_step(version: str, stage: str, gates: Sequence[Gate], *, days: int, most_days: int, person: bool) -> Step:
    """Where `version` goes from `stage` when it is asked for; pure.

    From candidate: champion where every gate is passed (where a model is in use only one that ran in shadow does), else
    into shadow. From shadow: champion, or it stays until it ran for long enough; one that ran `most_days` and does not
    agree, or does not pass a gate of its kind any more, is retired: its place is free for the next. A version that a
    gate of its kind keeps out goes nowhere. By a `person` alone a champion is made where `person` is asked for.

    Args:
        version: what is asked for.
        stage: where it stands.
        gates: of its kind and of its shadow run.
        days: with input that it ran in shadow, beside whatever worked.
        most_days: that it may run.
        person: a person, not the policy, makes it the champion.
    """
    if stage not in (CANDIDATE, SHADOW):
        return Step(None, f"it is {stage}")
    failed = {gate.name: gate.said for gate in gates if not gate.passed}
    said = "; ".join(f"{name}: {why}" for name, why in failed.items())
    kept_out = set(failed) - {RAN, AGREES}
    if stage == SHADOW and days >= most_days and (kept_out or (AGREES in failed and RAN not in failed)):
        return Step(RETIRED, f"{days} days in shadow, at most {most_days}, without passing: {said}")
    if kept_out:
        return Step(None, said)
    if failed:
        return Step(SHADOW, said)
    if person:
        return Step(SHADOW, f"it passed its gates and waits for a person: medcode model promote {version}")
    return Step(CHAMPION, "passed its gates")


def promotions_due(engine: sa.Engine) -> list[Due]:
    """What asking `advance` for each version in shadow would do now, by kind; queries only, no model is loaded."""
    found = []
    for kind, version in shadow_versions(engine):
        step = _step(engine, version, SHADOW, all_gates(kind, engine, version))
        found.append(Due(kind, version, days_in_shadow(engine, version), step.to, step.said))
    return found


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


def _step(engine: sa.Engine, version: str, stage: str, gates: Sequence[Gate]) -> Step:
    chosen = settings()
    return next_step(
        version, stage, gates, days=days_in_shadow(engine, version), most_days=chosen.shadow_most_days,
        person=chosen.promotion == "person",
    )  # fmt: skip
