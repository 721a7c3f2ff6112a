"""Partitions: one a day, by the date a record was received; today's is open."""

import dagster as dg

from medcode_ml.settings import settings

received_days = dg.DailyPartitionsDefinition(start_date=settings().first_day.isoformat(), end_offset=1)
# A range of days is one run: a run a day would pay the start of a process for every day.
one_run = dg.BackfillPolicy.single_run()
