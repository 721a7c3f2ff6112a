"""Connections shared evenly among workers: one that has more than another leaves the next one to it.

The workers listen on one socket, and whoever wakes first would take what comes: under a steady load that is the same
one again and again. How many each has stands in memory that forked workers share.
"""

from __future__ import annotations

import mmap
import socket
import time
from collections.abc import Callable
from typing import Any, Final

_PATIENCE_SECONDS: Final = 0.02
"""So long a connection is left to a worker with fewer; one that does not take it may be busy or dying."""


class Shares:
    """How many connections each worker has; made before the workers are forked."""

    def __init__(self, workers: int) -> None:
        self._counts = memoryview(mmap.mmap(-1, 8 * workers)).cast("q")
        for place in range(workers):
            self.gone(place)

    def say(self, place: int, count: int) -> None:
        """The worker at `place` has `count` connections."""
        self._counts[place] = count

    def gone(self, place: int) -> None:
        """No worker is at `place`."""
        self._counts[place] = -1

    def another_has_fewer(self, place: int) -> bool:
        """Whether a worker that is there has fewer connections than the one at `place`."""
        own = self._counts[place]
        return any(0 <= count < own for count in self._counts)


class SharedSocket(socket.socket):
    """A listening socket of one worker, over the same port as those of the others."""

    def __init__(self, listening: socket.socket, shares: Shares, place: int, connections: Callable[[], int]) -> None:
        """`connections` tells how many the worker at `place` has now."""
        super().__init__(fileno=listening.dup().detach())
        self._shares, self._place, self._connections = shares, place, connections
        self._waited_since = 0.0

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection, unless it is another's turn.

        Raises:
            BlockingIOError: none waits, or another worker should take it: the event loop asks again.
        """
        self._shares.say(self._place, self._connections())
        if self._shares.another_has_fewer(self._place):
            now = time.monotonic()
            self._waited_since = self._waited_since or now
            if now - self._waited_since < _PATIENCE_SECONDS:
                raise BlockingIOError
        self._waited_since = 0.0
        taken = super().accept()
        self._shares.say(self._place, self._connections() + 1)
        return taken
