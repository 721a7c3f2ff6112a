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


def test_patients_are_never_in_two_folds() -> None:
    patients = tuple(f"P{number // 3}" for number in range(60))
    folds = folds_of(patients, 5, 1)
    assert all(len(set(folds[np.array(patients) == patient])) == 1 for patient in set(patients))
    assert np.bincount(folds).tolist() == [12] * 5
