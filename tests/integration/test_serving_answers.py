"""The OpenAPI document tells the truth about answers: its examples and real answers are as its schemas say."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pandas as pd
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient
from support.reviewed import CODES, chart, coded_encounters, row, said

from medcode_ml.contracts import billed
from medcode_ml.serving.app import create_app
from medcode_ml.serving.formats import (
    BILL_EXAMPLE,
    CASE_EXAMPLE,
    ENCOUNTER_EXAMPLE,
    NOTE_EXAMPLE,
    WHOLE_EXAMPLE,
)
from medcode_ml.settings import Settings
from medcode_ml.store.copying import copy_in

pytestmark = pytest.mark.integration
RECORDS = {
    "/v1/code": NOTE_EXAMPLE, "/v1/rank": ENCOUNTER_EXAMPLE, "/v1/bill": BILL_EXAMPLE, "/v1/price": CASE_EXAMPLE,
    "/v1/encounters": WHOLE_EXAMPLE,
}  # fmt: skip
DECIDED = [said("N17.9", "rejected"), said("J45.909", "added", place=2)]
NONE = "/metrics"
"""The one route that answers with text."""


@pytest.fixture(scope="module")
def api(server_engine: sa.Engine, medcode_home: Path) -> Iterator[TestClient]:
    chosen = Settings(api_no_auth=True, api_workers=1)
    with TestClient(create_app(chosen, server_engine), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def document(api: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = api.get("/openapi.json").json()
    return found


def schema_of(document: dict[str, Any], route: str, method: str, status: int) -> dict[str, Any]:
    content = document["paths"][route][method]["responses"][str(status)]["content"]["application/json"]
    found: dict[str, Any] = content["schema"]
    return found


def faults(document: dict[str, Any], schema: dict[str, Any], value: Any) -> list[str]:
    checker = jsonschema_rs.validator_for({**schema, "components": document["components"]})
    return [f"{'/'.join(map(str, e.instance_path))}: {e.message}" for e in checker.iter_errors(value)]


def test_every_answer_has_a_schema_and_an_example_that_it_allows(document: dict[str, Any]) -> None:
    for route, operations in document["paths"].items():
        for method, operation in operations.items():
            for status in {"200", "202"} & set(operation["responses"]) if route != NONE else ():
                schema = schema_of(document, route, method, int(status))
                assert set(schema) == {"$ref"}, (route, method, status)
                named = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
                (example,) = named["examples"]
                assert faults(document, schema, example) == [], (route, method, status)
                assert faults(document, schema, {}), f"{route} allows anything"


@pytest.mark.parametrize("path", RECORDS)
def test_answers_on_records_are_as_the_document_says(
    api: TestClient, document: dict[str, Any], database: sa.Engine, path: str
) -> None:
    odd = [{**RECORDS[path], "discharge_date": "1999-01-01"}, {**RECORDS[path], "codes": []}]
    odd += [{**RECORDS[path], "drg": "999"}] if path == "/v1/price" else []
    one = api.post(path, json=RECORDS[path])
    assert one.status_code == 200, one.text
    assert faults(document, schema_of(document, path, "post", 200), one.json()) == []
    many = api.post(f"{path}/batch", json={"records": [RECORDS[path], *odd]})
    assert many.status_code == 200, many.text
    assert faults(document, schema_of(document, f"{path}/batch", "post", 200), many.json()) == []
    accepted = api.post(path, json=RECORDS[path], headers={"Prefer": "respond-async"})
    assert faults(document, schema_of(document, path, "post", 202), accepted.json()) == []
    place, end = accepted.headers["location"], time.monotonic() + 30
    while (told := api.get(place).json())["status"] != "done" and time.monotonic() < end:
        time.sleep(0.05)
    assert faults(document, schema_of(document, "/v1/jobs/{job_id}", "get", 200), told) == []
    assert faults(document, schema_of(document, path, "post", 200), told["answer"]) == []
    ended = api.delete(place).json()
    assert faults(document, schema_of(document, "/v1/jobs/{job_id}", "delete", 200), ended) == []


def test_answers_on_charts_are_as_the_document_says(
    api: TestClient, document: dict[str, Any], database: sa.Engine
) -> None:
    coded_encounters(database, audited=1)
    claim = row(billed.claim, encounter_id="E1", hospital_id="H1", status="held", held_because=["no codes"])
    with database.begin() as connection:
        copy_in(connection, billed.claim, pd.DataFrame([claim], columns=[c.name for c in billed.claim.columns]))
    for path, route in (
        ("/v1/worklist", "/v1/worklist"),
        ("/v1/worklist?kind=audit", "/v1/worklist"),
        ("/v1/encounters/E1/codes", "/v1/encounters/{encounter_id}/codes"),
    ):
        found = api.get(path).json()
        assert found.get("encounters") or len(found["codes"]) == len([c for c in CODES if c[3]])
        assert faults(document, schema_of(document, route, "get", 200), found) == [], path
    for path, body in (
        ("/v1/decisions", chart("E1", DECIDED)),
        ("/v1/decisions/batch", {"records": [chart("E2", DECIDED), chart("E99", DECIDED)]}),
    ):
        answer = api.post(path, json=body)
        assert answer.status_code == 200, answer.text
        assert faults(document, schema_of(document, path, "post", 200), answer.json()) == [], path


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v1/codes?q=systolic heart failure", "/v1/codes"),
        ("/v1/codes?q=I50", "/v1/codes"),
        ("/v1/codes?q=bypass&system=ICD-10-PCS", "/v1/codes"),
        ("/v1/codes/I50.23", "/v1/codes/{code}"),
        ("/v1/codes/S72", "/v1/codes/{code}"),
        ("/v1/codes/5A1935Z?system=ICD-10-PCS", "/v1/codes/{code}"),
        ("/v1/models", "/v1/models"),
        ("/healthz", "/healthz"),
        ("/readyz", "/readyz"),
    ],
)
def test_other_answers_are_as_the_document_says(
    api: TestClient, document: dict[str, Any], path: str, route: str
) -> None:
    answer = api.get(path)
    assert answer.status_code == 200, answer.text
    assert faults(document, schema_of(document, route, "get", 200), answer.json()) == []
