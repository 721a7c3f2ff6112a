"""Rule 34: fee schedules line by line, and contracts with a gap in their dates."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from medcode_ml.billing.payers import PayersFileError, load_payers
from medcode_ml.billing.records import bill_records

AS_OF = date(2026, 11, 21)
_FEES = """
contracts:
  fees:
    terms:
      - from: 2026-01-01
        outpatient:
          method: fee_schedule
          %s
"""


def _book(tmp_path: Path, terms: str):
    (tmp_path / "payers.yaml").write_text(_FEES % terms, encoding="utf-8")
    return load_payers(tmp_path / "payers.yaml")


def _bill(outpatient, book):
    made = outpatient(payer={"payer_id": "PLAN", "name": "Plan", "contract": "fees"})
    (answer,) = bill_records([made], AS_OF, book).answers
    return answer


def test_rule_34_each_service_at_its_fee_times_its_units(outpatient, tmp_path):
    fees = 'fees: {"G0380": 96.505, "G0380-25": 101.10, "J1885": 1.125}'
    answer = _bill(outpatient, _book(tmp_path, fees))
    assert answer["expected_payment"] == {
        "line_1_fee": "101.10",  # the fee of the code with its modifier goes first
        "line_1_units": "1",
        "line_1_payment": "101.10",
        "line_2_fee": "1.125",
        "line_2_units": "2",
        "line_2_payment": "2.25",
        "total_charge": "675.50",
        "expected_payment": "103.35",
    }
    assert answer["claim"] == "ready"


def test_a_service_without_a_fee_is_told_and_priced_at_nothing(outpatient, tmp_path):
    answer = _bill(outpatient, _book(tmp_path, 'fees: {"G0380": 96.50}'))
    (edit,) = [e for e in answer["edits"] if e["edit"] == "no_fee"]
    assert "J1885" in edit["sentence"]
    assert answer["expected_payment"]["expected_payment"] == "96.50"
    assert answer["claim"] == "ready"


def test_a_percent_of_charges_for_what_the_schedule_does_not_name(outpatient, tmp_path):
    answer = _bill(outpatient, _book(tmp_path, 'fees: {"G0380": 96.50}\n          otherwise_percent: 45'))
    assert answer["expected_payment"]["line_2_payment"] == "15.98"  # 35.50 x 45% = 15.975
    assert answer["expected_payment"]["expected_payment"] == "112.48"


def test_the_lesser_of_charges(outpatient, tmp_path):
    fees = 'fees: {"G0380": 9000, "J1885": 1}\n          lesser_of_charges: true'
    assert _bill(outpatient, _book(tmp_path, fees))["expected_payment"]["expected_payment"] == "675.50"


def test_a_long_schedule_stands_in_a_file_beside_the_payers(outpatient, tmp_path):
    (tmp_path / "fees.csv").write_text("hcpcs,modifier,fee\nG0380,,96.50\nG0380,25,101.10\nJ1885,,1.12\n")
    answer = _bill(outpatient, _book(tmp_path, "fees_file: fees.csv"))
    assert answer["expected_payment"]["expected_payment"] == "103.34"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("code,price\nG0380,1\n", "columns hcpcs and fee"),
        ("hcpcs,fee\nG0380,free\n", "line 2"),
        ("hcpcs,fee\nG0380,1\n,2\n", "line 3"),
        ("hcpcs,fee\nG0380,-1\n", "line 2"),
        (None, "cannot be read"),
    ],
)
def test_faults_of_a_schedule_name_file_and_line(tmp_path, text, words):
    if text is not None:
        (tmp_path / "fees.csv").write_text(text)
    with pytest.raises(PayersFileError, match=words):
        _book(tmp_path, "fees_file: fees.csv")


_GAP = """
contracts:
  plan:
    terms:
      - {from: 2026-01-01, to: 2026-06-30, inpatient: {method: percent_of_charges, percent: 40}}
      - {from: 2026-08-01, to: 2026-09-30, inpatient: {method: percent_of_charges, percent: 42}}
"""


@pytest.mark.parametrize(
    ("day", "words"),
    [
        ("2026-07-15", "a gap, the terms before end on 2026-06-30 and the next begin on 2026-08-01"),
        ("2025-12-31", "they begin on 2026-01-01"),
        ("2026-10-01", "they ended on 2026-09-30"),
        ("2026-08-01", None),
    ],
)
def test_a_gap_in_a_contract_holds_only_the_claims_of_its_days_and_says_where_it_is(record, tmp_path, day, words):
    (tmp_path / "payers.yaml").write_text(_GAP, encoding="utf-8")
    book = load_payers(tmp_path / "payers.yaml")
    line = {"revenue_code": "0120", "units": 1, "charge": "1000.00", "date": day}
    payer = {"payer_id": "PLAN", "name": "Plan", "contract": "plan"}
    made = record(admission_date=day, discharge_date=day, lines=[line], payer=payer)
    (answer,) = bill_records([made], AS_OF, book).answers
    if words is None:
        assert answer["expected_payment"]["expected_payment"] == "420.00"
        return
    assert answer["claim"] == "held"
    assert words in answer["held_because"][0]
    assert answer["contract"] == "plan"
    assert answer["drg"] == "195"
