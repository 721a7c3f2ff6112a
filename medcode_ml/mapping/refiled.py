"""Records whose number nobody has: what a person or the weights of a linkage say they belong to.

A document is filed alone only at a probability over the upper threshold; between the thresholds its candidates stand
beside it in the quarantine, each with the weight of every field, and a person corrects the number.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from medcode_ml.mapping import values
from medcode_ml.mapping.aside import raw_record_ids
from medcode_ml.mapping.linkage.misfiled import candidates_for, patients_for
from medcode_ml.mapping.numbers import object_column

LINKED = "linked_number"
CORRECTED = "corrected_by_person"
NOTES = "delivered_repairs"
"""Column of raw rows that notes what was put in the place of what was delivered, before matching."""
MOST = 5_000
"""Documents of a day that candidates are sought for; more without an encounter means that encounters are missing."""


def correct_rows(kind: str, rows: pd.DataFrame, decisions: pd.DataFrame) -> pd.DataFrame:
    """Put what persons corrected into raw `rows`; `decisions` as from `store.decisions.newest_decisions`."""
    wanted = decisions[(decisions["outcome"] == "corrected") & decisions["column_name"].isin(rows.columns)]
    if wanted.empty or rows.empty:
        return rows
    at = {record: place for place, record in enumerate(raw_record_ids(kind, rows))}
    wanted = wanted[wanted["record_id"].isin(set(at))]
    for record, column, value in wanted[["record_id", "column_name", "value"]].itertuples(index=False, name=None):
        rows = put(rows, rows.index[at[record]], column, value, CORRECTED)
    return rows


def put(rows: pd.DataFrame, label: Any, column: str, value: Any, rule: str) -> pd.DataFrame:
    """Put one value into a raw row and note what stood there."""
    rows = rows.copy()
    if NOTES not in rows:
        rows[NOTES] = pd.Series([[] for _ in range(len(rows))], index=rows.index, dtype=object)
    note = {"rule": rule, "column": column, "from": rows.at[label, column], "to": value}
    rows.at[label, NOTES] = [*rows.at[label, NOTES], note]
    rows.at[label, column] = value
    return rows


def seek_encounters(lost: pd.DataFrame, encounters: pd.DataFrame, patients: pd.DataFrame) -> pd.DataFrame:
    """Candidates for documents without an encounter: `misfiled.candidates_for`, `record` the label of the document.

    `lost` are raw.scanned_record rows with `document_text`; `encounters` and `patients` as in schema `mapped`.
    """
    written = values.type_columns(lost[["written_date"]], {"written_date": values.day})["written_date"]
    names = ["source", "hospital_id", "encounter_number", "mrn", "author_npi"]
    asked = lost[names].assign(record=lost.index, written_date=written, text=lost["document_text"])
    return candidates_for(asked.astype(object).where(asked.notna(), None), encounters, patients)


def seek_patients(lost: pd.DataFrame, patients: pd.DataFrame) -> pd.DataFrame:
    """Candidates for encounters (raw rows) whose record number nobody has: `misfiled.patients_for`."""
    asked = lost[["source", "hospital_id", "mrn"]].assign(record=lost.index, text=None)
    return patients_for(asked[asked["mrn"].notna()], patients)


def file_alone(lost: pd.DataFrame, candidates: pd.DataFrame, numbers: dict[str, str]) -> pd.DataFrame:
    """Give each document with a sure candidate the number of that encounter; `numbers` by encounter_id."""
    for label, target in candidates.loc[candidates["band"] == "auto", ["record", "target"]].itertuples(index=False):
        lost = put(lost, label, "encounter_number", numbers[target], LINKED)
    return lost


def with_candidates(
    kind: str, unmatched: pd.DataFrame, lost: pd.DataFrame, candidates: pd.DataFrame, numbers: dict[str, str]
) -> pd.DataFrame:
    """Add to mapped.unmatched rows of `lost` documents the encounters, of `lost` encounters the patients it may be.

    `candidates` as from `linkage.misfiled`; `numbers` by their target: encounter numbers, or record numbers.
    """
    named = "encounter_number" if kind == "document" else "mrn"
    offered: dict[Any, list[dict[str, Any]]] = {}
    for one in candidates.itertuples():
        offered.setdefault(one.record, []).append(
            {
                named: numbers[one.target], "probability": round(float(one.probability), 4),
                "weight": round(float(one.weight), 2), "fields": one.fields,
            }
        )  # fmt: skip
    by_label = zip(lost.index, raw_record_ids(kind, lost), strict=True)
    by_record = {record: offered.get(label) for label, record in by_label}
    beside = [by_record.get(record) for record in unmatched["record_id"]]
    one, many = ("encounter", "encounters") if kind == "document" else ("patient", "patients")
    reasons = [
        why if not some else f"{why}; {len(some)} possible {one if len(some) == 1 else many}"
        for why, some in zip(unmatched["reason"], beside, strict=True)
    ]
    return unmatched.assign(candidates=object_column(beside), reason=reasons)
