"""What the surroundings of a term decide: abbreviations, precautions, allergies, births, organisms, daily chatter."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from medcode_ml.coding.batch import code_batch

DAY = date(2026, 10, 15)
SECTIONS = ["document_id", "section_number", "section_type", "start_offset", "end_offset"]


def codes_of(
    text: str, section: str = "assessment_plan", setting: str = "inpatient", document_type: str | None = None
) -> set[str]:
    """Accepted codes of one document that is one section."""
    document = pd.DataFrame([("D", "E", text, setting, DAY, document_type)], dtype=object)
    document.columns = pd.Index(["document_id", "encounter_id", "text", "setting", "discharge_date", "document_type"])
    sections = pd.DataFrame([("D", 1, section, 0, len(text))], columns=SECTIONS)
    codes = code_batch(document, sections).codes
    return set(codes.loc[codes["accepted"], "code"])


@pytest.mark.parametrize(
    "text",
    [
        "SpO2 98% on RA",
        "Found at 79% RA.",
        "Sat 95 RA.",
        "Weaned to RA, feeding well.",
        "Comfortable on RA after 24 h.",
    ],
)
def test_room_air_is_no_rheumatoid_arthritis(text: str) -> None:
    assert "M06.9" not in codes_of(text)


def test_rheumatoid_arthritis_is_still_found() -> None:
    assert "M06.9" in codes_of("Dyspnea due to RA of the lung.")
    assert "M06.9" in codes_of("RA, on methotrexate.")


@pytest.mark.parametrize("text", ["Vitals stable.\nPE\nGENERAL: NAD", "PE: lungs clear", "PE unremarkable."])
def test_physical_examination_is_no_embolism(text: str) -> None:
    assert "I26.99" not in codes_of(text)


@pytest.mark.parametrize("text", ["Acute PE on CT.", "1. PE: heparin", "# PE: apixaban", "DVT/PE"])
def test_pulmonary_embolism_is_still_found(text: str) -> None:
    assert any(c.startswith("I26") for c in codes_of(text))


def test_anterior_fontanelle_is_no_fibrillation() -> None:
    assert codes_of("Gout. head: AF soft and flat", "other") == {"M10.9"}
    assert "I48.91" in codes_of("AF, rate controlled.")


@pytest.mark.parametrize(
    "text",
    [
        "Return to ED for fever, worsening headache or shortness of breath.",
        "Come back with cough or if you developed vomiting.",
        "Seek care if dizziness.",
        "Return precautions: fever, cough.",
    ],
)
def test_return_precautions_are_hypothetical(text: str) -> None:
    assert codes_of(text) == set()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("PCN allergy (hives).", "Z88.0"),
        ("Allergic to sulfa (rash).", "Z88.2"),
        ("Allergies: penicillin - anaphylaxis", "Z88.0"),
        ("Allergies: penicillin (hives, rash)", "Z88.0"),
    ],
)
def test_reaction_of_an_allergy_is_not_coded(text: str, code: str) -> None:
    assert codes_of(text, "past_medical_history") == {code}


def test_rash_of_today_is_coded_beside_an_allergy() -> None:
    assert "R21" in codes_of("PCN allergy. Presents with rash.")


def test_anatomy_is_no_code() -> None:
    assert codes_of("Short phrases, accessory muscle use.") == set()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("b/l knee OA", "M17.0"),
        ("bilateral knee osteoarthritis", "M17.0"),
        ("right knee OA", "M17.11"),
        ("left knee OA", "M17.12"),
        ("knee OA", "M17.9"),
        ("b/l hip OA", "M16.0"),
        ("right hip osteoarthritis", "M16.11"),
        ("left hip OA", "M16.12"),
        ("iron def anemia", "D50.9"),
        ("vit D def", "E55.9"),
        ("reflux", "K21.9"),
        ("T2DM w/ hyperglycemia", "E11.65"),
        ("pyelo", "N10"),
        ("Parkinson's", "G20.A1"),
        ("obesity, class I", "E66.811"),
        ("MRSA sepsis", "A41.02"),
        ("MSSA sepsis", "A41.01"),
        ("sepsis d/t E coli", "A41.51"),
        ("E. coli sepsis", "A41.51"),
        ("strep pneumo sepsis", "A40.3"),
        ("Flu shot given today", "Z23"),
        ("Tdap administered", "Z23"),
        ("vaccines per schedule today", "Z23"),
    ],
)
def test_common_spellings(text: str, code: str) -> None:
    assert codes_of(text) == {code}


def test_coronary_disease_after_surgery() -> None:
    assert codes_of("CAD s/p CABG", "past_medical_history") == {"I25.10", "Z95.1"}
    assert codes_of("CAD w/ prior stents", "past_medical_history") == {"I25.10", "Z95.5"}
    assert codes_of("hx of CABG", "past_medical_history") == {"Z95.1"}


def test_stent_of_this_stay_is_a_procedure() -> None:
    assert "Z95.5" not in codes_of("NSTEMI s/p DES to LAD", "procedures")


def test_costovertebral_tenderness_is_no_stroke() -> None:
    assert codes_of("CVA tenderness on right.") == set()


def test_rule_24_prostate_symptoms_stay() -> None:
    assert codes_of("BPH with nocturia.") == {"N40.1", "R35.1"}
    assert codes_of("BPH with urinary retention.") == {"N40.1", "R33.8"}


def test_rule_24_fever_and_breath_belong_to_the_disease() -> None:
    assert codes_of("Pneumonia with fever and shortness of breath.") == {"J18.9"}


def test_rule_20_chatter_of_a_stay_is_not_coded() -> None:
    assert codes_of("Cholelithiasis. Pain worse.") == {"K80.20"}
    assert codes_of("Still tired, cough.", "other", document_type="progress_note") == set()
    assert "R05.9" in codes_of("Cough.", "assessment_plan", document_type="progress_note")


def test_organism_stands_beside_its_infection() -> None:
    assert codes_of("Cellulitis of the abdominal wall. MSSA on wound culture.") == {"L03.311", "B95.61"}
    assert not any(c.startswith("B9") for c in codes_of("Gout. E. coli positive culture."))


def test_delivery_has_its_outcome_and_weeks() -> None:
    text = "G2P1 at 39w2d in labor. SVD, uncomplicated. Delivered a viable female infant, Apgars 8 and 9."
    assert codes_of(text) == {"O80", "Z37.0", "Z3A.39"}
    torn = codes_of(text + " 2nd degree perineal laceration repaired.")
    assert torn == {"O70.1", "Z37.0", "Z3A.39"}


def test_twins_and_stillbirth_have_their_own_outcome() -> None:
    twins = codes_of("Twin gestation, 38+1 weeks. Cesarean delivery. Delivered liveborn twins, Apgars 8 and 9.")
    assert {"Z37.2", "Z3A.38"} <= twins
    assert not any(
        c.startswith("Z37") for c in codes_of("Vaginal delivery of stillborn infant. Normal vaginal delivery.")
    )


def test_outcome_of_delivery_only_in_the_stay_of_the_birth() -> None:
    assert "Z37.0" not in codes_of("Delivered a healthy infant, mastitis now.", setting="outpatient")


def test_newborn_has_its_own_record() -> None:
    assert codes_of("Term newborn male born via NSVD to a 28 yo G2P1 mother, Apgars 8/9.") == {"Z38.00"}
    assert codes_of("Term girl born by repeat section, Apgars 8/9.") == {"Z38.01"}


def test_birth_of_a_child_seen_later_is_history() -> None:
    text = "4 yo boy with gout. Birth history: term infant born by SVD."
    assert codes_of(text) == {"M10.9"}


def test_prediabetes_is_no_symptom_of_the_history() -> None:
    assert "R73.03" in codes_of("Gout, prediabetes.", "past_medical_history")
