"""What the assets of every stage share: their specs, their checks and the metadata they answer with.

An asset of a stage reads its days, calls the stage's one library function and hands the result to `answers`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import dagster as dg
import sqlalchemy as sa

from medcode_assets.lineage import asset_key, column_lineage, column_schema
from medcode_assets.partitions import received_days
from medcode_assets.pictures import bar_chart, markdown_table
from medcode_ml.contracts import metadata
from medcode_ml.contracts.stage import StageResult
from medcode_ml.store.accounting import OWN, accounts
from medcode_ml.store.checks import repeated_keys, rows_of, schema_faults

OWNERS = ["team:data-engineering"]
# A stage runs when one of the stages before it has new rows for a day, also for a day that is not the last.
# Persons are of all days: a new link would set every day going. The sensor of link decisions asks for those concerned.
# A model is of all days too: one that is promoted works on what comes from then on, and on old days when asked.
OF_ALL_DAYS = dg.AssetSelection.assets(
    dg.AssetKey(["mapped", "person"]), dg.AssetKey(["ml", "coding_promotion"]), dg.AssetKey(["ml", "ranking_promotion"])
)
WHEN_EARLIER_STAGE_MOVES = (
    dg.AutomationCondition.eager().without(dg.AutomationCondition.in_latest_time_window()).ignore(OF_ALL_DAYS)
)
# The nightly delivery is through by ten in the morning, or somebody should look.
FRESH_BY_TEN = dg.FreshnessPolicy.cron(deadline_cron="0 10 * * *", lower_bound_delta=timedelta(hours=10))

Answer = dg.MaterializeResult[None] | dg.AssetCheckResult


def table_specs(
    schema: str,
    tables: Sequence[str],
    deps: Sequence[str],
    *,
    kinds: set[str],
    code_version: str = "1",
    automatic: bool = True,
) -> list[dg.AssetSpec]:
    """Specs of the tables of one stage, all fed by the tables `deps` (`schema.table`)."""
    specs = []
    for name in tables:
        table = metadata.tables[f"{schema}.{name}"]
        specs.append(
            dg.AssetSpec(
                key=dg.AssetKey([schema, name]),
                deps=[asset_key(d) for d in deps],
                description=table.comment,
                group_name=schema,
                owners=OWNERS,
                kinds={"postgres", *kinds},
                code_version=code_version,
                partitions_def=received_days,
                automation_condition=WHEN_EARLIER_STAGE_MOVES if automatic else None,
                freshness_policy=FRESH_BY_TEN,
                metadata={
                    "dagster/table_name": f"{schema}.{name}",
                    "dagster/column_schema": column_schema(table),
                    "dagster/column_lineage": column_lineage(f"{schema}.{name}"),
                },
            )
        )
    return specs


def table_checks(schema: str, tables: Sequence[str], *, accounted: str) -> list[dg.AssetCheckSpec]:
    """Blocking checks of one stage: schema and key of every table, and the accounting on the table `accounted`."""
    found = []
    for name in tables:
        key = dg.AssetKey([schema, name])
        found += [
            dg.AssetCheckSpec(
                "schema_matches_contract", asset=key, blocking=True, description="Columns and types are the contract's"
            ),
            dg.AssetCheckSpec(
                "key_is_unique", asset=key, blocking=True, description="No key of the contract stands twice in a day"
            ),
        ]
    found.append(
        dg.AssetCheckSpec(
            "accounting_balances",
            asset=dg.AssetKey([schema, accounted]),
            blocking=True,
            description="In = carried + set aside, counted from the tables",
        )
    )
    return found


def days(context: dg.AssetExecutionContext) -> tuple[date, date]:
    """First and last received day of the run."""
    keys = context.partition_key_range
    return date.fromisoformat(keys.start), date.fromisoformat(keys.end)


def answers(
    engine: sa.Engine, schema: str, tables: Sequence[str], accounted: str, result: StageResult
) -> Iterator[Answer]:
    """Materialisations with what people read, then the results of the stage's checks."""
    header, rows = result.listing
    said: dict[str, dg.MetadataValue | int | float | str] = dict(result.figures)
    if rows:
        said["what_it_did"] = dg.MetadataValue.md(markdown_table(header, rows))
        said["picture"] = dg.MetadataValue.md(bar_chart(f"{result.stage}: {header[-1]} by {header[0]}", rows))
    for name in tables:
        counted = {"dagster/row_count": rows_of(engine, metadata.tables[f"{schema}.{name}"], result.start, result.end)}
        yield dg.MaterializeResult(
            asset_key=dg.AssetKey([schema, name]),
            metadata={"rows_written": result.rows.get(name, 0), **counted, **(said if name == accounted else {})},
        )
    for name in tables:
        yield from _table_results(engine, schema, name, result)
    yield _accounting(engine, schema, accounted, result)


def _table_results(engine: sa.Engine, schema: str, name: str, result: StageResult) -> Iterator[dg.AssetCheckResult]:
    table, key = metadata.tables[f"{schema}.{name}"], dg.AssetKey([schema, name])
    faults = schema_faults(engine, table)
    yield dg.AssetCheckResult(
        asset_key=key, check_name="schema_matches_contract", passed=not faults, metadata={"faults": faults or "none"}
    )
    repeated = repeated_keys(engine, table, result.start, result.end)
    yield dg.AssetCheckResult(
        asset_key=key, check_name="key_is_unique", passed=repeated == 0, metadata={"repeated": repeated}
    )


def _accounting(engine: sa.Engine, schema: str, accounted: str, result: StageResult) -> dg.AssetCheckResult:
    own = f"{schema}.{accounted}"
    lines = accounts(engine, own if own in OWN else schema, result.start, result.end)
    table = [(a.unit, a.rows_in, a.carried, a.set_aside, "yes" if a.balances else "NO") for a in lines]
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey([schema, accounted]),
        check_name="accounting_balances",
        passed=all(a.balances for a in lines),
        metadata={
            "accounting": dg.MetadataValue.md(markdown_table(("unit", "in", "carried", "set aside", "balances"), table))
        },
    )
