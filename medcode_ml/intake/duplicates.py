"""Pages delivered twice: the same file, or the same sheet scanned or printed again (rule 39).

Copied-forward notes look alike and differ in a date or a value; a rescan differs only where the reader was unsure. So a
near duplicate needs like text in which no number and no word that was surely read on both pages differs; a few may be
lost, beneath a stamp or at an edge. Pages with little text must look alike as well.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from medcode_ml.intake.confusions import folded

HASH_SIDE = 16  # the hash has HASH_SIDE squared bits
HASH_DISTANCE = 60  # differing bits of 256 between two pictures of one sheet; unrelated sheets differ in about 120
TEXT_SIMILARITY = 90.0  # rapidfuzz ratio, 0-100
LITTLE_TEXT = 400  # characters below which the pictures must agree too
TOO_LITTLE_TEXT = 40  # characters below which nothing near is claimed: two stamps look alike
SURE = 85.0  # confidence on both pages from which a differing word is another word
VERY_SURE = 94.0  # the same where one letter differs
SURE_NUMBER = 70.0  # the same for numbers of one length: a next day's date, a next value
LONGEST_INSERT = 5  # surely read words in a row that only one page has: an addendum
FEW_LOST = 3  # surely read words that a second reading of a sheet may lack altogether, or as a share of all:
LOST_WORDS = 0.02
LIKE_WORD = 75.0  # similarity (0-100) of a word to its misreading
BUCKETS = 2048
LIKE_VOCABULARY = 0.75  # cosine of word counts from which two texts are compared in full


@dataclass(frozen=True)
class Duplicate:
    """A page that repeats an earlier one."""

    of: Hashable  #: index label of the page it repeats
    exact: bool
    similarity: float  #: 0-100


def image_hash(pixels: NDArray[np.uint8], box: tuple[int, int, int, int] | None = None) -> str:
    """Perceptual hash of the part `box` (x0, y0, x1, y1) of a page, or of its inked part: 64 hexadecimal digits.

    Signs of the low frequencies of a cosine transform, so that light, size and noise hardly count; "" without ink.
    """
    if box is None:
        ink = pixels < 160
        rows, columns = np.flatnonzero(ink.sum(axis=1) > 1), np.flatnonzero(ink.sum(axis=0) > 1)
        if len(rows) < 8 or len(columns) < 8:
            return ""
        box = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    inside = pixels[box[1] : box[3], box[0] : box[2]]
    if inside.size == 0:
        return ""
    small = cv2.resize(inside, (4 * HASH_SIDE, 4 * HASH_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:HASH_SIDE, 1 : HASH_SIDE + 1]
    return np.packbits(low > np.median(low)).tobytes().hex()


def hash_distance(one: str, other: str) -> int:
    """Differing bits of two picture hashes; all of them where one is missing."""
    if not one or not other:
        return HASH_SIDE**2
    return (int(one, 16) ^ int(other, 16)).bit_count()


def find_duplicates(pages: pd.DataFrame) -> dict[Hashable, Duplicate]:
    """Pages of `pages` that repeat an earlier row: index label -> what it repeats.

    Reads `content_hash`, `page` (place in the file), `text`, `words`, `quality`; two rows are compared when they share
    `batch` (a frame without that column is one batch) or `record_id`. The earliest row of a group is never a duplicate.
    """
    found: dict[Hashable, Duplicate] = {}
    for group in _groups(pages):
        rows = pages.loc[group]
        files = list(zip(rows["content_hash"], rows["page"], strict=True))
        first: dict[tuple[object, object], Hashable] = {}
        for label, key in zip(group, files, strict=True):
            if key[0] is not None and key in first:
                found.setdefault(label, Duplicate(first[key], True, 100.0))
            else:
                first[key] = label
        left = [label for label in group if label not in found]
        for earlier, later in _likely_pairs([str(pages.at[label, "text"] or "") for label in left]):
            one, other = left[earlier], left[later]
            if other in found or one in found:
                continue
            similarity = _same_sheet(pages.loc[one], pages.loc[other])
            if similarity is not None:
                found[other] = Duplicate(one, False, similarity)
    return found


def _groups(pages: pd.DataFrame) -> list[list[Hashable]]:
    groups = [list(pages.index)]
    if "batch" in pages:
        groups = [list(g.index) for _, g in pages.groupby("batch", sort=False, dropna=False)]
        if "record_id" in pages:
            groups += [list(g.index) for _, g in pages.groupby("record_id", sort=False) if g["batch"].nunique() > 1]
    return groups


def _likely_pairs(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs (earlier, later) of texts with like vocabulary, in order: the full comparison of all pairs is too slow."""
    enough = [n for n, text in enumerate(texts) if len(text) >= TOO_LITTLE_TEXT]
    if len(enough) < 2:
        return []
    counts = np.zeros((len(enough), BUCKETS), dtype=np.float32)
    for row, n in enumerate(enough):
        for word in re.findall(r"\w+", texts[n].lower()):
            counts[row, crc32(word.encode()) % BUCKETS] += 1
    counts /= np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)
    pairs = []
    for start in range(0, len(enough), 1024):  # blocks bound the memory of a large batch
        like = np.argwhere(counts @ counts[start : start + 1024].T >= LIKE_VOCABULARY)
        pairs += [(enough[a], enough[start + b]) for a, b in like if a < start + b]
    return sorted(pairs, key=lambda pair: (pair[1], pair[0]))


def _same_sheet(one: pd.Series, other: pd.Series) -> float | None:
    """Similarity of the texts (0-100) when two pages are one sheet, else None."""
    similarity = fuzz.ratio(one["text"], other["text"], score_cutoff=TEXT_SIMILARITY)
    if similarity < TEXT_SIMILARITY:
        return None
    little = min(len(one["text"]), len(other["text"])) < LITTLE_TEXT
    if little and hash_distance(one["quality"]["image_hash"], other["quality"]["image_hash"]) > HASH_DISTANCE:
        return None
    return similarity if _only_misread(one["words"], other["words"]) else None


#: a word folded for comparing, and how surely it was read
_Read = tuple[str, float]


def _only_misread(one: Sequence[dict[str, Any]], other: Sequence[dict[str, Any]]) -> bool:
    """Whether two readings differ only as two readings of one sheet do: unsure words, words run together or lost."""
    words = [[(folded(w["text"]), float(w["confidence"])) for w in page] for page in (one, other)]
    ours, theirs = ([word for word in page if word[0]] for page in words)
    lost = 0
    for left, right in _differences(ours, theirs):
        if _alike("".join(w for w, _ in left)) == _alike("".join(w for w, _ in right)):
            continue  # run together, torn apart or of one shape
        if len(left) == len(right):
            if any(_really_differ(a, b) for a, b in zip(left, right, strict=True)):
                return False
            continue
        only_left, only_right = _alone(left, right), _alone(right, left)
        if (only_left and only_right) or max(only_left, only_right) >= LONGEST_INSERT:
            return False
        lost += only_left + only_right
    return lost <= max(FEW_LOST, LOST_WORDS * max(len(ours), len(theirs)))


def _differences(ours: Sequence[_Read], theirs: Sequence[_Read]) -> Iterator[tuple[Sequence[_Read], Sequence[_Read]]]:
    """Stretches of words in which two readings differ."""
    i = j = 0
    for same in Levenshtein.opcodes([w for w, _ in ours], [w for w, _ in theirs]):
        if same.tag != "equal":
            continue
        if same.src_start > i or same.dest_start > j:
            yield ours[i : same.src_start], theirs[j : same.dest_start]
        i, j = same.src_end, same.dest_end
    if i < len(ours) or j < len(theirs):
        yield ours[i:], theirs[j:]


def _really_differ(one: _Read, other: _Read) -> bool:
    """Whether two words in one place are two words, not two readings of one."""
    (a, sure_a), (b, sure_b) = one, other
    sure = min(sure_a, sure_b)
    if a.isdigit() and b.isdigit() and len(a) == len(b):
        return sure >= SURE_NUMBER
    a, b = _alike(a), _alike(b)
    if a == b:
        return False
    return sure >= (VERY_SURE if Levenshtein.distance(a, b) == 1 else SURE)


def _alone(words: Sequence[_Read], others: Sequence[_Read]) -> int:
    """How many words surely read on one page have no counterpart in the same stretch of the other."""
    there = [_alike(w) for w, _ in others]
    run = "".join(there)
    surely = [_alike(w) for w, sure in words if sure >= SURE]
    return sum(w not in run and not any(fuzz.ratio(w, t) >= LIKE_WORD for t in there) for w in surely)


def _alike(word: str) -> str:
    """A folded word with what looks alike in print made one: digits keep apart from one another."""
    return word.translate(_LOOKS_LIKE).replace("rn", "m").replace("vv", "w").replace("cl", "d")


_LOOKS_LIKE = str.maketrans({"o": "0", "q": "0", "i": "1", "l": "1", "j": "1", "s": "5", "b": "8", "z": "2"})
