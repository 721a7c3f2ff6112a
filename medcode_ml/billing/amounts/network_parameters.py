"""The choices of the amount network, and what a tuning may move.

Small and slow on purpose: the cases of a hospital share most columns, and a greater network learns hospitals by heart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from medcode_ml.models.limits import Limits, check_names, check_numbers, check_whole
from medcode_ml.models.tuning import Real, Space, Whole


class NetworkParameterError(ValueError):
    """A choice of the network is unknown or out of range; the message says which and what to choose."""


@dataclass(frozen=True, slots=True)
class NetworkParameters:
    """Choices of the amount network.

    Attributes:
        epochs: passes over the cases. batch: cases of a step. learning_rate: its greatest. decay: of the weights.
        hidden: units of the first layer, twice those of the second. embedding: width of every embedding.
        dropout: share of inputs and units left out. unknown: share of states and regions hidden while fitting.
    """

    epochs: int = 3
    batch: int = 512
    learning_rate: float = 0.0005
    decay: float = 1.0
    hidden: int = 32
    embedding: int = 4
    dropout: float = 0.3
    unknown: float = 0.2

    def __post_init__(self) -> None:
        """Refuse a choice that cannot be fitted."""
        whole = {"epochs": 1, "batch": 1, "hidden": 2, "embedding": 1}
        check_whole(self, whole, NetworkParameterError, "network.")
        part, share = Limits(least=0, below=1), Limits(above=0, most=1)
        numbers = {"dropout": part, "unknown": part, "learning_rate": share, "decay": share}
        check_numbers(self, numbers, NetworkParameterError, "network.")

    def facts(self) -> dict[str, Any]:
        """The choices as JSON."""
        return asdict(self)

    @staticmethod
    def of(given: Mapping[str, Any]) -> NetworkParameters:
        """The choices of `given` over the defaults.

        Raises:
            NetworkParameterError: a name that is none of the choices, or a value out of range.
        """
        check_names(given, (f.name for f in fields(NetworkParameters)), "the network", NetworkParameterError)
        return NetworkParameters(**given)


SPACE: Final[Space] = {
    "learning_rate": Real(0.0001, 0.003, log=True),
    "decay": Real(0.01, 1.0, log=True),
    "dropout": Real(0.0, 0.5),
    "hidden": Whole(8, 96, log=True),
    "epochs": Whole(1, 8),
}
