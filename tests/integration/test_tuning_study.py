"""A study in PostgreSQL: several processes on it, each trial once, one that is killed tried again, resumed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from medcode_ml.models.tuning import Real, tune
from medcode_ml.store.database import database_url
from medcode_ml.store.migrate import differences

pytestmark = pytest.mark.integration

_WORKER = """
import json, sys, time
from medcode_ml.models.tuning import Real, tune
from medcode_ml.store.database import make_engine

url, key, trials, told, slow = sys.argv[1:]

def objective(parameters, report):
    with open(told, "a") as out:
        print(json.dumps(parameters["x"]), file=out, flush=True)
    time.sleep(float(slow))
    return -parameters["x"] ** 2

found = tune(objective, {"x": Real(-3, 3)}, int(trials), make_engine(url), key=key, heartbeat=1)
print(json.dumps([found.parameters, found.value, found.complete, found.failed]))
"""


def worker(key: str, trials: int, told: Path, slow: float) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", _WORKER, database_url(), key, str(trials), str(told), str(slow)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


def tried(told: Path) -> list[float]:
    return [json.loads(line) for line in told.read_text().splitlines()] if told.is_file() else []


def test_processes_share_a_study_and_try_each_set_once(server_engine: sa.Engine, tmp_path: Path) -> None:
    told = tmp_path / "told"
    key = f"shared {time.time()}"
    running = [worker(key, 14, told, 0.1) for _ in range(2)]
    answers = [json.loads(process.communicate(timeout=120)[0]) for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert answers[0] == answers[1], "both wait for the last trial and find the same best"
    assert answers[0][2:] == [14, 0]
    assert len(tried(told)) == len(set(tried(told))) == 14

    # resumed: what was tried counts, and nothing is tried twice
    more = tune(
        lambda p, report: -(p["x"] ** 2), {"x": Real(-3, 3)}, 16, server_engine, key=key,
    )  # fmt: skip
    assert more.complete == 16
    assert more.value >= answers[0][1]
    assert differences(server_engine) == [], "studies stand in a schema of their own"


def test_the_trial_of_a_killed_process_is_tried_again(server_engine: sa.Engine, tmp_path: Path) -> None:
    told = tmp_path / "told"
    key = f"killed {time.time()}"
    stuck = worker(key, 4, told, 600.0)
    until = time.monotonic() + 60
    while not tried(told) and time.monotonic() < until:
        time.sleep(0.05)
    (lost,) = tried(told)
    stuck.send_signal(signal.SIGKILL)
    stuck.communicate()
    found = tune(
        lambda p, report: told.open("a").write(f"{p['x']}\n") and -(p["x"] ** 2),
        {"x": Real(-3, 3)}, 4, server_engine, key=key, heartbeat=1,
    )  # fmt: skip
    assert (found.complete, found.failed) == (4, 1)
    assert Counter(tried(told))[lost] == 2, "the set that was lost is tried again"
    assert len(tried(told)) == 5
