"""GET /v1/worklist and /v1/encounters/{encounter_id}/codes: what waits for coders, what was proposed for a chart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, TypeVar

import sqlalchemy as sa
from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from medcode_ml.feedback.waiting import audits_waiting, charts_waiting, proposals_of
from medcode_ml.serving.answering import dumped
from medcode_ml.serving.described import JSON, answered, responses
from medcode_ml.serving.entrance import allow, enter
from medcode_ml.serving.other_answer_forms import Proposals, Worklist
from medcode_ml.serving.problems import ProblemError
from medcode_ml.serving.state import Api

router = APIRouter()
_ACTION = "review"
_T = TypeVar("_T")
Limit = Annotated[int, Query(ge=1, le=500, description="encounters, at most")]
Kind = Annotated[str, Query(pattern="^(review|audit)$", description="review, or audit: to be coded without proposals")]


@router.get(
    "/v1/worklist",
    tags=["review"],
    operation_id="worklist",
    summary="Encounters that wait for a coder, the heaviest first, or for an auditor; of the caller's hospitals",
    response_class=Response,
    responses=responses(401, 403, 422, 429, 503) | answered(Worklist),
)
async def worklist(request: Request, kind: Kind = "review", limit: Limit = 50) -> Response:
    """Those that wait."""
    caller = await enter(request, _ACTION)
    api: Api = request.app.state.api
    hospitals = None if "*" in caller.hospitals else list(caller.hospitals)
    read = charts_waiting if kind == "review" else audits_waiting
    found = await _read(lambda: read(api.engine, hospitals, limit))
    _told(request, {one["hospital_id"] for one in found}, len(found))
    return Response(dumped({"kind": kind, "encounters": found}), media_type=JSON)


@router.get(
    "/v1/encounters/{encounter_id}/codes",
    tags=["review"],
    operation_id="proposals",
    summary="The codes proposed for an encounter, in order, each with its evidence; who audits it must not ask",
    response_class=Response,
    responses=responses(401, 403, 404, 422, 429, 503) | answered(Proposals),
)
async def proposals(
    request: Request, encounter_id: Annotated[str, Path(max_length=200, pattern=r"^[^\x00]+$")]
) -> Response:
    """What a coder decides on."""
    caller = await enter(request, _ACTION)
    api: Api = request.app.state.api
    found = await _read(lambda: proposals_of(api.engine, encounter_id))
    # a caller of some hospitals is told the same of an encounter that is not there and of one that is another's
    await allow(request, caller, _ACTION, [] if found is None else [found["hospital_id"]])
    if found is None:
        raise ProblemError(404, "no-such-encounter", "no encounter of that id was coded")
    _told(request, {found["hospital_id"]}, 1)
    return Response(dumped(found), media_type=JSON)


async def _read(read: Callable[[], _T]) -> _T:
    try:
        return await asyncio.to_thread(read)
    except sa.exc.SQLAlchemyError:
        raise ProblemError(
            503, "unavailable", "charts cannot be read now; try again", headers={"Retry-After": "5"}
        ) from None


def _told(request: Request, hospitals: set[str], count: int) -> None:
    audit = request.scope["medcode_audit"]
    audit["hospitals"], audit["record_count"] = sorted(hospitals)[:100], count
