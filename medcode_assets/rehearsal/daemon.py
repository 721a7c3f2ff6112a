"""The Dagster daemon and its code server as processes of their own, ended whatever becomes of the rehearsal."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import dagster as dg
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget

from medcode_assets.rehearsal.plan import RehearsalError
from medcode_ml.store.processes import is_alive

LOCATION: Final = "medcode"
_MODULE: Final = "medcode_assets.definitions"
_HOST: Final = "127.0.0.1"
_UP_SECONDS: Final = 240.0
_END_SECONDS: Final = 20.0


@dataclass(frozen=True)
class Processes:
    """What runs: (name, process, its log)."""

    held: tuple[tuple[str, subprocess.Popen[bytes], Path], ...]

    def check(self) -> None:
        """See that all of them run.

        Raises:
            RehearsalError: one has ended; the message says where its log is.
        """
        for name, process, log in self.held:
            if process.poll() is not None:
                raise RehearsalError(f"the {name} ended with code {process.returncode}: see {log}")


@contextmanager
def daemon_at_work(
    instance: dg.DagsterInstance, logs: Path, environment: Mapping[str, str]
) -> Iterator[tuple[Processes, WorkspaceProcessContext]]:
    """Run the code server and the daemon; what an earlier rehearsal here left behind is ended first.

    Args:
        instance: the Dagster instance. logs: folder of their logs. environment: in which they run.

    Raises:
        RehearsalError: the code server did not come up, or one of them ended.
    """
    known = logs / "processes.json"
    end_left_behind(known, environment["MEDCODE_HOME"])
    port = _free_port()
    workspace_file = logs / "workspace.yaml"
    workspace_file.write_text(
        f"load_from:\n  - grpc_server:\n      host: {_HOST}\n      port: {port}\n      location_name: {LOCATION}\n"
    )
    server = [
        sys.executable, "-m", "dagster", "api", "grpc", "-m", _MODULE, "-h", _HOST, "-p", str(port),
        "--location-name", LOCATION, "--inject-env-vars-from-instance",
    ]  # fmt: skip
    daemon = [sys.executable, "-m", "dagster._daemon", "run", "-w", str(workspace_file)]
    started: list[tuple[str, subprocess.Popen[bytes], Path]] = []
    try:
        started.append(_start("code server", server, logs / "code_server.log", environment))
        _remember(known, started)
        _await(Processes(tuple(started)), port)
        target = GrpcServerTarget(host=_HOST, port=port, socket=None, location_name=LOCATION)
        with WorkspaceProcessContext(instance, target) as workspace:
            started.append(_start("daemon", daemon, logs / "daemon.log", environment))
            _remember(known, started)
            yield Processes(tuple(started)), workspace
    finally:
        # the daemon first: what it launches lives in the code server's group
        for _, process, _ in reversed(started):
            end_group(process.pid)
            process.wait()
        known.unlink(missing_ok=True)


def _start(
    name: str, command: Sequence[str], log: Path, environment: Mapping[str, str]
) -> tuple[str, subprocess.Popen[bytes], Path]:
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, env=dict(environment), stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
    return name, process, log


def _await(processes: Processes, port: int) -> None:
    """Wait until the code server answers."""
    from dagster._core.errors import DagsterUserCodeUnreachableError
    from dagster._grpc.client import DagsterGrpcClient

    client = DagsterGrpcClient(host=_HOST, port=port)
    until = time.monotonic() + _UP_SECONDS
    while time.monotonic() < until:
        processes.check()
        try:
            client.ping("")
            return
        except DagsterUserCodeUnreachableError:
            time.sleep(0.5)  # it is loading the definitions
    raise RehearsalError(f"the code server did not come up within {_UP_SECONDS:.0f} s: see {processes.held[0][2]}")


def end_group(pid: int) -> None:
    """End a process that leads a group, and its group: asked first, then killed."""
    for sent, seconds in ((signal.SIGTERM, _END_SECONDS), (signal.SIGKILL, _END_SECONDS)):
        try:
            os.killpg(pid, sent)
        except ProcessLookupError:
            return
        until = time.monotonic() + seconds
        while time.monotonic() < until and _group_lives(pid):
            time.sleep(0.1)


def _group_lives(pid: int) -> bool:
    with suppress(ChildProcessError):  # not a child of ours, or collected already
        os.waitpid(pid, os.WNOHANG)  # a dead child that nobody has asked about counts as one of the group
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _remember(known: Path, started: Sequence[tuple[str, subprocess.Popen[bytes], Path]]) -> None:
    known.write_text(json.dumps([process.pid for _, process, _ in started]))


def end_left_behind(known: Path, home: str) -> None:
    """End what a rehearsal that was killed left running: processes that work on this very home, and no others.

    Args:
        known: file with their ids. home: MEDCODE_HOME of the rehearsal.
    """
    if not known.is_file():
        return
    mark = f"MEDCODE_HOME={home}".encode()
    for pid in reversed(json.loads(known.read_text())):
        if is_alive(pid) and mark in _environment_of(pid):
            end_group(pid)
    known.unlink()


def _environment_of(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []  # of another account, or gone: none of ours


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])
