"""Marts on claims, on a real database: what is discharged and not final billed, and what waits for a coder."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.answer_files import claim, denied, payment_file
from support.answered import answer, put, put_claim, rows_of

from medcode_ml.contracts import answers, billed, filtered, mapped, metadata, ranked
from medcode_ml.contracts.mart import VIEWS
from medcode_ml.store.views import READER_ROLE, create_views

pytestmark = pytest.mark.integration

FIRST, SECOND, THIRD = date(2026, 11, 10), date(2026, 11, 12), date(2026, 11, 20)


def encounter(engine: sa.Engine, number: str, day: date, discharged: date | None, **more: Any) -> None:
    row = {"received_date": day, "encounter_id": f"E-{number}", "hospital_id": "H1", "payer_id": "P1",
           "discharge_date": discharged}  # fmt: skip
    put(engine, mapped.encounter, {**row, **more})


def test_days_not_final_billed_by_hand(database: sa.Engine) -> None:
    """Held, set aside, billed at once, billed when delivered again, out of scope, still in the house."""
    delivered = metadata.tables["raw.delivery"]
    put(database, delivered, *({"received_date": day} for day in (FIRST, SECOND, THIRD)))
    encounter(database, "at-once", FIRST, date(2026, 11, 8))
    put_claim(database, "at-once", FIRST, charge="900")
    encounter(database, "held", FIRST, date(2026, 11, 6))
    put_claim(database, "held", FIRST, charge="300", sent=False)
    encounter(database, "aside", SECOND, date(2026, 11, 12))
    put(database, mapped.charge, *({"received_date": SECOND, "encounter_id": "E-aside", "line_number": line,
                                    "charge": Decimal(amount)} for line, amount in ((1, 100), (2, 50))))  # fmt: skip
    for day in (FIRST, THIRD):
        encounter(database, "again", day, date(2026, 11, 9))
        put_claim(database, "again", day, charge="600", sent=day == THIRD)
    encounter(database, "elsewhere", FIRST, date(2026, 11, 9))
    put(database, filtered.quarantine, {"received_date": FIRST, "quarantine_id": "q", "encounter_id": "E-elsewhere",
                                        "record_kind": "encounter", "severity": "scope"})  # fmt: skip
    encounter(database, "in-house", FIRST, None)
    counted = ("day", "accounts", "accounts_set_aside", "accounts_held", "accounts_not_sent", "charges", "mean_days",
               "max_days", "average_daily_charges", "round(days::numeric, 4)")  # fmt: skip
    assert rows_of(database, "days_not_final_billed", counted) == [
        (FIRST, 2, 0, 1, 1, 900, 2.5, 4, 1800, Decimal("0.5")),
        (SECOND, 3, 1, 1, 1, 1050, 3.0, 6, 650, Decimal("1.6154")),
        (THIRD, 2, 1, 1, 0, 450, 11.0, 14, Decimal("177.27"), Decimal("2.5385")),
    ]


def test_income_of_more_than_ninety_days_ago_is_no_daily_charge(database: sa.Engine) -> None:
    late = date(2027, 2, 9)
    put(database, metadata.tables["raw.delivery"], {"received_date": FIRST}, {"received_date": late})
    for number, day, charge in (("old", FIRST, "9000"), ("new", late, "450")):
        encounter(database, number, day, day)
        put_claim(database, number, day, charge=charge)
    assert rows_of(database, "days_not_final_billed", ("day", "average_daily_charges", "accounts", "days")) == [
        (FIRST, 9000, 0, 0.0), (late, 5, 0, 0.0),
    ]  # fmt: skip


@pytest.fixture
def worklist(database: sa.Engine) -> sa.Engine:
    for number in ("held", "denied", "paid", "doubt"):
        known = {"received_date": FIRST, "encounter_id": f"E-{number}"}
        put(database, filtered.encounter, {**known, "setting": "inpatient", "discharge_date": FIRST})
        put(database, ranked.encounter, {**known, "needs_review": number == "doubt"})
        put_claim(database, number, FIRST, sent=number != "held", charge={"held": "100"}.get(number, "1000"))
    return database


def test_denied_claims_are_on_the_coders_worklist_with_their_reason_and_amount(
    worklist: sa.Engine, tmp_path: Path
) -> None:
    refused = denied("denied", "1000", "CAS*CO*50*1000")
    answer(worklist, tmp_path, THIRD, payment_file([refused, claim("paid", payer_number="ICN9")]))
    columns = ("encounter_id", "reasons", "denials", "denials_for_coders", "amount_denied", "at_stake")
    assert rows_of(worklist, "coder_worklist", columns) == [
        ("E-denied", ["denied"], ["CO-50"], 1, 1000, 1000),
        ("E-doubt", ["principal"], None, 0, 0, 1000),
        ("E-held", ["held"], None, 0, 0, 100),
    ]
    with worklist.connect() as connection:
        order = connection.execute(sa.text("SELECT encounter_id FROM mart.coder_worklist")).scalars().all()
    assert order == ["E-held", "E-denied", "E-doubt"]
    appealed = claim("denied", "1000", "700", payer_number="ICN7")
    answer(worklist, tmp_path, date(2026, 11, 25), payment_file([appealed], control=4, trace="T4"))
    assert [row[0] for row in rows_of(worklist, "coder_worklist", columns)] == ["E-doubt", "E-held"]


def test_a_claim_rejected_before_adjudication_is_on_the_coders_worklist(worklist: sa.Engine, tmp_path: Path) -> None:
    put(worklist, answers.claim_status, {
        "received_date": SECOND, "claim_status_id": "s", "level": "claim", "status": "rejected", "outcome": "matched",
        "encounter_id": "E-paid", "claim_number": "paid",
        "reasons": [{"category": "A7", "status": "254", "entity": None}],
    })  # fmt: skip
    assert rows_of(worklist, "coder_worklist", ("reasons", "rejected_because"), "encounter_id = 'E-paid'") == [
        (["rejected"], ["A7-254"])
    ]
    answer(worklist, tmp_path, THIRD, payment_file([claim("paid")]))
    assert rows_of(worklist, "coder_worklist", ("reasons",), "encounter_id = 'E-paid'") == [], "paid all the same"


def test_a_claim_sent_twice_is_one_row_with_its_last_interchange(worklist: sa.Engine) -> None:
    put(worklist, billed.interchange_claim, {
        "received_date": FIRST, "encounter_id": "E-paid", "claim_number": "paid", "control_number": "000000150",
        "sequence": 2, "frequency_code": "7",
    })  # fmt: skip
    assert rows_of(worklist, "claim", ("control_number",), "encounter_id = 'E-paid'") == [("000000150",)]


def test_views_of_an_older_medcode_are_replaced_though_others_read_them(database: sa.Engine) -> None:
    with database.connect() as connection, connection.begin() as transaction:
        for view in reversed(VIEWS):
            connection.exec_driver_sql(f"DROP VIEW mart.{view.name}")
        # a column of another name and type, read by another view
        connection.exec_driver_sql("CREATE VIEW mart.claim_payment (encounter_id, old) AS SELECT 'e'::text, 1")
        connection.exec_driver_sql("CREATE VIEW mart.claim_progress (encounter_id) AS SELECT encounter_id "
                                   "FROM mart.claim_payment")  # fmt: skip
        create_views(connection)
        connection.execute(sa.text(f"SET LOCAL ROLE {READER_ROLE}"))
        for view in VIEWS:
            shown = connection.execute(sa.text(f"SELECT * FROM mart.{view.name} LIMIT 0"))
            assert list(shown.keys()) == list(view.columns)
        transaction.rollback()
