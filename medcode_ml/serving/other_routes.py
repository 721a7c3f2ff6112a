"""GET /v1/codes, /v1/codes/{code}, /v1/models, /healthz, /readyz, /metrics."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from medcode_ml.codes.release import NoReleaseError, release_on
from medcode_ml.serving.answering import dumped
from medcode_ml.serving.code_search import code_facts, search_codes
from medcode_ml.serving.described import JSON, answered, responses
from medcode_ml.serving.entrance import enter
from medcode_ml.serving.metrics import exposition
from medcode_ml.serving.other_answer_forms import CodeFacts, FoundCodes, Health, ModelsTold, Readiness
from medcode_ml.serving.problems import ProblemError
from medcode_ml.serving.state import Api

router = APIRouter()
Day = Annotated[date | None, Query(alias="date", description="day that decides the release; default today")]
_TROUBLE = "the version promoted last cannot be loaded; the log says why"
CodeSystem = Annotated[Literal["ICD-10-CM", "ICD-10-PCS"], Query(description="code system")]


@router.get(
    "/v1/codes",
    tags=["codes"],
    operation_id="search_codes",
    summary="Search the code set of a day by words of titles and inclusion terms, or by the beginning of a code",
    response_class=Response,
    responses=responses(401, 403, 422, 429, 503) | answered(FoundCodes),
)
async def search(
    request: Request,
    q: Annotated[str, Query(min_length=1, max_length=200, examples=["systolic heart failure"])],
    day: Day = None,
    system: CodeSystem = "ICD-10-CM",
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> Response:
    """Codes that match."""
    await enter(request, "codes")
    chosen = _day(day)
    found = await request.app.state.api.beside(lambda: search_codes(q, chosen, system, limit))
    return Response(dumped({"codes": found, "release": release_on(chosen).name, "system": system}), media_type=JSON)


@router.get(
    "/v1/codes/{code}",
    tags=["codes"],
    operation_id="code_facts",
    summary="A code on a day: title, whether it is billable and why not, hierarchy and notes",
    response_class=Response,
    responses=responses(401, 403, 404, 422, 429, 503) | answered(CodeFacts),
)
async def lookup(
    request: Request,
    code: Annotated[str, Path(max_length=16, examples=["I50.23"])],
    day: Day = None,
    system: CodeSystem = "ICD-10-CM",
) -> Response:
    """All that is known of the code."""
    await enter(request, "codes")
    chosen = _day(day)
    found = await request.app.state.api.beside(lambda: code_facts(code, chosen, system))
    if found is None:
        raise ProblemError(404, "no-such-code", f"there is no such code or category in {system}")
    return Response(dumped(found), media_type=JSON)


@router.get(
    "/v1/models",
    tags=["service"],
    operation_id="models",
    summary="The model in use of each kind, what could not be loaded, and drift alarms that suspend the auto band",
    response_class=Response,
    responses=responses(401, 403, 429, 503) | answered(ModelsTold),
)
async def models(request: Request) -> Response:
    """Versions in use."""
    await enter(request, "models")
    api: Api = request.app.state.api
    held = api.models
    told = {
        kind: {
            "version": version,
            "trained": held.trained(kind),
            "source": "folder" if held.given(kind) is not None else "registry",
            "trouble": _TROUBLE if kind in held.trouble else None,
        }
        for kind, version in held.versions().items()
    }
    answer = {"models": told, "runtime": held.runtime(), "auto_band_suspended": _suspended(api)}
    return Response(dumped(answer), media_type=JSON)


@router.get(
    "/healthz",
    tags=["service"],
    operation_id="healthz",
    summary="The worker lives",
    response_model=None,
    responses=answered(Health),
)
async def healthz() -> dict[str, str]:
    """Answered while the event loop turns."""
    return {"status": "ok"}


@router.get(
    "/readyz",
    tags=["service"],
    operation_id="readyz",
    summary="The worker can answer: models loaded, database there, not stopping",
    response_class=Response,
    responses=responses(503) | answered(Readiness),
)
async def readyz(request: Request) -> Response:
    """200, or a problem that says why not; "degraded" where an older model answers than the one promoted, or the drift
    alarms could not be read again."""
    api: Api = request.app.state.api
    why = await api.not_ready_because()
    if why:
        raise ProblemError(503, "not-ready", "; ".join(why))
    trouble = dict.fromkeys(api.models.trouble, _TROUBLE)
    if unread := api.models.unread():
        trouble["drift_alarms"] = unread
    told = {
        "status": "degraded" if trouble else "ready",
        "models": api.models.versions(),
        "trouble": trouble,
        "auto_band_suspended": _suspended(api),
    }
    return Response(dumped(told), media_type=JSON)


@router.get(
    "/metrics",
    tags=["service"],
    operation_id="metrics",
    summary="Figures for Prometheus, of all workers",
    response_class=Response,
    responses=responses(401, 403, 429, 503)
    | {200: {"description": "figures", "content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def figures(request: Request) -> Response:
    """The text that Prometheus reads."""
    await enter(request, "metrics")
    api: Api = request.app.state.api
    api.tell()
    content, media_type = await api.beside(lambda: exposition(api.metrics_dir))
    return Response(content, headers={"content-type": media_type})


def _suspended(api: Api) -> list[str]:
    """Why codes of the auto band go to review; empty where it is in use."""
    suspension = api.models.suspension
    return [] if suspension is None else [alarm.reason for alarm in suspension.alarms]


def _day(given: date | None) -> date:
    day = given or date.today()
    try:
        release_on(day)
    except NoReleaseError as error:
        raise ProblemError(422, "invalid-parameter", f"date: {error}") from None
    return day
