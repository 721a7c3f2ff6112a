"""Every choice of a training of the coding model, with what may be tuned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from medcode_ml.coding.reranker import RerankerParameters


class TrainingParameterError(ValueError):
    """A parameter of the training is unknown or out of range."""


@dataclass(frozen=True, slots=True)
class TrainingParameters:
    """Choices of one training.

    Attributes:
        seed: of folds, trees and network.
        folds: parts of the training charts; each part's proposals come from what the others teach.
        network_folds: parts in which the network is fitted out of fold, for the blend and the calibration.
        use_network: without it the re-ranker scores alone.
        precision, confidence: what the auto band promises. loss: share of true codes that the drop band may lose.
        reranker, network: choices of the two scorers; those of the network that are not named keep its defaults.
    """

    seed: int = 20261122
    folds: int = 10
    network_folds: int = 5
    use_network: bool = True
    precision: float = 0.95
    confidence: float = 0.90
    loss: float = 0.02
    reranker: RerankerParameters = field(default_factory=RerankerParameters)
    network: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a choice that no training can use, before the first chart is read."""
        for name, least in (("seed", 0), ("folds", 2), ("network_folds", 2)):
            _at_least(name, getattr(self, name), least)
        if not isinstance(self.use_network, bool):
            raise TrainingParameterError(f"use_network is {self.use_network!r}: choose true or false")
        for name in ("precision", "confidence", "loss"):
            value = getattr(self, name)
            if isinstance(value, bool) or not 0 < value < 1:
                raise TrainingParameterError(f"{name} is {value}: choose a number between 0 and 1")
        for name, least in (("rounds", 1), ("leaves", 2), ("least", 1)):
            _at_least(f"reranker.{name}", getattr(self.reranker, name), least)
        for name, value in (("learning_rate", self.reranker.learning_rate), ("columns", self.reranker.columns)):
            if isinstance(value, bool) or not 0 < value <= 1:
                raise TrainingParameterError(f"reranker.{name} is {value}: choose a number above 0, at most 1")
        if isinstance(self.reranker.l2, bool) or not self.reranker.l2 >= 0:
            raise TrainingParameterError(f"reranker.l2 is {self.reranker.l2}: choose a number from 0 on")

    def facts(self) -> dict[str, Any]:
        """The choices as JSON."""
        return asdict(self)

    @staticmethod
    def of(given: Mapping[str, Any], base: TrainingParameters | None = None) -> TrainingParameters:
        """`base`, the defaults without one, with `given` over it; "reranker.leaves" names a choice of a scorer.

        Raises:
            TrainingParameterError: a name that is none of the choices.
        """
        chosen = base or TrainingParameters()
        known = {f.name for f in fields(TrainingParameters)} - {"reranker", "network"}
        for name, value in given.items():
            first, _, rest = name.partition(".")
            if first == "reranker" and rest in {f.name for f in fields(RerankerParameters)}:
                chosen = replace(chosen, reranker=replace(chosen.reranker, **{rest: value}))
            elif first == "network" and rest in _network_names():
                chosen = replace(chosen, network={**chosen.network, rest: value})
            elif name in known:
                chosen = replace(chosen, **{name: value})
            else:
                raise TrainingParameterError(
                    f"the training has no parameter {name!r}; it has {', '.join(sorted(known))}, "
                    "reranker.<name> and network.<name>"
                )
        return chosen


def _at_least(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise TrainingParameterError(f"{name} is {value}: choose a whole number from {least} on")


def _network_names() -> frozenset[str]:
    from medcode_ml.coding.network.parameters import NetworkParameters

    return frozenset(f.name for f in fields(NetworkParameters))


def tuning_space(p: TrainingParameters) -> dict[str, Any]:
    """What `--tune` moves, by the names that `TrainingParameters.of` knows."""
    from medcode_ml.models.tuning import Real, Whole

    space: dict[str, Any] = {
        "reranker.leaves": Whole(8, 63, log=True),
        "reranker.least": Whole(10, 120, log=True),
        "reranker.columns": Real(0.15, 0.7),
        "reranker.l2": Real(1.0, 60.0, log=True),
        "reranker.rounds": Whole(80, 400, log=True),
    }
    if p.use_network:
        space |= {
            "network.dropout": Real(0.1, 0.4),
            "network.text_dropout": Real(0.2, 0.6),
            "network.learning_rate": Real(5e-4, 5e-3, log=True),
            "network.weight_decay": Real(0.01, 0.5, log=True),
        }
    return space
