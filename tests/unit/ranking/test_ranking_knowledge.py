"""The hand-written tables are complete and consistent, and read as meant."""

from __future__ import annotations

from collections import Counter
from datetime import date

import numpy as np
import pytest

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.codes.identifiers import undotted
from medcode_ml.ranking.attributes import attributes_of, pairs_of
from medcode_ml.ranking.context import admission_kind, procedure_meaning, service_meaning, therapy_bits
from medcode_ml.ranking.knowledge import conditions, members, relations, system_bits, therapies


def names_of(bits: int) -> set[str]:
    return {name for name, bit in system_bits().items() if bits & bit}


def test_every_billable_code_has_a_condition_group() -> None:
    codes = np.array(sorted(undotted(str(code)) for code in CodeSet.on(date(2026, 11, 15)).codes))
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
    codes = np.array(sorted(undotted(str(code)) for code in CodeSet.on(date(2026, 11, 15)).codes))
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


@pytest.mark.parametrize(
    ("system", "code", "systems", "role"),
    [
        ("ICD-10-PCS", "0DTJ4ZZ", {"digestive"}, "therapeutic"),
        ("ICD-10-PCS", "02703DZ", {"coronary"}, "therapeutic"),
        ("ICD-10-PCS", "02HV33Z", {"circulatory"}, "access"),
        ("ICD-10-PCS", "0DJD8ZZ", {"digestive"}, "diagnostic"),
        ("ICD-10-PCS", "0SRC0J9", {"musculoskeletal"}, "therapeutic"),
        ("ICD-9-CM", "36.12", {"coronary"}, "therapeutic"),
        ("ICD-9-CM", "3893", set(), "access"),
        ("CPT", "47562", {"hepatobiliary"}, "therapeutic"),
        ("LOCAL", "47562", set(), "unknown"),
    ],
)
def test_procedures_by_body_system_and_role(system: str, code: str, systems: set[str], role: str) -> None:
    bits, found = procedure_meaning(system, code)
    assert (names_of(bits), found) == (systems, role)


def test_drug_names() -> None:
    of = {therapy.name: therapy.bit for therapy in therapies()}
    assert therapy_bits("Heparin Sodium") & of["antithrombotic"]
    assert therapy_bits("Heparin Flush (10 units/ml)") == 0
    assert therapy_bits("NORepinephrine") & of["vasopressor"]
    assert therapy_bits("Docusate Sodium") == 0


def test_services_and_admissions() -> None:
    assert service_meaning("CMED") == ("medical", system_bits()["circulatory"])
    assert service_meaning("MED")[1] == 0
    assert service_meaning("somewhere") == ("unknown", 0)
    kinds = {"3": "elective", "SURGICAL SAME DAY ADMISSION": "elective", "1": "emergency", "EW EMER.": "emergency"}
    kinds |= {"URGENT": "urgent", "": "unknown", "9": "unknown"}
    assert {text: admission_kind(text) for text in kinds} == kinds
