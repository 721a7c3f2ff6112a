"""Workers of the API that die: their jobs, their audit rows, and the requests of the others."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.amounts_hospitals import made_up

from medcode_ml.benchmarks.serving import server
from medcode_ml.benchmarks.serving_load import Load, run_load
from medcode_ml.contracts import served
from medcode_ml.models.contents import json_file
from medcode_ml.models.folder import write_folder
from medcode_ml.models.registry import promote, register, withdraw
from medcode_ml.operations import Answer
from medcode_ml.serving.access_log import AccessLog
from medcode_ml.serving.formats import CASE_EXAMPLE, NOTE_EXAMPLE
from medcode_ml.serving.jobs import MOST_ATTEMPTS, Asked, Job, Jobs
from medcode_ml.serving.runner import Runner

pytestmark = pytest.mark.integration


def test_a_job_whose_worker_died_is_taken_by_another_and_given_up_in_the_end(database: sa.Engine) -> None:
    first, second = Jobs(database, "w1", 1), Jobs(database, "w2", 1)
    job, new = first.add(Asked("key:a", "code", False, [NOTE_EXAMPLE], None, b"{}"), None)
    assert new
    assert (taken := first.take()) is not None
    assert taken.job_id == job.job_id
    assert second.take() is None, "two workers have one job"
    for _ in range(MOST_ATTEMPTS - 1):
        expire(database)
        assert (again := second.take()) is not None
        assert again.job_id == job.job_id
    assert not first.prolong(taken), "the dead worker thinks it has the job still"
    expire(database)
    assert second.take() is None
    found = second.find(job.job_id, "key:a")
    assert found is not None
    assert (found.status, found.answer_status) == ("failed", 500)


def expire(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.update(served.job).values(lease_until=datetime.now(UTC) - timedelta(seconds=1)))


class Endless:
    """Work that nobody finishes while the test lasts."""

    def __init__(self) -> None:
        self.begun, self.abandoned = threading.Event(), list[Any]()
        self.future: Future[list[Answer]] = Future()

    def work_of(self, job: Job) -> Future[list[Answer]]:
        self.begun.set()
        return self.future

    def abandon(self, future: Future[list[Answer]]) -> None:
        self.abandoned.append(future)


def test_a_job_in_hand_goes_back_uncounted_when_its_worker_stops(database: sa.Engine) -> None:
    jobs, work = Jobs(database, "w1", 1), Endless()
    job, _ = jobs.add(Asked("key:a", "code", False, [NOTE_EXAMPLE], None, b"{}"), None)
    runner = Runner(jobs, work)
    runner.start()
    assert work.begun.wait(20)
    runner.stop(20)
    assert work.abandoned == [work.future]
    found = jobs.find(job.job_id, "key:a")
    assert found is not None
    assert (found.status, found.attempts) == ("queued", 0), "stops do not count as failures"
    assert (again := Jobs(database, "w2", 1).take()) is not None
    assert again.job_id == job.job_id


def test_rows_of_a_dead_worker_are_loaded_by_another(database: sa.Engine, tmp_path: Path) -> None:
    row = {
        "at": datetime.now(UTC).isoformat(), "request_id": "r", "subject": "anonymous", "method": "GET", "route": "/x",
        "status": 200, "decision": "none", "record_count": 0, "hospitals": [], "milliseconds": 1.0,
    }  # fmt: skip
    if (child := os.fork()) == 0:
        AccessLog(database, tmp_path).write(row)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    log = AccessLog(database, tmp_path)
    assert log.load() == 1
    assert log.load() == 0
    with database.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(served.access)).scalar_one() == 1


@pytest.fixture(scope="module")
def amount_models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two trained models of amounts."""
    from medcode_ml.billing.amounts.cases import cases_of
    from medcode_ml.billing.amounts.training import train

    folder = tmp_path_factory.mktemp("served-models")
    quick = {"folds": 2, "steps": 2, "trees.rounds": 2, "network.epochs": 1}
    return [train(cases_of(made_up(24 + n)), folder / str(n), quick).path for n in (0, 1)]


@pytest.fixture(scope="module")
def running(server_engine: sa.Engine, medcode_home: Path) -> Iterator[tuple[int, int]]:
    """Port and process of an API with two workers, as `medcode serve` runs it."""
    more = {"MEDCODE_API_MODEL_SECONDS": "0.2", "MEDCODE_API_DRAIN_SECONDS": "20", "MEDCODE_API_NOTICE_SECONDS": "3"}
    with server(None, 2, medcode_home, **more) as found:
        yield found
    withdraw("amounts", medcode_home)


@contextmanager
def under_load(port: int) -> Iterator[Load]:
    """Four connections ask for prices meanwhile."""
    load = Load()
    body = json.dumps(CASE_EXAMPLE).encode()
    stop = threading.Event()

    def send() -> None:
        while not stop.is_set():
            more = run_load(port, "/v1/price", [body], 4, 0.3)
            load.statuses.update(more.statuses)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield load
    finally:
        stop.set()
        thread.join()


def asked(port: int, path: str, body: dict[str, Any] | None = None) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        content = answer.read()
    return content.decode() if path == "/metrics" else json.loads(content)


def until(holds: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Whether it holds within `seconds`, ten times in a row: both workers are asked."""
    end, row = time.monotonic() + seconds, 0
    while row < 10 and time.monotonic() < end:
        row = row + 1 if holds() else 0
        time.sleep(0.01)
    return row == 10


def test_a_promoted_model_is_swapped_in_under_load_and_a_damaged_one_is_not(
    running: tuple[int, int], amount_models: list[Path], medcode_home: Path
) -> None:
    port, _ = running

    def version() -> str:
        return str(asked(port, "/v1/price", CASE_EXAMPLE)["model_version"])

    before = version()
    with under_load(port) as load:
        for folder in amount_models:
            kept = register(folder, "amounts", medcode_home).name
            promote("amounts", kept, medcode_home)
            assert until(lambda name=kept: version() == name), "the promoted model does not answer"  # type: ignore[misc]
            assert kept != before
        assert asked(port, "/readyz")["status"] == "ready"
        write_folder(medcode_home / "unsound", kind="amounts", files={"model.json": json_file({})})
        promote("amounts", register(medcode_home / "unsound", "amounts", medcode_home).name, medcode_home)
        assert until(lambda: asked(port, "/readyz")["status"] == "degraded"), "nobody is told of the trouble"
        assert version() == kept, "the model before answers"
        assert 'medcode_api_model_trouble{kind="amounts"} 1.0' in asked(port, "/metrics")
        promote("amounts", kept, medcode_home)
        assert until(lambda: asked(port, "/readyz")["status"] == "ready")
    assert set(load.statuses) == {200}, load.statuses
    assert load.statuses[200] > 50


def test_a_killed_worker_costs_only_what_it_was_at(running: tuple[int, int]) -> None:
    port, pid = running
    before = workers_of(pid)
    with under_load(port) as load:
        time.sleep(0.3)
        os.kill(before[0], signal.SIGKILL)
        assert until(lambda: len(set(workers_of(pid)) - {before[0]}) == 2)
        assert until(lambda: asked(port, "/readyz")["status"] == "ready")
    assert set(load.statuses) <= {0, 200}, load.statuses
    # a connection or two of the load and none of the others
    assert load.statuses[0] <= 4
    figures = [line for line in asked(port, "/metrics").splitlines() if line.startswith("medcode_api_requests_in_fl")]
    assert figures == ["medcode_api_requests_in_flight 1.0"], "what the dead worker was at still counts"


def test_a_stop_is_told_first_then_lets_requests_finish_and_refuses_new_ones(running: tuple[int, int]) -> None:
    port, pid = running
    workers = workers_of(pid)
    body = json.dumps(CASE_EXAMPLE).encode()
    in_hand = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    in_hand.putrequest("POST", "/v1/price")
    in_hand.putheader("Content-Type", "application/json")
    in_hand.putheader("Content-Length", str(len(body)))
    in_hand.endheaders(body[:10])
    began = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    assert until(lambda: stopping(port), 2.5), "who asks /readyz does not hear that it stops"
    assert asked(port, "/v1/price", CASE_EXAMPLE)["drg"] == CASE_EXAMPLE["drg"], "nobody had time to hear of it"
    assert not refused(port)
    assert until(lambda: refused(port)), "new connections are taken although it stops"
    in_hand.send(body[10:])
    answer = in_hand.getresponse()
    assert (answer.status, json.load(answer)["drg"]) == (200, CASE_EXAMPLE["drg"])
    in_hand.close()
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() - began < 30:
        time.sleep(0.02)
    assert time.monotonic() - began < 30, "workers do not stop"


def stopping(port: int) -> bool:
    """Whether /readyz says that it stops."""
    try:
        asked(port, "/readyz")
    except urllib.error.HTTPError as error:
        return error.code == 503 and "stopping" in json.load(error)["detail"]
    return False


def refused(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) != 0


def workers_of(pid: int) -> list[int]:
    """The processes that a process has forked."""
    own = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sorted(int(child) for child in own if b"spawn" not in Path(f"/proc/{child}/cmdline").read_bytes())
