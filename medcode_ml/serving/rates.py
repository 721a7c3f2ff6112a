"""How often a caller may ask: a sliding window by caller, and by address for failed attempts."""

from __future__ import annotations

import math
import time
from functools import lru_cache
from typing import Final

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

ANONYMOUS: Final = "60/minute"
"""Failed attempts of one address that are told why; it never counts against who is recognised."""


class RateSettingError(ValueError):
    """A rate is not what it should be."""


class Rates:
    """Counts requests; each worker counts for itself and grants its share, which holds for one host.

    What several hosts may take together is for the proxy before them to say.
    """

    def __init__(self, usual: str, workers: int) -> None:
        """`usual` such as 600/minute.

        Raises:
            RateSettingError: it cannot be read.
        """
        self._share, self._usual = workers, usual
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        try:
            self._rate(usual)
        except ValueError as error:
            raise RateSettingError(
                f"MEDCODE_API_RATE is {usual!r}, which is no rate: write it like 1200/minute"
            ) from error
        self._shared = lru_cache(maxsize=256)(self._rate)

    def allows(self, who: str, rate: str | None = None) -> float | None:
        """Count a request of `who`: None where it may go on, else the seconds to wait."""
        item = self._shared(rate or self._usual)
        if self._limiter.hit(item, who):
            return None
        return max(1.0, math.ceil(self._limiter.get_window_stats(item, who).reset_time - time.time()))

    def _rate(self, written: str) -> RateLimitItem:
        item = parse(written)
        return type(item)(max(1, math.ceil(item.amount / self._share)), item.multiples)
