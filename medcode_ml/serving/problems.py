"""Every error as `application/problem+json` (RFC 9457): what was wrong, where, what to do; no value of a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from medcode_ml.logs import logger

MEDIA_TYPE: Final = "application/problem+json"
_log = logger("serving")


class ProblemDetails(BaseModel):
    """An error as RFC 9457 describes it."""

    model_config = ConfigDict(extra="allow")
    type: str = Field(default="about:blank", description="kind of problem, urn:medcode:problem:<name>")
    title: str = Field(description="the same for every problem of its kind")
    status: int = Field(description="HTTP status")
    detail: str = Field(description="what was wrong here, and what to do")
    instance: str | None = Field(default=None, description="urn of the request, as X-Request-Id names it")
    errors: list[dict[str, str]] | None = Field(default=None, description="places in the body: pointer and detail")


class ProblemError(Exception):
    """Ends a request with a problem."""

    def __init__(
        self,
        status: int,
        name: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`name` is the kind (in the URN), `detail` a sentence for the caller, `errors` places in the body."""
        super().__init__(detail)
        self.status, self.name, self.detail = status, name, detail
        self.errors, self.headers = list(errors), dict(headers or {})


def problem_body(error: ProblemError, request_id: str | None = None) -> dict[str, Any]:
    """The JSON object of a problem."""
    body: dict[str, Any] = {
        "type": f"urn:medcode:problem:{error.name}",
        "title": error.name.replace("-", " ").capitalize(),
        "status": error.status,
        "detail": error.detail,
    }
    if request_id is not None:
        body["instance"] = f"urn:medcode:request:{request_id}"
    if error.errors:
        body["errors"] = error.errors
    return body


def problem_response(error: ProblemError, request_id: str | None = None) -> Response:
    """The HTTP answer of a problem."""
    content = orjson.dumps(problem_body(error, request_id))
    return Response(content, status_code=error.status, media_type=MEDIA_TYPE, headers=error.headers)


def answer_with_problems(app: FastAPI) -> None:
    """Make every error of `app` a problem: ours, those of the framework, and what nobody foresaw."""

    def of_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, ProblemError)
        return problem_response(error, request_id_of(request))

    def of_framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = HTTPStatus(error.status_code)
        detail = {
            404: "there is nothing at this path; /openapi.json lists what there is",
            405: "this path takes another method; the header Allow names it",
        }.get(error.status_code, status.phrase)
        name = status.phrase.lower().replace(" ", "-")
        return problem_response(
            ProblemError(error.status_code, name, detail, headers=error.headers), request_id_of(request)
        )

    def of_parameters(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        errors = [{"pointer": "/".join(map(str, e["loc"])), "detail": str(e["msg"])} for e in error.errors()]
        told = ProblemError(422, "invalid-parameter", "a parameter has not the form it should have", errors=errors)
        return problem_response(told, request_id_of(request))

    def of_nobody(request: Request, error: Exception) -> Response:
        _log.error("request %s failed: %s", request_id_of(request), type(error).__name__)
        told = ProblemError(500, "internal-error", "medcode failed on this request; its id finds it in the log")
        return problem_response(told, request_id_of(request))

    app.add_exception_handler(ProblemError, of_problem)
    app.add_exception_handler(HTTPException, of_framework)
    app.add_exception_handler(RequestValidationError, of_parameters)
    app.add_exception_handler(Exception, of_nobody)


def request_id_of(request: Request) -> str | None:
    """The id that the outermost layer gave the request."""
    return request.scope.get("medcode_request_id")
