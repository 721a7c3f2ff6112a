"""References: which encounters a version is held against, frozen once, stored as sketches.

A coding model trained here is held against the encounters kept apart when it was trained (calibration and test). Other
coders, rankers and models of amounts are held against the first days they worked on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.codes.release import releases
from medcode_ml.contracts import drift, filtered
from medcode_ml.contracts.ids import record_hash
from medcode_ml.drift.evaluation import Reference, dispersions
from medcode_ml.drift.frames import (
    AMOUNTS,
    CODING,
    RANKING,
    CodingFrames,
    amount_blocks,
    coding_blocks,
    fit_calibration,
    fit_language,
    ranking_blocks,
    sketches_of,
)
from medcode_ml.drift.language import Language
from medcode_ml.drift.performance import AS_GIVEN, Calibration
from medcode_ml.drift.reading import (
    WORKED_IN,
    amount_frames,
    coding_frames,
    days_of_version,
    own_test,
    ranking_frames,
)
from medcode_ml.drift.sketch import Sketches, merged, sketch_from_json
from medcode_ml.store.copying import copy_in
from medcode_ml.store.frames import read_frame, read_partition

LAYOUT: Final = 1
"""Of the facts: a reference of another layout is made again."""
FEWEST: Final = 100
"""Encounters of a reference, at least: with fewer no shift but the largest could be told."""
MODEL_TEST, FIRST_DAYS, CHOSEN = "model_test", "first_days", "chosen"
_DOCUMENTS_KEPT: Final = 800
_MOST_A_DAY: Final = 3000


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
        .where(table.c.facts["layout"].as_integer() == LAYOUT)
        .order_by(table.c.created_at.desc())
        .limit(1)
    )
    with engine.begin() as connection:
        lock = f"drift reference {kind} {version}"
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:lock, 0))"), {"lock": lock})
        known = connection.execute(query).scalar()
        if known is not None:
            return load_reference(connection, str(known))
        if kind == CODING:
            apart = own_test(connection, version, day)
            if sum(map(len, apart.values())) >= FEWEST:
                return _frozen(connection, kind, version, MODEL_TEST, list(apart), apart)
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
    if kind == CODING:
        frames = [_frames(connection, day, version, None if apart is None else apart[day]) for day in days]
        made = coding_reference(version, days, frames, _taught(connection, version))
        encounters = sum(len(f.encounters) for f in frames)
        labelled = sum(len(f.labelled) for f in frames)
    else:
        made, encounters, labelled = _plain_reference(connection, kind, version, days)
    _store(connection, made, origin, encounters, labelled)
    return made


def _frames(connection: sa.Connection, day: date, version: str, only: set[str] | None) -> CodingFrames:
    """Frames of a day of the reference; encounters that another version coded are coded anew by this one."""
    if only is None:
        return _sampled(coding_frames(connection, day, version))
    only = set(sorted(only, key=lambda encounter: record_hash("reference", encounter))[:_MOST_A_DAY])
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
    version: str, days: Sequence[date], frames: Sequence[CodingFrames], taught: Sequence[str] = ()
) -> Reference:
    """The reference of a coder, made of the frames of its days; no I/O.

    Args:
        version: of the coder. days: received days. frames: of each of them.
        taught: code set releases its model learned from, besides those of the encounters.
    """
    documents = pd.concat([f.documents for f in frames], ignore_index=True)
    labelled = pd.concat([f.labelled for f in frames], ignore_index=True)
    codes = pd.concat([f.labelled_codes for f in frames], ignore_index=True)
    language = fit_language(documents)
    calibration = fit_calibration(labelled, codes) if len(labelled) else AS_GIVEN
    by_day = [
        sketches_of(coding_blocks(f, language, calibration, of_reference=True), of_reference=True) for f in frames
    ]
    releases = {r for f in frames for r in f.encounters["code_set_release"]} | set(taught)
    return _made(CODING, version, days, by_day, sorted(releases), language, calibration, _kept_documents(days, frames))


def _plain_reference(
    connection: sa.Connection, kind: str, version: str, days: Sequence[date]
) -> tuple[Reference, int, int]:
    by_day, encounters, labelled = [], 0, 0
    for day in days:
        if kind == RANKING:
            ranked, with_label = ranking_frames(connection, day, version)
            blocks, labelled = ranking_blocks(ranked, with_label), labelled + len(with_label)
            encounters += len(ranked)
        else:
            assert kind == AMOUNTS
            predicted = amount_frames(connection, day, version)
            blocks, encounters = amount_blocks(predicted), encounters + len(predicted)
        by_day.append(sketches_of(blocks))
    return _made(kind, version, days, by_day, [], None, AS_GIVEN, ()), encounters, labelled


def _made(
    kind: str, version: str, days: Sequence[date], by_day: Sequence[Sketches], releases: Sequence[str],
    language: Language | None, calibration: Calibration, documents: Sequence[tuple[str, str]],
) -> Reference:  # fmt: skip
    sketches = merged(by_day)
    content = {"/".join(key): sketch.to_json() for key, sketch in sorted(sketches.items())}
    named = record_hash(
        kind, version, min(days).isoformat(), max(days).isoformat(), json.dumps(content, sort_keys=True)
    )
    return Reference(
        named, kind, version, min(days), max(days), tuple(releases), language, calibration, tuple(documents), sketches,
        dispersions(by_day),
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


def _store(connection: sa.Connection, made: Reference, origin: str, encounters: int, labelled: int) -> None:
    facts = {
        "layout": LAYOUT,
        "language": None if made.language is None else made.language.to_json(),
        "calibration": made.calibration.to_json(),
        "documents": [list(one) for one in made.documents],
    }
    row = {
        "reference_id": made.reference_id, "kind": made.kind, "version": made.version, "origin": origin,
        "first_day": made.first_day, "last_day": made.last_day, "created_at": datetime.now(UTC),
        "encounters": encounters, "labelled": labelled, "releases": list(made.releases), "facts": facts,
    }  # fmt: skip
    sketches = pd.DataFrame(
        [
            (made.reference_id, *key, sketch.n, made.dispersion.get(key, 1.0), sketch.to_json())
            for key, sketch in made.sketches.items()
        ],
        columns=[c.name for c in drift.drift_reference_sketch.columns],
        dtype=object,
    )
    for table, frame in ((drift.drift_reference, pd.DataFrame([row])), (drift.drift_reference_sketch, sketches)):
        connection.execute(sa.delete(table).where(table.c.reference_id == made.reference_id))
        copy_in(connection, table, frame.astype(object))


def load_reference(source: sa.Connection, reference_id: str) -> Reference:
    """The reference as it was frozen."""
    table, sketch = drift.drift_reference, drift.drift_reference_sketch
    row = read_frame(source, sa.select(table).where(table.c.reference_id == reference_id)).iloc[0]
    held = read_frame(source, sa.select(sketch).where(sketch.c.reference_id == reference_id))
    keys = list(zip(held["hospital_id"], held["document_type"], held["metric"], strict=True))
    facts: dict[str, Any] = row["facts"]
    return Reference(
        reference_id, row["kind"], row["version"], row["first_day"], row["last_day"], tuple(row["releases"]),
        None if facts["language"] is None else Language.from_json(facts["language"]),
        Calibration.from_json(facts["calibration"]),
        tuple((day, document) for day, document in facts["documents"]),
        dict(zip(keys, map(sketch_from_json, held["sketch"]), strict=True)),
        dict(zip(keys, held["dispersion"], strict=True)),
    )  # fmt: skip


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
