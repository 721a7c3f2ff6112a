"""The lexicon and the terms: every code exists, every file parses, words fold the same way on both sides."""

from __future__ import annotations

from datetime import date

import pytest

from medcode_ml.coding.dictionary import dictionary
from medcode_ml.coding.lexicon import LexiconError, lexicon_entries
from medcode_ml.coding.lexicon import _condition as condition
from medcode_ml.coding.prefixes import family_code, history_code, integral_rows, is_chronic
from medcode_ml.coding.resolve import Resolver
from medcode_ml.coding.terms import variants
from medcode_ml.coding.words import canonical, canonical_words

DAY = date(2026, 10, 15)


def test_every_lexicon_code_is_billable_or_a_category() -> None:
    resolver = Resolver.on(DAY)
    wrong = {
        (entry.source, entry.term, node)
        for entry in lexicon_entries()
        if entry.code != "-"
        for node in entry.code.split("+")
        if not resolver.below(node)
    }
    assert wrong == set()


def test_every_lexicon_code_resolves_to_a_billable_code() -> None:
    resolver = Resolver.on(DAY)
    nodes = {node for entry in lexicon_entries() if entry.code != "-" for node in entry.code.split("+")}
    for node in nodes:
        code, _ = resolver.resolve(node, frozenset(), None)
        assert code is not None, node
        assert resolver.codes.is_billable(code), node


def test_lexicon_is_broad() -> None:
    entries = [e for e in lexicon_entries() if e.code != "-"]
    assert len({(e.key, e.code) for e in entries}) >= 700
    assert {e.code[0] for e in entries} >= set("ABCDEFGHIJKLMNOPQRSTZ")


def test_history_and_family_targets_are_of_their_block() -> None:
    resolver = Resolver.on(DAY)
    for code in ("C50.911", "C61", "I63.9", "I21.9", "N20.0", "J18.9"):
        target = history_code(code)
        assert target is not None
        assert resolver.below(target)
    for code in ("C50.911", "I25.10", "E11.9", "I63.9"):
        target = family_code(code)
        assert target is not None
        assert target[:3] in {"Z80", "Z81", "Z82", "Z83", "Z84"}
        assert resolver.below(target)
    assert is_chronic("I10")
    assert not is_chronic("J18.9")


def test_integral_symptoms_name_codes_that_exist() -> None:
    resolver = Resolver.on(DAY)
    for symptom, explained_by, _ in integral_rows():
        assert resolver.below(symptom), symptom
        assert all(resolver.below(e) for e in explained_by), symptom


def test_an_unknown_condition_is_an_error_that_names_its_line() -> None:
    with pytest.raises(LexiconError, match=r"lexicon/x\.csv.*'nearby=x'"):
        condition("nearby=x", "lexicon/x.csv, 'term'")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("oedemas", "edema"),
        ("anaemia", "anemia"),
        ("Tumours", "tumor"),
        ("diarrhoea", "diarrhea"),
        ("metastases", "metastasis"),
        ("Crohn's", "Crohn"),
        ("fractures", "fracture"),
        ("Sjögren", "sjogren"),
        ("renal", "kidney"),
    ],
)
def test_words_fold_to_one_form(one: str, other: str) -> None:
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(("one", "other"), [("AIDS", "aid"), ("CRPS", "CRP"), ("ARDS", "ard")])
def test_abbreviations_keep_their_s(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


def test_titles_give_the_ways_they_are_written() -> None:
    assert canonical_words("kidney stone") in {k for k, _ in variants("Calculus of kidney")}
    assert canonical_words("acute appendicitis") in {k for k, _ in variants("Acute appendicitis, unspecified")}
    assert canonical_words("breast cancer") in {k for k, _ in variants("Malignant neoplasm of breast")}
    assert list(variants("Other specified disorders of kidney")) == []


def test_a_body_part_left_open_gives_no_bare_word() -> None:
    """Effusion, unspecified joint must not claim every effusion."""
    assert ("effusion",) not in {k for k, _ in variants("Effusion, unspecified joint")}


def test_hepatitis_a_is_not_hepatitis() -> None:
    words = ["hepatitis", "A"]
    hit = dictionary().find(words, [False, False], [False, False])
    assert [h.entries[0].node for h in hit] == ["B15.9"]
