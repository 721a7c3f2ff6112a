"""The jobs that make a model from labels to promotion, and their weekly schedules, which are off until asked for."""

import dagster as dg

from medcode_assets.lineage import asset_key
from medcode_assets.partitions import received_days
from medcode_assets.runner import RANGE_END, RANGE_START
from medcode_ml.contracts import ml


def _assets_of(kind: ml.ModelTables) -> dg.AssetSelection:
    tables = (kind.training_set, kind.model, kind.model_encounter, kind.evaluation)
    return dg.AssetSelection.assets(*(asset_key(t.fullname) for t in tables), asset_key(kind.promotion))


def _every_day(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """One run over every received day: labels come late, and the split is of all of them."""
    first, last = received_days.get_first_partition_key(), received_days.get_last_partition_key()
    return dg.RunRequest(
        run_key=f"{context.scheduled_execution_time:%Y-%m-%d}", tags={RANGE_START: str(first), RANGE_END: str(last)}
    )


coding_model_job = dg.define_asset_job(
    "coding_model_job",
    selection=_assets_of(ml.CODING),
    partitions_def=received_days,
    description="Labels of the chosen days, then a coding model of all days, its evaluation, promotion if it passes",
)
ranking_model_job = dg.define_asset_job(
    "ranking_model_job",
    selection=_assets_of(ml.RANKING),
    partitions_def=received_days,
    description="Orders of the chosen days, then a ranking model of all days, its evaluation, promotion if it passes",
)
amount_model_job = dg.define_asset_job(
    "amount_model_job",
    selection=_assets_of(ml.AMOUNT),
    partitions_def=received_days,
    description="Claims of the chosen days, then an amount model of all days, its evaluation, promotion if it passes",
)


#: kind -> the job that asks one of its versions to move on, or back
promotion_jobs = {
    of.kind: dg.define_asset_job(
        f"{of.promotion.partition('.')[2]}_job",
        selection=dg.AssetSelection.assets(asset_key(of.promotion)),
        description=f"One step on for a version of the {of.kind} models: the newest, or the one named; or a roll back",
    )
    for of in ml.BY_KIND.values()
}


@dg.schedule(
    job=coding_model_job, cron_schedule="0 1 * * 0", default_status=dg.DefaultScheduleStatus.STOPPED,
    description="A new coding model every Sunday night, from the labels of all days",
)  # fmt: skip
def weekly_coding_model_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Ask for one run over every received day."""
    return _every_day(context)


# hours after the coding model: both are heavy
@dg.schedule(
    job=ranking_model_job, cron_schedule="0 4 * * 0", default_status=dg.DefaultScheduleStatus.STOPPED,
    description="A new ranking model every Sunday night, from the coders' orders of all days",
)  # fmt: skip
def weekly_ranking_model_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Ask for one run over every received day."""
    return _every_day(context)


@dg.schedule(
    job=amount_model_job, cron_schedule="0 7 * * 0", default_status=dg.DefaultScheduleStatus.STOPPED,
    description="A new amount model every Sunday morning, from the claims of all days",
)  # fmt: skip
def weekly_amount_model_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Ask for one run over every received day."""
    return _every_day(context)
