"""What coders labelled: their codes of a day, the encounters these belong to, and which labels can be learned from.

Labels are what the hospital's coders wrote (`raw.coder_label`) or, for research records that came coded, the delivered
diagnoses.
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
#: what the training sets of all kinds have alike, besides the partition
COMMON: Final = tuple(
    c.name
    for c in ml.CODING.training_set.columns
    if c.name in ml.RANKING.training_set.columns and c.name != "received_date"
)


def labels_of_day(connection: sa.Connection, day: date) -> pd.DataFrame:
    """The labels received on `day`, in reporting order by encounter.

    Columns: encounter_id (a hash of their key where no encounter is known), source, hospital_id, label_source, code,
    place (None where none can be read), line_number, poa.
    """
    return read_frame(connection, sa.text(_LABELS), {"day": day, "sources": list(ml.CODED_SOURCES)})


def stays_of(connection: sa.Connection, day: date, encounters: Iterable[str]) -> pd.DataFrame:
    """encounter_id, patient_id, setting, discharge_date of those that filtering carried by `day`."""
    return read_frame(connection, sa.text(_STAYS), {"day": day, "ids": sorted(set(encounters))})


def labels_that_count(labels: pd.DataFrame) -> pd.DataFrame:
    """The coders' own labels of each encounter; codes that came with the record only where it has no others."""
    own = labels["label_source"] == CODER_LABEL
    return labels[own | ~labels["encounter_id"].isin(set(labels.loc[own, "encounter_id"]))]


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
_LABELS = """
WITH label AS (
    SELECT source, hospital_id, line_number, copy_number, code, poa,
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
       CASE WHEN l.line_number ~ '^[0-9]{1,6}$' THEN l.line_number::int END AS place, l.line_number, l.poa
FROM latest l LEFT JOIN known k
     ON k.source = l.source AND k.hospital_id = l.hospital_id AND k.encounter_number = l.number
UNION ALL
SELECT d.encounter_id, e.source, e.hospital_id,
       CASE WHEN d.source_system = 'ICD-10-CM' THEN 'delivered' ELSE 'crosswalked' END, d.code, d.line_number,
       lpad(d.part_number::text, 4, '0'), d.poa
FROM filtered.diagnosis d JOIN filtered.encounter e USING (received_date, encounter_id)
WHERE d.received_date = :day AND e.source = ANY(:sources)
ORDER BY 1, 4, 6 NULLS LAST, 7, 5
"""
_STAYS = """
SELECT DISTINCT ON (encounter_id) encounter_id, patient_id, setting, discharge_date
FROM filtered.encounter WHERE received_date <= :day AND encounter_id = ANY(:ids)
ORDER BY encounter_id, received_date DESC
"""
