"""The gates a coding model passes before it codes for real, and its promotion. All are counted from the tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.coding.evaluation import CHAMPION, MODEL, ONTOLOGY, WHOLE
from medcode_ml.coding.in_use import KIND
from medcode_ml.coding.training_run import newest_version
from medcode_ml.coding.training_split import CALIBRATION, TEST, TRAIN
from medcode_ml.contracts import ml
from medcode_ml.contracts.ids import record_hash
from medcode_ml.store.copying import copy_in
from medcode_ml.store.frames import read_frame

#: with fewer, neither the model nor its figures mean much: half of the codes would stand in one encounter alone
FEWEST: Final = {TRAIN: 100, CALIBRATION: 20, TEST: 30}


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


def labels_gate(counts: dict[str, int]) -> Gate:
    """`enough_labels`: encounters by part against the fewest that are worth a model."""
    short = [f"{part}: {counts.get(part, 0)} of {fewest}" for part, fewest in FEWEST.items()
             if counts.get(part, 0) < fewest]  # fmt: skip
    said = ", ".join(f"{counts.get(part, 0)} {part}" for part in FEWEST)
    return Gate("enough_labels", not short, f"too few labelled encounters, {'; '.join(short)}" if short else said)


def training_set_counts(engine: sa.Engine) -> dict[str, int]:
    """Encounters of the training set by part, over all days."""
    split = ml.coding_training_set.c.split
    with engine.connect() as connection:
        rows = connection.execute(
            sa.select(split, sa.func.count()).where(split.is_not(None)).group_by(split)
        )  # fmt: skip
        return {str(part): int(n) for part, n in rows}


def persons_in_two_parts(engine: sa.Engine, version: str | None = None) -> int:
    """Persons, as they are linked now, with encounters in more than one part: of the training set, or of a version."""
    query = _OVERLAP.format(rows=_PARTS_OF_SET if version is None else _PARTS_OF_VERSION)
    with engine.connect() as connection:
        return int(connection.execute(sa.text(query), {} if version is None else {"version": version}).scalar_one())


def gates(engine: sa.Engine, home: Path, version: str) -> list[Gate]:
    """The gates of `version`, from its row, its encounters and its evaluation.

    `candidate_beats_ontology`: the lower end of the 95% interval of its lead in micro-F1 is above 0, so that chance
    alone does not promote a model. `candidate_beats_champion`: it is at least as good as the model in use, which saw
    no newer data; with none in use there is nothing to beat.

    Raises:
        NotPromotedError: there is no such version.
    """
    from medcode_ml.models.registry import promoted

    model = read_frame(engine, sa.select(ml.coding_model).where(ml.coding_model.c.version == version))
    if model.empty:
        raise NotPromotedError(f"no model {version} stands in ml.coding_model: train it first")
    counts = {part: int(model[f"{part}_encounters"].iloc[0]) for part in FEWEST}
    overlap = persons_in_two_parts(engine, version)
    champion = promoted(KIND, home)
    lead = _lead(engine, version, ONTOLOGY)
    return [
        labels_gate(counts),
        Gate("patients_do_not_overlap", overlap == 0, f"{overlap} persons in more than one part"),
        Gate("candidate_beats_ontology", _above(lead, "low"), _said(lead, "the ontology coder")),
        _champion_gate(engine, version, None if champion is None else champion.name),
    ]


def promote_from_store(
    engine: sa.Engine, home: Path, *, version: str | None = None, by: str, note: str = ""
) -> Promotion:
    """Promote `version` (the newest by default) if it passes every gate; write who did and when.

    Raises:
        NotPromotedError: a gate is not passed.
        ModelFolderError: its folder is gone or was changed.
    """
    from medcode_ml.models.registry import promote, promoted

    version = version or newest_version(engine)
    failed = [g for g in gates(engine, home, version) if not g.passed]
    if failed:
        raise NotPromotedError(f"{version} is not promoted: " + "; ".join(f"{g.name}: {g.said}" for g in failed))
    before = promoted(KIND, home)
    replaced = before.name if before is not None else None
    if replaced == version:
        return Promotion(version, replaced, changed=False)
    when = datetime.now(UTC)
    row = {
        "promotion_id": record_hash("promotion", version, when.isoformat()), "version": version, "replaced": replaced,
        "promoted_at": when, "promoted_by": by, "note": note,
    }  # fmt: skip
    with engine.begin() as connection:
        copy_in(connection, ml.coding_promotion, pd.DataFrame([row], dtype=object))
        # last in the transaction: no row without the pointer
        promote(KIND, version, home)
    return Promotion(version, replaced, changed=True)


def _champion_gate(engine: sa.Engine, version: str, champion: str | None) -> Gate:
    name = "candidate_beats_champion"
    if champion in (None, version):
        return Gate(name, True, "no other model is in use")
    over = _lead(engine, version, CHAMPION)
    if over.empty or f"champion: {champion}" not in over["notes"].iloc[0]:
        return Gate(name, False, f"not measured against {champion}, the model in use: evaluate again")
    value = over["value"].iloc[0]
    return Gate(name, value is not None and float(value) >= 0, _said(over, champion))


def _lead(engine: sa.Engine, version: str, other: str) -> pd.DataFrame:
    table = ml.coding_evaluation.c
    query = sa.select(table.value, table.low, table.high, table.notes).where(
        table.version == version, table.part == WHOLE, table.coder == f"{MODEL} - {other}", table.figure == "micro_f1"
    )
    return read_frame(engine, query)


def _above(lead: pd.DataFrame, end: str) -> bool:
    return not lead.empty and lead[end].iloc[0] is not None and float(lead[end].iloc[0]) > 0


def _said(lead: pd.DataFrame, other: str | None) -> str:
    if lead.empty or lead["low"].iloc[0] is None:
        return f"not measured against {other}"
    row = lead.iloc[0]
    return f"micro-F1 against {other}: {row['value']:+.4f} (95% {row['low']:+.4f} to {row['high']:+.4f})"


_PARTS_OF_SET = "SELECT patient_id, person_id, split AS part FROM ml.coding_training_set WHERE split IS NOT NULL"
_PARTS_OF_VERSION = """
SELECT t.patient_id, e.person_id, e.part FROM ml.coding_model_encounter e
LEFT JOIN (SELECT DISTINCT encounter_id, patient_id FROM ml.coding_training_set) t USING (encounter_id)
WHERE e.version = :version
"""
_OVERLAP = """
SELECT count(*) FROM (
    SELECT coalesce(p.person_id, s.person_id) FROM ({rows}) s LEFT JOIN mapped.person p USING (patient_id)
    GROUP BY 1 HAVING count(DISTINCT s.part) > 1
) twice
"""
