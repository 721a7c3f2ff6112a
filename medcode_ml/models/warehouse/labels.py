"""What coders labelled: their codes of a day, the encounters these belong to, and which labels can be learned from.

Labels are the codes of charts that coders closed as final (`review.chart_code`), what the hospital's coders wrote
(`raw.coder_label`) or, for research records that came coded, the delivered diagnoses. A chart belongs to the UTC day it
was closed on. The newest day counts; on one day a chart counts before delivered labels, and the one closed last before
others. Audits (a second coder who saw no proposals) are measured with and never learned from.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.codes.identifiers import written_code
from medcode_ml.codes.release import NoReleaseError
from medcode_ml.contracts import ml
from medcode_ml.store.frames import read_frame

CODER_LABEL, DELIVERED, CROSSWALKED = "coder_label", "delivered", "crosswalked"
REVIEW, AUDIT = "review", "audit"
#: sources of labels, the one that counts first; what came with a record counts where it has no others
_BEFORE: Final = (AUDIT, REVIEW, CODER_LABEL)
#: what the training sets of all kinds have alike, besides the partition
COMMON: Final = tuple(
    c.name
    for c in ml.CODING.training_set.columns
    if c.name in ml.RANKING.training_set.columns and c.name != "received_date"
)


def labels_of_day(connection: sa.Connection, day: date, *, audited: bool = False) -> pd.DataFrame:
    """The labels received on `day`, in reporting order by encounter; those of audits too where `audited`.

    Columns: encounter_id (a hash of their key where no encounter is known), source, hospital_id, label_source, code,
    place (None where none can be read), line_number, poa.
    """
    given = {"day": day, "sources": list(ml.CODED_SOURCES), "audited": audited}
    return read_frame(connection, sa.text(_LABELS), given)


def newest_coder_labels(connection: sa.Connection, encounters: Iterable[str]) -> pd.DataFrame:
    """encounter_id, received_date, code, place of the labels that the hospital delivered last for these encounters."""
    return read_frame(connection, sa.text(_NEWEST_LABELS), {"ids": sorted(set(encounters))})


def labelled_since(connection: sa.Connection, day: date) -> int:
    """Encounters received on `day` or later that have labels to learn from by now."""
    return int(connection.execute(sa.text(_LABELLED_SINCE), {"day": day}).scalar_one())


def labels_fingerprint(connection: sa.Connection, day: date, *, audited: bool = False) -> str:
    """Number and hash of the labels that `labels_of_day` gives: another one means that labels came since."""
    query = f"SELECT count(*), coalesce(sum(hashtextextended(l::text, 0)), 0) FROM ({_LABELS}) l"
    given = {"day": day, "sources": list(ml.CODED_SOURCES), "audited": audited}
    count, hashed = connection.execute(sa.text(query), given).one()
    return f"{count} {hashed}"


def stays_of(connection: sa.Connection, day: date, encounters: Iterable[str]) -> pd.DataFrame:
    """encounter_id, patient_id, setting, discharge_date of those that filtering carried by `day`."""
    return read_frame(connection, sa.text(_STAYS), {"day": day, "ids": sorted(set(encounters))})


def labels_that_count(labels: pd.DataFrame) -> pd.DataFrame:
    """The labels of the source that counts first, of each encounter: an audit, a review, the coders' delivered ones.

    Codes that came with the record count only where it has no others.
    """
    place = labels["label_source"].map({source: n for n, source in enumerate(_BEFORE)}).fillna(len(_BEFORE))
    return labels[place == place.groupby(labels["encounter_id"]).transform("min")]


def labelled_encounters(labels: pd.DataFrame, stays: pd.DataFrame) -> pd.DataFrame:
    """One row for every labelled encounter, set aside with its reason where its labels fit no encounter or release.

    Args:
        labels: as `labels_of_day` gives them.
        stays: as `stays_of` gives them.

    Returns:
        The columns of `COMMON`; `split` and `person_id` are still None.
    """
    stay_of = stays.set_index("encounter_id").to_dict("index")
    rows = []
    for encounter, given in labels_that_count(labels).groupby("encounter_id", sort=True):
        stay = stay_of.get(encounter, {})
        day = stay.get("discharge_date")
        inside, outside, known = codes_in_release(list(given["code"]), day)
        checks = (
            ("no_encounter", bool(stay)),
            ("no_discharge_date", day is not None),
            ("no_release", known),
            ("no_codes", bool(inside)),
        )
        told = set(given["label_source"])
        rows.append(
            {
                "encounter_id": encounter,
                "patient_id": stay.get("patient_id"),
                "person_id": None,
                "source": given["source"].iloc[0],
                "hospital_id": given["hospital_id"].iloc[0],
                "setting": stay.get("setting"),
                "discharge_date": day,
                "split": None,
                "set_aside": next((reason for reason, good in checks if not good), None),
                "label_source": CROSSWALKED if CROSSWALKED in told else given["label_source"].iloc[0],
                "codes": inside,
                "codes_outside_release": outside,
            }
        )
    return pd.DataFrame(rows, columns=list(COMMON), dtype=object)


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


#: encounter numbers are matched as mapping writes them: upper case, no separators, no leading zeros
_NUMBER = "upper(regexp_replace(encounter_number, '[[:space:]./_-]+', '', 'g'))"
_PLACE = "CASE WHEN l.line_number ~ '^[0-9]{1,6}$' THEN l.line_number::int END"
_LABELS = f"""
WITH label AS (
    SELECT source, hospital_id, line_number, copy_number, code, poa,
           coalesce(nullif(ltrim(number, '0'), ''), number) AS number
    FROM (SELECT l.*, {_NUMBER} AS number FROM raw.coder_label l WHERE received_date = :day) l
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
       {_PLACE} AS place, l.line_number, l.poa
FROM latest l LEFT JOIN known k
     ON k.source = l.source AND k.hospital_id = l.hospital_id AND k.encounter_number = l.number
UNION ALL
SELECT d.encounter_id, e.source, e.hospital_id,
       CASE WHEN d.source_system = 'ICD-10-CM' THEN 'delivered' ELSE 'crosswalked' END, d.code, d.line_number,
       lpad(d.part_number::text, 4, '0'), d.poa
FROM filtered.diagnosis d JOIN filtered.encounter e USING (received_date, encounter_id)
WHERE d.received_date = :day AND e.source = ANY(:sources)
UNION ALL
SELECT c.encounter_id, e.source, c.hospital_id, c.kind, k.code, k.place, lpad(k.place::text, 4, '0'), k.poa
FROM (SELECT DISTINCT ON (encounter_id, kind) chart_id, encounter_id, hospital_id, kind FROM review.chart
      WHERE closed_date = :day AND outcome = 'final' AND (kind = 'review' OR :audited)
      ORDER BY encounter_id, kind, closed_at DESC, chart_id) c
JOIN review.chart_code k ON k.chart_id = c.chart_id AND k.place IS NOT NULL
CROSS JOIN LATERAL (SELECT source FROM filtered.encounter f WHERE f.encounter_id = c.encounter_id
                    ORDER BY f.received_date DESC LIMIT 1) e
ORDER BY 1, 4, 6 NULLS LAST, 7, 5
"""
_NEWEST_LABELS = f"""
WITH known AS (
    SELECT DISTINCT source, hospital_id, encounter_number, encounter_id
    FROM mapped.encounter WHERE encounter_id = ANY(:ids)
), label AS (
    SELECT k.encounter_id, l.received_date, l.line_number, l.copy_number, l.code,
           rank() OVER (PARTITION BY k.encounter_id ORDER BY l.received_date DESC) AS age
    FROM (SELECT l.*, {_NUMBER} AS number FROM raw.coder_label l) l
    JOIN known k ON k.source = l.source AND k.hospital_id = l.hospital_id
         AND k.encounter_number = coalesce(nullif(ltrim(l.number, '0'), ''), l.number)
)
SELECT DISTINCT ON (encounter_id, line_number) encounter_id, received_date, code, {_PLACE} AS place
FROM label l WHERE age = 1 AND code IS NOT NULL ORDER BY encounter_id, line_number, copy_number DESC
"""
_LABELLED_SINCE = f"""
SELECT count(DISTINCT encounter_id) FROM mapped.encounter e WHERE received_date >= :day AND (
    (source, hospital_id, encounter_number) IN (
        SELECT source, hospital_id, coalesce(nullif(ltrim(number, '0'), ''), number)
        FROM (SELECT l.*, {_NUMBER} AS number FROM raw.coder_label l WHERE received_date >= :day) l)
    OR encounter_id IN (
        SELECT encounter_id FROM review.chart
        WHERE closed_date >= :day AND outcome = 'final' AND kind = '{REVIEW}'))
"""
_STAYS = """
SELECT DISTINCT ON (encounter_id) encounter_id, patient_id, setting, discharge_date
FROM filtered.encounter WHERE received_date <= :day AND encounter_id = ANY(:ids)
ORDER BY encounter_id, received_date DESC
"""
