"""The training set of the coding model: a person in one part, the latest in the test, nothing lost without a reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medcode_ml.coding.training_set import codes_in_release, labelled_encounters
from medcode_ml.coding.training_split import CALIBRATION, PARTS, TEST, TRAIN, split_encounters
from medcode_ml.contracts import ml

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


def test_rule_1_labels_are_held_against_the_code_set_of_the_discharge() -> None:
    """B88.0 is billable on 2025-01-15 and no more on 2026-11-15; a bare code gets its dot, repeated ones are one."""
    assert codes_in_release(["B88.0", "I5023", "i50.23"], date(2025, 1, 15)) == (["B88.0", "I50.23"], [], True)
    assert codes_in_release(["B88.0", "I5023", None], date(2026, 11, 15)) == (["I50.23"], ["B88.0"], True)
    assert codes_in_release(["I50.23"], date(1999, 1, 1)) == ([], ["I50.23"], False)


def labels(*rows: tuple[str, str, str | None]) -> pd.DataFrame:
    made = [(encounter, "folder", "H1", source, code) for encounter, source, code in rows]
    columns = ["encounter_id", "source", "hospital_id", "label_source", "code"]
    return pd.DataFrame(made, columns=columns, dtype=object)


def test_every_labelled_encounter_is_kept_or_set_aside_with_its_reason() -> None:
    day = date(2026, 10, 2)
    given_labels = labels(
        ("A", "coder_label", "I10"), ("B", "coder_label", "I10"), ("C", "coder_label", "I10"),
        ("D", "coder_label", "I10"), ("E", "coder_label", "I10"), ("F", "coder_label", "E11"),
        ("G", "coder_label", None),
    )  # fmt: skip
    known = pd.DataFrame(
        [("A", "P", "inpatient", day), ("C", "P", None, None), ("D", "P", None, date(1990, 1, 1)),
         ("E", "P", None, day), ("F", "P", None, day), ("G", "P", None, day)],
        columns=["encounter_id", "patient_id", "setting", "discharge_date"], dtype=object,
    )  # fmt: skip
    texts = pd.DataFrame(
        [(e, ["X"], 9, "h") for e in "ACDFG"],
        columns=["encounter_id", "document_ids", "character_count", "text_hash"],
        dtype=object,
    )
    made = labelled_encounters(given_labels, known, texts)
    assert [c.name for c in ml.coding_training_set.columns if c.name != "received_date"] == list(made.columns)
    assert dict(zip(made["encounter_id"], made["set_aside"], strict=True)) == {
        "A": None, "B": "no_encounter", "C": "no_discharge_date", "D": "no_release", "E": "no_documents",
        "F": "no_codes", "G": "no_codes",
    }  # fmt: skip
    assert made.set_index("encounter_id").at["F", "codes_outside_release"] == ["E11"]


def test_the_coders_labels_count_before_codes_that_came_with_the_record() -> None:
    given_labels = labels(("A", "coder_label", "I10"), ("A", "delivered", "E11.9"), ("B", "crosswalked", "E11.9"))
    nothing = pd.DataFrame(columns=["encounter_id"], dtype=object)
    made = labelled_encounters(given_labels, nothing, nothing).set_index("encounter_id")
    assert list(made["label_source"]) == ["coder_label", "crosswalked"]
    assert made.at["A", "codes_outside_release"] == ["I10"]


def test_a_day_without_labels_gives_no_rows() -> None:
    nothing = pd.DataFrame(columns=["encounter_id"], dtype=object)
    assert labelled_encounters(labels(), nothing, nothing).empty
