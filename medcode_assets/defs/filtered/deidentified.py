"""The asset of de-identified documents: on request only, no automation, no schedule."""

import dagster as dg

from medcode_assets.lineage import asset_key, column_lineage, column_schema
from medcode_assets.partitions import one_run, received_days
from medcode_assets.pictures import bar_chart, markdown_table
from medcode_assets.resources import Database
from medcode_assets.stage_assets import OWNERS, days
from medcode_ml.contracts import metadata

TABLE = "filtered.deidentified_document"
BEFORE = ("filtered.document", "filtered.encounter", "filtered.patient", "raw.hospital", "raw.clinician")


@dg.asset(
    key=asset_key(TABLE),
    deps=[asset_key(d) for d in BEFORE],
    description=metadata.tables[TABLE].comment,
    group_name="deidentified",
    owners=OWNERS,
    kinds={"postgres", "python", "spacy"},
    code_version="1",
    partitions_def=received_days,
    backfill_policy=one_run,
    pool="postgres",
    metadata={
        "dagster/table_name": TABLE,
        "dagster/column_schema": column_schema(metadata.tables[TABLE]),
        "dagster/column_lineage": column_lineage(TABLE),
    },
)
def deidentified_document(context: dg.AssetExecutionContext, database: Database) -> dg.MaterializeResult[None]:
    """Replace the identifiers of the safe harbour list in the day's documents; years stay."""
    from medcode_ml.filtering.deidentify.stage import run_deidentify

    result = run_deidentify(database.engine(), *days(context))
    header, rows = result.listing
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": result.rows["deidentified_document"],
            **result.figures,
            "what_it_did": dg.MetadataValue.md(markdown_table(header, rows)),
            "picture": dg.MetadataValue.md(bar_chart("identifiers replaced by kind", rows)),
        }
    )
