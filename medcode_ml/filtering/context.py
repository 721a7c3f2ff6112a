"""What rules ask about a record beside its own columns: patient, payer, providers and stay, looked up for a batch."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import filtered, linkage, mapped, raw
from medcode_ml.store.frames import copy_out
from medcode_ml.store.ranges import KeyRange

_OF_STAY = ("encounter_id", "hospital_id", "setting", "admission_date", "discharge_date")


def encounters_with_context(day: date, part: KeyRange) -> sa.Select[Any]:
    """Select encounters of a range, every column of mapped.encounter, with their context.

    patient_birth_date, patient_death_date, patient_sex; person_death_date (the earliest that any record of the same
    person has, see mapped.person); payer_kind and payer_effective_from, _to; the attending's registry status, taxonomy
    and effective days; the hospital's npi, tax_id, taxonomy, state and zip as delivered; patient_carried (the newest
    row of the patient passed the rules), carried_before (an earlier day carried the encounter).
    """
    encounter = mapped.encounter.c
    clinician, payer, hospital = mapped.provider.alias(), mapped.payer, raw.delivered_tables["hospital"]
    newest, passed = _patient(day)
    same_day = [t.c.received_date == day for t in (clinician, payer, hospital)]
    joined = (
        mapped.encounter.outerjoin(newest, sa.true())
        .outerjoin(
            clinician,
            sa.and_(
                same_day[0], clinician.c.source == encounter.source, clinician.c.provider_kind == "clinician",
                clinician.c.npi == encounter.attending_npi,
            ),
        )
        .outerjoin(
            payer, sa.and_(same_day[1], payer.c.source == encounter.source, payer.c.payer_id == encounter.payer_id)
        )
        .outerjoin(
            hospital,
            sa.and_(
                same_day[2], hospital.c.source == encounter.source, hospital.c.hospital_id == encounter.hospital_id,
                hospital.c.copy_number == 1,
            ),
        )
    )  # fmt: skip
    return (
        sa.select(
            *mapped.encounter.columns,
            *_of_patient(newest),
            newest.c.sex.label("patient_sex"),
            _death_under_any_number(day).label("person_death_date"),
            passed.label("patient_carried"),
            payer.c.kind.label("payer_kind"),
            payer.c.effective_from.label("payer_effective_from"),
            payer.c.effective_to.label("payer_effective_to"),
            clinician.c.registry_status.label("attending_registry_status"),
            clinician.c.taxonomy.label("attending_taxonomy"),
            clinician.c.effective_from.label("attending_effective_from"),
            clinician.c.effective_to.label("attending_effective_to"),
            *[hospital.c[n].label(f"hospital_{n}") for n in ("npi", "tax_id", "taxonomy", "state", "zip")],
            _carried(filtered.encounter.c.received_date < day).label("carried_before"),
        )
        .select_from(joined)
        .where(part.of(mapped.encounter, day))
        .order_by(encounter.encounter_id)
    )


def read_stays(connection: sa.Connection, day: date, part: KeyRange) -> pd.DataFrame:
    """What the rules of documents and lines ask about their stay, of the encounters of a range.

    encounter_id, hospital_id, setting, admission_date, discharge_date, patient_birth_date, patient_death_date and
    carried (the encounter stands in `filtered` of the day).
    """
    newest, _ = _patient(day)
    stay, passed = mapped.encounter.c, filtered.encounter.c
    # A stay that was carried counts as it was carried, with what people corrected.
    carried = passed.encounter_id.is_not(None)
    facts = [sa.case((carried, passed[c]), else_=stay[c]).label(c) for c in _OF_STAY[1:]]
    same = sa.and_(passed.received_date == stay.received_date, passed.encounter_id == stay.encounter_id)
    query = (
        sa.select(stay.encounter_id, *facts, *_of_patient(newest), carried.label("carried"))
        .select_from(mapped.encounter.outerjoin(filtered.encounter, same).outerjoin(newest, sa.true()))
        .where(part.of(mapped.encounter, day))
    )
    return copy_out(connection, query)


def with_stays(frame: pd.DataFrame, stays: pd.DataFrame) -> pd.DataFrame:
    """Add the columns of its stay to each record of `frame`, by encounter_id; what it has already stays."""
    at = pd.Index(stays["encounter_id"]).get_indexer(frame["encounter_id"])
    names = [c for c in stays.columns if c not in frame.columns]
    return frame.assign(**{name: stays[name].to_numpy(dtype=object)[at] for name in names})


def _patient(day: date) -> tuple[Any, sa.ColumnElement[bool]]:
    """The newest row of the encounter's patient up to `day`, as carried where it was, and whether it was."""
    patient, own, encounter = mapped.patient.c, filtered.patient.c, mapped.encounter.c
    same = sa.and_(own.received_date == patient.received_date, own.patient_id == patient.patient_id)
    carried = own.patient_id.is_not(None)
    facts = [sa.case((carried, own[c]), else_=patient[c]).label(c) for c in ("birth_date", "death_date", "sex")]
    newest = (
        sa.select(*facts, carried.label("carried"))
        .select_from(mapped.patient.outerjoin(filtered.patient, same))
        .where(patient.patient_id == encounter.patient_id, patient.received_date <= day)
        .order_by(patient.received_date.desc())
        .limit(1)
        .lateral("newest")
    )
    return newest, sa.func.coalesce(newest.c.carried, sa.false())


def _death_under_any_number(day: date) -> sa.ScalarSelect[date]:
    """The earliest date of death among the records that linkage, or a person, made one with the patient's."""
    own, other, record = linkage.person.alias("own"), linkage.person.alias("other"), mapped.patient.alias("record")
    return (
        sa.select(sa.func.min(record.c.death_date))
        .select_from(own)
        .join(other, other.c.person_id == own.c.person_id)
        .join(record, record.c.patient_id == other.c.patient_id)
        .where(own.c.patient_id == mapped.encounter.c.patient_id, record.c.received_date <= day)
        .scalar_subquery()
    )


def _of_patient(newest: Any) -> tuple[sa.Label[date], sa.Label[date]]:
    return newest.c.birth_date.label("patient_birth_date"), newest.c.death_date.label("patient_death_date")


def _carried(when: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.exists().where(filtered.encounter.c.encounter_id == mapped.encounter.c.encounter_id, when)
