"""Tuning: the search for parameters over a space given as data, by Optuna, resumable.

A study lies in the database of the lineage, where any number of processes work on it, or in a SQLite file where there
is no database. Whoever tunes the same thing on the same data works on the same study.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import sqlalchemy as sa
from tqdm import tqdm

from medcode_ml.logs import logger
from medcode_ml.models.studies import HEARTBEAT, TuningError, open_study

if TYPE_CHECKING:
    import optuna

_FRUITLESS: Final = 3
"""After so many failed trials and none that went well, the search stops: the fault is not in the parameters."""


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
    storage: Path | sa.Engine,
    *,
    key: str,
    seed: int = 0,
    direction: Literal["maximize", "minimize"] = "maximize",
    start: Mapping[str, Any] | None = None,
    progress: bool = False,
    heartbeat: int = HEARTBEAT,
) -> Tuned:
    """Try `trials` sets of parameters and return the best; the trials of an earlier call and of other processes count.

    `objective` is given parameters and `report`, and returns the figure. The study stands in `storage` under a name
    made of `key` (what the data and the objective are, for example a hash), the space and the direction: a change of
    any begins anew. `start` is tried first (the parameters that are used without tuning). A trial that raises is
    counted as failed and logged by its error's type. In a database every trial is one process's; a process that was
    killed is found out by its heartbeat, its trial counted as failed and tried again; who is done waits for the others.
    In a file an interrupted trial is tried no further.

    Args:
        objective: what is tuned.
        space: names and ranges.
        trials: of all processes together.
        storage: a SQLite file, or the engine of a database, whose schema `optuna` holds the study.
        key: what data and objective are.
        seed: of the sampler.
        direction: what is better.
        start: tried first.
        progress: show a bar of this process's trials.
        heartbeat: seconds between two signs of life; after four without one a trial counts as killed.

    Raises:
        TuningError: an empty space, no trial went well, or the database takes no study.
    """
    if not space or trials < 1:
        raise TuningError("there is nothing to tune: give a space of at least one parameter and at least one trial")
    said = json.dumps([key, space_facts(space), direction], sort_keys=True)
    desk = open_study(storage, hashlib.sha256(said.encode()).hexdigest()[:16], direction, heartbeat)
    with desk.turn():
        before = desk.study.get_trials(deepcopy=False)
        if start is not None and not before:
            desk.study.enqueue_trial({name: start[name] for name in space})
    left = trials - sum(trial.state.name in ("COMPLETE", "PRUNED") for trial in before)
    tried = 0
    reasons: list[str] = []
    with tqdm(total=max(left, 0), desc="tuning", unit="trial", disable=not progress) as bar:
        while tried < left and (len(reasons) < _FRUITLESS or _count(desk.study, "COMPLETE")):
            trial = desk.next_trial(trials, seed)
            if trial is None:
                break
            with desk.beating(trial):
                _try(desk.study, trial, objective, space, reasons)
            tried += 1
            bar.update()
    if not _count(desk.study, "COMPLETE"):
        first = reasons[0] if reasons else "all were pruned"
        raise TuningError(f"no trial of the tuning went well; the first error: {first}")
    desk.wait()
    study = desk.study
    return Tuned(
        dict(study.best_params),
        float(study.best_value),
        _count(study, "COMPLETE"),
        _count(study, "PRUNED"),
        _count(study, "FAIL"),
    )


def _try(study: optuna.Study, trial: optuna.Trial, objective: Objective, space: Space, reasons: list[str]) -> None:
    """Run one trial and tell the study how it ended; an error's message goes to `reasons`."""
    import optuna

    def report(value: float, step: int) -> None:
        trial.report(value, step)
        if trial.should_prune():
            raise optuna.TrialPruned

    try:
        value = float(objective({name: _drawn(trial, name, held) for name, held in space.items()}, report))
        if not math.isfinite(value):
            raise ValueError(f"the figure is {value}")
    except optuna.TrialPruned:
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    except Exception as failed:
        reasons.append(f"{type(failed).__name__}: {failed}")
        # its message may hold what the data holds: only its type is logged
        logger(__name__).warning("trial %d failed: %s", trial.number, type(failed).__name__)
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
    else:
        study.tell(trial, value)


def _count(study: optuna.Study, state: str) -> int:
    return sum(trial.state.name == state for trial in study.get_trials(deepcopy=False))


def _drawn(trial: optuna.Trial, name: str, held: Real | Whole | Choice) -> Any:
    if isinstance(held, Real):
        return trial.suggest_float(name, held.low, held.high, log=held.log)
    if isinstance(held, Whole):
        return trial.suggest_int(name, held.low, held.high, log=held.log)
    return trial.suggest_categorical(name, held.options)
