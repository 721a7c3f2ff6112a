"""The audit row of every access: written to a journal on disk as it is answered, carried into `served.access` in
batches.

The journal is a file of this worker under `<home>/served/access`; a thread closes it every second and loads what is
closed. While the database is away rows wait on disk; what a killed worker left behind is loaded by any other, but the
requests it had in hand leave none. Rows have ids, so loading twice changes nothing. No row holds anything of a patient:
routes stand as they are written in the OpenAPI document, callers and hospitals by id.
"""

from __future__ import annotations

import fcntl
import os
import threading
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from medcode_ml.contracts import served
from medcode_ml.logs import logger

_AT_ONCE: Final = 1000
_INTO: Final = insert(served.access).on_conflict_do_nothing()
_log = logger("serving.access_log")


class AccessLog:
    """Takes rows from any thread; `start` begins to load them, `stop` loads the rest."""

    def __init__(self, engine: sa.Engine, folder: Path, seconds: float = 1.0) -> None:
        """Journals lie in `folder`, rows go to the database of `engine` every `seconds`."""
        self._engine, self._folder, self._seconds = engine, folder, seconds
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._written = 0
        self.lost = 0
        self._path, self._file = self._new()
        self._thread = threading.Thread(target=self._run, name="access-log", daemon=True)

    def start(self) -> None:
        """Begin to load."""
        self._thread.start()

    def write(self, row: dict[str, Any]) -> None:
        """Journal one row (the columns of served.access but for its id). One write call; no row is lost unsaid."""
        line = orjson.dumps({"access_id": uuid4().hex, **row}) + b"\n"
        try:
            with self._lock:
                os.write(self._file, line)
                self._written += 1
        except OSError as error:
            self.lost += 1
            _log.error("an access could not be journaled (%s); row: %s", error.strerror, line.decode())

    def load(self) -> int:
        """Close the journal, load every closed one; return the rows that came in."""
        with self._lock:
            if self._written:
                old, self._written = self._file, 0
                self._path, self._file = self._new()
                os.close(old)  # gives up its lock
        return sum(self._load(path) for path in sorted(self._folder.glob("*.jsonl")) if path != self._path)

    @property
    def waiting(self) -> int:
        """Bytes in journals that are not loaded yet."""
        return sum(_size(path) for path in self._folder.glob("*.jsonl"))

    def stop(self) -> None:
        """Load what is left and end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(10)
        self._try_to_load()
        with self._lock:
            os.close(self._file)
            if not _size(self._path):
                self._path.unlink(missing_ok=True)

    def _new(self) -> tuple[Path, int]:
        path = self._folder / f"{uuid4().hex}.jsonl"
        making = path.with_suffix(".new")
        file = os.open(making, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)  # a worker that dies lets go
        making.rename(path)  # locked before any other worker can see it
        return path, file

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            self._try_to_load()

    def _try_to_load(self) -> None:
        try:
            self.load()
        except (sa.exc.SQLAlchemyError, OSError) as error:
            _log.warning("access rows wait on disk: %s", type(error).__name__)

    def _load(self, path: Path) -> int:
        try:
            file = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return 0  # another worker was faster
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            rows = [row for line in path.read_bytes().splitlines() if (row := _row(line)) is not None]
            with self._engine.begin() as connection:
                for at in range(0, len(rows), _AT_ONCE):
                    # one statement for any number of rows: it is compiled and prepared once
                    connection.execute(_INTO, rows[at : at + _AT_ONCE])
            path.unlink()
            return len(rows)
        except BlockingIOError:
            return 0  # another worker writes or loads it
        except FileNotFoundError:
            return 0
        finally:
            os.close(file)


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        row: dict[str, Any] = orjson.loads(line)
    except orjson.JSONDecodeError:
        # the last line of a worker that died while writing it
        _log.error("an access row was cut off: its worker died while writing it")
        return None
    row["at"] = datetime.fromisoformat(row["at"])
    return row


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
