"""The gates that every model passes before it is used for real, counted from the tables, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from medcode_ml.contracts.ml import ModelTables
from medcode_ml.models.registry import registered
from medcode_ml.models.warehouse.evaluation import CHAMPION as IN_USE
from medcode_ml.models.warehouse.evaluation import Lead, lead
from medcode_ml.models.warehouse.stages import (
    CANDIDATE,
    CHAMPION,
    RETIRED,
    SHADOW,
    StageError,
    champion_before,
    champion_version,
    lock,
    move,
    settle_pointer,
    shadow_versions,
    standing_of,
)
from medcode_ml.models.warehouse.training_set import training_set_counts
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
    """Where `version` stands now, and the champion it replaced (or runs beside).

    Not `changed` where it stays where it was; `said` is why it moved or stays, in words.
    """

    version: str
    replaced: str | None
    changed: bool
    stage: str = CHAMPION
    said: str = ""


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


def champion_gate(
    engine: sa.Engine,
    of: ModelTables,
    version: str,
    figures: Mapping[str, str],
    better: Callable[[Sequence[Lead]], bool],
) -> Gate:
    """`candidate_beats_champion`: `version` is better than the very model in use, and that is no chance.

    What counts are encounters of persons that neither of the two learned from (`learned.new_to_both`), with intervals
    drawn by person. Where no model is in use there is nothing to beat.

    Args:
        engine: the database.
        of: the tables of the kind.
        version: the candidate, evaluated.
        figures: what it is measured by, and each in words.
        better: whether its leads in these figures, in their order, prove it better.
    """
    name, champion = "candidate_beats_champion", champion_version(engine, of.kind)
    if champion is None or champion == version:
        return Gate(name, True, "no other model is in use")
    leads = [lead(engine, of, version, IN_USE, figure) for figure in figures]
    if not all(one.measured_against(champion) for one in leads):
        return Gate(name, False, f"not measured against {champion}, the model in use: evaluate again")
    if any(one.low is None for one in leads):
        return Gate(name, False, f"not measured against {champion}: too few encounters of the test are news to both")
    said = [one.said(words, champion) for one, words in zip(leads, figures.values(), strict=True)]
    said.append(f"on {min(one.encounters for one in leads)} encounters of persons that neither learned from")
    return Gate(name, better(leads), "; ".join(said))


def first_decides(leads: Sequence[Lead]) -> bool:
    """Whether the first lead is proven; where its lower end is just 0, the next decides in the same way."""
    deciding = next((one for one in leads if not one.at_zero), None)
    return deciding is not None and deciding.proven


def persons_in_two_parts(engine: sa.Engine, of: ModelTables, version: str | None = None) -> int:
    """Persons, as they are linked now, with encounters in more than one part: of the training set, or of a version."""
    rows = (_PARTS_OF_SET if version is None else _PARTS_OF_VERSION).format(
        training_set=of.training_set.fullname, model_encounter=of.model_encounter.fullname
    )
    with engine.connect() as connection:
        query = sa.text(_OVERLAP.format(rows=rows))
        return int(connection.execute(query, {} if version is None else {"version": version}).scalar_one())


def promote_version(
    engine: sa.Engine,
    of: ModelTables,
    home: Path,
    version: str,
    gates: Sequence[Gate],
    *,
    by: str,
    note: str = "",
    against: str | None = None,
) -> Promotion:
    """Make `version` the champion if it passed every one of `gates`; the champion before is retired.

    All moves are one transaction, and the pointer of the registry follows it: whatever is cut short, one of the two
    versions is in use, and the next look puts the pointer right.

    Args:
        engine: the database.
        of: the tables of the kind.
        home: where the registry lies.
        version: a candidate, which passes through shadow, or one that ran in shadow.
        gates: what it must have passed.
        by: person or asset. note: why.
        against: the champion that the gates were measured against.

    Raises:
        NotPromotedError: a gate is not passed, or another version was promoted meanwhile.
        StageError: it was retired, or is unknown.
        ModelFolderError: its folder is gone or was changed.
    """
    failed = [g for g in gates if not g.passed]
    if failed:
        raise NotPromotedError(f"{version} is not promoted: " + "; ".join(f"{g.name}: {g.said}" for g in failed))
    why = note or "passed its gates"
    with engine.begin() as connection:
        lock(connection, of.kind)
        before = champion_version(connection, of.kind)
        if before != version:
            if against not in (None, before):
                raise NotPromotedError(f"{version} is not promoted: meanwhile {before} was: evaluate again")
            registered(of.kind, version, home)
            if standing_of(connection, version).stage == CANDIDATE:
                move(connection, of.kind, version, SHADOW, by=by, why=why)
            if before is not None:
                move(connection, of.kind, before, RETIRED, by=by, why=f"replaced by {version}")
            move(connection, of.kind, version, CHAMPION, by=by, why=why, replaced=before)
    settle_pointer(engine, of.kind, home)
    return Promotion(version, before, changed=before != version)


def roll_back(engine: sa.Engine, kind: str, home: Path, *, by: str, note: str) -> Promotion:
    """Retire the champion and make the one before it champion again; it answers byte by byte as it did.

    Raises:
        StageError: there is no champion, or none was before it.
        ModelFolderError: the folder of the one before is gone or was changed.
    """
    with engine.begin() as connection:
        lock(connection, kind)
        now = champion_version(connection, kind)
        if now is None:
            raise StageError(f"no {kind} model is in use: there is nothing to roll back")
        before = champion_before(connection, now)
        if before is None:
            raise StageError(
                f"no {kind} model was in use before {now}: `medcode model retire {now}` goes back to the rules"
            )
        registered(kind, before, home)
        move(connection, kind, now, RETIRED, by=by, why=note)
        move(connection, kind, before, CHAMPION, by=by, why=note, replaced=now, back=True)
    settle_pointer(engine, kind, home)
    return Promotion(before, now, changed=True)


def to_shadow(engine: sa.Engine, home: Path, version: str, *, by: str, note: str) -> None:
    """Let a candidate run beside the champion from now on; it takes the place of one of its kind that does so now.

    One at a time: each costs the work of a day once more, and what is newest learned from most.

    Raises:
        StageError: it is no candidate.
        ModelFolderError: its folder is gone or was changed.
    """
    kind = standing_of(engine, version).kind
    with engine.begin() as connection:
        lock(connection, kind)
        registered(kind, version, home)
        for _, other in shadow_versions(connection, kind):
            if other != version:
                move(connection, kind, other, RETIRED, by=by, why=f"superseded in shadow by {version}")
        move(connection, kind, version, SHADOW, by=by, why=note)
    settle_pointer(engine, kind, home)


def retire_version(
    engine: sa.Engine, home: Path, version: str, *, by: str, note: str, standing: str | None = None
) -> None:
    """Retire a version for good; where it is the champion, the rules (ontology coder, guidelines) are in use again.

    Args:
        engine: the database.
        home: where the registry lies.
        version: what is retired.
        by: person or asset. note: why.
        standing: the stage it must stand in, for who decided by it.

    Raises:
        StageError: it is retired already, unknown, or does not stand there any more.
    """
    kind = standing_of(engine, version).kind
    with engine.begin() as connection:
        lock(connection, kind)
        now = standing_of(connection, version).stage
        if standing not in (None, now):
            raise StageError(f"{version} is not retired: it was {standing} and is {now} now")
        move(connection, kind, version, RETIRED, by=by, why=note)
    settle_pointer(engine, kind, home)


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
