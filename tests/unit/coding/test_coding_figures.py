"""Figures of codes and evidence against values worked by hand and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score

from medcode_ml.coding.figures.codes import code_figures
from medcode_ml.coding.figures.evidence import evidence_figures
from medcode_ml.coding.figures.marked import PredictedCode, mark
from medcode_ml.coding.figures.predictions import accepted_evidence, listed_codes
from medcode_ml.coding.labelled.note import EvidenceSpan, LabelledNote


def note(record: str, *codes: str, disputed: tuple[str, ...] = ()) -> LabelledNote:
    return LabelledNote(record, "", codes, disputed=frozenset(disputed))


def said(*entries: tuple[str, float, bool]) -> list[PredictedCode]:
    return [PredictedCode(*entry) for entry in entries]


GOLD = [note("A", "I10", "E11.9", "N18.30"), note("B", "I10", "J18.9"), note("C", "R50.9")]
PREDICTED = {
    # ranked: I10 hit, E11.8 miss, E11.9 hit (not accepted), N18.30 never listed
    "A": said(("I10", 0.9, True), ("E11.8", 0.8, True), ("E11.9", 0.4, False)),
    # ranked: J15.9 miss, J18.9 hit; I10 never listed
    "B": said(("J18.9", 0.5, True), ("J15.9", 0.7, False)),
}


def test_figures_worked_by_hand() -> None:
    figures = code_figures(GOLD, PREDICTED, resamples=0)
    full = figures["full"]
    # accepted: I10 (A, true), E11.8 (A, false), J18.9 (B, true); 6 true codes
    assert full["precision"] == round(2 / 3, 4)
    assert full["recall"] == round(2 / 6, 4)
    assert full["micro_f1"] == round(4 / 9, 4)
    # F1 by code of the gold: I10 2/3, E11.9 0, N18.30 0, J18.9 1, R50.9 0; E11.8 is no code of the gold
    assert full["macro_f1"] == round((2 / 3 + 1) / 5, 4)
    # by note: A 2/5, no: 2*1/(2+3); B 2*1/(1+2); C 0
    assert full["macro_f1_by_note"] == round((2 / 5 + 2 / 3 + 0) / 3, 4)
    # AP: A (1/1 + 2/3)/3, B (1/2)/2, C 0
    assert full["map"] == round(((1 + 2 / 3) / 3 + 1 / 4 + 0) / 3, 4)
    assert full["candidate_recall"] == round(3 / 6, 4)
    assert full["exact_match"] == 0
    assert figures["listed_codes_per_note"] == round(5 / 3, 2)
    assert figures["notes_without_prediction"] == 1
    # categories: A I10, E11 both accepted and true, N18 missed
    assert figures["category"]["precision"] == 1.0
    assert figures["category"]["recall"] == round(3 / 6, 4)


def test_unseen_and_frequency_cut_both_sides_to_the_same_codes() -> None:
    figures = code_figures(GOLD, PREDICTED, seen_codes={"I10": 12, "J18.9": 1, "E11.8": 4}, resamples=0)
    # unseen: true E11.9, N18.30, R50.9; none accepted, so precision has nothing to count
    assert figures["unseen"]["true_codes"] == 3
    assert figures["unseen"]["micro_f1"] == 0
    assert figures["unseen"]["precision"] is None
    assert figures["unseen"]["candidate_recall"] == round(1 / 3, 4)
    bands = figures["by_frequency"]
    assert bands["10+"]["micro_f1"] == round(2 / 3, 4)
    assert bands["1"]["micro_f1"] == 1.0
    assert bands["3-5"]["precision"] == 0
    assert bands["3-5"]["recall"] is None
    assert sum(b["true_codes"] for b in bands.values()) == 6
    assert sum(b["accepted_codes"] for b in bands.values()) == 3
    assert "unseen" not in code_figures(GOLD, PREDICTED, resamples=0)


def test_disputed_codes_are_neither_asked_for_nor_punished() -> None:
    gold = [note("A", "I10", disputed=("R05.9", "E11.9"))]
    predicted = {"A": said(("R05.9", 0.9, True), ("I10", 0.5, True))}
    full = code_figures(gold, predicted, resamples=0)["full"]
    assert full["precision"] == full["recall"] == full["map"] == full["exact_match"] == 1.0


def test_nothing_true_and_nothing_found_is_right() -> None:
    figures = code_figures([note("A")], {"A": []}, resamples=10)["full"]
    assert figures["exact_match"] == figures["macro_f1_by_note"] == 1.0
    assert figures["micro_f1"] is None
    assert figures["micro_f1_95"] is None
    assert figures["map"] is None
    assert code_figures([], {}, resamples=10)["full"]["micro_f1"] is None


def test_decision_bands_tell_their_precision() -> None:
    predicted = {"A": [PredictedCode("I10", 0.9, True, "auto"), PredictedCode("E11.8", 0.2, True, "review")]}
    bands = code_figures(GOLD, predicted, resamples=0)["by_band"]
    assert bands["auto"] == {"codes": 1, "precision": 1.0, "share_of_true_codes": round(1 / 6, 4)}
    assert bands["review"]["precision"] == 0


def test_a_code_listed_twice_counts_once_with_its_best() -> None:
    marked = mark([note("A", "I10")], {"A": said(("I10", 0.2, False), ("R05", 0.5, False), ("I10", 0.9, True))})
    assert marked.accepted.sum() == 1
    assert marked.average_precision().tolist() == [1.0]


def test_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match=r"I10.*not a number"):
        mark([note("A", "I10")], {"A": said(("I10", float("nan"), True))})


CODES = [f"A{n:02d}" for n in range(6)]
charts = st.lists(
    st.tuples(
        st.sets(st.sampled_from(CODES)),
        st.lists(st.tuples(st.sampled_from(CODES), st.floats(0, 1), st.booleans()), unique_by=lambda c: c[0]),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(charts=charts)
def test_figures_agree_with_scikit_learn(charts: list[tuple[set[str], list[tuple[str, float, bool]]]]) -> None:
    gold = [note(str(n), *sorted(codes)) for n, (codes, _) in enumerate(charts)]
    predicted = {str(n): said(*listed) for n, (_, listed) in enumerate(charts)}
    full = code_figures(gold, predicted, resamples=0)["full"]
    true = np.array([[c in codes for c in CODES] for codes, _ in charts])
    found = np.array([[any(c == d and a for d, _, a in listed) for c in CODES] for _, listed in charts])
    assert (full["micro_f1"] or 0) == pytest.approx(f1_score(true, found, average="micro", zero_division=0), abs=1e-4)
    in_gold = np.flatnonzero(true.any(axis=0))
    if len(in_gold):
        by_code = f1_score(true, found, average="macro", labels=in_gold, zero_division=0)
        assert full["macro_f1"] == pytest.approx(by_code, abs=1e-4)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10_000)), min_size=1, max_size=8, unique_by=lambda c: c[1]))
def test_average_precision_agrees_with_scikit_learn_where_all_true_codes_are_listed(
    ranked: list[tuple[bool, int]],
) -> None:
    if not any(true for true, _ in ranked):
        return
    listed = [(f"B{n:02d}", float(score), False) for n, (_, score) in enumerate(ranked)]
    gold = note("A", *(code for (code, *_), (true, _) in zip(listed, ranked, strict=True) if true))
    expected = average_precision_score([t for t, _ in ranked], [s for _, s in ranked])
    assert mark([gold], {"A": said(*listed)}).average_precision()[0] == pytest.approx(expected)


def test_macro_f1_interval_holds_the_macro_f1_of_many_rare_codes() -> None:
    generator = np.random.default_rng(7)
    gold, predicted = [], {}
    for n in range(150):
        codes = [f"Z{c:04d}" for c in generator.choice(3000, 10, replace=False)]
        gold.append(note(str(n), *codes))
        predicted[str(n)] = [PredictedCode(c, 0.5, bool(generator.random() < 0.5)) for c in codes]
    full = code_figures(gold, predicted, resamples=300)["full"]
    low, high = full["macro_f1_95"]
    assert low < full["macro_f1"] < high


def test_evidence_is_compared_by_words_for_codes_both_give() -> None:
    text = "severe chest pain and fever, chest pain again"
    gold = [LabelledNote("A", text, ("R07.9", "R50.9", "I10"), (
        EvidenceSpan("R07.9", 7, 17), EvidenceSpan("R50.9", 22, 27), EvidenceSpan("I10", 0, 6)))]  # fmt: skip
    predicted = {"A": [EvidenceSpan("R07.9", 0, 17), EvidenceSpan("R50.9", 22, 27), EvidenceSpan("J18.9", 0, 6)]}
    figures = evidence_figures(gold, predicted, resamples=0)
    assert figures == {
        "marked_codes": 3,
        "compared_codes": 2,
        # severe chest pain + fever predicted, chest pain + fever marked
        "word_precision": 0.75,
        "word_recall": 1.0,
        "word_f1": round(6 / 7, 4),
        "any_overlap": 1.0,
        "exact_match": 0.5,
    }
    assert evidence_figures(gold, {}, resamples=10)["word_f1"] is None


def test_answers_of_medcode_code_become_predictions() -> None:
    answer = {"record_id": "A", "codes": [
        {"code": "i5023", "score": 1, "accepted": True, "band": "auto", "evidence": [{"start": 1, "end": 4}]},
        {"code": "R05.9", "score": 0.1, "accepted": False, "band": "drop", "evidence": [{"start": 5, "end": 9}]},
    ]}  # fmt: skip
    assert listed_codes([answer])["A"][0] == PredictedCode("I50.23", 1.0, True, "auto")
    assert accepted_evidence([answer]) == {"A": [EvidenceSpan("I50.23", 1, 4)]}
