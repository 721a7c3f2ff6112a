"""Long work and answers under an idempotency key: rows of `served.job` that any worker may take.

A worker has a job as long as its lease, which it prolongs; when it dies the lease ends and another takes the job over.
Every taking has a mark of its own, so that who had the job before cannot touch it, not even in the same process. Owners
take turns. What a caller sent is erased when the job ends.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from medcode_ml.contracts import served
from medcode_ml.contracts.ids import record_hash
from medcode_ml.settings import Settings
from medcode_ml.store.turns import take_turn

QUEUED: Final = "queued"
RUNNING: Final = "running"
DONE: Final = "done"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"
ENDED: Final = frozenset({DONE, FAILED, CANCELLED})
LEASE: Final = timedelta(seconds=30)
MOST_ATTEMPTS: Final = 3
_JOB = served.job


class OtherRequestError(ValueError):
    """The idempotency key was used for another request."""


class FullError(RuntimeError):
    """No more jobs may wait; `own` where those of the caller alone are too many."""

    def __init__(self, detail: str, *, own: bool) -> None:
        """`detail` is for the caller."""
        super().__init__(detail)
        self.own = own


@dataclass(frozen=True)
class Room:
    """What may wait: jobs and the bytes of their requests, of one owner and of all together."""

    own_jobs: int
    own_bytes: int
    jobs: int
    bytes: int

    @staticmethod
    def of(chosen: Settings) -> Room:
        """The room that the settings give."""
        return Room(chosen.api_caller_jobs, chosen.api_caller_job_bytes, chosen.api_jobs, chosen.api_job_bytes)

    def check(self, connection: sa.Connection, owner: str, size: int) -> None:
        """Refuse another job of `owner` with a request of `size` bytes where there is no room for it.

        Raises:
            FullError: there is none.
        """
        take_turn(connection, "served.job")  # two that come at once do not both take the last place
        waiting = connection.execute(_WAITING, {"owner": owner}).one()
        if waiting.own_jobs >= self.own_jobs or waiting.own_bytes + size > self.own_bytes:
            raise FullError(f"{waiting.own_jobs} jobs of yours wait; send more when some are done", own=True)
        if waiting.jobs >= self.jobs or waiting.bytes + size > self.bytes:
            raise FullError("too many jobs wait", own=False)


_WAITING: Final = sa.text("""
SELECT count(*) AS jobs, coalesce(sum(octet_length(request)), 0) AS bytes,
       count(*) FILTER (WHERE owner = :owner) AS own_jobs,
       coalesce(sum(octet_length(request)) FILTER (WHERE owner = :owner), 0) AS own_bytes
FROM served.job WHERE status = 'queued'
""")


@dataclass(frozen=True)
class Job:
    """A row of served.job; `request` and `answer` are JSON. Who takes a job has its request, nobody else reads it."""

    job_id: str
    owner: str
    request_hash: str
    operation: str
    batch: bool
    record_count: int
    status: str
    answer: str | None
    answer_status: int | None
    attempts: int
    worker: str | None
    created_at: datetime
    finished_at: datetime | None
    request: str | None = None

    def asked(self) -> tuple[list[dict[str, Any]], date | None]:
        """The records and the day of the request."""
        held = orjson.loads(self.request or "{}")
        return held["records"], date.fromisoformat(held["as_of"]) if held["as_of"] else None

    def facts(self) -> dict[str, Any]:
        """What the owner is told, without the answer."""
        return {
            "job_id": self.job_id, "status": self.status, "operation": self.operation,
            "record_count": self.record_count, "created_at": self.created_at.isoformat(),
            "finished_at": None if self.finished_at is None else self.finished_at.isoformat(),
        }  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """A request to be kept as a job."""

    owner: str
    operation: str
    batch: bool
    records: Sequence[dict[str, Any]]
    as_of: date | None
    body: bytes

    def request_hash(self) -> str:
        """Hash of all that decides the answer."""
        head = f"{self.operation}\x1f{self.batch}\x1f{self.as_of}\x1f".encode()
        return hashlib.sha256(head + self.body).hexdigest()


class Jobs:
    """The jobs of a database."""

    def __init__(self, engine: sa.Engine, worker: str, hours: float, room: Room | None = None) -> None:
        """`worker` names this worker; jobs are kept `hours` after they came; without `room` any number may wait."""
        self._engine, self._worker, self._kept, self._room = engine, worker, timedelta(hours=hours), room

    @property
    def prolong_seconds(self) -> float:
        """How often who has a job prolongs it."""
        return LEASE.total_seconds() / 3

    def add(self, asked: Asked, key: str | None, *, mine: bool = False) -> tuple[Job, bool]:
        """Keep a request; the job and whether it is new. `mine`: this worker answers it itself, now.

        Raises:
            OtherRequestError: the caller used `key` for another request.
            FullError: too many jobs wait.
        """
        now = datetime.now(UTC)
        job_id = secrets.token_hex(10) if key is None else record_hash("job", asked.owner, key)
        digest = asked.request_hash()
        held = {"records": list(asked.records), "as_of": asked.as_of.isoformat() if asked.as_of else None}
        request = orjson.dumps(held)
        # `started_at` is left empty where the job is `mine`: it took no turn of its owner's
        row = {
            "job_id": job_id, "owner": asked.owner, "request_hash": digest, "operation": asked.operation,
            "batch": int(asked.batch), "record_count": len(asked.records), "status": RUNNING if mine else QUEUED,
            "request": request.decode(), "attempts": 1 if mine else 0, "worker": self._mark() if mine else None,
            "lease_until": now + LEASE if mine else None, "created_at": now, "expires_at": now + self._kept,
        }  # fmt: skip
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_JOB).where(_JOB.c.job_id == job_id, _JOB.c.expires_at < now))
            if self._room is not None and not mine and _found(connection, job_id) is None:
                self._room.check(connection, asked.owner, len(request))
            into = insert(_JOB).values(row).on_conflict_do_nothing().returning(_JOB.c.job_id)
            new = connection.execute(into).one_or_none() is not None
            job = _found(connection, job_id)
        if job is None:
            # forgotten this moment by the worker that had it
            raise FullError("too many requests wait for an answer", own=False)
        if job.request_hash != digest:
            raise OtherRequestError("this idempotency key was used for another request: choose a new one")
        return job, new

    def find(self, job_id: str, owner: str) -> Job | None:
        """The job of an owner, without its request; somebody else's is none."""
        with self._engine.connect() as connection:
            job = _found(connection, job_id)
        return job if job is not None and job.owner == owner else None

    def take(self) -> Job | None:
        """Take a job that waits, or one whose worker has died; None where there is none.

        It is the turn of the owner with fewest jobs running, then of the one whose last was taken longest ago; of an
        owner's jobs it is the oldest.
        """
        now = datetime.now(UTC)
        with self._engine.begin() as connection:
            row = connection.execute(_NEXT, {"now": now}).mappings().one_or_none()
            if row is None:
                return None
            if row["attempts"] >= MOST_ATTEMPTS:
                connection.execute(_ended(row["job_id"], FAILED, _GAVE_UP, 500))
                return None
            mark = {"status": RUNNING, "worker": self._mark(), "attempts": row["attempts"] + 1}
            connection.execute(
                sa.update(_JOB)
                .where(_JOB.c.job_id == row["job_id"])
                .values(**mark, lease_until=now + LEASE, started_at=now)
            )
            return _job({**row, **mark}, request=row["request"])

    def prolong(self, job: Job) -> bool:
        """Keep a job for longer; False where it is another's by now, or was cancelled."""
        with self._engine.begin() as connection:
            longer = sa.update(_JOB).where(*_had(job)).values(lease_until=datetime.now(UTC) + LEASE)
            return connection.execute(longer).rowcount == 1

    def finish(self, job: Job, answer: bytes, status: int) -> tuple[bytes, int]:
        """End a job with its answer; the one that counts, with its status: the first, where two workers had it."""
        with self._engine.begin() as connection:
            if connection.execute(_ended(job.job_id, DONE, answer.decode(), status)).rowcount == 1:
                return answer, status
            stored = _found(connection, job.job_id)
        if stored is None or stored.answer is None:
            return answer, status  # its time was over
        return stored.answer.encode(), stored.answer_status or 500

    def give_back(self, job: Job, *, counted: bool = True) -> None:
        """Let another worker, or this one, take the job again; not `counted` where nothing was wrong with it."""
        again = sa.update(_JOB).where(*_had(job))
        attempts = _JOB.c.attempts - (0 if counted else 1)
        with self._engine.begin() as connection:
            connection.execute(again.values(status=QUEUED, worker=None, lease_until=None, attempts=attempts))

    def forget(self, job: Job) -> None:
        """Delete a job that this worker took on and turns away; its key may be used again."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_JOB).where(*_had(job)))

    def cancel(self, job_id: str, owner: str) -> Job | None:
        """End a job of an owner without an answer; who works on it hears of it when it prolongs. One that has ended
        stays as it is."""
        cancelled = _ended(job_id, CANCELLED, _CANCELLED, 409).where(_JOB.c.owner == owner)
        with self._engine.begin() as connection:
            connection.execute(cancelled)
        return self.find(job_id, owner)

    def _mark(self) -> str:
        return f"{self._worker}:{secrets.token_hex(6)}"

    def erase_expired(self) -> int:
        """Delete jobs past their time; the number of them."""
        gone = sa.delete(_JOB).where(_JOB.c.expires_at < datetime.now(UTC))
        with self._engine.begin() as connection:
            return int(connection.execute(gone).rowcount)


_NEXT: Final = sa.text("""
WITH turn AS (
    SELECT owner,
           (SELECT count(*) FROM served.job r WHERE r.owner = o.owner AND r.status = 'running'
            AND r.lease_until >= :now AND r.started_at IS NOT NULL) AS running,
           (SELECT max(r.started_at) FROM served.job r WHERE r.owner = o.owner) AS last
    FROM (SELECT DISTINCT owner FROM served.job
          WHERE status = 'queued' OR (status = 'running' AND lease_until < :now)) o
)
SELECT j.* FROM served.job j JOIN turn USING (owner)
WHERE j.status = 'queued' OR (j.status = 'running' AND j.lease_until < :now)
ORDER BY turn.running, turn.last NULLS FIRST, j.created_at
LIMIT 1 FOR UPDATE OF j SKIP LOCKED
""")


def _problem(name: str, title: str, status: int, detail: str) -> str:
    told = {"type": f"urn:medcode:problem:{name}", "title": title, "status": status, "detail": detail}
    return orjson.dumps(told).decode()


_GAVE_UP: Final = _problem(
    "job-failed", "Job failed", 500,
    f"{MOST_ATTEMPTS} workers failed on this job; send smaller parts to find the record that does it",
)  # fmt: skip
_CANCELLED: Final = _problem(
    "job-cancelled", "Job cancelled", 409, "the job was cancelled; to have it done send it anew, under another key"
)


def _had(job: Job) -> tuple[sa.ColumnElement[bool], ...]:
    """The row of a job while it is still in the hands of who took it."""
    return _JOB.c.job_id == job.job_id, _JOB.c.worker == job.worker, _JOB.c.status == RUNNING


def _ended(job_id: str, status: str, answer: str, answer_status: int) -> sa.Update:
    values = {
        "status": status, "answer": answer, "answer_status": answer_status, "request": None, "worker": None,
        "lease_until": None, "finished_at": datetime.now(UTC),
    }  # fmt: skip
    return sa.update(_JOB).where(_JOB.c.job_id == job_id, _JOB.c.status.in_((QUEUED, RUNNING))).values(**values)


_TOLD: Final = (
    "job_id", "owner", "request_hash", "operation", "record_count", "status", "answer", "answer_status", "attempts",
    "worker", "created_at", "finished_at",
)  # fmt: skip


def _found(connection: sa.Connection, job_id: str) -> Job | None:
    """A job without its request, which may be megabytes."""
    query = sa.select(*(_JOB.c[name] for name in _TOLD), _JOB.c.batch).where(_JOB.c.job_id == job_id)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _job(row)


def _job(row: Any, request: str | None = None) -> Job:
    return Job(**{name: row[name] for name in _TOLD}, batch=bool(row["batch"]), request=request)
