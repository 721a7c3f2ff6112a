"""What the database already knows: patients and encounters that delivered numbers may mean, asked for a batch."""

from __future__ import annotations

from datetime import date

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import mapped
from medcode_ml.mapping.identity import encounter_id, patient_id
from medcode_ml.mapping.numbers import distinct_numbers, resolve
from medcode_ml.store.frames import copy_out


def resolve_patients(connection: sa.Connection, day: date, frame: pd.DataFrame) -> pd.DataFrame:
    """Resolve the record numbers in column `mrn` of `frame`: patients delivered up to `day`."""
    patient = mapped.patient.c
    columns = (
        patient.source, patient.hospital_id, patient.mrn_folded.label("folded"), patient.patient_id.label("id"),
        patient.mrn.label("number"),
    )  # fmt: skip
    until = patient.received_date <= day
    return _resolve(connection, distinct_numbers([(frame, "mrn")], patient_id), sa.select(*columns).where(until))


def resolve_encounters(connection: sa.Connection, day: date, frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Resolve the encounter numbers in column `encounter_number` of `frames`: encounters delivered on `day`."""
    encounter = mapped.encounter.c
    columns = (
        encounter.source, encounter.hospital_id, encounter.number_folded.label("folded"),
        encounter.encounter_id.label("id"), encounter.encounter_number.label("number"),
    )  # fmt: skip
    numbers = distinct_numbers([(f, "encounter_number") for f in frames], encounter_id)
    return _resolve(connection, numbers, sa.select(*columns).where(encounter.received_date == day))


def _resolve(connection: sa.Connection, numbers: pd.DataFrame, query: sa.Select[tuple[str, ...]]) -> pd.DataFrame:
    source, hospital, folded, own, _ = query.selected_columns
    exact = copy_out(connection, query.where(_one_of(own, numbers["own_id"])))
    left = numbers[~numbers["own_id"].isin(set(exact["id"]))]
    if left.empty:
        return resolve(numbers, exact)
    alike = copy_out(
        connection,
        query.where(
            _one_of(folded, left["folded"]), _one_of(source, left["source"]), _one_of(hospital, left["hospital_id"])
        ),
    )
    known = pd.concat([f for f in (exact, alike) if len(f)] or [exact], ignore_index=True)
    return resolve(numbers, known)


def _one_of(column: sa.ColumnElement[str], values: pd.Series) -> sa.ColumnElement[bool]:
    """`column` is one of `values`: as one array, which the planner joins by hash, where a long IN list is parsed."""
    return column == sa.func.any(sa.literal(list(dict.fromkeys(values)), sa.ARRAY(sa.Text)))


def patients_of(connection: sa.Connection, ids: pd.Series, day: date) -> pd.DataFrame:
    """The newest row up to `day` of each of the patients `ids`."""
    return _newest_patients(connection, day, _one_of(mapped.patient.c.patient_id, ids))


def patients_of_hospitals(connection: sa.Connection, day: date, rows: pd.DataFrame) -> pd.DataFrame:
    """The newest row up to `day` of every patient of the hospitals of `rows`."""
    patient = mapped.patient.c
    return _newest_patients(
        connection, day, _one_of(patient.source, rows["source"]), _one_of(patient.hospital_id, rows["hospital_id"])
    )


def _newest_patients(connection: sa.Connection, day: date, *wanted: sa.ColumnElement[bool]) -> pd.DataFrame:
    patient = mapped.patient
    query = (
        sa.select(patient)
        .where(patient.c.received_date <= day, *wanted)
        .distinct(patient.c.patient_id)
        .order_by(patient.c.patient_id, patient.c.received_date.desc())
    )
    return copy_out(connection, query)


def stays_of(connection: sa.Connection, day: date, ids: pd.Series) -> pd.DataFrame:
    """The encounters `ids` of `day` with what mapping asks of them and their patients: one row each, by encounter_id.

    Columns: mrn, discharge_date, admission_date, setting, sex, birth_date.
    """
    encounter, patient = mapped.encounter.c, mapped.patient.c
    newest = (
        sa.select(patient.patient_id, patient.sex, patient.birth_date)
        .where(patient.received_date <= day)
        .distinct(patient.patient_id)
        .order_by(patient.patient_id, patient.received_date.desc())
    )
    wanted = (
        sa.select(
            encounter.encounter_id, encounter.patient_id, encounter.mrn, encounter.discharge_date,
            encounter.admission_date, encounter.setting,
        )
        .where(encounter.received_date == day, _one_of(encounter.encounter_id, ids))
    )  # fmt: skip
    stays = copy_out(connection, wanted)
    people = copy_out(connection, newest.where(_one_of(patient.patient_id, stays["patient_id"])))
    found = stays.merge(people, on="patient_id", how="left").astype(object)
    return found.where(found.notna(), None).drop(columns="patient_id").set_index("encounter_id")


def lines_taken(connection: sa.Connection, day: date, table: sa.Table, ids: pd.Series) -> frozenset[tuple[str, int]]:
    """Keys (encounter_id, line_number) of `table` that earlier batches of the day wrote for the encounters `ids`."""
    query = (
        sa.select(table.c.encounter_id, table.c.line_number)
        .where(table.c.received_date == day, _one_of(table.c.encounter_id, ids))
        .distinct()
    )
    rows = copy_out(connection, query)
    return frozenset(zip(rows["encounter_id"], rows["line_number"], strict=True))


def ids_taken(connection: sa.Connection, day: date, column: sa.Column[str], ids: list[str]) -> frozenset[str]:
    """Those of `ids` that earlier batches of the day wrote to `column`."""
    table = column.table
    query = sa.select(column).where(table.c.received_date == day, _one_of(column, pd.Series(ids, dtype=object)))
    return frozenset(copy_out(connection, query)[column.key])
