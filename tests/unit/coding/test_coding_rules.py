"""Rules 20 to 25 of the trade, by number, on small notes."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from medcode_ml.coding.batch import CodedBatch, code_batch

DAY = date(2026, 10, 15)
SECTIONS = ["document_id", "section_number", "section_type", "start_offset", "end_offset"]


def coded(*parts: tuple[str, str], setting: str | None = "inpatient", day: date = DAY, **kinds: str) -> CodedBatch:
    """Code one document whose sections are `parts` (section type, text); `document_type` may be given."""
    text, rows = "", []
    for number, (kind, words) in enumerate(parts, start=1):
        rows.append(("D1", number, kind, len(text), len(text) + len(words)))
        text += words + "\n\n"
    document = {"document_id": "D1", "encounter_id": "E1", "text": text, "setting": setting, "discharge_date": day}
    document["document_type"] = kinds.get("document_type")
    return code_batch(pd.DataFrame([document]), pd.DataFrame(rows, columns=SECTIONS))


def accepted(batch: CodedBatch) -> set[str]:
    return set(batch.codes.loc[batch.codes["accepted"], "code"])


def reason(batch: CodedBatch, code: str) -> str:
    return str(batch.codes.loc[batch.codes["code"] == code, "reason"].item())


def test_rule_20_finding_in_results_is_a_query_not_a_code() -> None:
    batch = coded(("results", "CT shows pulmonary embolism."), ("assessment_plan", "Cholelithiasis."))
    assert accepted(batch) == {"K80.20"}
    asked = batch.queries[batch.queries["rule"] == "finding_without_diagnosis"]
    assert ["I26.99"] in asked["codes"].tolist()


def test_rule_20_laboratory_value_alone_is_a_query_not_a_code() -> None:
    batch = coded(("results", "Sodium 121, creatinine 1.0."), ("assessment_plan", "Migraine."))
    assert accepted(batch) == {"G43.909"}
    assert batch.queries["question"].str.contains("sodium is low").sum() == 1
    with_diagnosis = coded(("results", "Sodium 121."), ("assessment_plan", "Hyponatremia."))
    assert accepted(with_diagnosis) == {"E87.1"}
    assert with_diagnosis.queries.empty


def test_rule_20_sign_on_examination_is_not_reported() -> None:
    batch = coded(("physical_exam", "There is a murmur and ankle edema."), ("assessment_plan", "Gout."))
    assert accepted(batch) == {"M10.9"}


@pytest.mark.parametrize(
    "words", ["Possible pneumonia.", "Pneumonia suspected.", "Rule out pneumonia.", "Likely pneumonia."]
)
def test_rule_21_uncertain_diagnosis_depends_on_the_setting(words: str) -> None:
    part = ("discharge_diagnoses", words)
    inpatient = coded(part, document_type="discharge_summary")
    assert accepted(inpatient) == {"J18.9"}
    assert inpatient.codes.set_index("code").loc["J18.9", "assertion"] == "uncertain"
    assert accepted(coded(part, setting="outpatient")) == set()
    assert accepted(coded(part, setting=None)) == set()


def test_rule_21_uncertain_before_discharge_is_not_coded() -> None:
    assert accepted(coded(("assessment_plan", "Possible pneumonia."), document_type="progress_note")) == set()


@pytest.mark.parametrize(("disease", "code"), [("COVID-19", "U07.1"), ("HIV infection", "B20")])
def test_rule_21_only_confirmed_hiv_and_covid(disease: str, code: str) -> None:
    uncertain = coded(("discharge_diagnoses", f"Suspected {disease}."))
    assert accepted(uncertain) == set()
    assert "rule 21" in reason(uncertain, code)
    assert accepted(coded(("discharge_diagnoses", f"{disease}."))) == {code}


def test_rule_21_suspected_then_ruled_out_is_not_coded() -> None:
    batch = coded(("assessment_plan", "Possible pulmonary embolism. Pulmonary embolism was ruled out."))
    assert accepted(batch) == set()


def test_rule_22_excludes1_raises_a_query_and_drops_nothing() -> None:
    batch = coded(("assessment_plan", "Hypothyroidism. Postsurgical hypothyroidism."))
    # both below one chapter but in different categories: E03 excludes E89.0
    assert accepted(batch) == {"E03.9", "E89.0"}
    asked = batch.queries[batch.queries["rule"] == "excludes1"]
    assert asked["codes"].tolist() == [["E03.9", "E89.0"]]


def test_rule_24_integral_symptoms_are_not_coded() -> None:
    batch = coded(("assessment_plan", "Cough, fever and dyspnea. Pneumonia."))
    assert accepted(batch) == {"J18.9"}
    assert "rule 24" in reason(batch, "R05.9")


def test_rule_24_symptom_without_its_disease_stays() -> None:
    assert accepted(coded(("assessment_plan", "Cough. Hypertension."))) == {"I10", "R05.9"}


def test_rule_24_specific_beats_unspecified_of_its_category() -> None:
    batch = coded(
        ("history_of_present_illness", "Heart failure."), ("assessment_plan", "Acute systolic heart failure.")
    )
    assert accepted(batch) == {"I50.21"}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("Pain in the left knee.", "M25.562"),
        ("Right hip fracture.", "S72.001A"),
        ("Acute on chronic diastolic heart failure.", "I50.33"),
        ("Heart failure, systolic, chronic, stable.", "I50.22"),
        ("CKD stage 3b.", "N18.32"),
        ("Stage 4 sacral decubitus ulcer.", "L89.154"),
        ("Left breast cancer.", "C50.912"),
        ("Right-sided hemiplegia.", "G81.91"),
        ("Colles fracture of the left wrist.", "S52.532A"),
    ],
)
def test_rule_24_side_acuity_stage_and_seventh_character_come_from_the_words(words: str, code: str) -> None:
    assert accepted(coded(("assessment_plan", words))) == {code}


def test_rule_24_both_sides_give_both_codes() -> None:
    assert accepted(coded(("assessment_plan", "Bilateral trochanteric bursitis."))) == {"M70.61", "M70.62"}


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        ("Hypertension. Chronic systolic heart failure.", {"I11.0", "I50.22"}),
        ("Hypertension. CKD stage 4.", {"I12.9", "N18.4"}),
        ("Hypertension. ESRD.", {"I12.0", "N18.6"}),
        ("Hypertension. Chronic systolic heart failure. CKD stage 4.", {"I13.0", "I50.22", "N18.4"}),
        ("Type 2 diabetes. CKD stage 4.", {"E11.22", "N18.4"}),
        ("Type 1 diabetes. Peripheral neuropathy.", {"E10.42"}),
        ("COPD exacerbation. Pneumonia.", {"J44.0", "J44.1", "J18.9"}),
        ("Diverticulosis of colon. GI bleed.", {"K57.31"}),
        ("CAD. Unstable angina.", {"I25.110"}),
        ("Anxiety and depression.", {"F41.9", "F32.A"}),
    ],
)
def test_rule_24_combination_codes(words: str, codes: set[str]) -> None:
    assert accepted(coded(("assessment_plan", words))) == codes


def test_rule_24_combination_needs_both_parts_affirmed() -> None:
    assert accepted(coded(("assessment_plan", "Hypertension. No heart failure."))) == {"I10"}


@pytest.mark.parametrize("kind", ["laboratory_report", "radiology_report", "pathology_report", "nursing_note"])
def test_rule_25_reports_alone_support_no_code(kind: str) -> None:
    batch = coded(("other", "Pneumonia of the right lower lobe."), document_type=kind)
    assert accepted(batch) == set()
    assert "rule 25" in reason(batch, "J18.9")
    assert (batch.queries["rule"] == "finding_without_diagnosis").any()


def test_rule_25_nurses_may_document_bmi_stage_and_social_determinants() -> None:
    nursing = coded(("other", "Homeless. Stage 3 sacral pressure ulcer."), document_type="nursing_note")
    assert accepted(nursing) == {"Z59.00", "L89.153"}


def test_rule_25_bmi_only_beside_a_diagnosis_of_weight() -> None:
    assert accepted(coded(("vital_signs", "BMI 41.2"), ("assessment_plan", "Morbid obesity."))) == {"E66.01", "Z68.41"}
    assert accepted(coded(("vital_signs", "BMI 41.2"), ("assessment_plan", "Gout."))) == {"M10.9"}


def test_rule_26_present_on_admission() -> None:
    batch = coded(
        ("history_of_present_illness", "COPD exacerbation."),
        ("hospital_course", "On day 4 the patient developed a urinary tract infection."),
        ("social_history", "Homeless."),
    )
    poa = batch.codes[batch.codes["accepted"]].set_index("code")["poa"]
    assert poa["J44.1"] == "Y"
    assert poa["N39.0"] == "N"
    outpatient = coded(("assessment_plan", "Gout."), setting="outpatient")
    assert outpatient.codes["poa"].tolist() == [None]


def test_status_of_an_operation_of_this_stay_is_not_coded() -> None:
    assert accepted(coded(("procedures", "Permanent pacemaker."), ("assessment_plan", "Sick sinus syndrome."))) == {
        "I49.5"
    }
    assert "Z95.0" in accepted(coded(("past_medical_history", "Permanent pacemaker.")))


def test_conflicting_documents_raise_a_query() -> None:
    rows = [
        ("D1", "Pneumonia.", "discharge_summary"),
        ("D2", "No pneumonia.", "consultation"),
    ]
    documents = pd.DataFrame(
        [
            {
                "document_id": d,
                "encounter_id": "E1",
                "text": t,
                "setting": "inpatient",
                "discharge_date": DAY,
                "document_type": k,
            }
            for d, t, k in rows
        ]
    )
    batch = code_batch(documents, pd.DataFrame(columns=SECTIONS))
    assert accepted(batch) == {"J18.9"}
    assert (batch.queries["rule"] == "conflicting_documents").sum() == 1


def test_open_side_raises_a_query() -> None:
    batch = coded(("assessment_plan", "Knee pain."))
    assert batch.queries["rule"].tolist() == ["laterality"]
    assert coded(("assessment_plan", "Left knee pain.")).queries.empty
