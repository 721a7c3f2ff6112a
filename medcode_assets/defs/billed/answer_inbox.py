"""The inbox of insurers' answers: a job for the days that answers arrived on, and the sensor that asks for it."""

from datetime import UTC, datetime

import dagster as dg

from medcode_assets.defs.billed.answers import FILES, TABLES
from medcode_assets.partitions import received_days
from medcode_ml.settings import settings

MOST_DAYS = 31

answers_job = dg.define_asset_job(
    "answers_job",
    selection=dg.AssetSelection.assets(*(["raw", name] for name in FILES), *(["billed", name] for name in TABLES))
    | dg.AssetSelection.groups("marts"),
    partitions_def=received_days,
    description="What insurers sent on the chosen days: kept, read, matched to the claims; then the marts",
)


@dg.sensor(
    job=answers_job,
    minimum_interval_seconds=settings().sensor_seconds,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def answer_inbox_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Ask for the days into whose inbox folder a file came since the last look; days to come wait."""
    from medcode_ml.billing.answers.arrivals import Inbox, days_to_read

    chosen = settings()
    came = Inbox(chosen.answers_inbox).changed(chosen.first_day, int(context.cursor or 0))
    wanted = days_to_read(came, datetime.now(UTC).date(), MOST_DAYS)
    return dg.SensorResult(
        run_requests=[dg.RunRequest(run_key=f"{day}:{mark}", partition_key=day.isoformat()) for day, mark in wanted],
        cursor=str(max([int(context.cursor or 0), *(mark for _, mark in wanted)])),
    )
