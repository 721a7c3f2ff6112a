"""The job that makes a coding model from labels to promotion, and its weekly schedule, which is off until asked for."""

import dagster as dg

from medcode_assets.defs.models.specs import GROUP
from medcode_assets.partitions import received_days
from medcode_assets.runner import RANGE_END, RANGE_START

coding_model_job = dg.define_asset_job(
    "coding_model_job",
    selection=dg.AssetSelection.groups(GROUP),
    partitions_def=received_days,
    description="Training set of the chosen days, then a model of all days, its evaluation, and promotion if it passes",
)


@dg.schedule(
    job=coding_model_job, cron_schedule="0 1 * * 0", default_status=dg.DefaultScheduleStatus.STOPPED,
    description="A new coding model every Sunday night, from the labels of all days",
)  # fmt: skip
def weekly_training_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Ask for one run over every received day: labels come late, and the split is of all of them."""
    first, last = received_days.get_first_partition_key(), received_days.get_last_partition_key()
    return dg.RunRequest(
        run_key=f"{context.scheduled_execution_time:%Y-%m-%d}", tags={RANGE_START: str(first), RANGE_END: str(last)}
    )
