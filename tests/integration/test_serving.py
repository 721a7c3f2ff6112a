"""The API with a real database: who may do what, what is kept of it, jobs and idempotency, workers that die."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from medcode_ml.contracts import served
from medcode_ml.serving.app import create_app
from medcode_ml.serving.formats import BILL_EXAMPLE, CASE_EXAMPLE, ENCOUNTER_EXAMPLE, NOTE_EXAMPLE, WHOLE_EXAMPLE
from medcode_ml.serving.keys import SCOPES, ApiKeyError, create_key, revoke_key
from medcode_ml.settings import Settings

pytestmark = pytest.mark.integration
EXAMPLES = {
    "/v1/code": NOTE_EXAMPLE, "/v1/rank": ENCOUNTER_EXAMPLE, "/v1/bill": BILL_EXAMPLE, "/v1/price": CASE_EXAMPLE,
    "/v1/encounters": WHOLE_EXAMPLE,
}  # fmt: skip


@pytest.fixture(scope="module")
def api(server_engine: sa.Engine, medcode_home: Path) -> Iterator[TestClient]:
    names = ", ".join(f"served.{t.name}" for t in (served.api_key, served.job, served.access))
    with server_engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {names}"))
    chosen = Settings(api_rate="100000/minute", api_body_bytes=50_000, api_workers=1)
    with TestClient(create_app(chosen, server_engine), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def anybody(server_engine: sa.Engine, api: TestClient) -> dict[str, str]:
    return bearer(create_key(server_engine, "tests", SCOPES, ["*"], by="tests"))


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize("path", EXAMPLES)
def test_every_operation_answers_its_example_one_and_many(api: TestClient, anybody: dict[str, str], path: str) -> None:
    one = api.post(path, json=EXAMPLES[path], headers=anybody)
    assert one.status_code == 200, one.text
    many = api.post(f"{path}/batch", json={"records": [EXAMPLES[path]]}, headers=anybody)
    assert many.json()["answers"] == [one.json()]
    assert many.json()["rejected"] == []


def test_a_record_that_cannot_be_answered_costs_no_other(api: TestClient, anybody: dict[str, str]) -> None:
    notes = [NOTE_EXAMPLE, {**NOTE_EXAMPLE, "record_id": "N2", "discharge_date": "1999-01-01"}]
    found = api.post("/v1/code/batch", json={"records": notes}, headers=anybody).json()
    assert [a["record_id"] for a in found["answers"]] == ["N1"]
    (rejected,) = found["rejected"]
    assert (rejected["place"], rejected["record_id"], rejected["status"]) == (1, "N2", 422)


def test_the_whole_way_reads_codes_ranks_and_bills(api: TestClient, anybody: dict[str, str]) -> None:
    mine = {"mine": {"kept": 1}, "drg": "a key of the bill's name"}
    found = api.post("/v1/encounters", json={**WHOLE_EXAMPLE, **mine}, headers=anybody).json()
    assert {key: found[key] for key in mine} == mine
    accepted = {c["code"] for c in found["codes"] if c["accepted"]}
    assert accepted == {"I50.23", "E11.9"}
    assert [c["code"] for c in found["order"]["codes"]] == ["I50.23", "E11.9"]
    assert found["bill"]["drg"] in ("291", "292", "293")
    text = WHOLE_EXAMPLE["documents"][0]["text"]
    for code in found["codes"]:
        assert all(text[e["start"] : e["end"]] == e["text"] for e in code["evidence"])


def test_an_encounter_of_a_day_without_a_code_set_is_refused_without_naming_the_day(
    api: TestClient, anybody: dict[str, str]
) -> None:
    refused = api.post("/v1/encounters", json={**WHOLE_EXAMPLE, "discharge_date": "1999-03-04"}, headers=anybody)
    assert refused.status_code == 422
    assert "no code set" in refused.text
    assert "1999" not in refused.text


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("GET", "/nothing", {}, 404),
        ("GET", "/v1/codes/XYZ", {}, 404),
        ("DELETE", "/v1/code", {}, 405),
        ("POST", "/v1/code", {"content": b"x" * 60_000}, 413),
        ("POST", "/v1/code", {"content": b"{}", "headers": {"content-type": "text/plain"}}, 415),
        ("POST", "/v1/code", {"json": {}}, 422),
        ("POST", "/v1/code?as_of=soon", {"json": NOTE_EXAMPLE}, 422),
        ("POST", "/v1/code?as_of=1999-01-01", {"json": NOTE_EXAMPLE}, 422),
        ("GET", "/v1/codes?q=", {}, 422),
        ("GET", "/v1/jobs/nonsense", {}, 422),
        ("GET", f"/v1/jobs/{'0' * 20}", {}, 404),
    ],
)
def test_every_error_is_a_problem_with_the_requests_id(
    api: TestClient, anybody: dict[str, str], method: str, path: str, sent: dict[str, Any], status: int
) -> None:
    answer = api.request(method, path, **{**sent, "headers": {**anybody, **sent.get("headers", {})}})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["instance"].endswith(answer.headers["x-request-id"])


def test_nobody_gets_in_without_a_good_key(api: TestClient, server_engine: sa.Engine) -> None:
    past = datetime.now(UTC) + timedelta(milliseconds=50)
    expired = create_key(server_engine, "short", ["codes"], ["*"], expires_at=past, by="tests")
    revoked = create_key(server_engine, "gone", ["codes"], ["*"], by="tests")
    revoke_key(server_engine, revoked.split("_")[1])
    time.sleep(0.06)
    good = create_key(server_engine, "good", ["codes"], ["*"], by="tests")
    for sent in ({}, bearer("x"), bearer(expired), bearer(revoked), bearer(good[:-1] + "!"), {"X-API-Key": "mck_a_b"}):
        answer = api.get("/v1/codes?q=asthma", headers=sent)
        assert answer.status_code == 401, sent
        assert answer.headers["www-authenticate"] == "Bearer"
    assert api.get("/v1/codes?q=asthma", headers={"X-API-Key": good}).status_code == 200
    with server_engine.connect() as connection:
        rows = connection.execute(sa.select(served.api_key)).mappings().all()
    assert not any(good.split("_", 2)[2] in str(dict(row)) for row in rows), "the secret is stored"


def test_failed_attempts_of_an_address_never_shut_out_a_good_key(server_engine: sa.Engine, api: TestClient) -> None:
    good = bearer(create_key(server_engine, "behind a proxy", ["codes"], ["*"], by="tests"))
    chosen = Settings(api_workers=2, api_model_seconds=600)
    with TestClient(create_app(chosen, server_engine), raise_server_exceptions=False) as client:
        failed = [client.get("/v1/codes?q=asthma", headers=bearer("mck_0000000000000000_x")) for _ in range(40)]
        assert [answer.status_code for answer in failed] == [401] * 30 + [429] * 10
        assert 1 <= int(failed[-1].headers["retry-after"]) <= 60
        assert client.get("/v1/codes?q=asthma", headers=good).status_code == 200


def test_scopes_and_hospitals_are_held(api: TestClient, server_engine: sa.Engine) -> None:
    coder = bearer(create_key(server_engine, "H1 coder", ["code"], ["H1"], by="tests"))
    both = bearer(create_key(server_engine, "two", ["code"], ["H1", "H2"], by="tests"))
    assert api.post("/v1/code", json=NOTE_EXAMPLE, headers=coder).status_code == 200, "its only hospital is meant"
    assert api.post("/v1/code", json={**NOTE_EXAMPLE, "hospital_id": "H2"}, headers=coder).status_code == 403
    assert api.post("/v1/bill", json=BILL_EXAMPLE, headers=coder).status_code == 403
    assert api.get("/metrics", headers=coder).status_code == 403
    assert api.post("/v1/code", json=NOTE_EXAMPLE, headers=both).status_code == 403, "it has to say which"
    assert api.post("/v1/code", json=NOTE_EXAMPLE, headers={**both, "Medcode-Hospital": "H2"}).status_code == 200
    mixed = {"records": [{**NOTE_EXAMPLE, "hospital_id": "H1"}, {**NOTE_EXAMPLE, "hospital_id": "H3"}]}
    assert api.post("/v1/code/batch", json=mixed, headers=both).status_code == 403


def test_a_key_has_its_own_rate(api: TestClient, server_engine: sa.Engine) -> None:
    slow = bearer(create_key(server_engine, "slow", ["codes"], ["*"], rate="2/minute", by="tests"))
    answers = [api.get("/v1/codes?q=asthma", headers=slow) for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert int(answers[2].headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    "wrong", [{"scopes": ["all"]}, {"scopes": []}, {"hospitals": []}, {"rate": "fast"}, {"name": " "}]
)
def test_a_key_that_makes_no_sense_is_not_made(server_engine: sa.Engine, wrong: dict[str, Any]) -> None:
    given = {"name": "x", "scopes": ["code"], "hospitals": ["H1"], "rate": None} | wrong
    with pytest.raises(ApiKeyError):
        create_key(server_engine, given["name"], given["scopes"], given["hospitals"], rate=given["rate"], by="tests")


def test_an_idempotency_key_gives_the_same_answer_once(api: TestClient, anybody: dict[str, str]) -> None:
    sent = {**anybody, "Idempotency-Key": "order-1"}
    first = api.post("/v1/code", json=NOTE_EXAMPLE, headers=sent)
    again = api.post("/v1/code", json=NOTE_EXAMPLE, headers=sent)
    other = api.post("/v1/code", json={**NOTE_EXAMPLE, "record_id": "N9"}, headers=sent)
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert (other.status_code, other.json()["type"]) == (422, "urn:medcode:problem:idempotency-key-reused")


def test_long_work_is_a_job_of_its_owner_alone(
    api: TestClient, anybody: dict[str, str], server_engine: sa.Engine
) -> None:
    asked = api.post(
        "/v1/code/batch", json={"records": [NOTE_EXAMPLE] * 20}, headers={**anybody, "Prefer": "respond-async"}
    )
    assert asked.status_code == 202
    place = asked.headers["location"]
    until = time.monotonic() + 30
    while (found := api.get(place, headers=anybody).json())["status"] != "done" and time.monotonic() < until:
        time.sleep(0.05)
    assert len(found["answer"]["answers"]) == 20
    stranger = bearer(create_key(server_engine, "stranger", SCOPES, ["*"], by="tests"))
    assert api.get(place, headers=stranger).status_code == 404
    with server_engine.connect() as connection:
        query = sa.select(served.job.c.request).where(served.job.c.job_id == place.rsplit("/", 1)[1])
        assert connection.execute(query).scalar_one() is None, "what was sent is erased"


def test_accesses_are_written_down_without_anything_of_a_patient(
    api: TestClient, anybody: dict[str, str], server_engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "Zebulon Quarterman MRN 991827"
    sent = {**NOTE_EXAMPLE, "record_id": secret, "text": f"{secret} has asthma.", "hospital_id": "H7", "name": secret}
    answer = api.post("/v1/code", json=sent, headers=anybody)
    api.post("/v1/code", json={**sent, "setting": secret}, headers=anybody)
    api.get(f"/v1/codes?q={secret}", headers=anybody)
    api.get(f"/{secret}", headers=anybody)
    api.app.state.api.access.load()  # type: ignore[attr-defined]
    with server_engine.connect() as connection:
        rows = [dict(r) for r in connection.execute(sa.select(served.access)).mappings()]
    own = next(r for r in rows if r["request_id"] == answer.headers["x-request-id"])
    assert (own["route"], own["status"], own["decision"], own["record_count"]) == ("/v1/code", 200, "allow", 1)
    assert own["hospitals"] == ["H7"]
    assert own["subject"].startswith("key:")
    figures = api.get("/metrics", headers=anybody).text
    assert "medcode_api_requests_total" in figures
    for told in (str(rows), figures, caplog.text):
        assert "Zebulon" not in told
        assert "991827" not in told
