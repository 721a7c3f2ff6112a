"""Requests of all connections of a worker, scored together by one thread.

The thread takes what waits, a few milliseconds' worth of notes at most, scores it in one go and hands every request its
own answers. Notes are alike to the coder whoever sent them, so requests share a batch; billing and pricing look at a
request's records together (duplicates, a hospital's mix), so these are answered request by request, and so is ranking.
A long request takes turns with the others, batch by batch: one of notes, or one to rank by its documents, which the
coder reads.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from medcode_ml.logs import logger
from medcode_ml.operations import CODE, RANK, Answer, Models, Record, answer_records

MOST_WAITING: Final = 4096
"""Records that may wait for their turn; beyond that a request is turned away."""
_log = logger("serving.batching")


class OverloadedError(RuntimeError):
    """More waits than can be answered in reasonable time."""


@dataclass(eq=False)
class _Request:
    operation: str
    records: Sequence[Record]
    as_of: date | None
    models: Models
    future: Future[list[Answer]] = field(default_factory=Future)
    answers: list[Answer] = field(default_factory=list)
    handed: int = 0
    in_parts: bool = field(init=False)

    def __post_init__(self) -> None:
        read = self.operation == RANK and any(record.get("documents") for record in self.records)
        self.in_parts = read or self.operation == CODE

    @property
    def left(self) -> int:
        return len(self.records) - self.handed

    @property
    def shares(self) -> tuple[str, date | None, int]:
        """Requests that are alike in this may share a batch."""
        return self.operation, self.as_of, id(self.models)


class Batcher:
    """One thread that answers requests; start it with `start`."""

    def __init__(self, most: int = 16, milliseconds: float = 4.0) -> None:
        """At most `most` notes a batch; a lone request waits `milliseconds` for company."""
        self.most, self.wait = most, milliseconds / 1000
        self.batches = self.records = 0
        self._waiting: deque[_Request] = deque()
        self._held = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Answer what waits, for `seconds` at most, then end; what still waits then is told so."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(seconds)
        with self._changed:
            for request in self._waiting:
                with contextlib.suppress(InvalidStateError):  # somebody gave it up meanwhile
                    request.future.set_exception(OverloadedError("the worker stops"))
            self._waiting.clear()
            self._held = 0

    def abandon(self, future: Future[list[Answer]]) -> None:
        """Take the rest of a request out of the line: nobody waits for its answer."""
        with self._changed:
            for request in [r for r in self._waiting if r.future is future]:
                self._waiting.remove(request)
                self._held -= request.left

    @property
    def waiting(self) -> int:
        """Records that wait."""
        return self._held

    @property
    def alive(self) -> bool:
        """Whether the thread lives."""
        return self._thread.is_alive()

    def submit(
        self,
        operation: str,
        records: Sequence[Record],
        models: Models,
        as_of: date | None = None,
        *,
        bounded: bool = True,
    ) -> Future[list[Answer]]:
        """Ask for the answers of `records`, by `models` whatever is swapped in meanwhile.

        Not `bounded` is work that was accepted already (jobs).

        Raises:
            OverloadedError: too much waits already.
        """
        request = _Request(operation, records, as_of, models)
        with self._changed:
            if self._stopping or (bounded and self._held and self._held + len(records) > MOST_WAITING):
                raise OverloadedError("too many records wait for an answer")
            self._waiting.append(request)
            self._held += len(records)
            self._changed.notify_all()
        return request.future

    def _run(self) -> None:
        while (taken := self._take()) is not None:
            try:
                self._answer(taken)
            except BaseException as error:  # the thread must live: every other request hangs on it
                _log.error("a batch failed: %s", type(error).__name__)
                for request, _ in taken:
                    if not request.future.done():
                        request.future.set_exception(RuntimeError("the batch failed"))

    def _take(self) -> list[tuple[_Request, Sequence[Record]]] | None:
        """Requests of the next batch with those of their records that are in it; None where nothing is left to do."""
        with self._changed:
            while not self._waiting:
                if self._stopping:
                    return None
                self._changed.wait()
            if self._waiting[0].operation == CODE:
                until = time.monotonic() + self.wait
                while self._held < self.most and not self._stopping and (left := until - time.monotonic()) > 0:
                    self._changed.wait(left)
            if not self._waiting:
                return []  # abandoned meanwhile
            first = self._waiting[0]
            coded = first.operation == CODE
            alike = [r for r in self._waiting if r.shares == first.shares] if coded else [first]
            room = self.most if first.in_parts else first.left
            share = max(1, room // len(alike))
            taken: list[tuple[_Request, Sequence[Record]]] = []
            for request in alike:
                self._waiting.remove(request)
                if not request.handed and not request.future.set_running_or_notify_cancel():
                    self._held -= request.left
                    continue
                own = request.records[request.handed : request.handed + min(share, room)]
                request.handed += len(own)
                self._held -= len(own)
                room -= len(own)
                taken.append((request, own))
                if request.left:
                    self._waiting.append(request)  # takes turns with the others
                if room <= 0:
                    break
            return taken

    def _answer(self, taken: list[tuple[_Request, Sequence[Record]]]) -> None:
        if not taken:
            return
        first = taken[0][0]
        records = [record for _, own in taken for record in own]
        found = answer_records(first.operation, records, first.models, first.as_of)
        self.batches += 1
        self.records += len(records)
        at = 0
        for request, own in taken:
            request.answers.extend(found[at : at + len(own)])
            at += len(own)
            if len(request.answers) == len(request.records) and not request.future.done():
                request.future.set_result(request.answers)
