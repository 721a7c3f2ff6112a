"""The way in: who calls, how often, and whether the policy lets them. Deny by default; every step leaves its audit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from starlette.requests import Request

from medcode_ml.serving.identity import EVERYBODY, Caller, IdentityError, IdentityUnavailableError
from medcode_ml.serving.metrics import metrics
from medcode_ml.serving.policy import Decision, EmbeddedPolicy
from medcode_ml.serving.problems import ProblemError
from medcode_ml.serving.rates import ANONYMOUS
from medcode_ml.serving.state import Api

HOSPITAL_HEADER: Final = "medcode-hospital"
_MOST_CREDENTIALS: Final = 16_384
_UNAVAILABLE: Final = "policy-unavailable"
_ASK: Final = {"WWW-Authenticate": "Bearer"}


async def enter(request: Request, action: str) -> Caller:
    """The caller, who may do `action` at all (for which hospitals is asked by `allow` once the records are read).

    Raises:
        ProblemError: 401, 403, 429, or 503 where nobody can tell now.
    """
    caller = await _counted(request)
    await allow(request, caller, action, _own(caller, action))
    return caller


async def enter_any(request: Request, actions: Sequence[str]) -> Caller:
    """The caller, who may do at least one of `actions`; asking costs them one request and at most one refusal.

    Raises:
        ProblemError: as `enter`.
    """
    caller = await _counted(request)
    decision = Decision(False, "action")
    for action in actions:
        decision = await _decided(request, caller, action, _own(caller, action))
        if decision.allow or decision.why == _UNAVAILABLE:
            break
    _heed(request, decision)
    return caller


async def _counted(request: Request) -> Caller:
    """The caller, whose request is counted."""
    api: Api = request.app.state.api
    audit = request.scope["medcode_audit"]
    caller = EVERYBODY if api.chosen.api_no_auth else await _recognised(request, api)
    audit["subject"] = caller.subject
    if (seconds := api.rates.allows(caller.subject, caller.rate)) is not None:
        raise refused(
            audit, "rate", ProblemError(429, "too-many-requests", "too many requests; wait as Retry-After says",
                                        headers={"Retry-After": f"{seconds:.0f}"})
        )  # fmt: skip
    return caller


async def allow(request: Request, caller: Caller, action: str, hospitals: Sequence[str]) -> None:
    """Let the caller do `action` for `hospitals`.

    Raises:
        ProblemError: 403, or 503 where the policy cannot be asked.
    """
    _heed(request, await _decided(request, caller, action, hospitals))


async def _decided(request: Request, caller: Caller, action: str, hospitals: Sequence[str]) -> Decision:
    """What the policy says; nothing is counted or written down."""
    api: Api = request.app.state.api
    asked = {"subject": caller.facts(), "action": action, "hospitals": sorted(hospitals)}
    # the embedded evaluator keeps its answers; a server is waited for
    embedded = isinstance(api.policy, EmbeddedPolicy)
    return api.policy.decide(asked) if embedded else await api.beside(lambda: api.policy.decide(asked))


def _heed(request: Request, decision: Decision) -> None:
    audit = request.scope["medcode_audit"]
    if decision.allow:
        audit["decision"] = "allow"
        return
    status = 503 if decision.why == _UNAVAILABLE else 403
    detail = _WHY.get(decision.why, "the policy does not allow it")
    raise refused(audit, decision.why, ProblemError(status, "forbidden" if status == 403 else "unavailable", detail))


async def _recognised(request: Request, api: Api) -> Caller:
    audit = request.scope["medcode_audit"]
    try:
        return await _caller(_credentials(request), api)
    except IdentityError as error:
        # callers behind one proxy share an address: it is counted against failed attempts alone
        address = f"address:{request.client.host if request.client else '?'}"
        if (seconds := api.rates.allows(address, ANONYMOUS)) is not None:
            raise refused(
                audit, "rate", ProblemError(429, "too-many-requests", "too many failed attempts; wait as Retry-After "
                                            "says", headers={"Retry-After": f"{seconds:.0f}"})
            ) from None  # fmt: skip
        raise refused(
            audit, "unauthenticated", ProblemError(401, "unauthenticated", str(error), headers=_ASK)
        ) from None
    except IdentityUnavailableError as error:
        raise ProblemError(503, "unavailable", f"{error}; try again", headers={"Retry-After": "5"}) from None


async def _caller(sent: str, api: Api) -> Caller:
    if sent.startswith("mck_"):
        return await api.keys.caller(sent)
    if api.tokens is None:
        raise IdentityError("no tokens are accepted here: send an API key")
    return await api.tokens.caller(sent)


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


def _own(caller: Caller, action: str) -> list[str]:
    """The hospitals that an action may concern before its records are read."""
    of_records = action not in ("codes", "models", "metrics")
    return [h for h in caller.hospitals if h != "*"] if of_records else []


def refused(audit: dict[str, Any], why: str, error: ProblemError) -> ProblemError:
    """The problem, counted and written down as a refusal."""
    audit["decision"] = why
    metrics().denied.labels(why if why in _KNOWN else "other").inc()
    return error


_KNOWN: Final = frozenset({"rate", "unauthenticated", "scope", "hospital", "action", _UNAVAILABLE})
_WHY: Final = {
    "scope": "the key or token has not the scope for this; ask for one that has",
    "hospital": "the records belong to a hospital that the key or token is not for, or name none "
    "(hospital_id, or the header Medcode-Hospital)",
    _UNAVAILABLE: "the policy server does not answer; nothing is allowed until it does",
}
