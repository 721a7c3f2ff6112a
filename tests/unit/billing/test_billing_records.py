"""Records in and answers out: `medcode bill` lines, batch behaviour, contracts of the billed tables."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from medcode_ml.billing.batch import CLAIM_COLUMNS, EDIT_COLUMNS, FACTOR_COLUMNS, bill_batch, claim_number
from medcode_ml.billing.claims import ClaimFramesError
from medcode_ml.billing.records import bill_records, frames_from_records
from medcode_ml.contracts import billed


def test_answers_are_json_and_carry_unknown_keys_untouched(record, bill):
    answer = bill(record(note={"kept": [1, 2]}, patient_id="P9"))
    read = json.loads(json.dumps(answer))
    assert read["note"] == {"kept": [1, 2]}
    assert "patient_id" not in read
    assert {"encounter_id", "edits", "drg", "mdc", "weight", "expected_payment", "claim", "held_because"} <= set(read)
    assert set(answer["expected_payment"]) >= {"drg_weight", "labor_share", "expected_payment"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"encounter_id": None}, "encounter_id is absent"),
        ({"discharge_date": "15.11.2026"}, "discharge_date must be a date"),
        ({"discharge_date": 5}, "discharge_date must be a date"),
        ({"codes": "J18.9"}, "codes must be a list"),
        ({"codes": [5]}, "codes: entry 1: must be a code, or an object"),
        ({"codes": [{"poa": "Y"}]}, "codes: entry 1: code is absent"),
        ({"admission_date": "0001-01-01"}, "admission_date must lie between 1850 and 2150"),
        ({"procedures": [{"code": "5A1935Z", "date": "9999-12-31"}]}, "procedures: entry 1: date must lie between"),
        ({"lines": [{"charge": "1e9999999"}]}, "lines: entry 1: charge must be a finite amount"),
        ({"lines": [{"units": "1e-9999999"}]}, "units must be an amount of at most 20 decimals"),
        ({"lines": [{"modifiers": ["\ud83d"]}]}, "modifiers holds half of a surrogate pair"),
        ({"age": "old"}, "age must be"),
        ({"age": float("nan")}, "age must be"),
        ({"lines": [{"charge": "ten"}]}, "charge must be an amount"),
        ({"lines": [{"charge": "1e300"}]}, "charge must be a finite amount"),
        ({"lines": [{"units": 10**30}]}, "units must be a finite amount"),
        ({"lines": [{"charge": "NaN"}]}, "charge must be a finite amount"),
        ({"lines": [{"modifiers": "25"}]}, "modifiers must be a list"),
        ({"provider": []}, "provider must be an object"),
        ({"provider": {"name": "half a \ud83d"}}, "name holds half of a surrogate pair"),
    ],
)
def test_malformed_records_are_rejected_with_their_reason_and_stop_nothing(record, payers, changes, words):
    result = bill_records([record() | changes, record(encounter_id="E2")], date(2026, 11, 21), payers)
    assert [r.place for r in result.rejected] == [0]
    assert words in result.rejected[0].reason
    assert [a["encounter_id"] for a in result.answers] == ["E2"]


def test_a_second_record_of_an_encounter_is_rejected(record, bill_all):
    result = bill_all(record(), record())
    assert [r.place for r in result.rejected] == [1]
    assert len(result.answers) == 1


def test_a_record_that_is_no_object_is_rejected():
    _, read, rejected = frames_from_records([["no"], None])  # type: ignore[list-item]
    assert read == []
    assert len(rejected) == 2


def test_a_json_number_keeps_the_amount_that_was_written(record, bill):
    made = record()
    made["lines"][1]["charge"] = 312.45
    assert bill(made)["total_charge"] == "9812.45"


def test_undotted_codes_are_read_and_misplaced_dots_are_not_repaired(record, bill, raised):
    assert bill(record(["J189", "J9601"]))["drg"] == "193"
    answer = bill(record(["J18.9", "J1.89"]))
    assert ("invalid_code", "J1.89") in raised(answer)
    assert answer["claim"] == "held"


def test_every_encounter_gets_one_claim_in_order(record, bill_all):
    records = [record(encounter_id=f"E{n}", patient_id=f"P{n}", codes=["J18.9"] if n % 2 else []) for n in range(6)]
    result = bill_all(*records)
    assert result.billed.claims["encounter_id"].tolist() == [f"E{n}" for n in range(6)]
    assert result.billed.claims["status"].tolist() == ["held", "ready"] * 3


def test_an_empty_batch_has_its_columns(payers):
    result = bill_records([], date(2026, 11, 21), payers)
    assert result.answers == []
    assert list(result.billed.claims.columns) == list(CLAIM_COLUMNS)


def test_columns_are_those_of_the_contracts():
    for table, columns in (
        (billed.claim, CLAIM_COLUMNS),
        (billed.claim_edit, EDIT_COLUMNS),
        (billed.payment_factor, FACTOR_COLUMNS),
    ):
        assert [c.name for c in table.columns if c.name != "received_date"] == list(columns)


def test_the_claim_number_is_stable_and_says_nothing(record, bill):
    assert bill(record())["claim_number"] == claim_number("E1") == claim_number("E1")
    assert claim_number("E1") != claim_number("E2")
    assert len(claim_number("E1")) <= 20
    assert claim_number("E1") != "E1"


def test_the_kind_of_payer_comes_from_the_contract_when_the_record_gives_none(record, bill_all):
    result = bill_all(record(payer={"payer_id": "X", "name": "X", "contract": "ipps"}))
    assert result.frames.encounters["payer_kind"].tolist() == ["medicare"]


def test_frames_of_the_wrong_type_are_refused_with_their_column(record, payers):
    frames, _, _ = frames_from_records([record()])
    for column, value, words in (
        ("hac_exempt", "N", "hac_exempt must be true or false"),
        ("discharge_date", "2026-11-15", "a date must be"),
    ):
        wrong = replace(frames, encounters=frames.encounters.assign(**{column: value}))
        with pytest.raises(ClaimFramesError, match=words):
            list(wrong.cases())
    with pytest.raises(ClaimFramesError, match="more than once"):
        list(replace(frames, encounters=pd.concat([frames.encounters] * 2)).cases())


def test_time_stamps_and_missing_values_of_pandas_are_read(record, payers):
    frames, _, _ = frames_from_records([record()])
    encounters = frames.encounters.assign(
        discharge_date=pd.to_datetime(frames.encounters["discharge_date"]), contract=float("nan"), age=70.0
    )
    (claim,) = bill_batch(replace(frames, encounters=encounters), date(2026, 11, 21), payers).claims.to_dict("records")
    assert claim["status"] == "ready"
    assert claim["discharge_date"] == date(2026, 11, 15)
