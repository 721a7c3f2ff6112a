"""Lists as tensors: the rows of some encounters flat, and for each decision the rows that take part, padded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset, Sampler

from medcode_ml.ranking.gains import LAST_GAINING, gains
from medcode_ml.ranking.knowledge import BoolArray, FloatArray, IntArray
from medcode_ml.ranking.lists import Lists

_MOST_CELLS = 1 << 20
"""Cells of lists times longest times longest that one padded block may have: losses look at every pair of rows."""


class Padded(NamedTuple):
    """Lists of like length that all teach something: float or bool (lists, longest), rows int64 of the same shape."""

    rows: torch.Tensor
    gains: torch.Tensor
    mask: torch.Tensor


class ListBatch(NamedTuple):
    """Some encounters.

    values: float32 (rows, columns). hospital: int64 (rows,), number of the hospital, the count of them where it is not
    known. principal, order: the lists of the two decisions, in blocks.
    """

    values: torch.Tensor
    hospital: torch.Tensor
    principal: list[Padded]
    order: list[Padded]


@dataclass(frozen=True)
class Teaching:
    """What the rows of lists teach; shape (rows,) each.

    principal: the rows the principal is chosen from, with `right` 1 for the true one, in encounters that teach it.
    order: the rows that are put in order after the principal, in encounters that teach it, with their `worth`.
    """

    principal: BoolArray
    right: FloatArray
    order: BoolArray
    worth: FloatArray

    @property
    def rows(self) -> BoolArray:
        """Rows that take part in anything."""
        return self.principal | self.order


def teaching_of(lists: Lists, *, by_place: bool) -> Teaching:
    """Say which rows teach what.

    An encounter teaches the principal if its row of place 1 is a candidate and not the only one, the order if two of
    its ordered rows after the principal differ in worth. Rows without a true place teach no order, place 1 is the
    principal's alone. The worth is the gain or, `by_place`, 1 / place down to place 10: then every place tells.
    """
    right = lists.candidate & (lists.place == 1)
    rivals = np.bincount(lists.encounter[lists.candidate], minlength=len(lists))
    known = np.bincount(lists.encounter[right], minlength=len(lists))
    principal = lists.candidate & ((known > 0) & (rivals > known))[lists.encounter]

    place = lists.place
    after = lists.ordered & (place > 1)
    last = place > LAST_GAINING
    worth = np.where(last, 0.0, 1.0 / np.maximum(place, 1)) if by_place else gains(place)
    high, low = np.full(len(lists), -np.inf), np.full(len(lists), np.inf)
    np.maximum.at(high, lists.encounter[after], worth[after])
    np.minimum.at(low, lists.encounter[after], worth[after])
    order = after & (high > low)[lists.encounter]
    return Teaching(principal, right.astype(np.float64), order, worth)


def padded(encounter: IntArray, chosen: BoolArray, worth: FloatArray) -> list[Padded]:
    """The `chosen` rows by encounter, in blocks of lists of like length; the longest come last."""
    rows = np.flatnonzero(chosen)
    if not len(rows):
        return []
    _, first, length = np.unique(encounter[rows], return_index=True, return_counts=True)
    by_length = np.argsort(length, kind="stable")
    first, length = first[by_length], length[by_length]
    blocks: list[Padded] = []
    start = 0
    while start < len(length):
        cells = np.arange(1, len(length) - start + 1) * length[start:].astype(np.int64) ** 2
        end = start + max(1, int(np.searchsorted(cells, _MOST_CELLS, side="right")))
        own = length[start:end, None]
        within = np.arange(own[-1, 0])
        mask = within < own
        at = rows[np.where(mask, first[start:end, None] + within, 0)]
        blocks.append(
            Padded(
                torch.from_numpy(at),
                torch.from_numpy(np.where(mask, worth[at], 0.0).astype(np.float32)),
                torch.from_numpy(mask),
            )
        )
        start = end
    return blocks


class RankingData(Dataset["ListBatch"]):
    """Lists that teach; a list of encounter numbers as index gives their batch, all of them if it is empty."""

    def __init__(self, lists: Lists, teaching: Teaching, hospital: IntArray) -> None:
        """`hospital` of shape (encounters,) numbers the hospitals, as `ListBatch` says."""
        self.lists, self.teaching, self.hospital = lists, teaching, hospital
        self.bounds = np.searchsorted(lists.encounter, np.arange(len(lists) + 1))
        self.encounters = np.unique(lists.encounter[teaching.rows])

    def __len__(self) -> int:
        """How many encounters teach anything."""
        return len(self.encounters)

    def __getitem__(self, encounters: Sequence[int]) -> ListBatch:
        """The batch of `encounters`."""
        numbers = np.asarray(encounters, dtype=np.int64)
        rows = np.concatenate([np.arange(self.bounds[e], self.bounds[e + 1]) for e in numbers])
        rows = rows[self.teaching.rows[rows]]
        encounter = self.lists.encounter[rows]
        # lists of a shuffled batch need not ascend, and where they stand is of no consequence
        order = np.argsort(encounter, kind="stable")
        rows, encounter = rows[order], encounter[order]
        teaching = self.teaching
        return ListBatch(
            torch.from_numpy(self.lists.values[rows]),
            torch.from_numpy(self.hospital[encounter]),
            padded(encounter, teaching.principal[rows], teaching.right[rows]),
            padded(encounter, teaching.order[rows], teaching.worth[rows]),
        )


class ListBatches(Sampler[list[int]]):
    """Batches of encounters, shuffled anew every pass; without a size all of them in one."""

    def __init__(self, encounters: npt.NDArray[np.int64], *, batch: int | None = None, seed: int = 0) -> None:
        """At most `batch` of `encounters` in each."""
        self.encounters, self.batch, self.seed, self.epoch = encounters, batch, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """The shuffle of pass `epoch` comes next."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        """The batches of one pass."""
        if self.batch is None:
            yield self.encounters.tolist()
            return
        shuffled = np.random.default_rng([self.seed, self.epoch]).permutation(self.encounters)
        for start in range(0, len(shuffled), self.batch):
            yield shuffled[start : start + self.batch].tolist()

    def __len__(self) -> int:
        """How many batches there are."""
        return 1 if self.batch is None else -(-len(self.encounters) // self.batch)
