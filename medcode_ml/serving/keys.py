"""API keys: made once, shown once, kept as a hash.

A key is `mck_<key_id>_<secret>`: the id finds its row, the secret is 256 random bits, so that a plain SHA-256 is enough
(there is no dictionary to try).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from medcode_ml.contracts import served

PREFIX: Final = "mck"
SCOPES: Final = ("code", "rank", "bill", "price", "encounter", "review", "codes", "models", "metrics")
"""What a key may be allowed; `docker/opa` says what each is needed for."""
_ID_BYTES: Final = 8


class ApiKeyError(ValueError):
    """A key cannot be made or revoked as asked."""


@dataclass(frozen=True)
class StoredKey:
    """A row of served.api_key."""

    key_id: str
    name: str
    secret_hash: str
    scopes: tuple[str, ...]
    hospitals: tuple[str, ...]
    rate: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def refused_because(self, now: datetime) -> str | None:
        """Why the key is good for nothing any more, or None."""
        if self.revoked_at is not None and self.revoked_at <= now:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else None


def key_id_of(key: str) -> str | None:
    """The public part of something that looks like a key, or None."""
    parts = key.split("_", 2)
    if len(parts) != 3 or parts[0] != PREFIX or len(parts[1]) != 2 * _ID_BYTES or not parts[1].isalnum():
        return None
    return parts[1]


def is_key(key: str, stored: StoredKey) -> bool:
    """Whether `key` is the one that `stored` was made of; takes the same time whatever differs."""
    return hmac.compare_digest(_hash(key), stored.secret_hash)


def create_key(
    engine: sa.Engine,
    name: str,
    scopes: Sequence[str],
    hospitals: Sequence[str],
    *,
    rate: str | None = None,
    expires_at: datetime | None = None,
    by: str,
) -> str:
    """Make a key and return it; nobody can read it again.

    Raises:
        ApiKeyError: no name, no or an unknown scope, no hospital, a rate of another form, or an end that is past.
    """
    if not name.strip():
        raise ApiKeyError("give the key a name: the system or person that holds it")
    if not scopes or (unknown := sorted(set(scopes) - set(SCOPES))):
        said = f"there is no scope {', '.join(unknown)}" if scopes else "a key needs a scope"
        raise ApiKeyError(f"{said}: choose among {', '.join(SCOPES)}")
    if not hospitals:
        raise ApiKeyError("name the hospitals the key is for, or * for all")
    if rate is not None:
        from limits import parse

        try:
            parse(rate)
        except ValueError:
            raise ApiKeyError(f"{rate!r} is no rate: write it like 600/minute") from None
    now = datetime.now(UTC)
    if expires_at is not None and expires_at <= now:
        raise ApiKeyError("the key would have expired already: give a later day")
    key_id = secrets.token_hex(_ID_BYTES)
    key = f"{PREFIX}_{key_id}_{secrets.token_urlsafe(32)}"
    row = {
        "key_id": key_id, "name": name.strip(), "secret_hash": _hash(key), "scopes": sorted(set(scopes)),
        "hospitals": sorted(set(hospitals)), "rate": rate, "created_at": now, "created_by": by,
        "expires_at": expires_at, "revoked_at": None,
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(sa.insert(served.api_key), row)
    return key


def list_keys(engine: sa.Engine) -> list[StoredKey]:
    """All keys, oldest first."""
    with engine.connect() as connection:
        rows = connection.execute(sa.select(served.api_key).order_by(served.api_key.c.created_at)).mappings().all()
    return [_stored(row) for row in rows]


def find_key(engine: sa.Engine, key_id: str) -> StoredKey | None:
    """The key of an id, revoked and expired ones too."""
    with engine.connect() as connection:
        query = sa.select(served.api_key).where(served.api_key.c.key_id == key_id)
        row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _stored(row)


def revoke_key(engine: sa.Engine, key_id: str) -> None:
    """Refuse a key from now on; workers hear of it within `identity.KEPT_SECONDS`.

    Raises:
        ApiKeyError: there is no such key.
    """
    table = served.api_key
    now = sa.func.coalesce(table.c.revoked_at, datetime.now(UTC))
    with engine.begin() as connection:
        if not connection.execute(sa.update(table).where(table.c.key_id == key_id).values(revoked_at=now)).rowcount:
            raise ApiKeyError(f"there is no key {key_id}: `medcode api-key list` shows them")


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _stored(row: Any) -> StoredKey:
    held = {field.name: row[field.name] for field in fields(StoredKey)}
    return StoredKey(**held | {name: tuple(row[name]) for name in ("scopes", "hospitals")})
