"""The hand-written tables are complete and consistent, and read as meant."""

from __future__ import annotations

from collections import Counter
from datetime import date

import numpy as np
import pytest

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.codes.identifiers import undotted
from medcode_ml.ranking.attributes import CodeAttributes, attributes_of, pairs_of
from medcode_ml.ranking.knowledge import (
    conditions,
    members,
    operations,
    pair_rules,
    places,
    relations,
    therapies,
)


def described(*codes: str) -> tuple[CodeAttributes, dict[str, int]]:
    attributes = attributes_of(np.array(sorted(codes)))
    return attributes, {str(code): place for place, code in enumerate(attributes.codes)}


def current_codes() -> np.ndarray:
    return np.array(sorted(undotted(str(code)) for code in CodeSet.on(date(2026, 11, 15)).codes))


def test_every_billable_code_has_a_condition_group() -> None:
    codes = current_codes()
    kinds = attributes_of(codes).kinds
    assert not [str(code) for code, kind in zip(codes, kinds, strict=True) if kind == "unknown"]


def test_condition_groups_are_listed_once_and_in_range() -> None:
    repeated = [codes for codes, times in Counter(c.codes for c in conditions()).items() if times > 1]
    assert not repeated
    for condition in conditions():
        assert 0 <= condition.emergency < 1, condition
        assert 0 <= condition.elective < 1, condition
        assert 0 <= condition.gravity <= 10, condition


def test_relations_only_take_and_touch_real_codes() -> None:
    codes = current_codes()
    for relation in relations():
        assert relation.shift < 0, relation.name
        assert members(codes, relation.present).any(), relation.name
        assert members(codes, relation.explained).any(), relation.name


def test_the_most_specific_group_speaks() -> None:
    codes = np.array(sorted(["I5023", "I5022", "I509", "I501"]))
    found = attributes_of(codes)
    gravity = dict(zip(found.codes.tolist(), found.gravity.tolist(), strict=True))
    assert gravity["I5023"] > gravity["I501"] > gravity["I509"] > gravity["I5022"]


def test_later_encounters_of_an_injury_weigh_less() -> None:
    found = attributes_of(np.array(["S72001A", "S72001D", "S72001S"]))
    assert found.emergency[0] > found.emergency[1] > found.emergency[2]
    assert found.kinds.tolist() == ["injury", "injury", "sequela"]


def test_poisoning_does_not_follow_its_effects_but_an_adverse_effect_does() -> None:
    attributes = attributes_of(np.array(["D6832", "K2900", "T39011A", "T39015A"]))
    pairs = pairs_of(attributes)
    dependents = {str(attributes.codes[key // 4]) for key in pairs.keys.tolist()}
    assert "T39015A" in dependents
    assert "T39011A" not in dependents


def test_every_group_of_the_tables_has_codes_and_every_therapy_a_condition() -> None:
    codes = current_codes()
    assert not [c.codes for c in conditions() if not len(places(codes, c.codes))]
    for operation in operations():
        assert members(codes, operation.codes).any(), operation
        for group in operation.codes.split("|"):
            assert len(places(codes, group)), (operation.name, group)
    for rule in pair_rules():
        assert members(codes, rule.dependent).any(), rule
        assert members(codes, rule.base).any(), rule
    used = 0
    for condition in conditions():
        used |= condition.therapies
    assert not [therapy.name for therapy in therapies() if not used & therapy.bit]


def test_a_question_mark_stands_for_any_one_character() -> None:
    codes = np.array(["L8913", "L89153", "L89154", "L89313"])
    assert codes[places(codes, "L89.??3")].tolist() == ["L89153", "L89313"]
    assert codes[members(codes, "L89.??3|L89.15")].tolist() == ["L89153", "L89154", "L89313"]


def test_stage_of_a_pressure_ulcer_decides_its_gravity_at_any_site() -> None:
    for site in ("15", "31", "62", "89"):
        found, _ = described(f"L89{site}1", f"L89{site}2", f"L89{site}3", f"L89{site}4")
        assert found.gravity.tolist() == sorted(found.gravity.tolist()), site
        assert found.gravity[3] > found.gravity[0] + 3


@pytest.mark.parametrize(
    ("graver", "lesser"),
    [
        ("J9601", "J449"), ("R6521", "N390"), ("N170", "N179"), ("N179", "N189"), ("E43", "E46"),
        ("G9341", "F0390"), ("K7200", "K7460"), ("I5023", "I5022"), ("D62", "D649"), ("I2109", "I2510"),
        ("J690", "J189"), ("E1010", "E109"), ("I619", "I69354"), ("F10231", "F1020"), ("T8451XA", "Z96641"),
        ("S065X0A", "S0003XA"), ("K5732", "K5730"), ("I10", "E785"), ("Z9981", "Z87891"),
    ],
)  # fmt: skip
def test_gravity_follows_clinical_importance(graver: str, lesser: str) -> None:
    found, at = described(graver, lesser)
    assert found.gravity[at[graver]] > found.gravity[at[lesser]]


@pytest.mark.parametrize(
    ("reason", "incidental"),
    [
        ("I25110", "I2510"), ("K5732", "K5730"), ("K2971", "K2970"), ("J441", "J449"), ("J45901", "J45909"),
        ("E1152", "E1151"), ("K4090", "E785"), ("I5033", "I5032"), ("F10239", "F1020"), ("G40901", "G40909"),
        ("D5700", "D573"), ("I2109", "I21A1"), ("K8000", "K8020"), ("I70261", "I70209"), ("T84021A", "Z96642"),
        ("K7031", "K7030"), ("G7001", "G7000"), ("K8012", "K811"),
    ],
)  # fmt: skip
def test_what_brings_patients_in_beside_what_they_live_with(reason: str, incidental: str) -> None:
    found, at = described(reason, incidental)
    assert found.emergency[at[reason]] > found.emergency[at[incidental]]


@pytest.mark.parametrize(
    "operated", ["M1711", "M1611", "I350", "K432", "C61", "E6601", "K8020", "N401", "M4806", "I714"]
)
def test_planned_operations_treat_what_seldom_is_an_emergency(operated: str) -> None:
    found, _ = described(operated)
    assert found.elective[0] > found.emergency[0] + 2


def test_the_drug_of_an_adverse_effect_is_no_poisoning() -> None:
    found, at = described("T45515A", "T45511A", "T465X6A", "T391X2A", "T380X5A")
    kinds = {code: str(found.kinds[place]) for code, place in at.items()}
    assert kinds == {
        "T380X5A": "adverse_effect",
        "T391X2A": "poisoning",
        "T45511A": "poisoning",
        "T45515A": "adverse_effect",
        "T465X6A": "underdosing",
    }
    assert found.emergency[at["T45515A"]] < found.emergency[at["T45511A"]] - 4


def test_without_acute_in_the_title_is_not_acute() -> None:
    found, at = described("G7000", "G7001")
    assert found.chronic[at["G7000"]]
    assert not found.chronic[at["G7001"]]


def test_healing_pathological_fractures_weigh_less() -> None:
    found, at = described("M8008XA", "M8008XD", "M8448XA", "M8448XD")
    assert found.emergency[at["M8008XA"]] > found.emergency[at["M8008XD"]]
    assert found.emergency[at["M8448XA"]] > found.emergency[at["M8448XD"]]


@pytest.mark.parametrize("former", ["T814XXA", "T8351XA", "I6020", "K859", "K5660", "I482", "N183", "O3421", "M4806"])
def test_codes_of_former_releases_are_known(former: str) -> None:
    found, _ = described(former)
    assert found.known[0]
    assert found.gravity[0] > 0
