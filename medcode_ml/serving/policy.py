"""May this caller do this? The Rego policies under `docker/opa` decide, in an OPA server or here by the same files.

No decision is no: an error, a missing file or an answer of another form refuses.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import orjson

from medcode_ml.logs import logger

_QUERY: Final = "data.medcode.authz.decision"
_UNDECIDED: Final = "undecided"
_MOST_KEPT: Final = 4096
_log = logger("serving.policy")


class PolicyError(ValueError):
    """The policies cannot be used: says what is wrong and what to do."""


@dataclass(frozen=True)
class Decision:
    """`why` is "allow", or what speaks against it: unauthenticated, action, scope, hospital."""

    allow: bool
    why: str


class Policy(Protocol):
    """What decides."""

    def decide(self, asked: dict[str, Any]) -> Decision:
        """Decide on {subject, action, hospitals}; may block."""


class EmbeddedPolicy:
    """The policy files, evaluated in this process. About a millisecond a question, and questions come again."""

    def __init__(self, folder: Path) -> None:
        """Read every policy of `folder` but the tests.

        Raises:
            PolicyError: there is none, or one is not Rego.
        """
        from regopy import Interpreter, RegoError

        files = [f for f in sorted(folder.rglob("*.rego")) if not f.name.endswith("_test.rego")]
        if not files:
            raise PolicyError(f"no policies (*.rego) in {folder}: set MEDCODE_API_POLICY_DIR")
        self._evaluator = Interpreter()
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, Decision] = OrderedDict()
        try:
            for file in files:
                self._evaluator.add_module(file.name, file.read_text(encoding="utf-8"))
            if self._asked(b"{}").why == _UNDECIDED:
                raise PolicyError(f"the policies in {folder} define no {_QUERY}")
        except (RegoError, OSError) as error:
            raise PolicyError(f"the policies in {folder} cannot be used: {error}") from error

    def decide(self, asked: dict[str, Any]) -> Decision:
        """As `Policy` says."""
        key = orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)
        with self._lock:
            if (kept := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return kept
            decision = self._asked(key)
            self._kept[key] = decision
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
            return decision

    def _asked(self, question: bytes) -> Decision:
        from regopy import Input

        self._evaluator.set_input(Input(orjson.loads(question)))
        answer = self._evaluator.query(_QUERY)
        try:
            found = orjson.loads(str(answer)) if answer.ok() else None
        except orjson.JSONDecodeError:  # "undefined": no rule decides
            found = None
        expressions = found.get("expressions") if isinstance(found, dict) else None
        return _decision(expressions[0] if expressions else None)


class OpaServer:
    """An OPA server that has the same policies."""

    def __init__(self, url: str, seconds: float = 2.0) -> None:
        """`url` such as http://127.0.0.1:8181."""
        import httpx

        self._client = httpx.Client(base_url=url.rstrip("/"), timeout=seconds)

    def decide(self, asked: dict[str, Any]) -> Decision:
        """As `Policy` says; a server that does not answer refuses."""
        import httpx

        try:
            answer = self._client.post("/v1/data/medcode/authz/decision", json={"input": asked})
            answer.raise_for_status()
            found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            _log.error("the OPA server does not answer: %s", type(error).__name__)
            return Decision(False, "policy-unavailable")
        return _decision(found.get("result") if isinstance(found, dict) else None)


def _decision(found: Any) -> Decision:
    if not isinstance(found, dict) or found.get("allow") is not True:
        why = found.get("why") if isinstance(found, dict) else None
        return Decision(False, why if isinstance(why, str) else _UNDECIDED)
    return Decision(True, "allow")


def open_policy(folder: Path, opa_url: str) -> Policy:
    """The policy of the settings: the OPA server where one is named.

    Raises:
        PolicyError: see `EmbeddedPolicy`.
    """
    return OpaServer(opa_url) if opa_url else EmbeddedPolicy(folder)
