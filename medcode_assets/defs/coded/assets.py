"""Assets of schema `coded`."""

from collections.abc import Iterator

import dagster as dg

from medcode_assets.partitions import one_run
from medcode_assets.resources import Database
from medcode_assets.stage_assets import Answer, answers, days, table_checks, table_specs
from medcode_ml.store.checks import codes_outside_release

TABLES = ("encounter", "encounter_code", "evidence", "query")
ACCOUNTED = "encounter"
CODES = dg.AssetKey(["coded", "encounter_code"])
IN_RELEASE = dg.AssetCheckSpec(
    "codes_exist_in_release",
    asset=CODES,
    blocking=True,
    description="Accepted codes are billable at discharge (rule 1)",
)
BEFORE = (
    "filtered.encounter", "filtered.document", "filtered.diagnosis", "mapped.document_section", "mapped.document_page",
    "raw.page", "ml.coding_promotion",
)  # fmt: skip


@dg.multi_asset(
    name="coding",
    specs=table_specs("coded", TABLES, BEFORE, kinds={"python"}),
    check_specs=[*table_checks("coded", TABLES, accounted=ACCOUNTED), IN_RELEASE],
    backfill_policy=one_run,
    pool="postgres",
)
def coding(context: dg.AssetExecutionContext, database: Database) -> Iterator[Answer]:
    """Code every encounter in the code set of its discharge date, with assertion and evidence."""
    from medcode_ml.coding.stage import run_coding

    engine = database.engine()
    result = run_coding(engine, *days(context))
    yield from answers(engine, "coded", TABLES, ACCOUNTED, result)
    outside = codes_outside_release(engine, result.start, result.end)
    yield dg.AssetCheckResult(
        asset_key=CODES,
        check_name="codes_exist_in_release",
        passed=not outside,
        metadata={"outside": [f"{code} on {day}" for code, day in outside] or "none"},
    )
