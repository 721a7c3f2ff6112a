"""The rehearsal: its plan and folder, the night it asks for, and waiting for the daemon."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    TickData,
    TickStatus,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from medcode_assets.rehearsal.daemon import end_left_behind
from medcode_assets.rehearsal.drive import check_night, close_cut_runs, standing_sensors
from medcode_assets.rehearsal.idle import state_of, wait_until_idle
from medcode_assets.rehearsal.nights import nightly_request
from medcode_assets.rehearsal.place import Place
from medcode_assets.rehearsal.plan import CODE_RELEASE, NONE, SHIFTS, Plan, RehearsalError
from medcode_ml.codes.release import release_on
from medcode_ml.settings import settings

# --- the plan ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", SHIFTS)
def test_nothing_but_the_shift_changes_on_its_day(shift: str) -> None:
    """A new code set release is a trigger by itself: only the rehearsal of one may hold two of them."""
    plan = Plan(shift, scans=12 if shift == "scanner" else 0)
    slowest, quickest = timedelta(days=5), timedelta(days=2)
    before = {release_on(plan.first_day - slowest).name, release_on(plan.shift_day - quickest - timedelta(days=1)).name}
    after = release_on(plan.last_day - quickest).name
    assert len(before) == 1
    assert (after not in before) == (shift == CODE_RELEASE)
    if shift == CODE_RELEASE:
        assert release_on(plan.shift_day - quickest).start == plan.shift_day - quickest
    config = plan.network()
    assert config.first_day == plan.first_day
    assert config.last_day >= plan.last_day
    switches = (config.note_style_day, config.disease_wave, config.scanner_day, config.code_release_shift_day)
    assert sum(one is not None for one in switches) == (shift != NONE)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"shift": "weather"}, "choose one of note_style"),
        ({"quiet": 0}, "at least one"),
        ({"quiet": 30}, "fewer than all"),
        ({"days_after": 0}, "at least one"),
        ({"scans": 41}, "from 0 to 40"),
        ({"shift": "scanner"}, "--scans"),
        ({"a_day": 5}, "--a-day"),
        ({"days_before": 100}, "older code set release"),
        ({"days_after": 100}, "end there"),
    ],
)
def test_a_plan_that_cannot_be_held_says_what_to_change(given: dict[str, object], said: str) -> None:
    with pytest.raises(RehearsalError, match=said):
        Plan(**given)  # type: ignore[arg-type]


def test_the_nights_follow_what_the_first_champion_was_taught_without_a_gap() -> None:
    plan = Plan(days_before=20, quiet=4, days_after=3, a_day=40)
    assert plan.nights[0] == plan.learned_until + timedelta(days=1)
    assert plan.nights[-1] == plan.last_day
    assert sum(day < plan.shift_day for day in plan.nights) == 4
    assert sum(day >= plan.shift_day for day in plan.nights) == 3


# --- its folder -------------------------------------------------------------------------------------------------------


def test_the_home_in_use_and_foreign_folders_are_never_touched(tmp_path: Path) -> None:
    used, other = tmp_path / "used", tmp_path / "other"
    used.mkdir()
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    for folder in (used, used / "rehearsal", tmp_path):
        with pytest.raises(RehearsalError, match="in use"):
            Place(folder).enter(Plan(), used)
    with pytest.raises(RehearsalError, match="not empty and no rehearsal"):
        Place(other).enter(Plan(), used)
    assert [path.name for path in other.iterdir()] == ["notes.txt"]
    assert not list(used.iterdir())


def test_a_rehearsal_is_taken_up_with_the_same_options_alone(tmp_path: Path) -> None:
    place, used = Place(tmp_path / "drill"), tmp_path / "used"
    plan = Plan(parameters={"use_network": False})
    assert place.enter(plan, used) is False
    place.done("history")
    again = Place(tmp_path / "drill")
    assert again.enter(plan, used) is True
    assert again.is_done("history")
    assert not again.is_done("champion")
    for other in (replace(plan, seed=8), replace(plan, days_after=13), replace(plan, days_after=40)):
        with pytest.raises(RehearsalError, match="other options"):
            again.enter(other, used)
    assert again.enter(replace(plan, days_after=20), used) is True
    assert Plan.from_json((place.folder / "rehearsal.json").read_text()).days_after == 20
    (place.folder / "rehearsal.json").write_text("{")
    with pytest.raises(RehearsalError, match="cannot be read"):
        again.enter(plan, used)


def test_no_setting_of_the_work_at_hand_stays(tmp_path: Path) -> None:
    """A database, a broker or an MLflow server that is in use would be written to."""
    inherited = {
        "PATH": "/bin", "MEDCODE_DATABASE_URL": "postgresql://in.use/medcode", "MEDCODE_KAFKA_BOOTSTRAP": "in.use:9092",
        "MLFLOW_TRACKING_URI": "http://in.use", "DAGSTER_HOME": "/in/use", "MEDCODE_POSTGRES_USER": "nobody",
    }  # fmt: skip
    place = Place(tmp_path / "drill")
    found = place.environment(Plan(), inherited)
    assert not [value for value in found.values() if "in.use" in value or "/in/use" in value]
    assert (found["PATH"], found["MEDCODE_POSTGRES_USER"]) == ("/bin", "nobody")
    assert found["MEDCODE_HOME"] == str(place.home)
    fields = set(type(settings()).model_fields)
    assert {name.removeprefix("MEDCODE_").lower() for name in found if name.startswith("MEDCODE_")} <= fields


def test_a_delivery_arrives_whole_and_what_was_cut_is_no_delivery(tmp_path: Path) -> None:
    place, day = Place(tmp_path / "drill"), date(2026, 7, 6)
    place.enter(Plan(), tmp_path / "used")
    source = place.network / day.isoformat()
    source.mkdir(parents=True)
    (source / "encounter.csv").write_text("whole")
    cut = place.inbox / f".{day.isoformat()}"
    cut.mkdir()
    (cut / "half.csv").write_text("ha")
    place.deliver(day)
    assert [path.name for path in place.inbox.iterdir()] == [day.isoformat()]
    assert (place.inbox / day.isoformat() / "encounter.csv").read_text() == "whole"
    assert [path.name for path in (place.inbox / day.isoformat()).iterdir()] == ["encounter.csv"]
    place.deliver(day)


def test_only_what_a_killed_rehearsal_of_this_home_left_behind_is_ended(tmp_path: Path) -> None:
    """A process id is given to another process in time: who works on another home is left alone."""
    sleeping = [sys.executable, "-c", "import time; time.sleep(60)"]
    held = [
        subprocess.Popen(sleeping, env={**os.environ, "MEDCODE_HOME": home}, start_new_session=True)
        for home in ("/this/home", "/this/home/other")
    ]
    try:
        known = tmp_path / "processes.json"
        known.write_text(str([process.pid for process in held]))
        end_left_behind(known, "/this/home")
        held[0].wait(5)
        assert held[1].poll() is None
        assert not known.exists()
        end_left_behind(known, "/this/home")
    finally:
        for process in held:
            process.kill()
            process.wait()


# --- the night --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    from medcode_assets.definitions import defs as load

    return load()


def test_the_night_works_on_the_day_that_has_ended(defs: dg.Definitions) -> None:
    """Partitions run up to today, which is still being delivered: the last one is not the one that is complete."""
    day = settings().first_day + timedelta(days=3)
    request = nightly_request(defs, day)
    assert (request.job_name, request.partition_key, request.run_key) == (
        "lineage_job", day.isoformat(), day.isoformat()
    )  # fmt: skip
    assert request.tags["dagster/partition"] == day.isoformat()


def test_the_nightly_run_names_its_assets(defs: dg.Definitions) -> None:
    """Without them the automation takes what a stage was fed for news, and has the day coded and billed twice."""
    request = nightly_request(defs, settings().first_day)
    wanted = defs.resolve_job_def("lineage_job").asset_layer.executable_asset_keys
    assert set(request.asset_selection or []) == set(wanted)
    assert dg.AssetKey(["coded", "encounter_code"]) in wanted


def test_the_night_before_the_first_day_asks_for_nothing(defs: dg.Definitions) -> None:
    first = settings().first_day
    when = datetime(first.year, first.month, first.day, 2, 30, tzinfo=UTC)
    with dg.build_schedule_context(scheduled_execution_time=when) as context:
        assert not defs.resolve_schedule_def("nightly_schedule").evaluate_tick(context).run_requests


def test_the_sensors_that_are_waited_for_are_those_that_look_by_themselves(defs: dg.Definitions) -> None:
    found = standing_sensors(defs)
    assert {"automation_sensor", "retrain_sensor"} <= set(found)
    assert "stream_landed_sensor" not in found


# --- waiting for the daemon -------------------------------------------------------------------------------------------


@dg.op
def _nothing() -> None: ...


@dg.job
def _empty_job() -> None:
    _nothing()


@pytest.fixture(scope="module")
def made_instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test(temp_dir=str(tmp_path_factory.mktemp("instance"))) as instance:
        yield instance


@pytest.fixture
def instance(made_instance: dg.DagsterInstance) -> dg.DagsterInstance:
    """A real instance without runs, sensors and looks."""
    made_instance.wipe()
    made_instance.wipe_all_schedules()
    return made_instance


def _sensor(instance: dg.DagsterInstance, name: str, begun: float | None, status: TickStatus) -> None:
    """A sensor that stands, with one look begun at a time."""
    location = ManagedGrpcPythonEnvCodeLocationOrigin(LoadableTargetOrigin(module_name="m"), "medcode")
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "r"), name)
    if instance.get_instigator_state(origin.get_id(), origin.get_selector().get_id()) is None:
        instance.add_instigator_state(
            InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.DECLARED_IN_CODE, None)
        )
    if begun is not None:
        instance.create_tick(
            TickData(
                origin.get_id(), name, InstigatorType.SENSOR, status, begun, run_ids=[],
                selector_id=origin.get_selector().get_id(),
            )
        )  # fmt: skip


def test_the_daemon_is_idle_only_after_every_sensor_has_looked_since_the_last_run_ended(
    instance: dg.DagsterInstance,
) -> None:
    """A look that began before the run ended has not seen what the run wrote: it says nothing."""
    sensors = ("drift_sensor", "retrain_sensor")
    began = time.time() - 100
    assert state_of(instance, (), began).idle
    assert state_of(instance, sensors, began).unseen == sensors
    for name in sensors:
        _sensor(instance, name, began - 1, TickStatus.SUCCESS)
    assert state_of(instance, sensors, began).unseen == sensors
    for name in sensors:
        _sensor(instance, name, began + 1, TickStatus.SKIPPED)
    assert state_of(instance, sensors, began).idle
    run = instance.create_run_for_job(_empty_job, status=dg.DagsterRunStatus.STARTED)
    busy = state_of(instance, sensors, began)
    assert (busy.idle, busy.in_hand) == (False, ("_empty_job",))
    instance.report_run_failed(run)
    ended = instance.get_run_record_by_id(run.run_id)
    assert ended is not None
    assert ended.end_time is not None
    assert state_of(instance, sensors, began).unseen == sensors
    _sensor(instance, "drift_sensor", ended.end_time + 1, TickStatus.SUCCESS)
    _sensor(instance, "retrain_sensor", ended.end_time + 1, TickStatus.STARTED)
    assert state_of(instance, sensors, began).unseen == ("retrain_sensor",)


def test_a_backfill_that_the_automation_asked_for_is_in_hand_until_it_is_over(instance: dg.DagsterInstance) -> None:
    """It asks for its runs one after the other: between two of them no run is in hand."""
    _sensor(instance, "automation_sensor", time.time(), TickStatus.SUCCESS)
    asked = PartitionBackfill(
        "ab12", BulkActionStatus.REQUESTED, from_failure=False, tags={}, backfill_timestamp=time.time(),
        partition_set_origin=None, partition_names=["2026-07-06"],
    )  # fmt: skip
    instance.add_backfill(asked)
    assert state_of(instance, ["automation_sensor"], 0.0).in_hand == ("backfill ab12",)
    instance.update_backfill(asked.with_status(BulkActionStatus.COMPLETED_SUCCESS))
    assert state_of(instance, ["automation_sensor"], 0.0).idle


def test_waiting_ends_where_the_daemon_died_or_nothing_happens(instance: dg.DagsterInstance) -> None:
    class DiedError(Exception):
        pass

    def dead() -> None:
        raise DiedError

    with pytest.raises(RehearsalError, match="look of retrain_sensor"):
        wait_until_idle(instance, ["retrain_sensor"], 0.0, alive=lambda: None, patience=0.05, every=0.01)
    with pytest.raises(DiedError):
        wait_until_idle(instance, ["retrain_sensor"], 0.0, alive=dead, patience=60)
    wait_until_idle(instance, [], 0.0, alive=lambda: None, patience=60)


def test_runs_in_hand_when_a_rehearsal_was_cut_are_closed_and_ended_ones_stay(instance: dg.DagsterInstance) -> None:
    done = instance.create_run_for_job(_empty_job, status=dg.DagsterRunStatus.SUCCESS)
    cut = [
        instance.create_run_for_job(_empty_job, status=status)
        for status in (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.NOT_STARTED)
    ]
    close_cut_runs(instance)
    found = [instance.get_run_by_id(run.run_id) for run in cut]
    assert [run.status for run in found if run] == [dg.DagsterRunStatus.FAILURE] * 3
    check_night(instance, done.run_id, date(2026, 7, 6))
    with pytest.raises(RehearsalError, match="2026-07-06 ended as FAILURE"):
        check_night(instance, cut[0].run_id, date(2026, 7, 6))
    with pytest.raises(RehearsalError, match="is gone"):
        check_night(instance, "no-such-run", date(2026, 7, 6))
