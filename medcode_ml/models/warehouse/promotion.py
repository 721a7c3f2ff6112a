"""The gates that every model passes before it is used for real, and its promotion. All are counted from the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts.ids import record_hash
from medcode_ml.contracts.ml import ModelTables
from medcode_ml.models.registry import promote, promoted
from medcode_ml.models.warehouse.training_set import training_set_counts
from medcode_ml.store.copying import copy_in
from medcode_ml.store.frames import read_frame


class NotPromotedError(ValueError):
    """A version may not be promoted: says which gates it fails."""


@dataclass(frozen=True)
class Gate:
    """One gate: whether it is passed, and the figure behind it in words."""

    name: str
    passed: bool
    said: str


@dataclass(frozen=True)
class Promotion:
    """The version in use now and the one it replaced; `changed` is false where it was in use before."""

    version: str
    replaced: str | None
    changed: bool


def labels_gate(counts: Mapping[str, int], fewest: Mapping[str, int]) -> Gate:
    """`enough_labels`: encounters by part against the fewest that are worth a model."""
    short = [f"{part}: {counts.get(part, 0)} of {n}" for part, n in fewest.items() if counts.get(part, 0) < n]
    said = ", ".join(f"{counts.get(part, 0)} {part}" for part in fewest)
    return Gate("enough_labels", not short, f"too few labelled encounters, {'; '.join(short)}" if short else said)


def overlap_gate(engine: sa.Engine, of: ModelTables, version: str | None = None) -> Gate:
    """`patients_do_not_overlap`: nobody stands in two parts, of the training set or of a version."""
    overlap = persons_in_two_parts(engine, of, version)
    return Gate("patients_do_not_overlap", overlap == 0, f"{overlap} persons in more than one part")


def training_set_gates(engine: sa.Engine, of: ModelTables, fewest: Mapping[str, int]) -> list[Gate]:
    """The gates that a training set passes before a model is made of it."""
    return [overlap_gate(engine, of), labels_gate(training_set_counts(engine, of), fewest)]


def data_gates(engine: sa.Engine, of: ModelTables, version: str, fewest: Mapping[str, int]) -> list[Gate]:
    """The gates of the data behind `version`: enough of it, and nobody on two sides.

    Raises:
        NotPromotedError: there is no such version.
    """
    model = read_frame(engine, sa.select(of.model).where(of.model.c.version == version))
    if model.empty:
        raise NotPromotedError(f"no model {version} stands in {of.model.fullname}: train it first")
    counts = {part: int(model[f"{part}_encounters"].iloc[0]) for part in fewest}
    return [labels_gate(counts, fewest), overlap_gate(engine, of, version)]


def persons_in_two_parts(engine: sa.Engine, of: ModelTables, version: str | None = None) -> int:
    """Persons, as they are linked now, with encounters in more than one part: of the training set, or of a version."""
    rows = (_PARTS_OF_SET if version is None else _PARTS_OF_VERSION).format(
        training_set=of.training_set.fullname, model_encounter=of.model_encounter.fullname
    )
    with engine.connect() as connection:
        query = sa.text(_OVERLAP.format(rows=rows))
        return int(connection.execute(query, {} if version is None else {"version": version}).scalar_one())


def promote_version(
    engine: sa.Engine, of: ModelTables, home: Path, version: str, gates: Sequence[Gate], *, by: str, note: str = ""
) -> Promotion:
    """Promote `version` if it passed every one of `gates`; write who did and when.

    Raises:
        NotPromotedError: a gate is not passed.
        ModelFolderError: its folder is gone or was changed.
    """
    failed = [g for g in gates if not g.passed]
    if failed:
        raise NotPromotedError(f"{version} is not promoted: " + "; ".join(f"{g.name}: {g.said}" for g in failed))
    before = promoted(of.kind, home)
    replaced = before.name if before is not None else None
    if replaced == version:
        return Promotion(version, replaced, changed=False)
    when = datetime.now(UTC)
    row = {
        "promotion_id": record_hash("promotion", version, when.isoformat()), "version": version, "replaced": replaced,
        "promoted_at": when, "promoted_by": by, "note": note,
    }  # fmt: skip
    with engine.begin() as connection:
        copy_in(connection, of.promotion, pd.DataFrame([row], dtype=object))
        # last in the transaction: no row without the pointer
        promote(of.kind, version, home)
    return Promotion(version, replaced, changed=True)


_PARTS_OF_SET = "SELECT patient_id, person_id, split AS part FROM {training_set} WHERE split IS NOT NULL"
_PARTS_OF_VERSION = """
SELECT t.patient_id, e.person_id, e.part FROM {model_encounter} e
LEFT JOIN (SELECT DISTINCT encounter_id, patient_id FROM {training_set}) t USING (encounter_id)
WHERE e.version = :version
"""
_OVERLAP = """
SELECT count(*) FROM (
    SELECT coalesce(p.person_id, s.person_id) FROM ({rows}) s LEFT JOIN mapped.person p USING (patient_id)
    GROUP BY 1 HAVING count(DISTINCT s.part) > 1
) twice
"""
