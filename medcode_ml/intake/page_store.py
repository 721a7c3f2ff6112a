"""The page store: page files under the sha256 of their content, and what was read from each, by content and reader.

On a local folder or anything fsspec opens (an S3 API as ``s3://bucket/prefix``; credentials and endpoint come from the
environment as s3fs and botocore take them). Nothing in a name says whose page it is. A file is written once and never
changed, in one step, so that no reader meets half of it; what is read back is checked against its name. A page that was
cut off for time is not kept, it may only have met a busy machine.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from medcode_ml.intake.gates import BROKEN_FILE, TIMED_OUT
from medcode_ml.intake.pages import COLUMNS, file_hash, read_files, stem_page_id

#: goes up when reading the same file would give other text, boxes or regions
READER_VERSION = "2"
#: files read between two savings: a process that is ended loses the readings of so many at most
CHUNK = 32
_KEPT = tuple(c for c in COLUMNS if c not in ("file_number", "file", "page_id"))

Reading = list[dict[str, Any]]


class PageStoreError(ValueError):
    """The store cannot be reached, lacks a file, or holds one that is not what its name says."""


class PageStore:
    """Page files and readings at one place; picklable, connects on first use.

    Layout: ``<first two digits of the hash>/<hash>`` for files,
    ``readings/<first two digits>/<hash>-<reader version>.json.gz`` for readings.
    """

    def __init__(self, place: str | Path) -> None:
        self.place = str(place)

    def __getstate__(self) -> dict[str, str]:
        return {"place": self.place}

    def put(self, path: Path) -> str:
        """Keep a copy of the file at `path` and return its content hash; a file that is there already stays."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise PageStoreError(
                f"a page file cannot be read for keeping ({error.strerror}); deliver it again"
            ) from error
        return self.put_bytes(data)

    def put_bytes(self, data: bytes) -> str:
        """Keep `data` and return its content hash."""
        content_hash = hashlib.sha256(data).hexdigest()
        with self._troubles("written"):
            name = self._file(content_hash)
            # a torn copy (a full disk, a store restored halfway) has another size and is replaced
            if not self._fs.exists(name) or self._fs.size(name) != len(data):
                self._write(name, data)
        return content_hash

    def get(self, content_hash: str) -> bytes:
        """Content of a page file.

        Raises:
            PageStoreError: it is not there, or is no longer what was kept.
        """
        with self._troubles("read", content_hash):
            data: bytes = self._fs.cat_file(self._file(content_hash))
        if hashlib.sha256(data).hexdigest() != content_hash:
            raise PageStoreError(
                f"the page store holds other content under {content_hash} than was kept; restore it from a backup or "
                "deliver the page again"
            )
        return data

    def __contains__(self, content_hash: object) -> bool:
        with self._troubles("read"):
            return isinstance(content_hash, str) and bool(self._fs.exists(self._file(content_hash)))

    def save_reading(self, content_hash: str, rows: Reading) -> None:
        """Keep what this version of the reader read from a file."""
        with self._troubles("written"):
            # no time stamp: the same reading gives the same bytes
            self._write(self._reading(content_hash), gzip.compress(json.dumps(rows).encode(), mtime=0))

    def reading(self, content_hash: str) -> Reading | None:
        """What this version of the reader read from a file that the store holds, or None."""
        if content_hash not in self:
            return None
        try:
            with self._troubles("read"):
                data = self._fs.cat_file(self._reading(content_hash))
            rows: Reading = json.loads(gzip.decompress(data))
        except FileNotFoundError:
            return None
        except (OSError, EOFError, ValueError) as error:
            if isinstance(error, PageStoreError):
                raise
            return None  # a torn reading is made again; the page file is what must not be lost
        return rows

    @cached_property
    def _located(self) -> tuple[Any, str]:
        import fsspec  # type: ignore[import-untyped]

        try:
            return fsspec.core.url_to_fs(self.place)  # type: ignore[no-any-return]
        except ImportError as error:
            raise PageStoreError(f"{self._scheme} needs a package: {error}") from error
        except ValueError as error:
            raise PageStoreError(
                f"{self._scheme} is no place for pages that fsspec knows; give a folder or s3://bucket/prefix"
            ) from error

    @property
    def _fs(self) -> Any:
        return self._located[0]

    @property
    def _scheme(self) -> str:
        return f"{self.place.split('://')[0]}://" if "://" in self.place else "the folder"

    def _file(self, content_hash: str) -> str:
        return f"{self._located[1].rstrip('/')}/{content_hash[:2]}/{content_hash}"

    def _reading(self, content_hash: str) -> str:
        return f"{self._located[1].rstrip('/')}/readings/{content_hash[:2]}/{content_hash}-{READER_VERSION}.json.gz"

    def _write(self, name: str, data: bytes) -> None:
        """Write in one step: an object store does so by itself, a folder by renaming a finished copy."""
        if "file" not in self._protocols:
            self._fs.pipe_file(name, data)
            return
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        try:
            with temporary.open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    @property
    def _protocols(self) -> tuple[str, ...]:
        protocol = self._fs.protocol
        return (protocol,) if isinstance(protocol, str) else tuple(protocol)

    def _troubles(self, done: str, content_hash: str | None = None) -> _Troubles:
        return _Troubles(self, done, content_hash)


class _Troubles:
    """Turns what a file system raises into a `PageStoreError` that says what to do; a missing reading passes."""

    def __init__(self, store: PageStore, done: str, content_hash: str | None) -> None:
        self._store, self._done, self._hash = store, done, content_hash

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, PageStoreError):
            return
        if isinstance(error, FileNotFoundError) and self._done == "read":
            if self._hash is None:
                return  # the caller's to answer
            raise PageStoreError(f"the page store does not hold {self._hash}; deliver the page again") from error
        if isinstance(error, OSError) or type(error).__module__.startswith("botocore"):
            raise PageStoreError(
                f"the page store ({self._store._scheme}) cannot be {self._done}: {type(error).__name__}; check that it "
                "is there and that the credentials in the environment may use it (MEDCODE_PAGES_URL)"
            ) from error


@dataclass(frozen=True)
class PageWork:
    """How pages are read: where files and readings are kept, how many processes, how long a page may take."""

    place: Path | str  #: of the page store: a folder, or what fsspec opens
    workers: int
    page_seconds: float

    @cached_property
    def store(self) -> PageStore:
        """The page store."""
        return PageStore(self.place)

    def readings(self, paths: Iterable[Path], progress: bool = False) -> dict[Path, Reading]:
        """Return the page rows (columns of `pages.COLUMNS` but ids and labels) of every file, read now or before."""
        wanted = list(dict.fromkeys(paths))
        found: dict[Path, Reading] = {}
        unread: list[Path] = []
        for path in wanted:
            content_hash = file_hash(path)
            kept = None if content_hash is None else self.store.reading(content_hash)
            if kept is None:
                unread.append(path)
            else:
                found[path] = kept
        for at in range(0, len(unread), CHUNK):
            found |= self._read(unread[at : at + CHUNK], progress)
        return found

    def frame(self, files: Sequence[tuple[str, Path]], progress: bool = False) -> pd.DataFrame:
        """The page frame of `files` (label, path), as `pages.read_files` gives it, nothing read twice."""
        read = self.readings([path for _, path in files], progress)
        rows = [
            {**row, "file_number": number, "file": label, "page_id": stem_page_id(label, row["page"], row["pages"])}
            for number, (label, path) in enumerate(files)
            for row in read[path]
        ]
        frame = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
        return frame.astype({"file_number": "int64", "page": "int64", "pages": "int64", "seconds": "float64"})

    def _read(self, paths: Sequence[Path], progress: bool) -> dict[Path, Reading]:
        frame = read_files([(str(n), p) for n, p in enumerate(paths)], self.workers, self.page_seconds, progress)
        found: dict[Path, Reading] = {path: [] for path in paths}
        for row in frame.to_dict("records"):
            found[paths[int(row["file_number"])]].append({name: row[name] for name in _KEPT})
        for path, rows in found.items():
            content_hash = rows[0]["content_hash"]
            # a file that changed while it was read is kept as it is now; its reading is not, and is made again
            unchanged = content_hash is not None and self.store.put(path) == content_hash
            if unchanged and not any(row["gate"] == TIMED_OUT for row in rows):
                self.store.save_reading(content_hash, rows)
        return found


def missing_file() -> dict[str, Any]:
    """The page row of a file that a record names and the delivery does not hold."""
    row: dict[str, Any] = dict.fromkeys(_KEPT)
    reason = "The delivery does not hold the file that the record names. Deliver it."
    return {**row, "page": 1, "pages": 1, "seconds": 0.0, "gate": BROKEN_FILE, "gate_reason": reason}
