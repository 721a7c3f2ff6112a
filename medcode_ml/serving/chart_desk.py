"""Decisions of coders that come over the API: whose hospitals they concern, and the thread that records them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from medcode_ml.feedback.reading import hospitals_of
from medcode_ml.feedback.recording import Door, Refused, record_charts
from medcode_ml.feedback.words import API
from medcode_ml.operations import Answer, Unanswered
from medcode_ml.serving.batching import OverloadedError

MOST_WAITING: Final = 2000
"""Charts that may wait for their turn; beyond that a request is turned away."""
SENT_BY: Final = "sent_by"
"""Key of a record under which the caller stands; what a client sends there is not believed."""


class ChartDesk:
    """One thread: charts are recorded in the order in which they come."""

    def __init__(self, engine: sa.Engine, idle_minutes: float) -> None:
        """`idle_minutes`: a longer pause in a chart is cut there."""
        self._engine, self._idle = engine, idle_minutes * 60
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="chart-desk")
        self._lock = threading.Lock()
        self._held = 0

    def hospitals(self, records: Sequence[Mapping[str, Any]]) -> set[str]:
        """The hospitals of the encounters that records name; blocks."""
        named = {str(record["encounter_id"]) for record in records}
        return hospitals_of(self._engine, (one for one in named if "\0" not in one))

    def submit(self, records: Sequence[Mapping[str, Any]], *, bounded: bool = True) -> Future[list[Answer]]:
        """The answers to come; not `bounded` is work that was accepted already (jobs).

        Raises:
            OverloadedError: too much waits already, or the worker stops.
        """
        with self._lock:
            if bounded and self._held and self._held + len(records) > MOST_WAITING:
                raise OverloadedError("too many charts wait to be recorded")
            self._held += len(records)
        try:
            future = self._thread.submit(self._record, records)
        except RuntimeError as error:
            raise OverloadedError("the worker stops") from error
        future.add_done_callback(self._forget(len(records)))
        return future

    def stop(self) -> None:
        """Begin nothing more; what is begun is one transaction, whole or not at all."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _record(self, records: Sequence[Mapping[str, Any]]) -> list[Answer]:
        door = Door(API, str(records[0][SENT_BY]), datetime.now(UTC), self._idle)
        found = record_charts(self._engine, records, door)
        return [Unanswered(one.reason) if isinstance(one, Refused) else one.facts() for one in found]

    def _forget(self, number: int) -> Callable[[Any], None]:
        def done(_: Any) -> None:
            with self._lock:
                self._held -= number

        return done
