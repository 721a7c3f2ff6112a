"""Combination codes and their order, by the Official Guidelines."""

from __future__ import annotations

from datetime import date

from medcode_ml.simulation.combining import Coded, combine

SEPTEMBER, OCTOBER = date(2026, 9, 30), date(2026, 10, 1)


def codes(*given: str, day: date = SEPTEMBER) -> list[str]:
    return [c.code for c in combine([(code, "Y") for code in given], day)[0]]


def test_rule_23_hypertensive_heart_disease_comes_before_heart_failure() -> None:
    assert codes("I50.23", "J96.01", "I10") == ["I11.0", "I50.23", "J96.01"]


def test_rule_23_hypertension_heart_failure_and_kidney_disease_combine() -> None:
    assert codes("I50.33", "I10", "N18.32") == ["I13.0", "I50.33", "N18.32"]
    assert codes("I50.33", "I10", "N18.6") == ["I13.2", "I50.33", "N18.6"]


def test_hypertension_and_kidney_disease_combine_without_heart_failure() -> None:
    assert codes("J18.9", "N18.32", "I10") == ["J18.9", "I12.9", "N18.32"]
    assert codes("J18.9", "N18.6", "I10") == ["J18.9", "I12.0", "N18.6"]


def test_diabetes_with_kidney_disease_is_assumed_to_be_linked() -> None:
    assert codes("J18.9", "N18.4", "E11.9") == ["J18.9", "E11.22", "N18.4"]
    assert codes("J18.9", "E11.65", "N18.4") == ["J18.9", "E11.65", "E11.22", "N18.4"]
    assert codes("E11.9", "I73.9") == ["E11.51"]


def test_copd_with_pneumonia_takes_the_infection_code() -> None:
    assert codes("J18.9", "J44.9") == ["J18.9", "J44.0"]
    assert codes("J44.1", "J18.9") == ["J44.0", "J44.1", "J18.9"]


def test_status_and_external_cause_codes_close_the_list() -> None:
    assert codes("S72.141A", "W01.0XXA", "Z79.01", "I48.20") == ["S72.141A", "I48.20", "Z79.01", "W01.0XXA"]


def test_rule_01_discharge_date_chooses_the_code() -> None:
    assert codes("I50.22", "I42.0", day=SEPTEMBER) == ["I50.22", "I42.0"]
    assert codes("I50.22", "I42.0", day=OCTOBER) == ["I50.22", "I42.09"]


def test_rule_26_exempt_codes_carry_no_indicator() -> None:
    found, _ = combine([("J18.9", "Y"), ("L89.152", "N"), ("Z79.4", "Y")], OCTOBER)
    assert found == [Coded("J18.9", "Y"), Coded("L89.152", "N"), Coded("Z79.4", "")]


def test_a_condition_leads_to_the_code_that_reports_it() -> None:
    _, became = combine([("I50.23", "Y"), ("I10", "Y"), ("E11.9", "Y"), ("N18.4", "Y")], SEPTEMBER)
    assert became["I10"] == "I13.0"
    assert became["E11.9"] == "E11.22"
    assert became["I50.23"] == "I50.23"
