"""The Dagster definitions as a deployment sees them: both location files name a module that loads, and all is there."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import dagster as dg
import pytest
import yaml

from medcode_assets.stage_assets import OWNERS
from medcode_ml.contracts import STAGE_SCHEMAS, metadata
from medcode_ml.contracts.mart import VIEWS
from medcode_ml.settings import settings

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    from medcode_assets.definitions import defs

    return defs()


def test_both_location_files_name_the_same_location_and_a_module_that_loads() -> None:
    workspace = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"][0]["python_module"]
    cloud = yaml.safe_load((ROOT / "dagster_cloud.yaml").read_text())["locations"][0]
    assert workspace["location_name"] == cloud["location_name"] == "medcode"
    assert workspace["module_name"] == cloud["code_source"]["module_name"]
    assert import_module(workspace["module_name"]).defs


def test_every_table_and_view_is_an_asset_with_owner_kind_schema_and_lineage(defs: dg.Definitions) -> None:
    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
    tables = {f"{t.schema}/{t.name}" for t in metadata.tables.values() if t.schema in (*STAGE_SCHEMAS, "ml")}
    # what moves the versions of a kind is an asset of the kind: one for all would close a loop through what they learn
    registry = {"ml/model", "ml/model_stage"}
    promotions = {f"ml/{kind}_promotion" for kind in ("coding", "ranking", "amount")}
    tables = tables - registry | promotions
    topics = {f"kafka/{name}" for name in ("scanned_record", "request", "reply", "event", "dead_letter")}
    decided = {"review/chart", "review/decision", "review/chart_code"}
    assert set(specs) == tables | {f"mart/{v.name}" for v in VIEWS} | {"served/event"} | topics | decided
    for name, spec in specs.items():
        if name in topics:
            assert (spec.owners, spec.kinds, bool(spec.description)) == (OWNERS, {"kafka", "json"}, True), name
            continue
        assert spec.owners, name
        assert "postgres" in spec.kinds, name
        assert spec.description, name
        assert spec.code_version, name
        assert {"dagster/table_name", "dagster/column_schema", "dagster/column_lineage"} <= set(spec.metadata), name


def test_stage_tables_are_partitioned_by_day_and_a_range_is_one_run(defs: dg.Definitions) -> None:
    for assets in defs.resolve_asset_graph().assets_defs:
        names = [".".join(key.path) for key in assets.keys]
        if names and names[0] in metadata.tables and "received_date" in metadata.tables[names[0]].columns:
            assert isinstance(assets.partitions_def, dg.DailyPartitionsDefinition)
            if not assets.is_executable:
                continue  # filled outside Dagster, from Kafka
            assert assets.backfill_policy == dg.BackfillPolicy.single_run()


def test_wrong_data_does_not_go_on(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    blocking = {key.name for key in graph.asset_check_keys if graph.get_check_spec(key).blocking}
    assert blocking == {
        "schema_matches_contract", "key_is_unique", "accounting_balances", "codes_exist_in_release",
        "interchanges_are_valid", "rules_fire_as_usual", "patients_do_not_overlap", "enough_labels",
        "candidate_beats_ontology", "candidate_beats_champion", "candidate_beats_guidelines", "codes_kept",
        "enough_hospitals", "intervals_hold", "candidate_beats_drg_mean",
    }  # fmt: skip


def test_training_is_asked_for_and_never_comes_with_the_lineage(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    models = {key for key in graph.get_all_asset_keys() if graph.get(key).group_name == "models"}
    own = {
        kind: {
            f"ml/{kind}_{table}" for table in ("training_set", "model", "model_encounter", "evaluation", "promotion")
        }
        for kind in ("coding", "ranking", "amount")
    }
    assert {key.to_user_string() for key in models} == set().union(*own.values())
    assert all(graph.get(key).automation_condition is None for key in models)
    lineage = defs.resolve_job_def("lineage_job").asset_layer.executable_asset_keys
    assert not models & set(lineage)
    for kind, tables in own.items():
        asked = defs.resolve_job_def(f"{kind}_model_job").asset_layer.executable_asset_keys
        assert {key.to_user_string() for key in asked} == tables, "one kind is trained without the other"
    sensor = defs.resolve_sensor_def("automation_sensor")
    assert isinstance(sensor, dg.AutomationConditionSensorDefinition)
    assert not models & sensor.asset_selection.resolve(graph)


@pytest.mark.parametrize("kind", ["coding", "ranking", "amount"])
def test_the_weekly_training_is_off_until_asked_for_and_takes_every_day(defs: dg.Definitions, kind: str) -> None:
    schedule = defs.resolve_schedule_def(f"weekly_{kind}_model_schedule")
    assert schedule.job_name == f"{kind}_model_job"
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
    with dg.build_schedule_context(scheduled_execution_time=datetime(2026, 11, 22, tzinfo=UTC)) as context:
        (asked,) = schedule.evaluate_tick(context).run_requests or []
    assert asked.tags["dagster/asset_partition_range_start"] == settings().first_day.isoformat()
    assert asked.tags["dagster/asset_partition_range_end"] >= datetime.now(UTC).date().isoformat()


def test_jobs_schedule_and_sensor_are_there(defs: dg.Definitions) -> None:
    names = {job.name for job in defs.resolve_all_job_defs()}
    assert {"lineage_job", "intake_job", "mapping_job", "filtering_job", "coding_job", "ranking_job", "billing_job",
            "marts_job"} <= names  # fmt: skip
    assert defs.resolve_schedule_def("nightly_schedule").cron_schedule == "30 2 * * *"
    sensor = defs.resolve_sensor_def("automation_sensor")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING


def test_an_earlier_stage_that_moves_sets_the_later_ones_going_and_nothing_else_does(tmp_path: Path) -> None:
    """The automation condition of the stages, on two small assets: one new upstream day asks for that day alone."""
    from medcode_assets.stage_assets import WHEN_EARLIER_STAGE_MOVES

    days = dg.DailyPartitionsDefinition(start_date="2026-10-01", end_date="2026-10-05")

    @dg.asset(partitions_def=days)
    def earlier() -> None: ...

    @dg.asset(partitions_def=days, deps=[earlier], automation_condition=WHEN_EARLIER_STAGE_MOVES)
    def later() -> None: ...

    small = dg.Definitions(assets=[earlier, later])
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        first = dg.evaluate_automation_conditions(small, instance)
        assert first.total_requested == 0
        instance.report_runless_asset_event(dg.AssetMaterialization("earlier", partition="2026-10-02"))
        second = dg.evaluate_automation_conditions(small, instance, cursor=first.cursor)
        assert second.get_requested_partitions(dg.AssetKey("later")) == {"2026-10-02"}
        third = dg.evaluate_automation_conditions(small, instance, cursor=second.cursor)
        assert third.total_requested == 0
