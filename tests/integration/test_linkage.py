"""Linkage on a real PostgreSQL: persons follow decisions, and the days that change are named."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from medcode_ml.contracts import linkage, mapped, review
from medcode_ml.mapping.linkage.decisions import LinkDecisionError, compare, decide, decided_after, waiting
from medcode_ml.mapping.linkage.stage import days_of_decision, run_linkage
from medcode_ml.store.frames import read_frame, replace_partition

pytestmark = pytest.mark.integration

FIRST, SECOND = date(2026, 10, 1), date(2026, 10, 5)
NOW = datetime(2026, 10, 9, 8, tzinfo=UTC)
A, B, TWIN, OTHER = (letter * 20 for letter in "abcd")


def patient(record: str, number: str, **values: Any) -> dict[str, Any]:
    row = {
        "patient_id": record, "source": "s", "hospital_id": f"H{number[0]}", "mrn": number, "mrn_folded": number,
        "last_name": "Abernathy", "first_name": "Margaret", "birth_date": date(1951, 7, 23), "sex": "F",
        "ssn": "214559081", "address": "41 Orchard Lane", "city": "Eastport", "state": "MA", "zip": "02152",
        "repairs": [], "unreadable": {}, **values,
    }  # fmt: skip
    return {c.name: row.get(c.name) for c in mapped.patient.columns if c.name != "received_date"}


def encounter(record: str, number: int) -> dict[str, Any]:
    row = {
        "encounter_id": f"{number:020d}", "patient_id": record, "source": "s", "hospital_id": "H",
        "encounter_number": str(number), "number_folded": str(number), "mrn": "1", "repairs": [], "unreadable": {},
    }  # fmt: skip
    return {c.name: row.get(c.name) for c in mapped.encounter.columns if c.name != "received_date"}


@pytest.fixture
def registered(database: sa.Engine) -> sa.Engine:
    """One woman under two numbers on two days, her twin, and a stranger."""
    twin = {"first_name": "Eloise", "ssn": None}
    stranger = {
        "last_name": "Okafor", "first_name": "Raj", "birth_date": date(2001, 1, 1), "sex": "M", "ssn": None,
        "address": "9 Far Road", "zip": "78666",
    }  # fmt: skip
    with database.begin() as connection:
        for day, people, visits in (
            (FIRST, [patient(A, "1100"), patient(OTHER, "4400", **stranger)], [encounter(A, 1), encounter(OTHER, 2)]),
            (SECOND, [patient(B, "2200"), patient(TWIN, "3300", **twin)], [encounter(B, 3), encounter(TWIN, 4)]),
        ):
            replace_partition(connection, mapped.patient, day, pd.DataFrame(people, dtype=object))
            replace_partition(connection, mapped.encounter, day, pd.DataFrame(visits, dtype=object))
    return database


def persons(engine: sa.Engine) -> dict[str, str]:
    found = read_frame(engine, sa.select(linkage.person))
    return dict(zip(found["patient_id"], found["person_id"], strict=True))


def test_a_decision_unmerges_and_is_taken_back_and_names_the_days(registered: sa.Engine) -> None:
    assert run_linkage(registered).days == (FIRST, SECOND)
    assert persons(registered) == {A: A, B: A, TWIN: TWIN, OTHER: OTHER}
    assert run_linkage(registered).days == ()

    decide(registered, A, B, "different", "a.clerk", "two women", NOW)
    result = run_linkage(registered)
    assert result.days == (FIRST, SECOND) == days_of_decision(registered, A, B)
    assert persons(registered)[B] == B
    assert result.figures["pairs decided"] == 1

    decide(registered, B, A, "withdrawn", "a.clerk", "was one after all", NOW + timedelta(minutes=1))
    run_linkage(registered)
    assert persons(registered)[B] == A
    assert len(decided_after(registered, "")) == 2
    with registered.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(review.link_decision)).scalar_one() == 2


def test_twins_wait_and_become_one_only_by_a_persons_word(registered: sa.Engine) -> None:
    run_linkage(registered)
    queue = waiting(registered)
    assert {TWIN} <= set(queue["patient_id"]) | set(queue["other_patient_id"])
    assert "twins" in queue["reason"].iloc[0]
    assert "Eloise" not in str(queue.to_dict("records"))
    decide(registered, TWIN, B, "same", "a.clerk", "renamed", NOW)
    run_linkage(registered)
    assert persons(registered) == {A: A, B: A, TWIN: A, OTHER: OTHER}
    assert waiting(registered).empty


def test_decisions_that_contradict_each_other_are_refused(registered: sa.Engine) -> None:
    run_linkage(registered)
    decide(registered, A, B, "different", "a.clerk", "two women", NOW)
    decide(registered, A, TWIN, "same", "a.clerk", "one", NOW + timedelta(minutes=1))
    with pytest.raises(LinkDecisionError, match="undo that one first"):
        decide(registered, TWIN, B, "same", "a.clerk", "one", NOW + timedelta(minutes=2))
    decide(registered, OTHER, TWIN, "same", "a.clerk", "one", NOW + timedelta(minutes=3))
    with pytest.raises(LinkDecisionError, match="through other records"):
        decide(registered, OTHER, A, "different", "a.clerk", "two", NOW + timedelta(minutes=4))


@pytest.mark.parametrize(
    ("one", "other", "outcome", "by", "says"),
    [
        ("0123456789", B, "same", "x", "no patient record"),
        ("ab", B, "same", "x", "no patient_id"),
        (A, A[:8], "same", "x", "same record"),
        (A, B, "withdrawn", "x", "nothing to take back"),
        (A, B, "maybe", "x", "no outcome"),
        (A, B, "same", " ", "name of the person"),
    ],
)
def test_mistakes_say_what_to_do(registered: sa.Engine, one: str, other: str, outcome: str, by: str, says: str) -> None:
    with pytest.raises(LinkDecisionError, match=says):
        decide(registered, one, other, outcome, by, "why", NOW)


def test_two_records_side_by_side(registered: sa.Engine) -> None:
    run_linkage(registered)
    decide(registered, A, TWIN, "different", "a.clerk", "twins", NOW)
    found = compare(registered, TWIN[:7], A[:7])
    assert [r["first_name"] for r in found.records] == ["Margaret", "Eloise"]
    assert list(found.decisions["outcome"]) == ["different"]


def test_the_command_line_lists_shows_and_undoes(registered: sa.Engine) -> None:
    from medcode_assets.commands.linking import link_app

    run_linkage(registered)
    run = CliRunner().invoke
    listed = run(link_app, ["list"])
    assert listed.exit_code == 0, listed.output
    assert TWIN in listed.output
    assert "Abernathy" not in listed.output
    shown = run(link_app, ["show", A, TWIN])
    assert "Eloise" in shown.output
    assert "different" in shown.output
    undone = run(link_app, ["different", A, B, "--by", "a.clerk", "--note", "two women"])
    assert f"medcode run --from {FIRST} --to {FIRST}" in undone.output
    assert persons(registered)[B] == B
    assert run(link_app, ["undo", A, B, "--by", "a.clerk", "--note", "no"]).exit_code == 0
    assert persons(registered)[B] == A
