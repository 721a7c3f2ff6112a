"""Assets of schema `mapped`."""

from collections.abc import Iterator

import dagster as dg

from medcode_assets.partitions import one_run
from medcode_assets.resources import Database
from medcode_assets.stage_assets import Answer, answers, days, table_checks, table_specs
from medcode_ml.contracts.raw import DELIVERED

TABLES = (
    "patient", "encounter", "provider", "payer", "document", "document_page", "document_section", "document_block",
    "copied_passage", "diagnosis", "procedure", "crosswalk", "charge", "medication", "microbiology", "observation",
    "unit_stay", "service", "unmatched",
)  # fmt: skip
ACCOUNTED = "encounter"
# Delivered tables that mapping does not read: facts that later stages and people look up.
FACTS = ("coder_label", "remittance")
BEFORE = tuple(f"raw.{name}" for name in (*DELIVERED, "page") if name not in FACTS)


@dg.multi_asset(
    name="mapping",
    specs=table_specs("mapped", TABLES, BEFORE, kinds={"python"}),
    check_specs=table_checks("mapped", TABLES, accounted=ACCOUNTED),
    backfill_policy=one_run,
    pool="postgres",
)
def mapping(context: dg.AssetExecutionContext, database: Database) -> Iterator[Answer]:
    """Match records to patients and encounters, split documents into sections, crosswalk codes."""
    from medcode_ml.mapping.stage import run_mapping

    engine = database.engine()
    yield from answers(engine, "mapped", TABLES, ACCOUNTED, run_mapping(engine, *days(context)))
