"""The split of labelled encounters: a person in one part, the latest in the test, whatever the order of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medcode_ml.models.splitting import CALIBRATION, PARTS, TEST, TRAIN, folds_of, split_encounters

FIRST = date(2026, 1, 1)
STAYS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 200)), min_size=1, max_size=60)


def stays(drawn: Sequence[tuple[int, int]]) -> pd.DataFrame:
    """One encounter for each (person, day)."""
    rows = [(f"E{n}", f"P{person}", FIRST + timedelta(days=day)) for n, (person, day) in enumerate(drawn)]
    return pd.DataFrame(rows, columns=["encounter_id", "person_id", "discharge_date"], dtype=object)


@settings(max_examples=60, deadline=None)
@given(STAYS)
def test_a_person_is_in_one_part_and_no_encounter_is_lost(drawn: list[tuple[int, int]]) -> None:
    frame = stays(drawn)
    parts = split_encounters(frame)
    assert list(parts.index) == list(frame.index)
    assert set(parts) <= set(PARTS)
    assert frame.assign(part=parts).groupby("person_id")["part"].nunique().max() == 1


@settings(max_examples=60, deadline=None)
@given(STAYS)
def test_no_one_learned_from_was_last_discharged_after_someone_tested(drawn: list[tuple[int, int]]) -> None:
    frame = stays(drawn).assign(part=split_encounters(stays(drawn)))
    last = frame.groupby("person_id").agg(day=("discharge_date", "max"), part=("part", "first"))
    for earlier, later in ((TRAIN, CALIBRATION), (TRAIN, TEST), (CALIBRATION, TEST)):
        before, after = last.loc[last["part"] == earlier, "day"], last.loc[last["part"] == later, "day"]
        assert before.empty or after.empty or before.max() <= after.min()


def test_the_order_of_rows_does_not_change_the_split() -> None:
    frame = stays([(n % 40, (n * 37) % 90) for n in range(200)])
    shuffled = frame.sample(frac=1.0, random_state=3)
    pd.testing.assert_series_equal(split_encounters(frame), split_encounters(shuffled).sort_index())


def test_the_shares_are_those_asked_for() -> None:
    counts = split_encounters(stays([(n, n) for n in range(1000)])).value_counts()
    assert (counts[TEST], counts[CALIBRATION], counts[TRAIN]) == (200, 150, 650)


def test_shares_that_leave_nothing_to_learn_from_are_refused() -> None:
    with pytest.raises(ValueError, match="together below 1"):
        split_encounters(stays([(1, 1)]), test_share=0.6, calibration_share=0.4)


def test_an_encounter_of_an_unknown_person_is_its_own_person() -> None:
    frame = stays([(n, n) for n in range(40)])
    frame["person_id"] = None
    assert split_encounters(frame).value_counts().to_dict() == {TRAIN: 26, TEST: 8, CALIBRATION: 6}


# --- the recent slice of a retraining ---------------------------------------------------------------------------------

CHANGED = FIRST + timedelta(days=150)
KNOWN = st.sets(st.integers(0, 12), max_size=12)


def received(drawn: Sequence[tuple[int, int]]) -> pd.DataFrame:
    """As `stays`, received on the day of discharge."""
    frame = stays(drawn)
    return frame.assign(received_date=frame["discharge_date"])


def recent_split(frame: pd.DataFrame, known: set[int] = frozenset()) -> pd.DataFrame:  # type: ignore[assignment]
    learned = {f"P{n}" for n in known}
    return frame.assign(part=split_encounters(frame, recent_from=CHANGED, learned=learned))


def persons(frame: pd.DataFrame, part: str) -> set[str]:
    return set(frame.loc[frame["part"] == part, "person_id"])


@settings(max_examples=60, deadline=None)
@given(STAYS, KNOWN)
def test_of_the_recent_slice_nobody_stands_on_two_sides_and_no_encounter_is_lost(
    drawn: list[tuple[int, int]], known: set[int]
) -> None:
    frame = recent_split(received(drawn), known)
    assert set(frame["part"]) <= set(PARTS)
    assert frame.groupby("person_id")["part"].nunique().max() == 1


@settings(max_examples=60, deadline=None)
@given(STAYS, KNOWN)
def test_nobody_is_tested_whom_the_champion_knows_or_who_was_not_seen_since_the_change(
    drawn: list[tuple[int, int]], known: set[int]
) -> None:
    frame = recent_split(received(drawn), known)
    tested = persons(frame, TEST)
    assert tested.isdisjoint(f"P{n}" for n in known)
    assert tested <= set(frame.loc[frame["received_date"] >= CHANGED, "person_id"])


@settings(max_examples=60, deadline=None)
@given(STAYS, KNOWN)
def test_no_part_is_empty_where_there_are_persons_enough(drawn: list[tuple[int, int]], known: set[int]) -> None:
    frame = recent_split(received(drawn), known)
    count = frame["person_id"].nunique()
    free = set(frame.loc[frame["received_date"] >= CHANGED, "person_id"]) - {f"P{n}" for n in known}
    assert persons(frame, TRAIN)
    assert persons(frame, TEST) or not free or count == 1
    assert persons(frame, CALIBRATION) or count - bool(persons(frame, TEST)) < 2


@settings(max_examples=60, deadline=None)
@given(STAYS, st.integers(165, 200), st.sets(st.integers(0, 300), max_size=30))
def test_more_days_only_add_persons_to_the_slice(drawn: list[tuple[int, int]], until: int, known: set[int]) -> None:
    """The frozen slice: who was tested once is tested again, and was never learned from in between."""
    old = [(100 + n, n) for n in range(100)]
    new = [(300 + n, 150 + n) for n in range(50)]
    early, late = (recent_split(received([*old, *(x for x in (*new, *drawn) if x[1] <= last)]), known)
                   for last in (until, 200))  # fmt: skip
    assert persons(early, TEST) <= persons(late, TEST)
    assert persons(late, TEST).isdisjoint(persons(early, TRAIN) - persons(late[late["received_date"] >= CHANGED], TEST))


def test_the_shares_of_the_recent_and_of_the_older_are_those_promised() -> None:
    frame = recent_split(received([(n, n % 150) for n in range(3000)] + [(n, 150 + n % 50) for n in range(3000, 6000)]))
    recent = frame["received_date"] >= CHANGED
    shares = frame[recent]["part"].value_counts(normalize=True)
    assert shares[TEST] == pytest.approx(1 / 3, abs=0.03)
    assert shares[CALIBRATION] == pytest.approx(1 / 6, abs=0.03)
    older = frame[~recent]["part"].value_counts(normalize=True)
    assert set(older.index) == {TRAIN, CALIBRATION}
    assert older[CALIBRATION] == pytest.approx(0.15, abs=0.03)


def test_the_recent_slice_does_not_hang_on_the_order_of_rows() -> None:
    frame = received([(n % 90, (n * 37) % 200) for n in range(300)])
    shuffled = frame.sample(frac=1.0, random_state=3)
    pd.testing.assert_series_equal(recent_split(frame)["part"], recent_split(shuffled)["part"].sort_index())


def test_without_a_recent_day_the_known_do_not_count() -> None:
    frame = received([(n, n) for n in range(40)])
    pd.testing.assert_series_equal(split_encounters(frame), split_encounters(frame, learned={"P39"}))


def test_patients_are_never_in_two_folds() -> None:
    patients = tuple(f"P{number // 3}" for number in range(60))
    folds = folds_of(patients, 5, 1)
    assert all(len(set(folds[np.array(patients) == patient])) == 1 for patient in set(patients))
    assert np.bincount(folds).tolist() == [12] * 5
