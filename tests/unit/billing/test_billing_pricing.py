"""Rule 34: every factor of the expected payment, recomputed by hand to the cent; Decimal throughout."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from medcode_ml.billing.batch import bill_batch
from medcode_ml.billing.payers import PayerBook, load_payers
from medcode_ml.billing.pricing.ipps import transfer_ratio
from medcode_ml.billing.records import bill_records, frames_from_records
from medcode_ml.codes.drg_weights import DrgWeight

AS_OF = date(2026, 11, 21)
_IPPS = """
contracts:
  medicare:
    terms:
      - from: 2025-10-01
        inpatient:
          method: ipps
          source: worked example
          operating_rate: 6800.00
          labor_share: 0.66
          labor_share_low_wage: 0.62
          capital_rate: 520.00
          capital_wage_exponent: 0.6848
          fixed_loss: 40397.00
          marginal_cost_factor: 0.80
          burn_marginal_cost_factor: 0.90
          default_hospital: {wage_index: 0.9000, operating_cost_to_charge: 0.25}
          hospitals:
            "1234567893":
              wage_index: 1.1250
              operating_cost_to_charge: 0.30
              capital_cost_to_charge: 0.02
              operating_ime: 0.05
              operating_dsh: 0.03
              capital_ime: 0.02
              capital_dsh: 0.01
              uncompensated_care: 150.00
"""


@pytest.fixture
def ipps(tmp_path: Path) -> PayerBook:
    file = tmp_path / "payers.yaml"
    file.write_text(_IPPS, encoding="utf-8")
    return load_payers(file)


def _stay(record, days: int, charge: str, **changes):
    """DRG 193 (weight 1.3144, GMLOS 3.9, post-acute in the FY2026 table), discharged 2026-06-20."""
    admitted = f"2026-06-{20 - days}"
    line = {"revenue_code": "0120", "units": days, "charge": charge, "date": admitted}
    payer = {"payer_id": "M", "name": "Medicare", "kind": "medicare", "contract": "medicare"}
    return record(
        ["J18.9", "J96.01"], admission_date=admitted, discharge_date="2026-06-20", lines=[line], payer=payer, **changes
    )


def test_rule_34_worked_example_with_transfer_and_outlier(record, ipps):
    made = _stay(record, 2, "250000.00", discharge_status="03")
    answer = bill_records([made], AS_OF, ipps).answers[0]
    assert answer["drg"] == "193"
    factors = {k: Decimal(v) for k, v in answer["expected_payment"].items()}
    by_hand = {
        "operating_base_rate": "6800.00",
        "labor_share": "0.66",
        "wage_index": "1.125",
        "wage_adjusted_operating_rate": "7361.00",  # 6800 x (0.66 x 1.125 + 0.34)
        "drg_weight": "1.3144",
        "operating_drg_payment": "9675.30",  # 7361.00 x 1.3144 = 9675.2984
        "operating_adjustment": "1.08",
        "operating_payment": "10449.32",  # 9675.30 x 1.08 = 10449.324
        "capital_base_rate": "520.00",
        "geographic_adjustment_factor": "1.0840",  # 1.125 to the 0.6848
        "capital_adjustment": "1.03",
        "capital_payment": "763.13",  # 520 x 1.0840 x 1.3144 x 1.03 = 763.128...
        "length_of_stay": "2",
        "geometric_mean_length_of_stay": "3.9",
        "transfer_adjustment": "0.769231",  # (2 + 1) / 3.9
        "operating_payment_after_transfer": "8037.94",  # 10449.32 x 0.769231 = 8037.9408...
        "capital_payment_after_transfer": "587.02",  # 763.13 x 0.769231 = 587.0232...
        "total_charge": "250000.00",
        "estimated_cost": "80000.00",  # 250000 x 0.32
        "fixed_loss": "40397.00",
        "adjusted_fixed_loss": "33641.19",  # 40397 x (0.9375 x 1.0825 + 0.0625 x 1.0840) x 0.769231
        "outlier_threshold": "42416.15",  # 8037.94 + 587.02 + 150.00 + 33641.19
        "marginal_cost_factor": "0.80",
        "outlier_payment": "30067.08",  # (80000.00 - 42416.15) x 0.80
        "uncompensated_care": "150.00",
        "expected_payment": "38842.04",  # 8037.94 + 587.02 + 30067.08 + 150.00
    }
    for name, value in by_hand.items():
        assert factors[name] == Decimal(value), name
    assert answer["weight"] == "1.3144"
    assert answer["weight_source"] == "IPPS FY2026 Table 5"


def test_the_same_stay_home_is_paid_in_full(record, ipps):
    answer = bill_records([_stay(record, 2, "250000.00")], AS_OF, ipps).answers[0]
    factors = answer["expected_payment"]
    assert Decimal(factors["transfer_adjustment"]) == 1
    # threshold 10449.32 + 763.13 + 150.00 + 43733.54 = 55095.99; (80000 - 55095.99) x 0.8 = 19923.208
    assert factors["outlier_payment"] == "19923.21"
    assert factors["expected_payment"] == "31285.66"


def test_a_long_stay_is_no_longer_reduced_as_a_transfer(record, ipps):
    answer = bill_records([_stay(record, 5, "9000.00", discharge_status="03")], AS_OF, ipps).answers[0]
    assert Decimal(answer["expected_payment"]["transfer_adjustment"]) == 1
    assert Decimal(answer["expected_payment"]["outlier_payment"]) == 0


def test_a_wage_index_of_one_or_less_takes_the_low_labour_share(record, ipps):
    made = _stay(record, 3, "9000.00")
    made["provider"]["npi"] = "1245319599"
    factors = bill_records([made], AS_OF, ipps).answers[0]["expected_payment"]
    assert factors["labor_share"] == "0.62"
    assert factors["wage_adjusted_operating_rate"] == "6378.40"  # 6800 x (0.62 x 0.9 + 0.38)


def _weight(post_acute: bool, special_pay: bool, drg: str = "469") -> DrgWeight:
    return DrgWeight(
        drg, Decimal(3), Decimal(6), Decimal(7), post_acute, special_pay, "08", "SURG", "", "worked example", True
    )


@pytest.mark.parametrize(
    ("status", "post_acute", "special_pay", "days", "share"),
    [
        ("01", True, False, 1, "1"),
        ("06", True, False, 1, "0.333333"),  # 2 / 6
        ("06", True, False, 9, "1"),
        ("06", True, True, 2, "0.75"),  # (1 + 3 / 6) / 2
        ("06", False, False, 1, "1"),
        ("02", False, False, 1, "0.333333"),
        ("02", True, True, 1, "0.333333"),  # special pay is for post-acute transfers alone
        ("62", True, False, 2, "0.5"),
    ],
)
def test_rule_34_transfer_shares(status, post_acute, special_pay, days, share):
    assert transfer_ratio(_weight(post_acute, special_pay), status, days)[0] == Decimal(share)


def test_neonates_transferred_have_a_drg_of_their_own_and_are_not_reduced():
    assert transfer_ratio(_weight(False, False, "789"), "02", 1)[0] == 1


def test_fy2027_says_that_its_weight_is_fy2026s(record, bill):
    answer = bill(record(["J18.9", "J96.01"]))
    assert answer["weight"] == "1.3144"
    assert "FY2026" in answer["weight_source"]
    assert "FY2027" in answer["weight_source"]


def _of(record, contract: str, **changes):
    return record(["J18.9", "J96.01"], payer={"payer_id": "X", "name": "X", "contract": contract}, **changes)


def test_percent_of_charges(record, bill):
    factors = bill(_of(record, "medicaid_percent"))["expected_payment"]
    assert factors["expected_payment"] == "3090.92"  # 9812.45 x 31.5% = 3090.92175


def test_per_diem_by_level_of_care_and_the_lesser_of_charges(record, bill):
    lines = [
        {"revenue_code": "0200", "units": 2, "charge": "16000.00", "date": "2026-11-10"},
        {"revenue_code": "0120", "units": 3, "charge": "5700.00", "date": "2026-11-12"},
    ]
    factors = bill(_of(record, "commercial_per_diem", lines=lines))["expected_payment"]
    assert factors["intensive_care_payment"] == "8500.00"  # 2 x 4250.00
    assert factors["per_diem_payment"] == "7650.00"  # 3 x 2550.00
    assert factors["expected_payment"] == "16150.00"
    cheap = bill(_of(record, "commercial_per_diem"))["expected_payment"]
    assert cheap["contract_amount"] == "12750.00"  # 5 x 2550.00
    assert cheap["expected_payment"] == "9812.45"


def test_per_diem_never_pays_more_days_than_the_stay_has(record, bill):
    lines = [{"revenue_code": "0200", "units": 9, "charge": "90000.00", "date": "2026-11-10"}]
    factors = bill(_of(record, "commercial_per_diem", lines=lines))["expected_payment"]
    assert (factors["intensive_care_days"], factors["other_days"]) == ("5", "0")


def test_case_rate_with_stop_loss_and_fixed_rate(record, bill):
    lines = [{"revenue_code": "0120", "units": 5, "charge": "200000.01", "date": "2026-11-10"}]
    factors = bill(_of(record, "commercial_case_rate", lines=lines))["expected_payment"]
    assert factors["case_rate"] == "15312.76"  # 11650.00 x 1.3144
    assert factors["stop_loss_payment"] == "14000.00"  # 40000.01 x 35% = 14000.0035
    assert factors["expected_payment"] == "29312.76"


def test_terms_are_those_of_the_discharge_date(record, bill):
    line = {"revenue_code": "0120", "units": 1, "charge": "9000.00", "date": "2025-12-30"}
    days = {"admission_date": "2025-12-30", "discharge_date": "2025-12-31", "lines": [line]}
    assert bill(_of(record, "commercial_per_diem", **days))["expected_payment"]["per_diem_rate"] == "2450.00"


def test_outpatient_terms(outpatient, bill):
    answer = bill(outpatient())
    assert answer["expected_payment"]["expected_payment"] == "148.61"  # 675.50 x 22%
    assert answer["claim"] == "ready"


def test_prior_payments_are_taken_off(record, bill):
    paid = {"payer_id": "OTHER", "name": "Other", "member_id": "M1", "paid": "1000.00", "date": "2026-11-18"}
    paid["adjustments"] = [{"group": "PR", "reason": "1", "amount": "8812.45"}]
    factors = bill(_of(record, "medicaid_percent", prior_payments=[paid]))["expected_payment"]
    assert factors["allowed_payment"] == "3090.92"
    assert factors["expected_payment"] == "2090.92"


def test_a_contract_without_terms_that_day_holds_the_claim(record, bill, raised):
    line = {"revenue_code": "0120", "units": 1, "charge": "9000.00", "date": "2022-09-01"}
    answer = bill(
        _of(record, "medicaid_percent", admission_date="2022-09-01", discharge_date="2022-09-01", lines=[line])
    )
    assert ("contract_not_in_force", None) in raised(answer)
    assert answer["claim"] == "held"


def test_rule_34_amounts_are_decimal_and_floats_are_refused(record, payers):
    frames, _, _ = frames_from_records([record()])
    billed = bill_batch(frames, AS_OF, payers)
    for column in ("total_charge", "expected_payment", "weight"):
        assert [type(v) for v in billed.claims[column]] == [Decimal]
    assert {type(v) for v in billed.factors["value"]} == {Decimal}
    with pytest.raises(ValueError, match="Decimal"):
        bill_batch(
            type(frames)(frames.encounters, frames.codes, frames.procedures, frames.lines.assign(charge=1.5)),
            AS_OF,
            payers,
        )
