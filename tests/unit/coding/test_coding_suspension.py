"""A standing drift alarm sends the auto band to review, and nothing else of a code is another; nothing goes unsaid."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from medcode_ml.coding.suspension import (
    ANSWERED,
    UNREAD,
    Alarm,
    AlarmWatch,
    Suspension,
    held_codes,
    suspend,
    suspend_answer,
)
from medcode_ml.models.bands import AUTO, DROP, REVIEW
from medcode_ml.store.drift_alarms import ALL_HOSPITALS, SUSPENDED

DAY = date(2026, 11, 20)
HARB, EVERY = Alarm("a1", DAY, "HARB"), Alarm("a2", DAY, ALL_HOSPITALS)
RANK = {DROP: 0, REVIEW: 1, AUTO: 2}
HOSPITALS = {"e1": "HARB", "e2": "LAKE", "e3": None}


def frame(rows: list[tuple[str, str, str]]) -> pd.DataFrame:
    made = pd.DataFrame(rows, columns=["encounter_id", "band", "reason"], dtype=object)
    return made.assign(code=[f"I{n}" for n in range(len(made))], score=0.97, accepted=True)


rows_of_codes = st.lists(
    st.tuples(st.sampled_from(sorted(HOSPITALS)), st.sampled_from(sorted(RANK)), st.sampled_from(["", "named twice"]))
)


@given(rows_of_codes, st.lists(st.sampled_from([HARB, EVERY, Alarm("a3", DAY, "LAKE"), UNREAD]), max_size=3))
def test_under_an_alarm_no_band_is_auto_or_lower_than_it_was_and_all_else_stays(
    rows: list[tuple[str, str, str]], alarms: list[Alarm]
) -> None:
    codes, suspension = frame(rows), Suspension("coding-1", tuple(alarms))
    before = codes.copy()
    found = suspend(codes, HOSPITALS, suspension)
    pd.testing.assert_frame_equal(codes, before)
    concerned = codes["encounter_id"].map(lambda e: suspension.alarm_for(HOSPITALS[e]) is not None).astype(bool)
    changed = found["band"] != codes["band"]
    assert list(changed) == list(concerned & (codes["band"] == AUTO))
    assert not (found.loc[concerned, "band"] == AUTO).any()
    assert all(RANK[new] >= min(RANK[old], RANK[REVIEW]) for new, old in zip(found["band"], codes["band"], strict=True))
    assert list(held_codes(found)) == list(changed)
    rest = ["encounter_id", "code", "score", "accepted"]
    pd.testing.assert_frame_equal(found[rest], codes[rest])
    pd.testing.assert_series_equal(found.loc[~changed, "reason"], codes.loc[~changed, "reason"])


def test_the_reason_names_the_alarm_and_its_day_and_keeps_what_was_said() -> None:
    found = suspend(
        frame([("e1", AUTO, "the model gives it 97%"), ("e1", AUTO, "")]), HOSPITALS, Suspension("v", (HARB,))
    )
    assert list(found["reason"]) == [
        "the model gives it 97%; auto band suspended: drift alarm a1 of 2026-11-20",
        "auto band suspended: drift alarm a1 of 2026-11-20",
    ]


@pytest.mark.parametrize(("encounter", "held"), [("e1", True), ("e2", False), ("e3", True)])
def test_an_alarm_of_one_hospital_concerns_it_alone_and_whoever_names_none(encounter: str, held: bool) -> None:
    found = suspend(frame([(encounter, AUTO, "")]), HOSPITALS, Suspension("v", (HARB,)))
    assert list(found["band"]) == [REVIEW if held else AUTO]


def test_the_oldest_alarm_that_concerns_a_hospital_is_named() -> None:
    suspension = Suspension("v", (HARB, EVERY))
    assert suspension.alarm_for("HARB") is HARB
    assert suspension.alarm_for("LAKE") is EVERY


def test_without_an_alarm_the_very_same_frame_and_answer_come_back() -> None:
    codes, answer = frame([("e1", AUTO, "")]), {"codes": [{"code": "I10", "band": AUTO}]}
    assert suspend(codes, HOSPITALS, Suspension("v")) is codes
    for nothing in (None, Suspension("v"), Suspension("v", (HARB,))):
        assert suspend_answer(answer, {"hospital_id": "LAKE"}, nothing) is answer


def test_an_answer_says_which_alarm_sent_its_codes_to_review() -> None:
    codes = [{"code": "I10", "band": AUTO, "score": 0.99}, {"code": "J18.9", "band": DROP, "score": 0.1}]
    answer = {"record_id": "N1", "codes": codes}
    for record in ({}, {"hospital_id": "HARB"}, {"provider": {"hospital_id": "HARB"}}):
        found = suspend_answer(answer, record, Suspension("v", (HARB,)))
        assert [c["band"] for c in found["codes"]] == [REVIEW, DROP]
        assert found[ANSWERED]["alarm_id"] == "a1"
        assert found[ANSWERED]["day"] == "2026-11-20"
    assert [c["band"] for c in codes] == [AUTO, DROP], "the model's own answer is not written over"


def test_where_no_alarm_could_ever_be_read_the_auto_band_is_suspended() -> None:
    """A process that starts while the database is away does not know that the auto band may be used."""
    away = sa.create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none", connect_args={"connect_timeout": 1})
    watch = AlarmWatch()
    assert watch.look(away, "coding-1").alarms == (UNREAD,)
    since = watch.unread_since
    assert since is not None
    assert SUSPENDED in UNREAD.reason
    assert watch.look(away, "coding-1").alarms == (UNREAD,)
    assert watch.unread_since == since, "since when it is not known, not when it was looked for last"


def test_while_the_database_is_away_the_last_that_was_read_holds() -> None:
    away = sa.create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none", connect_args={"connect_timeout": 1})
    for known in (Suspension("coding-1"), Suspension("coding-1", (HARB,))):
        watch = AlarmWatch(last=known)
        assert watch.look(away, "coding-1") == known
        assert watch.unread_since is not None
        assert watch.look(away, "coding-2").alarms == (UNREAD,), "nothing was ever read of another version"
