"""Tuning: the search for parameters over a space given as data, by Optuna, resumable from its SQLite file."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from tqdm import tqdm

from medcode_ml.logs import logger

if TYPE_CHECKING:
    import optuna

_FRUITLESS: Final = 3
"""After so many failed trials and none that went well, the search stops: the fault is not in the parameters."""


class TuningError(RuntimeError):
    """No trial went well, or the space is not one; the message says which."""


@dataclass(frozen=True, slots=True)
class Real:
    """Real numbers from `low` to `high`, on a logarithmic scale where `log`."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True, slots=True)
class Whole:
    """Whole numbers from `low` to `high`."""

    low: int
    high: int
    log: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several texts, numbers or truth values."""

    options: tuple[str | int | float | bool, ...]


Space = Mapping[str, Real | Whole | Choice]
Report = Callable[[float, int], None]
"""Called inside an objective with a figure so far and its step; ends the trial where others were far better by then."""
Objective = Callable[[dict[str, Any], Report], float]


@dataclass(frozen=True)
class Tuned:
    """The best parameters and their figure, and how the trials ended."""

    parameters: dict[str, Any]
    value: float
    complete: int
    pruned: int
    failed: int

    def facts(self) -> dict[str, Any]:
        """The search for a manifest."""
        return asdict(self)


def space_facts(space: Space) -> dict[str, Any]:
    """The space for a manifest."""
    return {name: asdict(held) for name, held in space.items()}


def tune(
    objective: Objective,
    space: Space,
    trials: int,
    storage: Path,
    *,
    key: str,
    seed: int = 0,
    direction: Literal["maximize", "minimize"] = "maximize",
    start: Mapping[str, Any] | None = None,
    progress: bool = False,
) -> Tuned:
    """Try `trials` sets of parameters and return the best; the trials of an earlier call count.

    `objective` is given parameters and `report`, and returns the figure. The study lies in the SQLite file `storage`
    under a name made of `key` (what the data and the objective are, for example a hash), the space and the direction: a
    change of any begins anew. `start` is tried first (the parameters that are used without tuning). A trial that
    raises is counted as failed and logged by its error's type; an interrupted one is tried no further.

    Raises:
        TuningError: an empty space, or no trial went well.
    """
    import optuna

    if not space or trials < 1:
        raise TuningError("there is nothing to tune: give a space of at least one parameter and at least one trial")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    storage.parent.mkdir(parents=True, exist_ok=True)
    said = json.dumps([key, space_facts(space), direction], sort_keys=True)
    study = optuna.create_study(
        study_name=hashlib.sha256(said.encode()).hexdigest()[:16],
        storage=f"sqlite:///{storage.resolve()}",
        direction=direction,
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=1),
    )
    for one in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(one.number, state=optuna.trial.TrialState.FAIL)
    before = len(study.trials)
    # a resumed search that drew with the same seed again would begin with the same trials
    study.sampler = optuna.samplers.TPESampler(seed=seed + before)
    if start is not None and not before:
        study.enqueue_trial({name: start[name] for name in space})
    left = trials - _count(study, "COMPLETE") - _count(study, "PRUNED")
    reasons: list[str] = []
    with tqdm(total=max(left, 0), desc="tuning", unit="trial", disable=not progress) as bar:

        def told(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
            bar.update()
            if len(reasons) >= _FRUITLESS and not _count(study, "COMPLETE"):
                study.stop()

        def tried(trial: optuna.Trial) -> float:
            def report(value: float, step: int) -> None:
                trial.report(value, step)
                if trial.should_prune():
                    raise optuna.TrialPruned

            try:
                return objective({name: _drawn(trial, name, held) for name, held in space.items()}, report)
            except optuna.TrialPruned:
                raise
            except Exception as failed:
                reasons.append(f"{type(failed).__name__}: {failed}")
                # its message may hold what the data holds: only its type is logged
                logger(__name__).warning("trial %d failed: %s", trial.number, type(failed).__name__)
                raise

        if left > 0:
            study.optimize(tried, n_trials=left, catch=(Exception,), callbacks=[told])
    if not _count(study, "COMPLETE"):
        first = reasons[0] if reasons else "all were pruned"
        raise TuningError(f"no trial of the tuning went well; the first error: {first}")
    return Tuned(
        dict(study.best_params),
        float(study.best_value),
        _count(study, "COMPLETE"),
        _count(study, "PRUNED"),
        _count(study, "FAIL"),
    )


def _count(study: optuna.Study, state: str) -> int:
    return sum(trial.state.name == state for trial in study.get_trials(deepcopy=False))


def _drawn(trial: optuna.Trial, name: str, held: Real | Whole | Choice) -> Any:
    if isinstance(held, Real):
        return trial.suggest_float(name, held.low, held.high, log=held.log)
    if isinstance(held, Whole):
        return trial.suggest_int(name, held.low, held.high, log=held.log)
    return trial.suggest_categorical(name, held.options)
