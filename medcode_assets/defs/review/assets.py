"""The tables that coders' decisions come into, by API and file: nothing here makes them, and nothing waits for them."""

import dagster as dg

from medcode_assets.lineage import asset_key, column_lineage, column_schema
from medcode_assets.stage_assets import OWNERS
from medcode_ml.contracts import metadata

#: charts and decisions have no parents here: what coders saw is a fact of the past, and a loop in time is none of runs
TABLES = ("chart", "decision", "chart_code")


def _spec(name: str) -> dg.AssetSpec:
    table = metadata.tables[f"review.{name}"]
    return dg.AssetSpec(
        key=asset_key(table.fullname),
        deps=[asset_key("review.chart"), asset_key("review.decision")] if name == "chart_code" else [],
        description=table.comment,
        group_name="review",
        owners=OWNERS,
        kinds={"postgres"},
        code_version="1",
        metadata={
            "dagster/table_name": table.fullname,
            "dagster/column_schema": column_schema(table),
            "dagster/column_lineage": column_lineage(table.fullname),
        },
    )


@dg.definitions
def decided() -> dg.Definitions:
    """What coders decided, as facts from outside."""
    return dg.Definitions(assets=[_spec(name) for name in TABLES])
