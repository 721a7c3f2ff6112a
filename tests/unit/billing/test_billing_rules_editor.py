"""Rules 2 and 5 to 12: the Medicare Code Editor by discharge date, with the code that each edit concerns."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from medcode_ml.billing.edits import catalogue
from medcode_ml.billing.edits.catalogue import found


def _stay(day: str) -> dict[str, Any]:
    """A one-day stay that ends on `day`."""
    line = {"revenue_code": "0120", "units": 1, "charge": "1900.00", "date": day}
    return {"admission_date": day, "discharge_date": day, "lines": [line]}


def test_a_clean_claim_is_ready_and_raises_nothing(record, bill):
    answer = bill(record())
    assert answer["claim"] == "ready"
    assert answer["held_because"] == []
    assert answer["edits"] == []


def test_rule_01_a_code_is_valid_by_discharge_date_not_by_today(record, bill, raised):
    assert ("invalid_code", "B88.0") not in raised(bill(record(["J18.9", "B88.0"], **_stay("2025-01-15"))))
    answer = bill(record(["J18.9", "B88.0"]))
    assert ("invalid_code", "B88.0") in raised(answer)
    assert answer["claim"] == "held"


def test_rule_02_sex_conflict_is_an_error_until_2024_09_30_and_a_warning_after(record, bill, raised):
    woman = record(["J18.9", "C61"], sex="F")
    woman["subscriber"]["sex"] = "F"
    before = bill(woman | _stay("2024-09-30"))
    assert ("sex_conflict", "C61") in raised(before)
    assert before["claim"] == "held"
    after = bill(woman | _stay("2024-10-01"), as_of=date(2024, 10, 8))
    assert ("sex_conflict", "C61") not in raised(after)
    assert ("sex_conflict_advisory", "C61") in raised(after)
    assert after["claim"] == "ready"
    man = bill(record(["J18.9", "C61"], **_stay("2024-09-30")))
    assert {"sex_conflict", "sex_conflict_advisory"}.isdisjoint(e for e, _ in raised(man))


@pytest.mark.parametrize(
    ("principal", "edit", "claim"),
    [
        pytest.param("W01.0XXA", "external_cause_as_principal", "held", id="rule_05"),
        pytest.param("F02.80", "manifestation_as_principal", "held", id="rule_06_F02.80"),
        pytest.param("I43", "manifestation_as_principal", "held", id="rule_06_I43"),
        pytest.param("G63", "manifestation_as_principal", "held", id="rule_06_G63"),
        pytest.param("D63.0", "manifestation_as_principal", "held", id="rule_06_D63.0"),
        pytest.param("R65.20", "unacceptable_principal", "held", id="rule_07_R65.20"),
        pytest.param("Z33.1", "unacceptable_principal", "held", id="rule_07_Z33.1"),
        pytest.param("I10", "questionable_admission", "ready", id="rule_08_I10"),
        pytest.param("E11.9", "questionable_admission", "ready", id="rule_08_E11.9"),
        pytest.param("Z51.89", "requires_secondary_diagnosis", "held", id="requires_secondary"),
    ],
)
def test_rules_05_to_08_principal(record, bill, raised, principal, edit, claim):
    answer = bill(record([(principal, None if principal == "Z33.1" else "Y")]))
    assert (edit, principal) in raised(answer)
    assert answer["claim"] == claim


def test_rule_07_the_grouper_still_groups_what_the_editor_refuses(record, bill):
    answer = bill(record(["R65.20", "A41.9"]))
    assert answer["drg"] == "871"
    assert answer["claim"] == "held"


def test_rule_09_secondary_equal_to_the_principal(record, bill, raised):
    answer = bill(record(["J18.9", "J18.9"]))
    assert ("duplicate_of_principal", "J18.9") in raised(answer)
    assert answer["claim"] == "held"


@pytest.mark.parametrize(
    ("code", "age", "sex"), [("N40.0", 5, "M"), ("O80", 78, "F"), ("Z38.00", 70, "M")], ids=["N40.0", "O80", "newborn"]
)
def test_rule_10_age_conflict(record, bill, raised, code, age, sex):
    answer = bill(record([code], age=age, birth_date=None, sex=sex))
    assert ("age_conflict", code) in raised(answer)
    assert answer["claim"] == "held"


def test_rule_10_age_conflict_of_a_secondary_is_given_to_that_code(record, bill, raised):
    answer = bill(record(["J18.9", "N40.0"], age=5, birth_date=None))
    assert {code for edit, code in raised(answer) if edit == "age_conflict"} == {"N40.0"}


def test_rule_11_unspecified_codes_are_warnings_on_their_codes(record, bill, raised):
    answer = bill(record(["J18.9", "L97.909", "I82.409", "S72.009A", "C50.919"]))
    named = {code for edit, code in raised(answer) if edit == "unspecified_code"}
    assert named == {"L97.909", "I82.409", "S72.009A"}
    assert all(e["level"] == "warning" for e in answer["edits"] if e["edit"] == "unspecified_code")


def test_rule_12_wrong_procedure(record, bill, raised):
    answer = bill(record(["J18.9", ("Y65.51", None)]))
    assert ("wrong_procedure_performed", "Y65.51") in raised(answer)
    assert answer["claim"] == "held"


def test_rule_12_invalid_age_and_discharge_status(record, bill, raised):
    assert ("invalid_age", None) in raised(bill(record(age=130)))
    assert ("invalid_discharge_status", None) in raised(bill(record(discharge_status="99")))


def test_an_invalid_admitting_code_is_named(record, bill, raised):
    answer = bill(record(admitting_code="R06.0"))
    assert ("invalid_admitting_code", "R06.0") in raised(answer)
    assert answer["claim"] == "held"


def test_an_invalid_procedure_is_named(record, bill, raised):
    procedures = [{"code": "5A1935Q", "system": "ICD-10-PCS", "date": "2026-11-11"}]
    answer = bill(record(procedures=procedures))
    assert ("invalid_code", "5A1935Q") in raised(answer)


def test_every_edit_of_the_catalogue_has_a_sentence_and_a_remedy_that_can_be_filled_in():
    for name in catalogue.edit_names():
        edit = found(name, "J18.9", **dict.fromkeys(catalogue.words_of(name) - {"code"}, "x"))
        assert edit.level in catalogue.LEVELS
        assert edit.sentence.endswith((".", "x"))
        assert edit.remedy.endswith((".", "x"))
