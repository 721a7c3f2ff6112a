"""The parent of the workers: forks them, replaces those that die or hang, passes signals on, stops them in time.

Workers are forked from a parent that has read the models and tables already, so that they share this memory and a
replacement serves at once. The parent has no thread of its own and waits for signals; they are blocked while a worker
is forked, so none can fall between the handlers of parent and worker. A worker tells by its pipe that its event loop
turns, and hears by the same pipe that its parent is gone.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.context import ForkProcess
from typing import Any, Final

from medcode_ml.logs import logger

_SIGNALS: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD})
_LOOK_SECONDS: Final = 0.5
_MOST_WAIT_SECONDS: Final = 30.0
"""Workers that die before they serve are replaced after 1, 2, 4 ... seconds, at most so many."""
_log = logger("serving.supervisor")


@dataclass(frozen=True)
class Limits:
    """Seconds: that a worker may take to begin, may be silent for, and may take to stop before it is killed."""

    start: float
    silence: float
    stop: float


@dataclass
class _Worker:
    process: ForkProcess
    place: int
    beats: int
    began: float
    heard: float = 0.0


class WorkersFailedError(RuntimeError):
    """No worker came up at all."""


class Supervisor:
    """Runs workers until a signal ends it."""

    def __init__(
        self,
        serve: Callable[[Callable[[], bool], int], None],
        workers: int,
        sockets: Sequence[socket.socket],
        limits: Limits,
        ended: Callable[[int, int], None] = lambda pid, place: None,
    ) -> None:
        """`serve` is what a worker does, given its place among the workers, 0 first.

        It calls what else it is given as its event loop turns: False means stop. `ended` is told the process id and the
        place of a worker that is gone.
        """
        self._ended = ended
        self._serve, self._number, self._sockets, self._limits = serve, workers, list(sockets), limits
        self._workers: list[_Worker] = []
        self._failed = 0
        self._begin_at = 0.0
        self._served = False

    def run(self) -> None:
        """Serve; SIGTERM and SIGINT end it once every worker has drained, SIGHUP goes to the workers.

        Raises:
            WorkersFailedError: a worker ended before any ever served.
        """
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        # what is there now stays: collections in the workers would copy its pages
        gc.collect()
        gc.freeze()
        try:
            for _ in range(self._number):
                self._workers.append(self._begin())
            while (came := signal.sigtimedwait(_SIGNALS, _LOOK_SECONDS)) is None or not self._ends(came.si_signo):
                self._look()
        finally:
            self._stop()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _ends(self, number: int) -> bool:
        if number == signal.SIGHUP:
            for worker in self._workers:
                _send(worker, signal.SIGHUP)
        return number in (signal.SIGTERM, signal.SIGINT)

    def _look(self) -> None:
        now = time.monotonic()
        for worker in list(self._workers):
            if _heard(worker.beats):
                worker.heard, self._failed, self._served = now, 0, True
            if worker.process.exitcode is None:
                silent = now - (worker.heard or worker.began)
                if silent < (self._limits.silence if worker.heard else self._limits.start):
                    continue
                _log.error("worker %d was silent for %.0f s and is killed", worker.process.pid, silent)
                worker.process.kill()
            self._bury(worker)
            if not self._served:
                raise WorkersFailedError("a worker could not start; the lines above say why")
            if not worker.heard:
                self._failed += 1
                self._begin_at = now + min(_MOST_WAIT_SECONDS, 2.0 ** (self._failed - 1))
            _log.warning("worker %d ended with %s and is replaced", worker.process.pid, worker.process.exitcode)
        while len(self._workers) < self._number and now >= self._begin_at:
            self._workers.append(self._begin())

    def _begin(self) -> _Worker:
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        os.set_blocking(theirs, False)
        place = min(set(range(self._number)) - {worker.place for worker in self._workers})
        process = get_context("fork").Process(target=self._work, args=(place, ours, theirs))
        process.start()
        os.close(theirs)
        return _Worker(process, place, ours, time.monotonic())

    def _work(self, place: int, ours: int, theirs: int) -> None:
        """A worker's life. Its parent's ends of all pipes are closed here, or nobody would hear of the parent's end."""
        for end in (ours, *(w.beats for w in self._workers)):
            os.close(end)
        self._workers.clear()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there are models to look for
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        self._serve(lambda: _beat(theirs), place)

    def _bury(self, worker: _Worker) -> None:
        worker.process.join()
        os.close(worker.beats)
        self._workers.remove(worker)
        if worker.process.pid is not None:
            self._ended(worker.process.pid, worker.place)

    def _stop(self) -> None:
        # the workers have sockets of their own: when the last is closed, who comes is refused and waits for nobody
        for own in self._sockets:
            own.close()
        for worker in self._workers:
            _send(worker, signal.SIGTERM)
        until = time.monotonic() + self._limits.stop
        for worker in list(self._workers):
            worker.process.join(max(0.0, until - time.monotonic()))
            if worker.process.exitcode is None:
                _log.error("worker %d did not stop in time and is killed", worker.process.pid)
                worker.process.kill()
            self._bury(worker)


def _send(worker: _Worker, number: int) -> None:
    if worker.process.exitcode is None and worker.process.pid is not None:
        os.kill(worker.process.pid, number)


def _heard(pipe: int) -> bool:
    """Whether the worker beat since the last time; empties the pipe."""
    try:
        return len(os.read(pipe, 65_536)) > 0
    except BlockingIOError:
        return False


def _beat(pipe: int) -> bool:
    """Tell the parent; False where it is gone."""
    try:
        os.write(pipe, b".")
    except BlockingIOError:  # the parent reads later; it is there
        return True
    except BrokenPipeError:
        return False
    return True


def bound(host: str, port: int) -> socket.socket:
    """A socket bound to an address, IPv4 or IPv6; nobody listens yet.

    Raises:
        OSError: the address is not of this machine, or taken.
    """
    chosen: Any = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    made = socket.socket(chosen[0])
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(chosen[4])
    except OSError:
        made.close()
        raise
    return made
