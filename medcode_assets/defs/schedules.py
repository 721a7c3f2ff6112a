"""Schedules: the nightly delivery."""

from datetime import timedelta

import dagster as dg

from medcode_assets.defs.jobs import lineage_job
from medcode_assets.partitions import received_days
from medcode_ml.settings import Settings, settings

#: sources without a nightly delivery: landed messages have a sensor of their own
_NOT_DELIVERED = ("simulated", "stream")


def status_from_the_start(chosen: Settings) -> dg.DefaultScheduleStatus:
    """On in a deployment to which a source delivers; elsewhere nothing runs until somebody asks for it."""
    on = chosen.nightly and chosen.source not in _NOT_DELIVERED
    return dg.DefaultScheduleStatus.RUNNING if on else dg.DefaultScheduleStatus.STOPPED


@dg.schedule(
    job=lineage_job, cron_schedule="30 2 * * *", execution_timezone="UTC",
    description="The whole lineage for the day before", default_status=status_from_the_start(settings()),
)  # fmt: skip
def nightly_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Ask for the day that has just ended: its delivery is complete after midnight, today's partition is still open.

    By six the coders' worklist is there. The run names its assets, so that the automation knows that what a stage was
    fed came in the same run, and does not work on the day once more.
    """
    day = (context.scheduled_execution_time.date() - timedelta(days=1)).isoformat()
    if day < str(received_days.get_first_partition_key()):
        return dg.SkipReason(f"{day} lies before the first received day that has a partition")
    assert context.repository_def is not None
    assets = context.repository_def.get_job(lineage_job.name).asset_layer.executable_asset_keys
    return lineage_job.run_request_for_partition(partition_key=day, run_key=day, asset_selection=sorted(assets))
