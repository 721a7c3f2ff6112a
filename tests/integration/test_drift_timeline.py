"""The timeline of the coding model: what the tables say of a change, on the axis of received days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from support.rows import insert_rows

from medcode_ml.contracts import coded, drift, ml
from medcode_ml.drift.figures import REALISED
from medcode_ml.drift.sketch import Moments
from medcode_ml.drift.timeline import (
    ALARM,
    ASKED,
    IN_USE,
    REFUSED,
    SHADOWED,
    TRAINED,
    Event,
    coding_timeline,
    with_events,
)
from medcode_ml.store.drift_alarms import SUSPENDED

FIRST = date(2026, 10, 5)
OLD, NEW, GONE = "coding-20261001-aaaaaaaa", "coding-20261008-bbbbbbbb", "coding-20261007-cccccccc"


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


@pytest.fixture
def filled(database: sa.Engine) -> sa.Engine:
    """Six days: an alarm on day 1 about the old model, its auto band suspended on 2 and 3, the new one from 4 on."""
    for number in range(6):
        version = OLD if number < 4 else NEW
        for encounter in ("one", "two"):
            of = {"received_date": day(number), "encounter_id": encounter}
            insert_rows(database, coded.encounter, {**of, "model_version": version})
            codes = [("auto", "sure")] if number not in (2, 3) else [("review", f"sure; {SUSPENDED}: drift alarm x")]
            for place, (band, reason) in enumerate([*codes, ("review", "not sure")]):
                insert_rows(
                    database, coded.encounter_code,
                    {**of, "code": f"I10.{place}", "band": band, "accepted": True, "reason": reason},
                )  # fmt: skip
            insert_rows(database, coded.encounter_code, {**of, "code": "Z99", "band": "drop", "accepted": False})
        if number:
            _measured(database, day(number), version, 0.9 if number in (1, 5) else 0.6)
    raised = {"kind": "coding", "event": "raised", "version": OLD, "hospital_id": "all"}
    insert_rows(database, drift.drift_alarm, {**raised, "alarm_id": "x", "day": day(1), "reason": "words have shifted"})
    # of another kind: none of this timeline
    insert_rows(database, drift.drift_alarm, {**raised, "alarm_id": "y", "day": day(2), "kind": "ranking"})
    for version, learned, why in ((OLD, FIRST, None), (GONE, day(2), "drift"), (NEW, day(3), "drift since")):
        insert_rows(database, ml.model, {"version": version, "kind": "coding", "last_day": learned, "reason": why})
    moves = [
        (OLD, "champion"),
        (GONE, "shadow"),
        (GONE, "retired"),
        (NEW, "shadow"),
        (OLD, "retired"),
        (NEW, "champion"),
    ]
    for number, (version, stage) in enumerate(moves, 1):
        row = {"kind": "coding", "number": number, "version": version, "stage": stage, "why": f"move {number}"}
        insert_rows(database, ml.model_stage, {**row, "at": datetime(2026, 11, 20, number, tzinfo=UTC)})
    for version, number in ((GONE, 2), (GONE, 3), (NEW, 3)):
        insert_rows(
            database, ml.shadow_figure,
            {"received_date": day(number), "kind": "coding", "shadow": version, "figure": "drg_shift"},
        )  # fmt: skip
    return database


def _measured(database: sa.Engine, received: date, version: str, f1: float) -> None:
    reference = f"reference of {version}"
    with database.begin() as connection:
        known = connection.execute(
            sa.select(drift.drift_reference.c.reference_id).where(drift.drift_reference.c.reference_id == reference)
        ).first()
    if known is None:
        insert_rows(database, drift.drift_reference, {"reference_id": reference, "kind": "coding", "version": version})
    of = {"received_date": received, "reference_id": reference, "hospital_id": "all", "document_type": "all"}
    right = np.array([10 * f1, 10 * f1])
    rows = np.column_stack([right, np.full(2, 10.0), np.full(2, 10.0), np.zeros(2)])
    insert_rows(database, drift.drift_sketch, {**of, "metric": REALISED, "n": 2, "sketch": Moments.of(rows).to_json()})
    for metric, window, value in (("realised_micro_f1", 1, f1), ("estimated_micro_f1", 1, f1 + 0.02),
                                  ("realised_micro_f1", 3, 0.1)):  # fmt: skip
        insert_rows(
            database, drift.drift_metric,
            {**of, "kind": "coding", "metric": metric, "window_days": window, "value": value, "low": value - 0.1,
             "high": value + 0.1},
        )  # fmt: skip


def test_a_day_says_what_coded_it_how_well_and_how_much_went_through_unseen(filled: sa.Engine) -> None:
    days = coding_timeline(filled).days.set_index("day")
    assert list(days["version"]) == [OLD] * 4 + [NEW] * 2
    assert list(days["auto_share"]) == [0.5, 0.5, 0.0, 0.0, 0.5, 0.5]
    assert list(days["suspended_share"]) == [0.0, 0.0, 0.5, 0.5, 0.0, 0.0]
    assert np.isnan(days.loc[FIRST, "realised"])
    assert days.loc[day(1), "realised"] == pytest.approx(0.9), "the window of one day, not that of three"
    assert days.loc[day(1), "estimated_low"] == pytest.approx(0.82)


def test_what_was_done_stands_on_the_received_day_it_belongs_to(filled: sa.Engine) -> None:
    """The clock of the moves is that of the machine: a backlog that is worked off in a night has many days in it."""
    found = [(event.day, event.what, event.version) for event in coding_timeline(filled).events]
    assert found == [
        (FIRST, IN_USE, OLD),
        (FIRST, TRAINED, OLD),
        (day(1), ALARM, OLD),
        (day(2), TRAINED, GONE),
        (day(2), SHADOWED, GONE),
        (day(3), TRAINED, NEW),
        (day(3), SHADOWED, NEW),
        (day(3), REFUSED, GONE),
        (day(4), IN_USE, NEW),
    ]
    (alarm,) = coding_timeline(filled).of(ALARM)
    assert alarm.said == "words have shifted"


def test_days_together_are_weighed_by_their_encounters_and_unmeasured_ones_are_left_out(filled: sa.Engine) -> None:
    timeline = coding_timeline(filled)
    together = timeline.realised([FIRST, day(1), day(2)])
    assert together is not None
    assert together.value == pytest.approx(0.75)
    assert together.encounters == 4
    assert timeline.realised([FIRST]) is None


def test_only_the_days_that_are_asked_for_are_told(filled: sa.Engine) -> None:
    timeline = coding_timeline(filled, day(2), day(3))
    assert list(timeline.days["day"]) == [day(2), day(3)]
    assert {event.day for event in timeline.events} == {day(2), day(3)}
    assert set(timeline.counts) == {day(2), day(3)}
    assert timeline.champion == NEW, "in use now, whichever days are told"
    asked = with_events(timeline, [Event(day(2), ASKED, "", "run 1")])
    assert [event.what for event in asked.events][:2] == [IN_USE, ASKED]


def test_an_empty_database_has_an_empty_timeline(database: sa.Engine) -> None:
    timeline = coding_timeline(database)
    assert timeline.days.empty
    assert timeline.events == ()


def test_the_command_prints_and_draws_it(
    filled: sa.Engine, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    import dagster as dg
    from typer.testing import CliRunner

    from medcode_assets.commands import timeline as commands
    from medcode_assets.commands.models import model_app

    folder = tmp_path_factory.mktemp("timeline")
    monkeypatch.setattr(commands, "prepared_engine", lambda: filled)
    monkeypatch.setenv("COLUMNS", "200")
    if "timeline" not in {command.name for command in model_app.registered_commands}:
        model_app.command("timeline")(commands.timeline)
    with dg.instance_for_test(temp_dir=str(folder)):
        shown = CliRunner().invoke(
            model_app, ["timeline", "--from", day(1).isoformat(), "--picture", str(folder / "drawn.png")]
        )
    assert shown.exit_code == 0, shown.output
    assert "words have shifted" in shown.output
    assert (folder / "drawn.png").read_bytes().startswith(b"\x89PNG")
