"""Proposals: what is read of a note, what labels teach, what each channel names, and that no chart sees itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.charts import CONDITIONS, DAY, labelled, made_up

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.coding.assertion import AFFIRMED, NEGATED, STRENGTH
from medcode_ml.coding.encounter import Document
from medcode_ml.coding.ontology import OntologyCoder
from medcode_ml.coding.proposals.charts import Chart, joined_text, read_chart
from medcode_ml.coding.proposals.forms import Forms, gather_sayings
from medcode_ml.coding.proposals.learning import Teacher, marked_phrases, propose, propose_out_of_fold
from medcode_ml.coding.proposals.likeness import CodeWordings
from medcode_ml.coding.proposals.linear import learn_linear
from medcode_ml.coding.proposals.proposer import Learned
from medcode_ml.coding.proposals.reading import PAIR, ReadNote, read_note
from medcode_ml.coding.proposals.retrieval import COVERED, WordingIndex, stems_of
from medcode_ml.coding.proposals.saved import from_arrays, to_arrays
from medcode_ml.coding.proposals.table import Proposals, joined
from medcode_ml.coding.training import outside_codes, read_charts
from medcode_ml.models.contents import read_tensors, tensor_file
from medcode_ml.models.splitting import folds_of

GONE = "D75.82"  # billable until September 2022, a category since
BEFORE = date(2020, 10, 15)


def key(phrase: str, size: int | None = None) -> int:
    """The key of `phrase` read as a whole note, its longest run or the pair of its ends."""
    note = read_note(phrase, ())
    sizes = note.size if size is not None else np.where(note.size == PAIR, 0, note.size)
    wanted = size if size is not None else int(sizes.max())
    (own,) = np.unique(note.keys[sizes == wanted])
    return int(own)


def chart(*texts: str, day: date = DAY) -> Chart:
    documents = [Document(f"d{n}", text, None, ()) for n, text in enumerate(texts)]
    return read_chart(documents, "inpatient", OntologyCoder.for_day(day))


# --- reading ----------------------------------------------------------------------------------------------------------


def test_a_phrase_has_one_key_in_every_note_however_it_is_written() -> None:
    wanted = key("glimsweet storm kidney")
    for text in ("He has GLIMSWEET storm kidney today", "x\nglimsweet  storm-kidney.", "no glimsweet storm kidneys"):
        assert wanted in read_note(text, ()).keys.tolist(), text
    assert wanted not in read_note("glimsweet kidney storm", ()).keys.tolist(), "a run of words has an order"


def test_pairs_have_no_order_and_runs_have() -> None:
    one, other = read_note("mass felt near kidney", ()), read_note("kidney shows large mass", ())
    shared = set(one.keys[one.size == PAIR].tolist()) & set(other.keys[other.size == PAIR].tolist())
    assert len(shared) == 1
    assert key("mass kidney", PAIR) in shared
    assert key("mass kidney", 2) != key("mass kidney", PAIR)


@pytest.mark.parametrize("between", [". Then ", ", ", "; ", ": ", "\n\n", "\n- ", " ( "])
def test_no_run_of_words_reaches_over_punctuation_or_a_sentence(between: str) -> None:
    keys = read_note(f"known blorvex{between}glimsweet today", ()).keys.tolist()
    assert key("blorvex glimsweet") not in keys
    assert key("known blorvex") in keys


@pytest.mark.parametrize("between", [". Then ", "\n\n", "; "])
def test_no_pair_reaches_over_a_sentence(between: str) -> None:
    keys = read_note(f"known blorvex{between}glimsweet today", ()).keys.tolist()
    assert key("blorvex glimsweet", PAIR) not in keys


def test_no_phrase_reaches_over_the_end_of_a_document() -> None:
    read = chart("known blorvex", "glimsweet today")
    assert key("known blorvex") in read.note.keys.tolist()
    assert not {key("blorvex glimsweet"), key("blorvex glimsweet", PAIR)} & set(read.note.keys.tolist())


def test_each_token_knows_what_is_said_of_it() -> None:
    text = "Denies fever. Has cough."
    note = read_note(text, ())
    said = {text[s:e]: STRENGTH[k] for s, e, k in zip(note.starts, note.ends, note.said.tolist(), strict=True)}
    assert said["fever"] == NEGATED
    assert said["cough"] == AFFIRMED


def test_filling_words_begin_and_end_no_phrase() -> None:
    note = read_note("pain with the swelling and then", ())
    ends = {note.text[note.starts[i] : note.ends[i]] for i in np.r_[note.first, note.last - 1].tolist()}
    assert ends == {"pain", "swelling"}


@given(st.text(max_size=80) | st.text(alphabet="ab. ,;\n-('Ä1", max_size=60))
@settings(max_examples=60, deadline=None)
def test_any_text_can_be_read(text: str) -> None:
    note = read_note(text, ())
    assert len({len(a) for a in (note.starts, note.ends, note.words, note.stems, note.sentence, note.said)}) == 1
    assert len({len(a) for a in (note.keys, note.first, note.last, note.size)}) == 1
    assert (note.first < note.last).all()
    assert (note.last <= len(note.words)).all()
    assert (note.sentence[note.first] == note.sentence[note.last - 1]).all()
    assert (np.diff(note.sentence) >= 0).all()


def test_the_places_of_documents_lead_back_to_them() -> None:
    documents = [Document("b", "second text", None, ()), Document("a", "first", None, ())]
    read = read_chart(documents, None, OntologyCoder.for_day(DAY))
    assert read.note.text == joined_text(documents)
    at = read.note.text.index("text")
    assert read.document_of(at) == ("b", len("second "))
    assert read.place("b", len("second ")) == at


# --- surface forms ----------------------------------------------------------------------------------------------------


def learned_forms(texts: Sequence[str], labels: Sequence[Sequence[int]], marked: Sequence[str] = ()) -> Forms:
    """Forms of two codes; a word of `marked` is what coders marked for code 0 wherever it stands."""
    notes = [read_note(t, ()) for t in texts]
    masks = [
        {0: [phrase for w in marked if w in n.text for phrase in marked_phrases(n, [span(n, w)])]} if 0 in own else {}
        for n, own in zip(notes, labels, strict=True)
    ]
    sayings = gather_sayings(notes, labels, CodeWordings(["J18.9", "M10.9"]), masks if marked else None)
    return sayings.learn(np.ones(len(notes), dtype=bool))


def span(note: ReadNote, words: str) -> tuple[int, int]:
    start = note.text.index(words)
    return start, start + len(words)


def chance(forms: Forms, phrase: str, code: int) -> float:
    _, rows = forms.find(np.array([key(phrase)], dtype=np.uint64))
    return max((float(forms.chance[r]) for r in rows if forms.codes[r] == code), default=0.0)


FILLING = [f"walked {a} and {b} well" for a in ("home", "far", "slow", "fast") for b in ("ate", "slept", "sat", "read")]


def test_a_phrase_that_always_comes_with_a_code_gets_its_chance() -> None:
    texts = [*(f"blorvex. {n}" for n in ("mon", "tue", "wed", "thu", "fri", "sat")), *FILLING * 3]
    forms = learned_forms(texts, [*[[0]] * 6, *[[1]] * len(FILLING) * 3])
    assert chance(forms, "blorvex", 0) > 0.4
    assert chance(forms, "blorvex", 1) == 0.0
    assert chance(forms, "blorvex", 0) > 3 * chance(forms, "ate", 0)


def test_a_phrase_that_comes_without_the_code_as_often_gets_less() -> None:
    with_it = [f"day {n} blorvex seen" for n in "abc"]
    always = learned_forms([*with_it, *FILLING * 3], [*[[0]] * 3, *[[1]] * len(FILLING) * 3])
    half = learned_forms(
        [*with_it, *(f"day {n} blorvex seen" for n in "def"), *FILLING * 3],
        [*[[0]] * 3, *[[]] * 3, *[[1]] * len(FILLING) * 3],
    )
    assert 0 < chance(half, "blorvex", 0) < chance(always, "blorvex", 0)


def test_marked_evidence_beats_what_merely_stands_beside_it() -> None:
    texts = [*(f"day {n} blorvex today. then quivers" for n in "abcde"), *FILLING * 3]
    labels = [*[[0]] * 5, *[[1]] * len(FILLING) * 3]
    plain = learned_forms(texts, labels)
    assert chance(plain, "blorvex", 0) > 0.05
    assert chance(plain, "blorvex", 0) == pytest.approx(chance(plain, "quivers", 0), abs=0.05)
    told = learned_forms(texts, labels, ["quivers"])
    assert chance(told, "quivers", 0) > 0.5
    assert chance(told, "blorvex", 0) == 0.0


def test_where_every_phrase_is_too_common_no_form_is_learned() -> None:
    forms = learned_forms(["known gout"] * 24, [[1]] * 24)
    assert len(forms.keys) == len(forms.codes) == 0
    assert [len(found) for found in forms.find(np.array([key("gout")], dtype=np.uint64))] == [0, 0]


def test_forms_are_found_and_renumbered() -> None:
    forms = learned_forms([*(f"day {n} blorvex" for n in "abc"), *FILLING * 2], [*[[0]] * 3, *[[1]] * len(FILLING) * 2])
    assert (np.diff(forms.keys.astype(object)) >= 0).all(), "`find` looks in ascending keys"
    wanted = np.array([key("blorvex"), 12345, key("blorvex")], dtype=np.uint64)
    of, rows = forms.find(wanted)
    assert set(of.tolist()) == {0, 2}
    assert (forms.keys[rows] == wanted[of]).all()
    assert len(rows) == 2 * int((forms.keys == wanted[0]).sum())
    moved = forms.renumbered(np.array([7, 3], dtype=np.int32))
    assert set(moved.codes.tolist()) == {7, 3}
    assert (moved.codes == np.where(forms.codes == 0, 7, 3)).all()
    nothing, none = forms.find(np.zeros(0, dtype=np.uint64))
    assert len(nothing) == len(none) == 0


def test_pieces_of_one_sentence_are_one_marked_phrase_and_a_word_again_is_another() -> None:
    note = read_note("tumor seen of the rectum, and tumor again. More here.", ())
    text = note.text
    spans = [(0, 5), (text.index("rectum"), text.index("rectum") + 6), (text.rindex("tumor"), text.rindex("tumor") + 5)]
    first, second = marked_phrases(note, spans)
    assert [text[s:e] for s, e in zip(note.starts[first], note.ends[first], strict=True)] == ["tumor", "rectum"]
    assert int(note.starts[second][0]) == text.rindex("tumor")
    assert marked_phrases(note, [(len(text), len(text) + 5)]) == [], "outside the text nothing is marked"


# --- likeness, retrieval, linear --------------------------------------------------------------------------------------


def test_likeness_sees_a_wording_through_other_letters() -> None:
    wordings = CodeWordings(["N45.3", "J18.9", "J18.9Z"])
    near = wordings.likeness(wordings.phrases(["orchiepididymitis", "pneumonia", ""]), [0, 1, 2])
    assert near.shape == (3, 3)
    assert near[0, 0] > near[0, 1]
    assert near[1, 1] > 0.4 > near[1, 0]
    assert near[1, 2] > 0.4, "a code without a title has the wording of its nearest node"
    assert (near[2] == 0).all()


def index(*wordings: str) -> WordingIndex:
    return WordingIndex.of((n, stems_of(w)) for n, w in enumerate(wordings))


def found(wordings: WordingIndex, *texts: str, most: int = 100) -> dict[tuple[int, int], float]:
    hits = wordings.find([read_note(t, ()) for t in texts], most)
    return dict(zip(zip(hits.note.tolist(), hits.code.tolist(), strict=True), hits.covered.tolist(), strict=True))


def test_retrieval_wants_the_words_of_one_sentence_in_any_order() -> None:
    wordings = index("chronic gastric ulcer", "acute renal failure")
    assert found(wordings, "An ulcer, gastric, long and chronic.")[0, 0] == pytest.approx(1.0)
    assert found(wordings, "Failure that is renal and acute")[0, 1] == pytest.approx(1.0)
    assert found(wordings, "Chronic pain. Gastric feeding. An ulcer of the foot.") == {}


def test_retrieval_measures_how_much_of_a_wording_is_covered() -> None:
    wordings = index("chronic gastric ulcer", "acute renal failure")
    part = found(wordings, "chronic gastric pain")[0, 0]
    assert part == pytest.approx(2 / 3, abs=0.01)
    assert found(wordings, "gastric pain") == {}, f"a third is less than {COVERED}"


def test_retrieval_keeps_the_best_codes_of_each_note() -> None:
    hits = found(index("renal failure", "renal failure acute", "gout"), "acute renal failure", "gout", "", most=1)
    assert list(hits) == [(0, 1), (1, 2)]


def test_an_empty_index_and_empty_notes_find_nothing() -> None:
    assert found(index(), "renal failure", "") == {}
    assert found(index("renal failure"), "", "\n") == {}


def test_the_linear_channel_learns_words_of_the_whole_note() -> None:
    texts = [f"{w} {n} seen again" for w in ("blorvex", "toecrysta") for n in ("one", "two", "three")]
    linear = learn_linear([read_note(t, ()) for t in texts], [[0]] * 3 + [[1]] * 3, 2)
    scores = linear.scores([read_note(t, ()) for t in ("now blorvex", "now toecrysta", "", "unheard")])
    assert scores.shape == (4, 2)
    assert scores[0, 0] > scores[0, 1]
    assert scores[1, 1] > scores[1, 0]
    assert scores[2] == pytest.approx(linear.mean)
    assert scores[3] == pytest.approx(linear.mean)


def test_the_linear_channel_works_without_any_word_that_comes_twice() -> None:
    linear = learn_linear([read_note("one", ()), read_note("two", ())], [[0], [1]], 2)
    assert linear.scores([read_note("one two", ())])[0] == pytest.approx([0.5, 0.5])


# --- what labels teach, and whom --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def taught() -> tuple[list[Chart], Teacher, Learned]:
    """Forty made-up charts; one more whose code and shorthand stand nowhere else, and one with a code that is gone."""
    own = labelled(made_up(40))
    only = labelled([
        {"record_id": "only", "patient_id": "q", "text": "HPI: Known zyxogram. Slept.", "codes": ["Z99.81"],
         "setting": "inpatient"},
        {"record_id": "gone", "patient_id": "r", "text": "HPI: Known hitplate. Slept.", "codes": [GONE],
         "setting": "inpatient"},
    ])  # fmt: skip
    both = [*own, *only]
    read = read_charts(both)
    teacher = Teacher(read, [c.codes for c in both], [c.marked for c in both])
    return read, teacher, teacher.learn(np.ones(len(read), dtype=bool))


def row(table: Proposals, number: int, code: str) -> int | None:
    rows = np.nonzero((table.chart == number) & (table.codes[table.code] == code))[0]
    return int(rows[0]) if len(rows) else None


def test_a_charts_own_labels_never_enter_its_features(taught: tuple[list[Chart], Teacher, Learned]) -> None:
    read, teacher, whole = taught
    place = len(read) - 2
    folds = np.arange(len(read)) % 3
    table = propose_out_of_fold(teacher, read, [DAY] * len(read), folds)
    blind = row(table, place, "Z99.81")
    if blind is not None:
        assert np.isnan(table.column("form_chance")[blind])
        assert table.column("seen")[blind] == 0
        assert np.isnan(table.column("linear_score")[blind])
        assert np.isnan(table.column("remembered_covered")[blind])
    seeing = propose(read[place : place + 1], [DAY], whole)
    own = row(seeing, 0, "Z99.81")
    assert own is not None
    assert seeing.column("form_chance")[own] > 0
    assert seeing.column("seen")[own] == 1
    for fold in range(3):
        assert ("Z99.81" in teacher.learn(folds != fold).labels) == (fold != place % 3)


def test_out_of_fold_counts_leave_the_own_fold_out(taught: tuple[list[Chart], Teacher, Learned]) -> None:
    read, teacher, whole = taught
    folds = np.arange(len(read)) % 2
    table = propose_out_of_fold(teacher, read, [DAY] * len(read), folds)
    seen = {c: {int(n) for n in table.column("seen")[table.codes[table.code] == c]} for c in CONDITIONS}
    counts = dict(zip(whole.labels, whole.counts.tolist(), strict=True))
    halves = [
        dict(zip(own.labels, own.counts.tolist(), strict=True)) for own in (teacher.learn(folds != f) for f in (0, 1))
    ]
    for code, told in seen.items():
        assert told <= {h.get(code, 0) for h in halves}, code
        assert sum(h.get(code, 0) for h in halves) == counts.get(code, 0), code


def test_shorthand_that_only_labels_teach_is_proposed_with_its_place(
    taught: tuple[list[Chart], Teacher, Learned],
) -> None:
    _, _, learned = taught
    read = chart("HPI: she has burnwater and beltpox.")
    assert "N39.0" not in read.coded.candidates
    table = propose([read], [DAY], learned)
    for code, term in (("N39.0", "burnwater"), ("B02.9", "beltpox")):
        own = row(table, 0, code)
        assert own is not None
        start, end = table.spans[own, 0]
        assert term in read.note.text[start:end]


def test_without_labels_the_ontology_and_the_titles_propose() -> None:
    table = propose([chart("HPI: burnwater. She has pneumonia."), chart("nothing here")], [DAY] * 2, None)
    assert row(table, 0, "J18.9") is not None
    assert row(table, 0, "N39.0") is None, "nobody knows the word"
    assert not (table.chart == 1).any()


def test_a_batch_without_any_proposal_is_an_empty_table() -> None:
    table = propose([chart("nothing here"), chart("")], [DAY] * 2, None)
    assert len(table.chart) == 0
    assert table.features.shape == (0, len(table.columns))


def test_the_release_of_the_day_decides_which_codes_are_proposed(taught: tuple[list[Chart], Teacher, Learned]) -> None:
    assert CodeSet.on(BEFORE).is_billable(GONE)
    assert not CodeSet.on(DAY).is_billable(GONE)
    learned = taught[2]
    text = "HPI: Known hitplate. Asthma."
    charts = [chart(text), chart(text, day=BEFORE), chart(text)]
    table = propose(charts, [DAY, BEFORE, DAY], learned)
    assert row(table, 0, GONE) is None
    assert row(table, 2, GONE) is None
    assert row(table, 1, GONE) is not None
    for number, day in enumerate((DAY, BEFORE, DAY)):
        assert all(CodeSet.on(day).is_billable(c) for c in table.codes[table.code[table.chart == number]])
    assert (np.diff(table.chart) >= 0).all()


def test_a_label_outside_every_release_is_proposed_where_the_corpus_has_it(
    taught: tuple[list[Chart], Teacher, Learned],
) -> None:
    read = taught[0]
    both = [*labelled(made_up(40)), *labelled(made_up(2, seed=5, first=90))]
    teacher = Teacher(read, [*[c.codes for c in both[:40]], ("J18.9",), (GONE,)], outside=frozenset({GONE}))
    table = propose([chart("HPI: Known hitplate.")], [DAY], teacher.learn(np.ones(len(read), dtype=bool)))
    assert row(table, 0, GONE) is not None


def test_labels_that_could_not_be_billed_on_their_day_are_told() -> None:
    charts = labelled([{"record_id": "x", "patient_id": "p", "text": "", "codes": ["J18.9", GONE], "setting": None}])
    assert outside_codes(charts) == {GONE}
    assert outside_codes([*labelled([{**RECORD, "codes": [GONE]}], BEFORE)]) == frozenset()


RECORD = {"record_id": "x", "patient_id": "p", "text": "", "setting": None}


@given(st.lists(st.text(alphabet="pneumonia burnwater\n.,;:-", max_size=60), min_size=1, max_size=3))
@settings(max_examples=12, deadline=None)
def test_any_charts_can_be_proposed_for(taught: tuple[list[Chart], Teacher, Learned], texts: list[str]) -> None:
    table = propose([chart(t) for t in texts], [DAY] * len(texts), taught[2])
    assert table.features.shape == (len(table.chart), len(table.columns))
    pairs = list(zip(table.chart.tolist(), table.code.tolist(), strict=True))
    assert pairs == sorted(set(pairs))
    ends = np.array([len(t) for t in texts])[table.chart]
    assert (table.spans[..., 1].max(axis=1) <= ends).all()
    held = table.spans[..., 0] >= 0
    assert (table.spans[..., 0] < table.spans[..., 1])[held].all()


def test_what_was_learned_survives_being_saved(
    taught: tuple[list[Chart], Teacher, Learned], tmp_path_factory: pytest.TempPathFactory
) -> None:
    read, _, learned = taught
    arrays, facts = to_arrays(learned)
    path = tmp_path_factory.mktemp("saved") / "learned.safetensors"
    tensor_file(arrays)(path)
    again = from_arrays(read_tensors(path), facts)
    one, other = (propose(read[:6], [DAY] * 6, of) for of in (learned, again))
    assert one.columns == other.columns
    for name in ("chart", "code", "features", "spans"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)
    assert again.outside == learned.outside
    assert again.notes == learned.notes


# --- tables put together ----------------------------------------------------------------------------------------------


def table_of(rows: list[tuple[int, str, float]], codes: list[str]) -> Proposals:
    return Proposals(
        np.array([r[0] for r in rows], dtype=np.int32),
        np.array([codes.index(r[1]) for r in rows], dtype=np.int32),
        np.array(codes, dtype=object),
        np.array([[r[2]] for r in rows], dtype=np.float32),
        ("value",),
        np.full((len(rows), 4, 2), -1, dtype=np.int32),
    )


def test_joined_tables_keep_each_chart_in_its_place() -> None:
    one = table_of([(0, "B", 1.0), (1, "A", 2.0)], ["A", "B"])
    other = table_of([(0, "C", 3.0), (0, "D", 4.0)], ["C", "D"])
    whole = joined([(np.array([2, 0]), one), (np.array([1]), other)])
    told = list(zip(whole.chart.tolist(), whole.codes[whole.code], whole.column("value").tolist(), strict=True))
    assert told == [(0, "A", 2.0), (1, "C", 3.0), (1, "D", 4.0), (2, "B", 1.0)]
    assert list(whole.codes) == ["A", "B", "C", "D"]


@given(st.lists(st.sampled_from([f"p{n}" for n in range(9)]), min_size=1, max_size=40), st.integers(2, 10))
def test_charts_of_one_patient_stand_in_one_fold(groups: list[str], folds: int) -> None:
    placed = folds_of(groups, folds, 1)
    by_group: dict[str, set[int]] = {}
    for group, fold in zip(groups, placed.tolist(), strict=True):
        by_group.setdefault(group, set()).add(fold)
    assert all(len(own) == 1 for own in by_group.values())
    assert len(set(placed.tolist())) == min(folds, len(by_group))
