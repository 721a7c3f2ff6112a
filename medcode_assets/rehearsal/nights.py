"""The nightly run of a day, asked for as the schedule asks for it on that night."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import dagster as dg
from dagster._core.definitions.selector import JobSubsetSelector
from dagster._core.workspace.context import WorkspaceProcessContext

from medcode_assets.rehearsal.plan import RehearsalError

SCHEDULE = "nightly_schedule"
#: the night after the day, when its delivery is complete
_AT = timedelta(days=1, hours=2, minutes=30)


def nightly_request(defs: dg.Definitions, day: date) -> dg.RunRequest:
    """The run that the nightly schedule asks for in the night after `day`.

    Raises:
        RehearsalError: it asks for another day.
    """
    repository = defs.get_repository_def()
    schedule = repository.get_schedule_def(SCHEDULE)
    when = datetime(day.year, day.month, day.day, tzinfo=UTC) + _AT
    with dg.build_schedule_context(scheduled_execution_time=when, repository_def=repository) as context:
        asked = schedule.evaluate_tick(context).run_requests or []
    if [one.partition_key for one in asked] != [day.isoformat()]:
        raise RehearsalError(f"the schedule of the night after {day} asks for {[one.partition_key for one in asked]}")
    return asked[0]


def ask(workspace: WorkspaceProcessContext, request: dg.RunRequest, location: str) -> str:
    """Put the run of a request into the daemon's queue, as its scheduler does; return the id of the run."""
    context, instance = workspace.create_request_context(), workspace.instance
    code = context.get_code_location(location)
    (repository,) = code.get_repositories().values()
    assert request.job_name is not None
    assert request.asset_selection is not None
    job = code.get_job(
        JobSubsetSelector(
            code.name, repository.name, request.job_name, op_selection=None, asset_selection=request.asset_selection
        )
    )
    plan = code.get_execution_plan(
        job, request.run_config or {}, step_keys_to_execute=None, known_state=None, instance=instance
    ).execution_plan_snapshot
    run = instance.create_run(
        job_name=job.name, run_id=None, run_config=request.run_config, status=dg.DagsterRunStatus.NOT_STARTED,
        tags={**job.run_tags, **request.tags}, resolved_op_selection=job.resolved_op_selection,
        step_keys_to_execute=None, op_selection=None, root_run_id=None, parent_run_id=None,
        job_snapshot=job.job_snapshot, execution_plan_snapshot=plan, parent_job_snapshot=job.parent_job_snapshot,
        remote_job_origin=job.get_remote_origin(), job_code_origin=job.get_python_origin(),
        asset_selection=frozenset(request.asset_selection), asset_check_selection=None,
        asset_graph=repository.asset_graph,
    )  # fmt: skip
    return instance.submit_run(run.run_id, context).run_id
