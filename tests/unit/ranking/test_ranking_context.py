"""Names and codes of a stay are read as meant, and its evidence is gathered."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from medcode_ml.ranking.attributes import CodeAttributes, attributes_of
from medcode_ml.ranking.context import Context, context_of
from medcode_ml.ranking.frames import checked_encounters
from medcode_ml.ranking.knowledge import operations, procedure_groups, system_bits, therapies
from medcode_ml.ranking.meanings import (
    admission_kind,
    operation_bits,
    procedure_meaning,
    service_meaning,
    therapy_bits,
    unit_meaning,
)


def names_of(bits: int) -> set[str]:
    return {name for name, bit in system_bits().items() if bits & bit}


def therapies_of(drug: str) -> set[str]:
    return {therapy.name for therapy in therapies() if therapy_bits(drug) & therapy.bit}


def described(*codes: str) -> tuple[CodeAttributes, dict[str, int]]:
    attributes = attributes_of(np.array(sorted(codes)))
    return attributes, {str(code): place for place, code in enumerate(attributes.codes)}


@pytest.mark.parametrize(
    ("system", "code", "systems", "role"),
    [
        ("ICD-10-PCS", "0DTJ4ZZ", {"digestive"}, "therapeutic"),
        ("ICD-10-PCS", "0FT44ZZ", {"hepatobiliary"}, "therapeutic"),
        ("ICD-10-PCS", "0D16478", {"digestive"}, "therapeutic"),
        ("ICD-10-PCS", "02703DZ", {"coronary"}, "therapeutic"),
        ("ICD-10-PCS", "027034Z", {"coronary"}, "therapeutic"),
        ("ICD-10-PCS", "021109W", {"coronary"}, "therapeutic"),
        ("ICD-10-PCS", "06BQ4ZZ", set(), "support"),
        ("ICD-10-PCS", "02RF38Z", {"valve"}, "therapeutic"),
        ("ICD-10-PCS", "02UG3JZ", {"valve"}, "therapeutic"),
        ("ICD-10-PCS", "02RX0JZ", {"vascular", "circulatory"}, "therapeutic"),
        ("ICD-10-PCS", "02583ZZ", {"rhythm"}, "therapeutic"),
        ("ICD-10-PCS", "02H63JZ", {"rhythm"}, "therapeutic"),
        ("ICD-10-PCS", "02H633Z", {"circulatory"}, "access"),
        ("ICD-10-PCS", "02HV33Z", {"circulatory"}, "access"),
        ("ICD-10-PCS", "0JH606Z", {"rhythm"}, "therapeutic"),
        ("ICD-10-PCS", "0JH608Z", {"rhythm"}, "therapeutic"),
        ("ICD-10-PCS", "0JH63XZ", set(), "access"),
        ("ICD-10-PCS", "0JH60WZ", set(), "access"),
        ("ICD-10-PCS", "0JH60BZ", {"nervous"}, "therapeutic"),
        ("ICD-10-PCS", "4A023N7", {"circulatory", "coronary", "valve"}, "diagnostic"),
        ("ICD-10-PCS", "B2111ZZ", {"circulatory", "coronary"}, "diagnostic"),
        ("ICD-10-PCS", "B24BZZ4", set(), "imaging"),
        ("ICD-10-PCS", "03CG3ZZ", {"nervous", "vascular"}, "therapeutic"),
        ("ICD-10-PCS", "03CK0ZZ", {"nervous", "vascular"}, "therapeutic"),
        ("ICD-10-PCS", "03HY32Z", set(), "access"),
        ("ICD-10-PCS", "04V03DZ", {"vascular"}, "therapeutic"),
        ("ICD-10-PCS", "041K0KL", {"vascular"}, "therapeutic"),
        ("ICD-10-PCS", "06H03DZ", {"vascular", "respiratory"}, "support"),
        ("ICD-10-PCS", "06L34CZ", {"digestive"}, "therapeutic"),
        ("ICD-10-PCS", "06183J4", {"hepatobiliary", "digestive"}, "therapeutic"),
        ("ICD-10-PCS", "07DR3ZX", {"blood", "oncology"}, "diagnostic"),
        ("ICD-10-PCS", "07TP0ZZ", {"blood", "digestive", "injury"}, "therapeutic"),
        ("ICD-10-PCS", "0B9C8ZX", {"respiratory"}, "diagnostic"),
        ("ICD-10-PCS", "0B9N30Z", {"respiratory"}, "therapeutic"),
        ("ICD-10-PCS", "0B9P30Z", {"respiratory"}, "therapeutic"),
        ("ICD-10-PCS", "0BTD0ZZ", {"respiratory"}, "therapeutic"),
        ("ICD-10-PCS", "0BH17EZ", {"respiratory"}, "access"),
        ("ICD-10-PCS", "0B110F4", {"respiratory"}, "support"),
        ("ICD-10-PCS", "0DJD8ZZ", {"digestive"}, "diagnostic"),
        ("ICD-10-PCS", "0DB68ZX", {"digestive"}, "diagnostic"),
        ("ICD-10-PCS", "0DBN8ZZ", {"digestive"}, "therapeutic"),
        ("ICD-10-PCS", "0DH63UZ", {"digestive"}, "access"),
        ("ICD-10-PCS", "0FB03ZX", {"hepatobiliary"}, "diagnostic"),
        ("ICD-10-PCS", "0FC98ZZ", {"hepatobiliary"}, "therapeutic"),
        ("ICD-10-PCS", "00C40ZZ", {"nervous"}, "therapeutic"),
        ("ICD-10-PCS", "009U3ZX", {"nervous"}, "diagnostic"),
        ("ICD-10-PCS", "00B00ZX", {"nervous"}, "diagnostic"),
        ("ICD-10-PCS", "00HU33Z", {"nervous"}, "access"),
        ("ICD-10-PCS", "0HBJXZZ", {"skin"}, "therapeutic"),
        ("ICD-10-PCS", "0HTT0ZZ", {"breast"}, "therapeutic"),
        ("ICD-10-PCS", "0HQ0XZZ", set(), "support"),
        ("ICD-10-PCS", "0JBL0ZZ", {"skin", "musculoskeletal"}, "therapeutic"),
        ("ICD-10-PCS", "0SRC0J9", {"musculoskeletal"}, "therapeutic"),
        ("ICD-10-PCS", "0SR9039", {"musculoskeletal"}, "therapeutic"),
        ("ICD-10-PCS", "0QS604Z", {"musculoskeletal"}, "therapeutic"),
        ("ICD-10-PCS", "0SG0071", {"musculoskeletal", "nervous"}, "therapeutic"),
        ("ICD-10-PCS", "0S9C3ZX", {"musculoskeletal"}, "diagnostic"),
        ("ICD-10-PCS", "0Y6H0Z1", {"musculoskeletal", "vascular", "skin"}, "therapeutic"),
        ("ICD-10-PCS", "0YU50JZ", {"digestive"}, "therapeutic"),
        ("ICD-10-PCS", "0WQF0ZZ", {"digestive", "hepatobiliary"}, "therapeutic"),
        ("ICD-10-PCS", "0W9930Z", {"respiratory"}, "therapeutic"),
        ("ICD-10-PCS", "0W993ZX", {"respiratory"}, "diagnostic"),
        ("ICD-10-PCS", "0W9G3ZZ", {"digestive", "hepatobiliary"}, "diagnostic"),
        ("ICD-10-PCS", "0W9D30Z", {"circulatory"}, "therapeutic"),
        ("ICD-10-PCS", "0W3P8ZZ", {"digestive"}, "therapeutic"),
        ("ICD-10-PCS", "0T9B70Z", {"renal"}, "access"),
        ("ICD-10-PCS", "0TY00Z0", {"renal"}, "therapeutic"),
        ("ICD-10-PCS", "0VT04ZZ", {"male", "renal"}, "therapeutic"),
        ("ICD-10-PCS", "0UT90ZZ", {"female"}, "therapeutic"),
        ("ICD-10-PCS", "10D00Z1", {"obstetric"}, "therapeutic"),
        ("ICD-10-PCS", "30233N1", set(), "support"),
        ("ICD-10-PCS", "30243Y0", {"blood", "oncology"}, "therapeutic"),
        ("ICD-10-PCS", "3E03305", {"blood", "oncology"}, "therapeutic"),
        ("ICD-10-PCS", "3E03317", {"nervous", "circulatory", "respiratory", "vascular"}, "therapeutic"),
        ("ICD-10-PCS", "3E0G36Z", set(), "support"),
        ("ICD-10-PCS", "5A1955Z", {"respiratory"}, "support"),
        ("ICD-10-PCS", "5A1D70Z", {"renal"}, "support"),
        ("ICD-10-PCS", "HZ2ZZZZ", {"substance"}, "therapeutic"),
        ("ICD-10-PCS", "GZB2ZZZ", {"mental"}, "therapeutic"),
        ("ICD-9-CM", "36.12", {"coronary"}, "therapeutic"),
        ("ICD-9-CM", "3893", set(), "access"),
        ("ICD-9-CM", "3812", {"nervous", "vascular"}, "therapeutic"),
        ("ICD-9-CM", "3722", {"circulatory", "coronary", "valve"}, "diagnostic"),
        ("CPT", "47562", {"hepatobiliary"}, "therapeutic"),
        ("LOCAL", "47562", set(), "unknown"),
    ],
)
def test_procedures_by_body_system_and_role(system: str, code: str, systems: set[str], role: str) -> None:
    bits, found = procedure_meaning(system, code)
    assert (names_of(bits), found) == (systems, role)


@pytest.mark.parametrize(
    ("system", "procedure", "reason", "incidental"),
    [
        ("ICD-10-PCS", "02100Z9", "I2510", "I6521"),
        ("ICD-9-CM", "36.12", "I25110", "I4891"),
        ("ICD-10-PCS", "02RF38Z", "I350", "I2510"),
        ("ICD-10-PCS", "0SRC0J9", "M1711", "I10"),
        ("ICD-10-PCS", "0QS604Z", "S72141A", "S0101XA"),
        ("ICD-10-PCS", "0FT44ZZ", "K8000", "K5730"),
        ("ICD-10-PCS", "0DTJ4ZZ", "K3580", "N390"),
        ("ICD-10-PCS", "0DTN4ZZ", "C187", "I10"),
        ("ICD-10-PCS", "0WUF0JZ", "K432", "K219"),
        ("ICD-10-PCS", "00C40ZZ", "S065X0A", "S2241XA"),
        ("ICD-10-PCS", "03CG3ZZ", "I63412", "I4891"),
        ("ICD-10-PCS", "03CK0ZZ", "I6521", "I2510"),
        ("ICD-10-PCS", "0SG0071", "M48061", "D62"),
        ("ICD-10-PCS", "0VT04ZZ", "C61", "E785"),
        ("ICD-10-PCS", "0TT14ZZ", "C642", "N390"),
        ("ICD-10-PCS", "0DB64Z3", "E6601", "G4733"),
        ("ICD-10-PCS", "0Y6H0Z1", "E1152", "N186"),
        ("ICD-10-PCS", "0JH606Z", "I442", "I2510"),
        ("ICD-10-PCS", "3E04305", "Z5111", "D649"),
        ("ICD-10-PCS", "06L34CZ", "K7460", "N179"),
        ("ICD-9-CM", "79.35", "S72301A", "J90"),
        ("ICD-9-CM", "5123", "K8010", "I10"),
    ],
)
def test_operations_and_what_they_are_done_for(system: str, procedure: str, reason: str, incidental: str) -> None:
    done = operation_bits(system, procedure)
    found, at = described(reason, incidental)
    assert done & int(found.operations[at[reason]])
    assert not done & int(found.operations[at[incidental]])


@pytest.mark.parametrize("procedure", ["02HV33Z", "0BH17EZ", "5A1955Z", "30233N1", "B24BZZ4", "0DJD8ZZ", "4A023N7"])
def test_lines_scopes_and_support_are_no_operations(procedure: str) -> None:
    assert operation_bits("ICD-10-PCS", procedure) == 0
    assert operation_bits("CPT", "47562") == 0


def test_operations_of_the_first_days_and_later_ones() -> None:
    bits = {operation.name: operation.bit for operation in operations()}
    frame = pd.DataFrame(
        {"encounter_id": "A", "code": ["021009W", "0FT44ZZ"], "system": "ICD-10-PCS", "day": [None, 6]}
    )
    context = gathered(procedures=frame)
    assert context.early_operations.tolist() == [bits["coronary_bypass"], 0]
    assert context.late_operations.tolist() == [bits["cholecystectomy"], 0]


def test_roles_of_procedures_are_known_words() -> None:
    roles = {"therapeutic", "diagnostic", "access", "support", "imaging"}
    assert {group.role for group in procedure_groups()} == roles


@pytest.mark.parametrize(
    ("drug", "expected"),
    [
        ("Heparin Sodium", {"antithrombotic"}),
        ("Heparin", set()),
        ("Heparin Flush (10 units/ml)", set()),
        ("Heparin (CRRT Machine Priming)", set()),
        ("Heparin Dwell (1000 Units/mL)", set()),
        ("Enoxaparin Sodium", {"anticoagulant"}),
        ("NORepinephrine", {"vasopressor"}),
        ("Desmopressin Acetate", set()),
        ("Docusate Sodium", set()),
        ("Dextrose 50%", set()),
        ("Glucagon", set()),
        ("Calcium Gluconate", set()),
        ("Insulin", {"insulin"}),
        ("Insulin Human Regular", {"insulin", "insulin_infusion"}),
        ("Nitroglycerin", {"nitrate"}),
        ("Nitroglycerin SL", set()),
        ("Isosorbide Mononitrate (Extended Release)", set()),
        ("Diltiazem", {"antiarrhythmic"}),
        ("Diltiazem Extended-Release", set()),
        ("Acetylcysteine 20%", set()),
        ("Acetylcysteine (IV)", {"acetylcysteine", "antidote"}),
        ("Vancomycin Oral Liquid", {"antibiotic", "cdiff"}),
        ("Nimodipine", {"nimodipine"}),
        ("Octreotide Acetate", {"octreotide", "ppi"}),
        ("PlasmaLyte", set()),
        ("Levothyroxine Sodium", set()),
        ("Emtricitabine-Tenofovir (Truvada)", set()),
        ("Alteplase (Catheter Clearance)", set()),
        ("PHENObarbital Alcohol Withdrawal Dose Taper (Days 2-7)", {"withdrawal"}),
        ("23.4% Sodium Chloride", {"osmotic"}),
        ("Hepatitis B Immune Globulin (Nabi-HB)", set()),
        ("Influenza Virus Vaccine", set()),
        ("Epinephrine 1:1000", set()),
    ],
)
def test_drug_names(drug: str, expected: set[str]) -> None:
    assert therapies_of(drug) == expected


def test_services_and_admissions() -> None:
    assert service_meaning("CMED") == ("medical", system_bits()["circulatory"])
    assert service_meaning("MED")[1] == 0
    assert service_meaning("somewhere") == ("unknown", 0)
    kinds = {"3": "elective", "SURGICAL SAME DAY ADMISSION": "elective", "1": "emergency", "EW EMER.": "emergency"}
    kinds |= {"URGENT": "urgent", "": "unknown", "9": "unknown"}
    assert {text: admission_kind(text) for text in kinds} == kinds
    assert admission_kind("EU OBSERVATION") == "emergency"
    assert admission_kind("OBSERVATION ADMIT") == "urgent"


def test_care_units() -> None:
    assert unit_meaning("Cardiac Vascular Intensive Care Unit (CVICU)")[0] == "surgical"
    assert names_of(unit_meaning("Coronary Care Unit (CCU)")[1]) == {"circulatory"}
    assert names_of(unit_meaning("Neuro Surgical Intensive Care Unit (Neuro SICU)")[1]) == {"nervous"}
    assert names_of(unit_meaning("Trauma SICU (TSICU)")[1]) == {"injury", "burn"}
    assert unit_meaning("Medical Intensive Care Unit (MICU)") == ("medical", 0)
    assert unit_meaning("Medical/Surgical Intensive Care Unit (MICU/SICU)") == ("mixed", 0)
    assert unit_meaning("Discharge Lounge") == ("unknown", 0)


def gathered(**given: pd.DataFrame) -> Context:
    encounters = pd.DataFrame({"encounter_id": ["A", "B"], "service": ["MED", "PSYCH"]})
    checked = checked_encounters(encounters).assign(
        admission_location=["TRANSFER FROM HOSPITAL", "PROCEDURE SITE"], discharge_location=["DIED", "HOME"]
    )
    kinds = ("procedures", "medications", "microbiology", "units", "services")
    return context_of(checked, *(given.get(kind) for kind in kinds))


def test_where_the_patient_came_from_and_went_to() -> None:
    context = gathered()
    assert context.from_other_hospital.tolist() == [True, False]
    assert context.from_procedure.tolist() == [False, True]
    assert context.died.tolist() == [True, False]
    assert not context.chemotherapy.any()


def test_first_treating_procedure_and_what_supported_the_patient() -> None:
    codes = ["02HV33Z", "0FT44ZZ", "5A1955Z", "5A1D70Z", "30233N1", "021009W"]
    frame = pd.DataFrame({"encounter_id": "A", "code": codes, "system": "ICD-10-PCS", "day": [0, 1, 3, 4, None, 5]})
    context = gathered(procedures=frame)
    assert names_of(int(context.first_systems[0])) == {"hepatobiliary"}
    assert names_of(int(context.late_systems[0])) == {"coronary"}
    assert context.ventilated_late.tolist() == [True, False]
    assert not context.ventilated_early.any()


def test_late_intensive_care_and_later_surgery() -> None:
    names = ["Medicine", "Surgical Intensive Care Unit (SICU)", "Coronary Care Unit (CCU)"]
    units = pd.DataFrame(
        {"encounter_id": ["A", "A", "B"], "name": names, "start_day": [0, 4, 0], "hours": [90, 30, 20]}
    )
    moves = pd.DataFrame({"encounter_id": ["A", "A"], "name": ["MED", "CSURG"], "start_day": [0, 3]})
    context = gathered(units=units, services=moves)
    assert context.icu_late.tolist() == [True, False]
    assert context.later_surgical.tolist() == [True, False]
    assert names_of(int(context.unit_systems[1])) == {"circulatory"}


def test_chemotherapy_by_drug_or_procedure() -> None:
    drug = pd.DataFrame({"encounter_id": ["A"], "name": ["Cytarabine"], "start_day": [1]})
    infusion = pd.DataFrame({"encounter_id": ["B"], "code": ["3E04305"], "system": ["ICD-10-PCS"], "day": [0]})
    assert gathered(medications=drug, procedures=infusion).chemotherapy.tolist() == [True, True]
    late = drug.assign(start_day=9)
    assert not gathered(medications=late).chemotherapy.any()
