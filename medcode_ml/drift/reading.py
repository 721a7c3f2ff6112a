"""The frames of a day out of the tables, and which versions worked on which days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import coded
from medcode_ml.drift.frames import AMOUNTS, CODING, RANKING, CodingFrames
from medcode_ml.drift.units import age_bands
from medcode_ml.models.warehouse.labels import labelled_encounters, labels_of_day, stays_of
from medcode_ml.store.copying import copy_out
from medcode_ml.store.frames import read_frame

#: kind -> table whose model_version says what worked
WORKED_IN: Final = {CODING: "coded.encounter", RANKING: "ranked.encounter", AMOUNTS: "billed.predicted_amount"}
_CODES = ("encounter_id", "code", "score", "band", "accepted", "document_types")


def version_of_day(connection: sa.Connection, kind: str, day: date) -> str | None:
    """The version that worked on most encounters of the day; None where nothing was worked on."""
    query = sa.text(
        f"SELECT model_version FROM {WORKED_IN[kind]} WHERE received_date = :day "
        "GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
    )
    found = connection.execute(query, {"day": day}).scalar()
    return None if found is None else str(found)


def days_of_version(connection: sa.Connection, kind: str, version: str, before: date) -> dict[date, int]:
    """Days before `before` that `version` worked on, oldest first, with the encounters it did not learn from."""
    query = sa.text(
        f"SELECT received_date, count(*) FROM {WORKED_IN[kind]} w WHERE model_version = :version "
        f"AND received_date < :before AND {_NOT_LEARNED_FROM} GROUP BY 1 ORDER BY 1"
    )
    given = {"version": version, "before": before}
    return {day: int(n) for day, n in connection.execute(query, given)}


def own_test(connection: sa.Connection, version: str, before: date) -> dict[date, set[str]]:
    """Encounters kept apart (calibration, test) when a coding model was trained, by received day before `before`."""
    query = sa.text(
        "SELECT max(e.received_date) AS day, m.encounter_id FROM ml.coding_model_encounter m "
        "JOIN filtered.encounter e USING (encounter_id) WHERE m.version = :version AND m.part <> 'train' "
        "AND e.received_date < :before GROUP BY 2 ORDER BY 1"
    )
    found: dict[date, set[str]] = {}
    for day, encounter in connection.execute(query, {"version": version, "before": before}):
        found.setdefault(day, set()).add(encounter)
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
    labels = labels_of_day(connection, day)
    labelled, labelled_codes = _labelled(connection, day, version, labels, codes, kept)
    if only is not None:
        labelled = labelled[labelled["encounter_id"].isin(only)].reset_index(drop=True)
        labelled_codes = labelled_codes[labelled_codes["encounter_id"].isin(only)].reset_index(drop=True)
    return CodingFrames(encounters, codes, documents, pages, labelled, labelled_codes)


def _encounters(connection: sa.Connection, day: date, version: str, only: set[str] | None) -> pd.DataFrame:
    given: dict[str, Any] = {"day": day, "version": version}
    where = f"c.model_version = :version AND {_NOT_LEARNED_FROM.replace('w.', 'c.')}"
    if only is not None:
        where, given = "c.encounter_id = ANY(:only)", {"day": day, "only": sorted(only)}
    found = read_frame(connection, sa.text(_ENCOUNTERS.format(where=where)), given)
    found["age_band"] = age_bands(found["birth_date"], found["discharge_date"]) if len(found) else None
    return found.drop(columns="birth_date")


def _codes(connection: sa.Connection, day: date) -> pd.DataFrame:
    table = coded.encounter_code.c
    # where a code was found is asked of accepted ones only
    places = sa.case((table.accepted, table.document_types), else_=None).label("document_types")
    return copy_out(
        connection,
        sa.select(table.encounter_id, table.code, table.score, table.band, table.accepted, places).where(
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
    query = sa.text(_EARLIER_CODES.format(unlearned=_NOT_LEARNED_FROM))
    more = read_frame(connection, query, {"ids": earlier, "day": day, "version": version})
    own = codes[["encounter_id", "code", "score", "accepted"]]
    both = own if more.empty else pd.concat([own, more], ignore_index=True)
    known = kept | set(more["encounter_id"])
    rows = rows.loc[rows["encounter_id"].isin(known), ["encounter_id", "hospital_id", "codes"]].reset_index(drop=True)
    return rows, both[both["encounter_id"].isin(set(rows["encounter_id"]))].reset_index(drop=True)


def ranking_frames(connection: sa.Connection, day: date, version: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Frames of `frames.ranking_blocks`: what was ranked on the day, and what coders put first in labels that came."""
    ranked = read_frame(connection, sa.text(_RANKED), {"day": day, "version": version})
    labels = labels_of_day(connection, day)
    first = labels[labels["place"] == 1].drop_duplicates("encounter_id")[["encounter_id", "code"]]
    query = sa.text(_RANKED_EARLIER)
    ours = read_frame(connection, query, {"ids": sorted(set(first["encounter_id"])), "day": day, "version": version})
    return ranked, ours.merge(first.rename(columns={"code": "label"}), on="encounter_id")


def amount_frames(connection: sa.Connection, day: date, version: str) -> pd.DataFrame:
    """Frame of `frames.amount_blocks`."""
    return read_frame(connection, sa.text(_AMOUNTS), {"day": day, "version": version})


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
    where = _NOT_LEARNED_FROM.replace("w.", "c.")
    query = sa.text(
        "SELECT d.received_date, d.encounter_id, d.document_id FROM filtered.document d JOIN coded.encounter c "
        "USING (received_date, encounter_id) WHERE d.received_date BETWEEN :start AND :end "
        f"AND c.model_version = :version AND {where} ORDER BY 1, 2, 3"
    )
    return read_frame(connection, query, {"start": start, "end": end, "version": version})


_NOT_LEARNED_FROM = (
    "NOT EXISTS (SELECT 1 FROM ml.coding_model_encounter m WHERE m.encounter_id = w.encounter_id "
    "AND m.version = :version AND m.part = 'train')"
)
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
WHERE r.received_date = :day AND r.model_version = :version ORDER BY 1
"""
_RANKED_EARLIER = """
SELECT DISTINCT ON (r.encounter_id) r.encounter_id, e.hospital_id, r.principal_code
FROM ranked.encounter r JOIN filtered.encounter e USING (received_date, encounter_id)
WHERE r.encounter_id = ANY(:ids) AND r.received_date <= :day AND r.model_version = :version
ORDER BY r.encounter_id, r.received_date DESC
"""
_AMOUNTS = """
SELECT e.hospital_id, a.predicted_because, a.charges, a.payments, a.payments_low, a.payments_high
FROM billed.predicted_amount a JOIN filtered.encounter e USING (received_date, encounter_id)
WHERE a.received_date = :day AND a.model_version = :version
"""
