"""What the proposals learned as arrays and facts for a model folder, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from medcode_ml.coding.proposals.forms import Forms
from medcode_ml.coding.proposals.linear import Linear
from medcode_ml.coding.proposals.proposer import Learned
from medcode_ml.coding.proposals.retrieval import WordingIndex

Arrays = dict[str, npt.NDArray[Any]]
_LINEAR = ("words", "rare", "dual", "mean")
_INDEX = ("words", "code", "weight")


def to_arrays(learned: Learned) -> tuple[Arrays, dict[str, Any]]:
    """(arrays, facts) of `learned`."""
    arrays: Arrays = {"counts": learned.counts}
    arrays |= {f"forms.{f.name}": getattr(learned.forms, f.name) for f in fields(Forms)}
    arrays |= {f"remembered.{name}": getattr(learned.remembered, name) for name in _INDEX}
    arrays |= {f"linear.{name}": getattr(learned.linear, name) for name in _LINEAR}
    arrays |= _sparse("remembered.shares", learned.remembered.shares) | _sparse("linear.notes", learned.linear.notes)
    facts = {"labels": [str(c) for c in learned.labels], "notes": learned.notes, "outside": sorted(learned.outside)}
    return arrays, facts


def from_arrays(arrays: Mapping[str, npt.NDArray[Any]], facts: Mapping[str, Any]) -> Learned:
    """What `to_arrays` was given."""
    index = {name: arrays[f"remembered.{name}"] for name in _INDEX}
    linear = {name: arrays[f"linear.{name}"] for name in _LINEAR}
    return Learned(
        np.array(facts["labels"], dtype=object),
        arrays["counts"],
        facts["notes"],
        frozenset(facts["outside"]),
        Forms(**{f.name: arrays[f"forms.{f.name}"] for f in fields(Forms)}),
        WordingIndex(**index, shares=_matrix("remembered.shares", arrays)),
        Linear(**linear, notes=_matrix("linear.notes", arrays)),
    )


def _sparse(name: str, matrix: sparse.csr_matrix) -> Arrays:
    shape = np.array(matrix.shape, dtype=np.int64)
    return {
        f"{name}.data": matrix.data, f"{name}.indices": matrix.indices.astype(np.int32),
        f"{name}.starts": matrix.indptr.astype(np.int64), f"{name}.shape": shape,
    }  # fmt: skip


def _matrix(name: str, arrays: Mapping[str, npt.NDArray[Any]]) -> sparse.csr_matrix:
    parts = (arrays[f"{name}.data"], arrays[f"{name}.indices"], arrays[f"{name}.starts"])
    return sparse.csr_matrix(parts, shape=tuple(int(n) for n in arrays[f"{name}.shape"]))
