"""Assets of schema `raw`: the day's delivery landed, its pages read."""

from collections.abc import Iterator

import dagster as dg

from medcode_assets.partitions import one_run
from medcode_assets.resources import ConfiguredSource, Database
from medcode_assets.stage_assets import Answer, answers, days, table_checks, table_specs
from medcode_ml.contracts.raw import DELIVERED

TABLES = (*DELIVERED, "page", "set_aside", "delivery")
ACCOUNTED = "page"


@dg.multi_asset(
    name="intake",
    specs=table_specs("raw", TABLES, ("raw.stream_message",), kinds={"python"}, automatic=False),
    check_specs=table_checks("raw", TABLES, accounted=ACCOUNTED),
    backfill_policy=one_run,
    pool="ocr",
)
def intake(
    context: dg.AssetExecutionContext, database: Database, configured_source: ConfiguredSource
) -> Iterator[Answer]:
    """Land what the source delivered and read its pages: text with word boxes, or the gate that stopped the page."""
    from medcode_ml.intake.landing import run_intake
    from medcode_ml.pipeline import page_work

    engine = database.engine()
    result = run_intake(engine, configured_source.open(), *days(context), page_work())
    yield from answers(engine, "raw", TABLES, ACCOUNTED, result)
