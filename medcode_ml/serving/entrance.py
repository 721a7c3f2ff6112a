"""The way in: who calls, how often, and whether the policy lets them. Deny by default; every step leaves its audit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from starlette.requests import Request

from medcode_ml.serving.identity import (
    EVERYBODY,
    Caller,
    IdentityError,
    IdentityUnavailableError,
)
from medcode_ml.serving.metrics import metrics
from medcode_ml.serving.policy import EmbeddedPolicy
from medcode_ml.serving.problems import ProblemError
from medcode_ml.serving.rates import ANONYMOUS
from medcode_ml.serving.state import Api

HOSPITAL_HEADER: Final = "medcode-hospital"
_MOST_CREDENTIALS: Final = 16_384
_ASK: Final = {"WWW-Authenticate": "Bearer"}


async def enter(request: Request, action: str) -> Caller:
    """The caller, who may do `action` at all (for which hospitals is asked by `allow` once the records are read).

    Raises:
        ProblemError: 401, 403, 429, or 503 where nobody can tell now.
    """
    api: Api = request.app.state.api
    audit = request.scope["medcode_audit"]
    caller = EVERYBODY if api.chosen.api_no_auth else await _recognised(request, api)
    audit["subject"] = caller.subject
    if (seconds := api.rates.allows(caller.subject, caller.rate)) is not None:
        raise _refused(
            audit, "rate", ProblemError(429, "too-many-requests", "too many requests; wait as Retry-After says",
                                        headers={"Retry-After": f"{seconds:.0f}"})
        )  # fmt: skip
    await allow(request, caller, action, [h for h in caller.hospitals if h != "*"] if _of_records(action) else [])
    return caller


async def allow(request: Request, caller: Caller, action: str, hospitals: Sequence[str]) -> None:
    """Let the caller do `action` for `hospitals`.

    Raises:
        ProblemError: 403, or 503 where the policy cannot be asked.
    """
    api: Api = request.app.state.api
    asked = {"subject": caller.facts(), "action": action, "hospitals": sorted(hospitals)}
    # the embedded evaluator keeps its answers; a server is waited for
    embedded = isinstance(api.policy, EmbeddedPolicy)
    decision = api.policy.decide(asked) if embedded else await asyncio.to_thread(api.policy.decide, asked)
    audit = request.scope["medcode_audit"]
    if decision.allow:
        audit["decision"] = "allow"
        return
    status = 503 if decision.why == "policy-unavailable" else 403
    detail = _WHY.get(decision.why, "the policy does not allow it")
    raise _refused(audit, decision.why, ProblemError(status, "forbidden" if status == 403 else "unavailable", detail))


async def _recognised(request: Request, api: Api) -> Caller:
    audit = request.scope["medcode_audit"]
    address = f"address:{request.client.host if request.client else '?'}"
    if api.rates.refused(address):
        raise _refused(
            audit, "rate", ProblemError(429, "too-many-requests", "too many failed attempts; wait a minute",
                                        headers={"Retry-After": "60"})
        )  # fmt: skip
    try:
        return await _caller(_credentials(request), api)
    except IdentityError as error:
        api.rates.allows(address, ANONYMOUS)
        raise _refused(
            audit, "unauthenticated", ProblemError(401, "unauthenticated", str(error), headers=_ASK)
        ) from None
    except IdentityUnavailableError as error:
        raise ProblemError(503, "unavailable", f"{error}; try again", headers={"Retry-After": "5"}) from None


async def _caller(sent: str, api: Api) -> Caller:
    if sent.startswith("mck_"):
        kept = api.keys.kept(sent)
        return kept if kept is not None else await asyncio.to_thread(api.keys.caller, sent)
    if api.tokens is None:
        raise IdentityError("no tokens are accepted here: send an API key")
    return await asyncio.to_thread(api.tokens.caller, sent)


def _credentials(request: Request) -> str:
    sent = request.headers.get("x-api-key")
    if sent is None:
        scheme, _, sent = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            sent = ""
    sent = sent.strip()
    if not sent or len(sent) > _MOST_CREDENTIALS or not sent.isascii():
        raise IdentityError("send an API key or a token: Authorization: Bearer ..., or X-API-Key")
    return sent


def _of_records(action: str) -> bool:
    return action not in ("codes", "models", "metrics")


def _refused(audit: dict[str, Any], why: str, error: ProblemError) -> ProblemError:
    audit["decision"] = why
    metrics().denied.labels(why if why in _KNOWN else "other").inc()
    return error


_KNOWN: Final = frozenset({"rate", "unauthenticated", "scope", "hospital", "action", "policy-unavailable"})
_WHY: Final = {
    "scope": "the key or token has not the scope for this; ask for one that has",
    "hospital": "the records belong to a hospital that the key or token is not for, or name none "
    "(hospital_id, or the header Medcode-Hospital)",
    "policy-unavailable": "the policy server does not answer; nothing is allowed until it does",
}
