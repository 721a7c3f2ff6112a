"""The life of a model on a real PostgreSQL: its moves, the way back byte by byte, and a process killed on the way."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from support.charts import DAY, labelled, made_up

from medcode_ml.coding.in_use import ONTOLOGY_CODER, coder_in_use
from medcode_ml.coding.training import train
from medcode_ml.contracts import ml
from medcode_ml.lifecycle import advance, promote, promotions_due
from medcode_ml.models.contents import json_file
from medcode_ml.models.folder import write_folder
from medcode_ml.models.manifest import ModelFolderError
from medcode_ml.models.mlflow_registry import mirror, tell_mlflow
from medcode_ml.models.registry import promoted_version, withdraw
from medcode_ml.models.tracking import TrackingError, open_client
from medcode_ml.models.warehouse.promotion import (
    Gate,
    NotPromotedError,
    promote_version,
    retire_version,
    roll_back,
    to_shadow,
)
from medcode_ml.models.warehouse.shadow import DRG_SHIFT, shadow_gates
from medcode_ml.models.warehouse.stages import (
    CANDIDATE,
    CHAMPION,
    RETIRED,
    SHADOW,
    StageError,
    champion_folder,
    champion_version,
    lock,
    move,
    moves_of,
    registered_versions,
    standing_of,
)
from medcode_ml.models.warehouse.versions import newest_version, register_trained
from medcode_ml.settings import settings
from medcode_ml.store.database import database_url
from medcode_ml.store.frames import copy_in

pytestmark = pytest.mark.integration

FIRST, LAST = date(2026, 10, 1), date(2026, 10, 4)
ENCOUNTERS = pd.DataFrame(
    {
        "encounter_id": ["e1", "e2", "e3"], "person_id": ["p1", "p2", "p3"], "split": ["train", "calibration", "test"],
        "discharge_date": [DAY] * 3, "received_date": [FIRST, LAST, LAST],
    },
    dtype=object,
)  # fmt: skip
OWN = {
    "coding": {"text_source": "documents"}, "ranking": {},
    "amounts": {"sources": [], "source_cases": 0, "hospitals": 9},
}  # fmt: skip
SMALL = {"use_network": False, "folds": 2}
NO_SECTIONS = pd.DataFrame(columns=["document_id", "section_number", "section_type", "start_offset", "end_offset"])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two coding models that answer differently."""
    root = tmp_path_factory.mktemp("made")
    for name, rounds, count in (("first", 5, 22), ("second", 12, 26)):
        train(labelled(made_up(count, seed=rounds)), [], root / name, {**SMALL, "reranker.rounds": rounds})
    return root / "first", root / "second"


@pytest.fixture
def home(database: sa.Engine, tmp_path: Path) -> Iterator[Path]:
    """A home of its own, beside an empty database; no champion is left behind."""
    yield tmp_path / "home"
    with database.begin() as connection:
        for table in (ml.model_stage, ml.model, ml.shadow_figure, ml.shadow_encounter):
            connection.execute(sa.delete(table))


def registered(engine: sa.Engine, home: Path, folder: Path, kind: str = "coding") -> str:
    of = ml.BY_KIND[kind]
    codes = None if kind == "amounts" else ["I10"]
    return register_trained(
        engine, of, home, folder, ENCOUNTERS, seconds=1.0, data_hash="d", learned_codes=codes, own=OWN[kind]
    ).version


def simple(folder: Path, kind: str, number: int) -> Path:
    return write_folder(folder / f"{kind}{number}", kind=kind, files={"n.json": json_file({"n": number})}).path


def answers(engine: sa.Engine, home: Path) -> bytes:
    """What the coder in use says of the same notes, byte by byte."""
    notes = made_up(12, seed=99)
    documents = pd.DataFrame(
        {
            "document_id": [n["record_id"] for n in notes], "encounter_id": [n["record_id"] for n in notes],
            "text": [n["text"] for n in notes], "setting": "inpatient", "discharge_date": DAY, "document_type": None,
        },
        dtype=object,
    )  # fmt: skip
    batch = coder_in_use(home, engine).code(documents, NO_SECTIONS)
    return b"".join(frame.to_json(double_precision=15).encode() for frame in (batch.codes, batch.evidence))


def test_the_way_back_gives_byte_identical_answers(database: sa.Engine, home: Path, made: tuple[Path, Path]) -> None:
    first, second = (registered(database, home, folder) for folder in made)
    promote_version(database, ml.CODING, home, first, [], by="test")
    before = answers(database, home)
    promote_version(database, ml.CODING, home, second, [], by="test")
    after = answers(database, home)
    assert after != before
    assert coder_in_use(home, database).version == second
    done = roll_back(database, "coding", home, by="test", note="worse on new notes")
    assert (done.version, done.replaced) == (first, second)
    assert answers(database, home) == before
    assert [one.stage for one in moves_of(database, first)] == [CANDIDATE, SHADOW, CHAMPION, RETIRED, CHAMPION]
    assert standing_of(database, second).why == "worse on new notes"


@pytest.mark.parametrize("kind", ["coding", "ranking", "amounts"])
def test_every_kind_goes_the_same_way(database: sa.Engine, home: Path, tmp_path: Path, kind: str) -> None:
    one, two, three = (registered(database, home, simple(tmp_path, kind, n), kind) for n in range(3))
    of = ml.BY_KIND[kind]
    row = registered_versions(database, kind)[one]
    assert (row["first_day"], row["last_day"], row["champion"]) == (FIRST, LAST, None)
    assert newest_version(database, of) == three
    for version in (one, two, three):
        assert promote_version(database, of, home, version, [], by="test").changed
        assert champion_version(database, kind) == promoted_version(kind, home) == version
    assert not promote_version(database, of, home, three, [], by="test").changed
    # back, and back once more: never to and fro
    assert roll_back(database, kind, home, by="test", note="n").version == two
    assert roll_back(database, kind, home, by="test", note="n").version == one
    with pytest.raises(StageError, match=f"no {kind} model was in use before {one}"):
        roll_back(database, kind, home, by="test", note="n")
    with pytest.raises(StageError, match="is retired and cannot become shadow"):
        to_shadow(database, home, two, by="test", note="n")
    with pytest.raises(StageError, match="is retired and cannot become champion"):
        promote_version(database, of, home, two, [], by="test")
    retire_version(database, home, one, by="test", note="n")
    assert champion_folder(database, kind, home) is None
    assert promoted_version(kind, home) is None
    with pytest.raises(StageError, match="there is nothing to roll back"):
        roll_back(database, kind, home, by="test", note="n")
    later = registered(database, home, simple(tmp_path, kind, 9), kind)
    to_shadow(database, home, later, by="test", note="n")
    assert champion_version(database, kind) is None
    assert promote_version(database, of, home, later, [], by="test").replaced is None


def test_the_parent_of_a_version_is_the_champion_of_its_day(database: sa.Engine, home: Path, tmp_path: Path) -> None:
    one = registered(database, home, simple(tmp_path, "ranking", 1), "ranking")
    promote_version(database, ml.RANKING, home, one, [], by="test")
    two = registered(database, home, simple(tmp_path, "ranking", 2), "ranking")
    again = registered(database, home, tmp_path / "ranking2", "ranking")
    assert (again, registered_versions(database, "ranking")[two]["champion"]) == (two, one)
    assert [one.stage for one in moves_of(database, two)] == [CANDIDATE], "the same version is registered once"


def test_the_pointer_follows_the_table_wherever_it_is_looked_for(
    database: sa.Engine, home: Path, tmp_path: Path
) -> None:
    one, two = (registered(database, home, simple(tmp_path, "ranking", n), "ranking") for n in (1, 2))
    promote_version(database, ml.RANKING, home, one, [], by="test")
    elsewhere = tmp_path / "elsewhere"
    with pytest.raises(ModelFolderError, match=f"no ranking model {one} is registered"):
        champion_folder(database, "ranking", elsewhere)
    pointer = home / "models" / "ranking" / "promoted.json"
    assert promoted_version("ranking", elsewhere) is None
    for wrong in (lambda: withdraw("ranking", home), lambda: pointer.write_text("{"),
                  lambda: pointer.write_text(f'{{"version": "{two}"}}')):  # fmt: skip
        wrong()
        found = champion_folder(database, "ranking", home)
        assert found is not None
        assert found.name == promoted_version("ranking", home) == one


def test_an_api_with_a_home_of_its_own_notices_a_promotion_made_elsewhere(
    database: sa.Engine, home: Path, tmp_path: Path, made: tuple[Path, Path]
) -> None:
    from medcode_ml.models.registry import register
    from medcode_ml.serving.in_use import ModelsInUse

    version = registered(database, home, made[0])
    elsewhere = tmp_path / "api"
    models = ModelsInUse(settings().model_copy(update={"home": elsewhere}), database)
    assert models.versions()["coding"].startswith("ontology")
    promote_version(database, ml.CODING, home, version, [], by="test")
    assert not models.refresh(), "the version is not here yet: what was in use stays, and that is said"
    assert version in models.trouble["coding"]
    register(made[0], "coding", elsewhere)
    assert models.refresh()
    assert models.versions()["coding"] == version
    assert not models.trouble
    models.engine = sa.create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    assert not models.refresh(), "without a database what was in use stays"
    assert models.versions()["coding"] == version


def test_without_a_word_of_the_table_the_pointer_stands(
    database: sa.Engine, home: Path, made: tuple[Path, Path]
) -> None:
    """A lone machine may have only files."""
    from medcode_ml.models.registry import promote as point_at
    from medcode_ml.models.registry import register

    assert coder_in_use(home, database) is ONTOLOGY_CODER
    kept = register(made[0], "coding", home)
    point_at("coding", kept.name, home)
    assert coder_in_use(home, database).version == coder_in_use(home).version == kept.name


_KILLED = """
import os, signal, sys
from pathlib import Path
import sqlalchemy as sa
from medcode_ml.contracts import ml
from medcode_ml.models import registry
from medcode_ml.models.warehouse import promotion, stages

url, home, version, where = sys.argv[1:]

def die(*args, **more):
    os.kill(os.getpid(), signal.SIGKILL)

moved = promotion.move
def move(connection, kind, one, stage, **more):
    if where == "before " + stage:
        die()
    moved(connection, kind, one, stage, **more)
    if where == "after " + stage:
        die()

promotion.move = move
if where == "committed":
    promotion.settle_pointer = die
if where == "pointer half written":
    registry.os.replace = die
engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
if where == "rollback committed":
    promotion.settle_pointer = die
    promotion.roll_back(engine, "coding", Path(home), by="test", note="n")
promotion.promote_version(engine, ml.CODING, Path(home), version, [], by="test")
"""


@pytest.mark.parametrize(
    ("where", "moved"),
    [
        ("before shadow", False), ("after shadow", False), ("after retired", False), ("after champion", False),
        ("committed", True), ("pointer half written", True),
    ],
)  # fmt: skip
def test_a_promotion_killed_anywhere_leaves_a_champion_serving(
    database: sa.Engine, home: Path, tmp_path: Path, where: str, moved: bool
) -> None:
    one, two = (registered(database, home, simple(tmp_path, "coding", n)) for n in (1, 2))
    promote_version(database, ml.CODING, home, one, [], by="test")
    ended = subprocess.run([sys.executable, "-c", _KILLED, database_url(), str(home), two, where], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert promoted_version("coding", home) == one, "what looks at files alone goes on with the one before"
    found = champion_folder(database, "coding", home)
    assert found is not None
    assert found.name == promoted_version("coding", home) == (two if moved else one)
    assert promote_version(database, ml.CODING, home, two, [], by="test").changed is not moved
    assert champion_version(database, "coding") == promoted_version("coding", home) == two
    if where == "committed":
        again = subprocess.run(
            [sys.executable, "-c", _KILLED, database_url(), str(home), two, "rollback committed"], check=False
        )
        assert again.returncode == -signal.SIGKILL
        assert promoted_version("coding", home) == two
        found = champion_folder(database, "coding", home)
        assert found is not None
        assert found.name == promoted_version("coding", home) == one


def test_a_registration_killed_on_the_way_leaves_no_half_version(
    database: sa.Engine, home: Path, tmp_path: Path
) -> None:
    one = registered(database, home, simple(tmp_path, "coding", 1))
    promote_version(database, ml.CODING, home, one, [], by="test")
    folder = simple(tmp_path, "coding", 2)
    script = f"""
import os, signal
import pandas as pd, sqlalchemy as sa
from pathlib import Path
from medcode_ml.contracts import ml
from medcode_ml.models.warehouse import versions
copied = versions.copy_in
def copy_in(connection, table, frame):
    if table is ml.coding_model:
        os.kill(os.getpid(), signal.SIGKILL)
    return copied(connection, table, frame)
versions.copy_in = copy_in
engine = sa.create_engine({database_url()!r}.replace("postgresql://", "postgresql+psycopg://", 1))
encounters = pd.DataFrame(
    {{"encounter_id": ["e"], "person_id": ["p"], "split": ["train"], "discharge_date": [None]}}, dtype=object
)
versions.register_trained(
    engine, ml.CODING, Path({str(home)!r}), Path({str(folder)!r}), encounters, seconds=1.0, data_hash="d",
    own={{"text_source": "documents"}},
)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    assert set(registered_versions(database, "coding")) == {one}, "files alone are no version"
    found = champion_folder(database, "coding", home)
    assert found is not None
    assert found.name == one
    two = registered(database, home, folder)
    assert standing_of(database, two).stage == CANDIDATE


def test_two_promotions_at_once_leave_one_champion(database: sa.Engine, home: Path, tmp_path: Path) -> None:
    versions = [registered(database, home, simple(tmp_path, "ranking", n), "ranking") for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda v: promote_version(database, ml.RANKING, home, v, [], by="test"), versions))
    standing = [standing_of(database, version).stage for version in versions]
    assert sorted(standing) == [CHAMPION, RETIRED, RETIRED, RETIRED]
    assert promoted_version("ranking", home) == champion_version(database, "ranking")
    with pytest.raises(NotPromotedError, match="meanwhile"):
        late = registered(database, home, simple(tmp_path, "ranking", 7), "ranking")
        promote_version(database, ml.RANKING, home, late, [], by="test", against=versions[0] + "x")


def test_no_other_moves_are_written(database: sa.Engine, home: Path, tmp_path: Path) -> None:
    version = registered(database, home, simple(tmp_path, "ranking", 1), "ranking")
    for stage, back in ((CHAMPION, False), (CANDIDATE, False), (CHAMPION, True)):
        with database.begin() as connection, pytest.raises(StageError, match="cannot become"):
            lock(connection, "ranking")
            move(connection, "ranking", version, stage, by="t", why="w", back=back)
    assert standing_of(database, version).stage == CANDIDATE
    with pytest.raises(StageError, match="there is no model x"):
        standing_of(database, "x")
    with pytest.raises(StageError, match="no model of kind 'x'"):
        promote("x", database, home, by="test")


def test_a_shadow_run_that_is_missing_or_shifts_drgs_keeps_a_model_out(database: sa.Engine, home: Path) -> None:
    def gate(despite: str = "") -> tuple[list[bool], str]:
        found = shadow_gates(database, "new", "old", days=2, most_days=14, drg_shift=0.05, despite=despite)
        return [one.passed for one in found], "; ".join(one.said for one in found)

    def ran(day: date, share: float, champion: str = "old") -> None:
        row = {"received_date": day, "kind": "coding", "shadow": "new", "champion": champion, "figure": DRG_SHIFT,
               "value": share, "low": 0.0, "high": 1.0, "encounters": 100, "notes": ""}  # fmt: skip
        with database.begin() as connection:
            copy_in(connection, ml.shadow_figure, pd.DataFrame([row], dtype=object))

    assert all(one.passed for one in shadow_gates(database, "new", None, days=2, most_days=14, drg_shift=0.05))
    ran(FIRST, 0.02)
    ran(date(2026, 9, 1), 0.9, champion="older")
    said = "1 days in shadow beside old, 2 wanted; 2.0% of 100 encounters get another MS-DRG, at most 5.0%"
    assert gate() == ([False, True], said)
    ran(LAST, 0.04)
    assert gate()[0] == [True, True]
    ran(date(2026, 10, 2), 0.3)
    passed, said = gate()
    assert passed == [True, False]
    assert "12.0% of 300 encounters" in said
    passed, said = gate("the guideline changed")
    assert passed == [True, True]
    assert said.endswith("promoted all the same: the guideline changed")


def test_a_candidate_waits_in_shadow_until_it_ran_long_enough(
    database: sa.Engine, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the asset does each time it is asked; the gates of the kind are passed here."""
    monkeypatch.setattr("medcode_ml.ranking.promotion.gates", lambda engine, version: [Gate("own", True, "")])
    one, two = (registered(database, home, simple(tmp_path, "ranking", n), "ranking") for n in (1, 2))
    first = advance("ranking", database, home, version=one, by="asset")
    assert (first.stage, first.changed) == (CHAMPION, True), "there is no model whose place it would take"
    waits = [advance("ranking", database, home, by="asset") for _ in range(2)]
    assert [(w.version, w.stage, w.changed) for w in waits] == [(two, SHADOW, True), (two, SHADOW, False)]
    assert champion_version(database, "ranking") == one
    assert "0 days in shadow" in waits[1].said
    shifted(database, two, one, FIRST)
    stays = advance("ranking", database, home, by="asset")
    assert (stays.stage, stays.changed) == (SHADOW, False)
    assert "shadow_agrees: 50.0% of 40 encounters" in stays.said
    with pytest.raises(NotPromotedError, match=r"shadow_agrees: 50.0% of 40 encounters"):
        promote("ranking", database, home, version=two, by="q.lead")
    done = promote("ranking", database, home, by="q.lead", note="n", despite="the shift is meant")
    assert (done.version, done.replaced) == (two, one)
    assert standing_of(database, two).why == "n; despite its shadow run: the shift is meant"


def shifted(engine: sa.Engine, version: str, champion: str, day: date) -> None:
    """A day of a ranking model in shadow: half of 40 encounters get another MS-DRG."""
    row = {"received_date": day, "kind": "ranking", "shadow": version, "champion": champion, "figure": DRG_SHIFT,
           "value": 0.5, "encounters": 40, "notes": ""}  # fmt: skip
    with engine.begin() as connection:
        copy_in(connection, ml.shadow_figure, pd.DataFrame([row], dtype=object))


def told_by_coders(engine: sa.Engine, version: str, champion: str, right: int, wrong: int) -> None:
    """Encounters whose MS-DRG changes, of which coders say that the version is `right` or `wrong`."""
    rows = [
        {"received_date": FIRST, "kind": "ranking", "shadow": version, "champion": champion, "encounter_id": f"e{n}",
         "champion_drg": "194", "shadow_drg": "193", "coder_drg": "193" if n < right else "194"}
        for n in range(right + wrong)
    ]  # fmt: skip
    with engine.begin() as connection:
        copy_in(connection, ml.shadow_encounter, pd.DataFrame(rows, dtype=object))


@pytest.fixture
def beside(
    database: sa.Engine, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, str]]:
    """A ranking champion, and a version in shadow that shifts half of the MS-DRGs; the gates of the kind are passed."""
    monkeypatch.setattr("medcode_ml.ranking.promotion.gates", lambda engine, version: [Gate("own", True, "")])
    one, two = (registered(database, home, simple(tmp_path, "ranking", n), "ranking") for n in (1, 2))
    promote_version(database, ml.RANKING, home, one, [], by="asset")
    to_shadow(database, home, two, by="asset", note="0 days in shadow")
    shifted(database, two, one, FIRST)
    yield one, two
    settings.cache_clear()


def chosen(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"MEDCODE_{name.upper()}", value)
    settings.cache_clear()


def test_a_better_model_that_must_change_drgs_is_promoted_by_what_coders_say(
    database: sa.Engine, home: Path, beside: tuple[str, str]
) -> None:
    one, two = beside
    assert [(d.kind, d.version, d.days, d.changes) for d in promotions_due(database)] == [("ranking", two, 1, False)]
    told_by_coders(database, two, one, right=20, wrong=4)
    due = promotions_due(database)
    assert [(d.version, d.to, d.changes) for d in due] == [(two, CHAMPION, True)]
    assert champion_version(database, "ranking") == one, "to ask what is due moves nothing"
    done = advance("ranking", database, home, version=two, by="sensor")
    assert (done.stage, done.replaced, champion_version(database, "ranking")) == (CHAMPION, one, two)
    assert promotions_due(database) == []


def test_one_that_never_agrees_is_retired_and_frees_its_place(
    database: sa.Engine, home: Path, beside: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = beside
    chosen(monkeypatch, shadow_most_days="2")
    told_by_coders(database, two, one, right=12, wrong=12)
    assert advance("ranking", database, home, version=two, by="sensor").stage == SHADOW
    shifted(database, two, one, LAST)
    assert promotions_due(database)[0].to == RETIRED
    done = advance("ranking", database, home, version=two, by="sensor")
    assert (done.stage, done.changed, champion_version(database, "ranking")) == (RETIRED, True, one)
    assert standing_of(database, two).why.startswith(
        "2 days in shadow, at most 2, without passing: shadow_agrees: 50.0%"
    )
    with pytest.raises(StageError, match="is retired"):
        advance("ranking", database, home, version=two, by="sensor")


def test_a_newer_version_takes_the_place_in_shadow(
    database: sa.Engine, home: Path, beside: tuple[str, str], tmp_path: Path
) -> None:
    one, two = beside
    three = registered(database, home, simple(tmp_path, "ranking", 3), "ranking")
    assert advance("ranking", database, home, version=three, by="asset").stage == SHADOW
    standing = standing_of(database, two)
    assert (standing.stage, standing.why) == (RETIRED, f"superseded in shadow by {three}")
    assert [d.version for d in promotions_due(database)] == [three]
    assert champion_version(database, "ranking") == one
    # one that may not enter takes nobody's place
    with pytest.raises(StageError, match="cannot become shadow"):
        to_shadow(database, home, one, by="test", note="n")
    assert standing_of(database, three).stage == SHADOW
    # what was decided on a version that moved meanwhile is not done
    promote_version(database, ml.RANKING, home, three, [], by="test")
    with pytest.raises(StageError, match="was shadow and is champion now"):
        retire_version(database, home, three, by="test", note="n", standing=SHADOW)


def test_where_a_person_promotes_the_policy_never_does(
    database: sa.Engine, home: Path, beside: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = beside
    chosen(monkeypatch, promotion="person")
    told_by_coders(database, two, one, right=20, wrong=4)
    stays = advance("ranking", database, home, version=two, by="sensor")
    assert (stays.stage, stays.changed, champion_version(database, "ranking")) == (SHADOW, False, one)
    assert stays.said == f"it passed its gates and waits for a person: medcode model promote {two}"
    assert not promotions_due(database)[0].changes
    assert promote("ranking", database, home, version=two, by="q.lead").changed
    # the first of a kind waits too
    monkeypatch.setattr("medcode_ml.coding.promotion.gates", lambda engine, version: [Gate("own", True, "")])
    first = registered(database, home, simple(tmp_path, "coding", 1))
    assert advance("coding", database, home, version=first, by="asset").stage == SHADOW
    assert champion_version(database, "coding") is None


def test_mlflow_says_what_the_tables_say_and_makes_good_what_it_missed(
    database: sa.Engine, home: Path, tmp_path: Path
) -> None:
    one, two, three = (registered(database, home, simple(tmp_path, "ranking", n), "ranking") for n in (1, 2, 3))
    promote_version(database, ml.RANKING, home, one, [], by="test")
    to_shadow(database, home, two, by="test", note="n")
    links = mirror(database, "ranking", home)
    assert set(links) == {one, two, three}
    client, _ = open_client(home)

    def alias(name: str) -> str:
        return str(client.get_model_version_by_alias("medcode-ranking", name).tags["medcode_version"])

    assert (alias("champion"), alias("shadow")) == (one, two)
    assert client.get_model_version("medcode-ranking", links[three].number).tags["stage"] == CANDIDATE
    promote_version(database, ml.RANKING, home, two, [], by="test")
    assert mirror(database, "ranking", home) == links, "told twice, kept once"
    assert alias("champion") == two
    assert "shadow" not in client.get_registered_model("medcode-ranking").aliases
    # a server that is not there does not undo a move
    with pytest.raises(TrackingError, match="MEDCODE_MLFLOW_URL"):
        mirror(database, "ranking", home, "nowhere://x")
    assert tell_mlflow(database, "ranking", home, "nowhere://x") == {}


@pytest.mark.parametrize("server", [False, True])
def test_a_version_whose_run_mlflow_does_not_know_keeps_no_other_from_being_told(
    database: sa.Engine, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: bool
) -> None:
    """Guards a store that began anew: the first version stopped the telling, and no champion was ever named again."""
    monkeypatch.chdir(tmp_path)  # where a store without a server behind it puts artifacts
    url = f"sqlite:///{tmp_path / 'server.db'}" if server else ""
    one, two, three = (registered(database, home, simple(tmp_path, "ranking", n), "ranking") for n in (1, 2, 3))
    with database.begin() as connection:
        connection.execute(sa.update(ml.model).values(mlflow_run="f" * 32).where(ml.model.c.version != three))
        gone = connection.execute(sa.select(ml.model.c.folder).where(ml.model.c.version == two)).scalar_one()
    promote_version(database, ml.RANKING, home, one, [], by="test")
    shutil.rmtree(home / gone)
    links = mirror(database, "ranking", home, url)
    assert set(links) == {one, three}
    client, _ = open_client(home, url)
    champion = client.get_model_version_by_alias("medcode-ranking", "champion")
    assert champion.tags["medcode_version"] == one
    assert Path(champion.source.removeprefix("file://"), "n.json").is_file()
    assert (links[one].run is not None) == server, "a server takes files from a run alone"
    assert mirror(database, "ranking", home, url) == links, "told twice, kept once"
