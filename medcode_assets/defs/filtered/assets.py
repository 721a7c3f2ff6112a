"""Assets of schema `filtered`."""

from collections.abc import Iterator

import dagster as dg

from medcode_assets.partitions import one_run
from medcode_assets.resources import Database
from medcode_assets.stage_assets import Answer, answers, days, table_checks, table_specs

TABLES = (
    "patient", "encounter", "document", "diagnosis", "procedure", "charge", "medication", "microbiology", "unit_stay",
    "service", "quarantine", "rule_count",
)  # fmt: skip
ACCOUNTED = "quarantine"
BEFORE = (
    *(f"mapped.{name}" for name in TABLES[:10]), "mapped.unmatched", "raw.page", "raw.set_aside", "raw.payer",
)  # fmt: skip


@dg.multi_asset(
    name="filtering",
    specs=table_specs("filtered", TABLES, BEFORE, kinds={"python"}),
    check_specs=table_checks("filtered", TABLES, accounted=ACCOUNTED),
    backfill_policy=one_run,
    pool="postgres",
)
def filtering(context: dg.AssetExecutionContext, database: Database) -> Iterator[Answer]:
    """Ask the named rules: repair, carry, or set aside with a reason."""
    from medcode_ml.filtering.stage import run_filtering

    engine = database.engine()
    yield from answers(engine, "filtered", TABLES, ACCOUNTED, run_filtering(engine, *days(context)))
