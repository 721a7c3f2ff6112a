"""What is kept of many encounters: sorted values, counts, or sums. Sketches of days add up to that of a window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
MOST: Final = 512
"""Distinct values kept of a day; with more, the distribution is off by at most half of 1/512 anywhere."""
_DIGITS: Final = 6


@dataclass(frozen=True)
class Values:
    """A distribution: distinct `values`, ascending, and how many encounters each stands for. Shapes (k,), (k,)."""

    values: Floats
    weights: Floats

    @property
    def n(self) -> int:
        """Encounters."""
        return round(float(self.weights.sum()))

    @property
    def mean(self) -> float:
        """Mean; NaN without encounters."""
        return float(self.values @ self.weights / self.weights.sum()) if len(self.values) else float("nan")

    @staticmethod
    def of(values: npt.ArrayLike, most: int = MOST) -> Values:
        """The sketch of `values`; what is not finite is left out."""
        given = np.asarray(values, np.float64)
        found, counts = np.unique(np.round(given[np.isfinite(given)], _DIGITS), return_counts=True)
        if len(found) <= most:
            return Values(found, counts.astype(np.float64))
        group = (np.cumsum(counts) - counts / 2) * most // counts.sum()
        starts = np.flatnonzero(np.diff(group, prepend=-1))
        weights = np.add.reduceat(counts, starts).astype(np.float64)
        ends = np.append(starts[1:], len(found))
        middle = np.asarray(found[(starts + ends - 1) // 2], np.float64)
        return Values(middle, weights)

    @staticmethod
    def merged(parts: Iterable[Values]) -> Values:
        """The sketch of all encounters of `parts`."""
        held = list(parts)
        values, place = np.unique(np.concatenate([p.values for p in held]), return_inverse=True)
        weights = np.bincount(place, np.concatenate([p.weights for p in held]), minlength=len(values))
        return Values(values, weights.astype(np.float64))

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"values": self.values.tolist(), "weights": [int(w) for w in self.weights]}


@dataclass(frozen=True)
class Counts:
    """Encounters by category."""

    counts: Mapping[str, int]

    @property
    def n(self) -> int:
        """Encounters."""
        return sum(self.counts.values())

    @staticmethod
    def of(categories: Iterable[Any]) -> Counts:
        """The sketch of `categories`; a missing one counts as "missing"."""
        import pandas as pd

        given = pd.Series(list(categories), dtype=object)
        told = given.where(given.notna(), "missing").astype(str).value_counts()
        return Counts({str(name): int(n) for name, n in sorted(told.items())})

    @staticmethod
    def merged(parts: Iterable[Counts]) -> Counts:
        """The sketch of all encounters of `parts`."""
        total: dict[str, int] = {}
        for part in parts:
            for name, n in part.counts.items():
                total[name] = total.get(name, 0) + n
        return Counts(total)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"counts": dict(self.counts)}


@dataclass(frozen=True)
class Moments:
    """Sums over encounters of a vector (k,), and of its products (k, k) where these are asked for."""

    n: int
    sums: Floats
    products: Floats | None = None

    @staticmethod
    def of(rows: npt.ArrayLike, products: bool = True) -> Moments:
        """The sketch of `rows` (encounters, k); rows that are not finite are left out."""
        given = np.asarray(rows, np.float64)
        given = given[np.isfinite(given).all(1)]
        return Moments(len(given), given.sum(0), given.T @ given if products else None)

    @staticmethod
    def merged(parts: Iterable[Moments]) -> Moments:
        """The sketch of all encounters of `parts`."""
        held = list(parts)
        products = [p.products for p in held if p.products is not None]
        total = np.sum(products, axis=0) if len(products) == len(held) else None
        return Moments(sum(p.n for p in held), np.sum([p.sums for p in held], axis=0), total)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        said: dict[str, Any] = {"n": self.n, "sums": np.round(self.sums, 8).tolist()}
        return said if self.products is None else said | {"products": np.round(self.products, 8).tolist()}


Sketch = Values | Counts | Moments
Key = tuple[str, str, str]
"""Hospital, type of document, metric."""
Sketches = Mapping[Key, Sketch]


def sketch_from_json(said: Mapping[str, Any]) -> Sketch:
    """The sketch that `to_json` wrote."""
    if "counts" in said:
        return Counts(said["counts"])
    if "sums" in said:
        products = said.get("products")
        return Moments(said["n"], np.asarray(said["sums"], float), None if products is None else np.asarray(products))
    return Values(np.asarray(said["values"], np.float64), np.asarray(said["weights"], np.float64))


def merged(parts: Iterable[Sketches]) -> dict[Key, Sketch]:
    """The sketches of all encounters of `parts`, key by key."""
    gathered: dict[Key, list[Any]] = {}
    for part in parts:
        for key, sketch in part.items():
            gathered.setdefault(key, []).append(sketch)
    return {key: held[0] if len(held) == 1 else type(held[0]).merged(held) for key, held in gathered.items()}
