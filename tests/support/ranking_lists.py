"""Made-up lists whose true order follows planted weights, with the noise under which those weights are the best."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from medcode_ml.ranking.lists import Lists

Floats = npt.NDArray[np.float64]


def planted_lists(
    stays: int,
    principal: Sequence[float],
    order: Sequence[float],
    *,
    start: Sequence[float] | None = None,
    length: int = 9,
    seed: int = 0,
    both: float = 0.0,
    hospitals: Sequence[str | None] | None = None,
    habit: dict[str, float] | None = None,
) -> Lists:
    """Lists of `length` rows drawn by Plackett and Luce from the planted weights; the guidelines' are `start`.

    `both` is what columns 0 and 1 of one sign, different from a sum, add as principal; `habit` what a hospital adds to
    the weight of column 0.
    """
    generator = np.random.default_rng(seed)
    columns = len(principal)
    encounter = np.repeat(np.arange(stays), length)
    values = generator.normal(size=(stays * length, columns)).astype(np.float32)
    candidate = generator.random(len(values)) < 0.6
    candidate.reshape(stays, length)[:, :2] = True
    leads = values @ np.asarray(principal) + both * np.sign(values[:, 0] * values[:, 1])
    where = tuple(hospitals) if hospitals else (None,) * stays
    own = np.array([(habit or {}).get(name or "", 0.0) for name in where])
    leads += values[:, 0] * own[encounter] + generator.gumbel(size=len(values))
    rest = values @ np.asarray(order) + generator.gumbel(size=len(values))
    first = np.where(candidate, leads, -np.inf).reshape(stays, length).argmax(axis=1)
    rest.reshape(stays, length)[np.arange(stays), first] = np.inf
    place = np.argsort(np.argsort(-rest.reshape(stays, length), axis=1), axis=1).ravel() + 1
    guidelines = np.zeros(columns) if start is None else np.asarray(start, dtype=np.float64)
    return Lists(
        values=values,
        names=tuple(f"column_{i}" for i in range(columns)),
        start_principal=guidelines,
        start_order=guidelines,
        habits=np.arange(columns) == 0,
        encounter=encounter.astype(np.int64),
        candidate=candidate,
        ordered=np.ones(len(values), dtype=np.bool_),
        place=place.astype(np.int64),
        patients=tuple(f"patient {i}" for i in range(stays)),
        hospitals=where,
    )


def found_principals(scores: Floats, lists: Lists) -> float:
    """Share of the encounters whose best-scored candidate is the true principal."""
    own = np.where(lists.candidate, scores, -np.inf)
    best = np.full(len(lists), -np.inf)
    np.maximum.at(best, lists.encounter, own)
    right = (own == best[lists.encounter]) & (lists.place == 1)
    return float(np.bincount(lists.encounter[right], minlength=len(lists)).astype(bool).mean())
