"""The keys of an identity provider (JWKS), of a file or behind a URL.

A provider that is away or hangs must not shut out those who hold good tokens: its keys are believed for an hour then.
Nobody who makes up key ids may have it asked more often than a pause allows.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from medcode_ml.logs import logger
from medcode_ml.serving.asking import Questions
from medcode_ml.serving.identity import IdentitySettingError, IdentityUnavailableError

if TYPE_CHECKING:
    from jwt import PyJWK, PyJWKSet

FRESH_SECONDS: Final = 300.0
"""How long keys of a URL are believed while the issuer answers: a withdrawn one is refused after at most this time."""
STALE_SECONDS: Final = 3600.0
"""How long they are believed while it does not."""
_AGAIN_SECONDS: Final = 30.0
_WAIT_SECONDS: Final = 2.0
"""What the issuer gets to answer where keys read before can be believed instead."""
_SOCKET_SECONDS: Final = 5.0
"""What it gets where none can."""
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_log = logger("serving.identity")


class IssuerKeys(Protocol):
    """Where the keys of an issuer are had from."""

    async def of(self, key_id: str | None) -> PyJWK | None:
        """The key of an id, or the only one where a token names none; None where there is no such key.

        Raises:
            IdentityUnavailableError: the keys cannot be had.
        """

    def stop(self) -> None:
        """Ask for nothing more."""


class FileKeys:
    """Keys of a file, read again when it has changed."""

    def __init__(self, path: Path) -> None:
        """Read them.

        Raises:
            IdentitySettingError: the file is no JWKS.
        """
        self._path, self._stamp = path, 0
        try:
            self._stamp, self._keys = path.stat().st_mtime_ns, _read(path)
        except (OSError, ValueError) as error:
            raise IdentitySettingError(f"{path} is no JWKS ({type(error).__name__})") from error

    async def of(self, key_id: str | None) -> PyJWK | None:
        """As `IssuerKeys` says; a file that is damaged leaves the keys before."""
        try:
            if (stamp := self._path.stat().st_mtime_ns) != self._stamp:
                self._keys, self._stamp = _read(self._path), stamp
        except (OSError, ValueError) as error:
            _log.error("the JWKS file cannot be read (%s), the keys before stay", type(error).__name__)
        return _matching(self._keys, key_id)

    def stop(self) -> None:
        """Nothing is open."""


class UrlKeys:
    """Keys behind a URL of the issuer."""

    def __init__(self, url: str, again_seconds: float = _AGAIN_SECONDS) -> None:
        """`url` is https (http on loopback); it is asked again after `again_seconds` at the earliest.

        Raises:
            IdentitySettingError: anybody on the way could answer.
        """
        from jwt import PyJWKClient

        parts = urlsplit(url)
        if parts.scheme != "https" and (parts.scheme != "http" or parts.hostname not in _LOOPBACK):
            raise IdentitySettingError("MEDCODE_API_JWKS must be an https URL or a file")
        # it follows no redirects; what it reads is kept here, because it forgets it when the issuer is away
        self._client = PyJWKClient(url, cache_jwk_set=False, timeout=_SOCKET_SECONDS)
        self._again = again_seconds
        self._questions = Questions("issuer", 1)
        self._held: tuple[float, PyJWKSet] | None = None
        self._tried_at = float("-inf")

    async def of(self, key_id: str | None) -> PyJWK | None:
        """As `IssuerKeys` says; asks the issuer where the keys are old, or none has this id."""
        held, now = self._held, time.monotonic()
        if held is not None and now - held[0] <= FRESH_SECONDS and (found := _matching(held[1], key_id)) is not None:
            return found
        if self._questions.is_open("keys") or now - self._tried_at >= self._again:
            try:
                await self._questions.ask("keys", self._fetch, _SOCKET_SECONDS if held is None else _WAIT_SECONDS)
            except (OSError, ValueError) as error:  # what hangs is an OSError too, a TimeoutError
                _log.warning("the issuer's keys cannot be read (%s)", type(error).__name__)
        held = self._held
        if held is None or time.monotonic() - held[0] > STALE_SECONDS:
            raise IdentityUnavailableError("the issuer's keys cannot be read now")
        return _matching(held[1], key_id)

    def stop(self) -> None:
        """Ask for nothing more."""
        self._questions.stop()

    def _fetch(self) -> None:
        """Ask the issuer.

        Raises:
            OSError, ValueError: it does not answer, or with something else than keys.
        """
        import jwt

        try:
            self._held = time.monotonic(), self._client.get_jwk_set()
        except jwt.PyJWTError as error:
            raise ValueError(type(error).__name__) from error
        finally:
            self._tried_at = time.monotonic()


def issuer_keys(named: str) -> IssuerKeys:
    """The keys of a file or an https URL (http on loopback).

    Raises:
        IdentitySettingError: there are none, or anybody on the way could answer.
    """
    if not named:
        raise IdentitySettingError("MEDCODE_API_JWT_ISSUER is set: name its keys with MEDCODE_API_JWKS")
    return UrlKeys(named) if "://" in named else FileKeys(Path(named))


def _read(path: Path) -> PyJWKSet:
    """The keys of a file.

    Raises:
        OSError, ValueError: it holds none.
    """
    import jwt

    try:
        return jwt.PyJWKSet.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (jwt.PyJWTError, AttributeError) as error:  # JSON, but no object
        raise ValueError(type(error).__name__) from error


def _matching(keys: PyJWKSet, key_id: str | None) -> PyJWK | None:
    found = [k for k in keys.keys if k.public_key_use in ("sig", None) and key_id in (None, k.key_id)]
    # two keys of one id, or no id and a choice: nobody guesses
    return found[0] if len(found) == 1 else None
