"""The quarantine as a worklist on a real database: decisions, refusals, what waits, and which day runs again."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from medcode_ml.contracts import filtered, mapped, review
from medcode_ml.contracts.ids import record_hash
from medcode_ml.filtering.anomaly import rules_fire_as_usual
from medcode_ml.filtering.worklist import DecisionError, days_to_run, decide, entries, history, worklist
from medcode_ml.store.decisions import newest_decisions, released

pytestmark = pytest.mark.integration
DAY = date(2026, 10, 5)
WHEN = datetime(2026, 10, 6, 9, tzinfo=UTC)
LINE = record_hash("charge", "e1", 3)


RECORDS_OFFICE = "health information management"


def _entry(record: str, rule: str, **other: Any) -> dict[str, Any]:
    return {
        "received_date": DAY, "quarantine_id": record_hash(record, rule), "stage": "filtered",
        "record_kind": "encounter", "record_id": record, "encounter_id": "e1", "hospital_id": "H1", "rule": rule,
        "severity": "error", "owner": "registration", "reason": "why", "column_name": "discharge_date",
        "original": None, "releasable": True,
        **other,
    }  # fmt: skip


@pytest.fixture
def quarantine(database: sa.Engine) -> sa.Engine:
    """Five things set aside on one day."""
    rows = [
        _entry("e1", "discharge_date_present", releasable=False),
        _entry("e1", "admission_not_after_discharge"),
        _entry(LINE, "service_within_stay", record_kind="charge", owner="charge capture"),
        _entry(record_hash("charge", "e1", 4), "encounter_set_aside", record_kind="charge", releasable=False),
        _entry("page1", "duplicate_page", stage="raw", record_kind="page", hospital_id="H2", owner=RECORDS_OFFICE),
    ]
    charge = {
        "received_date": DAY, "encounter_id": "e1", "line_number": 3, "modifiers": [], "repairs": [], "unreadable": {},
    }  # fmt: skip
    with database.begin() as connection:
        connection.execute(sa.insert(filtered.quarantine), rows)
        connection.execute(sa.insert(mapped.charge), [charge])
    return database


def _decide(engine: sa.Engine, record: str, rule: str, outcome: str, minutes: int = 0, **other: Any) -> date:
    return decide(engine, record, rule, outcome, "a.coder", "seen", WHEN + timedelta(minutes=minutes), **other)


def _standing(engine: sa.Engine) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        found = newest_decisions(connection).drop(columns="received_date")
    return sorted(found.itertuples(index=False, name=None), key=str)


def test_a_release_names_the_day_and_is_taken_back(quarantine: sa.Engine) -> None:
    rule = "admission_not_after_discharge"
    assert _decide(quarantine, "e1", rule, "released") == DAY
    with quarantine.connect() as connection:
        assert released(newest_decisions(connection)) == {("e1", rule)}
    assert _decide(quarantine, "e1", rule, "withdrawn", 1) == DAY
    assert _standing(quarantine) == []
    told = history(quarantine, "e1")
    assert told["outcome"].tolist() == ["released", "withdrawn"]
    assert told["decided_by"].tolist() == ["a.coder"] * 2


def test_corrections_stand_by_column_and_are_taken_back_together(quarantine: sa.Engine) -> None:
    rule = "admission_not_after_discharge"
    _decide(quarantine, "e1", rule, "corrected", column="discharge_date", value="2026-10-02")
    _decide(quarantine, "e1", rule, "corrected", 1, column="admission_date", value="2026-10-01")
    _decide(quarantine, "e1", rule, "corrected", 2, column="discharge_date", value="2026-10-03")
    assert _standing(quarantine) == [
        ("e1", rule, "corrected", "admission_date", "2026-10-01"),
        ("e1", rule, "corrected", "discharge_date", "2026-10-03"),
    ]
    _decide(quarantine, "e1", rule, "withdrawn", 3)
    assert _standing(quarantine) == []


@pytest.mark.parametrize(
    ("record", "rule", "outcome", "other", "says"),
    [
        ("nobody", "mbi_valid", "released", {}, "no record nobody under rule mbi_valid"),
        ("e1", "mbi_valid", "released", {}, "no record e1 under rule mbi_valid"),
        ("e1", "discharge_date_present", "released", {}, "nothing readable to carry; correct it"),
        ("e1", "discharge_date_present", "withdrawn", {}, "nothing to withdraw"),
        ("e1", "discharge_date_present", "forgotten", {}, "choose released"),
        ("e1", "discharge_date_present", "corrected", {}, "names the column"),
        ("e1", "discharge_date_present", "released", {"column": "setting"}, "no other decision does"),
        ("e1", "discharge_date_present", "corrected", {"column": "mrn", "value": "1"}, "cannot be corrected"),
        (
            "e1", "discharge_date_present", "corrected", {"column": "discharge_date", "value": "2.10.2026"},
            "discharge_date is written as a date, YYYY-MM-DD",
        ),
        ("page1", "duplicate_page", "corrected", {"column": "text", "value": "x"}, "a page cannot be corrected here"),
        (record_hash("charge", "e1", 4), "encounter_set_aside", "released", {}, "waits for another"),
        ("2026-10-05", "mbi_valid", "released", {}, "no rule mbi_valid was asked"),
    ],
)  # fmt: skip
def test_what_cannot_be_decided_is_told(
    quarantine: sa.Engine, record: str, rule: str, outcome: str, other: dict[str, str], says: str
) -> None:
    with pytest.raises(DecisionError, match=says):
        _decide(quarantine, record, rule, outcome, **other)
    with quarantine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(review.quarantine_decision)).scalar_one() == 0


@pytest.mark.parametrize(("by", "note"), [("", "seen"), ("a.coder", " ")])
def test_a_decision_has_a_name_and_a_reason(quarantine: sa.Engine, by: str, note: str) -> None:
    with pytest.raises(DecisionError, match="name of the person"):
        decide(quarantine, "page1", "duplicate_page", "rejected", by, note, WHEN)


def test_the_day_of_a_line_that_is_carried_again_is_found(quarantine: sa.Engine) -> None:
    _decide(quarantine, LINE, "service_within_stay", "released")
    with quarantine.begin() as connection:  # the day has run again
        connection.execute(sa.delete(filtered.quarantine).where(filtered.quarantine.c.record_id == LINE))
    assert _decide(quarantine, LINE, "service_within_stay", "withdrawn", 1) == DAY


def test_the_worklist_counts_what_waits_by_owner_and_rule(quarantine: sa.Engine) -> None:
    found = worklist(quarantine, DAY + timedelta(days=3)).set_index("rule")
    assert found["waiting"].sum() == 5
    assert found.loc["discharge_date_present", ["owner", "waiting", "oldest", "age"]].tolist() == [
        "registration",
        1,
        DAY,
        3,
    ]
    assert found.at["service_within_stay", "owner"] == "charge capture"
    assert found.at["duplicate_page", "owner"] == "health information management"
    _decide(quarantine, "page1", "duplicate_page", "rejected")
    assert "duplicate_page" not in set(worklist(quarantine, DAY)["rule"])
    everything = worklist(quarantine, DAY, decided=True).set_index("rule")
    assert everything.loc["duplicate_page", ["waiting", "decided"]].tolist() == [0, 1]
    assert worklist(quarantine, DAY, hospital="H2", decided=True)["rule"].tolist() == ["duplicate_page"]
    assert worklist(quarantine, DAY, owner="charge capture")["rule"].tolist() == ["service_within_stay"]


def test_entries_are_listed_with_the_decision_that_stands(quarantine: sa.Engine) -> None:
    _decide(quarantine, "page1", "duplicate_page", "released")
    assert len(entries(quarantine)) == 4
    listed = entries(quarantine, record="page1", waiting=False)
    assert listed[["decision", "decided_by", "owner"]].values.tolist() == [
        ["released", "a.coder", "health information management"]
    ]
    assert days_to_run(quarantine) == [DAY]
    _decide(quarantine, "page1", "duplicate_page", "withdrawn", 1)
    assert len(entries(quarantine)) == 5
    assert days_to_run(quarantine) == []


def test_a_rule_that_suddenly_fires_stops_the_day_until_a_person_accepts_it(database: sa.Engine) -> None:
    days = [DAY - timedelta(days=n) for n in range(12, -1, -1)]
    rows = [
        {
            "received_date": day, "rule": "mbi_valid", "trade_rule": 36, "record_kind": "encounter",
            "severity": "warning",
            "checked": 100, "passed": 99 if day < DAY else 40, "repaired": 0, "warned": 1 if day < DAY else 60,
            "set_aside": 0,
        }
        for day in days
    ]  # fmt: skip
    with database.begin() as connection:
        connection.execute(sa.insert(filtered.rule_count), rows)
    assert rules_fire_as_usual(database, days[0], DAY - timedelta(days=1)).passed
    stopped = rules_fire_as_usual(database, DAY, DAY)
    assert not stopped.passed
    assert stopped.table[["received_date", "rule", "checked", "fired"]].values.tolist() == [[DAY, "mbi_valid", 100, 60]]
    assert _decide(database, DAY.isoformat(), "mbi_valid", "released") == DAY
    accepted = rules_fire_as_usual(database, DAY, DAY)
    assert accepted.passed
    assert accepted.table["accepted"].tolist() == [True]
    _decide(database, DAY.isoformat(), "mbi_valid", "withdrawn", 1)
    assert not rules_fire_as_usual(database, DAY, DAY).passed


def test_an_empty_database_has_nothing_to_judge(database: sa.Engine) -> None:
    assert rules_fire_as_usual(database, DAY, DAY).passed
    assert worklist(database, DAY).empty
    assert isinstance(entries(database), pd.DataFrame)
