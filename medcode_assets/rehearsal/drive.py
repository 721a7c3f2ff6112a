"""A rehearsal from its first day to its last: the hospital's part is done here, everything else by the daemon."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from medcode_assets.rehearsal.place import Place
from medcode_assets.rehearsal.plan import Plan, RehearsalError
from medcode_ml.settings import settings

if TYPE_CHECKING:
    import dagster as dg
    from dagster._core.workspace.context import WorkspaceProcessContext

    from medcode_assets.rehearsal.daemon import Processes
    from medcode_assets.rehearsal.idle import State

HISTORY, TAUGHT = "history", "champion"


def take_environment(plan: Plan, place: Place) -> None:
    """Make the environment of the rehearsal that of this process: what follows works on its home alone."""
    wanted = place.environment(plan, os.environ)
    os.environ.clear()
    os.environ.update(wanted)
    settings.cache_clear()


def rehearse(plan: Plan, place: Place, say: Callable[[str], None], *, patience: float) -> None:
    """Hold the rehearsal in the folder that was entered, from where it was cut; this process has its environment.

    Args:
        plan: what is rehearsed. place: its folder. say: told what is being done.
        patience: seconds in which the daemon must get on.

    Raises:
        RehearsalError: a night failed, or the daemon stopped.
        RunFailedError: the first champion could not be trained, or failed a gate.
    """
    from medcode_ml.simulation.delivery import write_delivery

    write_delivery(plan.network(), place.network, progress=sys.stderr.isatty())
    prepare_instance()
    _teach_first_champion(plan, place, say)
    waiting = [day for day in plan.nights if not place.is_done(_night(day))]
    if not waiting:
        return
    import dagster as dg

    from medcode_assets.definitions import defs
    from medcode_assets.rehearsal.daemon import daemon_at_work

    loaded = defs()
    with dg.DagsterInstance.get() as instance, _signals_end_it():
        instance.optimize_for_webserver(statement_timeout=600_000, pool_recycle=3600, max_overflow=20)
        say(f"the daemon works from now on; {len(waiting)} nights of {len(plan.nights)} to come")
        with daemon_at_work(instance, place.logs, os.environ) as (processes, workspace):
            close_cut_runs(instance)
            _nights(plan, place, waiting, instance, loaded, processes, workspace, patience)


def prepare_instance() -> None:
    """Start the database of the rehearsal and point Dagster at its own instance."""
    from medcode_assets.instance import prepare

    prepare()


def _teach_first_champion(plan: Plan, place: Place, say: Callable[[str], None]) -> None:
    """The days that are history when the rehearsal begins, and the model that is made of them."""
    from medcode_assets.runner import run_lineage
    from medcode_ml.models.warehouse.stages import champion_version
    from medcode_ml.store.database import engine
    from medcode_ml.store.frames import days_of

    first, last = plan.first_day, plan.learned_until
    if not place.is_done(HISTORY):
        for day in days_of(first, last):
            place.deliver(day)
        say(f"the lineage of {first} to {last}")
        run_lineage(first, last)
        place.done(HISTORY)
    if not place.is_done(TAUGHT):
        if champion_version(engine(), "coding") is None:
            say("the first champion, by coding_model_job")
            run_lineage(first, last, "coding_model_job", {"coding_model": {"parameters": dict(plan.parameters)}})
        version = champion_version(engine(), "coding")
        if version is None:
            raise RehearsalError(
                "no coding model is in use after its training: see `medcode ui` on the rehearsal's home"
            )
        say(f"champion {version}")
        place.done(TAUGHT)


def _nights(
    plan: Plan,
    place: Place,
    waiting: list[date],
    instance: dg.DagsterInstance,
    defs: dg.Definitions,
    processes: Processes,
    workspace: WorkspaceProcessContext,
    patience: float,
) -> None:
    from medcode_assets.rehearsal.daemon import LOCATION
    from medcode_assets.rehearsal.idle import wait_until_idle
    from medcode_assets.rehearsal.nights import ask, nightly_request

    sensors = standing_sensors(defs)
    done = len(plan.nights) - len(waiting)
    with tqdm(total=len(plan.nights), initial=done, unit="night", disable=not sys.stderr.isatty()) as bar:

        def wait(since: float, what: str) -> None:
            def said(state: State) -> None:
                bar.set_description(f"{what}: {state}"[:70])

            wait_until_idle(instance, sensors, since, alive=processes.check, patience=patience, said=said)

        # the automation must have seen the days that are history before a new one comes
        wait(time.time(), "daemon")
        for day in waiting:
            place.deliver(day)
            asked = time.time()
            run = ask(workspace, nightly_request(defs, day), LOCATION)
            wait(asked, day.isoformat())
            check_night(instance, run, day)
            place.done(_night(day))
            bar.update()


def standing_sensors(defs: dg.Definitions) -> Collection[str]:
    """Names of the sensors that look by themselves once a daemon runs."""
    import dagster as dg

    found = defs.get_repository_def().sensor_defs
    return frozenset(s.name for s in found if s.default_status == dg.DefaultSensorStatus.RUNNING)


def check_night(instance: dg.DagsterInstance, run_id: str, day: date) -> None:
    """See that the nightly run of a day ended well.

    Raises:
        RehearsalError: it failed; the loop cannot be judged on a day that is missing.
    """
    import dagster as dg

    run = instance.get_run_by_id(run_id)
    if run is None or run.status != dg.DagsterRunStatus.SUCCESS:
        stood = "is gone" if run is None else f"ended as {run.status.value}"
        raise RehearsalError(
            f"the nightly run of {day} {stood} (run {run_id}): see `medcode ui` on the rehearsal's home"
        )


def close_cut_runs(instance: dg.DagsterInstance) -> None:
    """Runs in hand when a rehearsal was cut would stand as running for ever; their night is asked for again."""
    import dagster as dg

    from medcode_assets.runner import IN_HAND

    for run in instance.get_runs(dg.RunsFilter(statuses=IN_HAND)):
        instance.report_run_failed(run, message="the rehearsal was cut while this run was in hand")


@contextmanager
def _signals_end_it() -> Iterator[None]:
    """SIGTERM and a closed terminal end the rehearsal as Ctrl-C does: with its daemon."""

    def end(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _night(day: date) -> str:
    return f"night-{day.isoformat()}"
