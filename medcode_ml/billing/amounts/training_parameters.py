"""Every choice of a training of the amount model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from medcode_ml.billing.amounts.network_parameters import SPACE, NetworkParameters
from medcode_ml.billing.amounts.trees import TreeParameters
from medcode_ml.models.tuning import Space


class AmountTrainingParameterError(ValueError):
    """A parameter of the training is unknown or out of range."""


@dataclass(frozen=True, slots=True)
class AmountTrainingParameters:
    """Choices of one training.

    Attributes:
        seed: of folds, network and trees.
        folds: parts of the hospitals; what is compared and calibrated was said by contenders of the other parts.
        steps: of the search for the variances of the levels' kernels.
        network, trees: choices of the contenders.
    """

    seed: int = 20261122
    folds: int = 4
    steps: int = 30
    network: NetworkParameters = field(default_factory=NetworkParameters)
    trees: TreeParameters = field(default_factory=TreeParameters)

    def __post_init__(self) -> None:
        """Refuse a choice that no training can use."""
        for name, least in (("seed", 0), ("folds", 2), ("steps", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise AmountTrainingParameterError(f"{name} is {value!r}: choose a whole number from {least} on")

    def facts(self) -> dict[str, Any]:
        """The choices as JSON."""
        return asdict(self)

    @staticmethod
    def of(given: Mapping[str, Any], base: AmountTrainingParameters | None = None) -> AmountTrainingParameters:
        """`base`, the defaults without one, with `given` over it; "network.hidden" names a choice of the network.

        Raises:
            AmountTrainingParameterError, NetworkParameterError, TreeParameterError: a name that is none of the
                choices, or a value out of range.
        """
        chosen = base or AmountTrainingParameters()
        known = {f.name for f in fields(AmountTrainingParameters)} - {"network", "trees"}
        for name, value in given.items():
            first, _, rest = name.partition(".")
            if first == "network" and rest:
                chosen = replace(chosen, network=NetworkParameters.of({**chosen.network.facts(), rest: value}))
            elif first == "trees" and rest:
                chosen = replace(chosen, trees=TreeParameters.of({**chosen.trees.facts(), rest: value}))
            elif name in known:
                chosen = replace(chosen, **{name: value})
            else:
                raise AmountTrainingParameterError(
                    f"the training has no parameter {name!r}; it has {', '.join(sorted(known))}, network.<name> and "
                    "trees.<name>"
                )
        return chosen


TUNED: Space = {f"network.{name}": held for name, held in SPACE.items()}
"""What `--tune` moves, by the names that `AmountTrainingParameters.of` knows."""
