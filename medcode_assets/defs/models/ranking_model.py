"""Assets of the ranking model: trained on the whole training set, evaluated on its test, promoted if it passes."""

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
from medcode_ml.contracts.ml import RANKING
from medcode_ml.settings import settings

#: what is known of a stay besides its labels, as the stage reads it
STAYS = ("coded.encounter_code", "filtered.encounter", "filtered.procedure", "filtered.medication",
         "filtered.microbiology", "filtered.unit_stay", "filtered.service", "mapped.patient")  # fmt: skip
TRAINED_ON = (RANKING.training_set.fullname, *STAYS)
EVALUATED_ON = (RANKING.model.fullname, RANKING.model_encounter.fullname, RANKING.training_set.fullname, *STAYS)


@dg.multi_asset(
    name="ranking_model",
    specs=[model_spec(t, TRAINED_ON, kinds={"python", "pytorch"}) for t in (RANKING.model, RANKING.model_encounter)],
    check_specs=[schema_gate(RANKING.model), schema_gate(RANKING.model_encounter)],
    pool="gpu",
)
def ranking_model(
    context: dg.AssetExecutionContext, config: TrainingConfig, database: Database
) -> Iterator[Answer]:
    """Train on all coders' orders of the part to learn from; register the model and say what it learned from."""
    from medcode_ml.ranking.training_run import train_from_store

    engine = database.engine()
    result = train_from_store(
        engine,
        settings().home,
        parameters=config.parameters,
        parameters_of=config.parameters_of or None,
        trials=config.trials,
        progress=sys.stderr.isatty(),
    )
    yield from model_answers(engine, RANKING, result)


@dg.multi_asset(
    name="ranking_evaluation",
    specs=[model_spec(RANKING.evaluation, EVALUATED_ON, kinds={"python"})],
    check_specs=evaluation_gates(
        RANKING.evaluation,
        ("codes_kept", "The order adds no code and drops none"),
        ("candidate_beats_guidelines", "Its lead over the guidelines in principals found is no chance: the lower end "
         "of the 95% interval is above 0; where it finds the same ones, that of nDCG@10 is"),
    ),
    pool="postgres",
)  # fmt: skip
def ranking_evaluation(context: dg.AssetExecutionContext, database: Database) -> Iterator[Answer]:
    """Rank the test encounters with the newest model, the rankers it is measured against, and say who ranks better."""
    from medcode_ml.ranking.evaluation import NDCG, TOP1, evaluate_from_store
    from medcode_ml.ranking.promotion import gates

    engine, home = database.engine(), settings().home
    result = evaluate_from_store(engine, home)
    yield from evaluation_answers(engine, result, (TOP1, NDCG), gates(engine, result.version))
