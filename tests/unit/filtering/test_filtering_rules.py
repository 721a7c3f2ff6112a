"""Every rule of the table passes its good examples and fails its bad ones, by the number of the trade rule."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest

from medcode_ml.codes.observed import OBSERVED
from medcode_ml.filtering.checks import CHECKS
from medcode_ml.filtering.columns import RECORDS
from medcode_ml.filtering.examples import frame_of, outcomes
from medcode_ml.filtering.rule import Rule, read_rules

RULES = read_rules()


def _named(name: str) -> Rule:
    return next(r for r in RULES if r.name == name)


def _ask(name: str, *records: dict[str, Any]) -> list[bool]:
    rule = _named(name)
    return CHECKS[rule.check](frame_of(rule, list(records)), rule).tolist()


@pytest.mark.parametrize("rule", [pytest.param(r, id=f"rule_{r.trade_rule or 'none'}_{r.name}") for r in RULES])
def test_the_examples_behave(rule: Rule) -> None:
    found = list(outcomes(rule))
    assert {wanted for wanted, _, _ in found} == {True, False}  # both kinds are there
    assert [(wanted, place) for wanted, place, answer in found if answer != wanted] == []


def test_every_kind_of_record_has_rules_and_every_check_is_used() -> None:
    assert {r.record for r in RULES} == set(RECORDS)
    assert {r.check for r in RULES} == set(CHECKS)


@pytest.mark.parametrize("number", [1, 3, 4, 12, 26, 31, 35, 36, 37, 38, 39])
def test_the_trade_rule_is_enforced_by_a_named_rule(number: int) -> None:
    assert any(r.trade_rule == number for r in RULES)


def test_rule_40_only_identifiers_and_tables_that_confirm_a_reading_are_repaired() -> None:
    repaired = {r.name for r in RULES if r.repair}
    assert {"attending_npi_valid", "mbi_valid", "ndc_has_eleven_digits", "revenue_code_has_format"} <= repaired
    assert not {"ssn_possible", "patient_zip_possible", "icd10cm_has_format"} & repaired


def test_limits_of_observations_stand_in_the_units_that_mapping_gives() -> None:
    units = {o.name: o.unit for o in OBSERVED}
    limits = {r.options["observation"][0]: r.options["unit"] for r in RULES if "observation" in r.options}
    assert len(limits) > 30
    assert {name: units.get(name) for name in limits} == limits


def test_a_value_in_another_unit_is_not_asked() -> None:
    fahrenheit = {"name": "body temperature", "unit": "[degF]", "value": 98.6}
    assert _ask("body_temperature_possible", fahrenheit, {**fahrenheit, "unit": "Cel"}) == [True, False]


def test_rule_38_a_missing_date_decides_nothing() -> None:
    day = date(2026, 10, 4)
    record = {"service_date": date(2026, 11, 4), "admission_date": None, "discharge_date": None}
    assert _ask("service_within_stay", record) == [True]
    assert _ask("service_within_stay", {**record, "discharge_date": day}) == [False]


def test_rule_38_death_of_a_missing_date_agrees_with_every_status() -> None:
    record = {"patient_death_date": None, "discharge_date": date(2026, 10, 4)}
    statuses = ["01", "20", "51", "99", None]
    assert _ask("death_agrees_with_status", *({**record, "discharge_status": s} for s in statuses)) == [True] * 5


def test_the_same_text_in_another_encounter_is_no_copy() -> None:
    record = {"document_type": "progress_note", "content_hash": "a"}
    asked = [{**record, "encounter_id": e} for e in ("e1", "e2", "e1")]
    assert _ask("text_delivered_once", *asked) == [True, True, False]


def test_room_days_are_summed_over_the_encounter_only() -> None:
    stay = {"admission_date": date(2026, 10, 1), "discharge_date": date(2026, 10, 4), "revenue_code": "0120"}
    asked = [{**stay, "encounter_id": e, "units": u} for e, u in (("e1", 2), ("e2", 3), ("e1", 2), ("e2", None))]
    assert _ask("room_days_fit_stay", *asked) == [False, True, False, True]


def test_checks_give_the_index_of_the_frame_and_take_empty_frames() -> None:
    for rule in RULES:
        names = dict.fromkeys([*rule.columns, "encounter_id"])
        empty = pd.DataFrame({n: pd.Series([], dtype=object) for n in names})
        assert CHECKS[rule.check](empty, rule).tolist() == []
    rule = _named("sex_known")
    frame = pd.DataFrame({"sex": pd.Series(["F", None], index=[7, 3], dtype=object)})
    assert CHECKS["present"](frame, rule).to_dict() == {7: True, 3: False}
