"""drift: frozen references, sketches of days, metrics, alarms, audit samples

Revision: 0011, after: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one revision up."""
    op.create_table(
        "audit_sample",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column("encounter_id", sa.Text(), nullable=False, comment="encounter"),
        sa.Column("hospital_id", sa.Text(), nullable=False, comment="hospital"),
        sa.Column("version", sa.Text(), nullable=False, comment="what coded it"),
        sa.Column(
            "stratum", sa.Text(), nullable=False, comment="auto (all accepted codes), review (at least one), no_codes"
        ),
        sa.Column("stratum_size", sa.Integer(), nullable=False, comment="encounters of the stratum on the day"),
        sa.Column("drawn", sa.Integer(), nullable=False, comment="those drawn"),
        sa.Column("weight", sa.Double(), nullable=False, comment="stratum_size / drawn: encounters it stands for"),
        sa.PrimaryKeyConstraint("received_date", "encounter_id", name=op.f("pk_audit_sample")),
        schema="ml",
        comment="Encounters drawn at random for a second coder, by stratum, with the weight that makes them stand for all",
    )
    op.create_table(
        "drift_alarm",
        sa.Column("alarm_id", sa.Text(), nullable=False, comment="hash of kind, version, hospital and day"),
        sa.Column("event", sa.Text(), nullable=False, comment="raised or cleared"),
        sa.Column("kind", sa.Text(), nullable=False, comment="kind of model: coding, ranking or amounts"),
        sa.Column("version", sa.Text(), nullable=False, comment="version it is about"),
        sa.Column("hospital_id", sa.Text(), nullable=False, comment="hospital, or all"),
        sa.Column("day", sa.Date(), nullable=False, comment="received day whose evaluation raised it"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="when"),
        sa.Column("by", sa.Text(), nullable=False, comment="ml/drift_metric, or the person or asset that cleared it"),
        sa.Column("reason", sa.Text(), nullable=False, comment="why"),
        sa.Column(
            "metrics",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="strongest metrics: [{document_type, metric, window_days, p_adjusted, effect}]",
        ),
        sa.PrimaryKeyConstraint("alarm_id", "event", name=op.f("pk_drift_alarm")),
        schema="ml",
        comment="Alarms raised and cleared, only ever added to: an alarm stands until a row clears it",
    )
    op.create_index(op.f("ix_drift_alarm_kind_day"), "drift_alarm", ["kind", "day"], unique=False, schema="ml")
    op.create_table(
        "drift_metric",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column("kind", sa.Text(), nullable=False, comment="kind of model: coding, ranking or amounts"),
        sa.Column("version", sa.Text(), nullable=False, comment="version of the model in use on the day"),
        sa.Column("reference_id", sa.Text(), nullable=False, comment="the reference it belongs to"),
        sa.Column("hospital_id", sa.Text(), nullable=False, comment="hospital, or all"),
        sa.Column(
            "document_type", sa.Text(), nullable=False, comment="type of document, or all (the encounter as a whole)"
        ),
        sa.Column("metric", sa.Text(), nullable=False, comment="what is measured, such as oov_rate"),
        sa.Column("window_days", sa.Integer(), nullable=False, comment="days of the window that ends on this day"),
        sa.Column(
            "value",
            sa.Double(),
            nullable=True,
            comment="the metric in the window: mean, PSI (less its bias), F1 and so on",
        ),
        sa.Column("reference_value", sa.Double(), nullable=True, comment="the metric in the reference"),
        sa.Column("low", sa.Double(), nullable=True, comment="lower end of its 95% interval, where it has one"),
        sa.Column("high", sa.Double(), nullable=True, comment="upper end of its 95% interval"),
        sa.Column(
            "test", sa.Text(), nullable=True, comment="ks, g, mmd, drop, delong, release; null where nothing is tested"
        ),
        sa.Column(
            "statistic", sa.Double(), nullable=True, comment="statistic of the test after division by the dispersion"
        ),
        sa.Column("effect", sa.Double(), nullable=True, comment="size of the shift, on the scale of `least_effect`"),
        sa.Column("p_value", sa.Double(), nullable=True, comment="p-value of this test alone"),
        sa.Column(
            "p_adjusted", sa.Double(), nullable=True, comment="p-value after weighing all tests of the day (Bonferroni)"
        ),
        sa.Column(
            "threshold",
            sa.Double(),
            nullable=True,
            comment="p_adjusted at or below which there is an alarm: the share of the day",
        ),
        sa.Column("least_effect", sa.Double(), nullable=True, comment="a smaller shift is no alarm, however certain"),
        sa.Column("alarm", sa.Boolean(), nullable=False, comment="both are passed"),
        sa.Column("n", sa.Integer(), nullable=False, comment="encounters in the window"),
        sa.Column("n_reference", sa.Integer(), nullable=False, comment="encounters in the reference"),
        sa.Column(
            "notes",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="why it was skipped; ids of typical documents, listed words that tell; releases",
        ),
        sa.PrimaryKeyConstraint(
            "received_date",
            "kind",
            "hospital_id",
            "document_type",
            "metric",
            "window_days",
            name=op.f("pk_drift_metric"),
        ),
        schema="ml",
        comment="How far a day, and the days up to it, are from the reference: by model, hospital, type of document and metric",
    )
    op.create_index(
        op.f("ix_drift_metric_kind_received_date"), "drift_metric", ["kind", "received_date"], unique=False, schema="ml"
    )
    op.create_index(
        op.f("ix_drift_metric_metric_received_date"),
        "drift_metric",
        ["metric", "received_date"],
        unique=False,
        schema="ml",
    )
    op.create_table(
        "drift_reference",
        sa.Column("reference_id", sa.Text(), nullable=False, comment="hash of kind, version, days and encounters"),
        sa.Column("kind", sa.Text(), nullable=False, comment="kind of model: coding, ranking or amounts"),
        sa.Column("version", sa.Text(), nullable=False, comment="version of the model whose outputs are held"),
        sa.Column(
            "origin",
            sa.Text(),
            nullable=False,
            comment="model_test (encounters kept apart when it was trained) or first_days (it worked on)",
        ),
        sa.Column("first_day", sa.Date(), nullable=False, comment="first received day"),
        sa.Column(
            "last_day", sa.Date(), nullable=False, comment="last received day; only later ones are held against it"
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, comment="when it was frozen"),
        sa.Column("encounters", sa.Integer(), nullable=False, comment="encounters"),
        sa.Column("labelled", sa.Integer(), nullable=False, comment="those of them that coders labelled"),
        sa.Column(
            "releases",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="code set releases of the encounters, and those the model was taught in",
        ),
        sa.Column(
            "facts",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="hashes of its words, projection of texts, calibration of scores on its labels",
        ),
        sa.PrimaryKeyConstraint("reference_id", name=op.f("pk_drift_reference")),
        schema="ml",
        comment="What later days are held against, one row a reference: frozen once made",
    )
    op.create_index(
        op.f("ix_drift_reference_kind_version"), "drift_reference", ["kind", "version"], unique=False, schema="ml"
    )
    op.create_table(
        "drift_reference_sketch",
        sa.Column("reference_id", sa.Text(), nullable=False, comment="the reference it belongs to"),
        sa.Column("hospital_id", sa.Text(), nullable=False, comment="hospital, or all"),
        sa.Column(
            "document_type", sa.Text(), nullable=False, comment="type of document, or all (the encounter as a whole)"
        ),
        sa.Column("metric", sa.Text(), nullable=False, comment="what is measured, such as oov_rate"),
        sa.Column("n", sa.Integer(), nullable=False, comment="encounters"),
        sa.Column(
            "dispersion",
            sa.Double(),
            nullable=False,
            comment="by how much its own days differ from one another more than chance has it; at least 1, tests are divided by it",
        ),
        sa.Column(
            "sketch",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="what a test needs of the encounters: {values, weights}, {counts} or {n, sums, products}",
        ),
        sa.PrimaryKeyConstraint(
            "reference_id", "hospital_id", "document_type", "metric", name=op.f("pk_drift_reference_sketch")
        ),
        schema="ml",
        comment="Sketches of a reference, by hospital, type of document and metric",
    )
    op.create_table(
        "drift_sketch",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column("reference_id", sa.Text(), nullable=False, comment="the reference it belongs to"),
        sa.Column("hospital_id", sa.Text(), nullable=False, comment="hospital, or all"),
        sa.Column(
            "document_type", sa.Text(), nullable=False, comment="type of document, or all (the encounter as a whole)"
        ),
        sa.Column("metric", sa.Text(), nullable=False, comment="what is measured, such as oov_rate"),
        sa.Column("n", sa.Integer(), nullable=False, comment="encounters"),
        sa.Column(
            "sketch",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="what a test needs of the encounters: {values, weights}, {counts} or {n, sums, products}",
        ),
        sa.PrimaryKeyConstraint(
            "received_date", "reference_id", "hospital_id", "document_type", "metric", name=op.f("pk_drift_sketch")
        ),
        schema="ml",
        comment="Sketches of a day: windows are put together from them, so that any evaluation can be made again",
    )
    op.create_index(
        op.f("ix_drift_sketch_reference_id_received_date"),
        "drift_sketch",
        ["reference_id", "received_date"],
        unique=False,
        schema="ml",
    )


def downgrade() -> None:
    """Go one revision down."""
    op.drop_index(op.f("ix_drift_sketch_reference_id_received_date"), table_name="drift_sketch", schema="ml")
    op.drop_table("drift_sketch", schema="ml")
    op.drop_table("drift_reference_sketch", schema="ml")
    op.drop_index(op.f("ix_drift_reference_kind_version"), table_name="drift_reference", schema="ml")
    op.drop_table("drift_reference", schema="ml")
    op.drop_index(op.f("ix_drift_metric_metric_received_date"), table_name="drift_metric", schema="ml")
    op.drop_index(op.f("ix_drift_metric_kind_received_date"), table_name="drift_metric", schema="ml")
    op.drop_table("drift_metric", schema="ml")
    op.drop_index(op.f("ix_drift_alarm_kind_day"), table_name="drift_alarm", schema="ml")
    op.drop_table("drift_alarm", schema="ml")
    op.drop_table("audit_sample", schema="ml")
