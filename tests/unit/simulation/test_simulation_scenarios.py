"""The clinical content: every code it names is billable, and nothing it says gives a code away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

import pytest

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.codes.identifiers import hcpcs_is_valid, revenue_code_is_valid
from medcode_ml.simulation.combining import code_on
from medcode_ml.simulation.labels import LESS_SPECIFIC
from medcode_ml.simulation.model import Dx, Op, Scenario
from medcode_ml.simulation.organisations import LOCAL_CODES
from medcode_ml.simulation.scenarios import BY_NAME, SCENARIOS
from medcode_ml.simulation.scenarios.chronic import POOL
from medcode_ml.simulation.wording import Side, fill

BEFORE, AFTER = date(2026, 9, 30), date(2026, 10, 1)
CODE = re.compile(r"\b[A-Z][0-9][0-9AB]\.[0-9A-Z]{1,4}\b")


def every_dx(dx: Dx) -> Iterator[Dx]:
    yield dx
    for brought in dx.brings:
        yield from every_dx(brought)


def conditions(scenario: Scenario) -> list[Dx]:
    return [d for top in (*scenario.main, *scenario.also) for d in every_dx(top)]


def filled(code: str) -> set[str]:
    context = {"segment": "3", "nihss": "12"}
    return {fill(code, {**context, "side": Side(right), "other": Side(not right)}) for right in (True, False)}


def every_code() -> set[str]:
    tops = [d for s in SCENARIOS for d in conditions(s)] + [d for c in POOL for d in every_dx(c.dx)]
    return {c for d in tops for c in filled(d.code)} | {c for s in SCENARIOS for a in s.admitting for c in filled(a)}


@pytest.mark.parametrize("day", [BEFORE, AFTER])
def test_rule_03_every_diagnosis_is_billable_on_both_sides_of_the_october_release(day: date) -> None:
    release = CodeSet.on(day)
    assert {c: release.why_not_billable(code_on(c, day)) for c in every_code()} == dict.fromkeys(every_code())


@pytest.mark.parametrize("day", [BEFORE, AFTER])
def test_rule_04_every_procedure_is_valid_on_both_sides_of_the_october_release(day: date) -> None:
    ops: list[Op] = [o for s in SCENARIOS for o in (*s.ops, *(o for d in conditions(s) for o in d.ops))]
    codes = {c for o in ops if o.system == "ICD-10-PCS" for c in filled(o.code)} | set(LOCAL_CODES.values())
    release = CodeSet.on(day, "ICD-10-PCS")
    assert len(codes) > 60
    assert [c for c in sorted(codes) if not release.is_billable(c)] == []


def test_the_release_of_october_2026_changes_codes_of_the_network() -> None:
    changed = {c for c in every_code() if code_on(c, AFTER) != c}
    assert changed
    assert not any(CodeSet.on(AFTER).is_billable(c) for c in changed)


def test_there_are_enough_scenarios_in_both_settings() -> None:
    settings = [s.setting for s in SCENARIOS]
    assert settings.count("inpatient") >= 45
    assert settings.count("outpatient") >= 20
    assert len(BY_NAME) == len(SCENARIOS)


def test_no_wording_holds_a_code_or_a_title_of_its_own_code() -> None:
    release = CodeSet.on(BEFORE)
    verbatim = []
    for dx in [d for s in SCENARIOS for d in conditions(s)]:
        for words in (*dx.says, *dx.plan, *dx.story):
            assert not CODE.search(words), words
        for code in filled(dx.code):
            title = (release.title(code) or "?").casefold()
            verbatim += [code for words in dx.says if words.casefold() == title and len(title.split()) > 2]
    assert verbatim == []


def test_rule_37_charges_carry_level_ii_codes_and_four_digit_revenue_codes() -> None:
    lines = [line for s in SCENARIOS for line in s.charges]
    assert all(revenue_code_is_valid(line.revenue_code) and line.charge > 0 and line.units > 0 for line in lines)
    assert all(hcpcs_is_valid(line.hcpcs) for line in lines if line.hcpcs)
    for scenario in SCENARIOS:
        if scenario.setting == "outpatient":
            assert any(line.hcpcs for line in scenario.charges), scenario.name


def test_less_specific_codes_of_coders_are_billable() -> None:
    assert [c for c in LESS_SPECIFIC.values() if not CodeSet.on(AFTER).is_billable(c)] == []
    assert set(LESS_SPECIFIC) & set(LESS_SPECIFIC.values()) <= {"J45.901", "N17.9"}
