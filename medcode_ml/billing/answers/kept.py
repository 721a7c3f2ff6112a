"""Files of insurers, kept whole under the hash of their content; nothing in a name says who they are about."""

from __future__ import annotations

import hashlib
import io
import os
import uuid
from pathlib import Path
from typing import BinaryIO, NamedTuple

_BLOCK = 1 << 20


class KeptFileError(ValueError):
    """A file of an insurer cannot be read, kept, or found again."""


class Kept(NamedTuple):
    """A kept file: its hash, its size in bytes, and how it begins."""

    sha256: str
    size: int
    beginning: bytes


class KeptFiles:
    """A folder of files, ``<first two digits of the hash>/<hash>``; written once, in one step, in bounded memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, arrived: Path | bytes) -> Kept:
        """Keep what arrived; the same content is there once.

        Raises:
            KeptFileError: the file cannot be read, or the folder cannot be written.
        """
        self._make(self.folder)
        part = self.folder / f".{uuid.uuid4().hex}.part"
        try:
            with self._opened(arrived) as source, part.open("wb") as copy:
                digest, size, beginning = hashlib.sha256(), 0, b""
                while block := source.read(_BLOCK):
                    beginning = beginning or block[:4096]
                    digest.update(block)
                    size += len(block)
                    copy.write(block)
                copy.flush()
                os.fsync(copy.fileno())
            name = digest.hexdigest()
            self._make(self.path(name).parent)
            os.replace(part, self.path(name))
        except OSError as error:
            raise KeptFileError(
                f"an answer cannot be kept under {self.folder} ({error.strerror}): see that there is room and that the "
                "folder may be written"
            ) from error
        finally:
            part.unlink(missing_ok=True)
        return Kept(name, size, beginning)

    def path(self, sha256: str) -> Path:
        """Where a kept file lies."""
        return self.folder / sha256[:2] / sha256

    def open(self, sha256: str) -> BinaryIO:
        """Open a kept file.

        Raises:
            KeptFileError: it is not there.
        """
        try:
            return self.path(sha256).open("rb")
        except OSError as error:
            raise KeptFileError(
                f"the kept answer {sha256} cannot be read ({error.strerror}); put the file in the inbox of its day "
                "again or restore it from a backup"
            ) from error

    def _opened(self, arrived: Path | bytes) -> BinaryIO:
        if isinstance(arrived, bytes):
            return io.BytesIO(arrived)
        try:
            return arrived.open("rb")
        except OSError as error:
            # the folder is the day; the name may tell a person
            raise KeptFileError(
                f"a file in the inbox folder {arrived.parent} cannot be read ({error.strerror}): see who may read it"
            ) from error

    def _make(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
