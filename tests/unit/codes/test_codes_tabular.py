"""The tabular list: hierarchy, notes (rules 22 and 23), seventh characters (rule 24)."""

from __future__ import annotations

from datetime import date

import pytest

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.codes.note_patterns import pattern_matches, patterns_in
from medcode_ml.codes.reference import reference_table
from medcode_ml.codes.tabular import NoteKind, NoteTarget, tabular

NOTE_KINDS: tuple[NoteKind, ...] = ("excludes1", "excludes2", "code_first", "use_additional", "code_also")


def test_hierarchy_runs_from_code_to_chapter_and_back() -> None:
    assert tabular().ancestors("I50.23") == ["I50.2", "I50", "I30-I5A", "9"]
    assert tabular().ancestors("I5023") == tabular().ancestors("I50.23")
    assert tabular().children("I50.2") == ["I50.20", "I50.21", "I50.22", "I50.23"]
    assert tabular().title("I50") == "Heart failure"
    assert tabular().title("9") == "Diseases of the circulatory system"
    assert tabular().parent("9") is None


def test_a_block_of_one_category_is_not_its_own_parent() -> None:
    assert tabular().ancestors("C50.919") == ["C50.91", "C50.9", "C50", "C50-C50", "2"]


def test_seven_character_codes_hang_below_their_stem_over_placeholders() -> None:
    assert tabular().parent("W01.0XXA") == "W01.0"
    assert "S52.521A" in tabular().children("S52.521")
    assert tabular().is_leaf("S52.521A")
    assert not tabular().is_leaf("S52.521")


def test_every_billable_code_has_a_way_up_to_its_chapter() -> None:
    chapters = {str(n) for n in range(1, 23)}
    codes = CodeSet.on(date(2026, 11, 15)).codes
    assert all(tabular().ancestors(str(code))[-1] in chapters for code in codes)


def test_a_category_newer_than_the_list_belongs_to_the_chapter_of_its_neighbours() -> None:
    assert tabular().ancestors("QA1.71") == ["17"]
    assert tabular().ancestors("J4B") == ["10"]


def test_unknown_codes_have_no_place() -> None:
    assert tabular().title("Q99.999") is None
    assert tabular().ancestors("ZZZ") == []
    assert tabular().excludes1("ZZZ") == []


def test_rule_23_code_first_of_i50_23_is_inherited_and_names_i11_0() -> None:
    notes = tabular().code_first("I50.23")
    assert {n.source for n in notes} == {"I50"}
    assert any(n.matches("I11.0") for n in notes)
    assert any(n.matches("I13.2") for n in notes)
    assert any(n.matches("O03.9") for n in notes)  # inside the range O00-O07
    assert not any(n.matches("E87.1") for n in notes)


def test_rule_23_use_additional_of_e11_22_names_the_stage_and_insulin() -> None:
    notes = tabular().use_additional("E11.22")
    assert any(n.matches("N18.4") for n in notes)
    assert any(n.matches("N18.30") for n in notes)
    assert not any(n.matches("N18.9") for n in notes)  # the note says N18.1-N18.6
    assert any(n.matches("Z79.4") and n.source == "E11" for n in notes)


def test_rule_23_i13_asks_for_heart_failure_and_stage() -> None:
    notes = tabular().use_additional("I13.2")
    assert any(n.matches("I50.23") for n in notes)
    assert any(n.matches("N18.6") for n in notes)


def test_rule_22_excludes1_is_inherited_from_the_category() -> None:
    assert any(n.matches("E11.9") for n in tabular().excludes1("E10.9"))
    assert not any(n.matches("I10") for n in tabular().excludes1("E10.9"))


def test_an_inherited_note_that_names_the_code_itself_is_left_out() -> None:
    for code in map(str, CodeSet.on(date(2026, 11, 15)).codes[::97]):
        for kind in NOTE_KINDS:
            assert not any(n.matches(code) for n in tabular().notes(code, kind) if n.source != code), (code, kind)


@pytest.mark.parametrize(
    ("note", "patterns"),
    [
        ("heart failure due to hypertension (I11.0)", ("I11.0",)),
        ("hypertension with kidney disease (I13.-)", ("I13",)),
        ("chronic kidney disease (N18.5, N18.6)", ("N18.5", "N18.6")),
        ("diabetes mellitus (E08-E13)", ("E08-E13",)),
        ("stage (N18.1-N18.6)", ("N18.1-N18.6",)),
        ("diabetes with kidney complications (E11.2-)", ("E11.2",)),
        ("nicotine dependence (F11.-F17.-)", ("F11-F17",)),
        ("intestinal obstruction classifiable to K56.-", ("K56",)),
        ("tendinitis as classified in M75-M77", ("M75-M77",)),
        ("code from category T31 or T32 to identify extent", ("T31", "T32")),
        ("acquired absence of knee joint (Z89.52-", ("Z89.52",)),
        ("neurodevelopmental disorder (QA0.01-)", ("QA0.01",)),
        ("vitamin B12 deficiency anemia", ()),
        ("code to identify control using:", ()),
        ("toxic pneumonopathy (T51-T65 with fifth or sixth character to indicate intent)", ()),
    ],
)
def test_references_of_a_note_are_read(note: str, patterns: tuple[str, ...]) -> None:
    assert patterns_in(note) == patterns


@pytest.mark.parametrize(
    ("note", "inside", "outside"),
    [
        ("drug (T36-T50 with fifth or sixth character 5)", ["T45.515A", "T36.95XA"], ["T45.511A", "T51.0X1A", "T36"]),
        ("drug or toxin (T36-T65 with fifth or sixth character 1-4)", ["T45.511A", "T36.91XA"], ["T45.515A"]),
        ("gangrene in diabetes (E08-E13 with .52)", ["E11.52", "E08.52"], ["E11.51", "E11.9", "E14.52"]),
        ("angiopathy (E08-E13 with .51-.52)", ["E11.51", "E11.52"], ["E11.59"]),
        ("mood disorders (F10-F19 with .14, .24, .94)", ["F10.14", "F19.94"], ["F10.20"]),
        ("ataxia (I69. with final characters -93)", ["I69.393"], ["I69.391"]),
        ("open skull fracture (S02.- with 7th character B)", ["S02.0XXB"], ["S02.0XXA"]),
        ("open fracture (S52.- with open fracture 7th character)", ["S52.521B", "S52.011C"], ["S52.521A", "S52.521G"]),
        ("hypercapnia (J96. with 5th character 2)", ["J96.02"], ["J96.01"]),
    ],
)
def test_conditions_on_later_characters_narrow_a_reference(note: str, inside: list[str], outside: list[str]) -> None:
    target = NoteTarget(note, patterns_in(note))
    assert all(target.matches(code) for code in inside)
    assert not any(target.matches(code) for code in outside)


def test_a_pattern_wants_all_its_characters() -> None:
    assert pattern_matches("I50.2", "I5023")
    assert not pattern_matches("I50.2", "I50")
    assert pattern_matches("E08-E13", "E13.9")
    assert not pattern_matches("E08-E13", "E14")
    assert pattern_matches("B50.0-B54", "B54")


def test_nearly_every_note_that_names_a_code_was_read() -> None:
    notes = reference_table("tabular_note")
    naming = notes[notes["text"].str.contains(r"\([A-Z][0-9][0-9AB][.\-)]") & (notes["kind"] != "includes")]
    unread = naming.loc[naming["patterns"].map(len) == 0, "text"].tolist()
    assert len(naming) > 8_000
    # conditions that need a reader: they give no pattern rather than one too wide
    assert len(unread) <= 2
    assert all(" with f" in text or "5th character" in text for text in unread)


@pytest.mark.parametrize("kind", NOTE_KINDS)
def test_references_lead_to_nodes_of_the_list(kind: NoteKind) -> None:
    spans = tabular().notes_table(kind)["pattern"].str.partition("~")[0]
    ends = {end for span in spans for end in span.split("-")}
    # two misprints of the list itself
    assert {end for end in ends if tabular().title(end) is None} <= {"R10.4", "G31.90"}


def test_rule_24_seventh_characters_are_inherited_and_replaced_nearer_by() -> None:
    assert list(tabular().seventh_characters("S52.521")) == ["A", "D", "G", "K", "P", "S"]  # torus: closed only
    assert {"B", "C", "Q"} <= set(tabular().seventh_characters("S52.501"))
    assert tabular().seventh_characters("W01.0") == {
        "A": "initial encounter",
        "D": "subsequent encounter",
        "S": "sequela",
    }
    assert tabular().seventh_characters("J18.9") == {}
    assert tabular().seventh_characters("S52.521A") == tabular().seventh_characters("S52.521")


def test_inclusion_terms_stand_under_their_own_node() -> None:
    assert "Congestive heart failure NOS" in tabular().inclusion_terms("I50.9")
    assert "Systolic left ventricular heart failure" in tabular().inclusion_terms("I50.2")
    assert tabular().inclusion_terms("I50.23") == []


def test_terms_name_codes_and_categories_only() -> None:
    terms = tabular().terms()
    assert set(terms["kind"]) == {"title", "inclusion"}
    assert terms.notna().all().all()
    assert not terms.loc[terms["kind"] == "title", "code"].str.contains("-").any()
    known = set(zip(terms["code"], terms["term"], strict=True))
    assert ("I50.9", "Congestive heart failure NOS") in known
    assert ("I50", "Heart failure") in known
