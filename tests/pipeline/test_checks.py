"""The checks can fail: a row that is lost, doubled or of the wrong release is noticed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.delivery import DAY, charge, note, patient, stay, write

from medcode_ml.contracts import coded, filtered
from medcode_ml.store.accounting import accounts
from medcode_ml.store.checks import codes_outside_release, repeated_keys

pytestmark = pytest.mark.integration
RECEIVED = date.fromisoformat(DAY)
TEXT = "DISCHARGE DIAGNOSES: Community acquired pneumonia."


@pytest.fixture
def billed(database: sa.Engine, run_stages: Callable[[Path, date, date], None], tmp_path: Path) -> sa.Engine:
    write(
        tmp_path / "in",
        patient=[patient("M1")],
        encounter=[stay("E1", "M1")],
        charge=[charge("E1", 1), charge("E1", 2)],
        scanned_record=[note("R1", "E1", TEXT)],
    )
    run_stages(tmp_path / "in", RECEIVED, RECEIVED)
    return database


def execute(engine: sa.Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text(statement))


@pytest.mark.parametrize(
    ("stage", "loss", "unit"),
    [
        ("raw", "DELETE FROM raw.charge WHERE line_number = '2'", "charge rows"),
        ("mapped", "DELETE FROM mapped.charge WHERE line_number = 2", "charge"),
        ("filtered", "DELETE FROM filtered.document", "document"),
        ("coded", "DELETE FROM coded.encounter", "encounter"),
        ("ranked", "DELETE FROM ranked.encounter_code", "accepted code"),
        ("billed", "DELETE FROM billed.claim", "encounter"),
    ],
)
def test_the_accounting_notices_a_lost_row(billed: sa.Engine, stage: str, loss: str, unit: str) -> None:
    assert all(a.balances for a in accounts(billed, stage, RECEIVED, RECEIVED))
    execute(billed, loss)
    assert [a.unit for a in accounts(billed, stage, RECEIVED, RECEIVED) if not a.balances] == [unit]


def test_rule_1_a_code_of_another_release_is_noticed(billed: sa.Engine) -> None:
    assert codes_outside_release(billed, RECEIVED, RECEIVED) == []
    execute(billed, "UPDATE coded.encounter_code SET code = 'B88.0' WHERE code = 'J18.9'")
    assert codes_outside_release(billed, RECEIVED, RECEIVED) == [("B88.0", date(2026, 10, 2))]


def test_a_doubled_key_is_noticed(billed: sa.Engine) -> None:
    assert repeated_keys(billed, filtered.charge, RECEIVED, RECEIVED) == 0
    execute(billed, "ALTER TABLE filtered.charge DROP CONSTRAINT pk_charge")
    try:
        execute(billed, "INSERT INTO filtered.charge SELECT * FROM filtered.charge WHERE line_number = 1")
        assert repeated_keys(billed, filtered.charge, RECEIVED, RECEIVED) == 1
    finally:
        execute(billed, "TRUNCATE filtered.charge")
        key = ", ".join(c.name for c in filtered.charge.primary_key)
        execute(billed, f"ALTER TABLE filtered.charge ADD CONSTRAINT pk_charge PRIMARY KEY ({key})")


def test_no_accounting_for_a_stage_that_is_not_one(database: sa.Engine) -> None:
    with pytest.raises(ValueError, match="no accounting for stage 'mart'"):
        accounts(database, "mart", RECEIVED, RECEIVED)


def test_evidence_of_an_accepted_code_names_its_section(billed: sa.Engine) -> None:
    with billed.connect() as connection:
        row = connection.execute(sa.select(coded.evidence).where(coded.evidence.c.code == "J18.9")).mappings().first()
    assert row is not None
    assert row["section_type"] == "discharge_diagnoses"
