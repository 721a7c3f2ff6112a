"""Rules 3 and 4, and the edges of rules 10 and 35: form and release of codes, ages, check digits, as billing asks."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("code", ["U07.1", "C7A.00", "M1A.00X0", "S52.521A"])
def test_rule_03_codes_with_letters_in_odd_places_are_valid(record, bill, raised, code):
    answer = bill(record(["J18.9", code]))
    assert ("invalid_code", code) not in raised(answer)
    assert answer["claim"] == "ready"


def test_rule_03_a_code_of_pregnancy_is_valid(record, bill, raised):
    made = record(["O9A.211"], sex="F", age=30, birth_date="1996-01-31")
    made["subscriber"] |= {"sex": "F", "birth_date": "1996-01-31"}
    assert "invalid_code" not in {edit for edit, _ in raised(bill(made))}


@pytest.mark.parametrize("code", ["E11", "I10.0", "N18.3", "S52.521", "I1O", "1I0.9", "J18.9X9999", "ZZZ.ZZ"])
@pytest.mark.parametrize("setting", ["inpatient", "outpatient"])
def test_rule_03_what_has_not_the_form_or_is_not_in_the_release_holds_the_claim(
    record, outpatient, bill, raised, code, setting
):
    """E11 and N18.3 need a further character, I10.0 has one too many, S52.521 lacks its seventh."""
    made = record(["J18.9", code]) if setting == "inpatient" else outpatient(codes=["J18.9", code])
    answer = bill(made)
    assert ("invalid_code", code) in raised(answer)
    assert answer["claim"] == "held"


def _with_procedure(record, code):
    return record(procedures=[{"code": code, "system": "ICD-10-PCS", "date": "2026-11-11"}])


@pytest.mark.parametrize("code", ["0BH17EZ", "5A1955Z", "30233N1", "3E033GC"])
def test_rule_04_procedures_of_the_release_are_valid(record, bill, raised, code):
    assert "invalid_code" not in {edit for edit, _ in raised(bill(_with_procedure(record, code)))}


@pytest.mark.parametrize("code", ["0BH17E", "0BH17EZZ", "0BHI7EZ", "OBH17EZ", "0BH17E9", "5A1955Q"])
def test_rule_04_what_has_not_the_form_or_is_not_in_the_release_holds_the_claim(record, bill, raised, code):
    """Six and eight characters, the letters I and O, and values that the table of the code does not have."""
    answer = bill(_with_procedure(record, code))
    assert ("invalid_code", code) in raised(answer)
    assert answer["claim"] == "held"


@pytest.mark.parametrize(
    ("code", "sex", "fits", "conflicts"),
    [
        pytest.param("Z38.00", "M", (0,), (1,), id="newborn"),
        pytest.param("A33", "M", (0,), (1,), id="neonatal_tetanus"),
        pytest.param("O80", "F", (9, 64), (8, 65), id="maternity"),
        pytest.param("N40.0", "M", (15, 124), (14,), id="adult"),
        pytest.param("L20.83", "M", (0, 17), (18,), id="paediatric"),
    ],
)
def test_rule_10_the_ages_at_the_edges(record, bill, raised, code, sex, fits, conflicts):
    def conflict(age: int) -> bool:
        made = record([code], age=age, birth_date=None, sex=sex)
        return ("age_conflict", code) in raised(bill(made))

    assert {age: conflict(age) for age in (*fits, *conflicts)} == dict.fromkeys(fits, False) | dict.fromkeys(
        conflicts, True
    )


@pytest.mark.parametrize("npi", ["1234567890", "3234567893", "123456789", "12345678931"])
@pytest.mark.parametrize("who", ["provider", "attending"])
def test_rule_35_an_npi_that_fails_its_check_holds_the_claim(record, bill, raised, npi, who):
    """A wrong check digit, a first digit of 3, nine and eleven digits."""
    made = record()
    made[who]["npi"] = npi
    answer = bill(made)
    assert ("npi_invalid", None) in raised(answer)
    assert answer["claim"] == "held"
