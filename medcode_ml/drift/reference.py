"""References: which encounters a version is held against, frozen once, stored as sketches.

A model trained here is held against the encounters kept apart when it was trained (calibration and test). One that was
trained because the world had changed is held against that new world alone: what was received since, and it did not
learn from. What was not trained here, and a model with too few of these, is held against the first days it worked on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.codes.release import releases
from medcode_ml.contracts import drift, filtered
from medcode_ml.contracts.ids import record_hash
from medcode_ml.drift.amounts import amount_blocks, fit_amount_scales
from medcode_ml.drift.evaluation import Reference, dispersions
from medcode_ml.drift.frames import (
    AMOUNTS,
    CODING,
    RANKING,
    CodingFrames,
    coding_blocks,
    fit_calibration,
    fit_language,
    fit_ranking_scale,
    ranking_blocks,
    sketches_of,
)
from medcode_ml.drift.language import Language
from medcode_ml.drift.performance import AS_GIVEN, Calibration
from medcode_ml.drift.reading import (
    WORKED_IN,
    coding_frames,
    days_of_version,
    own_test,
    ranking_frames,
)
from medcode_ml.drift.reading_amounts import amount_frames
from medcode_ml.drift.reference_table import LAYOUT, load_reference, store_reference
from medcode_ml.drift.sketch import Key, Sketches, merged
from medcode_ml.store.frames import read_frame, read_partition
from medcode_ml.store.turns import take_turn

FEWEST: Final = 100
"""Encounters of a reference, at least: with fewer no shift but the largest could be told."""
MODEL_TEST, FIRST_DAYS, CHOSEN = "model_test", "first_days", "chosen"
_DOCUMENTS_KEPT: Final = 800
_MOST_A_DAY, _MOST = 3000, 20_000


class DriftReferenceError(ValueError):
    """A reference cannot be made of these days: says what is missing."""


def reference_for(engine: sa.Engine, kind: str, version: str, day: date, days: int) -> Reference | None:
    """The newest reference of a version that ends before `day`; made of the first `days` days where there is none.

    None while there are too few days or encounters to make one.
    """
    table = drift.drift_reference
    query = (
        sa.select(table.c.reference_id)
        .where(table.c.kind == kind, table.c.version == version, table.c.last_day < day)
        .where(table.c.facts["layout"].as_integer() == LAYOUT[kind])
        .order_by(table.c.created_at.desc())
        .limit(1)
    )
    with engine.begin() as connection:
        take_turn(connection, f"drift reference {kind} {version}")
        known = connection.execute(query).scalar()
        if known is not None:
            return load_reference(connection, str(known))
        apart = own_test(connection, kind, version, day)
        if sum(map(len, apart.values())) >= FEWEST:
            return _frozen(connection, kind, version, MODEL_TEST, list(apart), _sample(apart))
        worked = days_of_version(connection, kind, version, day)
        first = list(worked)[:days]
        if len(first) < days or sum(worked[d] for d in first) < FEWEST:
            return None
        return _frozen(connection, kind, version, FIRST_DAYS, first, None)


def new_reference(engine: sa.Engine, kind: str, first: date, last: date) -> Reference:
    """Freeze the days `first` to `last` as the reference of the version that worked on most of their encounters.

    Later days are held against it from then on: what a person does when the world has changed and the model is right.

    Raises:
        DriftReferenceError: too few encounters were worked on in those days.
    """
    query = sa.text(
        f"SELECT model_version, count(*) AS n FROM {WORKED_IN[kind]} WHERE received_date BETWEEN :first AND :last "
        "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1"
    )
    with engine.begin() as connection:
        row = connection.execute(query, {"first": first, "last": last}).one_or_none()
        version = "" if row is None else str(row.model_version)
        worked = days_of_version(connection, kind, version, date.max) if row is not None else {}
        days = [d for d in worked if first <= d <= last]
        if sum(worked[d] for d in days) < FEWEST:
            raise DriftReferenceError(
                f"the {kind} model worked on {sum(worked[d] for d in days)} encounters from {first} to {last} that it "
                f"did not learn from, a reference needs {FEWEST}: name more days"
            )
        return _frozen(connection, kind, version, CHOSEN, days, None)


def _frozen(
    connection: sa.Connection,
    kind: str,
    version: str,
    origin: str,
    days: Sequence[date],
    apart: dict[date, set[str]] | None,
) -> Reference:
    before = _dispersion_before(connection, kind, version)
    if kind == CODING:
        frames = [_frames(connection, day, version, None if apart is None else apart[day]) for day in days]
        made = coding_reference(version, days, frames, _taught(connection, version), before)
        encounters = sum(len(f.encounters) for f in frames)
        labelled = sum(len(f.labelled) for f in frames)
    else:
        made, encounters, labelled = _PLAIN[kind](connection, version, days, apart, before)
    store_reference(connection, made, origin, encounters, labelled)
    return made


def _sample(apart: dict[date, set[str]]) -> dict[date, set[str]]:
    """Some thousands of the encounters of each day, by the hash of their id: a reference needs no more."""
    most = min(_MOST_A_DAY, max(_MOST // len(apart), FEWEST))
    return {
        day: set(sorted(encounters, key=lambda encounter: record_hash("reference", encounter))[:most])
        for day, encounters in apart.items()
    }


def _dispersion_before(connection: sa.Connection, kind: str, version: str) -> dict[Key, float]:
    """By how much days differed in the newest reference of another version of the kind; empty where there is none."""
    table, sketch = drift.drift_reference.c, drift.drift_reference_sketch.c
    query = (
        sa.select(table.reference_id).where(table.kind == kind, table.version != version)
        .where(table.facts["layout"].as_integer() == LAYOUT[kind]).order_by(table.created_at.desc()).limit(1)
    )  # fmt: skip
    found = connection.execute(query).scalar()
    keys = sa.select(sketch.hospital_id, sketch.document_type, sketch.metric, sketch.dispersion)
    rows = connection.execute(keys.where(sketch.reference_id == found)).all()
    return {(hospital, kind_of, metric): float(value) for hospital, kind_of, metric, value in rows}


def _frames(connection: sa.Connection, day: date, version: str, only: set[str] | None) -> CodingFrames:
    """Frames of a day of the reference; encounters that another version coded are coded anew by this one."""
    if only is None:
        return _sampled(coding_frames(connection, day, version))
    query = sa.text(
        "SELECT count(*) FROM coded.encounter WHERE received_date = :day AND model_version = :version "
        "AND encounter_id = ANY(:only)"
    )
    own = connection.execute(query, {"day": day, "version": version, "only": sorted(only)}).scalar_one()
    codes = None if own == len(only) else _coded_anew(connection, day, version, sorted(only))
    return coding_frames(connection, day, version, only=only, codes=codes)


def _coded_anew(connection: sa.Connection, day: date, version: str, only: Sequence[str]) -> pd.DataFrame:
    """What `version` makes of encounters of a day, as the coding stage would write it."""
    from medcode_ml.coding.in_use import KIND, coder_of
    from medcode_ml.coding.stage import add_delivered
    from medcode_ml.settings import settings

    coder = coder_of(settings().home / "models" / KIND / version)
    given = {"day": day, "only": list(only)}
    encounters = read_frame(connection, sa.text(_STAYS), given)
    documents = read_frame(connection, sa.text(_DOCUMENTS), given)
    sections = read_frame(connection, sa.text(_SECTIONS), given)
    codes = coder.code(documents, sections).codes
    return add_delivered(codes, read_partition(connection, filtered.diagnosis, day), encounters)


def _sampled(frames: CodingFrames) -> CodingFrames:
    """At most `_MOST_A_DAY` encounters of a day, by the hash of their id: a reference needs no more."""
    if len(frames.encounters) <= _MOST_A_DAY:
        return frames
    hashed = pd.Series(pd.util.hash_array(frames.encounters["encounter_id"].to_numpy(object), categorize=False))
    chosen = frames.encounters.loc[hashed.sort_values().index[:_MOST_A_DAY]].sort_index()
    kept = set(chosen["encounter_id"])

    def of(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[frame["encounter_id"].isin(kept)].reset_index(drop=True)

    return CodingFrames(
        chosen.reset_index(drop=True), of(frames.codes), of(frames.documents), frames.pages, of(frames.labelled),
        of(frames.labelled_codes),
    )  # fmt: skip


def coding_reference(
    version: str, days: Sequence[date], frames: Sequence[CodingFrames], taught: Sequence[str] = (),
    before: Mapping[Key, float] | None = None,
) -> Reference:  # fmt: skip
    """The reference of a coder, made of the frames of its days; no I/O.

    Args:
        version: of the coder. days: received days. frames: of each of them.
        taught: code set releases its model learned from, besides those of the encounters.
        before: by how much days differed in the reference before, see `dispersions`.
    """
    documents = pd.concat([f.documents for f in frames], ignore_index=True)
    labelled = pd.concat([f.labelled for f in frames], ignore_index=True)
    codes = pd.concat([f.labelled_codes for f in frames], ignore_index=True)
    language = fit_language(documents)
    encounters = pd.concat([f.encounters for f in frames], ignore_index=True)
    calibration = fit_calibration(labelled, codes, encounters, documents) if len(labelled) else AS_GIVEN
    by_day = [
        sketches_of(coding_blocks(f, language, calibration, of_reference=True), of_reference=True) for f in frames
    ]
    releases = {r for f in frames for r in f.encounters["code_set_release"]} | set(taught)
    documents_kept = _kept_documents(days, frames)
    return _made(
        CODING, version, days, by_day, before, sorted(releases), language, calibration, documents_kept
    )  # fmt: skip


def _ranking_reference(
    connection: sa.Connection, version: str, days: Sequence[date], apart: dict[date, set[str]] | None,
    before: Mapping[Key, float],
) -> tuple[Reference, int, int]:  # fmt: skip
    frames = []
    for day in days:
        ranked = None if apart is None else _ranked_anew(connection, day, version, apart[day])
        frames.append(ranking_frames(connection, day, version, ranked=ranked))
    every, labelled = (pd.concat([f[n] for f in frames], ignore_index=True) for n in (0, 1))
    scale = fit_ranking_scale(every, labelled)
    by_day = [sketches_of(ranking_blocks(*f, scale)) for f in frames]
    made = _made(RANKING, version, days, by_day, before, scales={RANKING: scale})
    return made, len(every), len(labelled)


def _ranked_anew(connection: sa.Connection, day: date, version: str, only: set[str]) -> pd.DataFrame:
    """What `version` makes of encounters of a day, as the ranking stage would write it."""
    from medcode_ml.models.registry import registered
    from medcode_ml.ranking.in_use import GUIDELINES, ranker_of
    from medcode_ml.ranking.stage import rank_day
    from medcode_ml.settings import settings

    ranker = GUIDELINES if version == GUIDELINES.version else ranker_of(registered(RANKING, version, settings().home))
    ranked = rank_day(connection, day, ranker)["encounter"]
    return ranked[ranked["encounter_id"].isin(only)].reset_index(drop=True)


def _amount_reference(
    connection: sa.Connection, version: str, days: Sequence[date], apart: dict[date, set[str]] | None,
    before: Mapping[Key, float],
) -> tuple[Reference, int, int]:  # fmt: skip
    frames = [
        amount_frames(connection, day, version, since=min(days), only=None if apart is None else apart[day])
        for day in days
    ]
    every, paid = (pd.concat([f[n] for f in frames], ignore_index=True) for n in (0, 1))
    scales = fit_amount_scales(every, paid)
    by_day = [sketches_of(amount_blocks(*f, scales)) for f in frames]
    return _made(AMOUNTS, version, days, by_day, before, scales=scales), len(every), len(paid)


_PLAIN: Final = {RANKING: _ranking_reference, AMOUNTS: _amount_reference}


def _made(
    kind: str, version: str, days: Sequence[date], by_day: Sequence[Sketches], before: Mapping[Key, float] | None,
    releases: Sequence[str] = (), language: Language | None = None, calibration: Calibration = AS_GIVEN,
    documents: Sequence[tuple[str, str]] = (), scales: Mapping[str, float] | None = None,
) -> Reference:  # fmt: skip
    sketches = merged(by_day)
    content = {"/".join(key): sketch.to_json() for key, sketch in sorted(sketches.items())}
    named = record_hash(
        kind, version, min(days).isoformat(), max(days).isoformat(), json.dumps(content, sort_keys=True)
    )
    return Reference(
        named, kind, version, min(days), max(days), tuple(releases), language, calibration, tuple(documents), sketches,
        dispersions(by_day, before), scales or {},
    )  # fmt: skip


def _kept_documents(days: Sequence[date], frames: Sequence[CodingFrames]) -> list[tuple[str, str]]:
    """(day, document) of one document an encounter, of encounters drawn by the hash of their id."""
    rows = pd.concat(
        [
            f.documents[["encounter_id", "document_id"]].assign(day=d.isoformat())
            for d, f in zip(days, frames, strict=True)
        ]
    )
    return [(day, document) for _, document, day in one_each(rows).itertuples(index=False)][:_DOCUMENTS_KEPT]


def one_each(documents: pd.DataFrame) -> pd.DataFrame:
    """One document of each encounter, both drawn by hash: the first rows are a random sample.

    Args:
        documents: encounter_id, document_id and any more.
    """
    if documents.empty:
        return documents
    order = pd.util.hash_array(documents["document_id"].to_numpy(object), categorize=False)
    first = documents.assign(order=order).sort_values("order", kind="stable").drop_duplicates("encounter_id")
    return first.drop(columns="order")


def _taught(connection: sa.Connection, version: str) -> list[str]:
    """Releases that a registered model learned from: its row says so."""
    query = sa.text("SELECT code_set_releases FROM ml.coding_model WHERE version = :version")
    found = connection.execute(query, {"version": version}).scalar()
    return list(found) if found else []


def newer_releases(known: Sequence[str], seen: Sequence[str]) -> list[str]:
    """Releases seen that are newer than every one known, by the day they begin."""
    start = {r.name: r.start for r in releases()}
    newest = max((start[name] for name in known if name in start), default=date.min)
    return sorted({name for name in seen if name in start and start[name] > newest})


_STAYS = "SELECT encounter_id FROM filtered.encounter WHERE received_date = :day AND encounter_id = ANY(:only)"
_DOCUMENTS = """
SELECT d.document_id, d.encounter_id, d.text, e.setting, e.discharge_date, d.document_type
FROM filtered.document d JOIN filtered.encounter e USING (received_date, encounter_id)
WHERE d.received_date = :day AND d.encounter_id = ANY(:only) ORDER BY d.document_id
"""
_SECTIONS = """
SELECT s.* FROM mapped.document_section s JOIN filtered.document d USING (received_date, document_id)
WHERE s.received_date = :day AND d.encounter_id = ANY(:only) ORDER BY s.document_id, s.section_number
"""
