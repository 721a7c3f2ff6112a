"""Every choice of the network in one place; the defaults suit some hundred stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from medcode_ml.models.limits import Limits, check_names, check_numbers, check_whole
from medcode_ml.models.tuning import Choice, Real, Space, Whole

LOSS_NAMES: Final = ("approx_ndcg", "lambda", "listmle", "softmax")
"""The losses of `losses.LOSSES`, named here because that imports torch."""


class NetworkParameterError(ValueError):
    """A choice of the network is unknown or out of range; the message says which and what to choose."""


@dataclass(frozen=True, slots=True)
class NetworkParameters:
    """Choices of one network.

    Attributes:
        loss: loss of the order after the principal, one of `LOSS_NAMES`.
        order_weight: weight of that loss beside the principal's.
        ridge: how firmly the weights are held at the guidelines', whatever the number of stays: a column that varies by
            one within stays comes half way to what they say with about three times as many stays as this number.
        least_spread: least standard deviation within a stay by which a column's weight is held. Without it a weight
            that hardly any stay speaks of would be nearly free.
        habit_ridge: the same for what a hospital does otherwise than the others.
        hidden: units of the layer that learns what a sum of columns cannot say; 0 leaves the model a sum.
        dropout, learning_rate, batch: of that layer; `batch` in stays.
        epochs: most passes of 20 steps of L-BFGS for the sum, which ends earlier when nothing is left to gain, and
            passes over the stays for the layer.
        seed: of the layer's first weights, its dropout and the shuffling; the sum is the same with every seed.
    """

    loss: str = "listmle"
    order_weight: float = 1.0
    ridge: float = 80.0
    least_spread: float = 0.3
    habit_ridge: float = 30.0
    hidden: int = 0
    dropout: float = 0.2
    learning_rate: float = 3e-3
    epochs: int = 15
    batch: int = 64
    seed: int = 20261122

    def __post_init__(self) -> None:
        """Refuse a choice that no fitting can use, before the first stay is read."""
        if self.loss not in LOSS_NAMES:
            raise NetworkParameterError(f"loss is {self.loss!r}: choose one of {', '.join(LOSS_NAMES)}")
        check_whole(self, {"hidden": 0, "epochs": 1, "batch": 1, "seed": 0}, NetworkParameterError)
        limits = dict.fromkeys(("order_weight", "ridge", "least_spread", "habit_ridge"), Limits(least=0))
        limits |= {"dropout": Limits(least=0, below=1), "learning_rate": Limits(above=0)}
        check_numbers(self, limits, NetworkParameterError)

    def facts(self) -> dict[str, Any]:
        """The choices as JSON."""
        return asdict(self)

    @staticmethod
    def of(given: Mapping[str, Any]) -> NetworkParameters:
        """The choices of `given` over the defaults.

        Raises:
            NetworkParameterError: a name that is none of the choices, or a value out of range.
        """
        names = (f.name for f in fields(NetworkParameters))
        check_names(given, names, "the ranking network", NetworkParameterError)
        return NetworkParameters(**given)


def tuning_space(p: NetworkParameters) -> Space:
    """What a tuning moves, by the names that `NetworkParameters.of` knows; the layer only where `p` has one."""
    space: dict[str, Real | Whole | Choice] = {
        "loss": Choice(LOSS_NAMES),
        "order_weight": Real(0.1, 30.0, log=True),
        "ridge": Real(10.0, 1000.0, log=True),
        "habit_ridge": Real(10.0, 1000.0, log=True),
    }
    if p.hidden:
        space |= {
            "hidden": Whole(4, 32, log=True),
            "dropout": Real(0.0, 0.5),
            "learning_rate": Real(5e-4, 1e-2, log=True),
        }
    return space
