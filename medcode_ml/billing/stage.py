"""The billing stage: a day of `ranked` becomes claims with lines, edits and factors in `billed`, in one transaction."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd
import sqlalchemy as sa

from medcode_ml.billing.batch import BilledBatch, bill_batch, with_edits
from medcode_ml.billing.claims import ENCOUNTER_COLUMNS, ClaimFrames
from medcode_ml.billing.edits.catalogue import Edit, found
from medcode_ml.billing.payers import PayerBook
from medcode_ml.contracts import billed, filtered, mapped, ranked, raw
from medcode_ml.contracts.stage import StageResult
from medcode_ml.store.frames import days_of, read_frame, read_partition, replace_partition

WRITTEN = {
    "claim": "claims", "claim_line": "lines", "claim_edit": "edits", "payment_factor": "factors", "what_if": "what_ifs",
}  # fmt: skip


def run_billing(engine: sa.Engine, start: date, end: date, payers: PayerBook) -> StageResult:
    """Edit, group and price the encounters received from `start` to `end`; each day is replaced in one transaction."""
    rows: dict[str, int] = dict.fromkeys(WRITTEN, 0)
    held_by: dict[str, int] = {}
    expected = Decimal(0)
    ready = 0
    for day in days_of(start, end):
        with engine.begin() as connection:
            batch = bill_day(connection, day, payers)
            for table, part in WRITTEN.items():
                rows[table] += replace_partition(connection, getattr(billed, table), day, getattr(batch, part))
        is_ready = batch.claims["status"] == "ready"
        ready += int(is_ready.sum())
        expected += sum((p for p in batch.claims.loc[is_ready, "expected_payment"] if p is not None), Decimal(0))
        errors = batch.edits[batch.edits["level"] == "error"].drop_duplicates(["encounter_id", "edit"])
        for edit in errors["edit"]:
            held_by[edit] = held_by.get(edit, 0) + 1
    figures: dict[str, float | int | str] = {
        "claims_ready": ready,
        "claims_held": rows["claim"] - ready,
        "expected_payment_usd": str(expected),
    }
    listing = tuple(sorted(held_by.items(), key=lambda item: -item[1]))
    return StageResult("billing", start, end, rows, figures, (("edit that holds", "claims"), listing))


def bill_day(connection: sa.Connection, day: date, payers: PayerBook) -> BilledBatch:
    """Return what billing makes of the encounters received on `day`; the day itself is the billing date."""
    batch = bill_batch(claim_frames(connection, day), day, payers)
    batch = with_edits(batch, _duplicates_of_earlier_days(connection, day, batch))
    return with_edits(batch, _lines_set_aside(connection, day))


def claim_frames(connection: sa.Connection, day: date) -> ClaimFrames:
    """Gather what the claims of `day` are made from."""
    codes = read_partition(connection, ranked.encounter_code, day)
    outcomes = read_partition(connection, ranked.encounter, day)
    # An order without an eligible principal is still an order, but no claim can be made from it.
    without = set(outcomes.loc[outcomes["principal_code"].isna(), "encounter_id"])
    codes.loc[codes["encounter_id"].isin(without), "principal"] = False
    procedures = read_partition(connection, filtered.procedure, day)
    lines = read_partition(connection, filtered.charge, day)
    return ClaimFrames(
        encounters=_encounters(connection, day),
        codes=codes[["encounter_id", "rank", "code", "poa", "principal", "eligible"]],
        procedures=procedures.rename(columns={"code_system": "system", "procedure_date": "date"})[
            ["encounter_id", "line_number", "code", "system", "date"]
        ],
        lines=lines[
            ["encounter_id", "line_number", "revenue_code", "hcpcs", "modifiers", "units", "charge", "service_date"]
        ],
    )


def _encounters(connection: sa.Connection, day: date) -> pd.DataFrame:
    stay, patient = filtered.encounter.c, mapped.patient.c
    hospital = raw.delivered_tables["hospital"].alias("hospital")
    clinician = raw.delivered_tables["clinician"].alias("clinician")
    payer = raw.delivered_tables["payer"].alias("payer")
    latest = (
        sa.select(mapped.patient)
        .where(patient.received_date <= day)
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
        .where(stay.received_date == day)
        .order_by(stay.encounter_id)
    )
    frame = read_frame(connection, query)
    frame["hac_exempt"] = [bool(e) for e in frame["hac_exempt"]]
    return frame.reindex(columns=[*ENCOUNTER_COLUMNS, "death_date"]).astype(object).where(lambda f: f.notna(), None)


def _delivered_with(stay: Any, table: Any, condition: Any) -> Any:
    return sa.and_(
        condition, table.c.received_date == stay.received_date, table.c.source == stay.source, table.c.copy_number == 1
    )


def _duplicates_of_earlier_days(connection: sa.Connection, day: date, batch: BilledBatch) -> dict[str, list[Edit]]:
    """Claims that another encounter, received before, has made already."""
    marks = {m: key for m, key in zip(batch.claims["fingerprint"], batch.claims["encounter_id"], strict=True) if m}
    if not marks:
        return {}
    table = billed.claim.c
    query = (
        sa.select(table.fingerprint, sa.func.min(table.encounter_id).label("other"))
        .where(table.fingerprint == sa.func.any(sa.cast(list(marks), sa.ARRAY(sa.Text))), table.received_date < day)
        .where(table.encounter_id.not_in(list(marks.values())))
        .group_by(table.fingerprint)
    )
    return {marks[m]: [found("duplicate_claim", other=other)] for m, other in connection.execute(query)}


def _lines_set_aside(connection: sa.Connection, day: date) -> dict[str, list[Edit]]:
    """Encounters with lines that wait in quarantine: a claim without them would be wrong."""
    table = filtered.quarantine.c
    query = sa.select(table.encounter_id, table.record_kind, table.rule).where(
        table.received_date == day, table.record_kind.in_(("charge", "procedure", "diagnosis")),
        table.rule.not_in(("encounter_set_aside", "delivered_twice")),
    ).distinct()  # fmt: skip
    lines: dict[str, list[str]] = {}
    for row in connection.execute(query):
        lines.setdefault(row.encounter_id, []).append(f"{row.record_kind} ({row.rule})")
    return {key: [found("line_in_quarantine", lines=", ".join(sorted(own)))] for key, own in lines.items()}
