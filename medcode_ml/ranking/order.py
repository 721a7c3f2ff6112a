"""From scores to places: the principal of each encounter, then the order of the rest with its forced pairs.

The order never depends on the order the codes came in: rows are sorted by code before anything is decided, and every
tie ends at the code itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from medcode_ml.ranking.eligibility import LAST_RESORT, NEVER, Eligibility, candidates_of
from medcode_ml.ranking.knowledge import BoolArray, FloatArray, IntArray
from medcode_ml.ranking.rows import Batch
from medcode_ml.ranking.scores import Scores

# Blocks of the order after the principal.
DIAGNOSES: Final = 0
STATUS: Final = 1
EXTERNAL: Final = 2
COPIES: Final = 3
UNKNOWN: Final = 4
_JUST_BELOW: Final = 1e-3
_CHAIN: Final = 8


@dataclass(frozen=True, slots=True)
class Order:
    """Places of a batch; row arrays of shape (rows,), encounter arrays of shape (encounters,)."""

    sorted_rows: IntArray
    """Row numbers by encounter and place."""
    rank: IntArray
    """Place of each row in its encounter, 1 first."""
    principal: IntArray
    """Row of the principal of each encounter, -1 where there is none."""
    runner_up: IntArray
    """Row of the next code that could be principal, -1 where there is none."""
    share: FloatArray
    """Share of each candidate among the candidates of its encounter (softmax of the scores); 0 for the others."""
    score: FloatArray
    """Between 0 and 1, falling with the place; the principal's is its share."""
    block: IntArray
    moved_behind: IntArray
    """Pair (place in `Batch.row_pairs`) that gave the row its place behind its base, -1 for none."""


def order_of(batch: Batch, eligibility: Eligibility, scores: Scores) -> Order:
    """Return the places of every row: by the scores, within what eligibility, blocks and forced pairs allow."""
    principal, runner_up, share = _principal(batch, eligibility, scores.principal)
    block = blocks_of(batch)
    weight = _chronic_below_acute(batch, np.round(scores.order, 9))
    leads = np.zeros(len(block), dtype=np.bool_)
    leads[principal[principal >= 0]] = True
    place, moved = _forced(batch, leads, _places(batch, np.where(leads, -1, block), -weight), block)
    sorted_rows = np.lexsort((place, batch.rows.encounter)).astype(np.int64)
    rank = place + 1
    score = _scores(batch, sorted_rows, leads, share, weight)
    return Order(sorted_rows, rank, principal, runner_up, share, score, block, moved)


def _principal(batch: Batch, eligibility: Eligibility, points: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    rows = batch.rows
    gravity = batch.attributes.gravity[rows.code]
    # scores are rounded so that the last bits of a sum never decide between two codes
    best_first = np.lexsort((rows.code, -gravity, -np.round(points, 9), eligibility.bar, rows.encounter))
    candidates = best_first[eligibility.bar[best_first] < NEVER]
    first: IntArray = np.full(batch.encounters, -1, dtype=np.int64)
    second: IntArray = np.full(batch.encounters, -1, dtype=np.int64)
    at = rows.encounter[candidates]
    number = np.arange(len(at)) - np.searchsorted(at, at, side="left")
    first[at[number == 0]] = candidates[number == 0]
    nexts = candidates[(number == 1) & (eligibility.bar[candidates] < LAST_RESORT)]
    second[rows.encounter[nexts]] = nexts
    same = candidates_of(batch, eligibility)
    best = batch.best_in_encounter(np.where(same, points, -np.inf))
    top = best[rows.encounter]
    odds = np.where(same & np.isfinite(top), np.exp(points - np.where(np.isfinite(top), top, 0.0)), 0.0)
    total = np.bincount(rows.encounter, weights=odds, minlength=batch.encounters)
    return first, second, odds / np.where(total > 0, total, 1.0)[rows.encounter]


def blocks_of(batch: Batch) -> IntArray:
    """Return the block of each row in the order after the principal; shape (rows,)."""
    kinds = batch.attributes.kinds[batch.rows.code]
    block: IntArray = np.full(len(kinds), DIAGNOSES, dtype=np.int64)
    # health factors of chapter 21 are status codes for the order, whatever their kind
    chapter_21 = np.char.startswith(batch.attributes.codes, "Z")[batch.rows.code]
    block[(kinds == "status") | (chapter_21 & (kinds == "aftercare"))] = STATUS
    block[(kinds == "external") | batch.rows.flags["external_cause"]] = EXTERNAL
    block[batch.rows.duplicate] = COPIES
    block[kinds == "unknown"] = UNKNOWN
    return block


def _chronic_below_acute(batch: Batch, weight: FloatArray) -> FloatArray:
    """Keep chronic conditions below the acute ones of the same category, whatever their weight (rule 24)."""
    rows, attributes = batch.rows, batch.attributes
    chronic = attributes.chronic[rows.code]
    category = np.unique(attributes.codes.astype("U3"), return_inverse=True)[1].astype(np.int64)[rows.code]
    group = rows.encounter * (int(category.max(initial=0)) + 1) + category
    _, group = np.unique(group, return_inverse=True)
    lowest: FloatArray = np.full(int(group.max(initial=-1)) + 1, np.inf, dtype=np.float64)
    np.minimum.at(lowest, group[~chronic], weight[~chronic])
    return np.where(chronic, np.minimum(weight, lowest[group] - _JUST_BELOW), weight)


def _places(batch: Batch, *keys: FloatArray | IntArray) -> IntArray:
    """Place of each row in its encounter, 0 first, by the keys in order and at last by the code."""
    rows = batch.rows
    order = np.lexsort((np.arange(len(rows.code)), *reversed(keys), rows.encounter))
    at = rows.encounter[order]
    place: IntArray = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order)) - np.searchsorted(at, at, side="left")
    return place


def _forced(batch: Batch, leads: BoolArray, place: IntArray, block: IntArray) -> tuple[IntArray, IntArray]:
    """Move dependents behind their bases (rule 23): directly where the pair says so, else only if they stood before.

    Chains settle in a few rounds; whatever a circle of notes leaves open after them keeps the place it has.
    """
    pairs = batch.row_pairs
    moved: IntArray = np.full(len(place), -1, dtype=np.int64)
    # the principal stays first, and copies and unknown codes last
    free = ~leads[pairs.dependent] & (block[pairs.dependent] < COPIES) & (block[pairs.base] < COPIES)
    numbers = np.flatnonzero(free)
    dependent, base = pairs.dependent[free], pairs.base[free]
    adjacent = batch.pairs.adjacent[pairs.rule[free]]
    if not len(dependent):
        return place, moved
    for _ in range(_CHAIN):
        wanted = place.astype(np.float64)
        # directly behind the first of the bases that attract it: they are alternatives
        nearest: FloatArray = np.full(len(place), np.inf, dtype=np.float64)
        np.minimum.at(nearest, dependent[adjacent], place[base[adjacent]] + 0.5)
        wanted = np.where(np.isfinite(nearest), nearest, wanted)
        # and never before any of the others
        np.maximum.at(wanted, dependent[~adjacent], place[base[~adjacent]] + 0.5)
        settled = _places(batch, wanted, place)
        if np.array_equal(settled, place):
            break
        place = settled
    behind = place[dependent] - place[base]
    nearest_first = np.lexsort((behind, dependent))
    chosen = nearest_first[behind[nearest_first] > 0][::-1]
    moved[dependent[chosen]] = numbers[chosen]
    return place, moved


def _scores(batch: Batch, sorted_rows: IntArray, leads: BoolArray, share: FloatArray, weight: FloatArray) -> FloatArray:
    """The principal's share among the candidates; after it gravity as a fraction, made to fall with the place."""
    at = batch.rows.encounter[sorted_rows]
    place = np.arange(len(at)) - np.searchsorted(at, at, side="left")
    own = 1.0 / (1.0 + np.exp(-0.5 * (weight[sorted_rows] - 5.0)))
    own = np.where(leads[sorted_rows], 1.0, own)
    # running minimum inside each encounter: a large step at every encounter keeps them apart
    steps = at.astype(np.float64) * 2.0
    falling = np.minimum.accumulate(own - steps) + steps
    first = np.searchsorted(at, at, side="left")
    top = np.where(leads[sorted_rows[first]], share[sorted_rows[first]], 1.0)
    score: FloatArray = np.empty(len(at), dtype=np.float64)
    score[sorted_rows] = top * falling * np.where(place == 0, 1.0, 1.0 - 1e-4 * np.minimum(place, 5000))
    return score
