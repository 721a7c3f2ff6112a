"""The shape of the answer: frames, permutations, sizes and faulty input."""

from __future__ import annotations

import random
from datetime import date

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.contracts import ranked as contract
from medcode_ml.ranking.batch import rank_batch
from medcode_ml.ranking.frames import RankingInputError
from medcode_ml.ranking.records import RankRecordError, rank_records

POOL = [
    "A41.9",
    "R65.21",
    "J18.9",
    "J96.01",
    "N17.9",
    "N39.0",
    "B96.20",
    "I11.0",
    "I13.0",
    "I50.23",
    "I50.22",
    "N18.6",
    "I12.0",
    "E11.22",
    "E11.9",
    "Z79.4",
    "Z87.891",
    "I10",
    "W19.XXXA",
    "S72.001A",
    "S06.5X0A",
    "R07.9",
    "R55",
    "K92.2",
    "K26.4",
    "D62",
    "K74.60",
    "I85.11",
    "C34.90",
    "C79.31",
    "G93.5",
    "Z51.11",
    "O14.14",
    "Z38.00",
    "T83.511A",
    "T40.2X1A",
    "T45.515A",
    "F10.231",
    "Z66",
    "E87.1",
    "I21.4",
    "I25.10",
    "I48.91",
    "NOCODE",
    "Q99Z",
    "L97.519",
    "E11.621",
    "J44.1",
    "J44.0",
    "Z3A.38",
]


def frames(codes: list[str], **keys: object) -> tuple[pd.DataFrame, pd.DataFrame]:
    encounters = pd.DataFrame([{"encounter_id": "E1", **keys}])
    return encounters, pd.DataFrame({"encounter_id": ["E1"] * len(codes), "code": codes})


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.sampled_from(POOL), min_size=1, max_size=30),
    st.integers(0, 2**31),
    st.sampled_from(["ELECTIVE", "EMERGENCY", None]),
    st.sampled_from(["F", "M", None]),
)
def test_order_of_the_input_never_matters_and_nothing_is_lost(
    codes: list[str], seed: int, admission: str | None, sex: str | None
) -> None:
    shuffled = random.Random(seed).sample(codes, len(codes))
    first = rank_batch(*frames(codes, admission_type=admission, sex=sex))
    second = rank_batch(*frames(shuffled, admission_type=admission, sex=sex))
    pd.testing.assert_frame_equal(first.codes, second.codes)
    pd.testing.assert_frame_equal(first.encounters, second.encounters)
    assert sorted(first.codes["code"]) == sorted(codes)
    assert first.codes["rank"].tolist() == list(range(1, len(codes) + 1))
    assert first.codes["score"].is_monotonic_decreasing
    assert first.codes["score"].between(0, 1).all()
    assert first.codes["reasons"].map(len).min() >= 1
    assert first.codes["principal"].sum() == (first.encounters["outcome"] == "ranked").sum()
    assert not first.codes["principal"].iloc[1:].any()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.sampled_from(POOL), max_size=12), min_size=1, max_size=6))
def test_company_in_the_batch_never_matters(stays: list[list[str]]) -> None:
    """Batch or one by one: the same answer, so that stream, API and stage agree."""
    lines = [{"encounter_id": f"E{number}", "codes": codes} for number, codes in enumerate(stays)]
    assert rank_records(lines) == [rank_records([line])[0] for line in lines]


def test_columns_are_those_of_the_contract() -> None:
    batch = rank_batch(*frames(["J18.9", "I10"]))
    for frame, table in ((batch.encounters, contract.encounter), (batch.codes, contract.encounter_code)):
        assert set(frame.columns) == {column.name for column in table.columns} - {"received_date"}
        for column in table.columns:
            if not column.nullable and column.name != "received_date":
                assert frame[column.name].notna().all(), column.name


@pytest.mark.parametrize("size", [1, 60, 300])
def test_lists_of_any_length(size: int) -> None:
    codes = [str(code) for code in CodeSet.on(date(2026, 11, 15)).codes[:: 74_000 // size]][:size]
    batch = rank_batch(*frames(codes))
    assert len(batch.codes) == size
    assert batch.encounters.loc[0, "code_count"] == size
    assert batch.encounters.loc[0, "principal_code"] in codes
    assert batch.codes["score"].is_monotonic_decreasing


def test_outcomes() -> None:
    encounters = pd.DataFrame({"encounter_id": ["A", "B", "C"]})
    codes = pd.DataFrame({"encounter_id": ["A", "C", "C"], "code": ["J18.9", "W19.XXXA", "B96.20"]})
    batch = rank_batch(encounters, codes)
    assert batch.encounters["outcome"].tolist() == ["ranked", "no_codes", "no_eligible_principal"]
    assert batch.encounters["principal_code"].tolist() == ["J18.9", None, None]
    assert batch.codes.loc[batch.codes["encounter_id"] == "C", "rank"].tolist() == [1, 2]


def test_runner_up_is_the_next_that_could_lead() -> None:
    batch = rank_batch(*frames(["A41.9", "I10", "J18.9", "Z79.4"]))
    assert batch.encounters.loc[0, "principal_code"] == "A41.9"
    assert batch.encounters.loc[0, "runner_up"] == "J18.9"
    alone = rank_batch(*frames(["A41.9", "Z79.4"]))
    assert alone.encounters.loc[0, "runner_up"] is None


def test_unknown_codes_stand_last() -> None:
    batch = rank_batch(*frames(["NOCODE", "W19.XXXA", "I10", "Q99Z"]))
    assert set(batch.codes["code"].iloc[2:]) == {"NOCODE", "Q99Z"}
    assert all("not a known" in reasons[-1] for reasons in batch.codes["reasons"].iloc[2:])


def test_exempt_codes_carry_no_indicator() -> None:
    encounters, codes = frames(["J18.9", "Z79.4"])
    batch = rank_batch(encounters, codes.assign(poa=["Y", "Y"]))
    assert batch.codes.set_index("code")["poa"].to_dict() == {"J18.9": "Y", "Z79.4": None}


def test_missing_age_and_everything_else() -> None:
    batch = rank_batch(*frames(["J18.9", "I10"], age=None, sex=None, discharge_date=None, service=None))
    assert batch.encounters.loc[0, "principal_code"] == "J18.9"


def test_empty_batch() -> None:
    batch = rank_batch(pd.DataFrame({"encounter_id": []}), pd.DataFrame({"encounter_id": [], "code": []}))
    assert batch.encounters.empty
    assert batch.codes.empty


def test_faulty_frames_are_refused_with_what_to_do() -> None:
    encounters, codes = frames(["J18.9"])
    with pytest.raises(RankingInputError, match="encounter_id is missing"):
        rank_batch(encounters.drop(columns="encounter_id"), codes)
    with pytest.raises(RankingInputError, match="not in the encounter frame"):
        rank_batch(encounters, codes.assign(encounter_id="E2"))
    with pytest.raises(RankingInputError, match="codes are empty"):
        rank_batch(encounters, codes.assign(code=None))
    with pytest.raises(RankingInputError, match="repeat an encounter_id"):
        rank_batch(pd.concat([encounters, encounters]), codes)


def test_lines_carry_unknown_keys_and_refuse_faulty_ones() -> None:
    answer = rank_records([{"encounter_id": "E1", "codes": ["I10", "J18.9"], "ward": "7B"}])[0]
    assert answer["ward"] == "7B"
    assert answer["model_version"].startswith("guidelines")
    keys = {"code", "score", "rank", "principal", "eligible", "reasons"}
    assert [set(entry) for entry in answer["codes"]] == [keys] * 2
    for line in (
        {"codes": ["I10"]},
        {"encounter_id": "E1"},
        {"encounter_id": "E1", "codes": [7]},
        {"encounter_id": "E1", "codes": ["I10"], "discharge_date": "soon"},
        {"encounter_id": "E1", "codes": ["I10"], "medications": ["Heparin"]},
        {"encounter_id": "E1", "codes": ["...."]},
        {"encounter_id": "E1", "codes": [{"code": "I10", "document_types": [["a", "b", "c"]]}]},
        {"encounter_id": "E1", "codes": ["I10"], "medications": [{"name": ["Heparin"]}]},
        {"encounter_id": "E1", "codes": ["I10"], "service": ["MED"]},
    ):
        with pytest.raises(RankRecordError):
            rank_records([line])
