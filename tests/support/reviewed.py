"""A few encounters that were coded and ranked, for what coders decide about them: rows made by hand, not by a run."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import coded, drift, filtered, mapped, ranked
from medcode_ml.feedback.recording import Door
from medcode_ml.store.copying import copy_in

DAY, DISCHARGED = date(2026, 10, 15), date(2026, 10, 14)
VERSION = "coding-20261001-aaaa"
NOON = datetime(2026, 10, 16, 12, 0, tzinfo=UTC)
DOOR = Door("file", "tests", datetime(2026, 11, 1, tzinfo=UTC), 600.0)
#: code, band, score, proposed, rank
CODES = (
    ("I50.23", "auto", 0.97, True, 1),
    ("N17.9", "review", 0.71, True, 2),
    ("E11.9", "auto", 0.93, True, 3),
    ("J18.9", "drop", 0.12, False, None),
)
TEXT = "Acute on chronic systolic heart failure. Acute kidney injury. Type 2 diabetes. Known asthma."


def coded_encounters(engine: sa.Engine, count: int = 3, audited: int = 0) -> list[str]:
    """E1 to E<count> of hospitals H1 and H2, alternately, received on `DAY`; the first `audited` drawn for audit."""
    ids = [f"E{n}" for n in range(1, count + 1)]
    hospitals = {e: f"H{1 + (n % 2)}" for n, e in enumerate(ids)}
    encounters = [
        row(filtered.encounter, encounter_id=e, patient_id=f"P{e}", hospital_id=hospitals[e], source="folder",
            encounter_number=e, setting="inpatient", admission_date=DISCHARGED - timedelta(days=3),
            discharge_date=DISCHARGED)
        for e in ids
    ]  # fmt: skip
    with engine.begin() as connection:
        _put(connection, filtered.encounter, encounters)
        _put(connection, mapped.encounter, [
            row(mapped.encounter, **{k: v for k, v in e.items() if k in mapped.encounter.columns}) for e in encounters
        ])  # fmt: skip
        _put(connection, filtered.document, [
            row(filtered.document, document_id=f"D{e}", encounter_id=e, text=TEXT, document_type="discharge_summary")
            for e in ids
        ])  # fmt: skip
        _put(connection, coded.encounter, [
            row(coded.encounter, encounter_id=e, discharge_date=DISCHARGED, model_version=VERSION, outcome="coded",
                code_set_release="FY2027", document_count=1, code_count=3)
            for e in ids
        ])  # fmt: skip
        _put(connection, coded.encounter_code, [
            row(coded.encounter_code, encounter_id=e, code=code, band=band, score=score, accepted=proposed,
                assertion="affirmed", document_types=[], poa="Y")
            for e in ids for code, band, score, proposed, _ in CODES
        ])  # fmt: skip
        _put(connection, ranked.encounter, [
            row(ranked.encounter, encounter_id=e, principal_code="I50.23", code_count=3, model_version="guidelines",
                outcome="ranked")
            for e in ids
        ])  # fmt: skip
        _put(connection, ranked.encounter_code, [
            row(ranked.encounter_code, encounter_id=e, rank=rank, code=code, principal=rank == 1, poa="Y", reasons=[])
            for e in ids for code, _, _, _, rank in CODES if rank is not None
        ])  # fmt: skip
        _put(connection, drift.audit_sample, [
            row(drift.audit_sample, encounter_id=e, hospital_id=hospitals[e], version=VERSION, stratum="review",
                stratum_size=20, drawn=2, weight=10.0)
            for e in ids[:audited]
        ])  # fmt: skip
    return ids


def row(table: sa.Table, **given: Any) -> dict[str, Any]:
    """A row of `DAY`; columns that may not be null and are not given get something of their type."""
    filling: dict[type, Any] = {
        sa.Boolean: False, sa.Integer: 1, sa.Double: 0.5, sa.Date: DAY, sa.Text: "x", sa.Numeric: 0,
        sa.DateTime: NOON, sa.types.JSON: [],
    }  # fmt: skip
    made: dict[str, Any] = {"received_date": DAY}
    for column in table.columns:
        if column.name not in {**made, **given} and not column.nullable:
            made[column.name] = next(value for kind, value in filling.items() if isinstance(column.type, kind))
    return {**made, **given}


def chart(encounter: str, decisions: list[dict[str, Any]], **given: Any) -> dict[str, Any]:
    """A chart sent whole: opened at `NOON`, closed two minutes later as final by a.coder."""
    made = {
        "encounter_id": encounter, "coder": "a.coder", "opened_at": NOON.isoformat(),
        "closed_at": (NOON + timedelta(minutes=2)).isoformat(), "outcome": "final", "decisions": decisions,
    }  # fmt: skip
    return {k: v for k, v in {**made, **given}.items() if v is not None}


def said(code: str, outcome: str, **given: Any) -> dict[str, Any]:
    """A decision; a rejection is for want of support where nothing else is given."""
    return {"code": code, "outcome": outcome, **({"reason": "not_supported"} if outcome == "rejected" else {}), **given}


def _put(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    copy_in(connection, table, pd.DataFrame(rows, columns=[c.name for c in table.columns], dtype=object))
