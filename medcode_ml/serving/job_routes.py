"""GET and DELETE /v1/jobs/{job_id}; requests that become jobs, and those that are answered under an idempotency key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Final, TypeVar

import orjson
import sqlalchemy as sa
from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from medcode_ml.logs import logger
from medcode_ml.serving.answer_forms import JobAnswer
from medcode_ml.serving.answering import answer_response, body_of, status_of
from medcode_ml.serving.batching import OverloadedError
from medcode_ml.serving.described import answered, responses
from medcode_ml.serving.entrance import allow, enter_any
from medcode_ml.serving.formats import ONE
from medcode_ml.serving.jobs import ENDED, Asked, FullError, Job
from medcode_ml.serving.problems import ProblemError
from medcode_ml.serving.state import Api

router = APIRouter()
JobId = Annotated[str, Path(pattern="^[0-9a-f]{20}$")]
_T = TypeVar("_T")
_log: Final = logger("serving.jobs")


async def taken_on(api: Api, asked: Asked, key: str | None) -> Response:
    """Take a request on as a job: 202, or 429 and 503 where too many wait."""
    try:
        job, _ = await asyncio.to_thread(api.jobs.add, asked, key)
    except FullError as error:
        status, name = (429, "too-many-jobs") if error.own else (503, "overloaded")
        raise ProblemError(status, name, f"{error}; try again later", headers={"Retry-After": "10"}) from None
    if api.runner is not None:
        api.runner.wake()
    place = f"/v1/jobs/{job.job_id}"
    told = orjson.dumps({**job.facts(), "href": place})
    return answer_response(told, 202, {"Location": place, "Retry-After": "1"})


async def answered_once(api: Api, asked: Asked, key: str) -> Response:
    """Answer now, under an idempotency key; a second request with it gets the first one's answer."""
    job, new = await asyncio.to_thread(lambda: api.jobs.add(asked, key, mine=True))
    if not new:
        if job.status in ENDED:
            return answer_response((job.answer or "").encode(), job.answer_status or 500)
        raise ProblemError(
            409, "still-running", "the first request with this idempotency key is not answered yet; try again",
            headers={"Retry-After": "1"},
        )  # fmt: skip
    keeping = asyncio.create_task(_keep(api, job))
    try:
        found = await api.answers(asked.operation, list(asked.records), asked.as_of)
    except OverloadedError:
        # turned away is turned away: nothing of it is left to be done
        await asyncio.shield(asyncio.to_thread(api.jobs.forget, job))
        raise
    except BaseException:
        # not this worker's any more: the job is done in the background, and a repeated request finds the answer
        await asyncio.shield(asyncio.to_thread(lambda: api.jobs.give_back(job, counted=False)))
        raise
    finally:
        keeping.cancel()
    own = body_of(asked.operation, asked.batch, asked.records, found)
    return answer_response(*await asyncio.to_thread(api.jobs.finish, job, own, status_of(asked.batch, found)))


async def _keep(api: Api, job: Job) -> None:
    """Prolong a job until this is cancelled, or the job is another worker's."""
    kept = True
    while kept:
        await asyncio.sleep(api.jobs.prolong_seconds)
        try:
            kept = await asyncio.to_thread(api.jobs.prolong, job)
        except sa.exc.SQLAlchemyError as error:  # the next time may come before the lease ends
            _log.warning("a job in hand cannot be prolonged: %s", type(error).__name__)


@router.get(
    "/v1/jobs/{job_id}",
    tags=["records"],
    operation_id="job",
    summary="A job: its state, and its answer once it is done",
    response_class=Response,
    responses=responses(401, 403, 404, 422, 429, 503) | answered(JobAnswer, "the job"),
)
async def job(request: Request, job_id: JobId) -> Response:
    """The job of the caller; somebody else's does not exist for them."""
    return _told(await _own(request, job_id))


@router.delete(
    "/v1/jobs/{job_id}",
    tags=["records"],
    operation_id="cancel_job",
    summary="Cancel a job: one that waits is not begun, one that runs is stopped soon; one that has ended stays",
    response_class=Response,
    responses=responses(401, 403, 404, 422, 429, 503) | answered(JobAnswer, "the job as it is now"),
)
async def cancel(request: Request, job_id: JobId) -> Response:
    """End the job of the caller."""
    api: Api = request.app.state.api
    found = await _own(request, job_id)
    return _told(_there(await _read(lambda: api.jobs.cancel(job_id, found.owner))))


async def _own(request: Request, job_id: str) -> Job:
    """The job of a caller, who may do what was asked."""
    api: Api = request.app.state.api
    # whose it is decides, then the scope of what was asked
    caller = await enter_any(request, tuple(ONE))
    found = _there(await _read(lambda: api.jobs.find(job_id, caller.subject)))
    await allow(request, caller, found.operation, [h for h in caller.hospitals if h != "*"])
    return found


def _there(found: Job | None) -> Job:
    if found is None:
        raise ProblemError(404, "no-such-job", "there is no such job of yours, or its time is over")
    return found


async def _read(read: Callable[[], _T]) -> _T:
    try:
        return await asyncio.to_thread(read)
    except sa.exc.SQLAlchemyError:
        raise ProblemError(
            503, "unavailable", "jobs cannot be read now; try again", headers={"Retry-After": "5"}
        ) from None


def _told(found: Job) -> Response:
    told = orjson.dumps({**found.facts(), "answer_status": found.answer_status})
    if found.answer is not None:
        told = told[:-1] + b',"answer":' + found.answer.encode() + b"}"
    return answer_response(told, 200, {} if found.status in ENDED else {"Retry-After": "1"})
