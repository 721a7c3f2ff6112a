"""Who calls, by API key; and what all ways of knowing a caller share.

What was found is kept a few seconds, so that a request costs no question to the database, and is believed for minutes
where the database does not answer. (Callers by token: `tokens`.)
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from medcode_ml.logs import logger
from medcode_ml.serving.asking import Questions
from medcode_ml.serving.keys import SCOPES, StoredKey, find_key, is_key, key_id_of

KEPT_SECONDS: Final = 10.0
"""How long a key that was looked up is believed: a revoked one is refused after at most this time."""
_STALE_SECONDS: Final = 300.0
"""How long a key found before is believed while the database does not answer."""
_WAIT_SECONDS: Final = 2.0
"""What the database gets where a key found before can be believed instead."""
_FIRST_SECONDS: Final = 5.0
"""What it gets where none can."""
_AGAIN_SECONDS: Final = 5.0
"""So long a database that did not answer is not asked for a key that may be believed."""
_THREADS: Final = 4
_MOST_KEPT: Final = 10_000
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
    """Callers by API key; asked on the event loop."""

    def __init__(self, engine: sa.Engine) -> None:
        """Keys of the database of `engine`."""
        self._engine = engine
        self._kept: OrderedDict[str, tuple[float, StoredKey]] = OrderedDict()
        self._lock = threading.Lock()
        self._questions = Questions("api-keys", _THREADS)
        self._silent_until = 0.0

    async def caller(self, key: str) -> Caller:
        """The caller; asks the database where the key was not looked up a moment ago.

        Raises:
            IdentityError: no such key, or not any more. IdentityUnavailableError: the database does not answer.
        """
        key_id = key_id_of(key)
        if key_id is None:
            raise IdentityError("the API key has not the form mck_..., copy it again whole")
        now = time.monotonic()
        looked_up, kept = self._kept.get(key_id, (now, None))
        believed = None if now - looked_up > _STALE_SECONDS else kept
        if believed is not None and (now - looked_up <= KEPT_SECONDS or now < self._silent_until):
            return _caller(key, believed)
        wait = _FIRST_SECONDS if believed is None else _WAIT_SECONDS
        try:
            return _caller(key, await self._questions.ask(key_id, lambda: self._look_up(key_id), wait))
        except (sa.exc.SQLAlchemyError, TimeoutError) as error:
            self._silent_until = time.monotonic() + _AGAIN_SECONDS
            if believed is None:
                raise IdentityUnavailableError("the keys cannot be read now") from error
            _log.warning("the database does not answer, keys looked up before are believed")
            return _caller(key, believed)

    def stop(self) -> None:
        """Look up nothing more."""
        self._questions.stop()

    def _look_up(self, key_id: str) -> StoredKey | None:
        """The key as the database has it now, kept for the next time; so is one that comes after nobody waits."""
        stored = find_key(self._engine, key_id)
        with self._lock:
            self._kept.pop(key_id, None)
            # an id that nobody has is not kept: made-up ones would push out those that are good
            if stored is not None:
                self._kept[key_id] = (time.monotonic(), stored)
                if len(self._kept) > _MOST_KEPT:
                    self._kept.popitem(last=False)
        return stored


def _caller(key: str, stored: StoredKey | None) -> Caller:
    if stored is None or not is_key(key, stored):
        raise IdentityError("the API key is not known")
    if (why := stored.refused_because(datetime.now(UTC))) is not None:
        raise IdentityError(f"the API key is {why}: ask for a new one")
    return Caller(f"key:{stored.key_id}", stored.scopes, stored.hospitals, stored.rate)
