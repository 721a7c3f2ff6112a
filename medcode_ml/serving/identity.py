"""Who calls: an API key or a token of the hospital's identity provider (OIDC), or nobody.

Tokens are checked for signature, issuer, audience and time by PyJWT; their `scope` (or `scp`) and `hospitals` claims
say what they are for. What was found is kept a few seconds, so that a request costs no question to the database.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import sqlalchemy as sa

from medcode_ml.logs import logger
from medcode_ml.serving.keys import SCOPES, StoredKey, find_key, is_key, key_id_of
from medcode_ml.settings import Settings

if TYPE_CHECKING:
    from jwt import PyJWKSet

KEPT_SECONDS: Final = 10.0
"""How long a key that was looked up is believed: a revoked one is refused after at most this time."""
_STALE_SECONDS: Final = 300.0
"""How long a key found before is believed while the database does not answer."""
_MOST_KEPT: Final = 10_000
_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Asymmetric ones only: with a shared secret every reader could sign."""
_LEEWAY_SECONDS: Final = 30
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_JWKS_SECONDS: Final = 300
"""How long the keys of an issuer's URL are believed: a withdrawn one is refused after at most this time."""
_log = logger("serving.identity")


class IdentityError(Exception):
    """Nobody that is known: says why, without what was sent."""


class IdentityUnavailableError(Exception):
    """Who calls cannot be told now: the database or the identity provider does not answer."""


class IdentitySettingError(ValueError):
    """The settings of tokens do not fit together."""


@dataclass(frozen=True)
class Caller:
    """Who calls: `subject` is key:<key_id>, jwt:<hash of issuer and subject> or no-auth; no `rate`: the setting's."""

    subject: str
    scopes: tuple[str, ...]
    hospitals: tuple[str, ...]
    rate: str | None = None

    def facts(self) -> dict[str, Any]:
        """What the policy is told."""
        return {"id": self.subject, "scopes": list(self.scopes), "hospitals": list(self.hospitals)}


EVERYBODY: Final = Caller("no-auth", SCOPES, ("*",))
"""Who everybody is in the development mode."""


class Keys:
    """Callers by API key."""

    def __init__(self, engine: sa.Engine) -> None:
        """Keys of the database of `engine`."""
        self._engine = engine
        self._kept: OrderedDict[str, tuple[float, StoredKey | None]] = OrderedDict()
        self._lock = threading.Lock()

    def kept(self, key: str) -> Caller | None:
        """The caller, where the key was looked up a moment ago; does not block.

        Raises:
            IdentityError: it was, and is not good.
        """
        found = self._kept.get(key_id_of(key) or "")
        return None if found is None or time.monotonic() - found[0] > KEPT_SECONDS else _caller(key, found[1])

    def caller(self, key: str) -> Caller:
        """The caller; asks the database.

        Raises:
            IdentityError: no such key, or not any more. IdentityUnavailableError: the database does not answer.
        """
        key_id = key_id_of(key)
        if key_id is None:
            raise IdentityError("the API key has not the form mck_..., copy it again whole")
        try:
            stored, at = find_key(self._engine, key_id), time.monotonic()
        except sa.exc.SQLAlchemyError as error:
            with self._lock:
                before = self._kept.get(key_id)
            if before is None or time.monotonic() - before[0] > _STALE_SECONDS:
                raise IdentityUnavailableError("the keys cannot be read now") from error
            _log.warning("the database does not answer, a key looked up before is believed")
            return _caller(key, before[1])
        with self._lock:
            self._kept[key_id] = (at, stored)
            self._kept.move_to_end(key_id)
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return _caller(key, stored)


def _caller(key: str, stored: StoredKey | None) -> Caller:
    if stored is None or not is_key(key, stored):
        raise IdentityError("the API key is not known")
    if (why := stored.refused_because(datetime.now(UTC))) is not None:
        raise IdentityError(f"the API key is {why}: ask for a new one")
    return Caller(f"key:{stored.key_id}", stored.scopes, stored.hospitals, stored.rate)


class Tokens:
    """Callers by token of one issuer."""

    def __init__(self, issuer: str, audience: str, jwks: str, again_seconds: float = 30.0) -> None:
        """`jwks` is a file or an https URL (http on loopback), asked again for an unknown key after `again_seconds`.

        Raises:
            IdentitySettingError: no keys are named, or by a URL that anybody on the way could answer.
        """
        if not jwks:
            raise IdentitySettingError("MEDCODE_API_JWT_ISSUER is set: name its keys with MEDCODE_API_JWKS")
        self._issuer, self._audience = issuer, audience
        self._file: Path | None = None
        if "://" in jwks:
            from jwt import PyJWKClient

            url = urlsplit(jwks)
            if url.scheme != "https" and (url.scheme != "http" or url.hostname not in _LOOPBACK):
                raise IdentitySettingError("MEDCODE_API_JWKS must be an https URL or a file")
            # not `cache_keys`: a key that the issuer withdraws would be believed for ever
            self._client = PyJWKClient(jwks, lifespan=_JWKS_SECONDS, timeout=5, cooldown_duration=again_seconds)
        else:
            self._file = Path(jwks)
            self._stamp = 0
            self._keys: PyJWKSet | None = None
            self._of_file()

    def caller(self, token: str) -> Caller:
        """The caller; may ask the issuer for its keys.

        Raises:
            IdentityError: the token is not good. IdentityUnavailableError: the issuer's keys cannot be had.
        """
        import jwt

        try:
            claims = jwt.decode(
                token,
                self._key_of(token),
                algorithms=list(_ALGORITHMS),
                audience=self._audience,
                issuer=self._issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWKClientConnectionError as error:
            raise IdentityUnavailableError("the issuer's keys cannot be read now") from error
        except jwt.ExpiredSignatureError:
            raise IdentityError("the token has expired: get a new one") from None
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise IdentityError(f"the token is not good ({type(error).__name__})") from None
        subject = hashlib.sha256(f"{claims['iss']}\x1f{claims['sub']}".encode()).hexdigest()[:20]
        given = claims.get("scope", claims.get("scp", ()))
        return Caller(f"jwt:{subject}", _words(given), _words(claims.get("hospitals", ())))

    def _key_of(self, token: str) -> Any:
        import jwt

        if self._file is None:
            return self._client.get_signing_key_from_jwt(token).key
        wanted = jwt.get_unverified_header(token).get("kid")
        keys = self._of_file().keys
        found = [k for k in keys if wanted is None or k.key_id == wanted]
        if len(found) != 1 and (wanted is not None or len(keys) != 1):
            raise jwt.InvalidTokenError("no such key")
        return found[0].key

    def _of_file(self) -> Any:
        """The keys of the file, read again when it has changed."""
        import json

        import jwt

        assert self._file is not None
        try:
            stamp = self._file.stat().st_mtime_ns
            if self._keys is None or stamp != self._stamp:
                self._keys = jwt.PyJWKSet.from_dict(json.loads(self._file.read_text(encoding="utf-8")))
                self._stamp = stamp
        except (OSError, ValueError, jwt.PyJWTError) as error:
            if self._keys is None:
                raise IdentitySettingError(f"{self._file} is no JWKS ({type(error).__name__})") from error
            _log.error("the JWKS file cannot be read (%s), the keys before stay", type(error).__name__)
        return self._keys


def _words(claim: Any) -> tuple[str, ...]:
    """A claim that is a list of texts, or texts with blanks between them."""
    if isinstance(claim, str):
        return tuple(claim.split())
    return tuple(c for c in claim if isinstance(c, str)) if isinstance(claim, list | tuple) else ()


def open_tokens(chosen: Settings) -> Tokens | None:
    """Tokens as the settings accept them; None where they accept none.

    Raises:
        IdentitySettingError: see `Tokens`.
    """
    if not chosen.api_jwt_issuer:
        return None
    return Tokens(chosen.api_jwt_issuer, chosen.api_jwt_audience, chosen.api_jwks)
