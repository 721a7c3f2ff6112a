"""Assets of the coding model: trained on the whole training set, evaluated on its test, promoted if it passes."""

import sys
from collections.abc import Iterator
from typing import Any

import dagster as dg
from pydantic import Field

from medcode_assets.defs.models.specs import answered, gate, model_spec, schema_gate, schema_result
from medcode_assets.lineage import asset_key
from medcode_assets.pictures import markdown_table, picture_file
from medcode_assets.resources import Database
from medcode_assets.stage_assets import Answer
from medcode_ml.settings import settings

MODEL, ENCOUNTERS, EVALUATION, PROMOTION = (
    "coding_model", "coding_model_encounter", "coding_evaluation", "coding_promotion",
)  # fmt: skip
TRAINED_ON = ("ml.coding_training_set", "filtered.document", "filtered.deidentified_document")
EVALUATED_ON = ("ml.coding_model", "ml.coding_model_encounter", "ml.coding_training_set", "filtered.document",
                "mapped.document_section")  # fmt: skip


class TrainingConfig(dg.Config):
    """How the coding model is trained."""

    parameters: dict[str, Any] = Field(default={}, description="overrides of the training's parameters, by name")
    text_source: str = Field(
        default="documents", description="documents, or deidentified_document to learn without identifiers"
    )


class PromotionConfig(dg.Config):
    """Which version is promoted, and why."""

    version: str = Field(default="", description="a version of ml.coding_model; empty for the newest")
    note: str = Field(default="", description="why, for the record")


@dg.multi_asset(
    name="coding_model",
    specs=[model_spec(name, TRAINED_ON, kinds={"python", "pytorch"}) for name in (MODEL, ENCOUNTERS)],
    check_specs=[schema_gate(MODEL), schema_gate(ENCOUNTERS)],
    pool="gpu",
)
def coding_model(context: dg.AssetExecutionContext, config: TrainingConfig, database: Database) -> Iterator[Answer]:
    """Train on all labelled encounters of the part to learn from; register the model and say what it learned from."""
    from medcode_ml.coding.training_run import train_from_store

    engine = database.engine()
    result = train_from_store(
        engine, settings().home, parameters=config.parameters, text_source=config.text_source,
        progress=sys.stderr.isatty(),
    )  # fmt: skip
    pictures = {path.stem: dg.MetadataValue.md(picture_file(title, path)) for title, path in result.pictures}
    said = {"version": result.version, **result.figures, "model_card": dg.MetadataValue.md(result.card), **pictures}
    for name in (MODEL, ENCOUNTERS):
        yield dg.MaterializeResult(
            asset_key=asset_key(f"ml.{name}"),
            metadata={"rows_written": result.rows[name], **(said if name == MODEL else {"version": result.version})},
        )
    for name in (MODEL, ENCOUNTERS):
        yield schema_result(engine, name)


@dg.multi_asset(
    name="coding_evaluation",
    specs=[model_spec(EVALUATION, EVALUATED_ON, kinds={"python"})],
    check_specs=[
        schema_gate(EVALUATION),
        gate(EVALUATION, "codes_exist_in_release", "Codes accepted on the test are billable at discharge (rule 1)"),
        gate(EVALUATION, "enough_labels", "Each part has enough encounters for figures that mean something"),
        gate(EVALUATION, "patients_do_not_overlap", "Nobody tested was learned from, as persons are linked now"),
        gate(EVALUATION, "candidate_beats_ontology", "Its lead in micro-F1 over the ontology coder is no chance: "
             "the lower end of the 95% interval is above 0"),
        gate(EVALUATION, "candidate_beats_champion", "It is at least as good as the model in use, on the same test"),
    ],
    pool="postgres",
)  # fmt: skip
def coding_evaluation(context: dg.AssetExecutionContext, database: Database) -> Iterator[Answer]:
    """Code the test encounters with the newest model, the coders it is measured against, and say who codes better."""
    from medcode_ml.coding.evaluation import evaluate_from_store
    from medcode_ml.coding.promotion import gates

    engine = database.engine()
    result = evaluate_from_store(engine, settings().home)
    header = ("documents", "coder", "micro-F1", "95% interval", "encounters")
    yield dg.MaterializeResult(
        asset_key=asset_key(f"ml.{EVALUATION}"),
        metadata={
            "version": result.version,
            "dagster/row_count": len(result.figures),
            "test_encounters": result.encounters,
            "micro_f1": dg.MetadataValue.md(markdown_table(header, result.listing())),
            "by_figure": dg.MetadataValue.md(markdown_table(*result.by_figure())),
        },
    )
    yield schema_result(engine, EVALUATION)
    outside = ", ".join(f"{code} by {coder}" for coder, code in result.outside)
    yield answered(EVALUATION, "codes_exist_in_release", not outside, outside or "none outside")
    for found in gates(engine, settings().home, result.version):
        yield answered(EVALUATION, found.name, found.passed, found.said)


@dg.multi_asset(
    name="coding_promotion",
    specs=[model_spec(PROMOTION, ("ml.coding_evaluation",), kinds={"python"})],
    check_specs=[schema_gate(PROMOTION)],
    pool="postgres",
)
def coding_promotion(
    context: dg.AssetExecutionContext, config: PromotionConfig, database: Database
) -> Iterator[Answer]:
    """Let the evaluated model code from the next run on. A model that fails a gate is refused, however it is asked."""
    from medcode_ml.coding.promotion import promote_from_store

    engine = database.engine()
    done = promote_from_store(
        engine, settings().home, version=config.version or None, by="asset ml/coding_promotion", note=config.note
    )
    yield dg.MaterializeResult(
        asset_key=asset_key(f"ml.{PROMOTION}"),
        metadata={"version": done.version, "replaced": done.replaced or "none", "changed": done.changed},
    )
    yield schema_result(engine, PROMOTION)
