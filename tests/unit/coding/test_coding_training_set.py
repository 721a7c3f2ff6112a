"""The training set of the coding model: labels of the release, documents to read, nothing lost without a reason."""

from __future__ import annotations

from datetime import date

import pandas as pd

from medcode_ml.coding.training_set import with_texts
from medcode_ml.contracts import ml
from medcode_ml.models.warehouse.labels import codes_in_release, labelled_encounters


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
    made = with_texts(labelled_encounters(given_labels, known), texts)
    apart = {"received_date", *ml.OF_THE_SPLIT}
    assert [c.name for c in ml.coding_training_set.columns if c.name not in apart] == list(made.columns)
    assert dict(zip(made["encounter_id"], made["set_aside"], strict=True)) == {
        "A": None, "B": "no_encounter", "C": "no_discharge_date", "D": "no_release", "E": "no_documents",
        "F": "no_codes", "G": "no_codes",
    }  # fmt: skip
    assert made.set_index("encounter_id").at["F", "codes_outside_release"] == ["E11"]


def test_the_coders_labels_count_before_codes_that_came_with_the_record() -> None:
    given_labels = labels(("A", "coder_label", "I10"), ("A", "delivered", "E11.9"), ("B", "crosswalked", "E11.9"))
    nothing = pd.DataFrame(columns=["encounter_id"], dtype=object)
    made = labelled_encounters(given_labels, nothing).set_index("encounter_id")
    assert list(made["label_source"]) == ["coder_label", "crosswalked"]
    assert made.at["A", "codes_outside_release"] == ["I10"]


def test_a_day_without_labels_gives_no_rows() -> None:
    nothing = pd.DataFrame(columns=["encounter_id"], dtype=object)
    assert with_texts(labelled_encounters(labels(), nothing), nothing).empty
