"""The language of a reference: which words it has, and the few directions in which its texts differ (LSA).

Directions are fitted on one half of the reference's encounters and only the other half is held against later days: a
text lies closer to directions fitted on itself than a new one of the same kind does.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from medcode_ml.drift.sketch import Floats
from medcode_ml.drift.words import Hashes, WordCounts, summed

_BUCKETS: Final = 4096
COMPONENTS: Final = 12
FOURIER: Final = 48
"""Random Fourier features of a state: their sums are all that the kernel test needs."""
_SEED: Final = 20261122
_MOST_PAIRS: Final = 2000


@dataclass(frozen=True)
class Language:
    """Words and directions of a reference.

    Attributes:
        once: hashes of words in one encounter of the reference only, sorted. more: of those in more, sorted.
        weight: weight of each bucket of words. Shape (4096,).
        directions: shape (components, 4096).
        scale: of the states, which are divided by it. Shape (components,).
        bandwidth: of the kernel, on scaled states.
    """

    once: Hashes
    more: Hashes
    weight: npt.NDArray[np.float32]
    directions: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]
    bandwidth: float

    @staticmethod
    def fit(words: WordCounts, unit: npt.NDArray[np.int64], fit_half: npt.NDArray[np.bool_]) -> Language:
        """Learn from documents of encounters.

        Args:
            words: of the documents. unit: number of the encounter of each. fit_half: by encounter: in the half that
                directions are fitted on.
        """
        from scipy.sparse import diags
        from sklearn.decomposition import TruncatedSVD

        by_unit = summed(words.counts, unit, len(fit_half))
        holding = np.asarray((by_unit > 0).sum(0)).ravel()
        buckets = _in_buckets(by_unit, words.hashes)
        half = buckets[np.flatnonzero(fit_half)]
        seen = np.asarray((half > 0).sum(0)).ravel()
        weight = (np.log((1 + half.shape[0]) / (1 + seen)) + 1).astype(np.float32)
        count = min(COMPONENTS, max(half.shape[0] - 1, 1))
        svd = TruncatedSVD(count, n_iter=4, random_state=_SEED)
        states = svd.fit_transform(_normed(half, weight, diags))
        scale = np.maximum(states.std(0), 1e-6).astype(np.float32)
        scaled = states / scale
        order = np.random.default_rng(_SEED).permutation(len(scaled))[:_MOST_PAIRS]
        pairs = scaled[order[: len(order) // 2]] - scaled[order[len(order) // 2 : 2 * (len(order) // 2)]]
        between = float(np.median(np.sqrt((pairs**2).sum(1)))) if len(pairs) else 1.0
        return Language(
            np.sort(words.hashes[holding == 1]), np.sort(words.hashes[holding > 1]), weight,
            svd.components_.astype(np.float32), scale, max(between, 1e-3),
        )  # fmt: skip

    def unknown(self, words: WordCounts, of_reference: bool) -> npt.NDArray[np.bool_]:
        """Which words the reference does not have. Shape (words,).

        For encounters `of_reference` itself a word that only one of them has is unknown: to the others it is, so both
        sides are measured alike.
        """
        known = _holds(self.more, words.hashes)
        return ~known if of_reference else ~(known | _holds(self.once, words.hashes))

    def states(self, words: WordCounts, unit: npt.NDArray[np.int64], size: int) -> Floats:
        """Scaled state of each unit's texts together; zeros for a unit without words. Shape (size, components)."""
        from scipy.sparse import diags

        buckets = _in_buckets(summed(words.counts, unit, size), words.hashes)
        return np.asarray(_normed(buckets, self.weight, diags) @ self.directions.T / self.scale, dtype=np.float64)

    def fourier(self, states: Floats) -> Floats:
        """Random Fourier features of states: their inner products come to a Gaussian kernel. Shape (size, 48)."""
        generator = np.random.default_rng(_SEED)
        waves = generator.standard_normal((states.shape[1], FOURIER // 2)) / self.bandwidth
        turned = states @ waves
        return np.asarray(np.hstack([np.cos(turned), np.sin(turned)]) / np.sqrt(FOURIER // 2))

    def to_json(self) -> dict[str, Any]:
        """Plain values; arrays as base64."""
        return {
            "once": _packed(self.once), "more": _packed(self.more), "weight": _packed(self.weight),
            "directions": _packed(self.directions), "scale": _packed(self.scale), "bandwidth": self.bandwidth,
        }  # fmt: skip

    @staticmethod
    def from_json(said: Mapping[str, Any]) -> Language:
        """The language that `to_json` wrote."""
        scale = _unpacked(said["scale"], "<f4")
        return Language(
            _unpacked(said["once"], "<u8"), _unpacked(said["more"], "<u8"), _unpacked(said["weight"], "<f4"),
            _unpacked(said["directions"], "<f4").reshape(len(scale), -1), scale, float(said["bandwidth"]),
        )  # fmt: skip


def _in_buckets(counts: Any, hashes: Hashes) -> Any:
    from scipy.sparse import csr_matrix

    bucket = (hashes % np.uint64(_BUCKETS)).astype(np.int64)
    into = csr_matrix(
        (np.ones(len(bucket), np.float32), (np.arange(len(bucket)), bucket)), shape=(len(bucket), _BUCKETS)
    )
    return (counts @ into).tocsr()


def _normed(buckets: Any, weight: npt.NDArray[np.float32], diags: Any) -> Any:
    logged = buckets.copy()
    logged.data = np.log1p(logged.data)
    weighted = (logged @ diags(weight)).tocsr()
    length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(1)).ravel())
    return (diags(1 / np.maximum(length, 1e-9)) @ weighted).tocsr()


def _holds(sorted_hashes: Hashes, asked: Hashes) -> npt.NDArray[np.bool_]:
    if not len(sorted_hashes):
        return np.zeros(len(asked), bool)
    place = np.searchsorted(sorted_hashes, asked).clip(0, len(sorted_hashes) - 1)
    return np.asarray(sorted_hashes[place] == asked)


def _packed(values: npt.NDArray[Any]) -> str:
    return base64.b64encode(values.astype(values.dtype.newbyteorder("<")).tobytes()).decode()


def _unpacked(text: str, kind: str) -> npt.NDArray[Any]:
    return np.frombuffer(base64.b64decode(text), dtype=kind).copy()
