"""Memory of a server and its workers: what they hold, how it goes over time, and whether it is flat.

What counts is anonymous memory, a page that several of them share counted once. Pages of files (libraries, tables on
disk) are left out: they can be dropped at any time, and how many fall to us depends on what else runs on the machine.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from scipy import stats

FLAT_MB_HOUR: Final = 16.0
"""Growth that is flat: from 1.2 GB up, the 4 GB that `docker/compose.yaml` allows the API would last a week of it."""
_SECONDS: Final = 10.0
_FEWEST: Final = 72
_MOST_ALIKE: Final = 0.98


@dataclass(frozen=True)
class Held:
    """Megabytes: what each worker has for itself, the largest first, and what all hold together."""

    own: tuple[float, ...]
    together: float


@dataclass(frozen=True)
class Growth:
    """Megabytes an hour, with the ends of its 95% interval."""

    rate: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """Flat, growing, or not to be told from so short a run; by the interval, never by the rate alone."""
        if self.high < FLAT_MB_HOUR:
            return f"flat: less than {FLAT_MB_HOUR:.0f} MB/hour by the whole interval"
        if self.low > 0:
            return f"GROWS: no part of the interval is at 0 or below, and it reaches beyond {FLAT_MB_HOUR:.0f} MB/hour"
        return f"cannot tell: the interval holds 0 and {FLAT_MB_HOUR:.0f} MB/hour; soak for longer"


def held(pid: int) -> Held:
    """What a server and its workers hold now."""
    own, together = [], 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if pid not in (parent, int(folder.name)):
                continue
            rows = (folder / "smaps_rollup").read_text().splitlines()[1:]
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        sizes = {name: int(size.split()[0]) / 1024 for name, size in (row.split(":", 1) for row in rows)}
        together += sizes["Pss_Anon"]
        if parent == pid:
            own.append(sizes["Private_Clean"] + sizes["Private_Dirty"])
    return Held(tuple(sorted(own, reverse=True)), together)


def growth(seconds: Sequence[float], megabytes: Sequence[float]) -> Growth:
    """The straight line through samples, with an interval that minds how alike samples near each other are.

    Allocators keep memory and give it back in bursts of minutes, so samples count for as many as would be independent
    at their correlation with the next one (Santer et al. 2000, doi:10.1029/1999JD901105), corrected for its bias:
    94 to 97 of 100 such intervals hold the truth of simulated samples up to a correlation of 0.95.

    Args:
        seconds: when each sample was taken, evenly spaced.
        megabytes: what was held then.

    Raises:
        ValueError: fewer samples than `_FEWEST`.
    """
    if len(seconds) < _FEWEST:
        least = 2 * _FEWEST * _SECONDS / 60
        raise ValueError(
            f"{len(seconds)} samples in the second half are too few: soak for {least:.0f} minutes or longer"
        )
    at, held_then = np.asarray(seconds, float) / 3600, np.asarray(megabytes, float)
    count, centred = len(at), at - at.mean()
    spread = float(centred @ centred)
    rate = float(centred @ held_then) / spread
    left = held_then - held_then.mean() - rate * centred
    alike = float(left[1:] @ left[:-1]) / max(float(left @ left), 1e-12)
    # a line fitted to few samples takes a part of what makes them alike with it
    alike = min(max(alike + (2 + 4 * alike) / count, 0.0), _MOST_ALIKE)
    free = max(count * (1 - alike) / (1 + alike) - 2, 1.0)
    error = (float(left @ left) / free / spread) ** 0.5
    room = float(stats.t.ppf(0.975, free)) * error
    return Growth(rate, rate - room, rate + room)


@dataclass
class Samples:
    """What a server held, every ten seconds."""

    seconds: list[float] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)

    def second_half(self) -> Growth:
        """How memory went in the second half, once caches are filled and shared pages that are written to are copied.

        Raises:
            ValueError: the run was too short.
        """
        half = len(self.seconds) // 2
        return growth(self.seconds[half:], [h.together for h in self.held[half:]])


@contextmanager
def sampled(pid: int) -> Iterator[Samples]:
    """Samples of a server, taken beside what runs in the block."""
    found, stop = Samples(), threading.Event()
    began = time.monotonic()

    def look() -> None:
        while not stop.wait(max(0.0, began + len(found.seconds) * _SECONDS - time.monotonic())):
            now = held(pid)
            found.held.append(now)
            found.seconds.append(time.monotonic() - began)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()
