"""What the claims of a received day are made from, read from the schemas before `billed`, part by part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import pandas as pd
import sqlalchemy as sa

from medcode_ml.billing.claims import ENCOUNTER_COLUMNS, ClaimFrames
from medcode_ml.contracts import filtered, mapped, ranked, raw
from medcode_ml.store.frames import copy_out, read_frame
from medcode_ml.store.ranges import KeyRange, key_ranges

ROWS_AT_ONCE = 25_000
"""Encounters, codes and charges that are in memory at a time: some 1,800 encounters; a process stays below 500 MB."""


class Part(Protocol):
    """Encounters of a day: a condition on any table that has received_date and encounter_id."""

    def of(self, table: sa.Table, day: date) -> sa.ColumnElement[bool]:
        """The condition on `table`."""


@dataclass(frozen=True)
class Named:
    """The encounters named."""

    encounter_ids: Sequence[str]

    def of(self, table: sa.Table, day: date) -> sa.ColumnElement[bool]:
        """The condition on `table`."""
        return sa.and_(table.c.received_date == day, one_of(table.c.encounter_id, self.encounter_ids))


WHOLE_DAY = KeyRange(("encounter_id",))


def one_of(column: sa.ColumnElement[Any], values: Sequence[str]) -> sa.ColumnElement[bool]:
    """True where `column` is one of any number of values, which go over as one array."""
    return column == sa.func.any(sa.cast(list(values), sa.ARRAY(sa.Text)))


def none_of(column: sa.ColumnElement[Any], values: Sequence[str]) -> sa.ColumnElement[bool]:
    """True where `column` is none of the values; negating `one_of` would ask whether it differs from any of them."""
    return column != sa.func.all(sa.cast(list(values), sa.ARRAY(sa.Text)))


def parts_of(connection: sa.Connection, day: date, rows: int = ROWS_AT_ONCE) -> Iterator[KeyRange]:
    """Cut the encounters of `day` into parts of about `rows` rows, so that any number of them fits in memory."""
    tables = (filtered.encounter, ranked.encounter_code, filtered.charge)
    return key_ranges(connection, day, tables, ("encounter_id",), rows)


def rows_of_part(connection: sa.Connection, table: sa.Table, day: date, part: Part = WHOLE_DAY) -> pd.DataFrame:
    """Rows of `table` of the part of `day`, in key order."""
    return copy_out(connection, sa.select(table).where(part.of(table, day)).order_by(*table.primary_key))


def claim_frames(connection: sa.Connection, day: date, part: Part = WHOLE_DAY) -> ClaimFrames:
    """Gather what the claims of `day`, or a part of them, are made from."""
    codes = rows_of_part(connection, ranked.encounter_code, day, part)
    outcomes = rows_of_part(connection, ranked.encounter, day, part)
    # An order without an eligible principal is still an order, but no claim can be made from it.
    without = set(outcomes.loc[outcomes["principal_code"].isna(), "encounter_id"])
    codes.loc[codes["encounter_id"].isin(without), "principal"] = False
    procedures = rows_of_part(connection, filtered.procedure, day, part)
    lines = rows_of_part(connection, filtered.charge, day, part)
    return ClaimFrames(
        encounters=_encounters(connection, day, part),
        codes=codes[["encounter_id", "rank", "code", "poa", "principal", "eligible"]],
        procedures=procedures.rename(columns={"code_system": "system", "procedure_date": "date"})[
            ["encounter_id", "line_number", "code", "system", "date"]
        ],
        lines=lines[
            ["encounter_id", "line_number", "revenue_code", "hcpcs", "modifiers", "units", "charge", "service_date"]
        ],
    )


def _encounters(connection: sa.Connection, day: date, part: Part) -> pd.DataFrame:
    stay, patient = filtered.encounter.c, mapped.patient.c
    hospital = raw.delivered_tables["hospital"].alias("hospital")
    clinician = raw.delivered_tables["clinician"].alias("clinician")
    payer = raw.delivered_tables["payer"].alias("payer")
    latest = (
        sa.select(mapped.patient)
        .where(
            patient.received_date <= day,
            patient.patient_id.in_(sa.select(stay.patient_id).where(part.of(filtered.encounter, day))),
        )
        .distinct(patient.patient_id)
        .order_by(patient.patient_id, patient.received_date.desc())
        .subquery("latest")
    )
    own = [stay[n] for n in (
        "encounter_id", "patient_id", "setting", "admission_date", "admission_hour", "discharge_date", "discharge_hour",
        "admission_type", "admission_source", "discharge_status", "admitting_code", "hospital_id", "attending_npi",
        "member_id", "payer_id",
    )]  # fmt: skip
    of_patient = [latest.c[n] for n in ("birth_date", "sex", "death_date")]
    subscriber = [
        latest.c[n].label(f"subscriber_{n}")
        for n in ("last_name", "first_name", "birth_date", "sex", "address", "city", "state", "zip")
    ]
    of_hospital = [
        hospital.c[n].label(f"hospital_{n}")
        for n in ("npi", "name", "tax_id", "taxonomy", "address", "city", "state", "zip")
    ]
    exempt = (sa.func.upper(hospital.c.hac_exempt) == "Y").label("hac_exempt")
    attending = [clinician.c[n].label(f"attending_{n}") for n in ("last_name", "first_name")]
    of_payer = [payer.c.name.label("payer_name"), payer.c.kind.label("payer_kind"), payer.c.contract]
    query = (
        sa.select(*own, *of_patient, *subscriber, *of_hospital, exempt, *attending, *of_payer)
        .select_from(filtered.encounter)
        .outerjoin(latest, latest.c.patient_id == stay.patient_id)
        .outerjoin(hospital, _delivered_with(stay, hospital, hospital.c.hospital_id == stay.hospital_id))
        .outerjoin(clinician, _delivered_with(stay, clinician, clinician.c.npi == stay.attending_npi))
        .outerjoin(payer, _delivered_with(stay, payer, payer.c.payer_id == stay.payer_id))
        .where(part.of(filtered.encounter, day))
        .order_by(stay.encounter_id)
    )
    frame = read_frame(connection, query)
    frame["hac_exempt"] = [bool(e) for e in frame["hac_exempt"]]
    return frame.reindex(columns=[*ENCOUNTER_COLUMNS, "death_date"]).astype(object).where(lambda f: f.notna(), None)


def _delivered_with(stay: Any, table: Any, condition: Any) -> Any:
    return sa.and_(
        condition, table.c.received_date == stay.received_date, table.c.source == stay.source, table.c.copy_number == 1
    )
