"""The frames of a day out of the tables, and which versions worked on which days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import coded
from medcode_ml.contracts.ml import BY_KIND, model
from medcode_ml.drift.by_stay import stays_of as with_documents
from medcode_ml.drift.frames import AMOUNTS, CODING, RANKING, CodingFrames
from medcode_ml.drift.units import age_bands
from medcode_ml.models.bands import AUTO, REVIEW
from medcode_ml.models.warehouse.labels import labelled_encounters, labels_of_day, labels_that_count, stays_of
from medcode_ml.store.copying import copy_out
from medcode_ml.store.drift_alarms import SUSPENDED
from medcode_ml.store.frames import read_frame

#: kind -> table whose model_version says what worked
WORKED_IN: Final = {CODING: "coded.encounter", RANKING: "ranked.encounter", AMOUNTS: "billed.predicted_amount"}
#: kind -> what it worked on: received_date, encounter_id, model_version
_WORKED_ON: Final = {
    CODING: "coded.encounter",
    RANKING: "ranked.encounter",
    # every claim is priced for the edits, those that are not final are kept
    AMOUNTS: "(SELECT c.received_date, c.encounter_id, p.model_version FROM billed.claim c JOIN (SELECT DISTINCT "
    "received_date, model_version FROM billed.predicted_amount) p USING (received_date) "
    "WHERE c.status = 'ready' AND c.drg IS NOT NULL)",
}
#: kind -> what any version could have worked on: received_date, encounter_id
_THERE: Final = {
    CODING: "filtered.encounter",
    RANKING: "coded.encounter",
    AMOUNTS: "(SELECT received_date, encounter_id FROM billed.claim WHERE status = 'ready' AND drg IS NOT NULL)",
}
_CODES = ("encounter_id", "code", "score", "band", "accepted", "document_types")


def not_learned_from(kind: str, of: str) -> str:
    """SQL: the encounter of the row `of` is none that the model `:version` learned from."""
    return (
        f"NOT EXISTS (SELECT 1 FROM {BY_KIND[kind].model_encounter.fullname} m WHERE "
        f"m.encounter_id = {of}.encounter_id AND m.version = :version AND m.part = 'train')"
    )


def version_of_day(connection: sa.Connection, kind: str, day: date) -> str | None:
    """The version that worked on most encounters of the day; None where nothing was worked on."""
    query = sa.text(
        f"SELECT model_version FROM {WORKED_IN[kind]} WHERE received_date = :day "
        "GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
    )
    found = connection.execute(query, {"day": day}).scalar()
    return None if found is None else str(found)


def version_in_use(connection: sa.Connection, kind: str) -> str | None:
    """The version that worked on most encounters of the newest day there is; None where nothing was worked on."""
    newest = connection.execute(sa.text(f"SELECT max(received_date) FROM {WORKED_IN[kind]}")).scalar()
    return None if newest is None else version_of_day(connection, kind, newest)


def days_of_version(connection: sa.Connection, kind: str, version: str, before: date) -> dict[date, int]:
    """Days before `before` that `version` worked on, oldest first, with the encounters it did not learn from."""
    query = sa.text(
        f"SELECT received_date, count(*) FROM {_WORKED_ON[kind]} w WHERE model_version = :version "
        f"AND received_date < :before AND {not_learned_from(kind, 'w')} GROUP BY 1 ORDER BY 1"
    )
    given = {"version": version, "before": before}
    return {day: int(n) for day, n in connection.execute(query, given)}


def own_test(connection: sa.Connection, kind: str, version: str, before: date) -> dict[date, set[str]]:
    """Encounters that show what a trained model does in the world it was made for, by received day before `before`.

    These are the ones kept apart when it was trained (calibration, test). A model that was trained because the world
    had changed is not held against its old days: of it these are all encounters received since the change, by whomever
    they were worked on, that it did not learn from.
    """
    changed = _recent_from(connection, kind, version)
    given = {"version": version, "before": before, "changed": changed}
    if changed is None:
        query = (
            f"SELECT max(w.received_date) AS day, m.encounter_id FROM {BY_KIND[kind].model_encounter.fullname} m "
            f"JOIN {_THERE[kind]} w USING (encounter_id) WHERE m.version = :version AND m.part <> 'train' "
            "AND w.received_date < :before GROUP BY 2 ORDER BY 1"
        )
    else:
        query = (
            f"SELECT max(w.received_date) AS day, w.encounter_id FROM {_THERE[kind]} w WHERE "
            f"w.received_date >= :changed AND w.received_date < :before AND {not_learned_from(kind, 'w')} "
            "GROUP BY 2 ORDER BY 1"
        )
    found: dict[date, set[str]] = {}
    for day, encounter in connection.execute(sa.text(query), given):
        found.setdefault(day, set()).add(encounter)
    return found


def _recent_from(connection: sa.Connection, kind: str, version: str) -> date | None:
    """First received day of the changed world that a model was trained for; None where it was not."""
    query = sa.select(model.c.recent_from).where(model.c.version == version, model.c.kind == kind)
    found: date | None = connection.execute(query).scalar()
    return found


def coding_frames(
    connection: sa.Connection,
    day: date,
    version: str,
    *,
    only: set[str] | None = None,
    codes: pd.DataFrame | None = None,
) -> CodingFrames:
    """The frames of the coder of the encounters of `day` that `version` coded and did not learn from.

    Args:
        connection: the database. day: received day. version: of the coder.
        only: take these encounters, whoever coded them; `codes` are then what `version` gives them.
        codes: columns of coded.encounter_code, in place of those in the table.
    """
    encounters = _encounters(connection, day, version, only)
    kept = set(encounters["encounter_id"])
    if codes is None:
        codes = _codes(connection, day)
    codes = codes.loc[codes["encounter_id"].isin(kept), list(_CODES)].reset_index(drop=True)
    documents = read_frame(connection, sa.text(_DOCUMENTS), {"day": day})
    documents = documents[documents["encounter_id"].isin(kept)].reset_index(drop=True)
    pages = read_frame(connection, sa.text(_PAGES), {"day": day})
    labels = labels_of_day(connection, day, audited=True)
    labelled, labelled_codes = _labelled(connection, day, version, labels, codes, kept)
    if only is not None:
        labelled = labelled[labelled["encounter_id"].isin(only)].reset_index(drop=True)
        labelled_codes = labelled_codes[labelled_codes["encounter_id"].isin(only)].reset_index(drop=True)
    earlier = _stays_earlier(connection, day, set(labelled["encounter_id"]) - kept)
    return CodingFrames(encounters, codes, documents, pages, labelled, labelled_codes, earlier)


def _encounters(connection: sa.Connection, day: date, version: str, only: set[str] | None) -> pd.DataFrame:
    given: dict[str, Any] = {"day": day, "version": version}
    where = f"c.model_version = :version AND {not_learned_from(CODING, 'c')}"
    if only is not None:
        where, given = "c.encounter_id = ANY(:only)", {"day": day, "only": sorted(only)}
    return _with_age(read_frame(connection, sa.text(_ENCOUNTERS.format(where=where)), given))


def _with_age(found: pd.DataFrame) -> pd.DataFrame:
    found["age_band"] = age_bands(found["birth_date"], found["discharge_date"]) if len(found) else None
    return found.drop(columns="birth_date")


def _stays_earlier(connection: sa.Connection, day: date, encounters: set[str]) -> pd.DataFrame:
    """Stays (`by_stay.stays_of`) of encounters as they were received last before `day`."""
    if not encounters:
        return pd.DataFrame()
    given = {"day": day, "ids": sorted(encounters)}
    found = _with_age(read_frame(connection, sa.text(_STAYS_EARLIER), given))
    return with_documents(found, read_frame(connection, sa.text(_TYPES_EARLIER), given))


def _codes(connection: sa.Connection, day: date) -> pd.DataFrame:
    table = coded.encounter_code.c
    # where a code was found is asked of accepted ones only
    places = sa.case((table.accepted, table.document_types), else_=None).label("document_types")
    # the coder's own band: an alarm that suspends it would else keep itself standing
    held = (table.band == REVIEW) & table.reason.contains(SUSPENDED, autoescape=True)
    band = sa.case((held, AUTO), else_=table.band).label("band")
    return copy_out(
        connection,
        sa.select(table.encounter_id, table.code, table.score, band, table.accepted, places).where(
            table.received_date == day
        ),
    )


def _labelled(
    connection: sa.Connection, day: date, version: str, labels: pd.DataFrame, codes: pd.DataFrame, kept: set[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Encounters labelled on the day with labels in their release, and what `version` coded them with."""
    rows = labelled_encounters(labels, stays_of(connection, day, labels["encounter_id"]))
    rows = rows[rows["set_aside"].isna()]
    earlier = sorted(set(rows["encounter_id"]) - kept)
    query = sa.text(_EARLIER_CODES.format(unlearned=not_learned_from(CODING, "w")))
    more = read_frame(connection, query, {"ids": earlier, "day": day, "version": version})
    own = codes[["encounter_id", "code", "score", "accepted"]]
    both = own if more.empty else pd.concat([own, more], ignore_index=True)
    known = kept | set(more["encounter_id"])
    rows = rows.loc[rows["encounter_id"].isin(known), ["encounter_id", "hospital_id", "codes"]].reset_index(drop=True)
    return rows, both[both["encounter_id"].isin(set(rows["encounter_id"]))].reset_index(drop=True)


def ranking_frames(
    connection: sa.Connection, day: date, version: str, *, ranked: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Frames of `frames.ranking_blocks`: what was ranked on the day, and what coders put first in labels that came.

    Encounters that `version` learned from are not among them.

    Args:
        connection: the database. day: received day. version: of the ranker.
        ranked: rows of ranked.encounter that `version` would write, in place of all that was ranked; labels are those
            of the same encounters.
    """
    labels = labels_that_count(labels_of_day(connection, day, audited=True))
    first = labels[labels["place"] == 1].drop_duplicates("encounter_id")[["encounter_id", "code"]]
    first = first.rename(columns={"code": "label"})
    given = {"day": day, "version": version}
    if ranked is not None:
        hospitals = read_frame(connection, sa.text(_HOSPITALS), {"day": day})
        frame = ranked.merge(hospitals, on="encounter_id")
        return frame, frame[["encounter_id", "hospital_id", "principal_code"]].merge(first, on="encounter_id")
    unlearned = not_learned_from(RANKING, "r")
    frame = read_frame(connection, sa.text(_RANKED.format(unlearned=unlearned)), given)
    ours = read_frame(
        connection, sa.text(_RANKED_EARLIER.format(unlearned=unlearned)),
        {**given, "ids": sorted(set(first["encounter_id"]))},
    )  # fmt: skip
    return frame, ours.merge(first, on="encounter_id")


def texts_of(connection: sa.Connection, documents: Iterable[tuple[str, str]]) -> list[str]:
    """Texts of (received day, document id), those that are still there."""
    held = sorted(documents)
    query = sa.text(
        "SELECT d.text FROM filtered.document d JOIN unnest(CAST(:days AS date[]), CAST(:ids AS text[])) AS w(day, id) "
        "ON d.received_date = w.day AND d.document_id = w.id ORDER BY d.received_date, d.document_id"
    )
    given = {"days": [date.fromisoformat(day) for day, _ in held], "ids": [one for _, one in held]}
    return [str(text) for (text,) in connection.execute(query, given)]


def documents_coded(connection: sa.Connection, start: date, end: date, version: str) -> pd.DataFrame:
    """received_date, encounter_id, document_id of the documents of encounters that `version` coded and did not learn
    from."""
    where = not_learned_from(CODING, "c")
    query = sa.text(
        "SELECT d.received_date, d.encounter_id, d.document_id FROM filtered.document d JOIN coded.encounter c "
        "USING (received_date, encounter_id) WHERE d.received_date BETWEEN :start AND :end "
        f"AND c.model_version = :version AND {where} ORDER BY 1, 2, 3"
    )
    return read_frame(connection, query, {"start": start, "end": end, "version": version})


_ENCOUNTERS = """
SELECT e.encounter_id, e.hospital_id, c.document_count, c.code_set_release, c.outcome, b.drg, b.mdc, e.service,
       e.setting, e.admission_type, e.payer_id AS payer, p.sex, p.birth_date, e.discharge_status, e.discharge_date
FROM filtered.encounter e
JOIN coded.encounter c USING (received_date, encounter_id)
LEFT JOIN billed.claim b USING (received_date, encounter_id)
LEFT JOIN LATERAL (SELECT sex, birth_date FROM filtered.patient p
                   WHERE p.patient_id = e.patient_id AND p.received_date <= e.received_date
                   ORDER BY p.received_date DESC LIMIT 1) p ON true
WHERE e.received_date = :day AND {where}
ORDER BY e.encounter_id
"""
_STAYS_EARLIER = """
SELECT DISTINCT ON (e.encounter_id) e.encounter_id, e.hospital_id, e.service, e.setting, e.admission_type,
       p.sex, p.birth_date, e.discharge_status, e.discharge_date
FROM filtered.encounter e
LEFT JOIN LATERAL (SELECT sex, birth_date FROM filtered.patient p
                   WHERE p.patient_id = e.patient_id AND p.received_date <= e.received_date
                   ORDER BY p.received_date DESC LIMIT 1) p ON true
WHERE e.encounter_id = ANY(:ids) AND e.received_date < :day
ORDER BY e.encounter_id, e.received_date DESC
"""
_TYPES_EARLIER = """
SELECT d.encounter_id, d.document_type
FROM filtered.document d
JOIN (SELECT encounter_id, max(received_date) AS received_date FROM filtered.encounter
      WHERE encounter_id = ANY(:ids) AND received_date < :day GROUP BY 1) e USING (encounter_id, received_date)
"""
_DOCUMENTS = """
SELECT d.document_id, d.encounter_id, e.hospital_id, d.document_type, d.text
FROM filtered.document d JOIN filtered.encounter e USING (received_date, encounter_id)
WHERE d.received_date = :day ORDER BY d.document_id
"""
_PAGES = """
SELECT g.hospital_id, g.record_id, coalesce(s.document_type, 'other') AS document_type, g.confidence, g.gate
FROM raw.page g
LEFT JOIN raw.scanned_record s ON s.received_date = g.received_date AND s.source = g.source
     AND s.hospital_id = g.hospital_id AND s.record_id = g.record_id AND s.copy_number = 1
WHERE g.received_date = :day ORDER BY g.page_id
"""
_EARLIER_CODES = """
SELECT k.encounter_id, k.code, k.score, k.accepted
FROM (SELECT DISTINCT ON (encounter_id) encounter_id, received_date FROM coded.encounter w
      WHERE encounter_id = ANY(:ids) AND received_date <= :day AND model_version = :version AND {unlearned}
      ORDER BY encounter_id, received_date DESC) c
JOIN coded.encounter_code k USING (encounter_id, received_date)
"""
_RANKED = """
SELECT e.encounter_id, e.hospital_id, r.principal_code, r.principal_probability, r.code_count, r.needs_review, r.outcome
FROM ranked.encounter r JOIN filtered.encounter e USING (received_date, encounter_id)
WHERE r.received_date = :day AND r.model_version = :version AND {unlearned} ORDER BY 1
"""
_RANKED_EARLIER = """
SELECT DISTINCT ON (r.encounter_id) r.encounter_id, e.hospital_id, r.principal_code
FROM ranked.encounter r JOIN filtered.encounter e USING (received_date, encounter_id)
WHERE r.encounter_id = ANY(:ids) AND r.received_date <= :day AND r.model_version = :version
      AND {unlearned}
ORDER BY r.encounter_id, r.received_date DESC
"""
_HOSPITALS = "SELECT encounter_id, hospital_id FROM filtered.encounter WHERE received_date = :day"
