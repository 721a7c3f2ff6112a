"""The second reader is asked for unsure words only, within bounds, and is believed where it is the better one."""

from __future__ import annotations

import numpy as np
import pytest

from medcode_ml.intake.lexicon import known_share
from medcode_ml.intake.reading_order import Mark
from medcode_ml.intake.second_engine import LEAST, UNSURE, _is_better, _placed, _stretches, read_again


def _mark(text: str, confidence: float, x0: int = 0, line: int = 0) -> Mark:
    return Mark(text, confidence, x0, 0, x0 + 12 * len(text), 20, line)


def test_known_words_are_those_of_titles_and_everyday_english():
    assert known_share("patient with hypertension, given daily") == 1
    assert known_share("rleuspid acchythinias") == 0
    assert known_share("12.5 +/- 3") == 0


def test_a_misread_word_is_read_again_from_the_page(drawn):
    page = np.asarray(drawn("hypertension", 300, 12))
    rows, columns = np.nonzero(page < 128)
    box = (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
    words, count = read_again([Mark("hyperlens1on", 40.0, *box, line=0)], page)
    assert [w.text for w in words] == ["hypertension"]
    assert count == 1
    assert (words[0].x0, words[0].y0, words[0].x1, words[0].y1) == box


def test_sure_words_are_left_alone(drawn):
    page = np.asarray(drawn("hypertension", 300, 12))
    words = [Mark("hypotension", UNSURE, 210, 210, 500, 260, 0)]
    assert read_again(words, page) == (words, 0)


def test_unsure_neighbours_in_a_line_are_one_stretch_and_lines_are_not_joined():
    marks = [_mark("a1", 50), _mark("b2", 50, 30), _mark("sure", 95, 60), _mark("c3", 50, 120), _mark("d4", 50, 0, 1)]
    assert _stretches(marks) == [[0, 1], [3], [4]]


@pytest.mark.parametrize(
    ("text", "score", "first", "confidence", "taken"),
    [
        ("tricuspid", 0.98, "rleuspid", 30.0, True),
        ("rleuspid", 0.98, "tricuspid", 60.0, False),
        ("heart", 0.60, "hcart", 30.0, False),  # itself unsure
        ("heart", 0.99, "heart", 30.0, False),  # nothing new
        ("心heart", 0.99, "hcart", 30.0, False),  # not English print
        ("h", 0.99, "hcart rate", 30.0, False),  # most of it lost
    ],
)
def test_the_better_reading_is_taken(text, score, first, confidence, taken):
    words = [_mark(w, confidence, 100 * n) for n, w in enumerate(first.split())]
    assert _is_better(text, score, words) is taken


def test_words_split_anew_share_the_place_of_the_old_ones():
    words = _placed("Troponin I", 0.96, [_mark("Troponin!", 20.0)])
    assert [w.text for w in words] == ["Troponin", "I"]
    assert words[0].x0 == 0
    assert words[0].x1 <= words[1].x0
    assert words[-1].x1 == 12 * 9


def test_a_page_full_of_unsure_words_is_bounded(drawn, monkeypatch):
    from medcode_ml.intake import second_engine

    asked: list[float] = []

    class Counting:
        def read(self, picture: np.ndarray) -> tuple[str, float]:
            asked.append(picture.shape[1] / picture.shape[0])
            return "", 0.0

    monkeypatch.setattr(second_engine, "_reader", Counting)
    page = np.full((3000, 2000), 255, np.uint8)
    marks = [Mark("word", 10.0, 100, 40 * n, 180, 40 * n + 20, n) for n in range(70)]
    assert read_again(marks, page) == (marks, 0)
    assert 0 < sum(asked) <= LEAST
