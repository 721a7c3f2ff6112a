"""What a retraining is decided on, read from the tables; queries alone, no model is loaded."""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa

from medcode_ml.contracts.billed import claim
from medcode_ml.contracts.ml import AMOUNT, BY_KIND
from medcode_ml.models.warehouse.labels import labelled_since
from medcode_ml.models.warehouse.stages import champion_version, registered_versions, shadow_versions
from medcode_ml.retraining.decision import Evidence, Policy
from medcode_ml.settings import Settings
from medcode_ml.store.drift_alarms import changed_since, standing_alarms


class PolicyError(ValueError):
    """A setting of the retraining cannot be used."""


def policy_of(chosen: Settings) -> Policy:
    """The policy that the settings name.

    Raises:
        PolicyError: an unknown kind of model.
    """
    kinds = tuple(one.strip() for one in chosen.retrain_kinds.split(",") if one.strip())
    if unknown := [one for one in kinds if one not in BY_KIND]:
        raise PolicyError(f"MEDCODE_RETRAIN_KINDS names {', '.join(unknown)}: choose of {', '.join(BY_KIND)}")
    return Policy(
        kinds, chosen.retrain_labels, chosen.retrain_window_days, timedelta(hours=chosen.retrain_cooldown_hours),
        chosen.retrain_a_day,
    )  # fmt: skip


def evidence_of(engine: sa.Engine, kind: str, *, running: bool = False) -> Evidence:
    """What the tables say of the models of a kind; alarms about versions no longer in use count for nothing.

    Args:
        engine: the database.
        kind: coding, ranking or amounts.
        running: a training of the kind is in hand, as Dagster has it.
    """
    with engine.connect() as connection:
        champion = champion_version(connection, kind)
        standing = standing_alarms(connection, kind, champion)
        if standing.empty:
            return Evidence(kind, champion or "none", running=running, champion=champion)
        # without a champion the rules are in use: the newest alarm names them
        version = champion or str(standing["version"].iloc[-1])
        standing = standing[standing["version"] == version]
        since = changed_since(connection, kind, version)
        assert since is not None
        last = connection.execute(
            sa.text("SELECT max(received_date) FROM ml.drift_metric WHERE kind = :kind AND version = :version"),
            {"kind": kind, "version": version},
        ).scalar_one()
        return Evidence(
            kind, version, since, tuple(standing["alarm_id"]), _labelled(connection, kind, since), last,
            next((shadow for _, shadow in shadow_versions(connection, kind)), None),
            tuple(row["trained_at"] for row in registered_versions(connection, kind).values()),
            running, champion,
        )  # fmt: skip


def _labelled(connection: sa.Connection, kind: str, day: date) -> int:
    """Encounters received since `day` whose truth is known: codes, or for amounts what was charged for them."""
    if kind != AMOUNT.kind:
        return labelled_since(connection, day)
    query = sa.select(sa.func.count(claim.c.encounter_id.distinct())).where(claim.c.received_date >= day)
    return int(connection.execute(query).scalar_one())
