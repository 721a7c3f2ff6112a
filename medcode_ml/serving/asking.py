"""Questions to others that may hang (the database, the identity provider): in threads of their own, each asked once at
a time, and nobody waits long for an answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

_T = TypeVar("_T")
_MOST_OPEN: Final = 64


class Questions:
    """Asks on an event loop; one that hangs costs a thread of these and nothing of the rest of the worker."""

    def __init__(self, name: str, threads: int) -> None:
        """At most `threads` questions are asked at the same time, the others wait their turn."""
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._open: dict[Hashable, tuple[asyncio.Future[Any], float]] = {}

    def is_open(self, what: Hashable) -> bool:
        """Whether this is being asked now."""
        return what in self._open

    async def ask(self, what: Hashable, question: Callable[[], _T], seconds: float) -> _T:
        """The answer of `question`, or of one about the same thing that is open already.

        Raises:
            TimeoutError: it has been open for `seconds`, or too many others are. Whatever `question` raises.
        """
        if what not in self._open:
            if len(self._open) >= _MOST_OPEN:
                raise TimeoutError("too many questions are open")
            asked: asyncio.Future[Any] = asyncio.get_running_loop().run_in_executor(self._threads, question)
            self._open[what] = (asked, time.monotonic())
            asked.add_done_callback(lambda done: self._over(what, done))
        answer, began = self._open[what]
        # waits without ending it for the others
        await asyncio.wait([answer], timeout=max(0.0, began + seconds - time.monotonic()))
        if not answer.done():
            raise TimeoutError("no answer in time")
        found: _T = answer.result()
        return found

    def stop(self) -> None:
        """Ask nothing more; does not wait for what hangs."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _over(self, what: Hashable, done: asyncio.Future[Any]) -> None:
        del self._open[what]
        if not done.cancelled():
            done.exception()  # seen, whether anybody still waits or not
