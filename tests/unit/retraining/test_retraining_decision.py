"""The decision to retrain: only on a standing alarm with labels behind it, and never a storm."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medcode_ml.retraining.decision import (
    Asked,
    AskedError,
    Evidence,
    Policy,
    Retraining,
    asked_from_json,
    asked_to_json,
    should_retrain,
    still_counting,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
POLICY = Policy(("coding", "ranking", "amounts"), 150, 180, timedelta(hours=24), 2)
DRIFT = Evidence(
    "coding", "coding-1", date(2026, 11, 1), ("a1",), 200, date(2026, 11, 5), None, (NOW - timedelta(days=30),)
)


def test_an_alarm_with_labels_behind_it_retrains_and_says_why() -> None:
    found = should_retrain(DRIFT, POLICY, [], NOW)
    assert found.retraining == Retraining(
        "coding coding-1 2026-11-01 2026-11-05", date(2026, 11, 5) - timedelta(days=179), date(2026, 11, 1),
        date(2026, 11, 5),
    )  # fmt: skip
    assert "a1" in found.reason
    assert "200" in found.reason


def test_the_window_takes_in_the_whole_change_however_old_it_is() -> None:
    old = replace(DRIFT, changed_since=date(2026, 1, 1))
    found = should_retrain(old, POLICY, [], NOW).retraining
    assert found is not None
    assert found.since == date(2026, 1, 1)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"changed_since": None, "alarms": ()}, "no drift alarm"),
        ({"last_day": None}, "no drift alarm"),
        ({"labelled": 149}, "149 labelled"),
        ({"in_shadow": "coding-2"}, "coding-2 runs in shadow"),
        ({"running": True}, "in hand"),
        ({"trained": (NOW - timedelta(hours=23),)}, "cool-down"),
    ],
)
def test_what_is_missing_is_said(change: dict[str, object], why: str) -> None:
    found = should_retrain(replace(DRIFT, **change), POLICY, [], NOW)
    assert found.retraining is None
    assert why in found.reason


def test_a_kind_that_the_hospital_keeps_to_people_is_left_to_them() -> None:
    found = should_retrain(DRIFT, replace(POLICY, kinds=("ranking",)), [], NOW)
    assert found.retraining is None
    assert "MEDCODE_RETRAIN_KINDS" in found.reason


def test_labels_alone_never_retrain() -> None:
    """Coders' clicks do not ask for a model: without an alarm a million of them change nothing."""
    quiet = Evidence("coding", "coding-1", labelled=1_000_000, last_day=date(2026, 11, 5))
    assert should_retrain(quiet, POLICY, [], NOW).retraining is None


def test_a_thousand_quiet_evaluations_ask_for_nothing() -> None:
    for n in range(1000):
        quiet = Evidence("coding", "coding-1", labelled=500, last_day=date(2024, 1, 1) + timedelta(days=n))
        assert should_retrain(quiet, POLICY, [], NOW + timedelta(days=n)).retraining is None


@given(
    st.lists(
        st.tuples(
            st.floats(0, 30),  # hours since the look before
            st.sampled_from(["coding", "ranking", "amounts"]),
            st.integers(0, 400),  # days until the newest received day: late days come in, and go back again
            st.sampled_from(["v1", "v2", "v3"]),
            st.integers(0, 400),
        ),
        max_size=300,
    ),
    st.integers(0, 4),
    st.floats(0.5, 72),
)
@settings(max_examples=60, deadline=None)
def test_whatever_the_tables_say_there_is_no_storm(
    looks: list[tuple[float, str, int, str, int]], a_day: int, cooldown: float
) -> None:
    """Guards the cool-down and the budget: no order of alarms, labels, days and versions gets round them."""
    policy = replace(POLICY, a_day=a_day, cooldown=timedelta(hours=cooldown))
    now, kept, runs = NOW, "", []
    for hours, kind, days, version, labelled in looks:
        now += timedelta(hours=hours)
        asked = asked_from_json(kept)
        evidence = Evidence(kind, version, date(2026, 1, 1), ("a",), labelled, date(2026, 1, 1) + timedelta(days=days))
        found = should_retrain(evidence, policy, asked, now)
        if found.retraining:
            asked.append(Asked(kind, now, found.retraining.run_key))
            runs.append(asked[-1])
        kept = asked_to_json(still_counting(asked, policy, now))
    for one in runs:
        within = [other for other in runs if timedelta(0) <= one.at - other.at < timedelta(hours=24)]
        assert len(within) <= a_day
        alike = [other for other in runs if other.kind == one.kind and other is not one]
        assert all(abs(one.at - other.at) >= policy.cooldown for other in alike)


def test_what_was_asked_for_comes_back_as_it_was() -> None:
    asked = [Asked("coding", NOW, "coding v 2026-11-01 2026-11-05")]
    assert asked_from_json(asked_to_json(asked)) == asked
    assert asked_from_json(None) == asked_from_json("") == []


@pytest.mark.parametrize(
    "text", ["{", "[1]", '[{"kind": "coding"}]', '{"kind": 1}', '[{"kind":"a","at":"x","run_key":""}]']
)
def test_a_cursor_that_cannot_be_read_is_no_empty_one(text: str) -> None:
    """Otherwise the budget of the day would be forgotten without a word."""
    with pytest.raises(AskedError, match="cursor"):
        asked_from_json(text)
