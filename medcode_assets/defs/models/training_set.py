"""The asset of the coding model's training set: a day's labels, split with those of all other days."""

from collections.abc import Iterator

import dagster as dg

from medcode_assets.defs.models.specs import answered, gate, model_spec
from medcode_assets.partitions import one_run, received_days
from medcode_assets.resources import Database
from medcode_assets.stage_assets import Answer, answers, days, table_checks

TABLE = "coding_training_set"
BEFORE = ("raw.coder_label", "mapped.encounter", "mapped.person", "filtered.encounter", "filtered.document",
          "filtered.diagnosis")  # fmt: skip


@dg.multi_asset(
    name="training_set",
    specs=[model_spec(TABLE, BEFORE, kinds={"python"}, daily=received_days)],
    check_specs=[
        *table_checks("ml", (TABLE,), accounted=TABLE),
        gate(TABLE, "codes_exist_in_release", "Labels to learn from are billable at discharge (rule 1)"),
        gate(TABLE, "patients_do_not_overlap", "No person stands in two parts of the split"),
        gate(TABLE, "enough_labels", "Each part of all days together has enough encounters for a model"),
    ],
    backfill_policy=one_run,
    pool="postgres",
)
def training_set(context: dg.AssetExecutionContext, database: Database) -> Iterator[Answer]:
    """Take in the encounters that coders labelled, and split all days anew by person and time."""
    from medcode_ml.coding.promotion import labels_gate, persons_in_two_parts, training_set_counts
    from medcode_ml.coding.training_set import labels_outside_release, run_training_set

    engine = database.engine()
    result = run_training_set(engine, *days(context))
    yield from answers(engine, "ml", (TABLE,), TABLE, result)
    outside = labels_outside_release(engine, result.start, result.end)
    said = ", ".join(f"{code} on {day}" for code, day in outside) or "none outside"
    yield answered(TABLE, "codes_exist_in_release", not outside, said)
    overlap = persons_in_two_parts(engine)
    yield answered(TABLE, "patients_do_not_overlap", overlap == 0, f"{overlap} persons in more than one part")
    enough = labels_gate(training_set_counts(engine))
    yield answered(TABLE, enough.name, enough.passed, enough.said)
