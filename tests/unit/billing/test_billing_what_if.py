"""Rule 15: other principals, other payments. Shown for review, never applied (rule 43)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pandas as pd

from medcode_ml.billing.batch import bill_batch
from medcode_ml.billing.records import frames_from_records

AS_OF = date(2026, 11, 21)


def _shown(answer):
    return [(w["principal_code"], w["rank"], w["drg"]) for w in answer["what_if"]]


def test_rule_15_every_other_principal_with_its_drg_and_payment(record, bill):
    answer = bill(record(["J18.9", "A41.9", "N17.9"]))
    assert answer["drg"] == "193"
    assert _shown(answer) == [("A41.9", 2, "871"), ("N17.9", 3, "682")]
    sepsis = answer["what_if"][0]
    alone = bill(record(["A41.9", "J18.9", "N17.9"]))
    assert sepsis["weight"] == alone["weight"]
    assert sepsis["expected_payment"] == alone["expected_payment"]["expected_payment"]
    paid = Decimal(answer["expected_payment"]["expected_payment"])
    assert Decimal(sepsis["difference"]) == Decimal(sepsis["expected_payment"]) - paid


def test_rule_43_asking_changes_no_claim(record, payers):
    frames, _, _ = frames_from_records([record(["J18.9", "A41.9", "N17.9"]), record(["I10"], encounter_id="E2")])
    without, asked = (bill_batch(frames, AS_OF, payers, candidates=n) for n in (0, 3))
    assert len(without.what_ifs) == 0
    assert len(asked.what_ifs) == 2
    pd.testing.assert_frame_equal(without.claims, asked.claims)
    pd.testing.assert_frame_equal(without.edits, asked.edits)
    pd.testing.assert_frame_equal(without.factors, asked.factors)


def test_codes_the_editor_refuses_are_no_candidates(record, bill):
    codes = ["J18.9", ("W01.0XXA", None), "F02.80", "R65.20", ("Z33.1", None), "A41.9", "A41.9"]
    assert _shown(bill(record(codes))) == [("A41.9", 6, "871")]


def test_ranking_says_which_codes_are_eligible(record, payers):
    frames, _, _ = frames_from_records([record(["J18.9", "A41.9", "N17.9"])])
    frames = replace(frames, codes=frames.codes.assign(eligible=[True, False, True]))
    assert bill_batch(frames, AS_OF, payers).what_ifs["principal_code"].tolist() == ["N17.9"]


def test_only_the_first_few_in_reporting_order_are_tried(record, payers):
    codes = ["J18.9", "N17.9", "I50.23", "A41.9", "K92.2", "I21.4"]
    frames, _, _ = frames_from_records([record(codes)])
    assert bill_batch(frames, AS_OF, payers, candidates=2).what_ifs["principal_code"].tolist() == codes[1:3]


def test_a_payer_that_does_not_pay_by_drg_pays_the_same(record, bill):
    answer = bill(record(["J18.9", "A41.9"], payer={"payer_id": "X", "name": "X", "contract": "medicaid_percent"}))
    assert [w["difference"] for w in answer["what_if"]] == ["0.00"]


def test_without_a_contract_the_drg_is_shown_without_a_payment(record, bill):
    answer = bill(record(["J18.9", "A41.9"], payer={"payer_id": "X", "name": "X"}))
    assert _shown(answer) == [("A41.9", 2, "871")]
    assert answer["what_if"][0]["expected_payment"] is None


def test_rule_18_a_code_that_was_not_transmitted_moves_up_with_the_others_behind_it(record, payers):
    fill = [f"Z87.{n}" for n in ("11", "19", "39", "440", "442")]
    minor = ["K21.9", "I10", "E78.5", "M54.50", "R05.9", "H91.90", "L30.9", "K59.00", "D64.9", "E87.6", "E03.9"]
    minor += ["F41.9", "G47.33", "M10.9", "N40.0", "K57.30", "G89.29", "M81.0", "E55.9"]
    codes = [("J18.9", "Y"), *((c, None) for c in fill), *((c, "Y") for c in minor), ("I50.23", "Y")]
    frames, _, _ = frames_from_records([record(codes)])
    eligible = [code in ("J18.9", "I50.23") for code, _ in codes]
    frames = replace(frames, codes=frames.codes.assign(eligible=eligible))
    (other,) = bill_batch(frames, AS_OF, payers).what_ifs.to_dict("records")
    assert (other["principal_code"], other["rank"], other["drg"]) == ("I50.23", 26, "291")
