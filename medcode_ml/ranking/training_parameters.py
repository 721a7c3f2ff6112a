"""Every choice of a training of the ranking model, with what may be tuned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from medcode_ml.models.limits import Limits, check_numbers, check_whole
from medcode_ml.models.tuning import Space
from medcode_ml.ranking.network.parameters import NetworkParameters, tuning_space


class TrainingParameterError(ValueError):
    """A parameter of the training is unknown or out of range."""


@dataclass(frozen=True, slots=True)
class TrainingParameters:
    """Choices of one training.

    Attributes:
        seed: of folds and trees.
        folds: parts of the patients; what is measured and calibrated was scored by a model of the other parts.
        rivals: fit boosted trees on the same folds and take them where they are better beyond chance.
        error: share of wrong principals that is allowed among the encounters that go on without review.
        confidence: of that promise.
        network: choices of the network.
    """

    seed: int = 20261122
    folds: int = 5
    rivals: bool = True
    error: float = 0.10
    confidence: float = 0.90
    network: NetworkParameters = field(default_factory=NetworkParameters)

    def __post_init__(self) -> None:
        """Refuse a choice that no training can use, before the first stay is read."""
        check_whole(self, {"seed": 0, "folds": 2}, TrainingParameterError)
        if not isinstance(self.rivals, bool):
            raise TrainingParameterError(f"rivals is {self.rivals!r}: choose true or false")
        share = Limits(above=0, below=1)
        check_numbers(self, {"error": share, "confidence": share}, TrainingParameterError)

    def facts(self) -> dict[str, Any]:
        """The choices as JSON."""
        return asdict(self)

    @staticmethod
    def of(given: Mapping[str, Any], base: TrainingParameters | None = None) -> TrainingParameters:
        """`base`, the defaults without one, with `given` over it; "network.ridge" names a choice of the network.

        Raises:
            TrainingParameterError, NetworkParameterError: a name that is none of the choices, or out of range.
        """
        chosen = base or TrainingParameters()
        known = {f.name for f in fields(TrainingParameters)} - {"network"}
        for name, value in given.items():
            first, _, rest = name.partition(".")
            if first == "network" and rest:
                network = NetworkParameters.of({**chosen.network.facts(), rest: value})
                chosen = replace(chosen, network=network)
            elif name in known:
                chosen = replace(chosen, **{name: value})
            else:
                raise TrainingParameterError(
                    f"the training has no parameter {name!r}; it has {', '.join(sorted(known))} and network.<name>"
                )
        return chosen


def space_of(p: TrainingParameters) -> Space:
    """What `--tune` moves, by the names that `TrainingParameters.of` knows."""
    return {f"network.{name}": held for name, held in tuning_space(p.network).items()}
