"""Drift of days: each is sketched, held against the reference, and its metrics, alarms and audit sample written."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import drift
from medcode_ml.contracts.stage import StageResult
from medcode_ml.drift.alarms import raise_alarms
from medcode_ml.drift.amounts import amount_blocks
from medcode_ml.drift.audit import COLUMNS, draw, strata
from medcode_ml.drift.correction import DAYS, with_corrected
from medcode_ml.drift.domain import tell_apart
from medcode_ml.drift.evaluation import LEAST_EFFECT, WINDOWS, Reference, Row, compare, windows_of, with_alarms
from medcode_ml.drift.frames import (
    AMOUNTS,
    CODING,
    KINDS,
    RANKING,
    CodingFrames,
    coding_blocks,
    ranking_blocks,
    sketches_of,
)
from medcode_ml.drift.reading import (
    coding_frames,
    documents_coded,
    ranking_frames,
    texts_of,
    version_in_use,
    version_of_day,
)
from medcode_ml.drift.reading_amounts import amount_frames, paid_fingerprint
from medcode_ml.drift.reference import newer_releases, one_each, reference_for
from medcode_ml.drift.sketch import Sketches, sketch_from_json
from medcode_ml.drift.units import ALL
from medcode_ml.models.warehouse.labels import labels_fingerprint
from medcode_ml.settings import settings
from medcode_ml.store.frames import days_of, read_frame, replace_partition

WRITTEN: Final = (
    "drift_reference",
    "drift_reference_sketch",
    "drift_sketch",
    "drift_metric",
    "drift_alarm",
    "audit_sample",
)
TOLD: Final = "told_truths"
"""Metric: rows of labels or payments that came on the day; its notes hold their hash."""
_TOLD_WINDOW: Final = 3
_MOST_TOLD: Final = 500
"""Documents of the window that the domain classifier is trained on."""


@dataclass(frozen=True)
class Watched:
    """One kind of model on one day: its rows and what they were made from; no reference yet, no rows."""

    kind: str
    version: str
    reference: Reference | None
    rows: tuple[Row, ...] = ()
    sketches: Sketches | None = None


def run_drift(engine: sa.Engine, start: date, end: date) -> StageResult:
    """Evaluate the days received from `start` to `end`, one after the other; each is replaced in one transaction.

    A day's realised figures are those of what coders and insurers said on it, whenever the encounters came. What they
    said after a day was evaluated (a chart closed in the evening) is not lost: of the days before `start` that windows
    of `start` take in, those with other labels or payments than they were evaluated with are evaluated again first.

    Days of a reference, and days before there is one, get an audit sample and no metrics. The figures say what stands.

    Raises:
        ModelFolderError: a reference is to be made anew by a model that is gone or damaged.
    """
    rows: dict[str, int] = dict.fromkeys(WRITTEN, 0)
    said: list[tuple[str | int | float, ...]] = []
    waiting = 0
    frozen = _frozen_rows(engine)
    late = days_told_since(engine, start)
    for day in (*late, *days_of(start, end)):
        # references are frozen in a transaction of their own: a day made again finds them
        watched = [found for kind in KINDS if (found := _versioned(engine, kind, day)) is not None]
        with engine.begin() as connection:
            evaluated = [_evaluated(connection, one, day) for one in watched]
            daily = settings().drift_false_alarms / 100
            judged = iter(with_alarms([row for one in evaluated for row in one.rows], daily))
            evaluated = [replace(one, rows=tuple(next(judged) for _ in one.rows)) for one in evaluated]
            for name, frame in _frames_of(evaluated).items():
                rows[name] += replace_partition(connection, drift_table(name), day, frame)
            rows["audit_sample"] += replace_partition(
                connection, drift.audit_sample, day, audit_of_day(connection, day)
            )
            for one in evaluated:
                alarms = sum(row.alarm for row in one.rows)
                now = version_in_use(connection, one.kind)
                rows["drift_alarm"] += raise_alarms(connection, one.kind, one.version, day, one.rows, now=now)
                waiting += one.reference is None
                if one.rows:
                    said.append((day.isoformat(), one.kind, one.version, len(one.rows), alarms))
    for name, count in _frozen_rows(engine).items():
        rows[name] = count - frozen[name]
    figures: dict[str, float | int | str] = {
        "metrics": rows["drift_metric"], "alarms_raised": rows["drift_alarm"],
        "audit_sample": rows["audit_sample"], "without_reference": waiting, "evaluated_again": len(late),
    }  # fmt: skip
    header = ("day", "kind", "version", "metrics", "metrics in alarm")
    return StageResult("drift", start, end, rows, figures, (header, tuple(said)))


def days_told_since(engine: sa.Engine, day: date) -> list[date]:
    """Days before `day`, in its windows, about which coders or insurers said more since they were evaluated."""
    table = drift.drift_metric.c
    query = sa.select(table.kind, table.received_date, table.notes).where(
        table.metric == TOLD, table.received_date > day - timedelta(days=max(WINDOWS)), table.received_date < day
    )
    with engine.connect() as connection:
        known = connection.execute(query).all()
        return sorted({own for kind, own, notes in known if _fingerprint(connection, kind, own) != notes["told"]})


def _fingerprint(connection: sa.Connection, kind: str, day: date) -> str:
    return paid_fingerprint(connection, day) if kind == AMOUNTS else labels_fingerprint(connection, day, audited=True)


def _frozen_rows(engine: sa.Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            name: int(connection.execute(sa.select(sa.func.count()).select_from(drift_table(name))).scalar_one())
            for name in ("drift_reference", "drift_reference_sketch")
        }


def drift_table(name: str) -> sa.Table:
    """The table `ml.<name>`."""
    return getattr(drift, name)


def _versioned(engine: sa.Engine, kind: str, day: date) -> Watched | None:
    with engine.connect() as connection:
        version = version_of_day(connection, kind, day)
    if version is None:
        return None
    return Watched(kind, version, reference_for(engine, kind, version, day, settings().drift_reference_days))


def _evaluated(connection: sa.Connection, one: Watched, day: date) -> Watched:
    reference = one.reference
    if reference is None:
        return one
    notes: list[Row] = []
    if one.kind == CODING:
        frames = coding_frames(connection, day, one.version)
        assert reference.language is not None
        blocks = coding_blocks(frames, reference.language, reference.calibration)
        notes = [release_row(frames, reference), *_told(connection, reference, day)]
    elif one.kind == RANKING:
        blocks = ranking_blocks(*ranking_frames(connection, day, one.version), reference.scales.get(RANKING, 1.0))
    else:
        frame = amount_frames(connection, day, one.version, since=reference.first_day)
        blocks = amount_blocks(*frame, reference.scales)
    before = sketches_before(connection, reference.reference_id, day)
    sketches = with_corrected(day, sketches_of(blocks), before)
    days = {**before, day: sketches}
    least = settings().drift_least
    compared = [row for length, window in windows_of(days, day) for row in compare(window, reference, length, least)]
    told = _fingerprint(connection, one.kind, day)
    notes.append(Row(ALL, ALL, TOLD, 1, 0, 0, value=float(told.split()[0]), notes={"told": told}))
    return replace(one, rows=(*compared, *notes), sketches=sketches)


def sketches_before(connection: sa.Connection, reference_id: str, day: date) -> dict[date, Sketches]:
    """Sketches of the days before `day` that its windows take in, or that its estimates are corrected by."""
    table = drift.drift_sketch
    query = sa.select(table).where(
        table.c.reference_id == reference_id,
        table.c.received_date >= day - timedelta(days=max(*WINDOWS, DAYS)),
        table.c.received_date < day,
    )
    found: dict[date, Sketches] = {}
    for own, group in read_frame(connection, query).groupby("received_date", sort=True):
        keys = zip(group["hospital_id"], group["document_type"], group["metric"], strict=True)
        found[own] = dict(zip(keys, map(sketch_from_json, group["sketch"]), strict=True))
    return found


def release_row(frames: CodingFrames, reference: Reference) -> Row:
    """Encounters of the day in a release newer than any the model was taught or is held against: an alarm by itself."""
    seen = frames.encounters["code_set_release"]
    newer = newer_releases(reference.releases, list(seen.unique()))
    n = int(seen.isin(newer).sum())
    return Row(
        ALL, ALL, "new_release", 1, len(seen), 0, value=float(n), reference_value=0.0, test="release",
        effect=float(n), least_effect=1.0, alarm=n > 0, notes={"releases": newer} if newer else None,
    )  # fmt: skip


def _told(connection: sa.Connection, reference: Reference, day: date) -> list[Row]:
    """The domain classifier on documents of the last days, one an encounter."""
    first = max(day - timedelta(days=_TOLD_WINDOW - 1), reference.last_day + timedelta(days=1))
    documents = one_each(documents_coded(connection, first, day, reference.version))[:_MOST_TOLD]
    ids = sorted(
        (d.isoformat(), document) for d, document in documents[["received_date", "document_id"]].itertuples(index=False)
    )
    row = Row(ALL, ALL, "domain_auc", _TOLD_WINDOW, len(ids), len(reference.documents), reference_value=0.5)
    if len(ids) < settings().drift_least:
        return [replace(row, notes={"skipped": f"{len(ids)} documents in the window, too few to tell them apart"})]
    before = texts_of(connection, reference.documents)
    told = tell_apart(before, texts_of(connection, ids), [document for _, document in ids])
    if told is None:
        return [replace(row, notes={"skipped": f"{len(before)} documents of the reference are left, too few"})]
    return [
        replace(
            row, n_reference=len(before), value=told.auc, low=told.low, high=told.high, test="delong",
            statistic=told.statistic, effect=told.auc - 0.5, p_value=told.p_value, least_effect=LEAST_EFFECT["delong"],
            notes={"documents": list(told.exemplars), "words": [list(word) for word in told.words]},
        )
    ]  # fmt: skip


def audit_of_day(connection: sa.Connection, day: date) -> pd.DataFrame:
    """The audit sample of the encounters coded on the day, in the columns of ml.audit_sample."""
    query = sa.text(
        "SELECT c.encounter_id, e.hospital_id, c.model_version AS version FROM coded.encounter c "
        "JOIN filtered.encounter e USING (received_date, encounter_id) WHERE c.received_date = :day ORDER BY 1"
    )
    encounters = read_frame(connection, query, {"day": day})
    if encounters.empty:
        return pd.DataFrame(columns=list(COLUMNS), dtype=object)
    codes = read_frame(
        connection,
        sa.text(
            "SELECT encounter_id, band, accepted FROM coded.encounter_code WHERE received_date = :day AND accepted"
        ),
        {"day": day},
    )
    encounters["stratum"] = strata(encounters["encounter_id"], codes)
    return draw(day, encounters, settings().drift_audit_encounters)


def _frames_of(evaluated: list[Watched]) -> dict[str, pd.DataFrame]:
    sketches, metrics = [], []
    for one in evaluated:
        if one.reference is None:
            continue
        named = {"reference_id": one.reference.reference_id}
        for key, sketch in (one.sketches or {}).items():
            places = dict(zip(("hospital_id", "document_type", "metric"), key, strict=True))
            sketches.append({**named, **places, "n": sketch.n, "sketch": sketch.to_json()})
        for row in one.rows:
            metrics.append({**named, "kind": one.kind, "version": one.version, **_plain(row)})
    return {
        name: pd.DataFrame(
            found, columns=[c.name for c in drift_table(name).columns if c.name != "received_date"], dtype=object
        )
        for name, found in (("drift_sketch", sketches), ("drift_metric", metrics))
    }


def _plain(row: Row) -> dict[str, object]:
    said = asdict(row)
    said["notes"] = row.notes or {}
    return {k: None if isinstance(v, float) and v != v else v for k, v in said.items()}
