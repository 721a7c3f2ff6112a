"""Which days runs are asked for: one run of a day at a time, a failed one again, and none for ever."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Literal

from medcode_ml.streaming.lag import MOST_TRIES, PAUSE, DaysWanted, EndedRun, KnownRuns, days_from_cursor, days_wanted

DAY, NOON = date(2026, 11, 20), datetime(2026, 11, 22, 12, tzinfo=UTC)
NOTHING = KnownRuns([], {})


def _look(
    cursor: str | None, landed: set[date], end: int, runs: KnownRuns = NOTHING, now: datetime = NOON, most: int = 7
) -> DaysWanted:
    return days_wanted(days_from_cursor(cursor), landed, {"t/0": end}, runs, now, most)


def _ended(key: str, how: Literal["succeeded", "failed", "cancelled"], at: datetime = NOON) -> KnownRuns:
    return KnownRuns([], {key: EndedRun(how, at)})


def test_a_day_whose_run_succeeded_is_not_asked_for_again() -> None:
    first = _look(None, {DAY}, 1)
    ((key, day),) = first.days
    assert day == DAY
    later = _look(first.cursor, set(), 1, _ended(key, "succeeded"), NOON + 2 * PAUSE)
    assert (later.days, later.given_up) == ([], [])
    assert not days_from_cursor(later.cursor).asked


def test_while_a_run_of_the_day_is_in_hand_none_is_asked_for_and_its_new_rows_wait() -> None:
    """A steady stream asked for the whole lineage of the same day every minute: runs piled up behind each other."""
    first = _look(None, {DAY}, 1)
    week = KnownRuns([(DAY - timedelta(days=6), DAY)], {})
    waiting = _look(first.cursor, {DAY, DAY + timedelta(days=1)}, 5, week, NOON + timedelta(minutes=1))
    assert [day for _, day in waiting.days] == [DAY + timedelta(days=1)], "another day need not wait"
    quiet = _look(waiting.cursor, set(), 5, week, NOON + timedelta(hours=3))
    assert DAY not in [day for _, day in quiet.days]
    after = _look(waiting.cursor, set(), 5, _ended(first.days[0][0], "succeeded"), NOON + timedelta(minutes=2))
    assert [day for _, day in after.days] == [DAY]
    assert after.days[0][0] != first.days[0][0], "the same run key would be skipped as done"


def test_a_day_whose_run_failed_is_asked_for_again_after_a_pause_some_times_then_it_is_said() -> None:
    """A failed run left its rows unread until another message of that day came."""
    look, now, keys = _look(None, {DAY}, 1), NOON, []
    while look.days:
        ((key, _),) = look.days
        keys.append(key)
        failed = _ended(key, "failed", now)
        early = _look(look.cursor, set(), 1, failed, now + PAUSE / 2)
        assert (early.days, early.given_up) == ([], [])
        now += PAUSE
        look = _look(early.cursor, set(), 1, failed, now)
    assert look.given_up == [DAY]
    assert len(set(keys)) == len(keys) == MOST_TRIES
    quiet = _look(look.cursor, set(), 1, NOTHING, now + timedelta(days=1))
    assert (quiet.days, quiet.given_up) == ([], [])
    assert [day for _, day in _look(quiet.cursor, {DAY}, 2, NOTHING, now + timedelta(days=1)).days] == [DAY]


def test_a_run_that_never_began_counts_as_failed() -> None:
    first = _look(None, {DAY}, 1)
    assert _look(first.cursor, set(), 1, now=NOON + PAUSE / 2).days == []
    assert [day for _, day in _look(first.cursor, set(), 1, now=NOON + PAUSE).days] == [DAY]


def test_a_run_that_a_person_cancelled_is_not_asked_for_again() -> None:
    first = _look(None, {DAY}, 1)
    later = _look(first.cursor, set(), 1, _ended(first.days[0][0], "cancelled"), NOON + 2 * PAUSE)
    assert (later.days, later.given_up) == ([], [DAY])


def test_failed_days_do_not_push_out_what_waits() -> None:
    """Days are handed out oldest first; those that are not handed out are neither lost nor asked for twice."""
    days = {DAY - timedelta(days=n) for n in range(5)}
    look = _look(None, days, 1, most=2)
    asked = [day for _, day in look.days]
    while look.days:
        done = KnownRuns([], {key: EndedRun("succeeded", NOON) for key, _ in look.days})
        look = _look(look.cursor, set(), 1, done, most=2)
        asked += [day for _, day in look.days]
    assert asked == sorted(days)


def test_a_cursor_of_before_is_read() -> None:
    old = '{"offsets":{"t/0":4},"waiting":["2026-11-20"]}'
    assert [day for _, day in _look(old, set(), 4).days] == [DAY]
