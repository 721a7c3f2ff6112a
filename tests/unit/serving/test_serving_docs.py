"""The page of the API's documentation in a network without a way out: everything it loads is here."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from medcode_ml.serving.app import create_app
from medcode_ml.settings import Settings

HERE = "testserver"


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(create_app(Settings()))  # not entered: the page needs no database


def test_the_page_names_no_foreign_host_and_all_it_loads_is_served(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    named = re.findall(r"(?:https?:)?//[^\s\"'<>]+", page.text)
    assert [url for url in named if urlsplit(url).hostname not in (None, HERE)] == []
    assert '"validatorUrl": null' in page.text, "Swagger UI would ask its maker's host whether the document is valid"
    assert "default-src 'self'" in page.headers["content-security-policy"]
    loaded = re.findall(r"(?:src|href)=\"([^\"]+)\"", page.text)
    assert len(loaded) >= 3
    for path in [*loaded, "/openapi.json"]:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert len(answer.content) > 500, path


def test_there_is_one_page_only(client: TestClient) -> None:
    assert client.get("/redoc").status_code == 404
    assert client.get("/docs/files/../../pyproject.toml").status_code == 404
