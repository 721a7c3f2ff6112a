"""Encounters that are taken the whole way, beside the model's thread: those with page images in a line of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from typing import Any, Final

from medcode_ml.operations import Answer, Models
from medcode_ml.serving.batching import OverloadedError
from medcode_ml.serving.pages import PageReader

MOST_WAITING: Final = 256
"""Encounters that may wait for their turn; beyond that a request is turned away."""


class WholeWays:
    """Two threads: pages take seconds each, and encounters of text alone do not wait for them."""

    def __init__(self, pages: PageReader) -> None:
        """`pages` reads images."""
        self._pages = pages
        self._text = ThreadPoolExecutor(1, thread_name_prefix="whole-way")
        self._scanned = ThreadPoolExecutor(1, thread_name_prefix="whole-way-pages")
        self._lock = threading.Lock()
        self._held = 0

    def submit(
        self, records: list[dict[str, Any]], models: Models, as_of: date | None, *, bounded: bool = True
    ) -> Future[list[Answer]]:
        """The answers to come; not `bounded` is work that was accepted already (jobs).

        Raises:
            OverloadedError: too much waits already, or the worker stops.
        """
        with self._lock:
            if bounded and self._held and self._held + len(records) > MOST_WAITING:
                raise OverloadedError("too many encounters wait for an answer")
            self._held += len(records)
        scanned = any(document.get("image") for record in records for document in record["documents"])
        try:
            future = (self._scanned if scanned else self._text).submit(self._take, records, models, as_of)
        except RuntimeError as error:
            raise OverloadedError("the worker stops") from error
        future.add_done_callback(self._forget(len(records)))
        return future

    def stop(self) -> None:
        """Begin nothing more; what is begun ends with the process."""
        for line in (self._text, self._scanned):
            line.shutdown(wait=False, cancel_futures=True)
        self._pages.stop()

    def _take(self, records: list[dict[str, Any]], models: Models, as_of: date | None) -> list[Answer]:
        from medcode_ml.whole_way import take_whole_way

        return take_whole_way(records, models, self._pages, as_of)

    def _forget(self, number: int) -> Callable[[Any], None]:
        def done(_: Any) -> None:
            with self._lock:
                self._held -= number

        return done
