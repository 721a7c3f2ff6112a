"""The outermost layer: request ids, the limit of a body, the time an answer may take, audit rows and figures.

Nothing gets past it: an error that nobody foresaw is a problem with the request's id here, and goes to the log by its
type alone, because the message of an error may hold what a record says.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from medcode_ml.logs import logger
from medcode_ml.serving.metrics import metrics
from medcode_ml.serving.problems import ProblemError, problem_response

_UNAUDITED = frozenset({"/healthz", "/readyz"})
_log = logger("serving")


class Outermost:
    """Wraps the app; `scope["medcode_audit"]` collects what the audit row says."""

    def __init__(self, app: ASGIApp, body_bytes: int, seconds: float) -> None:
        """Bodies of at most `body_bytes`, answers within `seconds`."""
        self._app, self._bytes, self._seconds = app, body_bytes, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, at = time.perf_counter(), datetime.now(UTC)
        request_id = uuid4().hex
        scope["medcode_request_id"] = request_id
        audit: dict[str, Any] = {"subject": "anonymous", "decision": "none", "record_count": 0, "hospitals": []}
        scope["medcode_audit"] = audit
        status = 0
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                if read > self._bytes:
                    raise self._too_large()
            return message

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode()),
                                      (b"cache-control", b"no-store")]  # fmt: skip
            await send(message)

        async def told(error: ProblemError) -> None:
            if not status:
                await problem_response(error, request_id)(scope, receive, named)

        told_figures = metrics()
        told_figures.in_flight.inc()
        try:
            if _length(scope) > self._bytes:
                raise self._too_large()
            async with asyncio.timeout(self._seconds):
                await self._app(scope, counted, named)
        except ProblemError as error:
            await told(error)
        except TimeoutError:
            await told(
                ProblemError(
                    504,
                    "timeout",
                    f"the answer took more than {self._seconds:g} seconds; send less, or with the header "
                    "Prefer: respond-async",
                )
            )
        except Exception as error:
            _log.error("request %s failed: %s", request_id, _chain(error))
            await told(
                ProblemError(500, "internal-error", "medcode failed on this request; its id finds it in the log")
            )
        finally:
            told_figures.in_flight.dec()
            self._record(scope, audit, status or 499, at, time.perf_counter() - began, request_id)

    def _too_large(self) -> ProblemError:
        return ProblemError(413, "body-too-large", f"the body has more than {self._bytes} bytes; send it in parts")

    def _record(
        self, scope: Scope, audit: dict[str, Any], status: int, at: datetime, seconds: float, request_id: str
    ) -> None:
        route = getattr(scope.get("route"), "path", "(none)")
        method = scope["method"] if scope["method"] in _METHODS else "(other)"
        told = metrics()
        told.requests.labels(route, method, str(status)).inc()
        told.seconds.labels(route, method).observe(seconds)
        api = getattr(scope["app"].state, "api", None) if "app" in scope else None
        if api is None or route in _UNAUDITED:
            return
        api.access.write(
            {
                "at": at.isoformat(),
                "request_id": request_id,
                **audit,
                "method": method,
                "route": route,
                "status": status,
                "milliseconds": round(seconds * 1000, 3),
            }
        )


_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"})


def _length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


def _chain(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else f" at {trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
    return f"{type(error).__name__}{where}"
