"""Encounters that are taken the whole way, beside the model's thread: those with page images in a line of their own.

A request takes its turn encounter by encounter, so that a long one does not keep short ones waiting.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from medcode_ml.logs import logger
from medcode_ml.operations import Answer, Models
from medcode_ml.serving.batching import OverloadedError
from medcode_ml.serving.pages import PageReader

MOST_WAITING: Final = 256
"""Encounters that may wait for their turn; beyond that a request is turned away."""
_log = logger("serving.ways")


class _LeftError(BaseException):
    """Nobody waits for the encounter any more. No `Exception`: the whole way would take it for a fault of medcode."""


@dataclass(eq=False)
class _Request:
    records: list[dict[str, Any]]
    models: Models
    as_of: date | None
    bounded: bool
    future: Future[list[Answer]] = field(default_factory=Future)
    answers: list[Answer] = field(default_factory=list)


class WholeWays:
    """Two threads: pages take seconds each, and encounters of text alone do not wait for them."""

    def __init__(self, pages: PageReader) -> None:
        """`pages` reads images."""
        self._pages = pages
        self._text = ThreadPoolExecutor(1, thread_name_prefix="whole-way")
        self._scanned = ThreadPoolExecutor(1, thread_name_prefix="whole-way-pages")
        self._lock = threading.Lock()
        self._open: dict[Future[list[Answer]], _Request] = {}

    @property
    def waiting(self) -> int:
        """Encounters of requests that have no answer yet; those of jobs keep nobody waiting, they take turns."""
        with self._lock:
            return sum(len(one.records) - len(one.answers) for one in self._open.values() if one.bounded)

    def submit(
        self, records: list[dict[str, Any]], models: Models, as_of: date | None, *, bounded: bool = True
    ) -> Future[list[Answer]]:
        """The answers to come, or `OverloadedError` where the worker stops; not `bounded` is work that was accepted
        already (jobs).

        Raises:
            OverloadedError: too much waits already.
        """
        if bounded and (held := self.waiting) and held + len(records) > MOST_WAITING:
            raise OverloadedError("too many encounters wait for an answer")
        request = _Request(records, models, as_of, bounded)
        with self._lock:
            self._open[request.future] = request
        request.future.add_done_callback(self.abandon)
        self._line_up(request)
        return request.future

    def abandon(self, future: Future[list[Answer]]) -> None:
        """Take the rest of a request out of the line: nobody waits for its answer. What is begun ends at the next
        document."""
        with self._lock:
            self._open.pop(future, None)

    def stop(self) -> None:
        """Begin nothing more; what is begun ends with the process."""
        for line in (self._text, self._scanned):
            line.shutdown(wait=False, cancel_futures=True)
        self._pages.stop()

    def _line_up(self, request: _Request) -> None:
        """Put the next encounter of a request at the end of its line."""
        scanned = any(document.get("image") for document in request.records[len(request.answers)]["documents"])
        try:
            turn = (self._scanned if scanned else self._text).submit(self._take, request)
        except RuntimeError:
            self._stopped(request)
        else:
            turn.add_done_callback(lambda ended: self._stopped(request) if ended.cancelled() else None)

    def _take(self, request: _Request) -> None:
        """Answer the next encounter of a request; the others in the line have their turn before the one after."""

        def read_pages(files: Sequence[bytes]) -> list[dict[str, Any]]:
            if not self._wanted(request):
                raise _LeftError
            return self._pages(files)

        if not self._wanted(request) or not (request.answers or request.future.set_running_or_notify_cancel()):
            return
        record = request.records[len(request.answers)]
        try:
            from medcode_ml.whole_way import take_whole_way

            request.answers += take_whole_way([record], request.models, read_pages, request.as_of)
        except _LeftError:
            return
        except BaseException as error:  # whoever asked must hear of it
            _log.error("encounters failed: %s", type(error).__name__)
            request.future.set_exception(RuntimeError("the encounters failed"))
            return
        if len(request.answers) < len(request.records):
            self._line_up(request)
        else:
            request.future.set_result(request.answers)

    def _wanted(self, request: _Request) -> bool:
        with self._lock:
            return request.future in self._open

    @staticmethod
    def _stopped(request: _Request) -> None:
        with contextlib.suppress(InvalidStateError):  # somebody gave it up meanwhile
            request.future.set_exception(OverloadedError("the worker stops"))
