"""What the assets of schema `ml` share. They run on request or by their own schedule, never with the lineage."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, TypedDict

import dagster as dg
import sqlalchemy as sa
from pydantic import Field

from medcode_assets.lineage import asset_key, column_lineage, column_schema, promotion_lineage
from medcode_assets.pictures import markdown_table, picture_file
from medcode_assets.stage_assets import OWNERS, Answer, answers, table_checks
from medcode_ml.contracts import metadata
from medcode_ml.contracts.ml import ModelTables, model_stage
from medcode_ml.contracts.stage import StageResult
from medcode_ml.store.checks import schema_faults

if TYPE_CHECKING:
    from medcode_ml.models.warehouse.evaluation import EvaluationResult
    from medcode_ml.models.warehouse.promotion import Gate, Promotion
    from medcode_ml.models.warehouse.versions import TrainingResult
    from medcode_ml.settings import Settings

GROUP = "models"


class Window(TypedDict):
    """Days as `run_training_set` takes them."""

    since: date | None
    recent_from: date | None


class TrainingSetConfig(dg.Config):
    """Which encounters a training set is made of, and what its test is."""

    since: str = Field(default="", description="day (2026-10-01): encounters received before are set aside; or empty")
    recent_from: str = Field(
        default="",
        description="first received day of a changed world (2026-10-01): the test is drawn from persons seen since; "
        "empty for the latest persons of all",
    )

    def window(self) -> Window:
        """Both days; None where there is none.

        Raises:
            Failure: one is no day.
        """
        return Window(since=_day("since", self.since), recent_from=_day("recent_from", self.recent_from))


def _day(name: str, written: str) -> date | None:
    try:
        return date.fromisoformat(written) if written else None
    except ValueError as wrong:
        said = f"{name} is {written!r}, which is no day: write it as 2026-10-01, or leave it empty"
        raise dg.Failure(said, allow_retries=False) from wrong


class TrainingConfig(dg.Config):
    """How a model is trained, whatever it is for."""

    parameters: dict[str, Any] = Field(default={}, description="overrides of the training's parameters, by name")
    parameters_of: str = Field(default="", description="a version whose parameters come before these overrides")
    trials: int = Field(default=0, ge=0, description="trials of a tuning before the training; 0 for none")
    reason: str = Field(default="", description="why it is trained, for the record")

    def of_kind(self) -> dict[str, Any]:
        """What the training of this kind alone asks for."""
        return {}


def model_spec(
    table: sa.Table, deps: Sequence[str], *, kinds: set[str], daily: dg.PartitionsDefinition | None = None
) -> dg.AssetSpec:
    """Spec of a table of schema `ml`, fed by the tables `deps` (`schema.table`)."""
    name = table.fullname
    return dg.AssetSpec(
        key=asset_key(name),
        deps=[asset_key(d) for d in deps],
        description=metadata.tables[name].comment,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"postgres", *kinds},
        code_version="1",
        partitions_def=daily,
        metadata={
            "dagster/table_name": name,
            "dagster/column_schema": column_schema(metadata.tables[name]),
            "dagster/column_lineage": column_lineage(name),
        },
    )


def promotion_spec(of: ModelTables) -> dg.AssetSpec:
    """Spec of the asset that moves versions of a kind on: its rows of `ml.model_stage`.

    One asset for all kinds would close a loop: what ranking and amounts learn from is coded by the coding model.
    """
    return dg.AssetSpec(
        key=asset_key(of.promotion),
        deps=[asset_key(of.evaluation.fullname)],
        description=f"{model_stage.comment}; rows of kind {of.kind}",
        group_name=GROUP,
        owners=OWNERS,
        kinds={"postgres", "python"},
        code_version="2",
        metadata={
            "dagster/table_name": model_stage.fullname,
            "dagster/column_schema": column_schema(model_stage),
            "dagster/column_lineage": promotion_lineage(of.evaluation.fullname),
        },
    )


def promotion_gate(of: ModelTables) -> dg.AssetCheckSpec:
    """The check that `promotion_answers` answers."""
    return dg.AssetCheckSpec(
        "schema_matches_contract", asset=asset_key(of.promotion), blocking=True,
        description="Columns and types are the contract's",
    )  # fmt: skip


def gate(table: sa.Table, name: str, description: str) -> dg.AssetCheckSpec:
    """A blocking check of a table of schema `ml`: what comes after it in a run waits for it."""
    return dg.AssetCheckSpec(name, asset=asset_key(table.fullname), blocking=True, description=description)


def training_set_gates(table: sa.Table, *own: tuple[str, str]) -> list[dg.AssetCheckSpec]:
    """The checks that `training_set_answers` answers, and the kind's own as (name, description)."""
    codes = gate(table, "codes_exist_in_release", "Labels to learn from are billable at discharge (rule 1)")
    return [
        *table_checks("ml", (table.name,), accounted=table.name),
        *((codes,) if "codes" in table.c else ()),
        gate(table, "patients_do_not_overlap", "No person stands in two parts of the split"),
        gate(table, "enough_labels", "Each part of all days together has enough encounters for a model"),
        *(gate(table, name, description) for name, description in own),
    ]


def evaluation_gates(table: sa.Table, *own: tuple[str, str]) -> list[dg.AssetCheckSpec]:
    """The checks of an evaluation that every kind of model has, and the kind's own as (name, description)."""
    return [
        schema_gate(table),
        gate(table, "enough_labels", "Each part has enough encounters for figures that mean something"),
        gate(table, "patients_do_not_overlap", "Nobody tested was learned from, as persons are linked now"),
        *(gate(table, name, description) for name, description in own),
        gate(
            table,
            "candidate_beats_champion",
            "Its lead over the model in use is no chance, on encounters of persons that neither of them knew; a "
            "recalibration of that model may lead by its probabilities",
        ),
    ]


def schema_gate(table: sa.Table) -> dg.AssetCheckSpec:
    """The check that `schema_result` answers."""
    return gate(table, "schema_matches_contract", "Columns and types are the contract's")


def schema_result(engine: sa.Engine, table: sa.Table) -> dg.AssetCheckResult:
    """Whether a table of schema `ml` in the database has the columns and types of its contract."""
    faults = schema_faults(engine, table)
    return answered(table, "schema_matches_contract", not faults, "; ".join(faults) or "none")


def answered(table: sa.Table | str, name: str, passed: bool, said: str) -> dg.AssetCheckResult:
    """The result of a gate of a table (or `schema.name` of an asset), with the figure behind it in words."""
    named = table if isinstance(table, str) else table.fullname
    return dg.AssetCheckResult(
        asset_key=asset_key(named), check_name=name, passed=passed, metadata={"found": said}, description=said
    )


def training_set_answers(
    engine: sa.Engine, of: ModelTables, result: StageResult, fewest: Mapping[str, int], *own: "Gate"
) -> Iterator[Answer]:
    """What a training set answers with: its rows, its accounting, and whether it can be learned from.

    `own` are gates that only this kind has.
    """
    from medcode_ml.models.warehouse.promotion import training_set_gates as gates_of_set
    from medcode_ml.models.warehouse.training_set import labels_outside_release

    table = of.training_set
    yield from answers(engine, "ml", (table.name,), table.name, result)
    if "codes" in table.c:
        said = _codes_said(labels_outside_release(engine, of, result.start, result.end))
        yield answered(table, "codes_exist_in_release", not said, said or "none outside")
    yield from _gates(table, [*gates_of_set(engine, of, fewest), *own])


def model_answers(engine: sa.Engine, of: ModelTables, result: "TrainingResult") -> Iterator[Answer]:
    """What a training answers with: the version, its model card and its pictures."""
    pictures = {path.stem: dg.MetadataValue.md(picture_file(title, path)) for title, path in result.pictures}
    links = linked(engine, of.kind, result.version)
    said = {**result.figures, "model_card": dg.MetadataValue.md(result.card), **pictures, **links}
    for table in (of.model, of.model_encounter):
        yield dg.MaterializeResult(
            asset_key=asset_key(table.fullname),
            metadata={
                "rows_written": result.rows[table.name],
                "version": result.version,
                **(said if table is of.model else {}),
            },
        )
    for table in (of.model, of.model_encounter):
        yield schema_result(engine, table)


def evaluation_answers(
    engine: sa.Engine, result: "EvaluationResult", figures: Sequence[str], gates: Iterable["Gate"]
) -> Iterator[Answer]:
    """What an evaluation answers with: the named figures by part, all figures of the whole, and its gates."""
    table = result.of.evaluation
    header = ("part", result.of.who, "value", "95% interval", "encounters")
    yield dg.MaterializeResult(
        asset_key=asset_key(table.fullname),
        metadata={
            "version": result.version,
            "dagster/row_count": len(result.figures),
            "test_encounters": result.encounters,
            **{f: dg.MetadataValue.md(markdown_table(header, result.listing(f))) for f in figures},
            "by_figure": dg.MetadataValue.md(markdown_table(*result.by_figure())),
        },
    )
    yield schema_result(engine, table)
    yield from _gates(table, gates)


def promotion_answers(engine: sa.Engine, of: ModelTables, done: "Promotion") -> Iterator[Answer]:
    """What a promotion answers with: the version, where it stands now, and the champion it replaced or runs beside."""
    yield dg.MaterializeResult(
        asset_key=asset_key(of.promotion),
        metadata={
            "version": done.version, "stage": done.stage, "champion_before": done.replaced or "none",
            "changed": done.changed, **linked(engine, of.kind, done.version),
        },
    )  # fmt: skip
    faults = schema_faults(engine, model_stage)
    yield answered(of.promotion, "schema_matches_contract", not faults, "; ".join(faults) or "none")


def linked(engine: sa.Engine, kind: str, version: str) -> dict[str, str | dg.MetadataValue]:
    """Where MLflow keeps a version: its run, its place in the model registry, and where that is."""
    from medcode_ml.lifecycle import in_mlflow
    from medcode_ml.settings import settings

    chosen = settings()
    found = in_mlflow(engine, kind, chosen.home).get(version)
    if found is None:
        return {}
    url = for_people(found.url, chosen)
    page = dg.MetadataValue.url(url) if url.startswith("http") else dg.MetadataValue.path(url)
    return {"mlflow_run": found.run or "none", "mlflow_model": f"{found.name}/{found.number}", "mlflow": page}


def for_people(address: str, chosen: "Settings") -> str:
    """An address on the MLflow server as a browser reaches it: not by the name that it has among containers."""
    inside, outside = chosen.mlflow_url, chosen.mlflow_public_url
    return outside.rstrip("/") + address.removeprefix(inside) if inside and outside else address


def _gates(table: sa.Table, gates: Iterable["Gate"]) -> Iterator[Answer]:
    for found in gates:
        yield answered(table, found.name, found.passed, found.said)


def _codes_said(outside: Iterable[tuple[str, date]]) -> str:
    return ", ".join(f"{code} on {day}" for code, day in outside)
