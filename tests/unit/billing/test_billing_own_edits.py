"""Our own edits: what the claim needs, in which form, and bad input (rules 22, 26, 28, 31, 35, 37, 38)."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("place", "key", "words"),
    [
        (None, "sex", "patient's sex"),
        (None, "discharge_status", "discharge status"),
        (None, "admission_type", "admission type"),
        (None, "admission_hour", "admission hour"),
        (None, "discharge_hour", "discharge hour"),
        (None, "admitting_code", "admitting diagnosis"),
        (None, "setting", "setting"),
        (None, "discharge_date", "discharge date"),
        ("provider", "npi", "hospital's NPI"),
        ("provider", "zip", "hospital's ZIP"),
        ("provider", "tax_id", "hospital's tax identifier"),
        ("attending", "last_name", "attending clinician's last name"),
        ("subscriber", "member_id", "member identifier"),
        ("subscriber", "address", "subscriber's street address"),
        ("payer", "payer_id", "payer's identifier"),
    ],
)
def test_what_the_claim_needs_and_is_absent_holds_it_by_name(record, bill, place, key, words):
    made = record()
    del (made[place] if place else made)[key]
    answer = bill(made)
    assert answer["claim"] == "held"
    assert any(words in sentence for sentence in answer["held_because"])


def test_whole_groups_may_be_absent_and_every_field_is_named(record, bill):
    made = record()
    for group in ("provider", "attending", "subscriber", "payer", "codes", "lines"):
        del made[group]
    answer = bill(made)
    assert answer["claim"] == "held"
    names = {e["edit"] for e in answer["edits"]}
    assert {"missing_field", "no_principal", "no_charge_lines", "payer_unknown"} <= names
    assert answer["total_charge"] == "0.00"


@pytest.mark.parametrize(
    ("place", "key", "value", "edit"),
    [
        ("provider", "npi", "1234567890", "npi_invalid"),
        ("attending", "npi", "3245319599", "npi_invalid"),
        ("provider", "tax_id", "12-34", "tax_id_invalid"),
        ("provider", "taxonomy", "282N00000", "taxonomy_invalid"),
        ("provider", "zip", "02114", "zip_invalid"),
        ("provider", "state", "XX", "state_invalid"),
        ("subscriber", "zip", "0211", "zip_invalid"),
        ("subscriber", "sex", "X", "sex_invalid"),
        ("subscriber", "last_name", "李", "unwritable_text"),
        ("subscriber", "city", "B", "unwritable_text"),
        (None, "discharge_hour", "25", "hour_invalid"),
        (None, "setting", "hospice", "setting_invalid"),
        (None, "admission_type", "11", "code_value_invalid"),
    ],
)
def test_fields_in_the_wrong_form_hold_the_claim(record, bill, raised, place, key, value, edit):
    made = record()
    (made[place] if place else made)[key] = value
    answer = bill(made)
    assert edit in {e for e, _ in raised(answer)}
    assert answer["claim"] == "held"


@pytest.mark.parametrize(
    ("changes", "edit"),
    [
        ({"charge": "0.00"}, "charge_not_positive"),
        ({"charge": "-10.00"}, "charge_not_positive"),
        ({"charge": None}, "charge_not_positive"),
        ({"charge": "10.005"}, "charge_not_in_cents"),
        ({"units": 0}, "units_not_positive"),
        ({"units": -1}, "units_not_positive"),
        ({"revenue_code": "12"}, "revenue_code_invalid"),
        ({"revenue_code": None}, "revenue_code_invalid"),
        ({"hcpcs": "99"}, "hcpcs_invalid"),
        ({"hcpcs": "J1885", "modifiers": ["5"]}, "modifier_invalid"),
        ({"modifiers": ["50"]}, "modifier_without_hcpcs"),
        ({"date": "2026-11-16"}, "line_date_outside_stay"),
        ({"date": "2026-11-06"}, "line_date_outside_stay"),
    ],
)
def test_rule_37_lines_hold_the_claim(record, bill, changes, edit):
    made = record()
    made["lines"][1] |= changes
    answer = bill(made)
    (found,) = [e for e in answer["edits"] if e["edit"] == edit]
    assert "Line 2" in found["sentence"]
    assert answer["claim"] == "held"


def test_services_of_the_three_days_before_admission_belong_to_the_stay(record, bill):
    made = record()
    made["lines"][1]["date"] = "2026-11-07"
    assert bill(made)["claim"] == "ready"


def test_a_level_one_hcpcs_code_has_a_valid_form(outpatient, bill):
    made = outpatient()
    made["lines"][0]["hcpcs"] = "99284"
    assert bill(made)["claim"] == "ready"


def test_rule_28_more_than_999_lines(record, bill, raised):
    made = record()
    made["lines"] = [made["lines"][1] | {"charge": "1.00"} for _ in range(1000)]
    assert ("too_many_lines", None) in raised(bill(made))


def test_outpatient_without_hcpcs_is_held(outpatient, bill, raised):
    assert bill(outpatient())["claim"] == "ready"
    made = outpatient()
    for line in made["lines"]:
        line |= {"hcpcs": None, "modifiers": []}
    answer = bill(made)
    assert ("outpatient_without_hcpcs", None) in raised(answer)
    assert answer["claim"] == "held"


def test_outpatient_claims_are_edited_without_the_medicare_code_editor(outpatient, bill, raised):
    answer = bill(outpatient(codes=[{"code": "W01.0XXA"}, {"code": "E11"}]))
    assert {("external_cause_as_principal", "W01.0XXA"), ("invalid_code", "E11")} <= raised(answer)
    assert {e["edited_by"] for e in answer["edits"]} == {"medcode"}
    assert answer["drg"] is None


def test_rule_38_dates(record, bill, raised):
    assert ("discharge_before_admission", None) in raised(bill(record(discharge_date="2026-11-09")))
    assert ("birth_after_admission", None) in raised(bill(record(birth_date="2026-11-11")))
    future = bill(record(discharge_date="2026-11-22"))
    assert ("discharge_in_future", None) in raised(future)
    assert future["claim"] == "held"


@pytest.mark.parametrize("age", [-1, 125, 10**8])
def test_rule_12_what_is_no_age_is_named(record, bill, raised, age):
    answer = bill(record(age=age))
    assert ("invalid_age", None) in raised(answer)
    assert answer["claim"] == "held"


def test_an_age_that_is_not_the_birth_dates_is_a_warning(record, bill, raised):
    answer = bill(record(age=50))
    assert ("age_differs_from_birth_date", None) in raised(answer)
    assert answer["claim"] == "ready"


def test_rule_26_poa_missing_invalid_and_exempt(record, bill, raised):
    codes = ["J18.9", ("I10", None), ("E78.5", "X"), ("Z79.4", None), ("Z87.891", "Y")]
    answer = bill(record(codes))
    assert {("poa_missing", "I10"), ("poa_invalid", "E78.5"), ("poa_not_sent", "Z87.891")} <= raised(answer)
    assert not any(code == "Z79.4" for _, code in raised(answer))


def test_rule_22_excludes1_is_a_warning_and_drops_nothing(record, bill_all, raised):
    result = bill_all(record(["E10.9", "E11.65"]))
    answer = result.answers[0]
    (found,) = [e for e in answer["edits"] if e["edit"] == "excludes1_pair"]
    assert found["level"] == "warning"
    assert "E10.9" in found["sentence"]
    assert "E11.65" in found["sentence"]
    assert result.billed.claims["transmitted_codes"].tolist() == [2]


def test_a_secondary_reported_twice_is_named_once(record, bill):
    answer = bill(record(["J18.9", "N17.9", "N17.9", "N17.9"]))
    assert [e["code"] for e in answer["edits"] if e["edit"] == "duplicate_code"] == ["N17.9"]


def test_sixty_diagnoses_bill_with_25_and_name_the_others(record, bill_all):
    codes = [f"S{n:02d}.00XA" for n in range(60)]
    result = bill_all(record(["J18.9", *codes]))
    (told,) = [e for e in result.answers[0]["edits"] if e["edit"] == "codes_not_transmitted"]
    assert told["sentence"].count("S") == 36
    assert result.billed.claims["transmitted_codes"].tolist() == [25]


def test_unknown_payers_and_contracts_hold_the_claim(record, bill, raised):
    for payer in (
        {"payer_id": "NOBODY", "name": "Nobody"},
        {"payer_id": "MEDICARE", "name": "Medicare", "contract": "no_such_contract"},
    ):
        answer = bill(record(payer=payer))
        assert ("payer_unknown", None) in raised(answer)
        assert answer["claim"] == "held"
        assert answer["expected_payment"] == {}
        assert answer["drg"] == "195"


def test_self_pay_has_no_insurer_to_bill(record, bill, raised):
    answer = bill(record(payer={"payer_id": "SELF", "name": "Self", "kind": "self_pay"}))
    assert ("self_pay", None) in raised(answer)
    assert answer["claim"] == "held"


def test_no_principal_is_held(record, bill, raised):
    answer = bill(record([]))
    assert ("no_principal", None) in raised(answer)
    assert answer["drg"] is None


def test_procedures_need_a_date_in_the_stay(record, bill, raised):
    procedures = [
        {"code": "5A1935Z", "system": "ICD-10-PCS", "date": None},
        {"code": "5A1945Z", "system": "ICD-10-PCS", "date": "2026-11-20"},
        {"code": "99291", "system": "CPT", "date": None},
    ]
    found = raised(bill(record(procedures=procedures)))
    assert {("procedure_date_missing", "5A1935Z"), ("procedure_date_outside_stay", "5A1945Z")} <= found
    assert not any(code == "99291" for _, code in found)


def test_rule_31_prior_payments_must_add_up_to_the_charge(record, bill, raised):
    paid = {"payer_id": "OTHER", "name": "Other", "member_id": "M1", "paid": "9000.00", "date": "2026-11-18"}
    adjustment = {"group": "CO", "reason": "45", "amount": "812.45"}
    good = bill(record(prior_payments=[paid | {"adjustments": [adjustment]}]))
    assert good["claim"] == "ready"
    bad = bill(record(prior_payments=[paid | {"adjustments": [adjustment | {"amount": "812.44"}]}]))
    assert ("prior_payments_do_not_balance", None) in raised(bad)
    assert bad["claim"] == "held"


def test_a_discharge_outside_every_release_is_held(record, bill, raised):
    for day in ("2015-09-30", "2014-01-01"):
        line = {"revenue_code": "0120", "units": 1, "charge": "1900.00", "date": day}
        answer = bill(record(admission_date=day, discharge_date=day, lines=[line]))
        assert ("no_code_set_for_date", None) in raised(answer)
        assert answer["claim"] == "held"
