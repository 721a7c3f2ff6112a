"""The thread of a worker that does jobs, one at a time, beside the requests."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, wait
from typing import Final, Protocol

import sqlalchemy as sa

from medcode_ml.logs import logger
from medcode_ml.operations import Answer
from medcode_ml.serving.answering import body_of, status_of
from medcode_ml.serving.jobs import Job, Jobs
from medcode_ml.serving.metrics import metrics

_LOOK_SECONDS: Final = 0.5
_AFTER_TROUBLE_SECONDS: Final = 5.0
_ERASE_SECONDS: Final = 300.0
_log = logger("serving.jobs")


class Work(Protocol):
    """Answers the records of a job."""

    def work_of(self, job: Job) -> Future[list[Answer]]:
        """The answers to come."""

    def abandon(self, future: Future[list[Answer]]) -> None:
        """Nobody waits for these answers any more."""


class Runner:
    """Takes jobs and does them until it is stopped; a job it is at then goes back, for another worker to take."""

    def __init__(self, jobs: Jobs, work: Work) -> None:
        """`work` answers."""
        self._jobs, self._work = jobs, work
        self._stop = threading.Event()
        self._new = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """There is a new job."""
        self._new.set()

    def stop(self, seconds: float) -> None:
        """Take no more; wait at most `seconds` for the one in hand."""
        self._stop.set()
        self._new.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        erased = 0.0
        while not self._stop.is_set():
            try:
                if time.monotonic() - erased > _ERASE_SECONDS:
                    self._jobs.erase_expired()
                    erased = time.monotonic()
                job = self._jobs.take()
                if job is not None:
                    self._do(job)
                    continue
            except sa.exc.SQLAlchemyError as error:
                _log.warning("jobs wait: %s", type(error).__name__)
                self._stop.wait(_AFTER_TROUBLE_SECONDS)
            self._new.wait(_LOOK_SECONDS)
            self._new.clear()

    def _do(self, job: Job) -> None:
        future: Future[list[Answer]] | None = None
        try:
            future = self._work.work_of(job)
            if not self._awaited(job, future):
                return
            found = future.result()
        except sa.exc.SQLAlchemyError:
            raise
        except Exception as error:
            _log.error("job %s failed: %s", job.job_id, type(error).__name__)
            self._jobs.give_back(job)
            self._stop.wait(_LOOK_SECONDS)
            return
        finally:
            if future is not None and not future.done():
                self._work.abandon(future)
        records, _ = job.asked()
        _, status = self._jobs.finish(
            job, body_of(job.operation, job.batch, records, found), status_of(job.batch, found)
        )
        metrics().jobs.labels(job.operation, str(status)).inc()

    def _awaited(self, job: Job, future: Future[list[Answer]]) -> bool:
        """Wait for the answers and keep the job meanwhile; False where it is not this worker's any more."""
        prolong_at = time.monotonic() + self._jobs.prolong_seconds
        while not wait([future], _LOOK_SECONDS).done:
            if self._stop.is_set():
                self._jobs.give_back(job, counted=False)
                return False
            if time.monotonic() >= prolong_at:
                if not self._jobs.prolong(job):
                    return False
                prolong_at = time.monotonic() + self._jobs.prolong_seconds
        return True
