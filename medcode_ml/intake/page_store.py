"""The page store: page files under their content hash, and what was read from each, so that no page is read twice.

Nothing in a name says whose page it is. A reading is kept by file content and reader version; a page that was cut off
for time is not kept, it may only have met a busy machine.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medcode_ml.intake.gates import BROKEN_FILE, TIMED_OUT
from medcode_ml.intake.pages import COLUMNS, file_hash, read_files

#: goes up when reading the same file would give other text or boxes
READER_VERSION = "1"
_CHUNK = 200
_KEPT = tuple(c for c in COLUMNS if c not in ("file_number", "file", "page_id"))


@dataclass(frozen=True)
class PageWork:
    """How pages are read: where files and readings are kept, how many processes, how long a page may take."""

    folder: Path
    workers: int
    page_seconds: float

    def readings(self, paths: Iterable[Path], progress: bool = False) -> dict[Path, list[dict[str, Any]]]:
        """Return the page rows (columns of `pages.COLUMNS` but ids and labels) of every file, read now or before."""
        wanted = list(dict.fromkeys(paths))
        found: dict[Path, list[dict[str, Any]]] = {}
        unread: list[Path] = []
        hashes = {path: file_hash(path) for path in wanted}
        for path in wanted:
            kept = self._load(hashes[path])
            if kept is None:
                unread.append(path)
            else:
                found[path] = kept
        for at in range(0, len(unread), _CHUNK):
            found |= self._read(unread[at : at + _CHUNK], progress)
        return found

    def stored(self, content_hash: str) -> Path:
        """Where a page file lies in the store."""
        return stored_file(self.folder, content_hash)

    def _read(self, paths: Sequence[Path], progress: bool) -> dict[Path, list[dict[str, Any]]]:
        frame = read_files([(str(n), p) for n, p in enumerate(paths)], self.workers, self.page_seconds, progress)
        found: dict[Path, list[dict[str, Any]]] = {path: [] for path in paths}
        for row in frame.to_dict("records"):
            found[paths[int(row["file_number"])]].append({name: row[name] for name in _KEPT})
        for path, rows in found.items():
            content_hash = rows[0]["content_hash"]
            if content_hash is not None:
                self._keep_file(path, content_hash)
                if not any(row["gate"] == TIMED_OUT for row in rows):
                    self._save(content_hash, rows)
        return found

    def _reading_path(self, content_hash: str) -> Path:
        return self.folder / "readings" / content_hash[:2] / f"{content_hash}-{READER_VERSION}.json.gz"

    def _load(self, content_hash: str | None) -> list[dict[str, Any]] | None:
        if content_hash is None or not self.stored(content_hash).exists():
            return None
        try:
            with gzip.open(self._reading_path(content_hash), "rt", encoding="utf-8") as handle:
                rows: list[dict[str, Any]] = json.load(handle)
                return rows
        except FileNotFoundError:
            return None

    def _save(self, content_hash: str, rows: list[dict[str, Any]]) -> None:
        path = self._reading_path(content_hash)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        with gzip.open(temporary, "wt", encoding="utf-8") as handle:
            json.dump(rows, handle)
        os.replace(temporary, path)

    def _keep_file(self, path: Path, content_hash: str) -> None:
        stored = self.stored(content_hash)
        if stored.exists():
            return
        stored.parent.mkdir(parents=True, exist_ok=True)
        temporary = stored.with_name(f".{stored.name}.{os.getpid()}")
        shutil.copyfile(path, temporary)
        os.replace(temporary, stored)


def stored_file(folder: Path, content_hash: str) -> Path:
    """Where the page store at `folder` keeps the file with this content."""
    return folder / content_hash[:2] / content_hash


def missing_file() -> dict[str, Any]:
    """The page row of a file that a record names and the delivery does not hold."""
    row: dict[str, Any] = dict.fromkeys(_KEPT)
    reason = "The delivery does not hold the file that the record names. Deliver it."
    return {**row, "page": 1, "pages": 1, "seconds": 0.0, "gate": BROKEN_FILE, "gate_reason": reason}

