"""Whether the daemon has nothing left to do: no run in hand, and every sensor has looked since the last one ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

import dagster as dg
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, InstigatorType, TickStatus

from medcode_assets.rehearsal.plan import RehearsalError
from medcode_assets.runner import IN_HAND

_BACKFILLS: Final = [BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING]
_ACTIVE: Final = (InstigatorStatus.RUNNING, InstigatorStatus.DECLARED_IN_CODE)


@dataclass(frozen=True)
class State:
    """What the daemon is at.

    Attributes:
        runs: all there ever were. in_hand: job names of those not ended, and backfills that ask for more.
        unseen: sensors that have not looked since the last run ended, or whose look is not over.
    """

    runs: int
    in_hand: tuple[str, ...]
    unseen: tuple[str, ...]

    @property
    def idle(self) -> bool:
        """Nothing is in hand and nothing can come of what has been."""
        return not self.in_hand and not self.unseen

    def __str__(self) -> str:
        """In words."""
        waits = [*(f"run of {job}" for job in self.in_hand), *(f"look of {name}" for name in self.unseen)]
        return ", ".join(waits) or "idle"


def state_of(instance: dg.DagsterInstance, sensors: Collection[str], since: float) -> State:
    """What the daemon is at, as the instance has it.

    Args:
        instance: the Dagster instance. sensors: names of those that look by themselves.
        since: seconds since the epoch; looks begun before count for nothing.
    """
    in_hand, runs, ended = before = _runs(instance)
    states = {
        s.instigator_name: s for s in instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
        if s.status in _ACTIVE
    }  # fmt: skip
    seen = {name for name, state in states.items() if _looked_since(instance, state, max(ended, since))}
    # what a look asks for is there before the look is over: read once more, it shows
    in_hand, runs, _ = after = _runs(instance)
    return State(runs, in_hand, tuple(sorted(set(sensors) - (seen if before == after else set()))))


def _runs(instance: dg.DagsterInstance) -> tuple[tuple[str, ...], int, float]:
    """What is in hand by name, how many runs there ever were, and when the last one ended."""
    unended = [r.dagster_run.job_name for r in instance.get_run_records(dg.RunsFilter(statuses=IN_HAND))]
    backfills = instance.get_backfills(filters=BulkActionsFilter(statuses=_BACKFILLS))
    newest = instance.get_run_records(dg.RunsFilter(), limit=50)
    ended = max((r.end_time for r in newest if r.end_time is not None), default=0.0)
    return (*unended, *(f"backfill {one.backfill_id}" for one in backfills)), instance.get_runs_count(), ended


def wait_until_idle(
    instance: dg.DagsterInstance,
    sensors: Collection[str],
    since: float,
    *,
    alive: Callable[[], None],
    patience: float,
    said: Callable[[State], None] | None = None,
    every: float = 1.0,
) -> None:
    """Wait until the daemon is idle.

    Args:
        instance: the Dagster instance. sensors: names of those that look by themselves.
        since: seconds since the epoch; looks begun before count for nothing.
        alive: raises where the daemon has died. patience: seconds in which something must happen.
        said: told what is waited for. every: seconds between two looks at the instance.

    Raises:
        RehearsalError: nothing happened for so long.
    """
    before, moved = None, time.monotonic()
    while True:
        alive()
        now = state_of(instance, sensors, since)
        if said is not None:
            said(now)
        if now.idle:
            return
        if now != before:
            before, moved = now, time.monotonic()
        if time.monotonic() - moved > patience:
            raise RehearsalError(
                f"nothing happened for {patience:.0f} s while waiting for: {now}; see the daemon's log"
            )
        time.sleep(every)


def _looked_since(instance: dg.DagsterInstance, state: InstigatorState, ended: float) -> bool:
    """Whether a look was begun after `ended` and is over, and none is going on."""
    ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, after=ended, limit=5)
    return bool(ticks) and all(tick.status != TickStatus.STARTED for tick in ticks)
