"""`medcode model ...` on a real database: what a person reads and may do, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from medcode_assets.cli import _mistakes, app
from medcode_ml.contracts import ml
from medcode_ml.models.contents import json_file
from medcode_ml.models.folder import write_folder
from medcode_ml.models.registry import promoted_version, withdraw
from medcode_ml.models.warehouse.promotion import NotPromotedError, promote_version
from medcode_ml.models.warehouse.stages import StageError, champion_version
from medcode_ml.models.warehouse.versions import register_trained
from medcode_ml.settings import settings

pytestmark = pytest.mark.integration
BY = ("--by", "q.lead", "--note", "for the test")


@pytest.fixture
def versions(database: sa.Engine, tmp_path: Path) -> Iterator[list[str]]:
    """Three ranking models in the home of the settings, the first of them the champion."""
    encounters = pd.DataFrame(
        {"encounter_id": ["e"], "person_id": ["p"], "split": ["train"], "discharge_date": [None]}, dtype=object
    )
    made = []
    for number in range(3):
        folder = write_folder(tmp_path / str(number), kind="amounts", files={"n.json": json_file(number)}).path
        own = {"sources": [], "source_cases": 0, "hospitals": 9}
        made.append(
            register_trained(
                database, ml.AMOUNT, settings().home, folder, encounters, seconds=1.0, data_hash="d", own=own
            ).version
        )
    promote_version(database, ml.AMOUNT, settings().home, made[0], [], by="test")
    yield made
    withdraw("amounts", settings().home)
    with database.begin() as connection:
        for table in (ml.model_stage, ml.model):
            connection.execute(sa.delete(table))


def said(*argv: str) -> str:
    result = CliRunner().invoke(app, ["model", *argv], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_person_sees_moves_and_takes_back(database: sa.Engine, versions: list[str]) -> None:
    one, two, three = versions
    listed = said("list", "--kind", "amounts").splitlines()
    assert [line.split()[1:3] for line in listed[1:]] == [[two, "candidate"], [three, "candidate"], [one, "champion"]]
    assert "is in shadow" in said("shadow", two, *BY)
    shown = said("show", two)
    assert "shadow_ran" in shown
    assert "FAILED" in shown
    assert "for the test" in shown
    with pytest.raises(NotPromotedError, match="enough_labels: too few labelled encounters"):
        said("promote", two, *BY, "--despite", "no gate of the kind is opened by this")
    assert champion_version(database, "amounts") == one
    promote_version(database, ml.AMOUNT, settings().home, two, [], by="test")
    assert f"{one} is in use again, {two} is retired" in said("rollback", "amounts", *BY)
    assert champion_version(database, "amounts") == promoted_version("amounts", settings().home) == one
    said("retire", three, *BY)
    assert three not in said("list")
    assert three in said("list", "--all")
    with pytest.raises(StageError, match=r"no amounts model was in use before .*medcode model retire"):
        said("rollback", "amounts", *BY)


def test_mistakes_are_told_in_a_line() -> None:
    with pytest.raises(StageError, match="there is no model nothing"):
        said("show", "nothing")
    with pytest.raises(StageError, match="choose one of coding, ranking, amounts"):
        said("rollback", "billing", *BY)
    assert {StageError, NotPromotedError} <= set(_mistakes())
