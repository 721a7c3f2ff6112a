"""Retrainings that the sensor asked for, as Dagster's runs say it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from medcode_ml.drift.timeline import ASKED, Event

if TYPE_CHECKING:
    import dagster as dg


def retrainings_asked(instance: dg.DagsterInstance, kind: str = "coding") -> list[Event]:
    """The runs that `retrain_sensor` asked for, on the last received day that they were to learn from, oldest first."""
    import dagster as dg

    from medcode_assets.defs.models.sensors import RETRAINED
    from medcode_assets.runner import RANGE_END

    runs = instance.get_runs(dg.RunsFilter(tags={RETRAINED: kind}), ascending=True)
    found = [
        Event(date.fromisoformat(run.tags[RANGE_END]), ASKED, "", f"run {run.run_id}: {run.status.value.lower()}")
        for run in runs
        if RANGE_END in run.tags
    ]
    return sorted(found, key=lambda event: event.day)
