"""What a deployment does other than a trial: the nightly run by itself, and links as people reach them."""

from __future__ import annotations

import dagster as dg
import pytest

from medcode_assets.defs.models.specs import for_people
from medcode_assets.defs.schedules import status_from_the_start
from medcode_ml.settings import Settings

ON, OFF = dg.DefaultScheduleStatus.RUNNING, dg.DefaultScheduleStatus.STOPPED


@pytest.mark.parametrize(
    ("source", "nightly", "status"),
    [
        ("folder", True, ON), ("mimic-iv", True, ON), ("folder", False, OFF), ("simulated", True, OFF),
        ("stream", True, OFF),
    ],
)  # fmt: skip
def test_the_night_comes_by_itself_where_a_source_delivers_to_a_deployment(
    source: str, nightly: bool, status: dg.DefaultScheduleStatus
) -> None:
    """A deployment on a delivery folder never ran anything; a trial is not surprised by runs of its own."""
    assert status_from_the_start(Settings(source=source, nightly=nightly)) == status


def test_links_lead_where_people_reach_mlflow() -> None:
    """The name that the server has among containers leads nowhere in a browser."""
    inside = "http://mlflow:5000/#/models/medcode-coding/versions/1"
    outside = "https://mlflow.example/#/models/medcode-coding/versions/1"
    both = {"mlflow_url": "http://mlflow:5000", "mlflow_public_url": "https://mlflow.example/"}
    assert for_people(inside, Settings.model_construct(**both)) == outside
    assert for_people(inside, Settings.model_construct(**{**both, "mlflow_public_url": ""})) == inside
    assert for_people("/home/mlruns", Settings.model_construct(**{**both, "mlflow_url": ""})) == "/home/mlruns"
