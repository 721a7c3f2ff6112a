"""Assets of the claims that go out: 837 files, one for each payer, claim type and day, and which claim is in which."""

from collections.abc import Iterator

import dagster as dg

from medcode_assets.partitions import one_run
from medcode_assets.resources import Database
from medcode_assets.stage_assets import Answer, answers, days, table_checks, table_specs
from medcode_ml.settings import settings

TABLES = ("interchange", "interchange_claim")
ACCOUNTED = "interchange"
BEFORE = ("billed.claim", "billed.claim_edit", "ranked.encounter_code", "filtered.encounter", "filtered.charge",
          "filtered.procedure", "mapped.patient", "raw.hospital", "raw.clinician", "raw.payer")  # fmt: skip
VALID = dg.AssetCheckSpec(
    "interchanges_are_valid",
    asset=dg.AssetKey(["billed", "interchange"]),
    blocking=True,
    description="Every 837 file passes the implementation guide's validator",
)


@dg.multi_asset(
    name="claim_files",
    specs=table_specs("billed", TABLES, BEFORE, kinds={"python", "x12"}),
    check_specs=[*table_checks("billed", TABLES, accounted=ACCOUNTED), VALID],
    backfill_policy=one_run,
    pool="postgres",
)
def claim_files(context: dg.AssetExecutionContext, database: Database) -> Iterator[Answer]:
    """Write the ready claims as 837 files into the outbox; the same claims make the same bytes."""
    from medcode_ml.billing.files import invalid_interchanges, run_claim_files

    engine = database.engine()
    result = run_claim_files(engine, *days(context), settings().outbox_dir)
    yield from answers(engine, "billed", TABLES, ACCOUNTED, result)
    invalid = invalid_interchanges(engine, result.start, result.end)
    yield dg.AssetCheckResult(
        asset_key=VALID.asset_key, check_name=VALID.name, passed=not invalid, metadata={"invalid": invalid or "none"}
    )
