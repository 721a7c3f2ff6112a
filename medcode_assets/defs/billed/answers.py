"""Assets of what insurers answer: the files as they arrived, and what they say of the claims that went out."""

from collections.abc import Iterator

import dagster as dg

from medcode_assets.partitions import one_run
from medcode_assets.resources import ConfiguredInsurers, Database
from medcode_assets.stage_assets import Answer, answers, days, table_checks, table_specs
from medcode_ml.contracts.answers import READ
from medcode_ml.settings import settings

FILES = ("answer_file",)
TABLES = tuple(table.name for table in READ)
ACCOUNTED = "remittance"
# Answers of a day are for claims of that day and of the days before it, which are there when it runs.
SENT = ("billed.interchange", "billed.interchange_claim")
BEFORE = ("raw.answer_file", "raw.remittance", *SENT, "billed.claim", "billed.claim_edit", "mapped.encounter",
          "raw.payer")  # fmt: skip
# An insurer's mistake does not stop the day: what is not posted waits for a person.
BALANCE = dg.AssetCheckSpec(
    "remittances_balance",
    asset=dg.AssetKey(["billed", "remittance"]),
    description="Every payment is the sum of its claims less its provider adjustments (rule 31)",
)
MATCH = dg.AssetCheckSpec(
    "answers_match_claims",
    asset=dg.AssetKey(["billed", "remittance_claim"]),
    description="Every claim that is paid or denied is one we sent, to that payer, for that charge",
)


@dg.multi_asset(
    name="answer_files",
    specs=table_specs("raw", FILES, SENT, kinds={"x12"}),
    check_specs=table_checks("raw", FILES, accounted="answer_file"),
    backfill_policy=one_run,
    pool="postgres",
)
def answer_files(
    context: dg.AssetExecutionContext, database: Database, configured_insurers: ConfiguredInsurers
) -> Iterator[Answer]:
    """Keep the files that insurers sent; for the simulated network the simulated insurers write them (synthetic)."""
    from medcode_ml.billing.answers.arrivals import run_answer_files

    engine, (arrivals, kept) = database.engine(), configured_insurers.open()
    result = run_answer_files(engine, *days(context), arrivals, kept, settings().first_day)
    yield from answers(engine, "raw", FILES, "answer_file", result)


@dg.multi_asset(
    name="insurer_answers",
    specs=table_specs("billed", TABLES, BEFORE, kinds={"python", "x12"}),
    check_specs=[*table_checks("billed", TABLES, accounted=ACCOUNTED), BALANCE, MATCH],
    backfill_policy=one_run,
    pool="postgres",
)
def insurer_answers(
    context: dg.AssetExecutionContext, database: Database, configured_insurers: ConfiguredInsurers
) -> Iterator[Answer]:
    """Read and match what insurers answered and find the denials; what matches or balances not is set apart."""
    from medcode_ml.billing.answers.stage import run_answers
    from medcode_ml.billing.answers.verdicts import unbalanced_payments, unmatched_claims

    engine, (_, kept) = database.engine(), configured_insurers.open()
    result = run_answers(engine, *days(context), kept)
    yield from answers(engine, "billed", TABLES, ACCOUNTED, result)
    for check, found in (
        (BALANCE, unbalanced_payments(engine, result.start, result.end)),
        (MATCH, unmatched_claims(engine, result.start, result.end)),
    ):
        yield dg.AssetCheckResult(
            asset_key=check.asset_key,
            check_name=check.name,
            passed=not found,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"found": sum(found.values()), **found},
        )
