"""Who calls, by token of the hospital's identity provider (OIDC).

Tokens are checked for signature, issuer, audience and time by PyJWT; their `scope` (or `scp`) and `hospitals` claims
say what they are for.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from medcode_ml.serving.identity import Caller, IdentityError
from medcode_ml.serving.issuer_keys import IssuerKeys, issuer_keys
from medcode_ml.settings import Settings

_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Asymmetric ones only: with a shared secret every reader could sign."""
_LEEWAY_SECONDS: Final = 30


class Tokens:
    """Callers by token of one issuer."""

    def __init__(self, issuer: str, audience: str, keys: IssuerKeys) -> None:
        """Tokens of `issuer` for `audience`, signed with one of `keys`."""
        self._issuer, self._audience, self._keys = issuer, audience, keys

    async def caller(self, token: str) -> Caller:
        """The caller; may ask the issuer for its keys.

        Raises:
            IdentityError: the token is not good. IdentityUnavailableError: the issuer's keys cannot be had.
        """
        import jwt

        try:
            key = await self._keys.of(jwt.get_unverified_header(token).get("kid"))
            if key is None:
                raise IdentityError("the token is signed with no key of the issuer")
            claims = jwt.decode(
                token,
                key.key,
                algorithms=list(_ALGORITHMS),
                audience=self._audience,
                issuer=self._issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise IdentityError("the token has expired: get a new one") from None
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise IdentityError(f"the token is not good ({type(error).__name__})") from None
        subject = hashlib.sha256(f"{claims['iss']}\x1f{claims['sub']}".encode()).hexdigest()[:20]
        given = claims.get("scope", claims.get("scp", ()))
        return Caller(f"jwt:{subject}", _words(given), _words(claims.get("hospitals", ())))

    def stop(self) -> None:
        """Ask for nothing more."""
        self._keys.stop()


def _words(claim: Any) -> tuple[str, ...]:
    """A claim that is a list of texts, or texts with blanks between them."""
    if isinstance(claim, str):
        return tuple(claim.split())
    return tuple(c for c in claim if isinstance(c, str)) if isinstance(claim, list | tuple) else ()


def open_tokens(chosen: Settings) -> Tokens | None:
    """Tokens as the settings accept them; None where they accept none.

    Raises:
        IdentitySettingError: see `issuer_keys`.
    """
    if not chosen.api_jwt_issuer:
        return None
    return Tokens(chosen.api_jwt_issuer, chosen.api_jwt_audience, issuer_keys(chosen.api_jwks))
