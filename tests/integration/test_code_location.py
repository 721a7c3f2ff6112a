"""The containers' Dagster instance on a real PostgreSQL: what a killed run holds, and what starts when they start."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.events import EngineEventData

from medcode_assets.commands.code_location import served
from medcode_ml.settings import settings
from medcode_ml.store.database import database_url

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
STATUS = dg.DagsterRunStatus

_JOB = """
import sys, time
import dagster as dg

@dg.op(pool="postgres")
def held():
    print("inside", flush=True)
    time.sleep(600)

@dg.job(executor_def=dg.in_process_executor)
def held_job():
    held()

with dg.DagsterInstance.get() as instance:
    held_job.execute_in_process(instance=instance, run_id=sys.argv[1])
"""


@pytest.fixture
def home(server_engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The dagster.yaml of the containers in a folder of its own, its schema as `roles.sql` makes it."""
    text = (ROOT / "docker" / "dagster" / "dagster.yaml").read_text()
    kept = tmp_path / "dagster"
    kept.mkdir()
    assert "free_slots_after_run_end_seconds: 60\n" in text
    text = text.replace("free_slots_after_run_end_seconds: 60\n", "free_slots_after_run_end_seconds: 1\n")
    (kept / "dagster.yaml").write_text(text.replace("/var/lib/medcode/dagster", str(kept)))
    with server_engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA IF EXISTS dagster CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA dagster"))
    url = sa.make_url(database_url()).update_query_dict({"options": "-csearch_path=dagster"})
    monkeypatch.setenv("MEDCODE_DAGSTER_URL", url.render_as_string(hide_password=False))
    monkeypatch.setenv("MEDCODE_RUNS_AT_ONCE", "3")
    monkeypatch.setenv("MEDCODE_DAGSTER_HOME", str(kept))
    monkeypatch.setenv("DAGSTER_HOME", str(kept))
    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE", raising=False)
    settings.cache_clear()
    yield kept
    monkeypatch.undo()
    settings.cache_clear()
    with server_engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA IF EXISTS dagster CASCADE"))


def test_dagster_takes_the_file_and_the_number_of_runs_from_the_environment(home: Path) -> None:
    with dg.DagsterInstance.get() as instance:
        config = instance.get_concurrency_config()
        assert config.run_queue_config is not None
        assert config.run_queue_config.max_concurrent_runs == 3
        assert config.pool_config.default_pool_limit == 1
        assert config.pool_config.pool_granularity is not None
        assert config.pool_config.pool_granularity.value == "op"
        assert instance.run_monitoring_enabled
        assert instance.run_retries_enabled


def test_a_killed_run_is_closed_gives_back_its_place_and_is_begun_again(home: Path) -> None:
    """It stood as running for ever and held the one place of its pool: no step of the lineage went on again."""
    from medcode_assets.runner import close_all_runs

    run_id = "11111111-1111-4111-8111-111111111111"
    _kill_inside(run_id)
    with dg.DagsterInstance.get() as instance:
        store = instance.event_log_storage
        assert _status(instance, run_id) == STATUS.STARTED
        _pass_of_daemon(instance)
        assert store.get_concurrency_info("postgres").active_run_ids == {run_id}
        assert close_all_runs(instance) == 1
        assert _status(instance, run_id) == STATUS.FAILURE
        time.sleep(1.5)
        _pass_of_daemon(instance)
        assert store.get_concurrency_info("postgres").active_run_ids == set()
        run = instance.get_run_by_id(run_id)
        assert run is not None
        assert run.tags["dagster/will_retry"] == "true"
        assert close_all_runs(instance) == 0


def test_what_a_person_was_stopping_is_not_begun_again(home: Path) -> None:
    from medcode_assets.runner import close_all_runs

    with dg.DagsterInstance.get() as instance:
        runs = {status: instance.create_run_for_job(_nothing, status=status) for status in (
            STATUS.NOT_STARTED, STATUS.STARTING, STATUS.STARTED, STATUS.CANCELING, STATUS.SUCCESS)}  # fmt: skip
        assert close_all_runs(instance) == 3
        now = {before: _status(instance, run.run_id) for before, run in runs.items()}
    assert now == {
        STATUS.NOT_STARTED: STATUS.NOT_STARTED, STATUS.STARTING: STATUS.FAILURE, STATUS.STARTED: STATUS.FAILURE,
        STATUS.CANCELING: STATUS.CANCELED, STATUS.SUCCESS: STATUS.SUCCESS,
    }  # fmt: skip


def test_a_run_of_a_killed_ui_is_closed_and_one_that_goes_on_is_not(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`medcode ui` works on two runs at most: two that stood as running for ever and it never began another."""
    from medcode_assets.runner import close_killed_runs

    monkeypatch.delenv("MEDCODE_DAGSTER_HOME")
    settings.cache_clear()
    gone = subprocess.Popen(["true"])
    gone.wait()
    with dg.DagsterInstance.get() as instance:
        runs = []
        for pid in (gone.pid, os.getpid()):
            run = instance.create_run_for_job(_nothing, status=STATUS.STARTED)
            instance.report_engine_event("Started process", run, EngineEventData.in_process(pid))
            runs.append(run.run_id)
        close_killed_runs(instance)
        assert [_status(instance, run_id) for run_id in runs] == [STATUS.FAILURE, STATUS.STARTED]


def test_the_code_location_makes_the_tables_closes_what_was_cut_and_serves(home: Path, tmp_path: Path) -> None:
    """Webserver and daemon start when it is healthy: tables that one of them found half made stayed so."""
    from dagster._grpc.client import DagsterGrpcClient

    from medcode_ml.store.embedded import _free_port

    with dg.DagsterInstance.get() as instance:
        cut = instance.create_run_for_job(_nothing, status=STATUS.STARTED).run_id
    port = _free_port()
    program = "from medcode_assets.cli import main; main()"
    command = [sys.executable, "-c", program, "code-location", "--port", str(port)]
    output = (tmp_path / "said").open("w+")
    server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=tmp_path)
    try:
        client, until = DagsterGrpcClient(host="127.0.0.1", port=port), time.monotonic() + 90
        while not _answers(client):
            assert server.poll() is None, (tmp_path / "said").read_text()
            assert time.monotonic() < until, (tmp_path / "said").read_text()
            time.sleep(0.3)
        with dg.DagsterInstance.get() as instance:
            assert _status(instance, cut) == STATUS.FAILURE
        assert "1 runs were cut" in (tmp_path / "said").read_text()
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
        output.close()


def test_the_code_location_becomes_a_command_of_dagster() -> None:
    from dagster._cli import create_dagster_cli

    command = served("0.0.0.0", 4000)
    assert command[:4] == [sys.executable, "-P", "-m", "dagster"]
    found = create_dagster_cli()
    for word in command[4:6]:
        found = found.commands[word]  # type: ignore[attr-defined]
    known = {option for parameter in found.params for option in parameter.opts}
    assert {word for word in command[6:] if word.startswith("--")} <= known


def test_a_reader_of_the_instance_never_finds_half_of_it(tmp_path: Path) -> None:
    """Dagster takes an empty dagster.yaml for "all defaults": a daemon that read one would work on SQLite."""
    from medcode_assets.instance import _write

    path, texts = tmp_path / "dagster.yaml", [f"{n}\n" * 20_000 for n in (1, 2)]
    _write(path, texts[0])
    seen, done = set[str](), threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(path.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(200):
        _write(path, texts[turn % 2])
    done.set()
    reader.join()
    assert seen <= set(texts)
    before = path.stat().st_ino
    _write(path, path.read_text())
    assert path.stat().st_ino == before, "written only where it is another"
    assert [one.name for one in tmp_path.iterdir()] == ["dagster.yaml"]


@dg.job
def _nothing() -> None:
    pass


def _kill_inside(run_id: str) -> None:
    """Begin a run in a process of its own and kill that while it is inside the step with a pool."""
    child = subprocess.Popen([sys.executable, "-c", _JOB, run_id], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    said = b""
    while b"inside" not in said:
        said = child.stdout.readline()
        assert said or child.poll() is None, child.communicate()[1].decode()[-2000:]
    child.kill()
    child.communicate()


def _pass_of_daemon(instance: dg.DagsterInstance) -> None:
    """One look of Dagster's daemon at places in pools."""
    from dagster._core.test_utils import create_test_daemon_workspace_context
    from dagster._core.workspace.load_target import EmptyWorkspaceTarget
    from dagster._daemon.monitoring.concurrency import execute_concurrency_slots_iteration

    with create_test_daemon_workspace_context(EmptyWorkspaceTarget(), instance) as context:
        for error in execute_concurrency_slots_iteration(context, logging.getLogger("daemon")):
            assert error is None


def _status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def _answers(client: object) -> bool:
    from dagster._core.errors import DagsterUserCodeUnreachableError

    try:
        client.ping("")  # type: ignore[attr-defined]
    except DagsterUserCodeUnreachableError:
        return False
    return True
