"""Assertion: negation lists, family, history, what could be, and what only looks like a negation."""

from __future__ import annotations

import pytest

from medcode_ml.coding.mentions import Section, read_mentions


def said(text: str, section: str = "other") -> dict[str, str]:
    """Assertion of each term of `text`, by the words of the note."""
    return {text[m.start : m.end]: m.assertion for m in read_mentions(text, [Section(section, 0, len(text))])}


def test_negation_reaches_over_a_list() -> None:
    assert said("Denies chest pain, dyspnea, or fever.") == {
        "chest pain": "negated",
        "dyspnea": "negated",
        "fever": "negated",
    }


def test_negation_ends_at_but_and_at_a_new_statement() -> None:
    assert said("No fever but has cough.") == {"fever": "negated", "cough": "affirmed"}
    assert said("She denies headache and has pneumonia.") == {"headache": "negated", "pneumonia": "affirmed"}


def test_negation_ends_with_its_sentence() -> None:
    assert said("No fever. Pneumonia.") == {"fever": "negated", "Pneumonia": "affirmed"}
    assert said("No fever\n- Pneumonia") == {"fever": "negated", "Pneumonia": "affirmed"}


def test_negation_after_the_term() -> None:
    assert said("Pulmonary embolism was ruled out.") == {"Pulmonary embolism": "negated"}
    assert said("Chest pain with myocardial infarction ruled out.") == {
        "Chest pain": "affirmed",
        "myocardial infarction": "negated",
    }


@pytest.mark.parametrize(
    "text",
    ["No change in pneumonia.", "Not only pneumonia.", "Gram negative pneumonia noted.", "Pneumonia not improving."],
)
def test_pseudo_negation_denies_nothing(text: str) -> None:
    assert set(said(text).values()) == {"affirmed"}


def test_cannot_be_ruled_out_is_uncertain() -> None:
    assert said("Pneumonia cannot be ruled out.") == {"Pneumonia": "uncertain"}


def test_history_that_holds_its_own_trigger_can_be_denied() -> None:
    assert said("No history of stroke.") == {"history of stroke": "negated"}
    assert said("No prior history of coronary artery disease.") == {"coronary artery disease": "negated"}


def test_relatives() -> None:
    assert said("Mother has diabetes.") == {"diabetes": "family"}
    assert said("Diabetes in father and brother.", "family_history") == {"Diabetes": "family"}
    assert said("No family members with stroke.", "family_history") == {"stroke": "negated"}


def test_what_could_be() -> None:
    assert said("Return if you have fever.") == {"fever": "hypothetical"}
    assert said("Call for chest pain or bleeding.", "discharge_instructions")["chest pain"] == "hypothetical"


def test_history_ends_at_with() -> None:
    assert said("Status post appendicitis with pneumonia.") == {"appendicitis": "historical", "pneumonia": "affirmed"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("PE: lungs clear.", False),
        ("He was found to have a PE on CT.", True),
        ("O2 sat 97% on RA.", False),
        ("RA on methotrexate.", True),
        ("MS contin 30 mg.", False),
        ("MS with optic involvement.", True),
        ("non-smoker", False),
        ("History of present illness follows.", False),
    ],
)
def test_ambiguous_abbreviations_need_their_context(text: str, found: bool) -> None:
    nodes = {m.node for m in read_mentions(text, [])} & {"I26.99", "M06.9", "G35", "F17.200", "R69"}
    assert bool(nodes) is found
