"""What a new decision sets going: each changed day once, and never twice for one decision."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd

from medcode_assets.commands.linking import ranges
from medcode_ml.mapping.linkage.clusters import Pair
from medcode_ml.mapping.linkage.decisions import Decided, Runs, runs_for
from medcode_ml.mapping.linkage.stage import changed_records

NOON = datetime(2026, 10, 9, 12, tzinfo=UTC)
DAYS = {("a", "b"): [date(2026, 10, 1), date(2026, 10, 3)], ("c", "d"): [date(2026, 10, 3)], ("e", "f"): []}


def made(number: int, pair: Pair) -> Decided:
    return Decided(f"d{number}", NOON + timedelta(minutes=number), pair)


def runs(decided: list[Decided], mark: str = "") -> Runs:
    return runs_for(decided, mark, lambda pair: DAYS[pair])


def test_no_decision_runs_nothing_and_keeps_the_mark() -> None:
    assert runs([], "somewhere") == Runs((), "somewhere")


def test_each_day_runs_once_under_the_newest_decision() -> None:
    found = runs([made(2, ("c", "d")), made(1, ("a", "b"))])
    assert found.days == (("d1:2026-10-01", date(2026, 10, 1)), ("d2:2026-10-03", date(2026, 10, 3)))
    assert found.mark == made(2, ("c", "d")).mark


def test_decisions_up_to_the_mark_are_done_with() -> None:
    first, second = made(1, ("a", "b")), made(2, ("c", "d"))
    again = runs([first, second], first.mark)
    assert [day for _, day in again.days] == [date(2026, 10, 3)]
    assert runs([first, second], second.mark).days == ()


def test_a_decision_that_changes_no_day_moves_the_mark() -> None:
    only = made(5, ("e", "f"))
    assert runs([only]) == Runs((), only.mark)


def test_days_become_ranges_for_the_command_that_is_printed() -> None:
    days = [date(2026, 9, 30), date(2026, 10, 1), date(2026, 10, 3)]
    assert ranges(days) == [(date(2026, 9, 30), date(2026, 10, 1)), (date(2026, 10, 3), date(2026, 10, 3))]
    assert ranges([]) == []


def person(**groups: str) -> pd.DataFrame:
    rows = list(groups.items())
    frame = pd.DataFrame(rows, columns=["patient_id", "person_id"], dtype=object)
    return frame.assign(record_count=frame.groupby("person_id")["patient_id"].transform("size"))


def test_records_whose_person_is_made_of_others_are_told() -> None:
    before = person(a="a", b="a", c="c", d="d")
    assert changed_records(before, before) == set()
    assert changed_records(before, person(a="a", b="b", c="c", d="d")) == {"a", "b"}
    assert changed_records(before, person(a="a", b="a", c="a", d="d")) == {"a", "b", "c"}
    # new records alone change nobody; one that joins an old record changes both
    assert changed_records(before, person(a="a", b="a", c="c", d="d", e="e")) == set()
    assert changed_records(before, person(a="a", b="a", c="c", d="d", e="d")) == {"d", "e"}
    assert changed_records(person(), person(a="a", b="a", c="c")) == {"a", "b"}
