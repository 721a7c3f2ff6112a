"""One day's raw rows matched to patients and encounters. Pure: frames in, frames out.

What does not match is set aside with a reason, never guessed. A number that a scanner misread is repaired only where
exactly one record of that hospital has the same number with confusable letters folded (rule 40).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from medcode_ml.codes.crosswalk import Kind
from medcode_ml.contracts.ids import record_hash
from medcode_ml.contracts.raw import DELIVERED
from medcode_ml.mapping import values
from medcode_ml.mapping.crosswalk import crosswalk_codes
from medcode_ml.mapping.identity import (
    document_id,
    encounter_id,
    folded_number,
    normal_number,
    patient_id,
)

_TEXT = values.words

PARSERS: dict[str, dict[str, values.Parser]] = {
    "patient": {
        "last_name": _TEXT, "first_name": _TEXT, "birth_date": values.day, "sex": values.sex,
        "death_date": values.day, "ssn": values.digits, "address": _TEXT, "city": _TEXT, "state": str.upper,
        "zip": values.digits,
    },
    "encounter": {
        "setting": values.setting, "admission_date": values.day, "admission_hour": values.hour,
        "discharge_date": values.day, "discharge_hour": values.hour, "admission_type": _TEXT, "admission_source": _TEXT,
        "discharge_status": values.two_digits, "service": _TEXT, "attending_npi": _TEXT, "payer_id": _TEXT,
        "member_id": _TEXT, "admitting_code": str.upper, "document_count": values.whole,
    },
    "document": {"written_date": values.day, "author_npi": _TEXT, "page_count": values.whole, "document_type": _TEXT},
    "procedure": {"line_number": values.whole, "procedure_date": values.day},
    "diagnosis": {"line_number": values.whole, "poa": str.upper},
    "charge": {
        "line_number": values.whole, "revenue_code": _TEXT, "hcpcs": str.upper, "units": values.whole,
        "charge": values.money, "service_date": values.day,
    },
    "medication": {"line_number": values.whole, "drug": _TEXT, "ndc": _TEXT, "start_date": values.day},
    "microbiology": {
        "line_number": values.whole, "specimen": _TEXT, "organism": _TEXT, "specimen_date": values.day,
    },
    "unit_stay": {"line_number": values.whole, "unit": _TEXT, "start_date": values.day, "hours": float},
    "service": {"line_number": values.whole, "service": _TEXT},
}  # fmt: skip

#: lines of an encounter, in the order they are mapped
LINES = ("procedure", "diagnosis", "charge", "medication", "microbiology", "unit_stay", "service")


@dataclass
class MappedDay:
    """Rows of the mapped schema of one day, by table; `unmatched` collects what was set aside."""

    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    unmatched: list[dict[str, Any]] = field(default_factory=list)

    def set_aside(self, kind: str, row: pd.Series, rule: str, reason: str, original: str | None = None) -> None:
        """Set one raw row aside."""
        raw_name = "scanned_record" if kind == "document" else kind
        key = [str(row[c]) for c in DELIVERED[raw_name][1]]
        record = record_hash("raw", raw_name, row["source"], *key, row["copy_number"])
        self.unmatched.append(
            {
                "unmatched_id": record_hash(record, rule),
                "source": row["source"],
                "record_kind": kind,
                "record_id": record,
                "encounter_id": (
                    encounter_id(row["source"], row["hospital_id"], row["encounter_number"])
                    if row.get("encounter_number") is not None
                    else None
                ),
                "hospital_id": row["hospital_id"],
                "rule": rule,
                "reason": f"{reason} ({row['source_file']} line {row['source_line']})",
                "original": original,
            }
        )


@dataclass(frozen=True)
class Known:
    """What earlier deliveries hold: patients (source, hospital_id, mrn) and ids of encounters already received."""

    patients: pd.DataFrame
    encounter_ids: frozenset[str]


def match_day(raw: Mapping[str, pd.DataFrame], documents: pd.DataFrame, known: Known) -> MappedDay:
    """Match one day's delivery.

    `raw` holds the day's raw tables by name; `documents` the day's scanned records with `document_text` and `origin`
    (see `documents.join_pages`). Returns every mapped table but sections and page places, which follow from the text.
    """
    day = MappedDay()
    patients = _patients(day, raw["patient"])
    encounters = _encounters(day, raw["encounter"], raw["patient"], known)
    day.tables["patient"] = patients
    day.tables["encounter"] = encounters
    day.tables["document"] = _documents(day, documents, encounters, raw["encounter"])
    for kind in LINES:
        day.tables[kind] = _lines(day, kind, raw[kind], encounters)
    discharged = dict(zip(encounters["encounter_id"], encounters["discharge_date"], strict=True))
    maps: list[pd.DataFrame] = []
    kinds: tuple[Kind, ...] = ("diagnosis", "procedure")
    for kind in kinds:
        mapped, alternatives, refused = crosswalk_codes(kind, day.tables[kind], discharged, raw["code_map"])
        for _, row in refused.iterrows():
            day.set_aside(kind, row, row["rule"], row["reason"], original=f"{row['code']} ({row['code_system']})")
        day.tables[kind] = mapped
        maps.append(alternatives)
    day.tables["crosswalk"] = pd.concat(maps, ignore_index=True)
    return day


def _settle_copies(day: MappedDay, kind: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Keep one row of each delivered key: equal copies once, conflicting copies not at all."""
    _, key, columns = DELIVERED["scanned_record" if kind == "document" else kind]
    names = ["source", *key]
    copied = frame.duplicated(names, keep=False)
    if not copied.any():
        return frame
    content = [c.rstrip("?") for c in columns]
    keep = ~copied
    for _, group in frame[copied].groupby(names, sort=False):
        same = len(group[content].drop_duplicates()) == 1
        if same:
            keep[group.index[0]] = True
        for _, row in group.iloc[1 if same else 0 :].iterrows():
            if same:
                day.set_aside(kind, row, "delivered_twice", f"the {kind} was delivered twice; the first is carried")
            else:
                day.set_aside(
                    kind, row, "conflicting_copies",
                    f"{len(group)} different {kind} rows have one number; have the hospital say which is right",
                )  # fmt: skip
    return frame[keep]


def _patients(day: MappedDay, raw: pd.DataFrame) -> pd.DataFrame:
    frame = values.type_columns(_settle_copies(day, "patient", raw), PARSERS["patient"])
    frame["patient_id"] = [
        patient_id(s, h, m) for s, h, m in zip(frame["source"], frame["hospital_id"], frame["mrn"], strict=True)
    ]
    # Two spellings of one number (MR-001, MR001) are one patient; a second row that disagrees is not guessed at.
    for _, row in frame[frame.duplicated("patient_id")].iterrows():
        day.set_aside("patient", row, "one_number_two_spellings", "another patient row has this number")
    frame = frame.drop_duplicates("patient_id")
    frame["mrn"] = [normal_number(m) for m in frame["mrn"]]
    return _shaped(frame, "patient")


def _encounters(day: MappedDay, raw: pd.DataFrame, patients: pd.DataFrame, known: Known) -> pd.DataFrame:
    frame = values.type_columns(_settle_copies(day, "encounter", raw), PARSERS["encounter"])
    columns = ["source", "hospital_id", "mrn"]
    everyone = pd.concat([patients[columns], known.patients[columns]], ignore_index=True).drop_duplicates()
    exact = {patient_id(*row) for row in everyone.itertuples(index=False, name=None)}
    folded: dict[tuple[str, str, str], set[str]] = {}
    for source, hospital, mrn in everyone.itertuples(index=False, name=None):
        folded.setdefault((source, hospital, folded_number(mrn)), set()).add(patient_id(source, hospital, mrn))
    ids: list[str | None] = []
    repairs: list[list[dict[str, str]]] = []
    for _, row in frame.iterrows():
        own, repair = None, []
        if row["mrn"] is not None:
            candidate = patient_id(row["source"], row["hospital_id"], row["mrn"])
            alike = folded.get((row["source"], row["hospital_id"], folded_number(row["mrn"])), set())
            if candidate in exact:
                own = candidate
            elif len(alike) == 1:
                own = next(iter(alike))
                repair = [{"rule": "misread_number", "column": "mrn", "from": "as delivered", "to": "as registered"}]
        ids.append(own)
        repairs.append(repair)
    frame["patient_id"] = pd.Series(ids, index=frame.index, dtype=object)
    frame["repairs"] = pd.Series(repairs, index=frame.index, dtype=object)
    frame["encounter_id"] = [
        encounter_id(s, h, n)
        for s, h, n in zip(frame["source"], frame["hospital_id"], frame["encounter_number"], strict=True)
    ]
    spelled = frame.duplicated("encounter_id")
    received = frame["encounter_id"].isin(known.encounter_ids)
    unknown = frame["patient_id"].isna()
    for _, row in frame[received].iterrows():
        day.set_aside("encounter", row, "already_received", "an earlier delivery has the encounter; that one stands")
    for _, row in frame[~received & spelled].iterrows():
        day.set_aside("encounter", row, "one_number_two_spellings", "another encounter row has this number")
    for _, row in frame[~received & ~spelled & unknown].iterrows():
        day.set_aside(
            "encounter", row, "unknown_patient",
            "no patient of this hospital has the record number; deliver the patient",
        )  # fmt: skip
    kept = frame[~received & ~spelled & ~unknown].copy()
    kept["encounter_number"] = [normal_number(n) for n in kept["encounter_number"]]
    return _shaped(kept, "encounter")


def _documents(
    day: MappedDay, documents: pd.DataFrame, encounters: pd.DataFrame, raw_encounters: pd.DataFrame
) -> pd.DataFrame:
    frame = values.type_columns(_settle_copies(day, "document", documents), PARSERS["document"])
    frame = _join_encounters(day, "document", frame, encounters)
    filed = {
        encounter_id(s, h, n): (s, h, m)
        for s, h, n, m in raw_encounters[["source", "hospital_id", "encounter_number", "mrn"]].itertuples(
            index=False, name=None
        )
    }
    keep = []
    for _, row in frame.iterrows():
        _, _, mrn = filed[row["encounter_id"]]
        agrees = row["mrn"] is None or mrn is None or folded_number(row["mrn"]) == folded_number(mrn)
        keep.append(agrees and row["document_text"] is not None)
        if not agrees:
            day.set_aside(
                "document", row, "document_of_another_patient",
                "the document's record number is not that of its encounter; refile the document",
            )  # fmt: skip
        elif row["document_text"] is None:
            day.set_aside("document", row, "no_readable_page", "every page of the document was set aside")
    frame = frame[pd.Series(keep, index=frame.index, dtype=bool)].copy()
    frame["document_id"] = [
        document_id(s, h, r) for s, h, r in zip(frame["source"], frame["hospital_id"], frame["record_id"], strict=True)
    ]
    frame["text"] = frame["document_text"]
    frame["content_hash"] = [record_hash("text", t) for t in frame["text"]]
    frame["document_type"] = [t or "other" for t in frame["document_type"]]
    return _shaped(frame, "document")


def _lines(day: MappedDay, kind: str, raw: pd.DataFrame, encounters: pd.DataFrame) -> pd.DataFrame:
    frame = values.type_columns(_settle_copies(day, kind, raw), PARSERS[kind])
    unnumbered = frame["line_number"].isna()
    for _, row in frame[unnumbered].iterrows():
        number = row["unreadable"].get("line_number")
        day.set_aside(kind, row.copy(), "line_number_unreadable", "the line number is not a whole number", number)
    frame = _join_encounters(day, kind, frame[~unnumbered], encounters)
    if kind == "charge":
        frame["modifiers"] = pd.Series(
            [values.listed(m) if m else [] for m in frame["modifiers"]], index=frame.index, dtype=object
        )
    if kind in ("diagnosis", "procedure"):
        return frame  # crosswalk_codes shapes them: it still needs the raw key
    return _shaped(frame, kind)


def _join_encounters(day: MappedDay, kind: str, frame: pd.DataFrame, encounters: pd.DataFrame) -> pd.DataFrame:
    """Add `encounter_id` and `repairs`; rows of an encounter that this delivery does not carry are set aside."""
    exact = set(encounters["encounter_id"])
    folded: dict[tuple[str, str, str], set[str]] = {}
    for source, hospital, number, own in encounters[
        ["source", "hospital_id", "encounter_number", "encounter_id"]
    ].itertuples(index=False, name=None):
        folded.setdefault((source, hospital, folded_number(number)), set()).add(own)
    resolved: dict[tuple[str, str, str], tuple[str | None, bool]] = {}
    found: list[str | None] = []
    repairs: list[list[dict[str, str]]] = []
    for place in frame[["source", "hospital_id", "encounter_number"]].itertuples(index=False, name=None):
        if place not in resolved:
            source, hospital, number = place
            candidate = encounter_id(source, hospital, number) if number is not None else None
            alike = folded.get((source, hospital, folded_number(number)), set()) if number is not None else set()
            if candidate in exact:
                resolved[place] = (candidate, False)
            elif len(alike) == 1:
                resolved[place] = (next(iter(alike)), True)
            else:
                resolved[place] = (None, False)
        own, repaired = resolved[place]
        found.append(own)
        repairs.append(
            [{"rule": "misread_number", "column": "encounter_number", "from": "as delivered", "to": "as registered"}]
            if repaired
            else []
        )
    frame = frame.assign(
        encounter_id=pd.Series(found, index=frame.index, dtype=object),
        repairs=pd.Series(repairs, index=frame.index, dtype=object),
    )
    lost = frame["encounter_id"].isna()
    for _, row in frame[lost].iterrows():
        day.set_aside(
            kind, row, "unknown_encounter",
            f"the delivery carries no encounter for this {kind}; refile it or deliver the encounter",
        )  # fmt: skip
    return frame[~lost]


def _shaped(frame: pd.DataFrame, table: str) -> pd.DataFrame:
    """Return the columns of the mapped table, in its order; `repairs` empty where nothing was repaired."""
    from medcode_ml.contracts import mapped

    names = [c.name for c in getattr(mapped, table).columns if c.name != "received_date"]
    if "repairs" in names and "repairs" not in frame:
        frame = frame.assign(repairs=pd.Series([[] for _ in range(len(frame))], index=frame.index, dtype=object))
    return frame[names].reset_index(drop=True)
