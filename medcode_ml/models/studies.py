"""Where a study of Optuna stands: a SQLite file, or schema `optuna` of a PostgreSQL that many processes share.

In the database a process takes a trial while it holds the study's lock, so that no more are tried than were asked for
and none twice, and gives a sign of life while it tries it.
"""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import sqlalchemy as sa

from medcode_ml.store.turns import take_turn

if TYPE_CHECKING:
    import optuna

SCHEMA: Final = "optuna"
HEARTBEAT: Final = 15
"""Seconds between two signs of life of a trial."""
_MISSED: Final = 4  # signs of life in a row
_RETRIES: Final = 2
_LOOK_EVERY: Final = 1.0


class TuningError(RuntimeError):
    """No trial went well, the space is none, or the database takes no study; the message says which."""


@dataclass(frozen=True)
class Desk:
    """A study, and how processes take turns at it; without an engine there is one process alone."""

    study: optuna.Study
    storage: Any
    engine: sa.Engine | None
    heartbeat: int

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Only one process at a time looks and takes."""
        if self.engine is None:
            yield
            return
        with self.engine.begin() as connection:
            take_turn(connection, f"{SCHEMA}:{self.study.study_name}")
            yield

    def next_trial(self, trials: int, seed: int) -> optuna.Trial | None:
        """A trial of `trials` that nobody has, parameters not yet drawn; None where all are taken or done.

        Where others still work on the last ones it waits: one that dies leaves its trial to be tried again.
        """
        import optuna

        while True:
            with self.turn():
                self._sweep()
                states = [trial.state.name for trial in self.study.get_trials(deepcopy=False)]
                taken = sum(state in ("COMPLETE", "PRUNED", "RUNNING") for state in states)
                if taken < trials:
                    # a resumed search that drew with the same seed again would begin with the same trials, and so would
                    # two processes
                    drawn = sum(state != "WAITING" for state in states)
                    self.study.sampler = optuna.samplers.TPESampler(seed=seed + drawn)
                    with warnings.catch_warnings():
                        # signs of life are given in `beating`
                        warnings.filterwarnings("ignore", message="Heartbeat of storage")
                        trial = self.study.ask()
                    if self.engine is not None:
                        self.storage.record_heartbeat(self._id(trial))
                    return trial
            if self.engine is None or "RUNNING" not in states:
                return None
            time.sleep(_LOOK_EVERY)

    def wait(self) -> None:
        """Wait until no other process works on a trial."""
        while self.engine is not None:
            with self.turn():
                self._sweep()
                if not any(trial.state.name == "RUNNING" for trial in self.study.get_trials(deepcopy=False)):
                    return
            time.sleep(_LOOK_EVERY)

    @contextmanager
    def beating(self, trial: optuna.Trial) -> Iterator[None]:
        """Give signs of life while a trial is tried."""
        if self.engine is None:
            yield
            return
        over = threading.Event()
        beat: Callable[[int], None] = self.storage.record_heartbeat
        number = self._id(trial)

        def run() -> None:
            while not over.wait(self.heartbeat):
                beat(number)

        thread = threading.Thread(target=run, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _id(self, trial: optuna.Trial) -> int:
        of = self.storage.get_study_id_from_name(self.study.study_name)
        return int(self.storage.get_trial_id_from_study_id_trial_number(of, trial.number))

    def _sweep(self) -> None:
        """Trials whose process is gone count as failed; in a database they are put down to be tried again."""
        import optuna

        if self.engine is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                optuna.storages.fail_stale_trials(self.study)


def open_study(
    storage: Path | sa.Engine, name: str, direction: Literal["maximize", "minimize"], heartbeat: int = HEARTBEAT
) -> Desk:
    """The study `name`, made where there is none.

    Raises:
        TuningError: the account may not make the schema.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    shared = storage if isinstance(storage, sa.Engine) else None
    if isinstance(storage, Path):
        storage.parent.mkdir(parents=True, exist_ok=True)
        held: Any = optuna.storages.RDBStorage(f"sqlite:///{storage.resolve()}")
    else:
        held = _in_database(storage, heartbeat)
    study = optuna.create_study(
        study_name=name,
        storage=held,
        direction=direction,
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=1),
    )
    if shared is None:
        # nobody else works on a file: what runs there was cut short
        for one in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
            study.tell(one.number, state=optuna.trial.TrialState.FAIL)
    return Desk(study, held, shared, heartbeat)


def _in_database(engine: sa.Engine, heartbeat: int) -> Any:
    import optuna

    try:
        with engine.begin() as connection, warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            # Optuna makes its tables when it is first asked: one process at a time
            take_turn(connection, f"{SCHEMA}:{SCHEMA}")
            with engine.begin() as made:
                if made.dialect.has_schema(made, SCHEMA) is False:
                    made.execute(sa.schema.CreateSchema(SCHEMA))
            return optuna.storages.RDBStorage(
                engine.url.render_as_string(hide_password=False),
                engine_kwargs={"connect_args": {"options": f"-csearch_path={SCHEMA}"}, "pool_pre_ping": True},
                heartbeat_interval=heartbeat,
                grace_period=_MISSED * heartbeat,
                heartbeat_stale_trial_callback=optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=_RETRIES),
            )
    except sa.exc.ProgrammingError as refused:
        raise TuningError(
            f"this account may not make schema {SCHEMA} for studies in the database: tune once with the account that "
            "owns the tables, or have it made"
        ) from refused
