"""Memory of a server: shared pages counted once, and a leak told from noise."""

from __future__ import annotations

import mmap
import os

import numpy as np
import pytest

from medcode_ml.benchmarks.serving_memory import FLAT_MB_HOUR, growth, held

_SECONDS = np.arange(90) * 10.0
_NOISE = np.random.default_rng(4).normal(scale=1.0, size=90)


@pytest.mark.parametrize(("rate", "said"), [(0.0, "flat"), (-90.0, "flat"), (90.0, "GROWS")])
def test_the_verdict_is_by_the_whole_interval(rate: float, said: str) -> None:
    found = growth(_SECONDS, 1000 + rate * _SECONDS / 3600 + _NOISE)
    assert found.low < rate < found.high
    assert found.verdict.startswith(said)


def test_what_noise_hides_is_not_called_flat() -> None:
    found = growth(_SECONDS, 1000 + 5 * _SECONDS / 3600 + 10 * _NOISE)
    assert found.low < 0 < FLAT_MB_HOUR < found.high
    assert found.verdict.startswith("cannot tell")


@pytest.mark.parametrize("alike", [0.0, 0.5, 0.8, 0.95])
def test_the_interval_holds_the_truth_however_alike_samples_near_each_other_are(alike: float) -> None:
    draw, held_truth = np.random.default_rng(1), 0
    for _ in range(100):
        wander = np.zeros(90)
        for at, step in enumerate(draw.normal(size=89), start=1):
            wander[at] = alike * wander[at - 1] + step
        found = growth(_SECONDS, 1000 + 20 * _SECONDS / 3600 + wander)
        held_truth += found.low <= 20 <= found.high
    assert held_truth >= 88, "of 100 intervals that 95 should be"


def test_a_run_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="soak for 24 minutes or longer"):
        growth(_SECONDS[:40], _NOISE[:40])


def test_pages_that_a_worker_shares_are_counted_once_and_its_own_for_it() -> None:
    size = 32 * 2**20
    shared, own = mmap.mmap(-1, size, mmap.MAP_PRIVATE), mmap.mmap(-1, size, mmap.MAP_PRIVATE)
    for at in range(0, size, 4096):
        shared[at] = 1
    before = held(os.getpid())
    told, tell = os.pipe()
    end, wait = os.pipe()
    if (child := os.fork()) == 0:
        for at in range(0, size, 4096):
            own[at] = 1
        os.write(tell, b"x")
        os.close(wait)
        os.read(end, 1)
        os._exit(0)
    try:
        os.read(told, 1)
        found = held(os.getpid())
    finally:
        os.write(wait, b"x")
        os.waitpid(child, 0)
        for one in (told, tell, end, wait):
            os.close(one)
    assert len(found.own) == len(before.own) + 1
    assert 32 <= max(found.own) < 60, "what it wrote to is its own, what it read is not"
    assert 32 <= found.together - before.together < 60
