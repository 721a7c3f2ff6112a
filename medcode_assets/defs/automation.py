"""The automation sensor: when a stage has new rows for a day, the stages after it follow."""

import dagster as dg

automation_sensor = dg.AutomationConditionSensorDefinition(
    "automation_sensor",
    target=dg.AssetSelection.groups("mapped", "filtered", "coded", "ranked", "billed", "marts"),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=60,
)
