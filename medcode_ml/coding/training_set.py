"""The training set of the coding model: which encounters coders labelled, with what, and in which part of the split.

Labels are what the hospital's coders wrote (`raw.coder_label`) or, for research records that came coded, the delivered
diagnoses. Only ids, codes and hashes are kept: the text stays in `filtered`.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.codes.release import NoReleaseError
from medcode_ml.coding.labelled.note import written_code
from medcode_ml.coding.training_split import split_encounters
from medcode_ml.contracts import ml
from medcode_ml.contracts.stage import StageResult
from medcode_ml.store.copying import copy_in
from medcode_ml.store.frames import days_of, read_frame, replace_partition

LABELLED_AGAIN: Final = "labelled_again"
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('ml.coding_training_set', 0))"
TABLE = ml.coding_training_set


def run_training_set(engine: sa.Engine, start: date, end: date) -> StageResult:
    """Replace the training set of the days `start` to `end`, then split all days anew, in one transaction.

    A day holds the encounters whose labels were received on it, with what was known of them by that day: labels come
    later than the record they belong to. The split is made over all days, since a person has one part.
    """
    written, dropped = 0, 0
    with engine.begin() as connection:
        connection.execute(sa.text(_LOCK))
        for day in days_of(start, end):
            frame = training_set_of(connection, day)
            written += replace_partition(connection, TABLE, day, frame)
            dropped += sum(len(codes) for codes in frame["codes_outside_release"])
        split_all(connection)
        query = sa.select(sa.func.coalesce(TABLE.c.split, TABLE.c.set_aside)).where(
            TABLE.c.received_date.between(start, end)
        )
        outcomes = Counter(connection.execute(query).scalars())
    listing = tuple(sorted(outcomes.items(), key=lambda item: (-item[1], item[0])))
    return StageResult(
        "training set", start, end, {TABLE.name: written}, {"codes_outside_release": dropped},
        (("part or why set aside", "encounters"), listing),
    )  # fmt: skip


def training_set_of(connection: sa.Connection, day: date) -> pd.DataFrame:
    """Return the rows of `ml.coding_training_set` for labels received on `day`, not yet split."""
    labels = read_frame(connection, sa.text(_LABELS), {"day": day, "sources": list(ml.CODED_SOURCES)})
    stays = read_frame(connection, sa.text(_STAYS), {"day": day, "ids": sorted(set(labels["encounter_id"]))})
    texts = read_frame(connection, sa.text(_TEXTS), {"day": day, "ids": list(stays["encounter_id"])})
    return labelled_encounters(labels, stays, texts)


def labelled_encounters(labels: pd.DataFrame, stays: pd.DataFrame, texts: pd.DataFrame) -> pd.DataFrame:
    """One row for every labelled encounter: kept, or set aside with its reason.

    Args:
        labels: encounter_id, source, hospital_id, label_source, code in reporting order; `coder_label` before
            delivered codes, which count only where an encounter has no other.
        stays: encounter_id, patient_id, setting, discharge_date of those that filtering carried.
        texts: encounter_id, document_ids, character_count, text_hash of those with documents.

    Returns:
        The columns of `ml.coding_training_set` but received_date; `split` and `person_id` are still None.
    """
    stay_of = stays.set_index("encounter_id").to_dict("index")
    text_of = texts.set_index("encounter_id").to_dict("index")
    rows = []
    for encounter, own in labels.groupby("encounter_id", sort=True):
        given = own[own["label_source"] == "coder_label"] if "coder_label" in set(own["label_source"]) else own
        label_source = "crosswalked" if "crosswalked" in set(given["label_source"]) else given["label_source"].iloc[0]
        stay, text = stay_of.get(encounter, {}), text_of.get(encounter, {})
        day = stay.get("discharge_date")
        inside, outside, known = codes_in_release(list(given["code"]), day)
        checks = (
            ("no_encounter", bool(stay)),
            ("no_discharge_date", day is not None),
            ("no_release", known),
            ("no_documents", bool(text)),
            ("no_codes", bool(inside)),
        )
        rows.append(
            {
                "encounter_id": encounter,
                "patient_id": stay.get("patient_id"),
                "person_id": None,
                "source": own["source"].iloc[0],
                "hospital_id": own["hospital_id"].iloc[0],
                "setting": stay.get("setting"),
                "discharge_date": day,
                "split": None,
                "set_aside": next((reason for reason, good in checks if not good), None),
                "label_source": label_source,
                "codes": inside,
                "codes_outside_release": outside,
                "document_ids": text.get("document_ids", []),
                "character_count": int(text.get("character_count", 0)),
                "text_hash": text.get("text_hash"),
            }
        )
    names = [c.name for c in TABLE.columns if c.name != "received_date"]
    return pd.DataFrame(rows, columns=names, dtype=object)


def codes_in_release(labels: list[str | None], day: date | None) -> tuple[list[str], list[str], bool]:
    """Labels billable on `day`, each once in their order, those that are not, and whether there is a code set."""
    written = list(dict.fromkeys(written_code(label) or label for label in labels if label))
    try:
        release = CodeSet.on(day) if day is not None else None
    except NoReleaseError:
        release = None
    if release is None:
        return [], written, False
    good = {code for code in written if release.is_billable(code)}
    return [c for c in written if c in good], [c for c in written if c not in good], True


def labels_outside_release(engine: sa.Engine, start: date, end: date) -> list[tuple[str, date]]:
    """Labels to learn from that are not billable at discharge, with that date (rule 1); days `start` to `end`."""
    query = sa.select(TABLE.c.codes, TABLE.c.discharge_date).where(
        TABLE.c.received_date.between(start, end), TABLE.c.split.is_not(None)
    )
    rows = read_frame(engine, query)
    found = {(code, day) for codes, day in zip(rows["codes"], rows["discharge_date"], strict=True) for code in codes}
    return sorted((code, day) for code, day in found if not CodeSet.on(day).is_billable(code))


def split_all(connection: sa.Connection) -> None:
    """Give every row of the training set its person and its part; of encounters labelled twice the newest row counts.

    Persons are read anew: a link made since may have joined two that stood in different parts.
    """
    rows = read_frame(connection, sa.text(_TO_SPLIT))
    if rows.empty:
        return
    newest = ~rows.duplicated("encounter_id", keep="last")  # in the order of received days
    rows["set_aside"] = [None if new else LABELLED_AGAIN for new in newest]
    rows["split"] = pd.Series([None] * len(rows), dtype=object)
    rows.loc[newest, "split"] = split_encounters(rows[newest])
    part = sa.Table(
        "training_part", sa.MetaData(),
        *[sa.Column(c, TABLE.c[c].type) for c in ("received_date", "encounter_id", "person_id", "split", "set_aside")],
        prefixes=["TEMPORARY"], postgresql_on_commit="DROP",
    )  # fmt: skip
    part.create(connection)
    copy_in(connection, part, rows[[c.name for c in part.columns]])
    connection.execute(sa.text(_SET_PARTS))


#: encounter numbers are matched as mapping writes them: upper case, no separators, no leading zeros
_LABELS = """
WITH label AS (
    SELECT source, hospital_id, line_number, copy_number, code,
           coalesce(nullif(ltrim(number, '0'), ''), number) AS number
    FROM (SELECT l.*, upper(regexp_replace(encounter_number, '[[:space:]./_-]+', '', 'g')) AS number
          FROM raw.coder_label l WHERE received_date = :day) l
), known AS (
    SELECT DISTINCT source, hospital_id, encounter_number, encounter_id
    FROM mapped.encounter WHERE received_date <= :day
), latest AS (
    SELECT DISTINCT ON (source, hospital_id, number, line_number) * FROM label
    ORDER BY source, hospital_id, number, line_number, copy_number DESC
)
SELECT coalesce(k.encounter_id, left(encode(sha256(convert_to(
           concat_ws(chr(31), 'coder_label', l.source, l.hospital_id, l.number), 'UTF8')), 'hex'), 20)) AS encounter_id,
       l.source, l.hospital_id, 'coder_label' AS label_source, l.code,
       CASE WHEN l.line_number ~ '^[0-9]{1,6}$' THEN l.line_number::int END AS place, l.line_number
FROM latest l LEFT JOIN known k
     ON k.source = l.source AND k.hospital_id = l.hospital_id AND k.encounter_number = l.number
UNION ALL
SELECT d.encounter_id, e.source, e.hospital_id,
       CASE WHEN d.source_system = 'ICD-10-CM' THEN 'delivered' ELSE 'crosswalked' END, d.code, d.line_number, ''
FROM filtered.diagnosis d JOIN filtered.encounter e USING (received_date, encounter_id)
WHERE d.received_date = :day AND e.source = ANY(:sources)
ORDER BY 1, 4, 6 NULLS LAST, 7, 5
"""
_STAYS = """
SELECT DISTINCT ON (encounter_id) encounter_id, patient_id, setting, discharge_date
FROM filtered.encounter WHERE received_date <= :day AND encounter_id = ANY(:ids)
ORDER BY encounter_id, received_date DESC
"""
#: the text of an encounter as the coder reads it: its documents by id, a blank line between
_TEXTS = """
WITH newest AS (
    SELECT DISTINCT ON (document_id) document_id, encounter_id, text
    FROM filtered.document WHERE received_date <= :day AND encounter_id = ANY(:ids)
    ORDER BY document_id, received_date DESC
)
SELECT encounter_id, jsonb_agg(document_id ORDER BY document_id) AS document_ids,
       sum(length(text))::int AS character_count,
       encode(sha256(convert_to(string_agg(text, E'\\n\\n' ORDER BY document_id), 'UTF8')),
              'hex') AS text_hash
FROM newest GROUP BY encounter_id
"""
_TO_SPLIT = """
SELECT t.received_date, t.encounter_id, t.discharge_date, coalesce(p.person_id, t.patient_id) AS person_id
FROM ml.coding_training_set t LEFT JOIN mapped.person p USING (patient_id)
WHERE t.set_aside IS NULL OR t.set_aside = 'labelled_again'
ORDER BY t.encounter_id, t.received_date
"""
_SET_PARTS = """
UPDATE ml.coding_training_set t SET person_id = p.person_id, split = p.split, set_aside = p.set_aside
FROM training_part p WHERE p.received_date = t.received_date AND p.encounter_id = t.encounter_id
     AND (t.person_id, t.split, t.set_aside) IS DISTINCT FROM (p.person_id, p.split, p.set_aside)
"""
