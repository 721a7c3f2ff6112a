"""Faults that a coder would laugh at, each seen in a real note: none may come back."""

from __future__ import annotations

from datetime import date

import pytest

from medcode_ml.codes.tabular import tabular
from medcode_ml.coding.encounter import Document
from medcode_ml.coding.mentions import read_mentions
from medcode_ml.coding.ontology import OntologyCoder
from medcode_ml.coding.resolve import Resolver

DAY = date(2026, 10, 15)
OLD = date(2018, 6, 1)


def accepted(text: str, day: date = DAY) -> set[str]:
    document = Document("D1", text, None, ())
    found = OntologyCoder.for_day(day).code([document], "inpatient").candidates
    return {code for code, candidate in found.items() if candidate.accepted}


def nodes(text: str) -> dict[str, str]:
    return {mention.node: mention.assertion for mention in read_mentions(text, [])}


@pytest.mark.parametrize(
    "text",
    [
        "He presents with a 3-day history of fever.",
        "She has had a two week history of fever.",
        "The infant came with a 48-hour history of fever.",
        "There is a long history of fever.",
    ],
)
def test_how_long_a_symptom_has_lasted_is_no_past_history(text: str) -> None:
    assert nodes(text) == {"R50.9": "affirmed"}


def test_past_history_and_pack_years_are_still_past() -> None:
    assert set(nodes("He has a history of pneumonia.").values()) == {"historical"}
    assert accepted("She has a 30 pack-year history of smoking and quit in 2001.") == {"Z87.891"}


@pytest.mark.parametrize(
    "text",
    [
        "NEUROLOGIC: Negative for paralysis, diplopia and chest pain.",
        "Review of systems is negative for paralysis, diplopia and chest pain.",
        "Systems were negative for paralysis, diplopia and chest pain.",
    ],
)
def test_negative_for_denies_what_follows_whatever_stands_before_it(text: str) -> None:
    assert set(nodes(text).values()) == {"negated"}
    assert len(nodes(text)) == 3


def test_a_cause_is_no_secondary_disease() -> None:
    assert accepted("Chronic kidney disease secondary to diabetes.") == {"E11.22", "N18.9"}
    assert accepted("Secondary diabetes mellitus.") == {"E13.9"}


@pytest.mark.parametrize(
    ("text", "code", "wrong"),
    [
        ("A painful mass in the right testicle was removed.", "N50.89", "N50.811"),
        ("Metastasis of prostatic adenocarcinoma.", "C61", "C79.82"),
    ],
)
def test_a_site_belongs_to_the_nearest_condition(text: str, code: str, wrong: str) -> None:
    codes = accepted(text)
    assert wrong not in codes
    assert code in codes


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Fracture dislocation of the ankle.", {"S82.899A"}),
        ("Metastatic lesions in the liver.", {"C78.7"}),
    ],
)
def test_some_conditions_reach_over_the_next(text: str, codes: set[str]) -> None:
    assert codes <= accepted(text)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("An incarcerated right inguinal hernia was reduced.", "Z65.1"),
        ("He has 5 to 6 alcoholic drinks a month.", "F10.20"),
        ("The diaphragm was tense and depressed.", "F32.A"),
        ("The azotemia was unresponsive to IV fluids.", "R55"),
        ("The blind limb of the small bowel was closed.", "H54.0X33"),
        ("Blood loss was less than 5 cc.", "R58"),
        ("We discussed weight loss options.", "R63.4"),
        ("He finished Robitussin DM.", "E11.9"),
        ("Pneumoperitoneum was obtained with a Veress needle.", "K66.8"),
        ("The tympanic membrane is immobile.", "Z74.01"),
        ("Sepsis of biliary origin.", "K83.09"),
        ("Third degree burns.", "T20.319A"),
        ("Malaise and fatigue.", "R53.0"),
        ("The arrest lasted five minutes.", "Z65.3"),
        ("A screw was placed in the astragalus.", "S92.109A"),
        ("A large abdominal pannus.", "H16.429"),
        ("Carbon monoxide at 20 ppm.", "Z95.0"),
    ],
)
def test_a_word_of_another_meaning_is_no_code(text: str, wrong: str) -> None:
    assert wrong not in accepted(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Depressed and tearful.", "F32.A"),
        ("She is blind.", "H54.0X33"),
        ("He is an alcoholic.", "F10.20"),
        ("He was incarcerated for two years.", "Z65.1"),
        ("Unintentional weight loss.", "R63.4"),
        ("PMH: DM, HTN.", "E11.9"),
        ("An incarcerated right inguinal hernia was reduced.", "K40.30"),
        ("Third degree burns.", "T30.0"),
        ("Dermoid cyst of the ovary.", "D27.9"),
        ("Gastroesophageal varices.", "I86.4"),
        ("Psoriatic spondyloarthritis.", "L40.53"),
        ("Coinfection by hepatitis B and C.", "B19.20"),
        ("MALT lymphoma.", "C88.40"),
        ("A bronchogenic cyst.", "J98.4"),
    ],
)
def test_the_word_itself_is_still_a_code(text: str, code: str) -> None:
    assert code in accepted(text)


@pytest.mark.parametrize(
    ("node", "code"),
    [
        ("C81.9", "C81.90"),  # not the extranodal sites
        ("C44.2", "C44.201"),  # not the left ear
        ("G40.9", "G40.909"),  # not the intractable
        ("B67", "B67.90"),
        ("I26.9", "I26.99"),  # "pulmonary embolism NOS", neither septic nor subsegmental
        ("T78.4", "T78.40XA"),
        ("A04.7", "A04.72"),
        ("D57.4", "D57.40"),
    ],
)
def test_rule_24_what_is_left_open_takes_the_code_that_says_no_more(node: str, code: str) -> None:
    assert Resolver.on(DAY).unspecified(node) == code


@pytest.mark.parametrize(("text", "code"), [("Thrombocytosis.", "D75.89"), ("Leukodystrophy.", "G31.89")])
def test_a_later_code_falls_back_on_other_specified_not_on_a_named_brother(text: str, code: str) -> None:
    assert accepted(text, OLD) == {code}


def test_no_unspecified_code_is_passed_over_for_one_that_names_a_side() -> None:
    resolver = Resolver.on(DAY)
    for category in ("C44.20", "C44.60", "C44.70", "H40.03", "M17.1", "N60.0", "S52.50"):
        title = tabular().title((resolver.unspecified(category) or "")[:7]) or ""
        assert "unspecified" in title, (category, title)
