"""The assets that make a model of each kind from its training set, and measure it on its test.

What a kind learns and how it is measured is its room's in the library; here stands what differs between the assets.
"""

import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

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
)
from medcode_assets.resources import Database
from medcode_assets.stage_assets import Answer
from medcode_ml.contracts.ml import AMOUNT, CODING, RANKING, ModelTables
from medcode_ml.settings import settings

#: what is known of a stay besides its labels, as ranking reads it
STAYS = ("coded.encounter_code", "filtered.encounter", "filtered.procedure", "filtered.medication",
         "filtered.microbiology", "filtered.unit_stay", "filtered.service", "mapped.patient")  # fmt: skip
IN_RELEASE = "codes_exist_in_release"


class CodingTrainingConfig(TrainingConfig):
    """How the coding model is trained."""

    text_source: str = Field(
        default="documents", description="documents, or deidentified_document to learn without identifiers"
    )

    def of_kind(self) -> dict[str, Any]:
        """Which texts are learned from."""
        return {"text_source": self.text_source}


def _model(
    of: ModelTables, room: str, deps: Sequence[str], settled: type[TrainingConfig] = TrainingConfig
) -> dg.AssetsDefinition:
    """The asset of trained models: `train_from_store` of the `room`, configured by `settled`."""
    tables = (of.model, of.model_encounter)

    @dg.multi_asset(
        name=of.model.name,
        specs=[model_spec(t, (of.training_set.fullname, *deps), kinds={"python", "pytorch"}) for t in tables],
        check_specs=[schema_gate(t) for t in tables],
        pool="gpu",
    )
    def model(
        context: dg.AssetExecutionContext,
        config: settled,  # type: ignore[valid-type]
        database: Database,
    ) -> Iterator[Answer]:
        """Train on the part to learn from, register the model as a candidate, and say what it learned from."""
        given: TrainingConfig = config
        engine = database.engine()
        result = import_module(f"{room}.training_run").train_from_store(
            engine, settings().home, parameters=given.parameters, parameters_of=given.parameters_of or None,
            trials=given.trials, reason=given.reason, progress=sys.stderr.isatty(), **given.of_kind(),
        )  # fmt: skip
        yield from model_answers(engine, of, result)

    return model


def _evaluation(of: ModelTables, room: str, deps: Sequence[str], *own: tuple[str, str]) -> dg.AssetsDefinition:
    """The asset of evaluations: `evaluate_from_store` of the `room` and its gates, `own` as (name, description)."""
    table = of.evaluation
    fed_by = (of.model.fullname, of.model_encounter.fullname, of.training_set.fullname, *deps)
    in_release = gate(table, IN_RELEASE, "Codes accepted on the test are billable at discharge (rule 1)")

    @dg.multi_asset(
        name=table.name,
        specs=[model_spec(table, fed_by, kinds={"python"})],
        check_specs=[*evaluation_gates(table, *own), *((in_release,) if of is CODING else ())],
        pool="postgres",
    )
    def evaluation(context: dg.AssetExecutionContext, database: Database) -> Iterator[Answer]:
        """Let the newest model and what it is measured against work on its test, and say which of them is better."""
        measuring = import_module(f"{room}.evaluation")
        engine = database.engine()
        result = measuring.evaluate_from_store(engine, settings().home)
        gates = import_module(f"{room}.promotion").gates(engine, result.version)
        yield from evaluation_answers(engine, result, measuring.SHOWN, gates)
        if of is CODING:
            outside = ", ".join(f"{code} by {coder}" for coder, code in result.outside)
            yield answered(table, IN_RELEASE, not outside, outside or "none outside")

    return evaluation


coding_model = _model(
    CODING, "medcode_ml.coding", ("filtered.document", "filtered.deidentified_document"), CodingTrainingConfig
)
coding_evaluation = _evaluation(
    CODING,
    "medcode_ml.coding",
    ("filtered.document", "mapped.document_section"),
    ("candidate_beats_ontology", "Its lead in micro-F1 over the ontology coder is no chance: the lower end of the 95% "
     "interval is above 0"),
)  # fmt: skip
ranking_model = _model(RANKING, "medcode_ml.ranking", STAYS)
ranking_evaluation = _evaluation(
    RANKING,
    "medcode_ml.ranking",
    STAYS,
    ("codes_kept", "The order adds no code and drops none"),
    ("candidate_beats_guidelines", "Its lead over the guidelines in principals found is no chance: the lower end of "
     "the 95% interval is above 0; where it finds the same ones, that of nDCG@10 is"),
)  # fmt: skip
amount_model = _model(AMOUNT, "medcode_ml.billing.amounts", ("raw.hospital",))
amount_evaluation = _evaluation(
    AMOUNT,
    "medcode_ml.billing.amounts",
    ("raw.hospital",),
    ("intervals_hold", "Of charges and payments the 90% intervals hold 85 to 95% of the claims tested"),
    ("candidate_beats_drg_mean", "Its lead in charges over the hospital's mean of the DRG is no chance, and its "
     "payments are no worse"),
)  # fmt: skip
