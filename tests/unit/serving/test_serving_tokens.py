"""Tokens of an identity provider: signature, issuer, audience, time and algorithm; keys in a file and behind a URL."""

from __future__ import annotations

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

from medcode_ml.serving.identity import IdentityError, IdentitySettingError, IdentityUnavailableError, Tokens

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
    return Tokens(ISSUER, AUDIENCE, str(written(tmp_path / "jwks.json", key)))


def test_a_good_token_says_who_calls_and_for_what_without_the_name(tokens: Tokens, key: Key) -> None:
    caller = tokens.caller(key.token())
    assert (caller.scopes, caller.hospitals) == (("code", "rank"), ("H1",))
    assert caller.subject.startswith("jwt:")
    assert "Jane" not in caller.subject
    assert tokens.caller(key.token(scope=None, scp=["bill"], hospitals="H2 H3")).hospitals == ("H2", "H3")
    assert tokens.caller(key.token(scope=None, hospitals=None)).scopes == ()


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
        tokens.caller(key.token(**wrong))


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
            tokens.caller(token)


def test_a_shared_secret_among_the_keys_signs_nothing(tmp_path: Path) -> None:
    secret = b"s" * 32
    own = {"kty": "oct", "kid": "k1", "k": base64.urlsafe_b64encode(secret).decode(), "alg": "HS256"}
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [own, Key("k2", "RS256").public]}))
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "x", "exp": time.time() + 60}
    with pytest.raises(IdentityError):
        Tokens(ISSUER, AUDIENCE, str(tmp_path / "jwks.json")).caller(
            jwt.encode(claims, secret, "HS256", headers={"kid": "k1"})
        )


def test_keys_of_a_file_are_rotated_without_a_restart(tmp_path: Path) -> None:
    old, new = Key("old", "ES256"), Key("new", "ES256")
    path = written(tmp_path / "jwks.json", old)
    tokens = Tokens(ISSUER, AUDIENCE, str(path))
    tokens.caller(old.token())
    os.utime(written(path, new), ns=(1, 1))  # whatever the clock of the file system counts in
    tokens.caller(new.token())
    with pytest.raises(IdentityError):
        tokens.caller(old.token())
    path.write_text("{")
    tokens.caller(new.token())  # half a file leaves the keys before


class Issuer(ThreadingHTTPServer):
    """Publishes keys at loopback; `asked` counts."""

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self.asked = 0

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps({"keys": [k.public for k in issuer.keys]}).encode())

            def log_message(self, format: str, *args: Any) -> None:
                return

        issuer = self
        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as served:
        threading.Thread(target=lambda: served.serve_forever(0.01), daemon=True).start()
        yield served
        served.shutdown()


def test_keys_behind_a_url_are_kept_rotated_and_not_asked_for_at_every_forged_token(issuer: Issuer) -> None:
    old, new = Key("old", "ES256"), Key("new", "RS256")
    issuer.keys = [old]
    url = f"http://127.0.0.1:{issuer.server_port}/jwks"
    tokens, patient = Tokens(ISSUER, AUDIENCE, url, again_seconds=0), Tokens(ISSUER, AUDIENCE, url)
    for _ in range(3):
        tokens.caller(old.token())
    assert issuer.asked == 1
    issuer.keys = [old, new]
    tokens.caller(new.token())
    assert issuer.asked == 2
    patient.caller(new.token())
    for number in range(5):
        with pytest.raises(IdentityError):
            patient.caller(old.token(kid=f"made-up-{number}"))
    assert issuer.asked == 3, "whoever makes up key ids makes us ask the issuer"


def test_an_issuer_that_is_away_is_told_as_such(issuer: Issuer) -> None:
    url = f"http://127.0.0.1:{issuer.server_port}/jwks"
    issuer.shutdown()
    issuer.server_close()
    with pytest.raises(IdentityUnavailableError):
        Tokens(ISSUER, AUDIENCE, url).caller(Key("k", "ES256").token())


@pytest.mark.parametrize(
    "jwks", ["", "http://idp.example/jwks", "http://127.0.0.1.idp.example/jwks", "ftp://localhost/jwks", "/no/file"]
)
def test_keys_from_where_anybody_could_answer_are_refused(jwks: str) -> None:
    with pytest.raises(IdentitySettingError):
        Tokens(ISSUER, AUDIENCE, jwks)
