"""Rules 13 to 18 and 43: MS-DRG by discharge date, exactly the transmitted codes, never steered by money."""

from __future__ import annotations

from decimal import Decimal

import pytest

import medcode_ml.billing.expected as pricing
from medcode_ml.codes.drg_weights import drg_weight


@pytest.mark.parametrize(
    ("codes", "drg"),
    [
        pytest.param(["J18.9"], "195", id="rule_13_alone"),
        pytest.param(["J18.9", "J96.01"], "193", id="rule_13_mcc"),
        pytest.param(["J18.9", "J18.1"], "195", id="rule_13_excluded_mcc"),
        pytest.param(["A41.9", "J18.9", "N17.9"], "871", id="rule_15_sepsis"),
        pytest.param(["J18.9", "A41.9", "N17.9"], "193", id="rule_15_pneumonia"),
        pytest.param(["N17.9", "A41.9", "J18.9"], "682", id="rule_15_kidney"),
        pytest.param(["I11.0", "I50.23"], "291", id="rule_16_hypertensive"),
        pytest.param(["I50.23", "E87.1"], "292", id="rule_16_cc"),
        pytest.param(["I50.23", "J96.01"], "291", id="rule_16_mcc"),
        pytest.param(["A41.9", "J96.01"], "871", id="rule_16_sepsis_mcc"),
    ],
)
def test_rules_13_15_16_drg(record, bill, codes, drg):
    answer = bill(record(codes))
    assert answer["drg"] == drg
    assert answer["grouper_version"] == "V44.0"


@pytest.mark.parametrize(
    ("poa", "exempt", "drg"),
    [("Y", False, "193"), ("W", False, "193"), ("N", False, "195"), ("U", False, "195"), ("N", True, "193")],
)
def test_rule_14_hospital_acquired_condition(record, bill, raised, poa, exempt, drg):
    made = record(["J18.9", ("L89.154", poa)])
    made["provider"]["hac_exempt"] = exempt
    answer = bill(made)
    assert answer["drg"] == drg
    assert answer["claim"] == "ready"
    assert (("hospital_acquired_condition", "L89.154") in raised(answer)) == (drg == "195")


def test_rule_14_missing_poa_is_ungroupable_and_held_by_name(record, bill, raised):
    answer = bill(record(["J18.9", ("L89.154", None)]))
    assert answer["drg"] == "999"
    assert answer["claim"] == "held"
    assert {("poa_missing", "L89.154"), ("ungroupable", None)} <= raised(answer)
    assert answer["weight"] is None
    assert answer["expected_payment"] == {}


def test_rule_17_discharge_status_decides(record, bill):
    assert bill(record(["I21.4", "I46.9"]))["drg"] == "280"
    assert bill(record(["I21.4", "I46.9"], discharge_status="20"))["drg"] == "285"


def test_rule_18_only_the_transmitted_codes_are_grouped(record, bill, raised):
    # 24 other diagnoses that are neither CC nor MCC, then an MCC on place 26
    history = [("Z87.11", None), ("Z87.19", None), ("Z87.39", None), ("Z87.440", None), ("Z87.442", None)]
    minor = ["K21.9", "I10", "E78.5", "M54.50", "R05.9", "H91.90", "L30.9", "K59.00", "D64.9", "E87.6", "E03.9"]
    minor += ["F41.9", "G47.33", "M10.9", "N40.0", "K57.30", "G89.29", "M81.0", "E55.9"]
    fill = [*history, *minor]
    assert len(fill) == 24
    inside = bill(record(["J18.9", *fill[:23], "J96.01"]))
    assert inside["drg"] == "193"
    outside = bill(record(["J18.9", *fill, "J96.01"]))
    assert outside["drg"] == "195"
    (told,) = [e for e in outside["edits"] if e["edit"] == "codes_not_transmitted"]
    assert "J96.01" in told["sentence"]
    assert told["level"] == "information"


def test_grouper_version_follows_the_discharge_date(record, bill):
    def on(day: str) -> dict[str, object]:
        line = {"revenue_code": "0120", "units": 1, "charge": "1900.00", "date": day}
        return bill(record(admission_date=day, discharge_date=day, lines=[line]))

    assert on("2026-09-30")["grouper_version"] == "V43.1"
    assert on("2026-10-01")["grouper_version"] == "V44.0"
    assert on("2022-10-01")["grouper_version"] == "V40.0"
    early = on("2022-09-30")
    assert early["drg"] is None
    assert early["claim"] == "held"
    assert "no_grouper_for_date" in {e["edit"] for e in early["edits"]}


def test_second_grouper_agrees_where_it_knows_the_version_and_is_absent_elsewhere(record, bill_all):
    line = {"revenue_code": "0120", "units": 1, "charge": "1900.00", "date": "2026-06-02"}
    known = record(["J18.9", "J96.01"], admission_date="2026-06-02", discharge_date="2026-06-02", lines=[line])
    result = bill_all(known, record(encounter_id="E2"))
    first, second = result.answers
    assert (first["drg"], first["second_drg"]) == ("193", "193")
    assert second["second_drg"] is None
    assert result.billed.notes == ("The second grouper does not know V44.0: 1 claim without a second opinion.",)


def test_rule_43_permuting_the_weights_moves_neither_code_nor_drg(record, bill_all, monkeypatch):
    records = [record(["A41.9", "J18.9", "N17.9"]), record(["I50.23", "E87.1"], encounter_id="E2")]
    plain = bill_all(*records)

    def turned_round(drg: str, fiscal_year: int):
        return drg_weight({"871": "292", "292": "871"}[drg], fiscal_year)

    monkeypatch.setattr(pricing, "drg_weight", turned_round)
    permuted = bill_all(*records)
    kept = ["principal_code", "drg", "transmitted_codes", "status"]
    assert permuted.billed.claims[kept].equals(plain.billed.claims[kept])
    # the weights were indeed exchanged
    assert list(permuted.billed.claims["weight"]) == list(plain.billed.claims["weight"])[::-1]
    assert plain.billed.claims["weight"].map(type).eq(Decimal).all()
