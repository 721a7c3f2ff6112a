"""POST /v1/decisions: what coders decide comes in by the API, for the hospitals of the caller, once."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient
from support.reviewed import chart, coded_encounters, said

from medcode_ml.contracts import review, served
from medcode_ml.serving.app import create_app
from medcode_ml.serving.keys import create_key
from medcode_ml.settings import Settings

pytestmark = pytest.mark.integration
DECIDED = [said("N17.9", "rejected"), said("J45.909", "added", place=2)]


@pytest.fixture(scope="module")
def api(server_engine: sa.Engine) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(api_workers=1), server_engine), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def key(api: TestClient, database: sa.Engine) -> dict[str, str]:
    coded_encounters(database)
    return bearer(database, ["H1"])


def bearer(engine: sa.Engine, hospitals: list[str], scope: str = "review") -> dict[str, str]:
    return {"Authorization": f"Bearer {create_key(engine, 'coders', [scope], hospitals, by='tests')}"}


def stored(engine: sa.Engine) -> list[tuple[str, str, str]]:
    table = review.decision.c
    with engine.connect() as connection:
        query = sa.select(table.code, table.source, table.sent_by).order_by(table.chart_id, table.number)
        return [tuple(row) for row in connection.execute(query)]


def test_a_chart_is_recorded_with_who_sent_it(api: TestClient, database: sa.Engine, key: dict[str, str]) -> None:
    answer = api.post("/v1/decisions", json={**chart("E1", DECIDED), "sent_by": "somebody else"}, headers=key)
    assert answer.status_code == 200, answer.text
    assert answer.json()["codes"] == ["I50.23", "J45.909", "E11.9"]
    made = stored(database)
    assert [(code, source) for code, source, _ in made] == [("N17.9", "api"), ("J45.909", "api")]
    assert all(sent_by.startswith("key:") for _, _, sent_by in made)
    api.app.state.api.access.load()  # type: ignore[attr-defined]
    with database.connect() as connection:
        (row,) = connection.execute(sa.select(served.access)).mappings()
    assert (row["route"], row["decision"], row["record_count"], row["hospitals"]) == (
        "/v1/decisions", "allow", 1, ["H1"],
    )  # fmt: skip


def test_the_hospital_of_the_encounter_decides_and_not_what_the_client_says(
    api: TestClient, database: sa.Engine, key: dict[str, str]
) -> None:
    foreign = {**chart("E2", DECIDED), "hospital_id": "H1"}
    for path, body in (
        ("/v1/decisions", foreign),
        ("/v1/decisions/batch", {"records": [chart("E1", DECIDED), foreign]}),
        ("/v1/decisions", chart("E99", DECIDED)),
        ("/v1/decisions", chart("E\0", DECIDED)),
    ):
        answer = api.post(path, json=body, headers={**key, "Medcode-Hospital": "H1"})
        assert answer.status_code == 403, answer.text
    assert (
        api.post("/v1/decisions", json=chart("E1", DECIDED), headers=bearer(database, ["*"], "code")).status_code == 403
    )
    assert stored(database) == []


def test_a_batch_keeps_what_is_good_and_says_why_the_rest_is_not(
    api: TestClient, database: sa.Engine, key: dict[str, str]
) -> None:
    sent = {"records": [chart("E1", DECIDED), chart("E3", []), chart("E99", DECIDED)]}
    answer = api.post("/v1/decisions/batch", json=sent, headers=bearer(database, ["*"]))
    assert answer.status_code == 200, answer.text
    assert [one["encounter_id"] for one in answer.json()["answers"]] == ["E1"]
    refused = {one["encounter_id"]: one["detail"] for one in answer.json()["rejected"]}
    assert "wait for a decision" in refused["E3"]
    assert "no encounter of that id" in refused["E99"]


def test_sent_twice_it_is_there_once_with_or_without_an_idempotency_key(
    api: TestClient, database: sa.Engine, key: dict[str, str]
) -> None:
    once = {**key, "Idempotency-Key": "chart-1"}
    first = api.post("/v1/decisions", json=chart("E1", DECIDED), headers=once)
    again = api.post("/v1/decisions", json=chart("E1", DECIDED), headers=once)
    assert first.json() == again.json()
    bare = api.post("/v1/decisions", json=chart("E1", DECIDED), headers=key)
    assert (bare.json()["decisions_recorded"], bare.json()["decisions_known"]) == (0, 2)
    assert len(stored(database)) == 2


def test_long_work_is_a_job(api: TestClient, database: sa.Engine, key: dict[str, str]) -> None:
    asked = api.post("/v1/decisions", json=chart("E1", DECIDED), headers={**key, "Prefer": "respond-async"})
    assert asked.status_code == 202
    place, until = asked.headers["location"], time.monotonic() + 20
    while (found := api.get(place, headers=key).json())["status"] != "done" and time.monotonic() < until:
        time.sleep(0.05)
    assert found["answer"]["state"] == "final"
    assert len(stored(database)) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"opened_at": 5}, {"opened_at": "9999-12-31T23:59:59-23:00"}, {"decisions": [{"code": "I10"}]},
        {"kind": "x"}, {"active_seconds": 1e300}, {"coder": "Dr. Jane Doe"}, {"outcome": "final", "closed_at": None},
        {"decisions": [said("I10", "added", evidence={"document_id": "\0", "start": 0, "end": 2**40})]},
        {"decisions": [said("N17.9", "rejected", reason="Jane Doe said so")]},
    ],
)  # fmt: skip
def test_what_has_another_form_is_a_problem_without_its_values(
    api: TestClient, database: sa.Engine, key: dict[str, str], wrong: dict[str, object]
) -> None:
    answer = api.post("/v1/decisions", json={**chart("E1", DECIDED), **wrong}, headers=key)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Jane" not in answer.text
    assert stored(database) == []


def test_proposals_and_worklists_are_those_of_the_callers_hospitals(
    api: TestClient, database: sa.Engine, key: dict[str, str]
) -> None:
    told = api.get("/v1/encounters/E1/codes", headers=key)
    assert told.status_code == 200, told.text
    assert [(c["code"], c["band"]) for c in told.json()["codes"]] == [
        ("I50.23", "auto"), ("N17.9", "review"), ("E11.9", "auto"),
    ]  # fmt: skip
    for unseen in ("E2", "E99", "%00"):
        assert api.get(f"/v1/encounters/{unseen}/codes", headers=key).status_code in (403, 422), unseen
    everywhere = bearer(database, ["*"])
    assert api.get("/v1/encounters/E99/codes", headers=everywhere).status_code == 404
    with database.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO ml.audit_sample SELECT received_date, encounter_id, hospital_id, 'v', 'review', 3, 1, 3 "
                "FROM filtered.encounter"
            )
        )
    audits = api.get("/v1/worklist?kind=audit", headers=key).json()["encounters"]
    assert [one["encounter_id"] for one in audits] == ["E1", "E3"]
    assert "code" not in str(audits), "an auditor sees nothing of what was proposed"
    audit = chart("E1", [said("I50.23", "added")], kind="audit", coder="b.auditor")
    assert api.post("/v1/decisions", json=audit, headers=key).status_code == 200
    left = api.get("/v1/worklist?kind=audit", headers=everywhere).json()["encounters"]
    assert [one["encounter_id"] for one in left] == ["E2", "E3"]
    assert api.get("/v1/worklist?kind=x", headers=key).status_code == 422
    assert api.get("/v1/worklist", headers=key).json() == {"kind": "review", "encounters": []}
