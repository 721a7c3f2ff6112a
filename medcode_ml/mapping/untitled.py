"""Sections of text that has no headings, told from the wording.

Each sentence or line is scored by cues (`cues.yaml`) and by a few forms: vital signs, laboratory values, doses, the
age that opens a story. The best sequence of types is then found (Viterbi) under two costs: changing the type, dear
within a paragraph and cheap after a blank line, and going back in the order in which clinicians write sections. Nothing
is fitted to data; a score can be followed back to the cues that made it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, Final

import numpy as np
import numpy.typing as npt

OTHER: Final = "other"
ANY: Final = "any"
_GUESSED: Final = (
    "history_and_physical",
    "progress_note",
    "discharge_summary",
    "operative",
    "radiology",
    "clinic_note",
)
_UNKNOWN_KIND: Final = 4.0
"""What it costs to take a document for none of the kinds whose order is known."""
_MOST: Final = 6.0
_UNSAID: Final = 0.3
_SENTENCE: Final = 6.0
_LINE: Final = 2.5
_PARAGRAPH: Final = 0.0
_ONE_PIECE: Final = 2.0
"""Price of a change between sentences where a text has no line breaks to tell sections by."""
_PRICES: Final = (("sentence", _SENTENCE), ("one piece", _ONE_PIECE), ("line", _LINE), ("paragraph", _PARAGRAPH))
_BACKWARD: Final = 1.4
_AHEAD: Final = 0.2
_FOREIGN: Final = 4.0
_CONFIDENT: Final = 4.0

_UNIT = re.compile(
    r"[^\n]*?(?:(?:(?<=[^.\s][a-z0-9)%\]])|(?<=\.\d))(?<!\bDr)(?<!\bMr)(?<!\bMs)(?<!\bMrs)"
    r"[.!?](?=\s+[\"'(]?[A-Z0-9]|[A-Z][a-z])|[.!?](?=\s{2,}|\Z|\n)|\n|\Z)"
)
_PUNCTUATION = re.compile(r"[^a-z0-9*]+")
_ITEM = re.compile(r"[ \t]*(?:[#*\-•]|\(?\d{1,2}[.)])[ \t]*\S")
#: what an item of a list speaks for
_LISTED: Final = (
    ("past_medical_history", 1.5), ("discharge_diagnoses", 1.5), ("assessment_plan", 1.5), ("procedures", 1.0),
    ("impression", 1.0), ("admission_diagnoses", 1.0), ("problem_list", 0.5),
)  # fmt: skip
#: sections that are worded like another: the order of sections decides between them
_ALIKE: Final = (("discharge_medications", "medications", 0.2), ("discharge_diagnoses", "past_medical_history", 0.5),
                 ("admission_diagnoses", "past_medical_history", 1.0), ("impression", "past_medical_history", 1.5),
                 ("chief_complaint", "impression", 1.0))  # fmt: skip
_FEW_BREAKS: Final = 12
_FIRST_WORDS: Final = 9
_TITLE = re.compile(
    r"(?:consult|note|report|summary|evaluation)[. ]*$|^(?:admitted|date|seen on)\b|\d{1,2}/\d{1,2}/\d{2}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence or line: its characters, and the break before it (sentence, one piece, line or paragraph)."""

    start: int
    end: int
    before: str


@dataclass(frozen=True)
class _Cues:
    types: tuple[str, ...]
    index: dict[str, int]
    forms: tuple[tuple[int, float, re.Pattern[str]], ...]
    finder: Any
    orders: dict[str, dict[str, npt.NDArray[np.float64]]]
    """For each kind of document and each kind of break the cost of going on to another type. Shape (types, types)."""
    first: dict[str, npt.NDArray[np.float64]]
    """Cost of opening with a type. Shape (types,)."""


def type_units(text: str, start: int, end: int, kind: str, opening: bool = True) -> list[tuple[int, int, str]]:
    """Return (start, end, type) of the stretches of `text[start:end]` by content, in order.

    `kind` is a key of the table's orders ("any" where nobody knows); `opening`: the stretch begins the document.
    """
    units = split_units(text, start, end)
    if not units:
        return []
    if opening and len(units) == 1 and _is_title(text[units[0].start : units[0].end]):
        return [(start, end, OTHER)]
    cues = _cues()
    scores = _scores(text, units, cues)
    if opening:
        _score_opening(text, units, scores, cues)
    kinds = (
        (kind,) if kind in cues.orders and kind != ANY else ((ANY, *_GUESSED) if opening and len(units) > 3 else (ANY,))
    )
    path = max((_best_path(units, scores, cues, one, opening) for one in kinds), key=lambda found: found[0])[1]
    stretches: list[tuple[int, int, str]] = []
    for number, (unit, one) in enumerate(zip(units, path, strict=True)):
        here = cues.types[one]
        to = units[number + 1].start if number + 1 < len(units) else end
        if stretches and stretches[-1][2] == here:
            stretches[-1] = (stretches[-1][0], to, here)
        else:
            stretches.append((unit.start if stretches or start else start, to, here))
    return stretches


def type_of(text: str, start: int, end: int, kind: str = ANY) -> str:
    """The one type that the wording of a stretch tells, `other` where it tells none clearly."""
    units = split_units(text, start, min(end, start + 1500))
    if not units:
        return OTHER
    cues = _cues()
    total = _scores(text, units, cues).sum(axis=0)
    total[cues.index[OTHER]] = 0.0
    best = int(total.argmax())
    rest = float(np.partition(total, -2)[-2])
    return cues.types[best] if total[best] >= _CONFIDENT and total[best] >= 1.3 * rest else OTHER


def split_units(text: str, start: int, end: int) -> list[Unit]:
    """Sentences and lines of `text[start:end]`, without the white space around them."""
    units: list[Unit] = []
    before = "paragraph"
    at = start
    while at < end:
        match = _UNIT.match(text, at, end)
        if match is None or match.end() == at:
            break
        piece = match[0]
        body = piece.strip()
        if body:
            begin = at + len(piece) - len(piece.lstrip())
            units.append(Unit(begin, begin + len(body), before))
            before = "line" if piece.endswith("\n") else "sentence"
        elif piece.endswith("\n"):
            before = "line" if before == "sentence" else "paragraph"
        at = match.end()
    if len(units) > 3 and sum(u.before != "sentence" for u in units[1:]) * _FEW_BREAKS < len(units):
        units = [Unit(u.start, u.end, "one piece" if u.before == "sentence" else u.before) for u in units]
    return units


@lru_cache(maxsize=1)
def _cues() -> _Cues:
    import ahocorasick
    import yaml

    raw: dict[str, Any] = yaml.safe_load(
        resources.files("medcode_ml.mapping").joinpath("cues.yaml").read_text(encoding="utf-8")
    )
    types = (*raw["cues"], OTHER)
    keys: dict[str, list[tuple[int, float, bool]]] = {}
    for number, by_weight in enumerate(raw["cues"].values()):
        for weight, phrases in by_weight.items():
            for phrase in phrases:
                key = " " + _PUNCTUATION.sub(" ", phrase).rstrip("*").strip()
                keys.setdefault(key, []).append((number, float(weight), phrase.endswith("*")))
    finder = ahocorasick.Automaton()
    for key, values in keys.items():
        finder.add_word(key, (any(v[2] for v in values), tuple(values)))
    finder.make_automaton()
    orders: dict[str, dict[str, npt.NDArray[np.float64]]] = {}
    first: dict[str, npt.NDArray[np.float64]] = {}
    for kind, some in raw["orders"].items():
        rank = {t: n for n, t in enumerate(some)}
        cost = np.zeros((len(types), len(types)))
        opening = np.zeros(len(types))
        for j, into in enumerate(types):
            foreign = 0.0 if into in rank or into == OTHER else _FOREIGN
            opening[j] = foreign + _AHEAD * rank.get(into, 0)
            for i, out_of in enumerate(types):
                step = rank.get(into, 0) - rank.get(out_of, 0) if into in rank and out_of in rank else 1
                cost[i, j] = foreign + (_AHEAD * min(step - 1, 6) if step > 0 else _BACKWARD)
        first[kind] = opening
        orders[kind] = {}
        for before, price in _PRICES:
            moved = cost + price
            np.fill_diagonal(moved, 0.0)
            orders[kind][before] = moved
    index = {t: n for n, t in enumerate(types)}
    forms = tuple((index[form["type"]], float(form["weight"]), re.compile(form["form"])) for form in raw["forms"])
    return _Cues(types, index, forms, finder, orders, first)


def _scores(text: str, units: list[Unit], cues: _Cues) -> npt.NDArray[np.float64]:
    """Score of each unit for each type. Shape (units, types)."""
    rows = [[0.0] * len(cues.types) for _ in units]
    low, high = units[0].start, units[-1].end
    starts = [u.start for u in units]
    plain = _plain(text[low:high])
    length = len(plain)
    index = cues.index
    for last, values in cues.finder.iter(plain):
        whole = last + 1 >= length or plain[last + 1] == " "
        if not whole and not values[0]:
            continue
        row = rows[bisect_right(starts, low + last - 1) - 1]
        for number, weight, open_ended in values[1]:
            if whole or open_ended:
                row[number] += weight
    for number, weight, pattern in cues.forms:
        for match in pattern.finditer(text, low, high):
            rows[bisect_right(starts, match.end() - 1) - 1][number] += weight
    for unit, row in zip(units, rows, strict=True):
        if _ITEM.match(text, unit.start):
            for section_type, weight in _LISTED:
                row[index[section_type]] += weight
    scores = np.minimum(np.array(rows), _MOST)
    for section_type, alike, less in _ALIKE:
        np.maximum(scores[:, index[section_type]], scores[:, index[alike]] - less, out=scores[:, index[section_type]])
    scores[:, index[OTHER]] = _UNSAID
    return scores


def _is_title(words: str) -> bool:
    """Whether words tell what the document is or when it was written."""
    return len(words.split()) <= _FIRST_WORDS and bool(_TITLE.search(words))


def _score_opening(text: str, units: list[Unit], scores: npt.NDArray[np.float64], cues: _Cues) -> None:
    """A few words that stand alone at the beginning are the complaint."""
    first = units[0]
    alone = len(units) > 1 and units[1].before == "paragraph"
    words = text[first.start : first.end].split()
    if _is_title(text[first.start : first.end]):
        scores[0] -= 3.0
        scores[0, cues.index[OTHER]] = _UNSAID + 1.5
    elif alone and len(words) <= _FIRST_WORDS and not _ITEM.match(text, first.start) and not words[-1].endswith(":"):
        scores[0, cues.index["chief_complaint"]] += 3.0


def _best_path(
    units: list[Unit], scores: npt.NDArray[np.float64], cues: _Cues, kind: str, opening: bool
) -> tuple[float, list[int]]:
    """The best sequence of types and its score."""
    costs = cues.orders[kind]
    best = scores[0] - (cues.first[kind] if opening else np.minimum(cues.first[kind], _FOREIGN))
    back = np.zeros(scores.shape, dtype=np.intp)
    every = np.arange(scores.shape[1])
    for n in range(1, len(units)):
        reach = best[:, None] - costs[units[n].before]
        back[n] = reach.argmax(axis=0)
        best = reach[back[n], every] + scores[n]
    path = [int(best.argmax())]
    total = float(best.max()) - (_UNKNOWN_KIND if kind == ANY else 0.0)
    for n in range(len(units) - 1, 0, -1):
        path.append(int(back[n, path[-1]]))
    return total, path[::-1]


_TABLE: Final = {n: (chr(n).lower() if chr(n).isascii() and chr(n).isalnum() else " ") for n in range(128)}


def _plain(text: str) -> str:
    """`text` in lower case with a space for each mark, a space before it: one character each (offsets moved by one)."""
    ascii_text = text.encode("ascii", "replace").decode("ascii") if not text.isascii() else text
    return " " + ascii_text.translate(_TABLE)
