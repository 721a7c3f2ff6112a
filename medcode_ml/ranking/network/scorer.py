"""The fitted weights as numpy arrays: scores and what decided them, without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from medcode_ml.models.manifest import ModelFolderError
from medcode_ml.ranking.knowledge import FloatArray, IntArray

Decision = Literal["principal", "order"]
INPUT_LIMIT: Final = 4.0
"""Standard deviations from its mean beyond which the layer takes a column for no further away."""
_TEXTS: Final = ("names", "hospitals")
_COLUMN: Final[Mapping[Decision, int]] = {"principal": 0, "order": 1}
_ROWS_AT_ONCE: Final = 65_536

Values = npt.NDArray[np.floating]


class NetworkWeightsError(ValueError):
    """The values have other columns than the network was fitted on."""


@dataclass(frozen=True)
class NetworkWeights:
    """A fitted network of `m` columns, `k` of them with habits of `h` hospitals, and a layer of `u` units (0: none).

    Attributes:
        names: the columns. hospitals: whose habits are known, in the order of `habits`.
        principal, order: float64 (m,), the weights of the two decisions.
        habit_columns: int64 (k,), places of the columns with habits. habits: float64 (h, k), what the hospital adds to
            the weight of the principal's choice.
        centre, scale: float64 (m,), the layer sees (value - centre) * scale, within INPUT_LIMIT.
        into, bias, out: float64 (m, u), (u,) and (u, 2), the layer with rectified units; its second axis out is
            principal, order.
    """

    names: tuple[str, ...]
    hospitals: tuple[str, ...]
    principal: FloatArray
    order: FloatArray
    habit_columns: IntArray
    habits: FloatArray
    centre: FloatArray
    scale: FloatArray
    into: FloatArray
    bias: FloatArray
    out: FloatArray

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All of it as arrays for `tensor_file`; texts as the bytes of a JSON list."""
        held: dict[str, npt.NDArray[Any]] = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in _TEXTS:
            held[name] = np.frombuffer(json.dumps(list(getattr(self, name))).encode(), dtype=np.uint8)
        return held

    @staticmethod
    def from_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> NetworkWeights:
        """The weights from what `arrays` gave.

        Raises:
            ModelFolderError: the arrays are not those of a ranking network.
        """
        wanted = [f.name for f in fields(NetworkWeights)]
        if missing := [name for name in wanted if name not in arrays]:
            raise ModelFolderError(
                f"the weights of the ranking network lack {', '.join(missing)}: copy the model folder again from "
                "where it was made, or train anew"
            )
        held: dict[str, Any] = {name: arrays[name] for name in wanted}
        for name in _TEXTS:
            held[name] = tuple(json.loads(arrays[name].tobytes().decode()))
        return NetworkWeights(**held)

    def hospital_numbers(self, hospitals: Sequence[str | None]) -> IntArray:
        """Number of each of `hospitals` among those whose habits are known, -1 for others; same length."""
        number = {name: i for i, name in enumerate(self.hospitals)}
        return np.array([-1 if name is None else number.get(name, -1) for name in hospitals], dtype=np.int64)

    def principal_scores(self, values: Values, hospital: IntArray | None = None) -> FloatArray:
        """Log-odds, but for a constant of the encounter, of being the principal; shape (n,).

        Args:
            values: float (n, m). hospital: int (n,) as `hospital_numbers` gives; None where no habits are to count.
        """
        found = self._additive(values, "principal")
        if hospital is not None and self.habits.size:
            known = hospital >= 0
            own = values[known][:, self.habit_columns]
            found[known] += np.einsum("nk,nk->n", own, self.habits[hospital[known]])
        return found + self._layer(values, "principal")

    def order_scores(self, values: Values) -> FloatArray:
        """Scores of `values`, float (n, m), for the order after the principal; shape (n,)."""
        return self._additive(values, "order") + self._layer(values, "order")

    def contributions(self, values: Values, hospital: IntArray | None = None) -> FloatArray:
        """What each column adds to the principal's score, shape (n, m); with `occlusion` beside it where a layer is.

        Exact: without a layer the sum over the columns is the score.
        """
        found: FloatArray = values * self.principal
        if hospital is not None and self.habits.size:
            known = np.flatnonzero(hospital >= 0)
            own = values[known][:, self.habit_columns] * self.habits[hospital[known]]
            found[np.ix_(known, self.habit_columns)] += own
        return found

    def order_contributions(self, values: Values) -> FloatArray:
        """The same for the order's score."""
        found: FloatArray = values * self.order
        return found

    def occlusion(self, values: Values, decision: Decision = "principal") -> FloatArray:
        """By how much the layer's part of the score falls when one column is put to its mean, shape (n, m).

        All 0 without a layer. Unlike `contributions` these do not add up: columns stand in for each other.
        """
        found: FloatArray = np.zeros((len(values), len(self.names)))
        if not self.bias.size:
            return found
        out = self.out[:, _COLUMN[decision]]
        seen = self._seen(values)
        before = seen @ self.into + self.bias
        whole = np.maximum(before, 0.0) @ out
        for column in range(len(self.names)):
            without = before - seen[:, column, None] * self.into[column]
            found[:, column] = whole - np.maximum(without, 0.0) @ out
        return found

    def _additive(self, values: Values, decision: Decision) -> FloatArray:
        if values.shape[1:] != (len(self.names),):
            raise NetworkWeightsError(
                f"values of shape {values.shape} do not fit the {len(self.names)} columns that the ranking network "
                "was fitted on: train it anew with this version"
            )
        weights = self.principal if decision == "principal" else self.order
        found: FloatArray = np.asarray(values @ weights, dtype=np.float64)
        return found

    def _seen(self, values: Values) -> FloatArray:
        seen: FloatArray = np.clip((values - self.centre) * self.scale, -INPUT_LIMIT, INPUT_LIMIT)
        return seen

    def _layer(self, values: Values, decision: Decision) -> FloatArray:
        found: FloatArray = np.zeros(len(values))
        if not self.bias.size:
            return found
        out = self.out[:, _COLUMN[decision]]
        for start in range(0, len(values), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            found[rows] = np.maximum(self._seen(values[rows]) @ self.into + self.bias, 0.0) @ out
        return found
