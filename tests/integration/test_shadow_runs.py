"""Shadow runs on a small simulated network (synthetic): what the champion wrote is read, labels come later, kills."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from support.charts import labelled as as_charts
from support.charts import made_up
from support.labelled_network import FIRST, labelled_network

from medcode_ml.billing.payers import load_payers
from medcode_ml.billing.stage import run_billing
from medcode_ml.coding.batch import MODEL_VERSION as ONTOLOGY
from medcode_ml.coding.in_use import ONTOLOGY_CODER
from medcode_ml.coding.stage import run_coding
from medcode_ml.coding.training import train
from medcode_ml.contracts import billed, coded, metadata, ml, ranked, raw
from medcode_ml.models.warehouse.promotion import to_shadow
from medcode_ml.models.warehouse.shadow import against_coders
from medcode_ml.models.warehouse.stages import SHADOW, standing_of
from medcode_ml.models.warehouse.versions import register_trained
from medcode_ml.ranking.batch import MODEL_VERSION as GUIDELINES_VERSION
from medcode_ml.ranking.in_use import GUIDELINES
from medcode_ml.ranking.stage import run_ranking
from medcode_ml.shadow import run_shadow
from medcode_ml.shadow.outcomes import as_written, coding_outcome
from medcode_ml.store.database import database_url
from medcode_ml.store.frames import copy_in, read_frame

pytestmark = pytest.mark.integration

#: no records came in on it, labels did
LATER = FIRST + timedelta(days=10)
WRITTEN = (coded.encounter, coded.encounter_code, ranked.encounter, ranked.encounter_code, billed.claim)
LABEL = raw.delivered_tables["coder_label"]
Shadow = tuple[sa.Engine, Path, str]


@pytest.fixture(scope="module")
def worked_on(server_engine: sa.Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shadow]:
    """A day from raw to billed by ontology coder and guidelines, and a small coding model in shadow."""
    root = tmp_path_factory.mktemp("shadow")
    charts = as_charts(made_up(22, seed=5))
    folder = train(charts, [], root / "model", {"use_network": False, "folds": 2, "reranker.rounds": 5}).path
    with labelled_network(server_engine, root) as engine:
        run_coding(engine, FIRST, FIRST)
        run_ranking(engine, FIRST, FIRST)
        run_billing(engine, FIRST, FIRST, load_payers(None))
        learned = pd.DataFrame(
            [("e1", "p1", "train", FIRST, FIRST)],
            columns=["encounter_id", "person_id", "split", "discharge_date", "received_date"], dtype=object,
        )  # fmt: skip
        made = register_trained(
            engine, ml.CODING, root / "home", folder, learned, seconds=1.0, data_hash="d", learned_codes=["I10"],
            own={"text_source": "documents"},
        )  # fmt: skip
        to_shadow(engine, root / "home", made.version, by="test", note="to be seen")
        yield engine, root / "home", made.version


def everything(engine: sa.Engine, *, but: tuple[sa.Table, ...] = ()) -> dict[str, list[object]]:
    """All rows of all tables, but those named."""
    with engine.connect() as connection:
        return {
            t.fullname: sorted(map(repr, connection.execute(sa.select(t)).all()))
            for t in metadata.tables.values()
            if t not in but
        }


def figures(engine: sa.Engine, version: str) -> pd.DataFrame:
    rows = read_frame(engine, sa.select(ml.shadow_figure).where(ml.shadow_figure.c.shadow == version))
    return rows.set_index(["received_date", "figure"])


def test_what_the_champion_wrote_is_what_it_would_make_of_the_day_again(worked_on: Shadow) -> None:
    engine, _, _ = worked_on
    with engine.connect() as connection:
        read = as_written(connection, FIRST, coder=ONTOLOGY, ranker=GUIDELINES_VERSION)
        again = coding_outcome(connection, FIRST, ONTOLOGY_CODER, GUIDELINES, load_payers(None))
        # of another version, and of a day that was not worked on, nothing is read
        assert as_written(connection, FIRST, coder="coding-another", ranker=GUIDELINES_VERSION) is None
        assert as_written(connection, FIRST + timedelta(days=1), coder=ONTOLOGY, ranker=GUIDELINES_VERSION) is None
    assert read is not None
    assert read.seconds is None
    for name, keys in (("encounters", ["encounter_id"]), ("codes", ["encounter_id", "code"])):
        one, other = (getattr(found, name).sort_values(keys).reset_index(drop=True) for found in (read, again))
        if "weight" in other:  # 1.3 and 1.300000 are one
            one, other = (f.assign(weight=f["weight"].astype(float)) for f in (one, other))
        pd.testing.assert_frame_equal(one[list(other.columns)].astype(str), other.astype(str))
    assert read.encounters["drg"].notna().sum() > 5


def test_labels_that_come_later_are_held_against_the_day_without_coding_it_again(worked_on: Shadow) -> None:
    engine, home, version = worked_on
    payers = load_payers(None)
    labels = read_frame(engine, sa.select(LABEL).where(LABEL.c.received_date == FIRST))
    with engine.begin() as connection:
        connection.execute(sa.delete(LABEL))
    run_shadow(engine, home, FIRST, FIRST, payers, resamples=20)
    before = figures(engine, version)
    assert not [f for _, f in before.index if f.startswith("drg_right")]
    assert before["value"][FIRST, "champion_seconds"] is None, "it did not code the day again"
    assert against_coders(engine, version, ONTOLOGY).labelled == 0
    rows = read_frame(engine, sa.select(ml.shadow_encounter))
    share = (rows["champion_drg"] != rows["shadow_drg"]) & (rows["champion_drg"].notna() | rows["shadow_drg"].notna())
    assert share.sum() / before["encounters"][FIRST, "drg_shift"] == pytest.approx(
        before["value"][FIRST, "drg_shift"], abs=1e-4
    )

    ids = sorted(set(labels["encounter_number"]))
    first_half = labels[labels["encounter_number"].isin(ids[::2])].assign(received_date=LATER)
    with engine.begin() as connection:
        copy_in(connection, LABEL, first_half)
    kept = everything(engine, but=(ml.shadow_figure, ml.shadow_encounter))
    done = run_shadow(engine, home, LATER, LATER, payers, resamples=20)
    assert everything(engine, but=(ml.shadow_figure, ml.shadow_encounter)) == kept, "nothing of it is kept"
    after = figures(engine, version)
    assert after["value"][FIRST, "shadow_seconds"] == before["value"][FIRST, "shadow_seconds"], "not coded again"
    told = against_coders(engine, version, ONTOLOGY)
    assert 0 < told.labelled == after["encounters"][FIRST, "drg_right_shadow"]
    assert 0 < told.labelled <= done.figures["held_against_labels"]
    assert told.gained == round(after["value"][FIRST, "drg_gained"] * told.labelled)
    assert told.lost == round(after["value"][FIRST, "drg_lost"] * told.labelled)
    # the ontology coder reads these notes, a model of 22 made-up charts does not
    assert after["value"][FIRST, "drg_right_champion"] > after["value"][FIRST, "drg_right_shadow"]

    # nothing new, nothing to do; a label that coders change is held against anew
    assert run_shadow(engine, home, LATER, LATER, payers, resamples=20).figures["held_against_labels"] == 0
    one = ids[0]
    with engine.begin() as connection:
        connection.execute(sa.delete(LABEL).where(LABEL.c.encounter_number == one, LABEL.c.line_number != "1"))
    assert run_shadow(engine, home, LATER, LATER, payers, resamples=20).figures["held_against_labels"] == 1

    # the day worked on again takes all labels there are
    with engine.begin() as connection:
        copy_in(connection, LABEL, labels[~labels["encounter_number"].isin(ids[::2])].assign(received_date=LATER))
    run_shadow(engine, home, FIRST, FIRST, payers, resamples=20)
    assert against_coders(engine, version, ONTOLOGY).labelled > told.labelled
    known = read_frame(engine, sa.select(ml.shadow_encounter).where(ml.shadow_encounter.c.coder_drg.is_not(None)))
    assert set(known["labelled_on"]) == {LATER}
    assert all(isinstance(w, Decimal) for w in known["coder_weight"])


_KILLED = """
import os, signal, sys
from pathlib import Path
import sqlalchemy as sa
from datetime import date
from medcode_ml.billing.payers import load_payers
from medcode_ml.codes.codeset import CodeSet
from medcode_ml.coding.in_use import coder_of
from medcode_ml.models.registry import registered
from medcode_ml.shadow import days, outcomes, truth

url, home, version, day, only_labels = sys.argv[1:]
home, day = Path(home), date.fromisoformat(day)
die = lambda *args, **more: os.kill(os.getpid(), signal.SIGKILL)

def after(module, table):
    real = module.replace_partition
    def killed(connection, one, *rest, **more):
        real(connection, one, *rest, **more)
        if one.fullname == table:
            die()
    return lambda: setattr(module, "replace_partition", killed)

IN_A_DAY = {
    "codes written": after(outcomes, "coded.query"),
    "ranked": after(outcomes, "ranked.encounter_code"),
    "figures written": after(days, "ml.shadow_figure"),
}
WITH_LABELS = {
    "coders' codes written": after(truth, "ranked.encounter_code"),
    "coders' MS-DRGs written": lambda: setattr(truth, "held_against_coders", die),
}
coder_of(registered("coding", version, home)), CodeSet.on(day)  # loaded once, for all that are killed
for name, arm in (WITH_LABELS if only_labels == "yes" else IN_A_DAY).items():
    child = os.fork()
    if child == 0:
        arm()
        engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
        if only_labels == "yes":
            truth.hold_against_labels(engine, load_payers(None))
        else:
            days.run_shadow(engine, home, day, day, load_payers(None))
        os._exit(0)
    print(name, os.WTERMSIG(os.waitpid(child, 0)[1]), sep=": ")
"""


@pytest.mark.parametrize(("only_labels", "points"), [("no", 3), ("yes", 2)])
def test_a_shadow_run_killed_anywhere_leaves_the_champion_and_its_work_alone(
    worked_on: Shadow, only_labels: str, points: int
) -> None:
    engine, home, version = worked_on
    if only_labels == "yes":
        run_shadow(engine, home, FIRST, FIRST, load_payers(None), resamples=20)
        with engine.begin() as connection:
            nobody = dict.fromkeys(("labelled_on", "label_hash", "coder_drg", "coder_weight"))
            connection.execute(sa.update(ml.shadow_encounter).values(nobody))
    before = everything(engine)
    ended = subprocess.run(
        [sys.executable, "-c", _KILLED, database_url(), str(home), version, FIRST.isoformat(), only_labels],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    said = ended.stdout.splitlines()
    assert len(said) == points
    assert all(line.endswith(f": {signal.SIGKILL.value}") for line in said), said
    assert everything(engine) == before, "each of them in one transaction or in none"
    assert standing_of(engine, version).stage == SHADOW
    if only_labels == "yes":
        # the next run makes good what was missed
        run_shadow(engine, home, LATER, LATER, load_payers(None), resamples=20)
        assert against_coders(engine, version, ONTOLOGY).labelled > 0
