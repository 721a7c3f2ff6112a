"""First vectors of words, before anything is trained: which words stand together in the notes and in the code set.

Positive pointwise mutual information, factorised (Levy and Goldberg 2014). A word of a title that no training note
holds gets a vector near the words it is used with, so that a code never seen in training can be told from others.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from medcode_ml.coding.network.vocabulary import GRAM_BUCKETS, Vocabulary, gram_buckets

FloatArray = npt.NDArray[np.float32]

_WINDOW = 5
_SMOOTHING = 0.75


def word_vectors(vocabulary: Vocabulary, lines: Sequence[Sequence[str]], size: int, seed: int) -> FloatArray:
    """Vectors of unit mean square of the words of `vocabulary` from the `lines` they stand in.

    Returns:
        float32 array of shape (len(vocabulary) + 1, size); row 0, the padding, is zero, as is a word of no line.
    """
    import scipy.sparse as sp
    from sklearn.utils.extmath import randomized_svd

    count = len(vocabulary) + 1
    unknown: dict[str, int] = {}
    numbers = np.fromiter(chain.from_iterable(vocabulary.numbers(line, unknown) for line in lines), dtype=np.int64)
    line_of = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
    counts = sp.csr_matrix((count, count), dtype=np.float32)
    for step in range(1, _WINDOW + 1):
        left, right = numbers[:-step], numbers[step:]
        together = (line_of[:-step] == line_of[step:]) & (left < count) & (right < count) & (left != right)
        ones = np.full(int(together.sum()), 1.0 / step, dtype=np.float32)
        counts = counts + sp.csr_matrix((ones, (left[together], right[together])), shape=(count, count))
    counts = sp.coo_matrix(counts + counts.T)
    size = min(size, count - 1)
    if counts.nnz == 0:
        return np.zeros((count, size), dtype=np.float32)
    total = np.asarray(counts.sum(axis=1), dtype=np.float64).ravel()
    smooth = total**_SMOOTHING
    mutual = np.log(
        counts.data * smooth.sum() / np.maximum(total[counts.row], 1e-9) / np.maximum(smooth[counts.col], 1e-9)
    )
    positive = mutual > 0
    matrix = sp.csr_matrix(
        (mutual[positive].astype(np.float32), (counts.row[positive], counts.col[positive])), shape=(count, count)
    )
    left_vectors, strength, _ = randomized_svd(matrix, size, n_iter=3, random_state=seed)
    raw = np.asarray(left_vectors * np.sqrt(strength), dtype=np.float32)
    lengths = np.linalg.norm(raw, axis=1, keepdims=True)
    scaled: FloatArray = np.where(lengths > 1e-6, raw * (np.sqrt(size) / np.maximum(lengths, 1e-6)), 0.0).astype(
        np.float32
    )
    scaled[0] = 0.0
    return scaled


def gram_vectors(vocabulary: Vocabulary, vectors: FloatArray) -> FloatArray:
    """Vector of each n-gram bucket: the mean over the known words that hold one, drawn to zero where they are few.

    Returns:
        float32 array of shape (GRAM_BUCKETS + 1, size); row 0 is padding.
    """
    import scipy.sparse as sp

    rows: list[int] = []
    buckets: list[int] = []
    for number, word in enumerate(vocabulary.words, start=1):
        own = gram_buckets(word)
        rows.extend([number] * len(own))
        buckets.extend(own)
    ones = np.ones(len(rows), dtype=np.float32)
    holds = sp.csr_matrix((ones, (buckets, rows)), shape=(GRAM_BUCKETS + 1, len(vectors)))
    held = np.asarray(holds.sum(axis=1)).reshape(-1, 1)
    mean = np.asarray(holds @ vectors, dtype=np.float64) / (held + 1.0)
    mean[0] = 0.0
    out: FloatArray = mean.astype(np.float32)
    return out
