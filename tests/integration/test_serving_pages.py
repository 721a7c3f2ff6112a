"""Page images in requests: in base64 and as files, read beside the requests of others."""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from medcode_ml.serving.app import create_app
from medcode_ml.serving.formats import WHOLE_EXAMPLE
from medcode_ml.settings import Settings
from medcode_ml.simulation.rendering import render_text

pytestmark = pytest.mark.integration
RECORD = {key: value for key, value in WHOLE_EXAMPLE.items() if key != "documents"}
TEXT = "DISCHARGE DIAGNOSES:\nAcute on chronic systolic heart failure.\nType 2 diabetes mellitus.\nNo pneumonia."


@pytest.fixture(scope="module")
def api(server_engine: sa.Engine, medcode_home: Path) -> Iterator[TestClient]:
    chosen = Settings(api_no_auth=True, api_workers=1)
    with TestClient(create_app(chosen, server_engine), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def page() -> bytes:
    held = io.BytesIO()
    render_text(TEXT)[0].save(held, "PNG")
    return held.getvalue()


def accepted(answer: dict[str, Any]) -> set[str]:
    return {code["code"] for code in answer["codes"] if code["accepted"]}


def test_a_page_is_read_coded_ranked_and_billed_while_others_are_answered(api: TestClient, page: bytes) -> None:
    found: list[Any] = []
    parts = [("record", (None, json.dumps(RECORD))), ("discharge_summary", ("page.png", page, "image/png"))]
    scanned = threading.Thread(target=lambda: found.append(api.post("/v1/encounters", files=parts)))
    scanned.start()
    assert api.post("/v1/encounters", json=WHOLE_EXAMPLE).status_code == 200
    assert not found, "the text waited for the page"
    scanned.join(120)
    assert found[0].status_code == 200, found[0].text
    answer = found[0].json()
    assert accepted(answer) == {"I50.23", "E11.9"}
    (document,) = answer["documents"]
    assert document["type"] == "discharge_summary"
    assert "heart failure" in document["text"]
    places = [place for code in answer["codes"] for place in code["evidence"]]
    assert all(document["text"][p["start"] : p["end"]] == p["text"] and p["boxes"] for p in places)

    record = {**RECORD, "documents": [{"type": "discharge_summary", "image": base64.b64encode(page).decode()}]}
    assert api.post("/v1/encounters", json=record).json() == answer, "base64 is the same page"


def test_what_is_no_image_is_told_and_costs_nobody_else(api: TestClient) -> None:
    record = {**RECORD, "documents": [{"image": base64.b64encode(b"\x89PNG broken").decode()}]}
    (told,) = api.post("/v1/encounters", json=record).json()["documents"]
    assert told["pages"][0]["quarantined_because"].startswith("broken_file")
    refused = api.post("/v1/encounters", json={**RECORD, "documents": [{"image": "%%%"}]})
    assert (refused.status_code, refused.json()["detail"]) == (422, "the image of document 1 is not base64")


@pytest.mark.parametrize(
    ("files", "status", "name"),
    [
        ([("file", ("a.png", b"x"))], 422, "invalid-upload"),
        ([("record", (None, "{")), ("file", ("a.png", b"x"))], 400, "not-json"),
        ([("record", (None, "[]")), ("file", ("a.png", b"x"))], 400, "not-an-object"),
        ([("record", (None, "{}")), ("record", (None, "{}"))], 422, "invalid-upload"),
        ([("record", (None, json.dumps(RECORD))), ("note", (None, "no file"))], 422, "invalid-upload"),
        ([("record", (None, json.dumps(RECORD)))], 422, "invalid-record"),
        ([("record", (None, json.dumps({**RECORD, "documents": "x"})))], 422, "invalid-record"),
        ([("record", (None, '{"mine":' + "[" * 300 + "]" * 300 + "}"))], 422, "too-deep"),
        ([("record", (None, "{}"))] + [("file", ("a.png", b"x"))] * 201, 400, "not-multipart"),
        ([("record", (None, "{}")), ("file", ("a.png", b"x" * 17_000_000))], 413, "body-too-large"),
    ],
)
def test_parts_that_make_no_sense_are_refused_by_a_problem(api: TestClient, files: Any, status: int, name: str) -> None:
    answer = api.post("/v1/encounters", files=files)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:medcode:problem:{name}"), answer.text


def test_parts_without_a_boundary_and_for_another_route_are_refused(api: TestClient) -> None:
    bare = api.post("/v1/encounters", content=b"x", headers={"content-type": "multipart/form-data"})
    assert (bare.status_code, bare.json()["type"]) == (400, "urn:medcode:problem:not-multipart")
    assert api.post("/v1/code", files=[("record", (None, "{}"))]).status_code == 415


@pytest.mark.parametrize(
    "charset", ["undefined", "punycode", "raw_unicode_escape", "unicode_escape", "utf-7", "hex", "none-such", "\u00e9"]
)
def test_parts_in_a_charset_that_is_none_for_a_form_are_refused(api: TestClient, charset: str) -> None:
    parts = b'--x\r\nContent-Disposition: form-data; name="record"\r\n\r\n{"a": "\\ud800"}\r\n--x--\r\n'
    kind = f"multipart/form-data; boundary=x; charset={charset}".encode("latin-1")
    answer = api.post("/v1/encounters", content=parts, headers={"content-type": kind})
    assert (answer.status_code, answer.json()["type"]) == (415, "urn:medcode:problem:unsupported-media-type")


def test_parts_that_name_utf_8_are_read(api: TestClient) -> None:
    head, record = b'--x\r\nContent-Disposition: form-data; name="record"\r\n\r\n', json.dumps(WHOLE_EXAMPLE).encode()
    parts = head + record + b"\r\n--x--\r\n"
    sent = {"content-type": "multipart/form-data; boundary=x; charset=UTF-8"}
    assert api.post("/v1/encounters", content=parts, headers=sent).status_code == 200
