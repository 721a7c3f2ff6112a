"""The frames of stays out of the database: those of a day as the stage ranks them, and labelled ones to learn from.

Both are read by the same queries, so that a model learns from what it will be given. Nothing of a payer, a payment or a
DRG is read (rule 43).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import coded, filtered, mapped
from medcode_ml.ranking.documents import documented
from medcode_ml.ranking.frames import PLACE
from medcode_ml.ranking.frames_of_stay import RankingFrames
from medcode_ml.store.copying import copy_out
from medcode_ml.store.frames import read_frame

#: what coding says of a code
EVIDENCE: Final = ("poa", "score", "mention_count", "document_types", "assertion")
#: the context frames: their table, and the columns of it by the name that ranking uses; dates become days of the stay
_CONTEXT: Final[Mapping[str, tuple[sa.Table, Mapping[str, str]]]] = {
    "procedures": (filtered.procedure, {"code": "code", "system": "code_system", "day": "procedure_date"}),
    "medications": (filtered.medication, {"name": "drug", "start_day": "start_date"}),
    "microbiology": (
        filtered.microbiology, {"specimen": "specimen", "organism": "organism", "day": "specimen_date"},
    ),
    "units": (filtered.unit_stay, {"name": "unit", "start_day": "start_date", "hours": "hours"}),
    "services": (filtered.service, {"name": "service"}),
}  # fmt: skip
_INTENSIVE: Final = "ICU|CCU|INTENSIVE"
_KEY: Final = ["received_date", "encounter_id"]
Among = Callable[[sa.Table], sa.ColumnElement[bool]]


class MissingStaysError(ValueError):
    """Stays that are asked for are not in the tables any more."""


def frames_of_day(connection: sa.Connection, day: date) -> RankingFrames:
    """The encounters received on `day` with their accepted codes, as the stage ranks them."""

    def among(table: sa.Table) -> sa.ColumnElement[bool]:
        return table.c.received_date == day

    stays = _stays(connection, among)
    table = coded.encounter_code
    query = sa.select(*(table.c[c] for c in (*_KEY, "code", *EVIDENCE))).where(among(table), table.c.accepted)
    codes = _of(stays, copy_out(connection, query.order_by(*table.primary_key)))
    return _frames(connection, stays, codes, among)


def frames_of_encounters(connection: sa.Connection, labelled: pd.DataFrame) -> RankingFrames:
    """Labelled encounters with the coders' codes and their places, and what coding found of each code.

    The evidence is coding's where coding listed the code or one of its kind, accepted or not; so is the indicator
    present on admission, as the stage will have it. A code that coding did not list has the coders' indicator.

    Args:
        connection: the database.
        labelled: rows of `ml.ranking_training_set`: encounter_id, person_id, codes, poa.

    Returns:
        Encounters in the order given; `patient_id` is the person, whose encounters training and figures keep together.

    Raises:
        MissingStaysError: an encounter is not in `filtered.encounter`.
    """
    ids = list(labelled["encounter_id"])

    def among(table: sa.Table) -> sa.ColumnElement[bool]:
        return table.c.encounter_id == sa.any_(sa.literal(ids, sa.ARRAY(sa.Text)))

    stays = _stays(connection, among).drop_duplicates("encounter_id", keep="last")
    missing = len(set(ids) - set(stays["encounter_id"]))
    if missing:
        raise MissingStaysError(f"{missing} of {len(ids)} encounters are not in filtered.encounter any more")
    stays = labelled[["encounter_id", "person_id"]].merge(stays, on="encounter_id", how="left")
    stays["patient_id"] = stays["person_id"]
    table = coded.encounter_code
    query = sa.select(*(table.c[c] for c in (*_KEY, "code", "accepted", *EVIDENCE))).where(among(table))
    found = _of(stays, copy_out(connection, query.order_by(*table.primary_key))).drop(columns="received_date")
    codes = labelled_codes(labelled).merge(
        found.rename(columns={"poa": "found_poa"}).assign(listed=True), on=["encounter_id", "code"], how="left"
    )
    listed = codes["listed"].eq(True)
    codes["poa"] = codes["found_poa"].where(listed, codes["poa"])
    # who lists a code has found it present, whatever coding made of words that it did not accept
    codes["assertion"] = codes["assertion"].where(codes["accepted"].eq(True))
    told = documented(codes[["encounter_id", "code", "document_types"]].astype(object), found)["document_types"]
    codes["document_types"] = codes["document_types"].where(listed, told)
    codes = codes[["encounter_id", "code", *EVIDENCE, PLACE]].astype(object)
    return _frames(connection, stays, codes.where(codes.notna(), None), among)


def labelled_codes(labelled: pd.DataFrame) -> pd.DataFrame:
    """One row for each label: encounter_id, code, poa as the coders gave it, and its place, 1 first."""
    rows = [
        (encounter, code, poa, place)
        for encounter, codes, given in zip(labelled["encounter_id"], labelled["codes"], labelled["poa"], strict=True)
        for place, (code, poa) in enumerate(zip(codes, given, strict=True), start=1)
    ]
    return pd.DataFrame(rows, columns=["encounter_id", "code", "poa", PLACE], dtype=object)


def age_on(birth: date | None, day: date | None) -> int | None:
    """Completed years on `day`; None where a date is missing."""
    if birth is None or day is None:
        return None
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def _stays(connection: sa.Connection, among: Among) -> pd.DataFrame:
    """The encounters with their patient as known on the day they were received, by encounter and day."""
    stay, patient = filtered.encounter.c, mapped.patient.c
    query = (
        sa.select(
            stay.received_date, stay.encounter_id, stay.patient_id, stay.hospital_id, stay.setting,
            stay.admission_date, stay.discharge_date, stay.admission_type, stay.discharge_status, stay.service,
            patient.birth_date, patient.sex,
        )
        .distinct(stay.encounter_id, stay.received_date)
        .select_from(filtered.encounter)
        # the patient may have come with an earlier delivery
        .outerjoin(
            mapped.patient,
            sa.and_(patient.patient_id == stay.patient_id, patient.received_date <= stay.received_date),
        )
        .where(among(filtered.encounter))
        .order_by(stay.encounter_id, stay.received_date, patient.received_date.desc().nulls_last())
    )  # fmt: skip
    found = read_frame(connection, query)
    admitted, left = found["admission_date"], found["discharge_date"]
    return found.assign(
        age=_objects(age_on(b, a) for b, a in zip(found["birth_date"], admitted, strict=True)),
        length_of_stay_days=_objects(_days(a, d) for a, d in zip(admitted, left, strict=True)),
    )


def _frames(connection: sa.Connection, stays: pd.DataFrame, codes: pd.DataFrame, among: Among) -> RankingFrames:
    admitted = dict(zip(stays["encounter_id"], stays["admission_date"], strict=True))
    context: dict[str, pd.DataFrame] = {}
    for name, (table, columns) in _CONTEXT.items():
        query = sa.select(*(table.c[c] for c in (*_KEY, *columns.values()))).where(among(table))
        context[name] = _by_day(_of(stays, copy_out(connection, query.order_by(*table.primary_key))), admitted, columns)
    units = context["units"]
    intensive = units[units["name"].astype(str).str.contains(_INTENSIVE, case=False)]
    hours = intensive.groupby("encounter_id")["hours"].sum().to_dict()
    stays = stays.assign(icu_hours=_objects(hours.get(e) for e in stays["encounter_id"]))
    return RankingFrames(
        stays.drop(columns="received_date"), codes.drop(columns="received_date", errors="ignore"), **context
    )


def _of(stays: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that came with one of `stays`, in their order."""
    return rows.merge(stays[_KEY], on=_KEY)


def _by_day(frame: pd.DataFrame, admitted: Mapping[str, date | None], columns: Mapping[str, str]) -> pd.DataFrame:
    """Rows of a context table under the names that ranking uses, dates turned into days since the admission."""

    def turned(encounter: str, value: Any) -> Any:
        return _days(admitted[encounter], value) if isinstance(value, date) else value

    values = {
        name: _objects(turned(e, v) for e, v in zip(frame["encounter_id"], frame[own], strict=True))
        for name, own in columns.items()
    }
    return pd.DataFrame({"encounter_id": frame["encounter_id"].tolist(), **values}, dtype=object)


def _days(first: date | None, last: date | None) -> int | None:
    return None if first is None or last is None else (last - first).days


def _objects(values: Any) -> pd.Series[Any]:
    return pd.Series(list(values), dtype=object)
