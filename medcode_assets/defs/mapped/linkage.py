"""Persons behind patient records, over all days, and the sensor that lets decisions about them take effect."""

from collections.abc import Iterator

import dagster as dg

from medcode_assets.lineage import asset_key, column_lineage, column_schema
from medcode_assets.partitions import received_days
from medcode_assets.pictures import markdown_table
from medcode_assets.resources import Database
from medcode_assets.stage_assets import OWNERS, Answer
from medcode_ml.contracts import metadata
from medcode_ml.settings import settings
from medcode_ml.store.checks import schema_faults

TABLES = ("person", "person_link")


def _spec(name: str) -> dg.AssetSpec:
    table = metadata.tables[f"mapped.{name}"]
    return dg.AssetSpec(
        key=dg.AssetKey(["mapped", name]),
        # what people decide is read too; it comes in by the command line, not from an asset
        deps=[asset_key("mapped.patient"), asset_key("mapped.encounter")],
        description=table.comment,
        group_name="mapped",
        owners=OWNERS,
        kinds={"postgres", "python"},
        code_version="1",
        automation_condition=dg.AutomationCondition.eager(),
        metadata={
            "dagster/table_name": f"mapped.{name}",
            "dagster/column_schema": column_schema(table),
            "dagster/column_lineage": column_lineage(f"mapped.{name}"),
        },
    )


@dg.multi_asset(
    name="linkage",
    specs=[_spec(name) for name in TABLES],
    check_specs=[
        dg.AssetCheckSpec(
            "schema_matches_contract",
            asset=dg.AssetKey(["mapped", name]),
            blocking=True,
            description="Columns and types are the contract's",
        )
        for name in TABLES
    ],
    pool="postgres",
)
def linkage(context: dg.AssetExecutionContext, database: Database) -> Iterator[Answer]:
    """Link the patient records of all days to persons; what is not sure waits for review."""
    from medcode_ml.mapping.linkage.stage import run_linkage

    engine = database.engine()
    result = run_linkage(engine)
    said = dg.MetadataValue.md(markdown_table(("figure", "value"), list(result.figures.items())))
    for name in TABLES:
        yield dg.MaterializeResult(
            asset_key=dg.AssetKey(["mapped", name]),
            metadata={
                "dagster/row_count": result.rows[name],
                "days_with_another_person": len(result.days),
                "figures": said,
            },
        )
    for name in TABLES:
        faults = schema_faults(engine, metadata.tables[f"mapped.{name}"])
        yield dg.AssetCheckResult(
            asset_key=dg.AssetKey(["mapped", name]),
            check_name="schema_matches_contract",
            passed=not faults,
            metadata={"faults": faults or "none"},
        )


relink_job = dg.define_asset_job(
    "relink_job",
    selection=dg.AssetSelection.groups("mapped", "filtered", "coded", "ranked", "billed", "marts"),
    partitions_def=received_days,
    description="Persons anew, and what follows from them for the chosen days: after a decision about patient records",
)


@dg.sensor(
    job=relink_job,
    minimum_interval_seconds=settings().sensor_seconds,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def link_decision_sensor(context: dg.SensorEvaluationContext, database: Database) -> dg.SensorResult:
    """Ask for the days whose encounters a new decision about patient records gives another person."""
    from medcode_ml.mapping.linkage.decisions import decided_after, runs_for
    from medcode_ml.mapping.linkage.stage import days_of_decision

    engine, mark = database.engine(), context.cursor or ""
    wanted = runs_for(decided_after(engine, mark), mark, lambda pair: days_of_decision(engine, *pair))
    return dg.SensorResult(
        run_requests=[dg.RunRequest(run_key=key, partition_key=day.isoformat()) for key, day in wanted.days],
        cursor=wanted.mark,
    )
