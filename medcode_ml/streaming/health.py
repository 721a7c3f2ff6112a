"""Whether the processes that read topics are well: each leaves its pulse in a file, and `checked` looks at them all.

A process on another host has files of its own there, also where hosts share MEDCODE_HOME.
"""

from __future__ import annotations

import hashlib
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson
import psycopg

from medcode_ml.settings import Settings, settings
from medcode_ml.store.database import database_url
from medcode_ml.store.embedded import EmbeddedServer, EmbeddedServerError
from medcode_ml.store.processes import is_alive

_BEAT_EVERY: Final = 1.0
_DATABASE_SECONDS: Final = 5


class Pulse:
    """The sign of life of this process, for `reader`; beaten by the thread that reads the topic."""

    def __init__(self, reader: str, chosen: Settings) -> None:
        """Nothing is written before the first beat."""
        self._path = _folder(chosen) / f"{reader}-{_host()}-{os.getpid()}.json"
        self._beaten = 0.0
        self._in_hand_since: float | None = None

    def beat(self, is_free: bool, partitions: int) -> None:
        """The loop turns; whether no batch is in hand, and how many partitions are read."""
        now = time.time()
        if is_free:
            self._in_hand_since = None
        elif self._in_hand_since is None:
            self._in_hand_since = now
        if now - self._beaten < _BEAT_EVERY:
            return
        self._beaten = now
        self._path.parent.mkdir(parents=True, exist_ok=True)
        told = {"pid": os.getpid(), "at": now, "in_hand_since": self._in_hand_since, "partitions": partitions}
        made = self._path.with_suffix(".new")
        made.write_bytes(orjson.dumps(told))
        made.replace(self._path)

    def end(self) -> None:
        """The process ends as it should."""
        self._path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Finding:
    """A line of the check."""

    is_good: bool
    text: str


def checked(reader: str, *, poll_seconds: float, batch_seconds: float, chosen: Settings | None = None) -> list[Finding]:
    """What is found of the processes of `reader` (`land` or `work`) on this host, and of the database.

    Args:
        reader: what the processes do.
        poll_seconds: so long ago the last poll of a process may be.
        batch_seconds: so long a batch may wait for its commit.
        chosen: settings; those of the process unless given.
    """
    chosen = chosen or settings()
    found = [_process(path, poll_seconds, batch_seconds) for path in _pulses(reader, chosen)]
    nobody = Finding(False, f"no process on this host reads for {reader}; start one: medcode stream {reader}")
    return [*(found or [nobody]), _database(chosen)]


def _pulses(reader: str, chosen: Settings) -> list[Path]:
    """Files of living processes; those of killed ones are removed."""
    living = []
    for path in sorted(_folder(chosen).glob(f"{reader}-{_host()}-*.json")):
        if is_alive(int(path.stem.rpartition("-")[2])):
            living.append(path)
        else:
            path.unlink(missing_ok=True)
    return living


def _process(path: Path, poll_seconds: float, batch_seconds: float) -> Finding:
    try:
        told = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return Finding(False, f"{path.stem}: ended just now")
    now = time.time()
    polled, in_hand = now - told["at"], now - (told["in_hand_since"] or now)
    text = f"process {told['pid']}: polled {polled:.0f} s ago, {told['partitions']} partitions"
    if told["in_hand_since"] is not None:
        text += f", a batch in hand for {in_hand:.0f} s"
    return Finding(polled <= poll_seconds and in_hand <= batch_seconds, text)


def _database(chosen: Settings) -> Finding:
    if chosen.database_url is None and not EmbeddedServer(chosen).is_running():
        return Finding(False, "database: the embedded server does not run")  # looking must not start it
    try:
        with psycopg.connect(database_url(), connect_timeout=_DATABASE_SECONDS) as connection:
            connection.execute("SELECT 1")
    except (psycopg.Error, EmbeddedServerError) as error:
        return Finding(False, f"database: cannot be reached ({type(error).__name__})")
    return Finding(True, "database: reached")


def _folder(chosen: Settings) -> Path:
    return chosen.home / "stream"


def _host() -> str:
    """A name of this host that is fit for a file's."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:12]
