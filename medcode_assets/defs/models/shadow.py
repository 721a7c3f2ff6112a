"""The assets of shadow runs: what versions in shadow made of a day, beside the champion. They follow the claims."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from medcode_assets.lineage import asset_key, column_lineage, column_schema
from medcode_assets.partitions import one_run, received_days
from medcode_assets.pictures import markdown_table
from medcode_assets.resources import Database
from medcode_assets.stage_assets import OWNERS, WHEN_EARLIER_STAGE_MOVES, Answer, days, table_checks
from medcode_ml.contracts import ml
from medcode_ml.settings import settings
from medcode_ml.store.checks import repeated_keys, rows_of, schema_faults

FED_BY = ("filtered.document", "coded.encounter_code", "ranked.encounter_code", "billed.claim")
TABLES = (ml.shadow_figure, ml.shadow_encounter)
# nothing is set aside here: versions are compared on what the stages accounted for
CHECKS = [
    check
    for check in table_checks("ml", tuple(t.name for t in TABLES), accounted=ml.shadow_figure.name)
    if check.name != "accounting_balances"
]


@dg.multi_asset(
    name="shadow_figure",
    specs=[
        dg.AssetSpec(
            key=asset_key(table.fullname),
            deps=[asset_key(one) for one in FED_BY],
            description=table.comment,
            group_name="shadow",
            owners=OWNERS,
            kinds={"postgres", "python"},
            code_version="2",
            partitions_def=received_days,
            automation_condition=WHEN_EARLIER_STAGE_MOVES,
            metadata={
                "dagster/table_name": table.fullname,
                "dagster/column_schema": column_schema(table),
                "dagster/column_lineage": column_lineage(table.fullname),
            },
        )
        for table in TABLES
    ],
    check_specs=CHECKS,
    backfill_policy=one_run,
    pool="postgres",
)
def shadow_figure(context: dg.AssetExecutionContext, database: Database) -> Iterator[Answer]:
    """Let every version in shadow work on the days beside the champion; without one there is nothing to do.

    Earlier days of the versions are held against the coders' codes and the payments that came in since.
    """
    from medcode_ml.billing.payers import load_payers
    from medcode_ml.shadow import run_shadow

    engine = database.engine()
    result = run_shadow(engine, settings().home, *days(context), load_payers(settings().payers_file))
    compared = dg.MetadataValue.md(markdown_table(*result.listing))
    for table in TABLES:
        said: dict[str, Any] = {
            "rows_written": result.rows[table.name],
            "dagster/row_count": rows_of(engine, table, result.start, result.end),
            "compared": compared,
            **result.figures,
        }
        yield dg.MaterializeResult(asset_key=asset_key(table.fullname), metadata=said)
    for table in TABLES:
        key = asset_key(table.fullname)
        faults, repeated = schema_faults(engine, table), repeated_keys(engine, table, result.start, result.end)
        for name, passed, found in (
            ("schema_matches_contract", not faults, "; ".join(faults) or "none"),
            ("key_is_unique", repeated == 0, str(repeated)),
        ):
            yield dg.AssetCheckResult(asset_key=key, check_name=name, passed=passed, metadata={"found": found})


shadow_job = dg.define_asset_job(
    "shadow_job",
    selection=dg.AssetSelection.assets(*(asset_key(table.fullname) for table in TABLES)),
    partitions_def=received_days,
    description="Versions in shadow on the chosen days, beside the champion",
)
