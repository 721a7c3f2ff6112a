"""Assets of schema `filtered`."""

from collections.abc import Iterator

import dagster as dg

from medcode_assets.partitions import one_run
from medcode_assets.pictures import markdown_table
from medcode_assets.resources import Database
from medcode_assets.stage_assets import Answer, answers, days, table_checks, table_specs

TABLES = (
    "patient", "encounter", "document", "diagnosis", "procedure", "charge", "medication", "microbiology",
    "observation", "unit_stay", "service", "quarantine", "rule_count",
)  # fmt: skip
ACCOUNTED = "quarantine"
USUAL = dg.AssetCheckSpec(
    "rules_fire_as_usual",
    asset=dg.AssetKey(["filtered", "rule_count"]),
    blocking=True,
    description="No rule fires ten times as often as in the days before; a person can accept the day",
)
BEFORE = (
    *(f"mapped.{name}" for name in TABLES[:-2]), "mapped.provider", "mapped.payer", "mapped.unmatched", "raw.page",
    "raw.set_aside", "mapped.person",
)  # fmt: skip


@dg.multi_asset(
    name="filtering",
    specs=table_specs("filtered", TABLES, BEFORE, kinds={"python"}),
    check_specs=[*table_checks("filtered", TABLES, accounted=ACCOUNTED), USUAL],
    backfill_policy=one_run,
    pool="postgres",
)
def filtering(context: dg.AssetExecutionContext, database: Database) -> Iterator[Answer]:
    """Ask the named rules: repair, carry, or set aside with a reason."""
    from medcode_ml.filtering.anomaly import rules_fire_as_usual
    from medcode_ml.filtering.stage import run_filtering

    engine = database.engine()
    yield from answers(engine, "filtered", TABLES, ACCOUNTED, run_filtering(engine, *days(context)))
    firing = rules_fire_as_usual(engine, *days(context))
    rows = list(firing.table.astype(str).itertuples(index=False, name=None))
    told = dg.MetadataValue.md(markdown_table(tuple(firing.table.columns), rows)) if rows else "none"
    yield dg.AssetCheckResult(
        asset_key=USUAL.asset_key,
        check_name=USUAL.name,
        passed=firing.passed,
        metadata={"unusual": told},
    )
