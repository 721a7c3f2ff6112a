"""De-identified copies of the filtered documents of some days, made on request: never part of the lineage."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any, Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import filtered, raw
from medcode_ml.contracts.stage import StageResult
from medcode_ml.filtering.deidentify.documents import deidentify
from medcode_ml.store.frames import days_of, read_frame, replace_partition

#: column of the joined record -> kind of identifier
_KIND_OF: Final = {
    "last_name": "NAME", "first_name": "NAME", "initials": "INITIALS", "author_last": "NAME", "attending_last": "NAME",
    "birth_date": "BIRTH_DATE", "death_date": "DATE", "admission_date": "DATE", "discharge_date": "DATE", "mrn": "MRN",
    "ssn": "SSN", "address": "ADDRESS", "city": "LOCATION", "zip": "ZIP", "encounter_number": "ACCOUNT",
    "member_id": "MEMBER_ID", "author_npi": "LICENCE", "attending_npi": "LICENCE",
}  # fmt: skip
_OF_HOSPITAL: Final = {"name": "HOSPITAL", "address": "ADDRESS", "city": "LOCATION", "zip": "ZIP", "npi": "LICENCE"}


def run_deidentify(
    engine: sa.Engine, start: date, end: date, populous_zip3: frozenset[str] = frozenset()
) -> StageResult:
    """De-identify the documents received from `start` to `end`; each day is replaced in one transaction.

    Raises:
        DeidentifyExtraError: the extra `deid` is not installed.
    """
    written, kinds = 0, Counter[str]()
    table = filtered.deidentified_document
    for day in days_of(start, end):
        with engine.connect() as connection:
            documents, identifiers = documents_of(connection, day)
        # read and recognised before the transaction begins, which holds the partition's lock
        frame = deidentify(documents, identifiers, as_of=day, populous_zip3=populous_zip3)
        with engine.begin() as connection:
            written += replace_partition(connection, table, day, frame)
        kinds.update(row["kind"] for rows in frame["replaced"] for row in rows)
    figures = {"identifiers_replaced": kinds.total()}
    listing = tuple(sorted(kinds.items(), key=lambda item: -item[1]))
    return StageResult("deidentifying", start, end, {table.name: written}, {**figures}, (("kind", "replaced"), listing))


def documents_of(connection: sa.Connection, day: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Filtered documents of a day (document_id, text), and what the tables know of each (document_id, kind, value)."""
    document, stay = filtered.document, _latest(filtered.encounter, "encounter_id", day)
    patient = _latest(filtered.patient, "patient_id", day)
    author, attending = _names_of(day, "author"), _names_of(day, "attending")
    joined = (
        document.outerjoin(stay, stay.c.encounter_id == document.c.encounter_id)
        .outerjoin(patient, patient.c.patient_id == stay.c.patient_id)
        .outerjoin(author, author.c.npi == document.c.author_npi)
        .outerjoin(attending, attending.c.npi == stay.c.attending_npi)
    )
    query = (
        sa.select(
            document.c.document_id, document.c.text, document.c.author_npi, stay.c.hospital_id, stay.c.attending_npi,
            stay.c.encounter_number, stay.c.admission_date, stay.c.discharge_date, stay.c.member_id,
            patient.c.last_name, patient.c.first_name, patient.c.birth_date, patient.c.death_date,
            patient.c.mrn, patient.c.ssn,
            patient.c.address, patient.c.city, patient.c.zip, author.c.last_name.label("author_last"),
            attending.c.last_name.label("attending_last"),
            sa.func.concat(
                sa.func.left(patient.c.first_name, 1), sa.func.left(patient.c.last_name, 1)
            ).label("initials"),
        )
        .select_from(joined)
        .where(document.c.received_date == day)
        .order_by(document.c.document_id)
    )  # fmt: skip
    found = read_frame(connection, query)
    parts = [_long(found, "document_id", _KIND_OF)]
    hospital, clinician = raw.delivered_tables["hospital"], raw.delivered_tables["clinician"]
    of_hospital = _long(
        _delivered(connection, hospital, day, ["hospital_id", *_OF_HOSPITAL]), "hospital_id", _OF_HOSPITAL
    )
    staff = _long(
        _delivered(connection, clinician, day, ["hospital_id", "last_name"]), "hospital_id", {"last_name": "STAFF"}
    )
    shared = pd.concat([of_hospital, staff], ignore_index=True)
    parts.append(found[["document_id", "hospital_id"]].merge(shared, on="hospital_id").drop(columns="hospital_id"))
    identifiers = pd.concat(parts, ignore_index=True)[["document_id", "kind", "value"]]
    return found[["document_id", "text"]], identifiers


def _latest(table: sa.Table, key: str, day: date) -> Any:
    """The newest row of each record received by `day`."""
    return (
        sa.select(table)
        .where(table.c.received_date <= day)
        .distinct(table.c[key])
        .order_by(table.c[key], table.c.received_date.desc())
        .subquery(f"latest_{table.name}")
    )


def _names_of(day: date, role: str) -> Any:
    """One row for each clinician delivered by `day`."""
    table = raw.delivered_tables["clinician"]
    return (
        sa.select(table.c.npi, table.c.last_name)
        .where(table.c.received_date <= day)
        .distinct(table.c.npi)
        .order_by(table.c.npi, table.c.received_date.desc())
        .subquery(role)
    )


def _delivered(connection: sa.Connection, table: sa.Table, day: date, columns: list[str]) -> pd.DataFrame:
    """Every spelling ever delivered, so that an old name is found too."""
    return read_frame(
        connection, sa.select(*[table.c[c] for c in columns]).where(table.c.received_date <= day).distinct()
    )


def _long(frame: pd.DataFrame, key: str, kinds: dict[str, str]) -> pd.DataFrame:
    """A row an identifier: key, kind, value as text."""
    columns = list(kinds)
    melted = frame[[key, *columns]].melt(id_vars=key, var_name="kind", value_name="value").dropna()
    melted["kind"] = melted["kind"].map(kinds)
    melted["value"] = melted["value"].astype(str)
    return melted[melted["value"] != ""].drop_duplicates(ignore_index=True)
