"""Memory that is freed goes back to the machine, so that what a server and its workers hold stays flat.

Batches differ in shape, so what one frees seldom fits the next. Left alone, glibc takes ever larger blocks for reuse,
keeps up to twice the largest of them, and its arenas grow with the most unlucky sequence of batches so far.
"""

from __future__ import annotations

import ctypes
import time
from typing import Final

_EVERY_SECONDS: Final = 30.0
_KEPT: Final = 8 * 2**20
"""Bytes that an arena keeps free at its end, and from which on a block is mapped by itself; less costs page faults."""
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3


def bound_memory() -> None:
    """To be called before models and tables are read, by the process that the workers are forked from."""
    import pyarrow

    # Arrow's own pool lies in huge pages: a worker that frees a table in them copies two megabytes of the parent's
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)  # other systems' allocators have none
    if set_option is not None:
        set_option(_TRIM_THRESHOLD, _KEPT)
        set_option(_MMAP_THRESHOLD, _KEPT)


class FreedMemory:
    """Gives back whole pages that are free in the middle of the arenas."""

    def __init__(self) -> None:
        """Find the allocator's call; where it has none, nothing is done."""
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        self._last = time.monotonic()

    def give_back(self) -> None:
        """To be called often: does something twice a minute, and that takes about a millisecond."""
        if self._trim is not None and time.monotonic() - self._last >= _EVERY_SECONDS:
            self._trim(0)
            self._last = time.monotonic()
