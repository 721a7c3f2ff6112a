"""The application: routes, problems, OpenAPI document, and what a worker holds while it lives."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any, Final

import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from medcode_ml.serving.chart_routes import router as chart_router
from medcode_ml.serving.described import answer_schemas
from medcode_ml.serving.docs_page import add_docs
from medcode_ml.serving.formats import MANY, ONE
from medcode_ml.serving.in_use import ModelsInUse
from medcode_ml.serving.other_routes import router
from medcode_ml.serving.outermost import Outermost
from medcode_ml.serving.problems import ProblemDetails, answer_with_problems
from medcode_ml.serving.record_routes import add_record_routes
from medcode_ml.serving.state import Api
from medcode_ml.settings import Settings, settings

_REF: Final = "#/components/schemas/{model}"


def create_app(
    chosen: Settings | None = None, engine: sa.Engine | None = None, models: ModelsInUse | None = None
) -> FastAPI:
    """The app for `chosen` settings and an engine, those of the process by default; `models` load when it starts."""
    held = chosen or settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        from medcode_ml.store.database import engine as usual_engine

        api = await asyncio.to_thread(lambda: Api.open(held, engine or usual_engine(), models))
        app.state.api = api
        if threading.current_thread() is threading.main_thread():
            with contextlib.suppress(NotImplementedError):
                asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, api.models.look_now)
        yield
        api.draining = True
        await api.beside(api.close)

    app = FastAPI(
        title="medcode",
        version=version("medcode"),
        summary="Charts in; codes, order and bill out.",
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,  # with files of our own, below
        redoc_url=None,
    )
    answer_with_problems(app)
    add_record_routes(app)
    app.include_router(router)
    app.include_router(chart_router)
    add_docs(app)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    app.add_middleware(Outermost, body_bytes=held.api_body_bytes, seconds=held.api_seconds)
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The document, with the bodies that the routes read by themselves."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        models: list[type[BaseModel]] = [*ONE.values(), *MANY.values(), ProblemDetails]
        _, held = models_json_schema([(m, "validation") for m in models], ref_template=_REF)
        parts = document.setdefault("components", {})
        parts.setdefault("schemas", {}).update(held["$defs"] | answer_schemas())
        parts["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer", "description": "an API key, or a token of the issuer"},
            "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        }
        for path, operations in document["paths"].items():
            for operation in operations.values():
                operation["security"] = [] if path in ("/healthz", "/readyz") else [{"bearer": []}, {"key": []}]
                # problems of parameters are problems, not the framework's own form
                if "422" in operation["responses"]:
                    operation["responses"]["422"] = {
                        "description": "problem",
                        "content": {
                            "application/problem+json": {"schema": {"$ref": _REF.format(model="ProblemDetails")}}
                        },
                    }
        for unused in ("HTTPValidationError", "ValidationError"):
            parts["schemas"].pop(unused, None)
        app.openapi_schema = document
    return app.openapi_schema
