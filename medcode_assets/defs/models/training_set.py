"""The assets of the training sets: a day's labels or claims, split with those of all other days.

Their configuration says from when on encounters count and from when on the world is another; see `TrainingSetConfig`.
"""

from collections.abc import Iterator

import dagster as dg

from medcode_assets.defs.models.specs import TrainingSetConfig, model_spec, training_set_answers, training_set_gates
from medcode_assets.partitions import one_run, received_days
from medcode_assets.resources import Database
from medcode_assets.stage_assets import Answer, days
from medcode_ml.contracts import ml

# what a claim was charged and paid is known downstream: billing prices by the model promoted before, so the loop is one
# in time and not in the graph
CLAIMS = ("billed.claim", "billed.remittance_claim", "filtered.encounter", "mapped.person", "raw.hospital")
LABELS = ("raw.coder_label", "mapped.encounter", "mapped.person", "filtered.encounter", "filtered.diagnosis",
          "review.chart_code")  # fmt: skip


@dg.multi_asset(
    name="coding_training_set",
    specs=[model_spec(ml.coding_training_set, (*LABELS, "filtered.document"), kinds={"python"}, daily=received_days)],
    check_specs=training_set_gates(ml.coding_training_set),
    backfill_policy=one_run,
    pool="postgres",
)
def coding_training_set(
    context: dg.AssetExecutionContext, config: TrainingSetConfig, database: Database
) -> Iterator[Answer]:
    """Take in the encounters that coders labelled, and split all days anew by person."""
    from medcode_ml.coding.promotion import FEWEST
    from medcode_ml.coding.training_set import run_training_set

    engine = database.engine()
    result = run_training_set(engine, *days(context), **config.window())
    yield from training_set_answers(engine, ml.CODING, result, FEWEST)


@dg.multi_asset(
    name="ranking_training_set",
    specs=[model_spec(ml.ranking_training_set, LABELS, kinds={"python"}, daily=received_days)],
    check_specs=training_set_gates(ml.ranking_training_set),
    backfill_policy=one_run,
    pool="postgres",
)
def ranking_training_set(
    context: dg.AssetExecutionContext, config: TrainingSetConfig, database: Database
) -> Iterator[Answer]:
    """Take in the encounters that coders put in order, and split all days anew by person."""
    from medcode_ml.ranking.promotion import FEWEST
    from medcode_ml.ranking.training_set import run_training_set

    engine = database.engine()
    result = run_training_set(engine, *days(context), **config.window())
    yield from training_set_answers(engine, ml.RANKING, result, FEWEST)


@dg.multi_asset(
    name="amount_training_set",
    specs=[model_spec(ml.amount_training_set, CLAIMS, kinds={"python"}, daily=received_days)],
    check_specs=training_set_gates(
        ml.amount_training_set,
        ("enough_hospitals", "Own hospitals and those of the sources named in the settings are enough to compare"),
    ),
    backfill_policy=one_run,
    pool="postgres",
)
def amount_training_set(
    context: dg.AssetExecutionContext, config: TrainingSetConfig, database: Database
) -> Iterator[Answer]:
    """Take in the claims with what was charged and paid, and split all days anew by person."""
    from medcode_ml.billing.amounts.promotion import FEWEST
    from medcode_ml.billing.amounts.training_run import hospitals_gate
    from medcode_ml.billing.amounts.training_set import run_training_set

    engine = database.engine()
    result = run_training_set(engine, *days(context), **config.window())
    yield from training_set_answers(engine, ml.AMOUNT, result, FEWEST, hospitals_gate(engine))
