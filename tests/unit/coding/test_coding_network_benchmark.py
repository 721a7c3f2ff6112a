"""The network benchmark asks each note for what it says, and pairs the page with its own clean text."""

from __future__ import annotations

import pytest

from medcode_ml.benchmarks.coding_network import (
    QUALITIES,
    alone,
    coded,
    gold_of,
    loss,
    printed,
    sampled,
    simulated_notes,
)
from medcode_ml.benchmarks.page_faults import FAULTS
from medcode_ml.coding.figures.marked import PredictedCode
from medcode_ml.coding.labelled.note import LabelledNote
from medcode_ml.simulation.rendering import PageHeader


def test_a_note_is_asked_for_what_it_says_and_the_rest_of_its_encounter_is_disputed() -> None:
    notes = simulated_notes(6, 3)
    gold = gold_of(notes, notes.documents)
    assert len(gold) == len(notes.documents)
    for one, stay in zip(gold, notes.documents["encounter_id"], strict=True):
        assert set(one.codes) | one.disputed == set(notes.true[stay])
        assert one.disputed.isdisjoint(one.codes)
    assert notes.headers.keys() == notes.true.keys()
    said = {stay: set() for stay in notes.true}
    for one, stay in zip(gold, notes.documents["encounter_id"], strict=True):
        said[stay] |= set(one.codes)
    told = sum(len(said[stay]) for stay in notes.true) / sum(len(codes) for codes in notes.true.values())
    assert told > 0.9, "nearly every true code of an encounter is said by one of its notes"


def test_whole_encounters_and_single_notes_are_coded_and_every_one_is_answered() -> None:
    notes = simulated_notes(4, 5)
    assert set(coded(notes.documents, None)) == set(notes.true)
    single = coded(alone(notes.documents), None)
    assert set(single) == set(notes.documents["document_id"])
    assert any(one.accepted for listed in single.values() for one in listed)


def test_the_sample_takes_kinds_in_turn_and_only_notes_that_say_a_code() -> None:
    notes = simulated_notes(12, 5)
    gold = gold_of(notes, notes.documents)
    chosen = sampled(notes, gold, 5, 1)
    assert len(chosen) == 5
    assert chosen["document_type"].nunique() > 2
    codes = {g.record_id: g.codes for g in gold}
    assert all(codes[d] for d in chosen["document_id"])


def test_the_loss_is_the_difference_of_two_micro_f1_on_the_same_notes() -> None:
    gold = [LabelledNote("A", "", ("I10", "E11.9")), LabelledNote("B", "", ("J18.9",))]
    clean = {
        "A": [PredictedCode("I10", 1, True), PredictedCode("E11.9", 1, True)],
        "B": [PredictedCode("J18.9", 1, True)],
    }
    read = {"A": [PredictedCode("I10", 1, True)], "B": []}
    told = loss(gold, clean, read)
    assert (told["clean_text"], told["page"], told["difference"]) == (1.0, 0.5, -0.5)
    assert loss(gold, clean, clean)["difference_95"] == [0.0, 0.0]


def test_scan_qualities_are_faults_that_exist_and_a_printed_note_is_read_again() -> None:
    assert {fault for faults in QUALITIES.values() for fault in faults} <= FAULTS.keys()
    top = PageHeader("HARB", "STONE, MAY", "00012345", "01/31/1961", "7001999999")
    text, error = printed("ASSESSMENT: community acquired pneumonia of the left lower lobe.\n" * 3, top, "clean", 0, 1)
    assert "community acquired pneumonia" in text
    assert error < 0.02
    with pytest.raises(ValueError, match="is not in list"):
        printed("x", top, "crumpled", 0, 1)
