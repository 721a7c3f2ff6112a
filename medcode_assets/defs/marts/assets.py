"""Assets of schema `mart`: the views that SQL consumers read. They are always current; a run counts and shows them."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import dagster as dg

from medcode_assets.lineage import VIEW_TABLES, asset_key, view_lineage
from medcode_assets.pictures import bar_chart, markdown_table, paired_bars
from medcode_assets.resources import Database
from medcode_assets.review_page import review_page
from medcode_assets.stage_assets import OWNERS
from medcode_ml.contracts.mart import VIEWS, View
from medcode_ml.feedback.report import feedback_report
from medcode_ml.store.revenue import denials_by_reason, expected_by_payer
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
        # decisions come in one by one, by no run: what they are counted with moves the views
        automation_condition=dg.AutomationCondition.eager().ignore(dg.AssetSelection.groups("review")),
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
    shown = {"denial_reason": _denials(denials_by_reason(engine)),
             "expected_against_paid": _payments(expected_by_payer(engine)),
             "review_figure": {"page": review_page(feedback_report(engine, hospital="all"))}}  # fmt: skip
    for name, rows in counts.items():
        said = {"views": overview, **shown.get(name, {})}
        yield dg.MaterializeResult(
            asset_key=dg.AssetKey(["mart", name]),
            metadata={"dagster/row_count": rows, **{k: dg.MetadataValue.md(text) for k, text in said.items()}},
        )


def _denials(reasons: list[tuple[str, int, Decimal]]) -> dict[str, str]:
    """Denials by reason, as a table and a picture; nothing where nothing was denied."""
    if not reasons:
        return {}
    table = [(key, n, f"{amount:,.2f}") for key, n, amount in reasons]
    bars = [(key, float(amount)) for key, _, amount in reasons]
    return {
        "denials": markdown_table(("group-CARC-RARC", "denials", "US dollars"), table),
        "picture": bar_chart("denied by reason, US dollars", bars),
    }


def _payments(payers: list[tuple[str, int, Decimal, Decimal]]) -> dict[str, str]:
    """What was expected of each payer beside what it allowed; nothing where nothing was answered."""
    if not payers:
        return {}
    table = [(payer, n, f"{expected:,.2f}", f"{allowed:,.2f}") for payer, n, expected, allowed in payers]
    bars = [(payer, float(expected), float(allowed)) for payer, _, expected, allowed in payers]
    return {
        "payments": markdown_table(("payer", "claims paid or denied", "expected", "allowed"), table),
        "picture": paired_bars("expected and allowed by payer, US dollars", ("expected", "allowed"), bars),
    }
