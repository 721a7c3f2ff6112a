"""Schedules: the nightly delivery."""

import dagster as dg

from medcode_assets.defs.jobs import lineage_job

# The delivery of a day is complete shortly after midnight; by six the coders' worklist is there.
nightly_schedule = dg.build_schedule_from_partitioned_job(
    lineage_job, name="nightly_schedule", hour_of_day=2, minute_of_hour=30,
    description="The whole lineage for the day before",
)  # fmt: skip
