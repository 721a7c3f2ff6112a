"""Running the lineage in this process, with a line for each stage as it ends."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Mapping
from datetime import date
from typing import Any

import dagster as dg
from dagster._core.utils import make_new_run_id
from tqdm import tqdm

from medcode_assets.commands.lineage import RunFailedError
from medcode_ml.settings import settings
from medcode_ml.store.processes import is_alive

PROCESS = "medcode/process"
#: of runs that have not ended
IN_HAND = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
#: of runs that a process works on
_AT_WORK = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"


def run_lineage(
    first: date, last: date, job_name: str = "lineage_job", ops: Mapping[str, Mapping[str, Any]] | None = None
) -> str:
    """Run `lineage_job`, or another job, for the received days `first` to `last` in one run; return its id.

    Args:
        first, last: received days, both included.
        job_name: of the job.
        ops: configuration of its steps, by their names.

    Raises:
        RunFailedError: a step or a blocking check failed; the message names it.
    """
    from medcode_assets.definitions import defs

    job = defs().resolve_job_def(job_name)
    steps = len(job.graph.nodes)
    run_id = make_new_run_id()
    problems: list[str] = []
    with dg.DagsterInstance.get() as instance, tqdm(total=steps, unit="stage", disable=not sys.stderr.isatty()) as bar:
        began: dict[str, float] = {}

        def follow(event: dg.EventLogEntry) -> None:
            step, kind = event.step_key or "", event.dagster_event_type
            if kind == dg.DagsterEventType.STEP_START:
                began[step] = time.monotonic()
                bar.set_description(step)
            elif kind == dg.DagsterEventType.STEP_SUCCESS:
                bar.update()
                bar.write(f"  {step:<12} {time.monotonic() - began[step]:6.1f} s", file=sys.stdout)
            elif kind == dg.DagsterEventType.STEP_FAILURE and event.dagster_event is not None:
                error = event.dagster_event.step_failure_data.error
                cause = error.cause if error is not None and error.cause is not None else error
                problems.append(f"{step}: {cause.message.strip() if cause is not None else 'failed'}")
            elif kind == dg.DagsterEventType.ASSET_CHECK_EVALUATION and event.dagster_event is not None:
                evaluation = event.dagster_event.asset_check_evaluation_data
                if not evaluation.passed:
                    problems.append(f"check {evaluation.check_name} of {evaluation.asset_key.to_user_string()} failed")

        # Without it the storage opens a connection for every event, and a run over many days writes thousands.
        instance.optimize_for_webserver(statement_timeout=600_000, pool_recycle=3600, max_overflow=20)
        close_killed_runs(instance)
        instance.add_event_listener(run_id, follow)
        result = job.execute_in_process(
            instance=instance,
            run_id=run_id,
            tags={RANGE_START: first.isoformat(), RANGE_END: last.isoformat(), PROCESS: _process()},
            run_config={
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                "ops": {step: {"config": dict(config)} for step, config in (ops or {}).items()},
            },
            # named, so that a daemon's automation knows that what a stage was fed came in the same run
            asset_selection=sorted(job.asset_layer.executable_asset_keys),
            raise_on_error=False,
        )
    if not result.success:
        raise RunFailedError("the run failed: " + "; ".join(problems or ["see `medcode ui`"]))
    return run_id


def close_killed_runs(instance: dg.DagsterInstance) -> None:
    """Close the runs in hand on this machine whose process was killed: they would stand as running for ever."""
    for run in instance.get_runs(dg.RunsFilter(statuses=_AT_WORK)):
        process = run.tags.get(PROCESS)
        if process is not None:
            host, pid = process.rsplit(":", 1)
            if host == socket.gethostname() and not is_alive(int(pid)):
                _close(instance, run)
        # of `medcode ui`, which was killed with its code server. An operator's own instance has runs in other places
        elif settings().dagster_home is None:
            pids = _processes(instance, run.run_id)
            if pids and not any(map(is_alive, pids)):
                _close(instance, run)


def close_all_runs(instance: dg.DagsterInstance) -> int:
    """Close every run in hand, where it is known that nothing works any more; return how many.

    As when the container starts in which all runs go on: whatever stands as running was killed with it. A closed run
    is begun once more where the instance says so (`run_retries`), but not one that a person was stopping.
    """
    runs = instance.get_runs(dg.RunsFilter(statuses=_AT_WORK))
    for run in runs:
        _close(instance, run)
    return len(runs)


def _close(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    if run.status == dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, message="the process of this run was killed while it was being stopped")
    else:
        instance.report_run_failed(run, message="the process of this run was killed")


def _processes(instance: dg.DagsterInstance, run_id: str) -> set[int]:
    """The processes on this machine that a run said it goes on in."""
    said = instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    pids = [entry.dagster_event.engine_event_data.metadata.get("pid") for entry in said if entry.dagster_event]
    return {int(str(pid.value)) for pid in pids if pid is not None}


def _process() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"
