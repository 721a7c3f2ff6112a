"""Text carried forward: passages of a document that stand in an earlier document of the same encounter.

Documents are compared by runs of words: five words in a row are hashed for all documents of a batch at once, a run of
such hits along one diagonal is a passage, and single words that a scanner misread do not end it. A passage is cut to
whole sentences or lines and kept from 60 characters or 8 words on. What repeats because paper has it (page headers,
letterheads, signatures) is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

COPIED_COLUMNS: Final = (
    "document_id", "passage_number", "encounter_id", "start_offset", "end_offset", "first_document_id",
    "first_start_offset", "first_end_offset", "first_written_date",
)  # fmt: skip
FEWEST_CHARACTERS: Final = 60
FEWEST_WORDS: Final = 8
_WORDS: Final = 5
"""Words hashed together."""
_LONGEST_SLIP: Final = 9
"""Words from one hit to the next of a passage: two misread words in a row lose seven hits."""
_EDGE: Final = 6
"""Words at an edge of a passage that a misread word among them may hide."""
_DRIFT: Final = 2
"""Words that a passage may have more or less than its origin at one place: a word read as two."""
_LEAST_SHARE: Final = 0.75
_LEAST_ALIKE: Final = 60.0
"""Likeness (percent) of a misread word to the word."""
_LEAST_ALIKE_WORDS: Final = 80.0
"""Likeness of three and more words of which some are misread."""
_BATCH: Final = 4_000_000
_BASE: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX: Final = np.uint64(0xD6E8FEB86659FD93)

#: on one day documents are written in this order
_SAME_DAY: Final = (("emerg", 0), ("history", 1), ("nurs", 2), ("lab", 2), ("radiol", 2), ("consult", 3), ("operat", 4),
                    ("pathol", 5), ("progress", 6), ("discharge", 8))  # fmt: skip
_FURNITURE = re.compile(
    r"\bMRN\b|medical record (?:no|num)|record n(?:o|umber)\b|\bDOB\b|date of birth|\bborn\b|\bpage \d+\b|"
    r"electronically signed|signed by|digitally signed|dictated (?:by|on)|transcribed|authenticated|confidential|"
    r"\baccount (?:no|num)|\battending (?:physician|md)?\s*:|patient(?: name)?\s*:|^\s*name\s*:|\bfax\b|\bphone\b|"
    r"\btel\b|\bcc\s*:|\bD:\s*\d|\bT:\s*\d+/|visit n(?:o|umber)|encounter n(?:o|umber)|job (?:id|no)|\bNPI\b|"
    r"admission date|discharge date|date of (?:admission|discharge|service)",
    re.IGNORECASE,
)
_LETTERHEAD = re.compile(
    r"\b(?:hospital|medical (?:center|centre|group)|health (?:system|care)|clinic|department of|division of|university|"
    r"street|avenue|road|suite|blvd|p\.?o\.? box|[A-Z]{2} \d{5})\b|,\s*(?:M\.?D|D\.?O|R\.?N|N\.?P|P\.?A)\b",
    re.IGNORECASE,
)
_LETTERHEAD_LINES: Final = 6


@dataclass(frozen=True)
class _Batch:
    """Documents of a batch in the order they were written, encounter by encounter, and their words."""

    documents: list[int]
    texts: list[str]
    encounter: npt.NDArray[np.int64]
    """Number of the encounter of each document. Shape (documents,)."""
    starts: npt.NDArray[np.int64]
    """First character of each word, counted in its document. Shape (words,)."""
    ends: npt.NDArray[np.int64]
    owner: npt.NDArray[np.int64]
    """Document of each word. Shape (words,)."""
    first_word: npt.NDArray[np.int64]
    """First word of each document, and the number of words at the end. Shape (documents + 1,)."""
    hashes: npt.NDArray[np.uint64]
    """Hash of each word, alike for letters that scanners confuse. Shape (words,)."""


def find_copied(documents: pd.DataFrame) -> pd.DataFrame:
    """Return mapped.copied_passage rows (without received_date) of documents of any encounters, in any order.

    Args:
        documents: document_id, encounter_id, document_type, written_date (`date` or None), text. Documents of one day
            come in the order in which their types are written, then as given; those without a date come last.
    """
    if documents.empty:
        return pd.DataFrame(columns=list(COPIED_COLUMNS), dtype=object)
    columns = {name: documents[name].tolist() for name in ("document_id", "encounter_id", "written_date", "text")}
    types = documents["document_type"].tolist() if "document_type" in documents else [None] * len(documents)
    rows: list[tuple[Any, ...]] = []
    for batch in _batches(columns["encounter_id"], columns["written_date"], types, columns["text"]):
        number, last = 0, -1
        for owner, start, end, source, first_start, first_end in _passages(batch):
            number = number + 1 if owner == last else 1
            last = owner
            here, there = batch.documents[owner], batch.documents[source]
            written = columns["written_date"][there]
            rows.append(
                (columns["document_id"][here], number, columns["encounter_id"][here], start, end,
                 columns["document_id"][there], first_start, first_end, written if _is_day(written) else None)
            )  # fmt: skip
    return pd.DataFrame(rows, columns=list(COPIED_COLUMNS), dtype=object)


def _is_day(value: Any) -> bool:
    return isinstance(value, (date, str)) and bool(value)


def _batches(encounters: list[str], written: list[Any], types: list[Any], texts: list[str]) -> Iterator[_Batch]:
    """Encounters of two documents and more, some million characters at a time."""
    by_encounter: dict[str, list[int]] = {}
    for place, encounter in enumerate(encounters):
        if texts[place]:
            by_encounter.setdefault(encounter, []).append(place)

    def order(place: int) -> tuple[bool, str, int]:
        day = str(written[place]) if _is_day(written[place]) else ""
        kind = str(types[place] or "").lower()
        return not day, day, next((rank for beginning, rank in _SAME_DAY if beginning in kind), 5)

    chosen: list[int] = []
    owners: list[int] = []
    size = 0
    for number, places in enumerate(by_encounter.values()):
        if len(places) < 2:
            continue
        places.sort(key=order)
        chosen += places
        owners += [number] * len(places)
        size += sum(len(texts[p]) for p in places)
        if size > _BATCH:
            yield _worded(chosen, owners, [texts[p] for p in chosen])
            chosen, owners, size = [], [], 0
    if chosen:
        yield _worded(chosen, owners, [texts[p] for p in chosen])


def _folding() -> npt.NDArray[np.uint64]:
    """Each character's value in word hashes, 0 where it is no part of a word. Shape (256,)."""
    folded = np.zeros(256, dtype=np.uint64)
    for code in range(256):
        character = chr(code)
        if character.isalnum():
            folded[code] = ord(character.lower()) if len(character.lower()) == 1 else code
    for group in ("o0", "il1|", "s5", "b8"):
        folded[[ord(c) for c in group + group.upper()]] = ord(group[0])
    return folded


def _worded(documents: list[int], encounters: list[int], texts: list[str]) -> _Batch:
    joined = "\n".join(texts) + "\n"
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    values = np.where(codes < 256, _folding()[np.minimum(codes, 255)], codes.astype(np.uint64))
    inside = np.concatenate(([False], values > 0, [False]))
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    starts, ends = edges[0::2], edges[1::2]
    powers = np.full(len(values) + 1, _BASE, dtype=np.uint64)
    powers[0] = 1
    with np.errstate(over="ignore"):
        np.multiply.accumulate(powers, out=powers)
        inverse = np.full(len(values) + 1, _inverse(_BASE), dtype=np.uint64)
        inverse[0] = 1
        np.multiply.accumulate(inverse, out=inverse)
        sums = np.concatenate((np.zeros(1, np.uint64), np.cumsum(values * powers[:-1], dtype=np.uint64)))
        hashes = (sums[ends] - sums[starts]) * inverse[starts] * _MIX
        hashes ^= hashes >> np.uint64(29)
        hashes *= _MIX
    lengths = np.array([len(t) + 1 for t in texts], dtype=np.int64)
    begins = np.concatenate(([0], np.cumsum(lengths)))
    owner = np.searchsorted(begins, starts, side="right") - 1
    first_word = np.searchsorted(starts, begins)
    return _Batch(
        documents, texts, np.array(encounters, dtype=np.int64), starts - begins[owner], ends - begins[owner], owner,
        first_word, hashes,
    )  # fmt: skip


def _inverse(odd: np.uint64) -> int:
    return pow(int(odd), -1, 1 << 64)


def _passages(batch: _Batch) -> Iterator[tuple[int, int, int, int, int, int]]:
    """(document, start, end, earlier document, start and end there), in order of document and start."""
    words = len(batch.hashes) - _WORDS + 1
    if words <= 0:
        return
    with np.errstate(over="ignore"):
        shingles = np.zeros(words, dtype=np.uint64)
        for n in range(_WORDS):
            shingles = shingles * np.uint64(0x100000001B3) + batch.hashes[n : n + words]
        shingles ^= (batch.encounter[batch.owner[:words]].astype(np.uint64) + np.uint64(1)) * _MIX
    whole = batch.owner[:words] == batch.owner[_WORDS - 1 :]
    place = np.flatnonzero(whole)
    _, first, of = np.unique(shingles[place], return_index=True, return_inverse=True)
    origin = place[first][of]
    hit = batch.owner[origin] < batch.owner[place]
    here, there = place[hit], origin[hit]
    if not len(here):
        return
    breaks = (
        (np.diff(here) > _LONGEST_SLIP)
        | (np.diff(batch.owner[here]) != 0)
        | (np.diff(batch.owner[there]) != 0)
        | (np.abs(np.diff(here - there)) > _DRIFT)
    )
    # words between two hits that are other words, not misread ones, end the passage
    for n in np.flatnonzero(~breaks & (np.diff(here) > _WORDS)).tolist():
        breaks[n] = not _alike(
            batch, int(here[n]) + _WORDS, int(here[n + 1]), int(there[n]) + _WORDS, int(there[n + 1])
        )
    begins = np.concatenate(([0], np.flatnonzero(breaks) + 1))
    stops = np.concatenate((begins[1:], [len(here)]))
    floor = 0
    for begin, stop in zip(begins.tolist(), stops.tolist(), strict=True):
        low, high = int(here[begin]), int(here[stop - 1]) + _WORDS
        covered = _WORDS + int(np.minimum(np.diff(here[begin:stop]), _WORDS).sum())
        if covered < _LEAST_SHARE * (high - low):
            continue
        found = _whole_sentences(batch, low, high, int(there[begin]), int(there[stop - 1]) + _WORDS, floor)
        if found is not None:
            floor = found[0]
            yield int(batch.owner[low]), found[1], found[2], int(batch.owner[there[begin]]), found[3], found[4]


def _alike(batch: _Batch, low: int, high: int, first_low: int, first_high: int) -> bool:
    """Whether words `low` to `high` may be words `first_low` to `first_high`, misread."""
    from rapidfuzz import fuzz

    here, there = max(high - low, 0), max(first_high - first_low, 0)
    if not here or not there:
        return here + there <= 1
    mine = batch.texts[int(batch.owner[low])][int(batch.starts[low]) : int(batch.ends[high - 1])]
    other = batch.texts[int(batch.owner[first_low])][int(batch.starts[first_low]) : int(batch.ends[first_high - 1])]
    return fuzz.ratio(mine.lower(), other.lower()) >= (_LEAST_ALIKE if here <= 2 else _LEAST_ALIKE_WORDS)


def _whole_sentences(
    batch: _Batch, low: int, high: int, first_low: int, first_high: int, floor: int
) -> tuple[int, int, int, int, int] | None:
    """The passage of words `low` to `high`, from word `floor` on, cut to whole sentences or lines.

    Returns the word after it and its characters here and there; None where too little is left.
    """
    if low < floor:
        low, first_low = floor, first_low + floor - low
        if low >= high:
            return None
    owner, source = int(batch.owner[low]), int(batch.owner[first_low])
    text = batch.texts[owner]
    first_word, first_limit = int(batch.first_word[source]), int(batch.first_word[source + 1])
    # a misread word at the edge of a sentence belongs to it
    back = min(_EDGE, low - max(floor, int(batch.first_word[owner])), first_low - first_word)
    on = min(_EDGE, int(batch.first_word[owner + 1]) - high, first_limit - first_high)
    before = (n for n in range(back + 1) if _begins(text, int(batch.starts[low - n])))
    n = next((n for n in before if not n or _alike(batch, low - n, low, first_low - n, first_low)), None)
    begin = low - n if n is not None else low
    while begin < high and not _begins(text, int(batch.starts[begin])):
        begin += 1
    first_begin = first_low + begin - low
    after = (n for n in range(on + 1) if _stops(text, int(batch.ends[high + n - 1])))
    n = next((n for n in after if not n or _alike(batch, high, high + n, first_high, first_high + n)), None)
    stop = high + n if n is not None else high
    while stop > begin and not _stops(text, int(batch.ends[stop - 1])):
        stop -= 1
    first_stop = first_high + stop - high
    if stop <= begin or first_stop <= first_begin:
        return None
    begin, stop, first_begin, first_stop = _without_furniture(batch, text, begin, stop, first_begin, first_stop)
    if stop <= begin or first_stop <= first_begin or first_begin < first_word or first_stop > first_limit:
        return None
    start, end = int(batch.starts[begin]), int(batch.ends[stop - 1])
    if end - start < FEWEST_CHARACTERS and stop - begin < FEWEST_WORDS:
        return None
    return stop, start, end, int(batch.starts[first_begin]), int(batch.ends[first_stop - 1])


def _begins(text: str, place: int) -> bool:
    """Whether a sentence, line or item begins with the word at `place`."""
    before = text[max(0, place - 6) : place]
    stripped = before.rstrip(" \t([\"'*#-•")
    if not stripped or stripped[-1] == "\n":
        return True
    return stripped[-1] in ".;:!?" and (len(before) > len(stripped) or text[place].isupper())


def _stops(text: str, place: int) -> bool:
    """Whether a sentence or line ends with the word before `place`; the number of an item ends none."""
    after = text[place : place + 6].lstrip(")]\"'% \t")
    if not after or after[0] == "\n":
        return True
    if after[0] not in ".;!?" or not (len(after) == 1 or after[1].isspace() or after[1].isupper()):
        return False
    line = text[text.rfind("\n", 0, place) + 1 : place]
    return not line.strip(" \t(").isdigit()


def _without_furniture(
    batch: _Batch, text: str, begin: int, stop: int, first_begin: int, first_stop: int
) -> tuple[int, int, int, int]:
    """The passage without the lines of page headers, letterheads and signatures at its edges."""
    while begin < stop:
        words = _line_words(batch, text, begin, stop, forward=True)
        if not _is_furniture(text, int(batch.starts[begin])):
            break
        begin, first_begin = begin + words, first_begin + words
    while stop > begin:
        words = _line_words(batch, text, begin, stop, forward=False)
        if not _is_furniture(text, int(batch.starts[stop - 1])):
            break
        stop, first_stop = stop - words, first_stop - words
    return begin, stop, first_begin, first_stop


def _line_words(batch: _Batch, text: str, begin: int, stop: int, *, forward: bool) -> int:
    """Words of the passage in its first (`forward`) or last line."""
    if forward:
        to = text.find("\n", int(batch.starts[begin]))
        to = len(text) if to < 0 else to
        return max(1, int(np.searchsorted(batch.starts[begin:stop], to)))
    start = text.rfind("\n", 0, int(batch.starts[stop - 1])) + 1
    return max(1, stop - begin - int(np.searchsorted(batch.starts[begin:stop], start)))


def _is_furniture(text: str, place: int) -> bool:
    """Whether the line at `place` is there because of the paper: who the patient is, who signed, whose letterhead."""
    start = text.rfind("\n", 0, place) + 1
    end = text.find("\n", place)
    line = text[start : len(text) if end < 0 else end]
    if len(line) > 160:
        return False
    if _FURNITURE.search(line):
        return True
    edge = text.count("\n", 0, start) < _LETTERHEAD_LINES or text.count("\n", end if end >= 0 else len(text)) < 4
    return edge and not line.rstrip().endswith(".") and bool(_LETTERHEAD.search(line))
