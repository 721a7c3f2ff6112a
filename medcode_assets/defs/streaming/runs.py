"""Runs of the lineage as Dagster knows them: the days they are about, and how they ended."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import dagster as dg

from medcode_assets.defs.jobs import lineage_job, stage_jobs
from medcode_assets.runner import IN_HAND, RANGE_END, RANGE_START
from medcode_ml.streaming.lag import EndedRun, KnownRuns

PARTITION = "dagster/partition"
RUN_KEY = "dagster/run_key"
ASSETS = "__ASSET_JOB"
"""Dagster's name for runs of assets that belong to no job of ours: by hand, by the automation, in a backfill."""
#: what may replace the rows of a day; a training names days as well, and only reads them
LINEAGE = frozenset({lineage_job.name, ASSETS, *(job.name for job in stage_jobs)})


def known_runs(instance: dg.DagsterInstance, run_keys: Sequence[str]) -> KnownRuns:
    """Runs of the lineage in hand, whoever asked for them, and of the runs with these keys those that have ended."""
    unended = instance.get_runs(dg.RunsFilter(statuses=IN_HAND))
    in_hand = [days for run in unended if run.job_name in LINEAGE and (days := _days(run)) is not None]
    ended: dict[str, EndedRun] = {}
    if run_keys:
        # the newest first: a run that was tried again carries the key of the first one
        for record in instance.get_run_records(dg.RunsFilter(tags={RUN_KEY: list(run_keys)})):
            if record.dagster_run.is_finished:
                ended.setdefault(record.dagster_run.tags[RUN_KEY], _ended(record))
    return KnownRuns(in_hand, ended)


def _ended(record: dg.RunRecord) -> EndedRun:
    at = record.update_timestamp if record.end_time is None else datetime.fromtimestamp(record.end_time, UTC)
    if record.dagster_run.status is dg.DagsterRunStatus.CANCELED:
        return EndedRun("cancelled", at)
    return EndedRun("succeeded" if record.dagster_run.is_success else "failed", at)


def _days(run: dg.DagsterRun) -> tuple[date, date] | None:
    """First and last received day of a run; None where it is about no days."""
    day = run.tags.get(PARTITION)
    first, last = run.tags.get(RANGE_START, day), run.tags.get(RANGE_END, day)
    if first is None or last is None:
        return None
    try:
        return date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:  # the partitions of other assets are no days
        return None
