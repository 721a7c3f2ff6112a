"""GET /docs: the OpenAPI document as a page, with no file from a foreign host: a hospital's network often reaches none,
and nobody outside need know of this API."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

_FILES: Final = "/docs/files"
# the page begins with a script of its own; everything else it loads is ours
_POLICY: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
)


def add_docs(app: FastAPI) -> None:
    """Serve the page, and the files of Swagger UI as the package `fastapi-offline` carries them."""

    async def docs() -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=f"{app.title} API",
            swagger_js_url=f"{_FILES}/swagger-ui-bundle.js",
            swagger_css_url=f"{_FILES}/swagger-ui.css",
            swagger_favicon_url=f"{_FILES}/favicon.png",
            # the validator is a foreign host, which would be told where this document lies
            swagger_ui_parameters={"validatorUrl": None},
        )
        page.headers["content-security-policy"] = _POLICY
        return page

    app.add_api_route("/docs", docs, include_in_schema=False, response_class=HTMLResponse)
    app.mount(_FILES, StaticFiles(packages=[("fastapi_offline", "static")]), name="docs-files")
