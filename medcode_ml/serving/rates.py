"""How often a caller may ask: a sliding window by caller, and by address for those that nobody recognised."""

from __future__ import annotations

import math
import time
from functools import lru_cache
from typing import Final

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import SlidingWindowCounterRateLimiter

ANONYMOUS: Final = "60/minute"
"""Failed attempts of one address, so that keys cannot be tried out."""


class RateSettingError(ValueError):
    """A rate or its storage is not what it should be."""


class Rates:
    """Counts requests; each worker counts for itself and grants its share, unless a common storage is named."""

    def __init__(self, usual: str, workers: int, storage: str = "") -> None:
        """`usual` such as 600/minute; `storage` as the library `limits` writes it, such as redis://host.

        Raises:
            RateSettingError: one of them cannot be read.
        """
        self._share = 1 if storage else workers
        self._usual = usual
        try:
            self._limiter = SlidingWindowCounterRateLimiter(
                storage_from_string(storage) if storage else MemoryStorage()
            )
            self._rate(usual)
        except Exception as error:
            raise RateSettingError(f"the rate {usual!r} or its storage cannot be used: {error}") from error
        self._shared = lru_cache(maxsize=256)(self._rate)

    def allows(self, who: str, rate: str | None = None) -> float | None:
        """Count a request of `who`: None where it may go on, else the seconds to wait."""
        item = self._shared(rate or self._usual)
        if self._limiter.hit(item, who):
            return None
        return max(1.0, math.ceil(self._limiter.get_window_stats(item, who).reset_time - time.time()))

    def refused(self, who: str, rate: str = ANONYMOUS) -> bool:
        """Whether `who` has no attempt left, without counting one."""
        return not self._limiter.test(self._shared(rate), who)

    def _rate(self, written: str) -> RateLimitItem:
        item = parse(written)
        return type(item)(max(1, math.ceil(item.amount / self._share)), item.multiples)
