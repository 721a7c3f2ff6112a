"""Pages delivered twice: the same file, or the same sheet scanned or printed again (rule 39).

Copied-forward notes look alike and differ in a date or a value; a rescan differs only where the reader was unsure. So a
near duplicate needs like text in which no figure, and hardly a word, that was surely read on both pages differs. Pages
with little text must look alike as well.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
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
SURE = 85.0  # confidence from which a differing word counts as really different
DIFFERING_WORDS = 0.02  # share of surely differing words that two readings of one sheet may have
LONGEST_INSERT = 5  # surely read words in a row that only one page has: an addendum
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


def _only_misread(one: Sequence[dict[str, Any]], other: Sequence[dict[str, Any]]) -> bool:
    """Whether two readings differ only as two readings of one sheet do."""
    words = [[(folded(w["text"]), float(w["confidence"])) for w in page] for page in (one, other)]
    ours, theirs = ([word for word in page if word[0]] for page in words)
    differing = 0
    for change in Levenshtein.opcodes([w for w, _ in ours], [w for w, _ in theirs]):
        if change.tag == "equal":
            continue
        left = ours[change.src_start : change.src_end]
        right = theirs[change.dest_start : change.dest_end]
        if change.tag == "replace":
            for (a, sure_a), (b, sure_b) in zip(left, right, strict=True):
                if min(sure_a, sure_b) < SURE or (a.isalpha() and Levenshtein.distance(a, b) <= 1):
                    continue
                if any(c.isdigit() for c in a) and any(c.isdigit() for c in b):
                    return False
                differing += 1
        else:
            inserted = [confidence for _, confidence in left + right if confidence >= SURE]
            if len(inserted) >= LONGEST_INSERT:
                return False
            differing += len(inserted)
    return differing <= max(1.0, DIFFERING_WORDS * max(len(ours), len(theirs)))
