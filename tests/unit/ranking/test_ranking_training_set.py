"""The training set of the ranking model: only lists whose order coders gave, principal first, none lost unsaid."""

from __future__ import annotations

from datetime import date

import pandas as pd

from medcode_ml.contracts import ml
from medcode_ml.models.warehouse.labels import labels_that_count
from medcode_ml.ranking.frames import PLACE
from medcode_ml.ranking.store_frames import labelled_codes
from medcode_ml.ranking.training_set import ordered_encounters

DAY = date(2026, 10, 2)


def labels(
    *rows: tuple[str, str | None, int | None], source: str = "coder_label", poa: str | None = "Y"
) -> pd.DataFrame:
    made = [(encounter, "folder", "H1", source, code, place, poa) for encounter, code, place in rows]
    columns = ["encounter_id", "source", "hospital_id", "label_source", "code", "place", "poa"]
    return pd.DataFrame(made, columns=columns, dtype=object)


def stays(*encounters: str) -> pd.DataFrame:
    columns = ["encounter_id", "patient_id", "setting", "discharge_date"]
    return pd.DataFrame([(e, "P", "inpatient", DAY) for e in encounters], columns=columns, dtype=object)


def aside(given: pd.DataFrame) -> dict[str, str | None]:
    made = ordered_encounters(given, stays(*given["encounter_id"].unique()))
    apart = {"received_date", *ml.OF_THE_SPLIT}
    assert [c.name for c in ml.ranking_training_set.columns if c.name not in apart] == list(made.columns)
    return dict(zip(made["encounter_id"], made["set_aside"], strict=True))


def test_labels_without_an_order_or_a_principal_are_set_aside_with_the_reason() -> None:
    given = labels(
        ("A", "J18.9", 1), ("A", "I10", 2),
        ("B", "J18.9", 1), ("B", "I10", None),
        ("C", "J18.9", 1), ("C", "I10", 1),
        ("D", "E11", 1), ("D", "I10", 2), ("D", "J18.9", 3),  # E11 is no billable code
        ("E", "J18.9", 1),
        ("F", "J18.9", 1), ("F", "E11", 2),  # of two labels one is left
        ("G", "E11", 1),
        ("H", None, 1), ("H", "I10", 2), ("H", "J18.9", 3),
    )  # fmt: skip
    assert aside(given) == {
        "A": None, "B": "no_order", "C": "no_order", "D": "no_principal", "E": "one_code", "F": "one_code",
        "G": "no_codes", "H": "no_principal",
    }  # fmt: skip
    unknown = ordered_encounters(given, stays("A")).set_index("encounter_id")["set_aside"]
    assert unknown["B"] == "no_encounter"


def test_a_delivered_code_that_became_several_keeps_its_order() -> None:
    """An ICD-9 code of a research record may be a combination: its parts share the place."""
    assert aside(labels(("A", "J18.9", 1), ("A", "I10", 2), ("A", "E11.9", 2), source="crosswalked")) == {"A": None}


def test_the_order_and_the_indicators_are_those_of_the_coders() -> None:
    given = pd.concat(
        [
            labels(("A", "j189", 1), poa="Y"), labels(("A", "N179", 2), poa="N"), labels(("A", "J18.9", 3), poa="U"),
            labels(("A", "I10", 4), poa=None), labels(("A", "Z99.2", 1), source="delivered"),
        ]
    )  # fmt: skip
    made = ordered_encounters(given, stays("A"))
    assert made.loc[0, "codes"] == ["J18.9", "N17.9", "I10"]
    assert made.loc[0, "poa"] == ["Y", "N", None]
    assert made.loc[0, "code_count"] == 3
    codes = labelled_codes(made)
    assert list(codes[["code", "poa", PLACE]].itertuples(index=False, name=None)) == [
        ("J18.9", "Y", 1), ("N17.9", "N", 2), ("I10", None, 3),
    ]  # fmt: skip


def test_codes_that_came_with_the_record_count_where_coders_wrote_none() -> None:
    given = pd.concat(
        [labels(("A", "J18.9", 1)), labels(("A", "I10", 1), ("B", "I10", 1), ("B", "J18.9", 2), source="delivered")]
    )
    assert set(labels_that_count(given)["label_source"]) == {"coder_label", "delivered"}
    assert labels_that_count(given).groupby("encounter_id")["label_source"].unique().map(list).to_dict() == {
        "A": ["coder_label"], "B": ["delivered"],
    }  # fmt: skip


def test_a_day_without_labels_gives_no_rows() -> None:
    assert ordered_encounters(labels(), stays()).empty
