"""Simulated payers on a real PostgreSQL: they answer the simulated network's claims alone, anew when these change."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from support.tables import contents

from medcode_ml.billing.answers.arrivals import run_answer_files
from medcode_ml.billing.answers.kept import KeptFiles
from medcode_ml.billing.answers.stage import run_answers
from medcode_ml.contracts import answers, billed, filtered, raw
from medcode_ml.insurers import SimulatedPayers, configured_insurers
from medcode_ml.settings import settings
from medcode_ml.simulation.payer_decisions import LONGEST
from medcode_ml.store.accounting import accounts
from medcode_ml.store.frames import copy_in, read_frame

pytestmark = pytest.mark.integration

DAY = date(2026, 10, 5)
LAST = DAY + timedelta(days=LONGEST + 2)


def _add(engine: sa.Engine, table: sa.Table, *rows: dict[str, Any]) -> None:
    """Write rows; what they do not say and may not be null is empty."""
    empty: dict[str, Any] = {}
    for column in table.columns:
        if not column.nullable and column.name != "received_date":
            kind = str(column.type)
            empty[column.name] = [] if kind == "JSONB" else 1 if kind in ("INTEGER", "BIGINT") else ""
    frame = pd.DataFrame([{**empty, **row} for row in rows], dtype=object).assign(received_date=DAY)
    with engine.begin() as connection:
        copy_in(connection, table, frame)


def _send(engine: sa.Engine, source: str, first: int, last: int) -> None:
    """Claims `first` to `last` of a source, on DAY, to one payer."""
    numbers = range(first, last + 1)
    of = {"source": source, "hospital_id": "H"}
    _add(engine, raw.delivered_tables["hospital"], {**of, "npi": "1234567893", "name": "Harbour General"})
    _add(
        engine,
        raw.delivered_tables["payer"],
        {"source": source, "payer_id": "P1", "name": "Plan", "kind": "commercial"},
    )
    ids = [{"encounter_id": f"E{n}"} for n in numbers]
    stay = {**of, "setting": "inpatient", "admission_date": DAY, "discharge_date": DAY}
    _add(engine, filtered.encounter, *({**one, **stay, "encounter_number": one["encounter_id"]} for one in ids))
    claim = {
        "claim_type": "837I", "frequency_code": "1", "hospital_id": "H", "payer_id": "P1", "discharge_date": DAY,
        "total_charge": Decimal("1000.00"), "expected_payment": Decimal("400.00"), "status": "ready", "drg": "193",
    }  # fmt: skip
    _add(engine, billed.claim, *({**one, **claim, "claim_number": f"C{one['encounter_id']}"} for one in ids))
    went = {"control_number": "000000146", "set_control_number": "0001", "frequency_code": "1", "diagnoses": ["J18.9"]}
    _add(engine, billed.interchange_claim, *({**one, **went, "claim_number": f"C{one['encounter_id']}"} for one in ids))


def _answered(engine: sa.Engine) -> set[str]:
    rows = read_frame(
        engine, sa.select(answers.claim_status.c.encounter_id).where(answers.claim_status.c.level == "claim")
    )
    return set(rows["encounter_id"])


def _run(engine: sa.Engine, kept: KeptFiles, first: date = DAY, last: date = LAST) -> None:
    run_answer_files(engine, first, last, [SimulatedPayers()], kept, DAY)
    run_answers(engine, first, last, kept)
    for stage in ("raw.answer_file", "billed.remittance"):
        assert [a for a in accounts(engine, stage, DAY, LAST) if not a.balances] == []


def test_claims_of_the_network_are_answered_to_the_end_and_those_of_others_never(
    database: sa.Engine, tmp_path: Path
) -> None:
    kept = KeptFiles(tmp_path)
    _send(database, "simulated", 1, 60)
    _send(database, "folder", 101, 110)
    _run(database, kept)
    files = read_frame(database, sa.select(answers.answer_file.c.source, answers.answer_file.c.received_date))
    assert set(files["source"]) == {"simulated"}
    assert min(files["received_date"]) == DAY
    assert _answered(database) == {f"E{n}" for n in range(1, 61)}
    outcomes = read_frame(
        database, sa.select(answers.remittance_claim.c.encounter_id, answers.remittance_claim.c.outcome)
    )
    rejected = read_frame(
        database, sa.select(answers.claim_status.c.encounter_id).where(answers.claim_status.c.status == "rejected")
    )
    assert set(outcomes["encounter_id"]) | set(rejected["encounter_id"]) >= _answered(database)
    assert len(read_frame(database, sa.select(answers.denial.c.denial_key))) >= 3
    before = contents(database)
    # a day alone says the same of the claims sent before it
    for day in (DAY, DAY + timedelta(6)):
        _run(database, kept, day, day)
        assert contents(database) == before


def test_claims_that_are_made_anew_are_answered_anew(database: sa.Engine, tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path)
    _send(database, "simulated", 1, 20)
    last = DAY + timedelta(8)
    _run(database, kept, DAY, last)
    with database.begin() as connection:
        claim = billed.claim
        connection.execute(sa.update(claim).values(total_charge=Decimal("1100.00"), expected_payment=Decimal("500.00")))
        connection.execute(sa.delete(billed.interchange_claim).where(billed.interchange_claim.c.encounter_id == "E1"))
    _run(database, kept, DAY, last)
    assert _answered(database) == {f"E{n}" for n in range(2, 21)}
    charges = read_frame(
        database, sa.select(answers.remittance_claim.c.charge).where(answers.remittance_claim.c.outcome == "matched")
    )
    assert {abs(charge) for charge in charges["charge"]} == {Decimal("1100.00")}


def test_only_the_simulated_network_has_simulated_payers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for source, wanted in (("simulated", ["inbox", "simulated"]), ("folder", ["inbox"])):
        monkeypatch.setenv("MEDCODE_SOURCE", source)
        settings.cache_clear()
        try:
            arrivals, _ = configured_insurers()
            assert [one.source for one in arrivals] == wanted
        finally:
            settings.cache_clear()
