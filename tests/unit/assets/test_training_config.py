"""What a run may be told of a training: days that are days, and a reason; the names by which the sensor tells it."""

from __future__ import annotations

from datetime import date

import dagster as dg
import pytest

from medcode_assets.defs.models.model import CodingTrainingConfig
from medcode_assets.defs.models.specs import TrainingConfig, TrainingSetConfig


def test_a_window_is_two_days_or_none() -> None:
    assert TrainingSetConfig().window() == {"since": None, "recent_from": None}
    told = TrainingSetConfig(since="2026-07-01", recent_from="2026-10-01")
    assert told.window() == {"since": date(2026, 7, 1), "recent_from": date(2026, 10, 1)}


@pytest.mark.parametrize("name", ["since", "recent_from"])
@pytest.mark.parametrize("written", ["1/10/2026", "2026-13-01", "yesterday"])
def test_what_is_no_day_is_said_with_how_to_write_one_and_is_not_tried_again(name: str, written: str) -> None:
    with pytest.raises(dg.Failure) as failed:
        TrainingSetConfig(**{name: written}).window()
    assert str(failed.value.description).startswith(f"{name} is {written!r}, which is no day: write it as 2026-10-01")
    assert not failed.value.allow_retries


@pytest.mark.parametrize("kind", ["coding", "ranking", "amount"])
def test_the_steps_of_every_kind_take_the_window_and_the_reason(kind: str) -> None:
    from medcode_assets.definitions import defs

    ops = {
        f"{kind}_training_set": {"config": {"since": "2026-07-01", "recent_from": "2026-10-01"}},
        f"{kind}_model": {"config": {"parameters_of": "v", "reason": "drift"}},
    }
    job = defs().resolve_job_def(f"{kind}_model_job")
    assert dg.validate_run_config(job, {"ops": ops})
    ops[f"{kind}_training_set"] = {"config": {"recent": "2026-10-01"}}
    with pytest.raises(dg.DagsterInvalidConfigError, match="recent"):
        dg.validate_run_config(job, {"ops": ops})


def test_only_coding_chooses_its_texts() -> None:
    assert CodingTrainingConfig().of_kind() == {"text_source": "documents"}
    assert TrainingConfig(reason="drift").of_kind() == {}
