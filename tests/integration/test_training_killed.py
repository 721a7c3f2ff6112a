"""A step of a training is killed: the champion goes on, nothing is half done, and the step ends well next time."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.labelled_tables import put_labelled_charts
from support.tables import contents

from medcode_ml.coding.evaluation import evaluate_from_store
from medcode_ml.coding.training_run import train_from_store
from medcode_ml.coding.training_set import run_training_set
from medcode_ml.contracts import metadata, ml
from medcode_ml.models.registry import promoted_version
from medcode_ml.models.warehouse.promotion import promote_version
from medcode_ml.models.warehouse.stages import champion_version

pytestmark = [pytest.mark.integration, pytest.mark.slow]

FIRST, DAYS = date(2026, 9, 21), 12
LAST = FIRST + timedelta(days=DAYS)
CHANGED = FIRST + timedelta(days=6)
PARAMETERS = {"use_network": False, "folds": 2, "reranker.rounds": 5}

_CHILD = """
import os, signal, sys
from datetime import date
from pathlib import Path
import sqlalchemy as sa

step, url, home, first, last, changed = sys.argv[1:]
engine = sa.create_engine(url)

def die(*args, **more):
    os.kill(os.getpid(), signal.SIGKILL)

if step == "training set":  # the days are replaced, the split is not made
    from medcode_ml.models.warehouse import training_set
    from medcode_ml.coding.training_set import run_training_set
    training_set.split_all = die
    run_training_set(engine, *map(date.fromisoformat, (first, last)), recent_from=date.fromisoformat(changed))
if step == "training":  # everything is fitted, the folder is half written
    from medcode_ml.models import folder
    from medcode_ml.coding.training_run import train_from_store
    folder.sha256_of = die
    train_from_store(engine, Path(home), parameters=PARAMETERS)
if step == "evaluation":  # the old figures are gone, the new ones not all there
    from medcode_ml.models.warehouse import evaluation
    from medcode_ml.coding.evaluation import evaluate_from_store
    evaluation.copy_in = die
    evaluate_from_store(engine, Path(home), resamples=20)
""".replace("PARAMETERS", repr(PARAMETERS))


@pytest.fixture(scope="module")
def charts(server_engine: sa.Engine) -> Iterator[sa.Engine]:
    names = ", ".join(f'"{t.schema}"."{t.name}"' for t in metadata.tables.values())
    with server_engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {names}"))
    put_labelled_charts(server_engine, 90, FIRST, DAYS)
    yield server_engine
    with server_engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {names}"))


@pytest.fixture(scope="module")
def champion(charts: sa.Engine, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home with a champion that was trained, evaluated and promoted."""
    home = tmp_path_factory.mktemp("home")
    run_training_set(charts, FIRST, LAST)
    version = train_from_store(charts, home, parameters={**PARAMETERS, "reranker.rounds": 3}).version
    evaluate_from_store(charts, home, resamples=20)
    promote_version(charts, ml.CODING, home, version, [], by="test")
    return home, version


def killed(step: str, engine: sa.Engine, home: Path) -> None:
    days = [day.isoformat() for day in (FIRST, LAST, CHANGED)]
    url = engine.url.render_as_string(hide_password=False)
    child = [sys.executable, "-c", _CHILD, step, url, str(home), *days]
    ended = subprocess.run(child, check=False, capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def test_every_killed_step_leaves_the_champion_and_ends_well_when_it_is_run_again(
    charts: sa.Engine, champion: tuple[Path, str]
) -> None:
    home, version = champion
    for step in ("training set", "training", "evaluation"):
        before, registered = contents(charts), sorted(one.name for one in (home / "models" / "coding").iterdir())
        killed(step, charts, home)
        assert contents(charts) == before, f"{step}: no table was touched"
        assert champion_version(charts, "coding") == promoted_version("coding", home) == version
        assert sorted(one.name for one in (home / "models" / "coding").iterdir()) == registered
        if step == "training set":
            result = run_training_set(charts, FIRST, LAST, recent_from=CHANGED)
            assert result.rows == {"coding_training_set": 90}
            assert {"train", "calibration", "test"} == {part for part, _ in result.listing[1]}
        elif step == "training":
            assert list((home / "training" / "coding").iterdir()), "it was killed on the way"
            newest = train_from_store(charts, home, parameters=PARAMETERS).version
            assert newest != version
            assert not list((home / "training" / "coding").iterdir())
        else:
            found = evaluate_from_store(charts, home, resamples=20)
            assert found.version == newest
            again = evaluate_from_store(charts, home, resamples=20)
            assert len(again.figures) == len(found.figures)
    with charts.connect() as connection:
        query = sa.select(sa.func.count()).where(ml.coding_evaluation.c.version == newest)
        assert connection.execute(query).scalar_one() == len(found.figures)
    assert champion_version(charts, "coding") == promoted_version("coding", home) == version
