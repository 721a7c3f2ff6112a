"""How alike hospitals are: kernels over place, state, labour market, people, mix, name, owner and certification number.

Each is positive semi-definite with 1 on its diagonal (0 where the fact is not known), so that their sum with positive
weights is the covariance of the hospitals' levels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from medcode_ml.billing.amounts.providers import Located

Matrix = npt.NDArray[np.float32]

NAMES: Final = (
    "8 miles",
    "40 miles",
    "600 miles",
    "state",
    "market",
    "mix",
    "case mix, near",
    "case mix, wide",
    "people",
    "number",
    "letters",
    "letters within 400 miles",
    "words within the state",
    "mix within the state",
    "people within 200 miles",
    "case mix within 600 miles",
    "owner",
    "owner within the state",
    "kind of owner",
    "kind of owner within 200 miles",
    "kind of owner within the state",
)
_NEAR: Final = 20
_ALIKE_NUMBERS: Final = 15.0


def kernels(left: Located, right: Located) -> Iterator[tuple[str, Matrix]]:
    """Yield name and matrix (left, right) of every kernel, in the order of `NAMES`."""
    miles = np.sqrt(_squared(left.place, right.place))
    far = np.isnan(miles)
    miles[far] = np.inf
    state = _same(left.facts.state, right.facts.state)
    mix = np.exp(-_squared(left.shares, right.shares) / np.float32(20.0))
    wide = np.exp(-_squared(left.counts, right.counts) / np.float32(20.0))
    people = np.exp(-_squared(left.people, right.people) / np.float32(2.0 * left.people.shape[1]))
    letters = np.asarray((left.letters @ right.letters.T).todense(), dtype=np.float32)
    wider = _decay(miles, 600.0)
    yield "8 miles", _decay(miles, 8.0)
    yield "40 miles", _decay(miles, 40.0)
    yield "600 miles", wider
    yield "state", state
    yield "market", _same(left.facts.market, right.facts.market)
    yield "mix", mix
    yield "case mix, near", np.exp(-_squared(left.counts[:, :_NEAR], right.counts[:, :_NEAR]) / np.float32(4.0))
    yield "case mix, wide", wide
    yield "people", people
    yield "number", _numbers(left, right)
    yield "letters", letters
    yield "letters within 400 miles", letters * _decay(miles, 400.0)
    words = np.asarray((left.words @ right.words.T).todense(), dtype=np.float32)
    yield "words within the state", words * state
    yield "mix within the state", mix * state
    yield "people within 200 miles", people * _decay(miles, 200.0)
    yield "case mix within 600 miles", wide * wider
    owner, kind = _same(left.facts.owner, right.facts.owner), _same(left.facts.kind, right.facts.kind)
    yield "owner", owner
    yield "owner within the state", owner * state
    yield "kind of owner", kind
    yield "kind of owner within 200 miles", kind * _decay(miles, 200.0)
    yield "kind of owner within the state", kind * state


def _squared(left: Matrix, right: Matrix) -> Matrix:
    """Squared distances, shape (left, right)."""
    # in double: positions on the globe differ in the last digits of a float
    a, b = left.astype(np.float64), right.astype(np.float64)
    found = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None, :] - 2.0 * a @ b.T
    return np.maximum(found, 0.0).astype(np.float32)


def _decay(miles: Matrix, scale: float) -> Matrix:
    return np.exp(-miles / np.float32(scale))


def _same(left: npt.NDArray[np.object_], right: npt.NDArray[np.object_]) -> Matrix:
    """1 where both are the same and known."""
    texts = {text: place for place, text in enumerate(dict.fromkeys([*left, *right]))}
    a = np.array([texts[t] if t else -1 for t in left], dtype=np.int64)
    b = np.array([texts[t] if t else -2 for t in right], dtype=np.int64)
    return (a[:, None] == b[None, :]).astype(np.float32)


def _numbers(left: Located, right: Located) -> Matrix:
    """Numbers were given in turn within a state: near ones are of hospitals that joined Medicare together."""
    a, b = left.facts.number, right.facts.number
    apart = np.nan_to_num(np.abs(a[:, None] - b[None, :]), nan=np.inf)
    found = np.exp(-apart / _ALIKE_NUMBERS).astype(np.float32)
    return found * _same(left.facts.prefix, right.facts.prefix)
