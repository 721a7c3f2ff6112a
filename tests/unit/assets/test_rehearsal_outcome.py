"""What a rehearsal makes of a timeline: whether the loop closed, where it stopped, what was won back, the picture."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from medcode_assets.rehearsal.outcome import outcome_of
from medcode_assets.rehearsal.plan import NONE, Plan
from medcode_assets.timeline_picture import timeline_picture
from medcode_ml.drift.sketch import Moments
from medcode_ml.drift.timeline import (
    ALARM,
    ASKED,
    COLUMNS,
    IN_USE,
    REFUSED,
    SHADOWED,
    TRAINED,
    Event,
    Realised,
    Timeline,
    with_events,
    won_back,
)

PLAN = Plan(days_before=20, quiet=3, days_after=8)
SHIFT = PLAN.shift_day
NEW = SHIFT + timedelta(days=5)


def _counts(f1: float, encounters: int = 40, codes: int = 10) -> Moments:
    """A day of encounters with `codes` accepted and labelled codes each, of which the share `f1` is right."""
    rng = np.random.default_rng(1)
    right = rng.binomial(codes, f1, encounters)
    rows = np.column_stack([right, np.full(encounters, codes), np.full(encounters, codes), np.zeros(encounters)])
    return Moments.of(rows)


def _timeline(*events: Event, new: date | None = NEW) -> Timeline:
    days = list(PLAN.nights)
    version = ["coding-2-bbbbbbbb" if new is not None and d >= new else "coding-1-aaaaaaaa" for d in days]
    f1 = {d: 0.8 if d < SHIFT else 0.5 if new is None or d < new else 0.77 for d in days}
    frame = pd.DataFrame({"day": days, "version": version, "encounters": 40})
    frame["auto_share"] = [0.0 if SHIFT < d < NEW else 0.4 for d in days]
    frame["suspended_share"] = [0.3 if SHIFT < d < NEW else 0.0 for d in days]
    for name in ("estimated", "realised"):
        for end, off in (("", 0.0), ("_low", -0.05), ("_high", 0.05)):
            frame[f"{name}{end}"] = [f1[d] + off for d in days]
    worked = [Event(days[0], IN_USE, version[0])] + ([] if new is None else [Event(new, IN_USE, version[-1])])
    return with_events(Timeline(frame[list(COLUMNS)], (), {d: _counts(f1[d]) for d in days}), [*worked, *events])


RAISED = Event(SHIFT, ALARM, "coding-1-aaaaaaaa", "3 metrics have shifted")
STEPS = (
    RAISED,
    Event(SHIFT + timedelta(days=3), ASKED, ""),
    Event(SHIFT + timedelta(days=3), TRAINED, "coding-2-bbbbbbbb"),
    Event(SHIFT + timedelta(days=4), SHADOWED, "coding-2-bbbbbbbb"),
)


def test_a_loop_that_closed_is_told_in_days_of_data_and_in_what_was_won_back() -> None:
    found = outcome_of(_timeline(*STEPS), PLAN)
    assert found.open == ""
    assert (found.detected, found.asked, found.replaced, found.requests, found.alarms) == (1, 4, 6, 1, 1)
    assert found.before is not None
    assert found.before.encounters == 3 * 40
    assert found.shifted is not None
    assert found.shifted.encounters == 5 * 40
    assert found.after is not None
    assert found.after.encounters == 3 * 40
    rows = dict(found.rows())
    assert rows["won back of what was lost"].startswith(("8", "9")), rows


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ((), "no alarm was raised within 8 days"),
        ((replace(RAISED, day=SHIFT - timedelta(days=1)),), "before the shift"),
        (STEPS[:1], "no retraining was asked for"),
        (STEPS[:2], "no model came of it"),
        (STEPS[:3], "none passed its gates"),
        (STEPS, "runs in shadow since"),
    ],
)
def test_a_loop_that_stays_open_says_where_it_stopped(events: tuple[Event, ...], said: str) -> None:
    assert said in outcome_of(_timeline(*events, new=None), PLAN).open


def test_a_champion_that_has_not_worked_yet_asks_for_more_days() -> None:
    promoted = replace(_timeline(*STEPS, new=None), champion="coding-2-bbbbbbbb")
    assert "more --days-after" in outcome_of(promoted, PLAN).open


def test_in_a_world_that_does_not_change_an_alarm_or_another_model_is_a_fault() -> None:
    quiet = replace(PLAN, shift=NONE)
    assert outcome_of(_timeline(new=None), quiet).open == ""
    assert "an alarm was raised" in outcome_of(_timeline(RAISED, new=None), quiet).open
    assert "was replaced" in outcome_of(_timeline(), quiet).open
    assert dict(outcome_of(_timeline(new=None), quiet).rows())["days of data until the alarm"] == "none"


def test_what_is_won_back_has_an_interval_and_nothing_lost_has_no_share() -> None:
    share, low, high = won_back(Realised(0.8, 0.01, 100), Realised(0.6, 0.01, 100), Realised(0.76, 0.01, 100))
    assert share == pytest.approx(0.8)
    assert 0.6 < low < share < high < 1.0
    nothing = won_back(Realised(0.8, 0.01, 100), Realised(0.81, 0.01, 100), Realised(0.8, 0.01, 100))
    assert all(value != value for value in nothing)


def test_the_picture_is_drawn_of_any_timeline_and_the_same_one_is_the_same_file() -> None:
    refused = Event(NEW, REFUSED, "coding-3-cccccccc", "14 days in shadow")
    shadowed = Event(NEW, SHADOWED, "coding-3-cccccccc")
    whole = _timeline(*STEPS, shadowed, refused)
    drawn = timeline_picture(whole, "synthetic", SHIFT, "note style")
    assert drawn.startswith(b"\x89PNG")
    assert drawn == timeline_picture(whole, "synthetic", SHIFT, "note style")
    bare = _timeline(new=None).days.iloc[:1].copy()
    bare[[c for c in COLUMNS if c.startswith(("estimated", "realised"))]] = np.nan
    assert timeline_picture(Timeline(bare, (), {}), "one day").startswith(b"\x89PNG")
