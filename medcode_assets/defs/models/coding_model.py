"""Assets of the coding model: trained on the whole training set, evaluated on its test, promoted if it passes."""

import sys
from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from medcode_assets.defs.models.specs import (
    TrainingConfig,
    answered,
    evaluation_answers,
    evaluation_gates,
    gate,
    model_answers,
    model_spec,
    schema_gate,
)  # fmt: skip
from medcode_assets.resources import Database
from medcode_assets.stage_assets import Answer
from medcode_ml.contracts.ml import CODING
from medcode_ml.settings import settings

TRAINED_ON = (CODING.training_set.fullname, "filtered.document", "filtered.deidentified_document")
EVALUATED_ON = (CODING.model.fullname, CODING.model_encounter.fullname, CODING.training_set.fullname,
                "filtered.document", "mapped.document_section")  # fmt: skip


class CodingTrainingConfig(TrainingConfig):
    """How the coding model is trained."""

    text_source: str = Field(
        default="documents", description="documents, or deidentified_document to learn without identifiers"
    )


@dg.multi_asset(
    name="coding_model",
    specs=[model_spec(t, TRAINED_ON, kinds={"python", "pytorch"}) for t in (CODING.model, CODING.model_encounter)],
    check_specs=[schema_gate(CODING.model), schema_gate(CODING.model_encounter)],
    pool="gpu",
)
def coding_model(
    context: dg.AssetExecutionContext, config: CodingTrainingConfig, database: Database
) -> Iterator[Answer]:
    """Train on all labelled encounters of the part to learn from; register the model and say what it learned from."""
    from medcode_ml.coding.training_run import train_from_store

    engine = database.engine()
    result = train_from_store(
        engine, settings().home, parameters=config.parameters, parameters_of=config.parameters_of or None,
        trials=config.trials, text_source=config.text_source, progress=sys.stderr.isatty(),
    )  # fmt: skip
    yield from model_answers(engine, CODING, result)


@dg.multi_asset(
    name="coding_evaluation",
    specs=[model_spec(CODING.evaluation, EVALUATED_ON, kinds={"python"})],
    check_specs=[
        *evaluation_gates(
            CODING.evaluation,
            ("candidate_beats_ontology", "Its lead in micro-F1 over the ontology coder is no chance: the lower end of "
             "the 95% interval is above 0"),
        ),
        gate(
            CODING.evaluation, "codes_exist_in_release", "Codes accepted on the test are billable at discharge (rule 1)"
        ),
    ],
    pool="postgres",
)  # fmt: skip
def coding_evaluation(context: dg.AssetExecutionContext, database: Database) -> Iterator[Answer]:
    """Code the test encounters with the newest model, the coders it is measured against, and say who codes better."""
    from medcode_ml.coding.evaluation import evaluate_from_store
    from medcode_ml.coding.promotion import gates

    engine, home = database.engine(), settings().home
    result = evaluate_from_store(engine, home)
    yield from evaluation_answers(engine, result, ("micro_f1",), gates(engine, result.version))
    outside = ", ".join(f"{code} by {coder}" for coder, code in result.outside)
    yield answered(CODING.evaluation, "codes_exist_in_release", not outside, outside or "none outside")
