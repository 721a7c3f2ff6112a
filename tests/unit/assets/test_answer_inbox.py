"""The sensor of insurers' answers: asks for the days that files came for, once."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from medcode_assets.definitions import defs
from medcode_ml.settings import settings


def test_the_inbox_sensor_asks_once_for_a_day_that_a_file_came_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDCODE_ANSWERS_DIR", str(tmp_path))
    settings.cache_clear()
    try:
        sensor = defs().resolve_sensor_def("answer_inbox_sensor")
        for day in ("2026-10-05", "2099-01-01"):
            (tmp_path / day).mkdir()
            (tmp_path / day / "a").write_bytes(b"x")
        with dg.build_sensor_context(definitions=defs()) as context:
            asked = sensor.evaluate_tick(context)
        assert [one.partition_key for one in asked.run_requests or []] == ["2026-10-05"]
        with dg.build_sensor_context(definitions=defs(), cursor=asked.cursor) as context:
            assert not sensor.evaluate_tick(context).run_requests
    finally:
        settings.cache_clear()


def test_the_answers_job_runs_files_before_what_they_say() -> None:
    graph = defs().resolve_asset_graph()
    files, payment = dg.AssetKey(["raw", "answer_file"]), dg.AssetKey(["billed", "remittance"])
    assert {files, payment} <= set(defs().resolve_job_def("answers_job").asset_layer.executable_asset_keys)
    assert files in graph.get(payment).parent_keys
    assert dg.AssetKey(["billed", "interchange_claim"]) in graph.get(files).parent_keys
    for name, asset in (("remittances_balance", "remittance"), ("answers_match_claims", "remittance_claim")):
        check = dg.AssetCheckKey(dg.AssetKey(["billed", asset]), name)
        assert not graph.get_check_spec(check).blocking, "an insurer's mistake stops the day"
