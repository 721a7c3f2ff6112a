"""Policies: deny by default, every scope and hospital; the same questions that `opa test docker/opa` asks."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from medcode_ml.serving.keys import SCOPES
from medcode_ml.serving.policy import Decision, EmbeddedPolicy, OpaServer, PolicyError
from medcode_ml.settings import PROJECT_ROOT

POLICIES = PROJECT_ROOT / "docker" / "opa"


@pytest.fixture(scope="module")
def policy() -> EmbeddedPolicy:
    return EmbeddedPolicy(POLICIES)


def questions() -> dict[str, Any]:
    from regopy import Interpreter

    evaluator = Interpreter()
    evaluator.add_module("cases", (POLICIES / "medcode" / "authz_cases_test.rego").read_text())
    found: dict[str, Any] = json.loads(str(evaluator.query("data.medcode.authz_cases.cases")))["expressions"][0]
    return found


@pytest.mark.parametrize(("name", "question"), questions().items())
def test_policy_decides_as_its_cases_say(policy: EmbeddedPolicy, name: str, question: dict[str, Any]) -> None:
    wanted = question["decision"]
    assert policy.decide(question["asked"]) == Decision(wanted["allow"], wanted["why"])


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_allows_its_action_and_no_other(policy: EmbeddedPolicy, scope: str) -> None:
    subject = {"id": "key:a", "scopes": [scope], "hospitals": ["*"]}
    allowed = {a for a in SCOPES if policy.decide({"subject": subject, "action": a, "hospitals": []}).allow}
    assert allowed == {scope}


def test_a_folder_without_policies_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="MEDCODE_API_POLICY_DIR"):
        EmbeddedPolicy(tmp_path)


def test_a_policy_that_is_not_rego_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.rego").write_text("package medcode.authz\nallow if {")
    with pytest.raises(PolicyError, match="cannot be used"):
        EmbeddedPolicy(tmp_path)


def test_a_policy_that_decides_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.rego").write_text('package other\n\nimport rego.v1\n\ndecision := {"allow": true}\n')
    with pytest.raises(PolicyError, match="define no"):
        EmbeddedPolicy(tmp_path)


class Opa(ThreadingHTTPServer):
    """Stands in for an OPA server: its data API over the same files; `says` makes it answer something else."""

    def __init__(self, policy: EmbeddedPolicy) -> None:
        self.says: tuple[int, bytes] | None = None
        self.asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                opa.asked.append(self.path)
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))["input"]
                told = {"result": dataclasses.asdict(policy.decide(asked))}
                status, content = opa.says or (200, json.dumps(told).encode())
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                return

        opa = self
        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def opa(policy: EmbeddedPolicy) -> Iterator[Opa]:
    with Opa(policy) as served:
        threading.Thread(target=lambda: served.serve_forever(0.01), daemon=True).start()
        yield served
        served.shutdown()


def test_an_opa_server_decides_as_the_files_do(opa: Opa) -> None:
    server = OpaServer(f"http://127.0.0.1:{opa.server_port}/")
    for question in questions().values():
        wanted = question["decision"]
        assert server.decide(question["asked"]) == Decision(wanted["allow"], wanted["why"])
    assert set(opa.asked) == {"/v1/data/medcode/authz/decision"}


@pytest.mark.parametrize(
    ("status", "content", "why"),
    [
        (500, b'{"result": {"allow": true}}', "policy-unavailable"),
        (200, b"<html>", "policy-unavailable"),
        (200, b"", "policy-unavailable"),
        (200, b"{}", "undecided"),
        (200, b"[]", "undecided"),
        (200, b'{"result": true}', "undecided"),
        (200, b'{"result": {"allow": "true"}}', "undecided"),
        (200, b'{"result": {"allow": 1, "why": 7}}', "undecided"),
        (302, b'{"result": {"allow": true}}', "policy-unavailable"),
    ],
)
def test_an_opa_server_that_answers_nonsense_refuses(opa: Opa, status: int, content: bytes, why: str) -> None:
    opa.says = (status, content)
    subject = {"id": "key:a", "scopes": ["code"], "hospitals": ["*"]}
    asked = {"subject": subject, "action": "code", "hospitals": []}
    assert OpaServer(f"http://127.0.0.1:{opa.server_port}").decide(asked) == Decision(False, why)


def test_an_opa_server_that_is_not_there_refuses() -> None:
    decision = OpaServer("http://127.0.0.1:9", seconds=0.5).decide({"action": "code"})
    assert decision == Decision(False, "policy-unavailable")
