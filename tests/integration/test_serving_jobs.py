"""Jobs and idempotency keys: worked once, in turn, bounded, cancelled; what a poll costs, what a refusal leaves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY
from starlette.testclient import TestClient

from medcode_ml.contracts import served
from medcode_ml.operations import Answer, answer_records
from medcode_ml.serving import batching, jobs
from medcode_ml.serving.app import create_app
from medcode_ml.serving.formats import NOTE_EXAMPLE, WHOLE_EXAMPLE
from medcode_ml.serving.jobs import Asked, FullError, Job, Jobs, Room
from medcode_ml.serving.keys import SCOPES, create_key
from medcode_ml.serving.runner import Runner
from medcode_ml.serving.state import Api
from medcode_ml.settings import Settings

pytestmark = pytest.mark.integration
MUCH = 10**6


@pytest.fixture(scope="module")
def api(server_engine: sa.Engine, medcode_home: Path) -> Iterator[TestClient]:
    chosen = Settings(api_rate="100000/minute", api_workers=1, api_caller_jobs=2, api_jobs=3)
    with TestClient(create_app(chosen, server_engine), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def held(api: TestClient, database: sa.Engine) -> Api:
    found: Api = api.app.state.api  # type: ignore[attr-defined]
    return found


@pytest.fixture
def idle(held: Api) -> Iterator[Api]:
    """No job is taken while the test lasts."""
    assert held.runner is not None
    held.runner.stop(20)
    yield held
    held.runner = Runner(held.jobs, held)
    held.runner.start()


def key(engine: sa.Engine, scopes: Any = SCOPES, hospitals: Any = ("*",), rate: str | None = None) -> dict[str, str]:
    return {"Authorization": f"Bearer {create_key(engine, 'tests', scopes, hospitals, rate=rate, by='tests')}"}


def asked(owner: str, body: bytes = b"{}") -> Asked:
    return Asked(owner, "code", False, [NOTE_EXAMPLE], None, body)


def expire(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.update(served.job).values(lease_until=datetime.now(UTC) - timedelta(seconds=1)))


def test_slow_work_under_a_key_is_done_once_and_answered_alike(
    api: TestClient, held: Api, database: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked: list[int] = []

    def slowly(operation: str, records: Any, *more: Any) -> list[Answer]:
        worked.append(len(records))
        time.sleep(1.6)
        return answer_records(operation, records, *more)

    monkeypatch.setattr(jobs, "LEASE", timedelta(seconds=0.6))
    monkeypatch.setattr(batching, "answer_records", slowly)
    sent = {**key(database), "Idempotency-Key": "slow-1"}
    first = api.post("/v1/code", json=NOTE_EXAMPLE, headers=sent)
    again = api.post("/v1/code", json=NOTE_EXAMPLE, headers=sent)
    assert first.status_code == again.status_code == 200
    assert first.content == again.content
    time.sleep(0.8)  # what was put in line a second time would begin now
    assert worked == [1]


def test_who_had_a_job_before_cannot_touch_it_and_hears_the_answer_that_counts(database: sa.Engine) -> None:
    own = Jobs(database, "w1", 1)
    before, _ = own.add(asked("key:a"), "order-1", mine=True)
    expire(database)
    after = own.take()
    assert after is not None
    assert after.job_id == before.job_id
    assert not own.prolong(before)
    own.give_back(before)
    own.forget(before)
    assert own.prolong(after), "the taking before gave the job away"
    assert own.finish(after, b'{"n":2}', 200) == (b'{"n":2}', 200)
    assert own.finish(before, b'{"n":1}', 200) == (b'{"n":2}', 200)


def test_what_is_turned_away_leaves_no_job(
    api: TestClient, held: Api, database: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = {**key(database), "Idempotency-Key": "full-1"}
    notes = [{**NOTE_EXAMPLE, "record_id": str(n)} for n in range(3000)]
    monkeypatch.setattr(batching, "MOST_WAITING", 1)
    long = held.batcher.submit("code", notes, held.models.current, bounded=False)
    try:
        refused = api.post("/v1/code", json=NOTE_EXAMPLE, headers=sent)
    finally:
        held.batcher.abandon(long)
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:medcode:problem:overloaded")
    with database.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(served.job)).scalar_one() == 0
    assert api.post("/v1/code", json=NOTE_EXAMPLE, headers=sent).status_code == 200


def test_owners_take_turns(database: sa.Engine) -> None:
    own = Jobs(database, "w1", 1)
    for owner in ("key:a", "key:a", "key:a", "key:b", "key:c"):
        own.add(asked(owner), None)
    own.add(asked("key:c"), "answered at once", mine=True)  # takes no turn
    taken: list[str] = []
    while (job := own.take()) is not None:
        taken.append(job.owner)
        own.finish(job, b"{}", 200)
    assert taken == ["key:a", "key:b", "key:c", "key:a", "key:a"]


def test_the_owner_with_fewest_running_is_next(database: sa.Engine) -> None:
    first, second = Jobs(database, "w1", 1), Jobs(database, "w2", 1)
    for owner in ("key:a", "key:a", "key:a", "key:b", "key:b"):
        first.add(asked(owner), None)
    taken = [one.take() for one in (first, second, first, second)]
    assert [job.owner for job in taken if job is not None] == ["key:a", "key:b", "key:a", "key:b"]


def test_what_may_wait_is_bounded_by_caller_and_in_all(database: sa.Engine) -> None:
    own = Jobs(database, "w1", 1, Room(2, MUCH, 3, MUCH))
    own.add(asked("key:a"), "mine-1")
    own.add(asked("key:a"), None)
    with pytest.raises(FullError) as told:
        own.add(asked("key:a"), None)
    assert told.value.own
    _, new = own.add(asked("key:a"), "mine-1")
    assert not new, "a request that waits already may be repeated"
    own.add(asked("key:b"), None)
    with pytest.raises(FullError) as told:
        own.add(asked("key:c"), None)
    assert not told.value.own
    own.add(asked("key:c"), "now", mine=True)  # waits for nobody
    size = len(own.take().request or "")  # type: ignore[union-attr]
    for room, is_own in ((Room(9, 2 * size, 9, MUCH), True), (Room(9, MUCH, 9, 3 * size - 1), False)):
        with pytest.raises(FullError) as told:
            Jobs(database, "w1", 1, room).add(asked("key:a", b"other"), None)
            Jobs(database, "w1", 1, room).add(asked("key:a", b"other"), None)
        assert told.value.own is is_own


def test_a_full_line_is_told_and_a_cancelled_job_makes_room(api: TestClient, idle: Api, database: sa.Engine) -> None:
    a, b, c = (key(database) | {"Prefer": "respond-async"} for _ in range(3))
    first, second, third = (api.post("/v1/code", json=NOTE_EXAMPLE, headers=a) for _ in range(3))
    assert [first.status_code, second.status_code, third.status_code] == [202, 202, 429]
    assert third.json()["type"] == "urn:medcode:problem:too-many-jobs"
    assert int(third.headers["retry-after"]) >= 1
    assert api.post("/v1/code", json=NOTE_EXAMPLE, headers=b).status_code == 202
    full = api.post("/v1/code", json=NOTE_EXAMPLE, headers=c)
    assert (full.status_code, full.json()["type"]) == (503, "urn:medcode:problem:overloaded")
    place = first.headers["location"]
    assert api.delete(place, headers=b).status_code == 404, "it is another's"
    gone = api.delete(place, headers=a)
    assert (gone.status_code, gone.json()["status"]) == (200, "cancelled")
    found = api.get(place, headers=a).json()
    assert (found["status"], found["answer_status"]) == ("cancelled", 409)
    assert found["answer"]["type"] == "urn:medcode:problem:job-cancelled"
    assert api.post("/v1/code", json=NOTE_EXAMPLE, headers=c).status_code == 202
    with database.connect() as connection:
        sent = sa.select(served.job.c.request).where(served.job.c.job_id == place.rsplit("/", 1)[1])
        assert connection.execute(sent).scalar_one() is None, "what was sent is erased"


class Endless:
    """Work that nobody finishes while the test lasts."""

    def __init__(self) -> None:
        self.future: Future[list[Answer]] = Future()
        self.abandoned = 0

    def work_of(self, job: Job) -> Future[list[Answer]]:
        self.future.set_running_or_notify_cancel()
        return self.future

    def abandon(self, future: Future[list[Answer]]) -> None:
        self.abandoned += 1


def test_a_cancelled_job_is_stopped_where_it_runs_and_an_ended_one_stays(
    database: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "LEASE", timedelta(seconds=1.5))
    own, work = Jobs(database, "w1", 1), Endless()
    job, _ = own.add(asked("key:a"), None)
    runner = Runner(own, work)
    runner.start()
    try:
        assert until(lambda: work.future.running())
        assert own.cancel(job.job_id, "key:b") is None
        cancelled = own.cancel(job.job_id, "key:a")
        assert cancelled is not None
        assert cancelled.status == "cancelled"
        assert until(lambda: work.abandoned == 1), "it is worked on still"
    finally:
        runner.stop(20)
    done, _ = own.add(asked("key:a"), "done", mine=True)
    own.finish(done, b'{"n":1}', 200)
    still = own.cancel(done.job_id, "key:a")
    assert still is not None
    assert (still.status, still.answer) == ("done", '{"n":1}')


def until(holds: Any, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return bool(holds())


def test_a_poll_reads_no_request_back(database: sa.Engine) -> None:
    own = Jobs(database, "w1", 1)
    job, _ = own.add(asked("key:a"), None)
    found = own.find(job.job_id, "key:a")
    assert found is not None
    assert job.request is found.request is None
    taken = own.take()
    assert taken is not None
    assert taken.asked() == ([NOTE_EXAMPLE], None)


def denied(why: str) -> float:
    return REGISTRY.get_sample_value("medcode_api_denied_total", {"why": why}) or 0.0


def test_a_poll_costs_one_request_and_no_refusal(api: TestClient, held: Api, database: sa.Engine) -> None:
    caller = key(database, ["encounter"], rate="4/minute")
    place = api.post("/v1/encounters", json=WHOLE_EXAMPLE, headers={**caller, "Prefer": "respond-async"}).headers[
        "location"
    ]
    before = denied("scope")
    assert [api.get(place, headers=caller).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert denied("scope") == before
    stranger = key(database, ["codes"])
    assert api.get(place, headers=stranger).status_code == 403
    assert denied("scope") == before + 1


def test_records_of_which_some_name_no_hospital_are_refused_and_counted(
    api: TestClient, held: Api, database: sa.Engine
) -> None:
    both, before = key(database, ["code"], ["H1", "H2"]), denied("hospital")
    mixed = {"records": [{**NOTE_EXAMPLE, "hospital_id": "H1"}, NOTE_EXAMPLE]}
    answer = api.post("/v1/code/batch", json=mixed, headers=both)
    assert answer.status_code == 403
    assert denied("hospital") == before + 1
    held.access.load()
    with database.connect() as connection:
        query = sa.select(served.access).where(served.access.c.request_id == answer.headers["x-request-id"])
        row = connection.execute(query).mappings().one()
    assert (row["decision"], row["status"], row["hospitals"]) == ("hospital", 403, ["H1"])


@pytest.mark.parametrize(("operation", "record"), [("code", NOTE_EXAMPLE), ("encounter", WHOLE_EXAMPLE)])
def test_nobody_works_on_for_a_caller_who_is_gone(held: Api, operation: str, record: dict[str, Any]) -> None:
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(held.answers(operation, [record] * 2000, None), 0.4))
    assert (held.batcher.waiting, held.ways.waiting) == (0, 0)
