"""The alphabetic index: condition and site make a code; findings and alternatives never stand beside a diagnosis."""

from __future__ import annotations

from datetime import date

import pytest

from medcode_ml.coding.alphabetic import BEHAVIOURS, alphabetic_index
from medcode_ml.coding.candidates import Candidates
from medcode_ml.coding.encounter import Document
from medcode_ml.coding.lexicon import lexicon_entries
from medcode_ml.coding.mentions import read_mentions
from medcode_ml.coding.ontology import OntologyCoder
from medcode_ml.coding.resolve import Resolver
from medcode_ml.coding.score import score

DAY = date(2026, 10, 15)


def coded(text: str, day: date = DAY) -> Candidates:
    document = Document("D1", text, None, ())
    return OntologyCoder.for_day(day).code([document], "inpatient").candidates


def accepted(text: str, day: date = DAY) -> set[str]:
    return {code for code, found in coded(text, day).items() if found.accepted}


def test_every_line_of_the_index_leads_to_a_billable_code_of_the_newest_and_of_an_old_release() -> None:
    for day in (DAY, date(2018, 6, 1)):
        resolver = Resolver.on(day)
        for (condition, site), node in alphabetic_index().nodes.items():
            assert day != DAY or resolver.below(node), (condition, site, node)
            assert resolver.in_release(node) is not None, (condition, site, node)


def test_neoplasms_have_a_code_for_every_behaviour_that_the_site_knows() -> None:
    nodes = alphabetic_index().nodes
    assert [nodes["" + behaviour, "bladder"] for behaviour in BEHAVIOURS] == [
        "C67.9", "C79.11", "D09.0", "D30.3", "D41.4", "D49.4",
    ]  # fmt: skip
    assert len(nodes) > 2500


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("An abscess in the right lobe of the liver was drained.", "K75.0"),
        ("Hepatic abscess.", "K75.0"),
        ("The patient has pain in the right knee.", "M25.561"),
        ("Squamous cell carcinoma of the left lateral border of the tongue.", "C02.9"),
        ("Metastases in the lumbar spine.", "C79.51"),
        ("Thrombosis of the left renal vein.", "I82.3"),
        ("Loss of vision in the left eye.", "H54.62"),
        ("Retinal hemorrhage OS.", "H35.62"),
        ("The kidney was markedly atrophic.", "N26.1"),
        ("Perforation of the sigmoid.", "K63.1"),
    ],
)
def test_condition_and_site_make_a_code(text: str, code: str) -> None:
    assert code in accepted(text)


def test_one_condition_with_several_sites_is_several_codes() -> None:
    assert {"C78.7", "C79.51"} <= accepted("She has metastases in the liver and bone.")
    assert {"K76.89", "D73.4"} <= accepted("Hepatic and splenic cysts.")


@pytest.mark.parametrize(
    "text",
    [
        "Pain, then a fall. The liver is normal.",
        "Pain radiating to the left arm.",
        "He had pain and his knee was replaced.",
        "A tumor adjacent to the bladder.",
    ],
)
def test_a_site_of_another_statement_is_not_the_site_of_the_condition(text: str) -> None:
    assert not [m for m in read_mentions(text, []) if m.kind.startswith("index")]


def test_a_denied_pair_is_denied() -> None:
    assert "K75.0" not in accepted("No evidence of abscess of the liver.")


def test_rule_20_a_mass_says_nothing_beside_the_diagnosis() -> None:
    assert "N28.89" in accepted("A mass in the left kidney.")
    beside = coded("A mass in the left kidney. Clear cell renal cell carcinoma.")
    assert not beside["N28.89"].accepted
    assert "diagnosis says what it is" in beside["N28.89"].reason


def test_rule_24_the_site_says_more_and_the_plain_term_is_still_listed() -> None:
    found = coded("Pain in the left flank.")
    assert found["R10.9"].accepted or found["R10.A2"].accepted
    assert not found["R52"].accepted


def test_alternatives_are_listed_below_everything_named_and_never_accepted() -> None:
    found = coded("Acute cholecystitis. Chronic back pain.")
    others = [c for c in found.values() if c.alternative]
    assert others
    assert not any(c.accepted for c in others)
    assert max(score(c) for c in others) < min(score(c) for c in found.values() if c.accepted)
    assert all(c.supports for c in others)


def test_health_status_has_no_alternatives() -> None:
    assert not any(c.alternative for c in coded("History of coronary artery bypass graft.").values())


def test_a_medicine_needs_to_be_taken_regularly() -> None:
    """ "on" is passed over in matching: "on aspirin" as a term made every aspirin long-term use."""
    unconditional = {e.key for e in lexicon_entries() if e.condition is None}
    conditional = {e.key for e in lexicon_entries() if e.condition is not None and e.condition.dose}
    assert unconditional & conditional <= {("nph",)}
    assert "Z79.82" in accepted("He is on aspirin for coronary artery disease.")
    assert "Z79.82" not in accepted("Aspirin was given in the ambulance for chest pain.")
    assert "Z79.52" not in accepted("Treatment with prednisone 1 mg/kg/day was started.")


def test_a_category_of_an_older_release_is_not_stretched_to_its_first_child() -> None:
    """Immunosuppressants have a code since FY2023; before, Z79 must not become what it lists first."""
    assert "Z79.01" not in accepted("Immunosuppressive therapy.", date(2018, 6, 1))
