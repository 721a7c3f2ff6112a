"""Sensors of the models: retraining when the world has changed, promotion after the shadow. They ask for runs alone."""

from datetime import UTC, datetime

import dagster as dg

from medcode_assets.defs.models.training_job import (
    amount_model_job,
    coding_model_job,
    promotion_jobs,
    ranking_model_job,
)
from medcode_assets.partitions import received_days
from medcode_assets.resources import Database
from medcode_assets.runner import IN_HAND, RANGE_END, RANGE_START
from medcode_ml.retraining.decision import (
    Asked,
    AskedError,
    Retraining,
    asked_from_json,
    asked_to_json,
    should_retrain,
    still_counting,
)
from medcode_ml.settings import settings

RETRAINED = "medcode/retraining"
#: kind -> its job, its training set and its model by their names as steps
JOBS = {
    "coding": (coding_model_job, "coding_training_set", "coding_model"),
    "ranking": (ranking_model_job, "ranking_training_set", "ranking_model"),
    "amounts": (amount_model_job, "amount_training_set", "amount_model"),
}


def training_request(kind: str, wanted: Retraining, champion: str, reason: str) -> dg.RunRequest:
    """The run of a retraining: the kind's own job, told from when on the world is another."""
    job, training_set, model = JOBS[kind]
    first = max(wanted.since.isoformat(), str(received_days.get_first_partition_key()))
    window = {"since": wanted.since.isoformat(), "recent_from": wanted.recent_from.isoformat()}
    return dg.RunRequest(
        run_key=wanted.run_key,
        job_name=job.name,
        run_config={
            "ops": {
                training_set: {"config": window},
                model: {"config": {"parameters_of": champion, "reason": reason}},
            }
        },
        # a training that failed is decided on anew, after its cool-down: never tried again by itself
        tags={
            RANGE_START: first, RANGE_END: wanted.until.isoformat(), RETRAINED: kind,
            "dagster/max_retries": "0",
        },
    )  # fmt: skip


@dg.sensor(
    jobs=[job for job, _, _ in JOBS.values()],
    minimum_interval_seconds=settings().sensor_seconds,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def retrain_sensor(context: dg.SensorEvaluationContext, database: Database) -> dg.SensorResult | dg.SkipReason:
    """Ask for a retraining where a drift alarm stands and the policy allows it; at most one of a kind is in hand."""
    from medcode_ml.contracts.ml import BY_KIND
    from medcode_ml.retraining.evidence import PolicyError, evidence_of, policy_of

    try:
        policy, asked = policy_of(settings()), asked_from_json(context.cursor)
    except (PolicyError, AskedError) as error:
        return dg.SkipReason(str(error))
    engine, now = database.engine(), datetime.now(UTC)
    requests, said = [], []
    for kind in BY_KIND:
        job = JOBS[kind][0].name
        running = context.instance.get_runs(dg.RunsFilter(job_name=job, statuses=IN_HAND), limit=1)
        evidence = evidence_of(engine, kind, running=bool(running))
        decision = should_retrain(evidence, policy, asked, now)
        said.append(f"{kind}: {decision.reason}")
        if wanted := decision.retraining:
            requests.append(training_request(kind, wanted, evidence.champion or "", decision.reason))
            asked.append(Asked(kind, now, wanted.run_key))
    cursor = asked_to_json(still_counting(asked, policy, now))
    if not requests:
        return dg.SensorResult(skip_reason="; ".join(said), cursor=cursor)
    return dg.SensorResult(run_requests=requests, cursor=cursor)


@dg.sensor(
    jobs=list(promotion_jobs.values()),
    minimum_interval_seconds=settings().sensor_seconds,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def promotion_sensor(context: dg.SensorEvaluationContext, database: Database) -> dg.SensorResult | dg.SkipReason:
    """Ask for the next step of a version in shadow where it would be one: champion, or retired after too long."""
    from medcode_ml.lifecycle import promotions_due

    requests, said = [], []
    for due in promotions_due(database.engine()):
        said.append(f"{due.version}: {due.said}")
        if due.changes:
            job = promotion_jobs[due.kind]
            requests.append(
                dg.RunRequest(
                    # a day more in shadow is another question; the same is asked once
                    run_key=f"{due.version} {due.to} {due.days}",
                    job_name=job.name,
                    run_config={"ops": {job.name.removesuffix("_job"): {"config": {"version": due.version}}}},
                )
            )
    if not requests:
        return dg.SkipReason("; ".join(said) or "no version runs in shadow")
    return dg.SensorResult(run_requests=requests)
