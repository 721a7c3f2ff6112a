"""The linear channel: ridge regression from the words of a whole note to the codes of the training notes.

Solved in its dual form, on the notes, of which there are few where labels are few; beyond MOST_NOTES a sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse

from medcode_ml.coding.proposals.reading import ReadNote, UInts

MOST_NOTES = 6000
PENALTY = 0.3


@dataclass(frozen=True)
class Linear:
    """Words with their weights, the training notes over them, and the dual coefficients.

    Attributes:
        words: keys, ascending, shape (words,). rare: inverse document frequency, shape (words,).
        notes: training notes, rows of length 1, shape (notes, words). dual: shape (notes, labels). mean: (labels,).
    """

    words: UInts
    rare: npt.NDArray[np.float32]
    notes: sparse.csr_matrix
    dual: npt.NDArray[np.float32]
    mean: npt.NDArray[np.float32]

    def scores(self, notes: Sequence[ReadNote]) -> npt.NDArray[np.float32]:
        """Score of every training label in each note. Shape (notes, labels)."""
        near = (_counted(notes, self.words, self.rare) @ self.notes.T).toarray()
        return near @ self.dual + self.mean


def learn_linear(notes: Sequence[ReadNote], labels: Sequence[Sequence[int]], width: int) -> Linear:
    """Fit on training notes; `labels` are places below `width`."""
    chosen = list(range(len(notes)))
    if len(notes) > MOST_NOTES:
        chosen = sorted(np.random.default_rng(0).choice(len(notes), MOST_NOTES, replace=False).tolist())
    own = [notes[i] for i in chosen]
    words, seen = np.unique(np.concatenate([np.unique(n.words) for n in own]), return_counts=True)
    kept = (seen >= 2) & ((words & np.uint64(1)) == 0) & (words != 0)
    words, rare = words[kept], np.log(len(own) / seen[kept]).astype(np.float32)
    matrix = _counted(own, words, rare)
    target = np.zeros((len(own), width), dtype=np.float32)
    for row, place in enumerate(chosen):
        target[row, list(labels[place])] = 1
    mean = target.mean(axis=0)
    kernel = (matrix @ matrix.T).toarray() + PENALTY * np.eye(len(own), dtype=np.float32)
    dual = linalg.solve(kernel, target - mean, assume_a="pos")
    return Linear(words, rare, matrix, dual.astype(np.float32), mean)


def _counted(notes: Sequence[ReadNote], words: UInts, rare: npt.NDArray[np.float32]) -> sparse.csr_matrix:
    keys = np.concatenate([n.words for n in notes])
    row = np.repeat(np.arange(len(notes)), [len(n.words) for n in notes])
    if not len(words):
        return sparse.csr_matrix((len(notes), 0), dtype=np.float32)
    at = np.minimum(np.searchsorted(words, keys), len(words) - 1)
    known = words[at] == keys
    counted = sparse.csr_matrix(
        (np.ones(int(known.sum()), dtype=np.float32), (row[known], at[known])), shape=(len(notes), len(words))
    )
    counted.data = 1 + np.log(counted.data)
    counted = counted @ sparse.diags(rare)
    lengths = np.sqrt(np.asarray(counted.multiply(counted).sum(axis=1)).ravel())
    return (sparse.diags((1 / np.maximum(lengths, 1e-9)).astype(np.float32)) @ counted).tocsr()
