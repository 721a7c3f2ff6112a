"""Assets of schema `mart`: the views that SQL consumers read. They are always current; a run counts and shows them."""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from medcode_assets.lineage import VIEW_TABLES, asset_key, view_lineage
from medcode_assets.pictures import markdown_table
from medcode_assets.resources import Database
from medcode_assets.stage_assets import OWNERS
from medcode_ml.contracts.mart import VIEWS, View
from medcode_ml.store.views import count_views, refresh_views


def _spec(view: View) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=dg.AssetKey(["mart", view.name]),
        deps=[asset_key(t) for t in VIEW_TABLES[view.name]],
        description=view.comment,
        group_name="marts",
        owners=OWNERS,
        kinds={"postgres", "view"},
        code_version="1",
        automation_condition=dg.AutomationCondition.eager(),
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=36)),
        metadata={
            "dagster/table_name": f"mart.{view.name}",
            "dagster/column_schema": dg.TableSchema(
                columns=[dg.TableColumn(name, description=text) for name, text in view.columns.items()]
            ),
            "dagster/column_lineage": view_lineage(view.name),
        },
    )


@dg.multi_asset(name="marts", specs=[_spec(v) for v in VIEWS], pool="postgres")
def marts(context: dg.AssetExecutionContext, database: Database) -> Iterator[dg.MaterializeResult[None]]:
    """Bring the views to their present definition and count what they show."""
    engine = database.engine()
    refresh_views(engine)
    counts = count_views(engine)
    overview = markdown_table(("view", "rows"), sorted(counts.items()))
    for name, rows in counts.items():
        yield dg.MaterializeResult(
            asset_key=dg.AssetKey(["mart", name]),
            metadata={"dagster/row_count": rows, "views": dg.MetadataValue.md(overview)},
        )
