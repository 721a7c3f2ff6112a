"""What the assets of schema `ml` share. They run on request or by their own schedule, never with the lineage."""

from collections.abc import Sequence

import dagster as dg
import sqlalchemy as sa

from medcode_assets.lineage import asset_key, column_lineage, column_schema
from medcode_assets.stage_assets import OWNERS
from medcode_ml.contracts import metadata
from medcode_ml.store.checks import schema_faults

GROUP = "models"


def model_spec(
    table: str, deps: Sequence[str], *, kinds: set[str], daily: dg.PartitionsDefinition | None = None
) -> dg.AssetSpec:
    """Spec of the table `ml.<table>`, fed by the tables `deps` (`schema.table`)."""
    name = f"ml.{table}"
    return dg.AssetSpec(
        key=asset_key(name),
        deps=[asset_key(d) for d in deps],
        description=metadata.tables[name].comment,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"postgres", *kinds},
        code_version="1",
        partitions_def=daily,
        metadata={
            "dagster/table_name": name,
            "dagster/column_schema": column_schema(metadata.tables[name]),
            "dagster/column_lineage": column_lineage(name),
        },
    )


def gate(table: str, name: str, description: str) -> dg.AssetCheckSpec:
    """A blocking check of `ml.<table>`: what comes after it in a run waits for it."""
    return dg.AssetCheckSpec(name, asset=asset_key(f"ml.{table}"), blocking=True, description=description)


def schema_gate(table: str) -> dg.AssetCheckSpec:
    """The check that `schema_result` answers."""
    return gate(table, "schema_matches_contract", "Columns and types are the contract's")


def schema_result(engine: sa.Engine, table: str) -> dg.AssetCheckResult:
    """Whether `ml.<table>` in the database has the columns and types of its contract."""
    faults = schema_faults(engine, metadata.tables[f"ml.{table}"])
    return answered(table, "schema_matches_contract", not faults, "; ".join(faults) or "none")


def answered(table: str, name: str, passed: bool, said: str) -> dg.AssetCheckResult:
    """The result of a gate, with the figure behind it in words."""
    return dg.AssetCheckResult(
        asset_key=asset_key(f"ml.{table}"), check_name=name, passed=passed, metadata={"found": said}, description=said
    )
