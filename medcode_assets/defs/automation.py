"""The automation sensor: when a stage has new rows for a day, the stages after it follow."""

import dagster as dg

from medcode_ml.settings import settings

automation_sensor = dg.AutomationConditionSensorDefinition(
    "automation_sensor",
    # of the raw tables, what insurers sent follows the claims that went out; so does a shadow run
    target=dg.AssetSelection.groups(
        "mapped", "filtered", "coded", "ranked", "billed", "marts", "streaming", "drift", "shadow"
    )
    | dg.AssetSelection.assets(["raw", "answer_file"]),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=settings().sensor_seconds,
)
