"""The ranking stage: a day of `coded` becomes a day of `ranked`, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import coded, filtered, mapped, ranked
from medcode_ml.contracts.stage import StageResult
from medcode_ml.ranking.batch import rank_batch
from medcode_ml.store.frames import days_of, read_frame, read_partition, replace_partition

WRITTEN = ("encounter", "encounter_code")


def run_ranking(engine: sa.Engine, start: date, end: date) -> StageResult:
    """Rank the encounters received from `start` to `end`, day by day; each day is replaced in one transaction."""
    rows: dict[str, int] = dict.fromkeys(WRITTEN, 0)
    outcomes: dict[str, int] = {}
    for day in days_of(start, end):
        with engine.begin() as connection:
            tables = rank_day(connection, day)
            for name in WRITTEN:
                rows[name] += replace_partition(connection, getattr(ranked, name), day, tables[name])
        for outcome in tables["encounter"]["outcome"]:
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
    listing = tuple(sorted(outcomes.items(), key=lambda item: -item[1]))
    return StageResult("ranking", start, end, rows, {}, (("outcome", "encounters"), listing))


def rank_day(connection: sa.Connection, day: date) -> dict[str, pd.DataFrame]:
    """Return the rows of both ranked tables for the encounters received on `day`."""
    encounters = _encounters(connection, day)
    table = coded.encounter_code
    accepted = read_frame(connection, sa.select(table).where(table.c.received_date == day, table.c.accepted))
    admitted = encounters.set_index("encounter_id")["admission_date"].to_dict()

    def context(table: sa.Table, names: dict[str, str]) -> pd.DataFrame:
        return _by_day(read_partition(connection, table, day), admitted, names)

    services = read_partition(connection, filtered.service, day).rename(columns={"service": "name"})
    batch = rank_batch(
        encounters,
        accepted[["encounter_id", "code", "poa", "score", "mention_count", "document_types", "assertion"]],
        context(filtered.procedure, {"code": "code", "code_system": "system", "procedure_date": "day"}),
        medications=context(filtered.medication, {"drug": "name", "start_date": "start_day"}),
        microbiology=context(
            filtered.microbiology, {"specimen": "specimen", "organism": "organism", "specimen_date": "day"}
        ),
        units=context(filtered.unit_stay, {"unit": "name", "hours": "hours", "start_date": "start_day"}),
        services=services[["encounter_id", "name"]],
    )  # fmt: skip
    return {"encounter": batch.encounters, "encounter_code": batch.codes}


def _encounters(connection: sa.Connection, day: date) -> pd.DataFrame:
    stay, patient = filtered.encounter.c, mapped.patient.c
    # The patient may have come with an earlier delivery.
    latest = (
        sa.select(patient.patient_id, patient.birth_date, patient.sex)
        .where(patient.received_date <= day)
        .distinct(patient.patient_id)
        .order_by(patient.patient_id, patient.received_date.desc())
        .subquery()
    )
    query = (
        sa.select(
            stay.encounter_id, stay.setting, stay.admission_date, stay.discharge_date, stay.admission_type,
            stay.service, latest.c.birth_date, latest.c.sex,
        )
        .select_from(filtered.encounter)
        .outerjoin(latest, latest.c.patient_id == stay.patient_id)
        .where(stay.received_date == day)
        .order_by(stay.encounter_id)
    )  # fmt: skip
    frame = read_frame(connection, query)
    frame["age"] = [
        age_on(birth, admission) for birth, admission in zip(frame["birth_date"], frame["admission_date"], strict=True)
    ]
    frame["length_of_stay_days"] = [
        (last - first).days if first is not None else None
        for first, last in zip(frame["admission_date"], frame["discharge_date"], strict=True)
    ]
    hours = read_partition(connection, filtered.unit_stay, day)
    intensive = hours[hours["unit"].astype(str).str.contains("ICU|CCU|INTENSIVE", case=False)]
    spent = intensive.groupby("encounter_id")["hours"].sum().to_dict()
    frame["icu_hours"] = [spent.get(e) for e in frame["encounter_id"]]
    return frame


def age_on(birth: date | None, day: date | None) -> int | None:
    """Completed years on `day`; None where a date is missing."""
    if birth is None or day is None:
        return None
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def _by_day(frame: pd.DataFrame, admitted: Mapping[str, date | None], names: Mapping[str, str]) -> pd.DataFrame:
    """Rows of a context table under the names that ranking uses, dates turned into days since the admission."""

    def turn(encounter: str, value: Any) -> Any:
        if not isinstance(value, date):
            return value
        first = admitted[encounter]
        return None if first is None else (value - first).days

    turned: dict[str, list[Any]] = {
        name: [turn(encounter, value) for encounter, value in zip(frame["encounter_id"], frame[own], strict=True)]
        for own, name in names.items()
    }
    return pd.DataFrame({"encounter_id": frame["encounter_id"].tolist(), **turned}, dtype=object)
