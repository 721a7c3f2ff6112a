"""A note as arrays: its words as numbers, its phrases as keys, what is said of each word and in which section.

Words go through the same canonical form as the dictionary. Keys are hashes of words, so no vocabulary has to be kept:
a phrase has the same key in training, in a saved model and in a note read years later.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from medcode_ml.coding.assertion import AFFIRMED, STRENGTH, Trigger, reaches
from medcode_ml.coding.heard import heard
from medcode_ml.coding.mentions import Section
from medcode_ml.coding.tokens import Tokens
from medcode_ml.coding.words import canonical, word_set

UInts = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int32]

LONGEST = 4
"""Content and filling words of the longest phrase."""
PAIR = 9
"""Size that marks an unordered pair of words near each other, "mass ... kidney"."""
STEM = 7
"""Characters of a word that retrieval compares."""
_PAIR_REACH = 5
_FILLING = word_set(
    """
    with without and or not is was are were be been had has have having he she it as that who which patient year
    old no than then there after before during also they due because other but while when where since until into
    up down out about over under very more most some any all each both being did do does so such only same own
    """
)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_STEP = np.uint64(0x100000001B3)
_AFFIRMED = STRENGTH.index(AFFIRMED)


@lru_cache(maxsize=400_000)
def word_key(word: str) -> int:
    """64-bit key of a word as written: that of its canonical form; the lowest bit says whether it only fills."""
    form = canonical(word)
    key = int.from_bytes(blake2b(form.encode(), digest_size=8).digest(), "little") & ~1
    return (key | 1) if form in _FILLING else key


@lru_cache(maxsize=400_000)
def stem_key(word: str) -> int:
    """As `word_key`, of the beginning of the word alone: "infection" and "infectious" are one."""
    key = word_key(word)
    return key if key & 1 else word_key(canonical(word)[:STEM]) & ~1


@dataclass(frozen=True, slots=True)
class ReadNote:
    """A note read once; everything the proposals need of it.

    Attributes:
        text: the note. starts, ends: character offsets of its tokens. Shape (tokens,).
        words: key of each token, 0 at sentence ends and punctuation, shape (tokens,). stems: the same of its beginning.
        sentence: number of the sentence of each token, ascending. said: place in `STRENGTH` of what is said of it.
        section: place in `sections` of the section each token stands in, -1 in none.
        keys, first, last, size: phrases: key, first token, token after the last, number of words or PAIR.
    """

    text: str
    starts: Ints
    ends: Ints
    words: UInts
    stems: UInts
    sentence: Ints
    said: npt.NDArray[np.int8]
    section: npt.NDArray[np.int16]
    sections: tuple[Section, ...]
    keys: UInts
    first: Ints
    last: Ints
    size: npt.NDArray[np.int8]


def read_note(text: str, sections: tuple[Section, ...] = ()) -> ReadNote:
    """Read one note; `sections` ascend and do not overlap."""
    tokens, triggers = heard(text, tuple(s.start for s in sections))
    count = len(tokens.words)
    starts = np.array(tokens.starts, dtype=np.int32)
    words, stems = np.zeros(count, dtype=np.uint64), np.zeros(count, dtype=np.uint64)
    skip = tokens.skip
    for i, word in enumerate(tokens.words):
        if not skip[i] and word[0].isalnum():
            words[i], stems[i] = word_key(word), stem_key(word)
    marks = np.zeros(count + 1, dtype=np.int32)
    marks[tokens.sentences] = 1
    sentence = np.cumsum(marks[:count], dtype=np.int32)
    section = np.full(count, -1, dtype=np.int16)
    for number, own in enumerate(sections):
        section[np.searchsorted(starts, own.start) : np.searchsorted(starts, own.end)] = number
    keys, first, last, size = _phrases(words, sentence, np.array(skip, dtype=bool))
    return ReadNote(
        text,
        starts,
        np.array(tokens.ends, dtype=np.int32),
        words,
        stems,
        sentence,
        _said(tokens, triggers),
        section,
        sections,
        keys,
        first,
        last,
        size,
    )


def _said(tokens: Tokens, triggers: list[Trigger]) -> npt.NDArray[np.int8]:
    said = np.full(len(tokens.words), _AFFIRMED, dtype=np.int8)
    if not triggers:
        return said
    starts = [t.start for t in triggers]
    bounds = [*tokens.sentences, len(tokens.words)]
    for start, end in pairwise(bounds):
        own = triggers[bisect_left(starts, start) : bisect_left(starts, end)]
        for reach in reaches(tokens.low, start, end, own) if own else ():
            place = STRENGTH.index(reach.kind)
            np.minimum(said[reach.first : reach.last], place, out=said[reach.first : reach.last])
    return said


def _phrases(
    words: UInts, sentence: Ints, skip: npt.NDArray[np.bool_]
) -> tuple[UInts, Ints, Ints, npt.NDArray[np.int8]]:
    """Runs of one to LONGEST words that begin and end with a content word, and unordered pairs of content words."""
    # words that are passed over leave no gap; punctuation and line breaks do
    kept = np.nonzero(~skip)[0].astype(np.int32)
    own, of = words[kept], sentence[kept]
    content = (own != 0) & ((own & np.uint64(1)) == 0)
    breaks = np.cumsum(own == 0, dtype=np.int32)
    found: list[tuple[UInts, Ints, Ints, int]] = []
    mixed = (own * _MIX) >> np.uint64(3)
    running = mixed
    for size in range(1, LONGEST + 1):
        n = len(own) - size + 1
        if n <= 0:
            break
        tail = slice(size - 1, size - 1 + n)
        if size > 1:
            running = running[:n] * _STEP + mixed[tail]
        at = np.nonzero(content[:n] & content[tail] & (breaks[:n] == breaks[tail]) & (of[:n] == of[tail]))[0]
        found.append((running[at] * _MIX + np.uint64(size), kept[at], kept[at + size - 1] + 1, size))
    inner = np.nonzero(content)[0]
    single, place = mixed[inner], of[inner]
    for apart in range(1, _PAIR_REACH):
        n = len(inner) - apart
        if n <= 0:
            break
        at = np.nonzero((place[:n] == place[apart:]) & (inner[apart:] - inner[:n] <= 2 * _PAIR_REACH))[0]
        one, other = single[at], single[at + apart]
        key = (one + other) * _MIX ^ (one * other)
        found.append((key * _MIX + np.uint64(PAIR), kept[inner[at]], kept[inner[at + apart]] + 1, PAIR))
    if not found:
        none = np.zeros(0, dtype=np.int32)
        return np.zeros(0, dtype=np.uint64), none, none, np.zeros(0, dtype=np.int8)
    return (
        np.concatenate([f[0] for f in found]),
        np.concatenate([f[1] for f in found]),
        np.concatenate([f[2] for f in found]),
        np.concatenate([np.full(len(f[0]), f[3], dtype=np.int8) for f in found]),
    )


def phrase_text(note: ReadNote, place: int) -> str:
    """Canonical words of the phrase at `place`, for comparison with titles; of a pair only its two ends."""
    first, last = int(note.first[place]), int(note.last[place])
    tokens = [first, last - 1] if note.size[place] == PAIR else [i for i in range(first, last) if note.words[i]]
    return " ".join(canonical(note.text[note.starts[i] : note.ends[i]]) for i in tokens)
