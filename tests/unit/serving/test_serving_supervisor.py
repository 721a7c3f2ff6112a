"""The parent of the workers, with real processes: replaced when they die or hang, stopped in time, never orphaned."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# what a worker does is the test's; everything around it is what `medcode serve` runs
SCRIPT = """
import os, signal, sys, time
from pathlib import Path
from medcode_ml.logs import configure_logging
from medcode_ml.serving.supervisor import Limits, Supervisor, WorkersFailedError, bound
folder, how = Path(sys.argv[1]), sys.argv[2]
first = not list(folder.iterdir())
def serve(beat, place):
    def mark(name):
        (folder / f"{os.getpid()}.{name}").touch()
    signal.signal(signal.SIGHUP, lambda *_: mark("hup"))
    if how == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if how == "broken":
        sys.exit(3)
    mark("began")
    while beat():
        time.sleep(0.02)
        if how == "hangs" and first:
            time.sleep(100)
    mark("alone")
configure_logging()
with bound("127.0.0.1", 0) as own:
    try:
        Supervisor(serve, 2, [own], Limits(start=20, silence=1, stop=1)).run()
    except WorkersFailedError as error:
        sys.exit(str(error))
"""


@contextmanager
def supervised(folder: Path, how: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", SCRIPT, str(folder), how]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=20)


def seen(folder: Path, mark: str) -> list[int]:
    return sorted(int(path.name.split(".")[0]) for path in folder.glob(f"*.{mark}"))


def until(holds: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return holds()


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_killed_worker_is_replaced_signals_are_passed_on_and_the_end_is_quick(tmp_path: Path) -> None:
    with supervised(tmp_path, "well") as process:
        assert until(lambda: len(seen(tmp_path, "began")) == 2)
        before = seen(tmp_path, "began")
        os.kill(before[0], signal.SIGKILL)
        assert until(lambda: len(seen(tmp_path, "began")) == 3)
        process.send_signal(signal.SIGHUP)
        assert until(lambda: len(seen(tmp_path, "hup")) == 2), "a worker did not hear SIGHUP"
        assert before[0] not in seen(tmp_path, "hup")
        began = time.monotonic()
        process.terminate()
        assert process.wait(20) == 0
        assert time.monotonic() - began < 5
    assert not any(lives(pid) for pid in seen(tmp_path, "began"))


def test_workers_do_not_outlive_a_parent_that_is_killed(tmp_path: Path) -> None:
    with supervised(tmp_path, "well") as process:
        assert until(lambda: len(seen(tmp_path, "began")) == 2)
        process.kill()
        assert until(lambda: not any(lives(pid) for pid in seen(tmp_path, "began")))
    assert seen(tmp_path, "alone") == seen(tmp_path, "began")


def test_a_worker_whose_loop_stands_still_is_killed_and_replaced(tmp_path: Path) -> None:
    with supervised(tmp_path, "hangs") as process:
        assert until(lambda: len(seen(tmp_path, "began")) >= 3)
        process.terminate()
        _, said = process.communicate(timeout=20)
    assert b"silent" in said


def test_a_worker_that_does_not_stop_is_killed_in_the_end(tmp_path: Path) -> None:
    with supervised(tmp_path, "stubborn") as process:
        assert until(lambda: len(seen(tmp_path, "began")) == 2)
        process.terminate()
        _, said = process.communicate(timeout=20)
        assert process.returncode == 0
    assert b"did not stop in time" in said
    assert not any(lives(pid) for pid in seen(tmp_path, "began"))


def test_workers_that_never_come_up_end_it_all(tmp_path: Path) -> None:
    with supervised(tmp_path, "broken") as process:
        _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert b"could not start" in said


def test_an_address_that_is_not_ours_is_refused() -> None:
    from medcode_ml.serving.supervisor import bound

    with pytest.raises(OSError, match="assign"):
        bound("192.0.2.1", 0)
