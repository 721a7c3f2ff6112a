"""Assets of drift: days held against a frozen reference, alarms, the audit sample, and the page people look at."""

from collections.abc import Iterator

import dagster as dg

from medcode_assets.lineage import asset_key, column_lineage, column_schema
from medcode_assets.partitions import one_run, received_days
from medcode_assets.pictures import markdown_table
from medcode_assets.resources import Database
from medcode_assets.stage_assets import OWNERS, WHEN_EARLIER_STAGE_MOVES, Answer, days
from medcode_ml.contracts import metadata
from medcode_ml.store.checks import repeated_keys, rows_of, schema_faults

TABLES = ("drift_reference", "drift_reference_sketch", "drift_sketch", "drift_metric", "drift_alarm", "audit_sample")
FED_BY = (
    "filtered.encounter", "filtered.patient", "filtered.document", "coded.encounter", "coded.encounter_code",
    "ranked.encounter", "billed.claim", "billed.predicted_amount", "raw.page", "raw.scanned_record", "raw.coder_label",
)  # fmt: skip
# no model needs to be trained, no chart closed and no insurer to have answered for days to be watched: what is said of
# a day later is taken in when the days after it are evaluated
NOT_WAITED_FOR = (
    "review.chart_code", "billed.remittance_claim", "ml.coding_model", "ml.coding_model_encounter",
    "ml.ranking_model_encounter", "ml.amount_model_encounter", "ml.amount_training_set",
)  # fmt: skip
WHEN_WORKED_ON = WHEN_EARLIER_STAGE_MOVES.ignore(
    dg.AssetSelection.assets(*map(asset_key, NOT_WAITED_FOR)) | dg.AssetSelection.groups("review")
)
METRIC = dg.AssetKey(["ml", "drift_metric"])
KEYED = ("drift_metric", "drift_sketch", "audit_sample")


def _spec(name: str) -> dg.AssetSpec:
    table = metadata.tables[f"ml.{name}"]
    return dg.AssetSpec(
        key=dg.AssetKey(["ml", name]),
        deps=[asset_key(one) for one in (*FED_BY, *NOT_WAITED_FOR)],
        description=table.comment,
        group_name="drift",
        owners=OWNERS,
        kinds={"postgres", "python"},
        code_version="1",
        partitions_def=received_days,
        automation_condition=WHEN_WORKED_ON,
        metadata={
            "dagster/table_name": f"ml.{name}",
            "dagster/column_schema": column_schema(table),
            "dagster/column_lineage": column_lineage(f"ml.{name}"),
        },
    )


CHECKS = [
    *(
        dg.AssetCheckSpec(
            "schema_matches_contract", asset=dg.AssetKey(["ml", name]), blocking=True,
            description="Columns and types are the contract's",
        )
        for name in TABLES
    ),
    *(
        dg.AssetCheckSpec(
            "key_is_unique", asset=dg.AssetKey(["ml", name]), blocking=True,
            description="No key of the contract stands twice in a day",
        )
        for name in KEYED
    ),
    dg.AssetCheckSpec("no_alarm_stands", asset=METRIC, description="No drift alarm of any kind of model stands"),
]  # fmt: skip


@dg.multi_asset(
    name="drift",
    specs=[_spec(name) for name in TABLES],
    check_specs=CHECKS,
    backfill_policy=one_run,
    pool="postgres",
)
def drift(context: dg.AssetExecutionContext, database: Database) -> Iterator[Answer]:
    """Hold the days against the reference of the version that worked on them; raise alarms; draw the audit sample."""
    from medcode_assets.drift_pictures import drift_page
    from medcode_ml.drift.report import drift_reports
    from medcode_ml.drift.stage import run_drift
    from medcode_ml.store.drift_alarms import standing_alarms

    engine = database.engine()
    result = run_drift(engine, *days(context))
    standing = standing_alarms(engine, day=result.end)
    said = {
        **result.figures,
        "what_it_did": dg.MetadataValue.md(markdown_table(*result.listing)),
        "page": dg.MetadataValue.md(drift_page(drift_reports(engine, result.end))),
    }
    for name in TABLES:
        table, key = metadata.tables[f"ml.{name}"], dg.AssetKey(["ml", name])
        counted = (
            {"dagster/row_count": rows_of(engine, table, result.start, result.end)}
            if "received_date" in table.columns else {}
        )  # fmt: skip
        own = said if name == "drift_metric" else {}
        yield dg.MaterializeResult(asset_key=key, metadata={"rows_written": result.rows[name], **counted, **own})
        faults = schema_faults(engine, table)
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name="schema_matches_contract",
            passed=not faults,
            metadata={"faults": faults or "none"},
        )
        if name in KEYED:
            repeated = repeated_keys(engine, table, result.start, result.end)
            yield dg.AssetCheckResult(
                asset_key=key, check_name="key_is_unique", passed=repeated == 0, metadata={"repeated": repeated}
            )
    yield dg.AssetCheckResult(
        asset_key=METRIC,
        check_name="no_alarm_stands",
        passed=standing.empty,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"standing": len(standing)},
    )


drift_job = dg.define_asset_job(
    "drift_job",
    selection=dg.AssetSelection.assets(drift),
    partitions_def=received_days,
    description="Hold the chosen days against the reference of the models that worked on them",
)


@dg.definitions
def watching() -> dg.Definitions:
    """The drift assets and their job."""
    return dg.Definitions(assets=[drift], jobs=[drift_job])
