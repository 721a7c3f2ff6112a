"""Evidence marked on a parallel text lands on the English words that stand for it, or nowhere."""

from __future__ import annotations

from medcode_ml.coding.labelled.parallel_sentences import align, sentences, spelling_key
from medcode_ml.coding.labelled.projection import MarkedSpan, ParallelText, project
from medcode_ml.coding.labelled.word_alignment import align_words

# Made-up sentences; every word of the last document stands in others too, as in a real collection.
PAIRS = [
    ("Presenta dolor abdominal y fiebre.", "He presents abdominal pain and fever."),
    ("La fiebre desaparece en 3 días.", "The fever disappears in 3 days."),
    ("No hay dolor torácico.", "There is no chest pain."),
    ("Tos y dolor torácico desde ayer.", "Cough and chest pain since yesterday."),
    ("El riñón derecho es normal.", "The right kidney is normal."),
    ("El riñón izquierdo tiene una masa.", "The left kidney has a mass."),
    ("Se palpa una masa abdominal.", "An abdominal mass is palpated."),
    ("La tos desaparece.", "The cough disappears."),
    ("Pie derecho normal, pie izquierdo con dolor.", "Normal right foot, left foot with pain."),
    ("Riñón normal.", "Normal kidney."),
]


def texts(spanish: str, english: str, *marked: MarkedSpan) -> list[ParallelText]:
    return [ParallelText(en, es, ()) for es, en in PAIRS] * 3 + [ParallelText(english, spanish, marked)]


def span(text: str, *pieces: str, code: str = "R10.9") -> MarkedSpan:
    return MarkedSpan(code, tuple(sorted((text.index(p), text.index(p) + len(p)) for p in pieces)))


def found(spanish: str, english: str, *pieces: str) -> list[str]:
    one = project(texts(spanish, english, span(spanish, *pieces)))[-1][0]
    return [english[a:b] for a, b in one.pieces]


SPANISH = "Acude con fiebre y dolor torácico. El riñón izquierdo tiene una masa de 4 cm."
ENGLISH = "He comes with fever and chest pain.\nThe left kidney has a mass of 4 cm."


def test_a_phrase_in_another_word_order_is_found_tightly() -> None:
    assert found(SPANISH, ENGLISH, "dolor torácico") == ["chest pain"]
    assert found(SPANISH, ENGLISH, "El riñón izquierdo") == ["left kidney"]


def test_pieces_apart_are_joined_over_few_words() -> None:
    assert found(SPANISH, ENGLISH, "riñón izquierdo", "masa") == ["left kidney has a mass"]


def test_a_span_that_the_translation_dropped_is_given_up_not_guessed() -> None:
    one = project(texts(SPANISH, ENGLISH.replace("fever and ", ""), span(SPANISH, "fiebre")))[-1][0]
    assert one.pieces == ()
    assert one.confidence < 0.6


def test_the_translation_said_twice_is_marked_once() -> None:
    assert found("Tiene fiebre desde ayer.", "He has fever and fever since yesterday.", "fiebre") == ["fever"]


def test_one_word_may_be_several_in_english() -> None:
    spanish, english = "Presenta rectorragia y tos.", "He presents rectal bleeding and cough."
    learned = [
        ParallelText("Mild rectal bleeding.", "Leve rectorragia.", ()),
        ParallelText("Mild pain.", "Leve dolor.", ()),
    ]
    one = project([*learned * 3, *texts(spanish, english, span(spanish, "rectorragia"))])[-1][0]
    assert [english[a:b] for a, b in one.pieces] == ["rectal bleeding"]


def test_nothing_is_lost_without_texts_or_marks() -> None:
    assert project([]) == []
    assert project([ParallelText("", "Fiebre.", (MarkedSpan("R50.9", ((0, 6),)),))])[0][0].pieces == ()
    assert project([ParallelText("Fever.", "Fiebre.", ())]) == [[]]


def test_projection_is_the_same_every_time() -> None:
    marked = (span(SPANISH, "dolor torácico"), span(SPANISH, "masa"))
    assert project(texts(SPANISH, ENGLISH, *marked)) == project(texts(SPANISH, ENGLISH, *marked))


def test_sentences_are_paired_in_order_also_where_one_became_two() -> None:
    spanish = sentences("Hematuria de 3 meses. Anemia de 9 g/dl; urea 40 mg. Ecografía renal normal.")
    english = sentences("Hematuria of 3 months.\nAnemia of 9 g/dl.\nUrea 40 mg.\nNormal renal ultrasound.")
    pairs = align(spanish, english)
    told = {p.source[0].form: [t.form for t in p.target] for p in pairs}
    assert told["hematuria"] == ["hematuria", "of", "3", "months"]
    assert told["ecografia"] == ["normal", "renal", "ultrasound"]


def test_near_cognates_share_a_key() -> None:
    for spanish, english in (
        ("esquizofrenia", "schizophrenia"),
        ("hipertension", "hypertension"),
        ("trombosis", "thrombosis"),
        ("estenosis", "stenosis"),
        ("flebitis", "phlebitis"),
    ):
        assert spelling_key(spanish) == spelling_key(english), (spanish, english)
    assert spelling_key("dolor") != spelling_key("pain")
    assert spelling_key("4.5") == "4.5"


def test_links_of_a_word_sum_to_at_most_one() -> None:
    pairs = [p for es, en in PAIRS for p in align(sentences(es), sentences(en))]
    for links in align_words(pairs):
        assert (links.to_source.sum(axis=0) <= 1 + 1e-9).all()
        assert (links.to_target.sum(axis=1) <= 1 + 1e-9).all()
