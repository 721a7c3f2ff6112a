"""Evidence: the phrases that decide a code are chosen, cut and merged; the benchmark masks what it says it masks."""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcode_ml.benchmarks.evidence import (
    CHANGES,
    accepted_codes,
    around,
    changed_notes,
    masked,
    others,
    random_spans,
    sentences_of,
)
from medcode_ml.coding.assertion import AFFIRMED, NEGATED
from medcode_ml.coding.by_model import doubt_of, supports_at
from medcode_ml.coding.encounter import Document
from medcode_ml.coding.evidence import (
    PHRASE,
    SENTENCE,
    WORDING,
    EvidenceFinder,
    Phrase,
    Span,
    chosen_runs,
    tokens_in,
    wording_runs,
)
from medcode_ml.coding.judgement import DocumentFacts
from medcode_ml.coding.ontology import OntologyCoder
from medcode_ml.coding.proposals.charts import Chart, read_chart
from medcode_ml.coding.proposals.learning import Teacher
from medcode_ml.coding.proposals.proposer import Learned
from medcode_ml.coding.proposals.reading import read_note
from medcode_ml.coding.proposals.retrieval import stems_of
from medcode_ml.coding.proposals.table import SPANS, Proposals

DAY = date(2026, 10, 15)
# a house's shorthand for pneumonia and for gout; only its labels tell what they mean
TAUGHT = [
    ("Seen today with blorvex of the chest. Slept well.", "J18.9", "blorvex"),
    ("Comes with blorvex since Monday. Eats well.", "J18.9", "blorvex"),
    ("Again toecrysta, on the left. Walks well.", "M10.9", "toecrysta"),
    ("A night with toecrysta. Drinks well.", "M10.9", "toecrysta"),
]


def chart(*texts: str) -> Chart:
    documents = [Document(f"d{n}", text, None, ()) for n, text in enumerate(texts)]
    return read_chart(documents, "inpatient", OntologyCoder.for_day(DAY))


@pytest.fixture(scope="module")
def learned() -> Learned:
    charts = [chart(text) for text, _, _ in TAUGHT]
    marked = [{code: [(text.index(term), text.index(term) + len(term))]} for text, code, term in TAUGHT]
    return Teacher(charts, [(code,) for _, code, _ in TAUGHT], marked).learn(np.ones(len(TAUGHT), dtype=bool))


def found(learned: Learned, read: Chart, code: str, spans: list[tuple[int, int]] | None = None) -> list[Span]:
    """The evidence of one proposed code of one chart."""
    own = np.full((1, SPANS, 2), -1, dtype=np.int32)
    for place, span in enumerate(spans or ()):
        own[0, place] = span
    one = np.zeros(1, dtype=np.int32)
    proposals = Proposals(one, one, np.array([code], dtype=object), np.zeros((1, 0), dtype=np.float32), (), own)
    return EvidenceFinder(learned).find([read], proposals, np.array([0], dtype=np.intp))[0]


def said(read: Chart, spans: list[Span]) -> list[str]:
    return [read.note.text[s.start : s.end] for s in spans]


# --- choosing ---------------------------------------------------------------------------------------------------------


def test_of_nested_phrases_the_stronger_carries() -> None:
    assert chosen_runs([Phrase(0.9, 3, 4), Phrase(0.6, 2, 6), Phrase(0.5, 9, 10)]) == [(3, 4), (9, 10)]
    assert chosen_runs([Phrase(0.5, 3, 4), Phrase(0.6, 2, 6)]) == [(2, 6)]
    assert chosen_runs([Phrase(0.5, 3, 4), Phrase(0.5, 3, 6)]) == [(3, 6)], "of equals the longer"


def test_phrases_far_weaker_than_the_best_are_no_evidence() -> None:
    assert chosen_runs([Phrase(0.9, 0, 1), Phrase(0.46, 5, 6), Phrase(0.4, 7, 8)]) == [(0, 1), (5, 6)]
    assert chosen_runs([Phrase(0.02, 5, 6)]) == [(5, 6)], "however weak, the best there is"
    assert chosen_runs([]) == []


def test_what_stands_between_a_far_pair_is_not_evidence() -> None:
    assert chosen_runs([Phrase(0.9, 2, 9, True)]) == [(2, 3), (8, 9)]
    assert chosen_runs([Phrase(0.9, 2, 5, True)]) == [(2, 5)]


phrases = st.builds(
    lambda s, a, n, p: Phrase(s, a, a + n, p),
    st.floats(0.001, 1.0),
    st.integers(0, 40),
    st.integers(1, 8),
    st.booleans(),
)


@given(st.lists(phrases, min_size=1, max_size=12))
def test_chosen_runs_ascend_without_overlap_and_hold_the_best(given_phrases: list[Phrase]) -> None:
    runs = chosen_runs(given_phrases)
    assert all(a < b for a, b in runs)
    assert all(before[1] <= after[0] for before, after in pairwise(runs))
    top = max(p.strength for p in given_phrases)
    assert any(any(p.first <= a and b <= p.last for a, b in runs) for p in given_phrases if p.strength == top)
    assert runs == chosen_runs(given_phrases[::-1])


def test_the_wording_that_is_said_most_of_is_shown_not_all_words_of_all_wordings() -> None:
    words = "acute marked swelling of the left lower leg after injury"
    stems = read_note(words).stems
    runs = wording_runs(stems, [stems_of("swelling of leg"), stems_of("acute injury of spinal cord")])
    assert [words.split()[a:b] for a, b in runs] == [["swelling"], ["leg"]]
    assert wording_runs(stems, [stems_of("nephrolithiasis")]) == []
    assert wording_runs(stems, []) == []


def test_a_word_between_two_words_of_the_wording_comes_along() -> None:
    assert wording_runs(read_note("fracture of femur").stems, [stems_of("fracture femur")]) == [(0, 3)]


# --- finding ----------------------------------------------------------------------------------------------------------


def test_a_learned_phrase_is_evidence_wherever_it_stands(learned: Learned) -> None:
    read = chart("Known blorvex. Eats well. Treated for BLORVEX on the ward.")
    spans = found(learned, read, "J18.9")
    assert said(read, spans) == ["blorvex", "BLORVEX"]
    assert {s.kind for s in spans} == {PHRASE}


def test_a_mention_that_carries_is_evidence_beside_a_learned_phrase(learned: Learned) -> None:
    read = chart("Known blorvex. Treated for pneumonia on the ward. No other complaints.")
    assert said(read, found(learned, read, "J18.9")) == ["blorvex", "pneumonia"]


def test_a_sentence_is_cut_to_the_words_of_the_wording(learned: Learned) -> None:
    text = "Slept well. On Monday the gallbladder was, so they say, full of a calculus. Eats well."
    read = chart(text)
    start, end = text.index("On Monday"), text.index(" Eats")
    spans = found(learned, read, "K80.20", [(start, end)])
    assert said(read, spans) == ["gallbladder", "calculus"]
    assert {s.kind for s in spans} == {WORDING}


def test_a_sentence_that_shares_no_word_with_the_code_is_shown_whole(learned: Learned) -> None:
    text = "Eats well. The tray was served late.\n"
    read = chart(text)
    spans = found(learned, read, "K80.20", [(text.index("The tray"), len(text))])
    assert said(read, spans) == ["tray was served late"]
    assert {s.kind for s in spans} == {SENTENCE}


def test_a_code_that_nothing_names_has_no_evidence(learned: Learned) -> None:
    assert found(learned, chart("Slept well."), "K80.20") == []
    assert found(learned, chart(""), "K80.20") == []


def test_touching_phrases_are_one_span_but_not_over_the_end_of_a_document(learned: Learned) -> None:
    together = chart("Known blorvex pneumonia.")
    assert said(together, found(learned, together, "J18.9")) == ["blorvex pneumonia"]
    apart = chart("Known blorvex", "Pneumonia was found.")
    spans = found(learned, apart, "J18.9")
    assert said(apart, spans) == ["blorvex", "Pneumonia"]
    assert [apart.document_of(s.start)[0] for s in spans] == ["d0", "d1"]


def test_tokens_in_gives_at_least_one_token() -> None:
    note = chart("one two three").note
    assert tokens_in(note, 4, 7) == (1, 2)
    assert tokens_in(note, 5, 9) == (1, 3)
    assert tokens_in(note, 3, 4) == (1, 2)


def test_supports_keep_what_the_ontology_coder_made_of_the_place(learned: Learned) -> None:
    """A span that reaches over a mention shows the span, and the mention's section, term and judgement."""
    read = chart("He denies any pneumonia. Known blorvex.")
    known = read.coded.candidates["J18.9"]
    facts = {"d0": DocumentFacts("d0", None, "inpatient")}
    places = [(m.start(), m.end()) for m in re.finditer("any pneumonia|blorvex", read.note.text)]
    supports = supports_at(read, "J18.9", [Span(a, b, PHRASE) for a, b in places], known, facts, True)
    assert [s.judgement.assertion for s in supports] == [NEGATED, AFFIRMED]
    assert [(s.mention.start, s.mention.end) for s in supports] == places
    assert supports[0].mention.term == known.supports[0].mention.term
    assert not supports[0].judgement.carries
    assert supports[1].mention.kind == PHRASE


def test_an_accepted_code_that_no_text_states_is_in_doubt_and_says_so() -> None:
    read = chart("Denies blorvex. Known toecrysta.")
    facts = {"d0": DocumentFacts("d0", None, "inpatient")}
    denied, stated = (supports_at(read, "X", [Span(a, b, PHRASE)], None, facts, True) for a, b in ((7, 14), (22, 31)))
    assert [denied[0].mention.term, stated[0].mention.term] == ["blorvex", "toecrysta"]
    assert not denied[0].judgement.carries
    assert "no phrase names it" in doubt_of([])
    assert "deny" in doubt_of(denied)
    assert doubt_of(stated) == doubt_of([*denied, *stated]) == ""


# --- the benchmark ----------------------------------------------------------------------------------------------------

texts = st.text(st.sampled_from("ab1é .,\n-"), max_size=60)


@given(texts, st.data())
def test_masking_changes_letters_inside_the_places_and_nothing_else(text: str, data: st.DataObject) -> None:
    edges = st.integers(0, len(text))
    places = [tuple(sorted(p)) for p in data.draw(st.lists(st.tuples(edges, edges), max_size=4))]
    out = masked(text, places)
    inside = {i for a, b in places for i in range(a, b)}
    assert len(out) == len(text)
    for i, (before, after) in enumerate(zip(text, out, strict=True)):
        assert after == ("z" if i in inside and before.isalnum() else before)
    rest = {i for a, b in others(places, len(text)) for i in range(a, b)}
    assert rest == set(range(len(text))) - inside


def test_random_spans_have_as_many_words_and_lie_elsewhere() -> None:
    text = "one two three four five six seven eight nine ten"
    evidence = [(4, 13), (24, 27)]  # "two three", "six"
    for seed in range(20):
        spans = random_spans(text, evidence, np.random.default_rng(seed))
        assert sorted(len(text[a:b].split()) for a, b in spans) == [1, 2]
        assert not any(a < d and c < b for a, b in spans for c, d in evidence)
        assert spans[0][1] <= spans[1][0] or spans[1][1] <= spans[0][0]
    assert random_spans("one two", [(0, 7)], np.random.default_rng(0)) == [], "no room is no span"


def test_changed_notes_hide_the_evidence_or_keep_only_its_sentence() -> None:
    text = "Known gout. Slept well. Walks far."
    sentences = sentences_of(text, [])
    assert [text[a:b] for a, b in sentences] == ["Known gout. ", "Slept well. ", "Walks far."]
    assert around(sentences, [(6, 10)]) == [0]
    assert around(sentences, [(12, 24)]) == [1], "a span that ends where a sentence begins does not touch it"
    notes = changed_notes(text, sentences, [(6, 10)], np.random.default_rng(0))
    assert tuple(notes) == CHANGES
    assert notes["evidence masked"] == "Known zzzz. Slept well. Walks far."
    assert "gout" in notes["random spans masked"]
    assert notes["random spans masked"].count("z") > 3
    assert notes["evidence sentences kept"] == "Known gout. zzzzz zzzz. zzzzz zzz."
    assert "gout" not in notes["random sentences kept"]
    assert sentences_of("", []) == [(0, 0)]


def test_accepted_codes_are_read_with_their_note() -> None:
    listed = [{"code": "M10.9", "score": 0.9, "accepted": True, "evidence": [{"start": 6, "end": 10}]}]
    rejected = [{"code": "I10", "score": 0.1, "accepted": False, "evidence": []}]
    codes = accepted_codes([{"codes": rejected}, {"codes": [*listed, *rejected]}])
    assert [(c.note, c.code, c.evidence) for c in codes] == [(1, "M10.9", ((6, 10),))]
