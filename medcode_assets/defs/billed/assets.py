"""Assets of schema `billed`."""

from collections.abc import Iterator

import dagster as dg

from medcode_assets.partitions import one_run
from medcode_assets.resources import Database
from medcode_assets.stage_assets import Answer, answers, days, table_checks, table_specs
from medcode_ml.settings import settings

TABLES = ("claim", "claim_line", "claim_edit", "payment_factor", "what_if", "predicted_amount")
ACCOUNTED = "claim"
BEFORE = (
    "ranked.encounter", "ranked.encounter_code", "filtered.encounter", "filtered.procedure", "filtered.charge",
    "filtered.quarantine", "mapped.patient", "raw.hospital", "raw.clinician", "raw.payer",
)  # fmt: skip


@dg.multi_asset(
    name="billing",
    specs=table_specs("billed", TABLES, BEFORE, kinds={"python"}),
    check_specs=table_checks("billed", TABLES, accounted=ACCOUNTED),
    backfill_policy=one_run,
    pool="postgres",
)
def billing(context: dg.AssetExecutionContext, database: Database) -> Iterator[Answer]:
    """Edit, group and price every ranked encounter: a claim ready, or held with what holds it; what-ifs for review."""
    from medcode_ml.billing.payers import load_payers
    from medcode_ml.billing.stage import run_billing

    engine = database.engine()
    result = run_billing(engine, *days(context), load_payers(settings().payers_file))
    yield from answers(engine, "billed", TABLES, ACCOUNTED, result)
