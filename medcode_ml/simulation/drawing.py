"""Draws from a numpy Generator that the whole simulation uses: one uniform number a draw, cheap and reproducible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of the options, each as likely."""
    return options[int(rng.random() * len(options))]


def pick_by(rng: np.random.Generator, options: Sequence[T], shares: Sequence[float]) -> T:
    """One of the options by its share; shares need not sum to 1."""
    left = rng.random() * sum(shares)
    for option, share in zip(options, shares, strict=True):
        left -= share
        if left < 0:
            return option
    return options[-1]


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """Uniform between the two."""
    return low + (high - low) * rng.random()


def whole(rng: np.random.Generator, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included."""
    return low + int(rng.random() * (high - low + 1))


def chance(rng: np.random.Generator, share: float) -> bool:
    """True with probability `share`."""
    return rng.random() < share
