"""POST /v1/code, /v1/rank, /v1/bill, /v1/price, /v1/encounters, /v1/decisions, and their batches."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import Annotated, Any, Final

import sqlalchemy as sa
from fastapi import FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from medcode_ml.codes.release import NoReleaseError, release_on
from medcode_ml.serving.answer_forms import MANY_ANSWERS, ONE_ANSWER, AcceptedJob
from medcode_ml.serving.answering import answer_response, body_of, status_of
from medcode_ml.serving.batching import OverloadedError
from medcode_ml.serving.chart_desk import SENT_BY
from medcode_ml.serving.described import JSON, answered, responses
from medcode_ml.serving.entrance import HOSPITAL_HEADER, allow, enter, refused
from medcode_ml.serving.formats import MANY, ONE
from medcode_ml.serving.identity import Caller
from medcode_ml.serving.job_routes import answered_once, router, taken_on
from medcode_ml.serving.jobs import Asked, FullError, OtherRequestError
from medcode_ml.serving.problems import ProblemError
from medcode_ml.serving.reading import read_records
from medcode_ml.serving.state import Api
from medcode_ml.serving.uploads import BODY, MULTIPART, read_upload

_HOSPITAL: Final = re.compile(r"[A-Za-z0-9_.\-]{1,40}")
_KEY: Final = re.compile(r"^[\x21-\x7e]{1,200}$")
_PARSED_HERE_BYTES: Final = 65_536
"""Larger bodies are read in a thread, so that other connections go on."""
_FIRST_DAY, _LAST_DAY = date(2015, 10, 1), date(2100, 1, 1)
_PATHS: Final = {
    "code": ("/v1/code", "Code a note in ICD-10-CM, best code first, each with the characters it rests on"),
    "rank": ("/v1/rank", "Put the codes of an encounter in reporting order, each place with its reasons"),
    "bill": ("/v1/bill", "Edit, group and price a ranked encounter, factor by factor"),
    "price": ("/v1/price", "Predict the charges and payments of a case with 90% intervals"),
    "encounter": ("/v1/encounters", "Take an encounter the whole way: read its documents, code, rank and bill"),
    "review": ("/v1/decisions", "Record what a coder decided about the codes of an encounter"),
}
_DATED: Final = frozenset({"code", "bill", "encounter"})
AsOf = Annotated[
    date | None,
    Query(
        description="discharge date of records without one, and day of billing; default today", examples=["2026-11-15"]
    ),
]


def add_record_routes(app: FastAPI) -> None:
    """Add the routes of every operation, one record and many."""
    for operation, (path, summary) in _PATHS.items():
        for batch in (False, True):
            app.add_api_route(
                path + "/batch" * batch,
                _endpoint(operation, batch),
                methods=["POST"],
                name=f"{operation}{'_batch' * batch}",
                operation_id=f"{operation}{'_batch' * batch}",
                summary=summary + ("; many at once" if batch else ""),
                tags=["records"],
                response_class=Response,
                responses=responses(400, 401, 403, 409, 413, 415, 422, 429, 500, 503, 504)
                | answered((MANY_ANSWERS if batch else ONE_ANSWER)[operation])
                | answered(AcceptedJob, "accepted as a job; Location says where its answer will be", 202),
                openapi_extra=_described(operation, batch),
            )
    app.include_router(router)


def _described(operation: str, batch: bool) -> dict[str, Any]:
    model = (MANY if batch else ONE)[operation]
    schema: dict[str, Any] = {"$ref": f"#/components/schemas/{model.__name__}"}
    example = (ONE[operation].model_config.get("json_schema_extra") or {})["examples"][0]  # type: ignore[index,call-overload]
    uploads = operation == "encounter" and not batch
    content = {"schema": schema, "example": {"records": [example]} if batch else example}
    headers = {
        "Prefer": "respond-async asks for 202 and a job",
        "Idempotency-Key": "the same key with the same body gives the same answer; with another body it is refused",
        "Medcode-Hospital": "hospital_id of records that do not name theirs",
    }
    return {
        "requestBody": {"required": True, "content": {JSON: content} | ({MULTIPART: BODY} if uploads else {})},
        "parameters": [
            {"name": name, "in": "header", "required": False, "description": said, "schema": {"type": "string"}}
            for name, said in headers.items()
        ],
    }


def _endpoint(operation: str, batch: bool) -> Callable[..., Awaitable[Response]]:
    async def dated(request: Request, as_of: AsOf = None) -> Response:
        return await _answer(request, operation, batch, as_of)

    async def undated(request: Request) -> Response:
        return await _answer(request, operation, batch, None)

    return dated if operation in _DATED else undated


async def _answer(request: Request, operation: str, batch: bool, as_of: date | None) -> Response:
    api: Api = request.app.state.api
    caller = await enter(request, operation)
    _check_day(operation, as_of)
    sent_as = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    uploads = operation == "encounter" and not batch
    if sent_as == JSON:
        body = await request.body()
    elif uploads and sent_as == MULTIPART:
        body = await read_upload(request, api.limits.body_bytes)
    else:
        also = f" or {MULTIPART}" if uploads else ""
        raise ProblemError(415, "unsupported-media-type", f"send the body as {JSON}{also}")
    read = (body, operation, batch, api.limits)
    small = len(body) <= _PARSED_HERE_BYTES
    records = read_records(*read) if small else await api.beside(lambda: read_records(*read))
    audit = request.scope["medcode_audit"]
    audit["record_count"] = len(records)
    if operation == "review":
        records = [{**record, SENT_BY: caller.subject} for record in records]
        hospitals = await _hospitals_of_charts(api, records)
    else:
        hospitals = _hospitals(request, caller, records)
    audit["hospitals"] = sorted(hospitals)[:100]
    await allow(request, caller, operation, sorted(hospitals))
    asked = Asked(caller.subject, operation, batch, records, as_of, body)
    key = _idempotency_key(request)
    wants_job = "respond-async" in request.headers.get("prefer", "").lower() or len(body) > api.limits.async_bytes
    try:
        if wants_job:
            return await taken_on(api, asked, key)
        if key is not None:
            return await answered_once(api, asked, key)
        found = await api.answers(operation, records, as_of)
    except (OverloadedError, FullError) as error:
        raise ProblemError(503, "overloaded", f"{error}; try again", headers={"Retry-After": "2"}) from None
    except OtherRequestError as error:
        raise ProblemError(422, "idempotency-key-reused", str(error)) from None
    except sa.exc.SQLAlchemyError:
        raise ProblemError(
            503, "unavailable", "this cannot be kept now; try again", headers={"Retry-After": "5"}
        ) from None
    return answer_response(body_of(operation, batch, records, found), status_of(batch, found))


async def _hospitals_of_charts(api: Api, records: Sequence[dict[str, Any]]) -> set[str]:
    """The hospitals of the encounters: what a client says of them is not asked."""
    try:
        return await asyncio.to_thread(api.desk.hospitals, records)
    except sa.exc.SQLAlchemyError:
        raise ProblemError(
            503, "unavailable", "charts cannot be read now; try again", headers={"Retry-After": "5"}
        ) from None


def _hospitals(request: Request, caller: Caller, records: Sequence[dict[str, Any]]) -> set[str]:
    """The hospitals that the records belong to; where one names none, the header's or the caller's only one."""
    named = request.headers.get(HOSPITAL_HEADER)
    if named is None and len(caller.hospitals) == 1 and caller.hospitals[0] != "*":
        named = caller.hospitals[0]
    found: set[str] = set()
    unnamed = False
    for record in records:
        provider = record.get("provider")
        own = (
            record.get("hospital_id") or (provider.get("hospital_id") if isinstance(provider, dict) else None) or named
        )
        if own is None:
            unnamed = True
        elif isinstance(own, str) and _HOSPITAL.fullmatch(own):
            found.add(own)
        else:
            raise ProblemError(422, "invalid-hospital", "hospital_id is 1 to 40 letters, digits, dots, - and _")
    if unnamed and found and "*" not in caller.hospitals:
        audit = request.scope["medcode_audit"]
        audit["hospitals"] = sorted(found)[:100]
        told = "some records name no hospital; name it, or send Medcode-Hospital"
        raise refused(audit, "hospital", ProblemError(403, "forbidden", told))
    return found


def _check_day(operation: str, as_of: date | None) -> None:
    if as_of is None:
        return
    try:
        if operation == "bill":
            if not _FIRST_DAY <= as_of <= _LAST_DAY:
                raise ProblemError(422, "invalid-parameter", f"as_of must lie between {_FIRST_DAY} and {_LAST_DAY}")
        else:
            release_on(as_of)
    except NoReleaseError as error:
        raise ProblemError(422, "invalid-parameter", f"as_of: {error}") from None


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not _KEY.match(key):
        raise ProblemError(422, "invalid-idempotency-key", "an idempotency key is 1 to 200 visible characters of ASCII")
    return key
