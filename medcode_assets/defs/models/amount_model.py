"""Assets of the amount model: trained on claims and public cases, evaluated on kept claims, promoted if it passes."""

import sys
from collections.abc import Iterator

import dagster as dg

from medcode_assets.defs.models.specs import (
    TrainingConfig,
    evaluation_answers,
    evaluation_gates,
    model_answers,
    model_spec,
    schema_gate,
)  # fmt: skip
from medcode_assets.resources import Database
from medcode_assets.stage_assets import Answer
from medcode_ml.contracts.ml import AMOUNT
from medcode_ml.settings import settings

TRAINED_ON = (AMOUNT.training_set.fullname, "raw.hospital")
EVALUATED_ON = (AMOUNT.model.fullname, AMOUNT.model_encounter.fullname, *TRAINED_ON)


@dg.multi_asset(
    name="amount_model",
    specs=[model_spec(t, TRAINED_ON, kinds={"python", "pytorch"}) for t in (AMOUNT.model, AMOUNT.model_encounter)],
    check_specs=[schema_gate(AMOUNT.model), schema_gate(AMOUNT.model_encounter)],
    pool="gpu",
)
def amount_model(
    context: dg.AssetExecutionContext, config: TrainingConfig, database: Database
) -> Iterator[Answer]:
    """Train on the claims to learn from and the sources of the settings; register the model."""
    from medcode_ml.billing.amounts.training_run import train_from_store

    engine = database.engine()
    result = train_from_store(
        engine,
        settings().home,
        parameters=config.parameters,
        parameters_of=config.parameters_of or None,
        trials=config.trials,
        progress=sys.stderr.isatty(),
    )
    yield from model_answers(engine, AMOUNT, result)


@dg.multi_asset(
    name="amount_evaluation",
    specs=[model_spec(AMOUNT.evaluation, EVALUATED_ON, kinds={"python"})],
    check_specs=evaluation_gates(
        AMOUNT.evaluation,
        ("intervals_hold", "Of charges and payments the 90% intervals hold 85 to 95% of the claims tested"),
        ("candidate_beats_drg_mean", "Its lead in charges over the hospital's mean of the DRG is no chance, and its "
         "payments are no worse"),
    ),
    pool="postgres",
)  # fmt: skip
def amount_evaluation(context: dg.AssetExecutionContext, database: Database) -> Iterator[Answer]:
    """Price the test claims with the newest model and what it is measured against, and say who prices better."""
    from medcode_ml.billing.amounts.cases import TARGETS
    from medcode_ml.billing.amounts.evaluation import COVERAGE, MAPE, evaluate_from_store, figure_name
    from medcode_ml.billing.amounts.promotion import gates

    engine, home = database.engine(), settings().home
    result = evaluate_from_store(engine, home)
    shown = [figure_name(target, figure) for target in TARGETS for figure in (MAPE, COVERAGE)]
    yield from evaluation_answers(engine, result, shown, gates(engine, result.version))
