"""Long work and answers under an idempotency key: rows of `served.job` that any worker may take.

A worker has a job as long as its lease, which it prolongs; when it dies the lease ends and another takes the job over.
Taking is `FOR UPDATE SKIP LOCKED`, so no two workers have one job. What a caller sent is erased when the job ends.
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

QUEUED: Final = "queued"
RUNNING: Final = "running"
DONE: Final = "done"
FAILED: Final = "failed"
LEASE: Final = timedelta(seconds=30)
MOST_ATTEMPTS: Final = 3
_JOB = served.job


class OtherRequestError(ValueError):
    """The idempotency key was used for another request."""


@dataclass(frozen=True)
class Job:
    """A row of served.job; `request` and `answer` are JSON."""

    job_id: str
    owner: str
    request_hash: str
    operation: str
    batch: bool
    record_count: int
    status: str
    request: str | None
    answer: str | None
    answer_status: int | None
    attempts: int
    created_at: datetime
    finished_at: datetime | None

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

    def __init__(self, engine: sa.Engine, worker: str, hours: float) -> None:
        """`worker` names this worker; jobs are kept `hours` after they came."""
        self._engine, self._worker, self._kept = engine, worker, timedelta(hours=hours)

    def add(self, asked: Asked, key: str | None, *, mine: bool = False) -> tuple[Job, bool]:
        """Keep a request; the job and whether it is new. `mine`: this worker answers it itself, now.

        Raises:
            OtherRequestError: the caller used `key` for another request.
        """
        now = datetime.now(UTC)
        job_id = secrets.token_hex(10) if key is None else record_hash("job", asked.owner, key)
        digest = asked.request_hash()
        held = {"records": list(asked.records), "as_of": asked.as_of.isoformat() if asked.as_of else None}
        row = {
            "job_id": job_id, "owner": asked.owner, "request_hash": digest, "operation": asked.operation,
            "batch": int(asked.batch), "record_count": len(asked.records), "status": RUNNING if mine else QUEUED,
            "request": orjson.dumps(held).decode(), "attempts": 1 if mine else 0,
            "worker": self._worker if mine else None, "lease_until": now + LEASE if mine else None,
            "created_at": now, "started_at": now if mine else None, "expires_at": now + self._kept,
        }  # fmt: skip
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_JOB).where(_JOB.c.job_id == job_id, _JOB.c.expires_at < now))
            into = insert(_JOB).values(row).on_conflict_do_nothing().returning(_JOB.c.job_id)
            new = connection.execute(into).one_or_none() is not None
            job = _job(connection.execute(sa.select(_JOB).where(_JOB.c.job_id == job_id)).mappings().one())
        if job.request_hash != digest:
            raise OtherRequestError("this idempotency key was used for another request: choose a new one")
        return job, new

    def find(self, job_id: str, owner: str) -> Job | None:
        """The job of an owner; somebody else's is none."""
        query = sa.select(_JOB).where(_JOB.c.job_id == job_id, _JOB.c.owner == owner)
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else _job(row)

    def take(self) -> Job | None:
        """Take the job that waits longest, or one whose worker has died; None where there is none."""
        now = datetime.now(UTC)
        free = (_JOB.c.status == QUEUED) | ((_JOB.c.status == RUNNING) & (_JOB.c.lease_until < now))
        with self._engine.begin() as connection:
            query = sa.select(_JOB).where(free).order_by(_JOB.c.created_at).limit(1).with_for_update(skip_locked=True)
            row = connection.execute(query).mappings().one_or_none()
            if row is None:
                return None
            if row["attempts"] >= MOST_ATTEMPTS:
                connection.execute(_ended(row["job_id"], FAILED, _GAVE_UP, 500))
                return None
            mark = {"status": RUNNING, "worker": self._worker, "attempts": row["attempts"] + 1}
            connection.execute(
                sa.update(_JOB)
                .where(_JOB.c.job_id == row["job_id"])
                .values(**mark, lease_until=now + LEASE, started_at=now)
            )
            return _job({**row, **mark})

    def prolong(self, job_id: str) -> bool:
        """Keep a job for longer; False where another worker has it by now."""
        mine = sa.update(_JOB).where(_JOB.c.job_id == job_id, _JOB.c.worker == self._worker, _JOB.c.status == RUNNING)
        with self._engine.begin() as connection:
            return connection.execute(mine.values(lease_until=datetime.now(UTC) + LEASE)).rowcount == 1

    def finish(self, job_id: str, answer: bytes, status: int) -> None:
        """End a job with its answer; the first answer counts where two workers had it in turn."""
        with self._engine.begin() as connection:
            connection.execute(_ended(job_id, DONE, answer.decode(), status))

    def give_back(self, job_id: str, *, counted: bool = True) -> None:
        """Let another worker, or this one, take the job again; not `counted` where nothing was wrong with it."""
        mine = sa.update(_JOB).where(_JOB.c.job_id == job_id, _JOB.c.worker == self._worker, _JOB.c.status == RUNNING)
        again = mine.values(
            status=QUEUED, worker=None, lease_until=None, attempts=_JOB.c.attempts - (0 if counted else 1)
        )
        with self._engine.begin() as connection:
            connection.execute(again)

    def erase_expired(self) -> int:
        """Delete jobs past their time; the number of them."""
        gone = sa.delete(_JOB).where(_JOB.c.expires_at < datetime.now(UTC))
        with self._engine.begin() as connection:
            return int(connection.execute(gone).rowcount)


_GAVE_UP: Final = orjson.dumps(
    {
        "type": "urn:medcode:problem:job-failed",
        "title": "Job failed",
        "status": 500,
        "detail": f"{MOST_ATTEMPTS} workers failed on this job; send smaller parts to find the record that does it",
    }
).decode()


def _ended(job_id: str, status: str, answer: str, answer_status: int) -> sa.Update:
    values = {
        "status": status, "answer": answer, "answer_status": answer_status, "request": None, "worker": None,
        "lease_until": None, "finished_at": datetime.now(UTC),
    }  # fmt: skip
    return sa.update(_JOB).where(_JOB.c.job_id == job_id, _JOB.c.status.in_((QUEUED, RUNNING))).values(**values)


def _job(row: Any) -> Job:
    names = (
        "job_id", "owner", "request_hash", "operation", "record_count", "status", "request", "answer", "answer_status",
        "attempts", "created_at", "finished_at",
    )  # fmt: skip
    return Job(**{name: row[name] for name in names}, batch=bool(row["batch"]))
