"""Tokens of an identity provider: signature, issuer, audience, time and algorithm; keys in a file and behind a URL."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from medcode_ml.serving import issuer_keys
from medcode_ml.serving.identity import Caller, IdentityError, IdentitySettingError, IdentityUnavailableError
from medcode_ml.serving.issuer_keys import FileKeys, UrlKeys
from medcode_ml.serving.tokens import Tokens

ISSUER, AUDIENCE = "https://idp.hospital.example", "medcode"


class Key:
    """A key pair of an issuer."""

    def __init__(self, kid: str, algorithm: str) -> None:
        self.kid, self.algorithm = kid, algorithm
        self.private: Any = (
            rsa.generate_private_key(65537, 2048) if algorithm == "RS256" else ec.generate_private_key(ec.SECP256R1())
        )

    @property
    def public(self) -> dict[str, Any]:
        of = jwt.get_algorithm_by_name(self.algorithm)
        return {**json.loads(of.to_jwk(self.private.public_key())), "kid": self.kid, "use": "sig"}

    def token(self, kid: str | None = None, **claims: Any) -> str:
        held = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": "Jane Roe", "exp": time.time() + 60, "scope": "code rank",
            "hospitals": ["H1"],
        } | claims  # fmt: skip
        held = {name: value for name, value in held.items() if value is not None}
        return jwt.encode(held, self.private, self.algorithm, headers={"kid": kid or self.kid})


@pytest.fixture(scope="module", params=["RS256", "ES256"])
def key(request: pytest.FixtureRequest) -> Key:
    return Key("k1", request.param)


def written(path: Path, *keys: Key) -> Path:
    path.write_text(json.dumps({"keys": [k.public for k in keys]}))
    return path


@pytest.fixture
def tokens(tmp_path: Path, key: Key) -> Tokens:
    return Tokens(ISSUER, AUDIENCE, FileKeys(written(tmp_path / "jwks.json", key)))


def caller(tokens: Tokens, token: str) -> Caller:
    return asyncio.run(tokens.caller(token))


def test_a_good_token_says_who_calls_and_for_what_without_the_name(tokens: Tokens, key: Key) -> None:
    found = caller(tokens, key.token())
    assert (found.scopes, found.hospitals) == (("code", "rank"), ("H1",))
    assert found.subject.startswith("jwt:")
    assert "Jane" not in found.subject
    assert caller(tokens, key.token(scope=None, scp=["bill"], hospitals="H2 H3")).hospitals == ("H2", "H3")
    assert caller(tokens, key.token(scope=None, hospitals=None)).scopes == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://elsewhere.example"}, {"aud": "payroll"}, {"exp": time.time() - 3600}, {"exp": None},
        {"iss": None}, {"aud": None}, {"sub": None}, {"nbf": time.time() + 3600}, {"kid": "k9"}, {"exp": "soon"},
    ],
    ids=lambda w: "-".join(f"{k}" for k in w),
)  # fmt: skip
def test_a_token_for_others_or_another_time_is_refused(tokens: Tokens, key: Key, wrong: dict[str, Any]) -> None:
    with pytest.raises(IdentityError):
        caller(tokens, key.token(**wrong))


def test_tokens_signed_by_nobody_or_with_the_public_key_as_secret_are_refused(tokens: Tokens, key: Key) -> None:
    good = key.token()
    _, body, signature = good.split(".")
    pem = key.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )

    def headed(algorithm: str) -> str:
        head = json.dumps({"alg": algorithm, "typ": "JWT", "kid": key.kid}).encode()
        return base64.urlsafe_b64encode(head).rstrip(b"=").decode() + "." + body

    def signed(start: str, secret: bytes) -> str:
        own = hmac.new(secret, start.encode(), hashlib.sha256).digest()
        return f"{start}.{base64.urlsafe_b64encode(own).rstrip(b'=').decode()}"

    changed = base64.urlsafe_b64encode(b'{"iss":"x"}').rstrip(b"=").decode()
    forged = [
        headed("none") + ".", headed("None") + "." + signature, signed(headed("HS256"), pem),
        good.replace(body, changed), good[:-4], Key(key.kid, key.algorithm).token(), "a.b.c", "x", "..",
        headed("ES256" if key.algorithm == "RS256" else "RS256") + "." + signature,
    ]  # fmt: skip
    for token in forged:
        with pytest.raises(IdentityError):
            caller(tokens, token)


def test_a_shared_secret_among_the_keys_signs_nothing(tmp_path: Path) -> None:
    secret = b"s" * 32
    own = {"kty": "oct", "kid": "k1", "k": base64.urlsafe_b64encode(secret).decode(), "alg": "HS256"}
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [own, Key("k2", "RS256").public]}))
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "x", "exp": time.time() + 60}
    with pytest.raises(IdentityError):
        caller(
            Tokens(ISSUER, AUDIENCE, FileKeys(tmp_path / "jwks.json")),
            jwt.encode(claims, secret, "HS256", headers={"kid": "k1"}),
        )


def test_keys_of_a_file_are_rotated_without_a_restart(tmp_path: Path) -> None:
    old, new = Key("old", "ES256"), Key("new", "ES256")
    path = written(tmp_path / "jwks.json", old)
    tokens = Tokens(ISSUER, AUDIENCE, FileKeys(path))
    caller(tokens, old.token())
    os.utime(written(path, new), ns=(1, 1))  # whatever the clock of the file system counts in
    caller(tokens, new.token())
    with pytest.raises(IdentityError):
        caller(tokens, old.token())
    path.write_text("{")
    caller(tokens, new.token())  # half a file leaves the keys before


class Issuer(ThreadingHTTPServer):
    """Publishes keys at loopback; `asked` counts, `flows` cleared makes it hang, `status` another makes it fail."""

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self.asked, self.status = 0, 200
        self.flows = threading.Event()
        self.flows.set()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                issuer.flows.wait(30)
                self.send_response(issuer.status)
                self.end_headers()
                self.wfile.write(json.dumps({"keys": [k.public for k in issuer.keys]}).encode())

            def log_message(self, format: str, *args: Any) -> None:
                return

        issuer = self
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/jwks"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as served:
        threading.Thread(target=lambda: served.serve_forever(0.01), daemon=True).start()
        yield served
        served.flows.set()
        served.shutdown()


def behind(issuer: Issuer, **seconds: float) -> Tokens:
    return Tokens(ISSUER, AUDIENCE, UrlKeys(issuer.url, **seconds))


def test_keys_behind_a_url_are_kept_rotated_and_not_asked_for_at_every_forged_token(issuer: Issuer) -> None:
    old, new = Key("old", "ES256"), Key("new", "RS256")
    issuer.keys = [old]
    tokens, patient = behind(issuer, again_seconds=0), behind(issuer)
    for _ in range(3):
        caller(tokens, old.token())
    assert issuer.asked == 1
    issuer.keys = [old, new]
    caller(tokens, new.token())
    assert issuer.asked == 2
    caller(patient, new.token())
    for number in range(5):
        with pytest.raises(IdentityError):
            caller(patient, old.token(kid=f"made-up-{number}"))
    assert issuer.asked == 3, "whoever makes up key ids makes us ask the issuer"


def test_a_withdrawn_key_is_refused_while_the_issuer_answers(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = Key("old", "ES256"), Key("new", "ES256")
    issuer.keys = [old]
    tokens = behind(issuer, again_seconds=0)
    caller(tokens, old.token())
    issuer.keys = [new]
    monkeypatch.setattr(issuer_keys, "FRESH_SECONDS", 0.0)
    with pytest.raises(IdentityError):
        caller(tokens, old.token())


@pytest.mark.parametrize("how", ["away", "failing", "no keys"])
def test_an_issuer_without_keys_now_shuts_nobody_out_for_an_hour_and_is_let_alone_for_a_while(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    key = Key("k", "ES256")
    issuer.keys = [key]
    tokens, pausing, new = behind(issuer, again_seconds=0), behind(issuer), behind(issuer)
    caller(tokens, key.token())
    if how == "away":
        issuer.shutdown()
        issuer.server_close()
    elif how == "failing":
        issuer.status = 500
    else:
        issuer.keys = []
    monkeypatch.setattr(issuer_keys, "FRESH_SECONDS", 0.0)
    assert caller(tokens, key.token()).scopes == ("code", "rank")
    with pytest.raises(IdentityError):
        caller(tokens, key.token(exp=time.time() - 3600))
    monkeypatch.setattr(issuer_keys, "STALE_SECONDS", 0.0)
    with pytest.raises(IdentityUnavailableError):
        caller(tokens, key.token())
    before = issuer.asked
    for _ in range(5):
        with pytest.raises(IdentityUnavailableError):
            caller(pausing, key.token())
    assert issuer.asked == before + (how != "away"), "an issuer that fails is asked for every token"
    with pytest.raises(IdentityUnavailableError):
        caller(new, key.token())


def test_an_issuer_that_hangs_is_waited_for_once(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    key = Key("k", "ES256")
    issuer.keys = [key]
    tokens, new = behind(issuer, again_seconds=0), behind(issuer)
    caller(tokens, key.token())
    monkeypatch.setattr(issuer_keys, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(issuer_keys, "_WAIT_SECONDS", 0.2)
    monkeypatch.setattr(issuer_keys, "_SOCKET_SECONDS", 0.2)
    issuer.flows.clear()

    async def many() -> list[float]:
        found = []
        for _ in range(5):
            began = time.monotonic()
            assert (await tokens.caller(key.token())).scopes == ("code", "rank")
            found.append(time.monotonic() - began)
        with pytest.raises(IdentityUnavailableError):
            await new.caller(key.token())
        issuer.flows.set()
        await asyncio.sleep(0.1)
        assert (await new.caller(key.token())).scopes == ("code", "rank"), "what came late is not taken"
        return found

    seconds = asyncio.run(many())
    assert 0.15 < seconds[0] < 2
    assert max(seconds[1:]) < 0.1


@pytest.mark.parametrize(
    "jwks", ["", "http://idp.example/jwks", "http://127.0.0.1.idp.example/jwks", "ftp://localhost/jwks", "/no/file"]
)
def test_keys_from_where_anybody_could_answer_are_refused(jwks: str) -> None:
    with pytest.raises(IdentitySettingError):
        issuer_keys.issuer_keys(jwks)
