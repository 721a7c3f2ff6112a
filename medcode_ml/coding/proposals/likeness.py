"""How much a phrase looks like the wording of a code: character n-grams, so that "orchiepididymitis" is near N45.3."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import sparse

from medcode_ml.codes.tabular import tabular
from medcode_ml.coding.words import canonical_words

_BUCKETS = 2**18


@lru_cache(maxsize=200_000)
def wordings(code: str) -> tuple[str, ...]:
    """Title and inclusion terms of `code` in canonical words; of a code without a title those of its nearest node."""
    tree = tabular()
    node = code
    while tree.title(node) is None and len(node) > 3:
        node = node[:-1].rstrip(".")
    terms = [t for t in (tree.title(node), *tree.inclusion_terms(node)) if t]
    return tuple(" ".join(w for w in canonical_words(t) if w[0].isalnum()) for t in terms)


def characters(texts: Sequence[str]) -> sparse.csr_matrix:
    """Character 3- and 4-grams inside words, hashed, each row of length 1. Shape (texts, 2^18)."""
    from sklearn.feature_extraction.text import HashingVectorizer

    vectorizer = HashingVectorizer(
        analyzer="char_wb", ngram_range=(3, 4), n_features=_BUCKETS, alternate_sign=False, norm=None, dtype=np.float32
    )
    if not len(texts):
        return sparse.csr_matrix((0, _BUCKETS), dtype=np.float32)
    counted = vectorizer.transform(texts)
    counted.data = 1 + np.log(counted.data)
    lengths = np.sqrt(np.asarray(counted.multiply(counted).sum(axis=1)).ravel())
    return sparse.diags(1 / np.maximum(lengths, 1e-9)).astype(np.float32) @ counted


class CodeWordings:
    """The wordings of a list of codes as character n-grams, weighted by how rare an n-gram is among them."""

    def __init__(self, codes: Sequence[str]) -> None:
        texts = [wordings(c) or ("",) for c in codes]
        self._first = np.r_[0, np.cumsum([len(t) for t in texts])]
        raw = characters([t for own in texts for t in own])
        seen = np.bincount(raw.indices, minlength=_BUCKETS)
        self._rare = np.sqrt(np.log1p(raw.shape[0]) - np.log1p(seen)).astype(np.float32)
        self._matrix = self._weigh(raw)

    def _weigh(self, matrix: sparse.csr_matrix) -> sparse.csr_matrix:
        weighed = matrix @ sparse.diags(self._rare)
        lengths = np.sqrt(np.asarray(weighed.multiply(weighed).sum(axis=1)).ravel())
        return (sparse.diags(1 / np.maximum(lengths, 1e-9)) @ weighed).tocsr().astype(np.float32)

    def phrases(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """`texts` in the same measure, to be given to `likeness`."""
        return self._weigh(characters(texts))

    def likeness(self, phrases: sparse.csr_matrix, codes: Sequence[int]) -> npt.NDArray[np.float32]:
        """Cosine of each phrase with the nearest wording of each of `codes` (places). Shape (phrases, codes)."""
        rows = np.concatenate([np.arange(self._first[c], self._first[c + 1]) for c in codes])
        found = (phrases @ self._matrix[rows].T).toarray()
        starts = np.r_[0, np.cumsum([self._first[c + 1] - self._first[c] for c in codes])][:-1]
        return np.maximum.reduceat(found, starts, axis=1)
