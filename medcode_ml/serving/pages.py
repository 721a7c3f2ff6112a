"""Page images of requests, read in a process of their own: an image that hangs or crashes the reader costs itself."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from medcode_ml.logs import logger

_MOST_PAGES: Final = 30
"""Pages of one document that are waited for: more are for a delivery, not for a request."""
_SUFFIXES: Final = ((b"%PDF", ".pdf"), (b"\x89PNG", ".png"), (b"\xff\xd8", ".jpg"))
_log = logger("serving.pages")


class PageReader:
    """Reads images, one document at a time; its process starts with the first."""

    def __init__(self, page_seconds: float) -> None:
        """A page may take `page_seconds`."""
        self._seconds = page_seconds
        self._pool: Any = None
        self._lock = threading.Lock()

    def __call__(self, files: Sequence[bytes]) -> list[dict[str, Any]]:
        """Rows of the pages of `files`, as `medcode read-page` writes them; gated pages without text."""
        from pebble import ProcessExpired

        with self._lock, tempfile.TemporaryDirectory(prefix="medcode-page-") as folder:
            paths = []
            for number, content in enumerate(files):
                suffix = next((s for start, s in _SUFFIXES if content.startswith(start)), ".tif")
                path = Path(folder) / f"{number}{suffix}"
                path.write_bytes(content)
                paths.append(str(path))
            future = self._processes().schedule(_rows, args=[paths, self._seconds], timeout=self._seconds * _MOST_PAGES)
            try:
                rows: list[dict[str, Any]] = future.result()
            except (ProcessExpired, FutureTimeoutError, MemoryError) as error:
                _log.warning("an image ended its reader: %s", type(error).__name__)
                return [{**_BLANK, "quarantined_because": "broken_file: the image cannot be read; scan it again"}]
            return rows

    def stop(self) -> None:
        """End the process."""
        if self._pool is not None:
            self._pool.stop()
            self._pool.join(5)

    def _processes(self) -> Any:
        if self._pool is None:
            from pebble import ProcessPool

            # spawned, not forked: this process has threads
            self._pool = ProcessPool(1, context=get_context("spawn"))
        return self._pool


_BLANK: Final[dict[str, Any]] = {"text": "", "words": [], "regions": [], "rotation": None, "quality": {}}


def _rows(paths: list[str], page_seconds: float) -> list[dict[str, Any]]:
    from medcode_ml.pipeline import read_page_files

    rows = read_page_files([Path(p) for p in paths], None, 1, page_seconds).pages
    return [{key: value for key, value in row.items() if key != "file"} for row in rows]
