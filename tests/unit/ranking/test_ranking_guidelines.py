"""The rules of the trade that ranking holds, by their number, and the guidelines' orders."""

from __future__ import annotations

import ast
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import medcode_ml.ranking as package
from medcode_ml.codes import drg_weights
from medcode_ml.ranking.records import rank_records

DAY = "2026-11-15"


def ranked(codes: list[Any], **keys: Any) -> list[dict[str, Any]]:
    record = {"encounter_id": "E1", "age": 70, "sex": "M", "discharge_date": DAY, "codes": codes} | keys
    result: list[dict[str, Any]] = rank_records([record])[0]["codes"]
    return result


def order(codes: list[Any], **keys: Any) -> list[str]:
    return [entry["code"] for entry in ranked(codes, **keys)]


@pytest.mark.parametrize(
    ("never", "principal"), [("W01.0XXA", "S72.001A"), ("F02.80", "G30.9"), ("D63.0", "C34.90"), ("R65.20", "A41.9")]
)
def test_rules_05_to_07_editor_refuses_as_principal(never: str, principal: str) -> None:
    found = ranked([never, principal])
    assert found[0]["code"] == principal
    assert found[0]["principal"]
    assert any(reason.startswith("Not principal") for reason in found[1]["reasons"])


@pytest.mark.parametrize("code", ["W01.0XXA", "F02.80", "R65.20", "Z33.1"])
def test_rules_05_to_07_alone_give_no_principal(code: str) -> None:
    assert not ranked([code])[0]["principal"]


@pytest.mark.parametrize("code", ["I10", "E11.9"])
def test_rule_08_questionable_admission_leads_only_alone(code: str) -> None:
    assert ranked([code])[0]["principal"]
    assert order([code, "K59.00"])[0] == "K59.00"


def test_rule_09_copies_go_last_with_their_reason() -> None:
    found = ranked(["I10", "J18.9", "J18.9", "J189"])
    assert [entry["code"] for entry in found][:2] == ["J18.9", "I10"]
    assert all("report it once" in entry["reasons"][-1] for entry in found[2:])
    assert sum(entry["principal"] for entry in found) == 1


@pytest.mark.parametrize(
    ("symptom", "disease"), [("R07.9", "I21.4"), ("R06.02", "J18.9"), ("R10.9", "K35.80"), ("R56.9", "C79.31")]
)
def test_rule_19_symptom_is_not_principal_beside_a_diagnosis(symptom: str, disease: str) -> None:
    found = ranked([symptom, disease, "I10"])
    assert found[0]["code"] == disease
    reasons = next(entry["reasons"] for entry in found if entry["code"] == symptom)
    assert any("definitive diagnosis" in reason for reason in reasons)


def test_rule_19_symptom_leads_where_nothing_explains_it() -> None:
    assert order(["I10", "R55", "E11.9"])[0] == "R55"


def test_rule_19_principal_is_chiefly_responsible_not_the_gravest() -> None:
    assert order(["I21.4", "R65.21", "J96.01", "A41.9"], poa={"I21.4": "N", "J96.01": "N"})[0] == "A41.9"


def test_rule_21_uncertain_leads_inpatients_never_outpatients() -> None:
    codes = [{"code": "J18.9", "assertion": "uncertain"}, {"code": "R05.9", "assertion": "affirmed"}]
    assert order(codes, setting="inpatient")[0] == "J18.9"
    assert order(codes, setting="outpatient")[0] == "R05.9"


def test_rule_22_excludes1_pair_is_not_dropped() -> None:
    assert sorted(order(["J18.9", "J69.0", "E10.9", "E11.9"])) == ["E10.9", "E11.9", "J18.9", "J69.0"]


@pytest.mark.parametrize(
    ("base", "dependent"),
    [
        ("I11.0", "I50.23"),
        ("I13.0", "I50.33"),
        ("E11.22", "N18.4"),
        ("I12.0", "N18.6"),
        ("K74.60", "I85.11"),
        ("E11.621", "L97.519"),
        ("A41.9", "R65.21"),
        ("J44.1", "F17.210"),
        ("N39.0", "B96.20"),
    ],
)
def test_rule_23_base_before_dependent(base: str, dependent: str) -> None:
    found = order([dependent, "D64.9", base, "E78.5"])
    assert found.index(base) < found.index(dependent)


def test_rule_23_insulin_stands_directly_behind_its_diabetes() -> None:
    found = order(["Z79.4", "J18.9", "E11.22", "N18.4", "I10", "Z87.891"])
    assert found.index("E11.22") < found.index("Z79.4")
    assert found.index("E11.22") < found.index("N18.4")
    assert {found[found.index("E11.22") + 1], found[found.index("E11.22") + 2]} == {"N18.4", "Z79.4"}


def test_rule_23_place_behind_the_base_is_explained() -> None:
    found = ranked(["I50.23", "I11.0"])
    assert found[1]["reasons"][0].startswith("Follows I11.0")


def test_rule_24_acute_before_chronic_of_the_same_condition() -> None:
    for chronic, acute in [("J96.11", "J96.01"), ("K81.1", "K81.0"), ("I50.22", "I50.21"), ("K86.1", "K85.90")]:
        found = order([chronic, acute, "S72.001A"])
        assert found.index(acute) < found.index(chronic), (acute, chronic)


def test_rule_24_status_after_diagnoses_and_external_causes_after_status() -> None:
    found = order(["Z87.891", "W19.XXXA", "I10", "S72.001A", "Z79.01", "E78.5", "Y92.009"])
    assert found[0] == "S72.001A"
    assert set(found[1:3]) == {"I10", "E78.5"}
    assert set(found[3:5]) == {"Z87.891", "Z79.01"}
    assert set(found[5:]) == {"W19.XXXA", "Y92.009"}


def test_rule_26_not_present_on_admission_is_not_principal() -> None:
    codes = ["A41.9", "J44.1"]
    assert order(codes, poa={"A41.9": "Y", "J44.1": "Y"})[0] == "A41.9"
    assert order(codes, poa={"A41.9": "N", "J44.1": "Y"})[0] == "J44.1"


def test_rule_43_order_neither_adds_nor_loses_codes() -> None:
    codes = ["A41.9", "J18.9", "N17.9", "E87.1", "Z79.4", "W19.XXXA", "NOCODE"]
    assert sorted(order(codes)) == sorted(codes)


def test_rule_43_drg_weights_are_never_read(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = ["A41.9", "J18.9", "N17.9", "I21.4", "E87.1"]
    before = ranked(codes)

    def refuse(*_: object) -> None:
        raise AssertionError("ranking read a DRG weight")

    monkeypatch.setattr(drg_weights, "drg_weight", refuse)
    assert ranked(codes) == before


def test_rule_43_nothing_that_ranking_imports_knows_drgs_or_payments() -> None:
    imported = set()
    for file in Path(package.__path__[0]).glob("*.py"):
        if file.name == "stage.py":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                imported |= {f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
    assert "medcode_ml.codes.tabular.tabular" in imported
    assert not [
        name for name in imported if any(word in name for word in ("drg", "billing", "price", "pric", "weight"))
    ]


def test_guideline_15_obstetric_codes_lead() -> None:
    keys = {"age": 30, "sex": "F"}
    assert order(["J45.901", "O14.14", "Z37.0", "Z3A.38"], **keys)[0] == "O14.14"
    assert order(["Z37.0", "O80", "Z3A.39"], **keys)[0] == "O80"


def test_guideline_16_birth_leads_the_newborn() -> None:
    assert order(["P22.0", "Z38.00", "P07.18"], age=0)[0] == "Z38.00"
    assert order(["P22.0", "Z38.00", "P07.18"], age=None)[0] == "Z38.00"


def test_guideline_2e_planned_chemotherapy_leads_and_emergency_does_not() -> None:
    assert order(["C83.30", "Z51.11", "I10"], admission_type="ELECTIVE")[0] == "Z51.11"
    assert order(["Z51.11", "A41.9", "C83.30"], admission_type="EMERGENCY", poa={"A41.9": "Y"})[0] == "A41.9"


def test_guideline_19_poisoning_before_its_effects_and_adverse_effect_after() -> None:
    assert order(["J96.01", "T40.2X1A", "G92.8"])[0] == "T40.2X1A"
    assert order(["T45.515A", "K92.2", "D68.32"])[0] == "K92.2"


def test_guideline_19_device_complication_before_its_infection() -> None:
    assert order(["N39.0", "T83.511A", "B96.20"])[0] == "T83.511A"


def test_sepsis_treated_only_later_does_not_lead() -> None:
    codes = ["A41.9", "J44.1", "I10"]
    late = [{"name": "Vancomycin", "start_day": 7}, {"name": "MethylPREDNISolone", "start_day": 0}]
    early = [{"name": "Vancomycin", "start_day": 0}, {"name": "MethylPREDNISolone", "start_day": 0}]
    assert order(codes, medications=late)[0] == "J44.1"
    assert order(codes, medications=early)[0] == "A41.9"


def test_planned_admission_is_for_what_the_procedure_treats() -> None:
    codes = ["I50.9", "M17.11", "D62", "I48.91"]
    operation = [{"code": "0SRC0J9", "system": "ICD-10-PCS", "day": 0}]
    assert order(codes, admission_type="ELECTIVE", procedures=operation, service="ORTHO")[0] == "M17.11"
    assert order(codes, admission_type="EMERGENCY", service="MED")[0] == "I50.9"


def test_discharge_diagnosis_outweighs_an_incidental_one() -> None:
    named = [["discharge summary", "discharge_diagnoses", 2]]
    past = [["discharge summary", "past_medical_history", 1]]
    codes = [{"code": "N17.9", "document_types": named}, {"code": "N39.0", "document_types": past}]
    assert order(codes)[0] == "N17.9"
    swapped = [{"code": "N17.9", "document_types": past}, {"code": "N39.0", "document_types": named}]
    assert order(swapped)[0] == "N39.0"


def test_rule_01_code_outside_its_release_is_never_principal() -> None:
    before = ranked(["B88.0", "I10"], discharge_date=date(2025, 1, 15).isoformat())
    after = ranked(["B88.0", "I10"])
    assert before[0]["code"] == "B88.0"
    assert after[0]["code"] == "I10"
    assert any("discharge date" in reason for reason in after[1]["reasons"])


def test_rule_01_without_a_known_release_no_code_is_called_invalid() -> None:
    for day in (None, "2150-03-01"):
        found = ranked(["A04.7", "I10"], discharge_date=day)
        assert found[0]["code"] == "A04.7"


@pytest.mark.parametrize("reason", ["Z00.01", "Z34.90", "Z52.4"])
def test_the_reason_for_an_encounter_is_listed_first_by_an_outpatient(reason: str) -> None:
    """Guideline I.C.21.c.16."""
    codes = ["F32.A", "R01.1", reason]
    assert order(codes, setting="outpatient", age=40, sex="F")[0] == reason


def test_an_injury_under_active_treatment_goes_before_a_lasting_condition() -> None:
    found = ranked(["J84.10", "S81.851A"])
    assert found[0]["code"] == "S81.851A"
    assert any("active treatment" in reason for reason in found[1]["reasons"])
    assert order(["M19.90", "S39.012A"], setting="outpatient")[0] == "S39.012A"
    assert order(["J84.10", "S81.851D"])[0] == "J84.10", "healing injuries do not lead"


DRUGS_OF_DAY_0 = {
    name: {"name": name, "start_day": 0}
    for name in ("Furosemide", "Vancomycin", "Heparin Sodium", "Octreotide Acetate", "Pantoprazole", "Lactulose")
}


@pytest.mark.parametrize(
    ("first", "others", "keys"),
    [
        # I.C.1.a.2.a: HIV before what it brings
        ("B20", ["B59", "J96.01", "R64"], {}),
        # I.C.1.d: sepsis before its source and its organ failure; a source without sepsis leads itself
        ("A41.51", ["N10", "N17.9", "R65.20", "E87.2"], {}),
        ("N10", ["N17.9", "E87.2", "I10"], {}),
        # I.C.1.d.5: sepsis after a procedure follows the code of its source
        ("T81.4XXA", ["A41.9", "R65.20", "I10"], {"discharge_date": None}),
        ("T81.44XA", ["A41.9", "R65.20", "I10"], {}),
        ("T80.211A", ["A41.01", "N18.6", "Z99.2"], {}),
        # I.C.1.g: COVID-19 before its pneumonia and respiratory failure
        ("U07.1", ["J12.82", "J96.01", "E11.9"], {}),
        # I.C.2: complications of neoplasms
        ("C79.31", ["C34.90", "G93.6", "R56.9"], {}),
        ("D70.1", ["C83.38", "R50.81", "D64.81"], {"medications": [{"name": "CefePIME", "start_day": 0}]}),
        ("C18.2", ["D63.0", "C78.7", "Z80.0"], {"admission_type": "ELECTIVE"}),
        # I.C.4.a: the diabetic crisis and the combined codes
        ("E10.10", ["N17.9", "E87.5", "E10.43", "R11.2"], {}),
        ("E11.621", ["L97.524", "L03.115", "E11.42", "Z79.4"], {}),
        # I.C.9: circulation
        ("I11.0", ["I50.23", "J96.01", "I48.91", "N17.9"], {"medications": [DRUGS_OF_DAY_0["Furosemide"]]}),
        ("J44.1", ["I11.0", "I50.32", "J96.21"], {"medications": [{"name": "Albuterol", "start_day": 0}]}),
        ("I13.0", ["I50.33", "N18.4", "E11.22"], {}),
        ("I21.4", ["I25.10", "I50.21", "I11.0", "E78.5"], {"medications": [DRUGS_OF_DAY_0["Heparin Sodium"]]}),
        ("A41.9", ["I21.A1", "J18.9", "N17.9"], {}),
        ("I63.9", ["G81.94", "R47.01", "I48.91", "I10", "I69.354"], {}),
        ("I60.8", ["I67.1", "G91.9", "R51"], {}),
        # I.C.10: respiratory failure beside an overdose, pneumonia before its parts
        ("T40.2X1A", ["J96.01", "J69.0", "F11.20"], {}),
        ("J69.0", ["J18.9", "R13.10", "F03.90"], {}),
        # I.C.11 and I.B.9: bleeding with its site, combined codes
        ("K26.4", ["K92.2", "D62", "I95.9"], {"medications": [DRUGS_OF_DAY_0["Pantoprazole"]]}),
        ("K92.2", ["D62", "K57.30", "T45.515A", "Z79.01"], {}),
        ("K80.00", ["K81.0", "R10.11", "E66.9"], {}),
        ("K85.10", ["K80.20", "F10.20", "E87.6"], {}),
        ("K56.609", ["K66.0", "R11.2", "E86.0"], {}),
        # I.C.13: pathological fractures
        ("M80.08XA", ["M81.0", "M54.5", "I10"], {}),
        # I.C.19: injuries by severity, complications before what specifies them
        ("S06.5X0A", ["S00.03XA", "S01.01XA", "R55", "I10", "W19.XXXA"], {}),
        ("S72.141A", ["I50.9", "N39.0", "D62", "R55", "W19.XXXA"], {}),
        ("T84.51XA", ["M00.861", "B95.61", "M17.11"], {}),
        ("T86.11", ["N17.9", "E87.5", "N18.6"], {}),
        ("T82.7XXA", ["R78.81", "B95.61", "N18.6"], {}),
        # I.C.5
        ("F10.231", ["F10.288", "E87.6", "R56.9"], {}),
    ],
)  # fmt: skip
def test_guidelines_by_chapter(first: str, others: list[str], keys: dict[str, Any]) -> None:
    found = order([*others, first], **keys)
    assert found[0] == first, found


@pytest.mark.parametrize(
    ("alone", "company"),
    [
        # what explains is only taken into account where it is listed and can lead
        ("D62", ["K57.30", "Z79.01"]),
        ("R65.20", []),
    ],
)
def test_nothing_is_explained_by_what_is_not_there(alone: str, company: list[str]) -> None:
    reasons = next(entry["reasons"] for entry in ranked([alone, *company]) if entry["code"] == alone)
    assert not any(reason.startswith("Secondary:") for reason in reasons)


def test_i_c_9_a_chronic_heart_failure_does_not_lead_for_its_hypertension() -> None:
    """With an acute heart failure I11.0 is the reason for the stay; with a chronic one it is beside the pneumonia."""
    assert order(["I11.0", "I50.33", "N39.0"])[0] == "I11.0"
    assert order(["I11.0", "I50.32", "N39.0"])[0] == "N39.0"


def test_i_c_11_bleeding_varices_lead_through_their_cirrhosis() -> None:
    drugs = [DRUGS_OF_DAY_0["Octreotide Acetate"]]
    found = order(["K74.60", "I85.11", "K76.6", "D62", "B18.2"], medications=drugs)
    assert found[0] == "K74.60"
    assert found.index("K74.60") < found.index("I85.11")


def test_i_c_19_e_5_underdosing_and_adverse_effects_never_lead() -> None:
    found = ranked(["T46.5X6A", "I16.1", "I10"])
    assert found[0]["code"] == "I16.1"
    reasons = next(entry["reasons"] for entry in found if entry["code"] == "T46.5X6A")
    assert any("underdosing" in reason for reason in reasons)
    assert not ranked(["T46.5X6A"])[0]["principal"]
    assert order(["T38.0X5A", "E09.65", "E78.5"])[0] == "E09.65"


def test_i_c_2_e_a_stay_for_chemotherapy_and_one_for_its_complication() -> None:
    given = [{"code": "3E04305", "system": "ICD-10-PCS", "day": 0}]
    codes = ["Z51.11", "C83.38", "D64.81", "T45.1X5A"]
    assert order(codes, admission_type="ELECTIVE", procedures=given)[0] == "Z51.11"
    assert order(["D70.1", "R50.81", "C83.38", "T45.1X5A"], admission_type="EW EMER.")[0] == "D70.1"


@pytest.mark.parametrize(
    ("base", "dependent"),
    [
        ("T81.44XA", "A41.9"),
        ("B20", "B37.81"),
        ("D70.1", "R50.81"),
        ("U07.1", "J12.82"),
        ("U07.1", "J96.01"),
        ("T81.44XA", "T81.12XA"),
        ("J96.01", "I21.A1"),
        ("T86.09", "D89.811"),
        ("I13.0", "I50.43"),
        ("I12.9", "N18.30"),
        ("O24.414", "Z79.4"),
        ("S06.5X0A", "R40.2410"),
        ("I63.9", "R29.705"),
        ("E66.01", "Z68.41"),
    ],
)
def test_forced_pairs_of_the_guidelines(base: str, dependent: str) -> None:
    keys = {"sex": "F", "age": 30} if base.startswith("O") else {}
    found = order([dependent, "D64.9", base, "E78.5"], **keys)
    assert found.index(base) < found.index(dependent)


def test_planned_stays_are_for_what_is_operated_on() -> None:
    day_0 = {"system": "ICD-10-PCS", "day": 0}
    stays = [
        ("I35.0", ["I50.32", "I11.0", "I48.91", "I25.10"], "02RF38Z", "CSURG"),
        ("I25.10", ["E11.9", "I50.22", "I10", "I48.91"], "021109W", "CSURG"),
        ("C61", ["N40.1", "E66.9", "I10"], "0VT04ZZ", "GU"),
        ("M48.061", ["M54.16", "G89.29", "D62"], "0SG0071", "NSURG"),
        ("E66.01", ["G47.33", "E11.9", "K21.9", "I10"], "0DB64Z3", "SURG"),
        ("Z43.2", ["K50.90", "D62", "I10"], "0DQB0ZZ", "SURG"),
        ("I71.43", ["I73.9", "I25.10", "J44.9"], "04V03DZ", "VSURG"),
        ("C34.11", ["J44.9", "Z87.891", "I48.91"], "0BTC4ZZ", "TSURG"),
    ]
    for reason, others, procedure, service in stays:
        done = [{"code": procedure} | day_0]
        found = order([*others, reason], admission_type="SURGICAL SAME DAY ADMISSION", procedures=done, service=service)
        assert found[0] == reason, found
