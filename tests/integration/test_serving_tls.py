"""The API over TLS with tokens, as a worker runs it: who has no certificate of ours or no token gets nothing."""

from __future__ import annotations

import json
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from medcode_ml.serving.formats import BILL_EXAMPLE, NOTE_EXAMPLE
from medcode_ml.serving.in_use import ModelsInUse
from medcode_ml.serving.server import ServeOptionError, Where, check
from medcode_ml.serving.shares import Shares
from medcode_ml.serving.supervisor import bound
from medcode_ml.serving.worker import work
from medcode_ml.settings import settings

pytestmark = pytest.mark.integration
ISSUER = "https://idp.hospital.example"


def self_signed(folder: Path) -> Where:
    """A certificate for 127.0.0.1 and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    folder.mkdir()
    cert, pem = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem.write_bytes(key.private_bytes(*plain))
    return Where(port=1, tls_cert=cert, tls_key=pem)


@pytest.fixture(scope="module")
def signer() -> Any:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="module")
def served(
    server_engine: sa.Engine, signer: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[int, Path]]:
    """Port and certificate of a worker in this process."""
    folder = tmp_path_factory.mktemp("tls")
    where = self_signed(folder / "own")
    of = jwt.get_algorithm_by_name("ES256")
    (folder / "jwks.json").write_text(json.dumps({"keys": [json.loads(of.to_jwk(signer.public_key())) | {"kid": "k"}]}))
    turns = sys.getswitchinterval()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MEDCODE_API_JWT_ISSUER", ISSUER)
        patched.setenv("MEDCODE_API_HEAD_SECONDS", "1.5")
        patched.setenv("MEDCODE_API_TRUSTED_PROXIES", "127.0.0.0/8")
        patched.setenv("MEDCODE_API_JWKS", str(folder / "jwks.json"))
        settings.cache_clear()
        check(where)
        ends = threading.Event()
        listening = bound("127.0.0.1", 0)
        port = listening.getsockname()[1]
        models = ModelsInUse(settings())
        assert where.tls_cert is not None
        assert where.tls_key is not None
        tls = where.tls_cert, where.tls_key
        given = (tls, listening, models, lambda: not ends.is_set(), Shares(1), 0)
        serving = threading.Thread(target=work, args=given)
        serving.start()
        until = time.monotonic() + 60
        while time.monotonic() < until and serving.is_alive():
            try:
                get(port, where.tls_cert, "/healthz")
                break
            except httpx.ConnectError:
                time.sleep(0.02)
        yield port, where.tls_cert
        ends.set()
        serving.join(30)
        assert not serving.is_alive(), "the worker does not stop when its parent is gone"
    settings.cache_clear()
    sys.setswitchinterval(turns)


def get(port: int, ca: Path, path: str, token: str | None = None, **sent: Any) -> httpx.Response:
    head = {} if token is None else {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=ssl.create_default_context(cafile=ca)) as client:
        return client.request("POST" if sent else "GET", path, headers=head, timeout=60, **sent)


def test_tokens_are_held_to_their_scope_and_hospital_over_tls(served: tuple[int, Path], signer: Any) -> None:
    claims = {"iss": ISSUER, "aud": "medcode", "sub": "ward", "exp": time.time() + 60, "hospitals": ["H1"]}
    token = jwt.encode({**claims, "scope": "code"}, signer, "ES256", headers={"kid": "k"})
    assert get(*served, "/v1/code", token, json=NOTE_EXAMPLE).status_code == 200
    assert get(*served, "/v1/code", token, json={**NOTE_EXAMPLE, "hospital_id": "H2"}).status_code == 403
    assert get(*served, "/v1/bill", token, json=BILL_EXAMPLE).status_code == 403
    assert get(*served, "/v1/code", token[:-3], json=NOTE_EXAMPLE).status_code == 401
    assert get(*served, "/v1/code", json=NOTE_EXAMPLE).status_code == 401


def test_without_tls_or_trust_there_is_no_answer(served: tuple[int, Path], tmp_path: Path) -> None:
    port, _ = served
    other = self_signed(tmp_path / "other").tls_cert
    assert other is not None
    with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
        get(port, other, "/healthz")
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"http://127.0.0.1:{port}/healthz")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(httpx.ConnectError), httpx.Client(verify=old) as client:
        client.get(f"https://127.0.0.1:{port}/healthz")


def test_tls_files_that_cannot_be_used_are_refused_before_anything_starts(tmp_path: Path) -> None:
    good, other = self_signed(tmp_path / "a"), self_signed(tmp_path / "b")
    for cert, key, said in (
        (good.tls_cert, None, "both"),
        (good.tls_cert, other.tls_key, "certificate and its key"),
        (good.tls_key, good.tls_cert, "certificate and its key"),
        (tmp_path / "none.pem", good.tls_key, "there is no file"),
    ):
        with pytest.raises(ServeOptionError, match=said):
            check(Where(port=1, tls_cert=cert, tls_key=key))


def test_who_never_ends_the_handshake_is_hung_up_on(served: tuple[int, Path]) -> None:
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", served[0]), timeout=20) as silent:
        assert silent.recv(1) == b""
    assert time.monotonic() - began < 6


def test_failed_attempts_behind_a_trusted_proxy_are_counted_by_who_sent_them(served: tuple[int, Path]) -> None:
    port, cert = served

    def attempt(address: str) -> int:
        head = {"X-Forwarded-For": address, "Authorization": "Bearer x"}
        return client.get("/v1/models", headers=head).status_code

    with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=ssl.create_default_context(cafile=cert)) as client:
        assert {attempt("192.0.2.1") for _ in range(60)} == {401, 429}
        assert attempt("192.0.2.2") == 401
        assert attempt("192.0.2.1") == 429


@pytest.mark.parametrize("named", ["*", "proxy.example", "10.0.0.1/8", "10.0.0.1,"])
def test_proxies_that_are_no_addresses_are_refused(monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.setenv("MEDCODE_API_TRUSTED_PROXIES", named)
    settings.cache_clear()
    with pytest.raises(ServeOptionError, match="TRUSTED_PROXIES"):
        check(Where(port=1))
    monkeypatch.undo()
    settings.cache_clear()
