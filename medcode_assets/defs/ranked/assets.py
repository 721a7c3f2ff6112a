"""Assets of schema `ranked`."""

from collections.abc import Iterator

import dagster as dg

from medcode_assets.partitions import one_run
from medcode_assets.resources import Database
from medcode_assets.stage_assets import Answer, answers, days, table_checks, table_specs

TABLES = ("encounter", "encounter_code")
ACCOUNTED = "encounter"
BEFORE = (
    "coded.encounter", "coded.encounter_code", "filtered.encounter", "filtered.procedure", "filtered.medication",
    "filtered.microbiology", "filtered.unit_stay", "filtered.service", "mapped.patient", "ml.ranking_promotion",
)  # fmt: skip


@dg.multi_asset(
    name="ranking",
    specs=table_specs("ranked", TABLES, BEFORE, kinds={"python"}),
    check_specs=table_checks("ranked", TABLES, accounted=ACCOUNTED),
    backfill_policy=one_run,
    pool="postgres",
)
def ranking(context: dg.AssetExecutionContext, database: Database) -> Iterator[Answer]:
    """Put the accepted codes of each encounter in reporting order, each place with its reason."""
    from medcode_ml.ranking.stage import run_ranking

    engine = database.engine()
    yield from answers(engine, "ranked", TABLES, ACCOUNTED, run_ranking(engine, *days(context)))
