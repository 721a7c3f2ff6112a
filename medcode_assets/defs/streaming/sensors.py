"""Sensors of streaming: how far landing is behind, and runs for the days that messages were landed for."""

from datetime import UTC, datetime

import dagster as dg

from medcode_assets.defs.jobs import lineage_job
from medcode_assets.defs.streaming.assets import topic_key
from medcode_assets.defs.streaming.runs import known_runs
from medcode_assets.resources import Database
from medcode_ml.settings import settings
from medcode_ml.streaming.lag import MOST_TRIES, days_from_cursor, days_landed, days_wanted

MOST_DAYS = 7
STATUS = dg.DefaultSensorStatus.RUNNING if settings().kafka_bootstrap else dg.DefaultSensorStatus.STOPPED


@dg.sensor(minimum_interval_seconds=settings().sensor_seconds, default_status=STATUS)
def stream_lag_sensor(context: dg.SensorEvaluationContext, database: Database) -> dg.SensorResult | dg.SkipReason:
    """Observe the topics that are read: messages held, taken in, and waiting."""
    from medcode_ml.streaming.client import BrokerError
    from medcode_ml.streaming.lag import partition_lags
    from medcode_ml.streaming.offsets import LAND, WORK
    from medcode_ml.streaming.topics import REQUEST, SCANNED_RECORD, StreamError

    try:
        found = {
            subject: partition_lags(database.engine(), reader, subject)
            for reader, subject in ((LAND, SCANNED_RECORD), (WORK, REQUEST))
        }
    except (BrokerError, StreamError) as error:
        return dg.SkipReason(str(error))
    return dg.SensorResult(
        asset_events=[
            dg.AssetObservation(
                asset_key=topic_key(subject),
                metadata={
                    "lag": sum(one.lag for one in lags),
                    "end_offset": sum(one.end for one in lags),
                    "taken_in": sum(one.taken_in for one in lags),
                    "partitions": len(lags),
                },
            )
            for subject, lags in found.items()
        ]
    )


@dg.sensor(job=lineage_job, minimum_interval_seconds=settings().sensor_seconds, default_status=STATUS)
def stream_landed_sensor(context: dg.SensorEvaluationContext, database: Database) -> dg.SensorResult | dg.SkipReason:
    """Ask for the whole lineage of the days that messages were landed for; one run of a day at a time."""
    if settings().source != "stream":
        return dg.SkipReason(
            f"landed messages wait: the source is {settings().source!r}; set MEDCODE_SOURCE=stream to have them read"
        )
    known = days_from_cursor(context.cursor)
    landed, standing = days_landed(database.engine(), known.offsets)
    runs = known_runs(context.instance, known.run_keys)
    wanted = days_wanted(known, landed, standing, runs, datetime.now(UTC), MOST_DAYS)
    for day in wanted.given_up:
        context.log.error(
            f"the runs of {day} failed ({MOST_TRIES} times) or were cancelled; none is asked for until new messages of "
            "that day come: see the run in `medcode ui`, mend what failed, then "
            f"`medcode run --from {day} --to {day}`"
        )
    return dg.SensorResult(
        run_requests=[dg.RunRequest(run_key=key, partition_key=day.isoformat()) for key, day in wanted.days],
        cursor=wanted.cursor,
    )
