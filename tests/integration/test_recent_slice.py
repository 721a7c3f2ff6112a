"""A retraining on a real PostgreSQL: its window, its recent slice, and a champion that is beaten by proof alone."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from support.labelled_tables import put_labelled_charts

from medcode_ml.coding.promotion import gates
from medcode_ml.coding.training_set import run_training_set
from medcode_ml.contracts import ml
from medcode_ml.models.contents import json_file
from medcode_ml.models.folder import write_folder
from medcode_ml.models.warehouse.evaluation import CHAMPION, WHOLE, difference
from medcode_ml.models.warehouse.learned import learned_persons, new_to_both
from medcode_ml.models.warehouse.promotion import persons_in_two_parts, promote_version
from medcode_ml.models.warehouse.stages import moves_of, registered_versions
from medcode_ml.models.warehouse.training_set import training_encounters
from medcode_ml.models.warehouse.versions import encounters_of_version, register_trained
from medcode_ml.store.accounting import accounts
from medcode_ml.store.copying import copy_in
from medcode_ml.store.frames import read_frame

pytestmark = pytest.mark.integration

FIRST, DAYS, COUNT = date(2026, 9, 21), 20, 240
LAST = FIRST + timedelta(days=DAYS + 3)
SINCE, CHANGED = FIRST + timedelta(days=4), FIRST + timedelta(days=12)
SET = ml.coding_training_set


@pytest.fixture
def charts(database: sa.Engine) -> sa.Engine:
    # the first chart of the changed world is labelled three days later, one of the old world too
    put_labelled_charts(database, COUNT, FIRST, DAYS, labels_late={"n144": 3, "n143": 3})
    return database


def fill(engine: sa.Engine, since: date | None = None, recent_from: date | None = None) -> pd.DataFrame:
    result = run_training_set(engine, FIRST, LAST, since=since, recent_from=recent_from)
    (account,) = accounts(engine, SET.fullname, FIRST, LAST)
    assert account.balances
    assert account.rows_in == COUNT == result.rows["coding_training_set"]
    assert persons_in_two_parts(engine, ml.CODING) == 0
    return read_frame(engine, sa.select(SET).order_by(SET.c.encounter_id))


def version_of(engine: sa.Engine, home: Path, number: int, encounters: pd.DataFrame, reason: str = "") -> str:
    folder = write_folder(home / f"m{number}", kind="coding", files={"n.json": json_file({"n": number})}).path
    return register_trained(
        engine, ml.CODING, home, folder, encounters, seconds=1.0, data_hash="d", learned_codes=["I10"],
        own={"text_source": "documents"}, reason=reason,
    ).version  # fmt: skip


def champion_of_the_old_world(engine: sa.Engine, home: Path) -> str:
    """A version made from what was received before the change, and promoted."""
    fill(engine)
    kept = training_encounters(engine, ml.CODING)
    version = version_of(engine, home, 1, kept[kept["encounter_received"] < CHANGED])
    promote_version(engine, ml.CODING, home, version, [], by="test")
    return version


def test_what_was_received_before_the_window_is_set_aside_and_comes_back_with_it(charts: sa.Engine) -> None:
    before = fill(charts)
    assert before[["since", "recent_from"]].isna().all(axis=None)
    found = fill(charts, since=SINCE)
    early = found["encounter_received"] < SINCE
    assert early.sum() == 48
    assert set(found.loc[early, "set_aside"]) == {"before_window"}
    assert found.loc[~early, "set_aside"].isna().all()
    assert (found["split"].isna() == early).all()
    assert set(found["since"]) == {SINCE}
    pd.testing.assert_frame_equal(fill(charts), before)


def test_an_encounter_is_of_the_day_it_came_and_not_of_the_day_its_labels_came(charts: sa.Engine) -> None:
    found = fill(charts, since=CHANGED).set_index("encounter_id")
    assert found.loc["n143", "received_date"] > CHANGED
    assert found.loc["n143", "set_aside"] == "before_window"
    assert found.loc["n144", "encounter_received"] == CHANGED
    assert found.loc["n144", "split"] is not None


def test_the_slice_is_of_recent_persons_that_the_champion_does_not_know(charts: sa.Engine, tmp_path: Path) -> None:
    champion = champion_of_the_old_world(charts, tmp_path)
    # one patient came before the change and since: linked now, the champion knows the person
    with charts.begin() as connection:
        connection.execute(sa.text("UPDATE mapped.person SET person_id = 'p0' WHERE patient_id IN ('p75', 'p119')"))
        part = sa.text("UPDATE ml.coding_model_encounter SET part = 'train' WHERE encounter_id IN ('n0', 'n1')")
        connection.execute(part)
    known = learned_persons(charts, ml.CODING, champion)
    assert "p0" in known
    found = fill(charts, since=SINCE, recent_from=CHANGED)
    tested = found[found["split"] == "test"]
    assert 20 <= len(tested) <= 45, "about a third of 96 recent encounters"
    assert known.isdisjoint(tested["person_id"])
    last = tested.groupby("person_id")["encounter_received"].max()
    assert (last >= CHANGED).all()
    recent = found[found["encounter_received"] >= CHANGED]
    parts = Counter(recent["split"])
    assert parts["train"] > parts["test"] > 0 < parts["calibration"], "the changed world is learned from as well"
    pd.testing.assert_frame_equal(fill(charts, since=SINCE, recent_from=CHANGED), found)


def test_a_later_retraining_tests_the_same_persons_and_more(charts: sa.Engine) -> None:
    run_training_set(charts, FIRST, CHANGED + timedelta(days=3), recent_from=CHANGED)
    early = read_frame(charts, sa.select(SET.c.person_id).where(SET.c.split == "test"))
    found = fill(charts, recent_from=CHANGED)
    assert 5 < len(set(early["person_id"])) < found.loc[found["split"] == "test", "person_id"].nunique()
    assert set(early["person_id"]) <= set(found.loc[found["split"] == "test", "person_id"])


def test_a_version_says_its_window_and_why_it_was_trained(charts: sa.Engine, tmp_path: Path) -> None:
    fill(charts, since=SINCE, recent_from=CHANGED)
    version = version_of(charts, tmp_path, 2, training_encounters(charts, ml.CODING), reason="drift since then")
    row = registered_versions(charts, "coding")[version]
    assert (row["since"], row["recent_from"], row["reason"]) == (SINCE, CHANGED, "drift since then")
    assert moves_of(charts, version)[0].why == "drift since then"
    # a window set later takes nothing away from what the version was made of
    fill(charts, since=CHANGED)
    learned, test = encounters_of_version(charts, ml.CODING, version)
    assert (learned["encounter_received"] < CHANGED).any()
    assert len(test)


def test_a_comparison_leaves_out_whom_the_champion_knows_and_what_is_older(charts: sa.Engine, tmp_path: Path) -> None:
    champion = champion_of_the_old_world(charts, tmp_path)
    fill(charts, since=SINCE, recent_from=CHANGED)
    version = version_of(charts, tmp_path, 2, training_encounters(charts, ml.CODING))
    _, test = encounters_of_version(charts, ml.CODING, version)
    everyone = frozenset(test["encounter_id"])
    assert new_to_both(charts, ml.CODING, version, None, test).encounters == everyone
    all_new = new_to_both(charts, ml.CODING, version, champion, test)
    assert all_new.encounters == everyone
    # a link made after both: a tested person is one the champion learned from
    one = test["patient_id"].iloc[0]
    with charts.begin() as connection:
        learned = sorted(learned_persons(connection, ml.CODING, champion))[0]
        connection.execute(
            sa.text("UPDATE mapped.person SET person_id = :q WHERE patient_id = :p"), {"p": one, "q": learned}
        )
        old = test.loc[test["patient_id"] != one, "encounter_id"].iloc[0]
    test.loc[test["encounter_id"] == old, "encounter_received"] = SINCE
    both = new_to_both(charts, ml.CODING, version, champion, test)
    assert both.encounters == everyone - set(test.loc[test["patient_id"] == one, "encounter_id"]) - {old}
    left = int((test["patient_id"] == one).sum())
    assert f"{len(everyone) - left - 1} of {len(everyone)} encounters of the test" in both.said
    assert f"{left} of persons the champion learned from left out" in both.said
    assert "; 1 older ones left out" in both.said


def test_a_champion_trained_on_files_is_compared_on_the_whole_test_and_that_is_said(
    charts: sa.Engine, tmp_path: Path
) -> None:
    fill(charts, recent_from=CHANGED)
    version = version_of(charts, tmp_path, 2, training_encounters(charts, ml.CODING))
    _, test = encounters_of_version(charts, ml.CODING, version)
    test = test[test["encounter_received"] >= CHANGED]
    both = new_to_both(charts, ml.CODING, version, "coding-20260101-00000000", test)
    assert both.encounters == frozenset(test["encounter_id"])
    assert "what the champion learned from is not written in the database" in both.said


@pytest.mark.parametrize(
    ("value", "low", "high", "passed"),
    [(0.05, 0.02, 0.08, True), (0.05, -0.01, 0.11, False), (0.0, 0.0, 0.0, False), (-0.1, -0.2, -0.01, False)],
)
def test_the_champion_is_beaten_by_proof_and_not_by_a_coin(
    charts: sa.Engine, tmp_path: Path, value: float, low: float, high: float, passed: bool
) -> None:
    champion = champion_of_the_old_world(charts, tmp_path)
    fill(charts, recent_from=CHANGED)
    version = version_of(charts, tmp_path, 2, training_encounters(charts, ml.CODING))

    def said(against: str, count: int = 33, missing: bool = False) -> tuple[bool, str]:
        row = {"version": version, "part": WHOLE, "coder": difference(CHAMPION), "figure": "micro_f1",
               "value": None if missing else value, "low": None if missing else low, "high": None if missing else high,
               "encounters": count, "notes": f"x; champion: {against}"}  # fmt: skip
        with charts.begin() as connection:
            connection.execute(sa.delete(ml.coding_evaluation))
            copy_in(connection, ml.coding_evaluation, pd.DataFrame([row], dtype=object))
        found = {gate.name: gate for gate in gates(charts, version)}["candidate_beats_champion"]
        return found.passed, found.said

    assert said(champion)[0] is passed
    assert f"micro-F1 against {champion}: {value:+.4f}" in said(champion)[1]
    assert said(champion)[1].endswith("on 33 encounters of persons that neither learned from")
    assert said("coding-20260101-00000000") == (
        False, f"not measured against {champion}, the model in use: evaluate again",
    )  # fmt: skip
    assert said(champion, 0, missing=True) == (
        False, f"not measured against {champion}: too few encounters of the test are news to both",
    )  # fmt: skip
