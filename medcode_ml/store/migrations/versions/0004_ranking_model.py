"""ranking model

Revision: 0004, after: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one revision up."""
    op.create_table(
        "ranking_evaluation",
        sa.Column(
            "version",
            sa.Text(),
            nullable=False,
            comment="version of the model, as its folder and ranked.encounter.model_version say it",
        ),
        sa.Column(
            "part",
            sa.Text(),
            nullable=False,
            comment="all encounters (encounter), or those of one setting alone (inpatient, outpatient)",
        ),
        sa.Column(
            "ranker",
            sa.Text(),
            nullable=False,
            comment="model, guidelines, champion (the model in use), or model - the other: the difference",
        ),
        sa.Column("figure", sa.Text(), nullable=False, comment="what was measured, such as principal_top1"),
        sa.Column("value", sa.Double(), nullable=True, comment="value"),
        sa.Column("low", sa.Double(), nullable=True, comment="lower end of the 95% interval, drawn by person"),
        sa.Column("high", sa.Double(), nullable=True, comment="upper end of the 95% interval"),
        sa.Column("encounters", sa.Integer(), nullable=False, comment="encounters measured"),
        sa.Column("notes", sa.Text(), nullable=False, comment="unit and gold standard of the figure"),
        sa.PrimaryKeyConstraint("version", "part", "ranker", "figure", name=op.f("pk_ranking_evaluation")),
        schema="ml",
        comment="Figures of a model and of the rankers it is measured against, on the encounters kept apart for its test",
    )
    op.create_table(
        "ranking_model",
        sa.Column(
            "version",
            sa.Text(),
            nullable=False,
            comment="version of the model, as its folder and ranked.encounter.model_version say it",
        ),
        sa.Column("folder", sa.Text(), nullable=False, comment="model folder, relative to the home of medcode"),
        sa.Column("trained_at", sa.DateTime(timezone=True), nullable=False, comment="when"),
        sa.Column("seconds", sa.Double(), nullable=False, comment="time the training took"),
        sa.Column(
            "code_set_releases",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="code set releases of the encounters, newest first",
        ),
        sa.Column("train_encounters", sa.Integer(), nullable=False, comment="encounters it learned from"),
        sa.Column(
            "calibration_encounters",
            sa.Integer(),
            nullable=False,
            comment="encounters kept to set its probability on; few ones are left out and it is set out of fold: see the card",
        ),
        sa.Column("test_encounters", sa.Integer(), nullable=False, comment="encounters kept for the evaluation"),
        sa.Column(
            "code_count", sa.Integer(), nullable=False, comment="distinct codes among the labels it learned from"
        ),
        sa.Column(
            "data_hash",
            sa.Text(),
            nullable=False,
            comment="hash of encounters, parts, labels in order and all that is known of the encounters: equal hashes, equal data",
        ),
        sa.Column(
            "parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="parameters of the training"
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_ranking_model")),
        schema="ml",
        comment="One row for every ranking model trained: where it lies, from what, and how",
    )
    op.create_table(
        "ranking_model_encounter",
        sa.Column(
            "version",
            sa.Text(),
            nullable=False,
            comment="version of the model, as its folder and ranked.encounter.model_version say it",
        ),
        sa.Column("encounter_id", sa.Text(), nullable=False, comment="encounter"),
        sa.Column("person_id", sa.Text(), nullable=False, comment="person when the model was trained"),
        sa.Column("part", sa.Text(), nullable=False, comment="train, calibration or test"),
        sa.PrimaryKeyConstraint("version", "encounter_id", name=op.f("pk_ranking_model_encounter")),
        schema="ml",
        comment="Which encounter had which part in a model: what it learned from can be told later, and taken out",
    )
    op.create_index(
        op.f("ix_ranking_model_encounter_encounter_id"),
        "ranking_model_encounter",
        ["encounter_id"],
        unique=False,
        schema="ml",
    )
    op.create_table(
        "ranking_promotion",
        sa.Column("promotion_id", sa.Text(), nullable=False, comment="hash of version and time"),
        sa.Column(
            "version",
            sa.Text(),
            nullable=False,
            comment="version of the model, as its folder and ranked.encounter.model_version say it",
        ),
        sa.Column("replaced", sa.Text(), nullable=True, comment="version that was in use before"),
        sa.Column("promoted_at", sa.DateTime(timezone=True), nullable=False, comment="when"),
        sa.Column("promoted_by", sa.Text(), nullable=False, comment="who, or the asset that did"),
        sa.Column("note", sa.Text(), nullable=False, comment="why"),
        sa.PrimaryKeyConstraint("promotion_id", name=op.f("pk_ranking_promotion")),
        schema="ml",
        comment="Which model ranks from when on: one row a promotion, the newest counts; never overwritten",
    )
    op.create_table(
        "ranking_training_set",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column(
            "encounter_id",
            sa.Text(),
            nullable=False,
            comment="encounter; where none is known for the labels, a hash of their key",
        ),
        sa.Column("patient_id", sa.Text(), nullable=True, comment="patient record of the encounter"),
        sa.Column(
            "person_id", sa.Text(), nullable=True, comment="person behind the record when the split was last made"
        ),
        sa.Column("source", sa.Text(), nullable=False, comment="source"),
        sa.Column("hospital_id", sa.Text(), nullable=False, comment="hospital"),
        sa.Column("setting", sa.Text(), nullable=True, comment="inpatient or outpatient"),
        sa.Column(
            "discharge_date",
            sa.Date(),
            nullable=True,
            comment="discharge date: decides the code set and, with the person, the part",
        ),
        sa.Column("split", sa.Text(), nullable=True, comment="train, calibration or test; null where set aside"),
        sa.Column(
            "set_aside",
            sa.Text(),
            nullable=True,
            comment="why it is in no part: no_encounter, no_discharge_date, no_release, no_codes, no_order (a label without its place), no_principal (the first label is not billable at discharge), one_code (nothing to order) or labelled_again (a later day brought newer labels)",
        ),
        sa.Column(
            "label_source",
            sa.Text(),
            nullable=False,
            comment="coder_label; delivered or crosswalked (codes that came with a research record)",
        ),
        sa.Column(
            "codes",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="labels billable at discharge, in reporting order",
        ),
        sa.Column(
            "codes_outside_release",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="labels left out: not billable at discharge",
        ),
        sa.Column("code_count", sa.Integer(), nullable=False, comment="labels billable at discharge"),
        sa.Column(
            "poa",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="present on admission as the coders gave it, in the order of the codes; null where they did not",
        ),
        sa.PrimaryKeyConstraint("received_date", "encounter_id", name=op.f("pk_ranking_training_set")),
        schema="ml",
        comment="One row for every encounter that coders put in order: its part of the split, or why it cannot be learned from",
    )
    op.create_index(
        op.f("ix_ranking_training_set_encounter_id"),
        "ranking_training_set",
        ["encounter_id"],
        unique=False,
        schema="ml",
    )
    op.create_index(
        op.f("ix_ranking_training_set_person_id"), "ranking_training_set", ["person_id"], unique=False, schema="ml"
    )
    op.add_column(
        "encounter",
        sa.Column(
            "principal_probability",
            sa.Double(),
            nullable=True,
            comment="calibrated probability that the principal is the one a coder would choose; null for the guidelines",
        ),
        schema="ranked",
    )
    op.add_column(
        "encounter",
        sa.Column(
            "needs_review",
            sa.Boolean(),
            nullable=False,
            server_default=sa.false(),
            comment="a coder decides on the principal: its probability is too low for the error allowed",
        ),
        schema="ranked",
    )
    op.add_column(
        "encounter",
        sa.Column(
            "review_reason",
            sa.Text(),
            nullable=True,
            comment="why, with the rivals side by side, such as I50.23 (0.48) or J18.9 (0.41)",
        ),
        schema="ranked",
    )
    op.add_column(
        "encounter_code",
        sa.Column(
            "eligible", sa.Boolean(), nullable=False, server_default=sa.false(), comment="the code may be principal"
        ),
        schema="ranked",
    )
    op.add_column(
        "encounter_code",
        sa.Column(
            "principal_share",
            sa.Double(),
            nullable=True,
            comment="share of the choice of the principal, 1 over the encounter's codes",
        ),
        schema="ranked",
    )
    # of codes ranked before, only the principal and the one next to it are known to have been eligible
    op.execute(
        """
        UPDATE ranked.encounter_code c SET eligible = true FROM ranked.encounter e
        WHERE e.received_date = c.received_date AND e.encounter_id = c.encounter_id AND (c.principal OR c.code = e.runner_up)
        """
    )
    op.alter_column(
        "encounter_code",
        "document_types",
        comment="where it was found: [[document type, section, count, place among the codes there]]",
        existing_comment="document types and sections it was found in: [[type, section, count]]",
        schema="coded",
    )
    op.alter_column("encounter", "needs_review", server_default=None, schema="ranked")
    op.alter_column("encounter_code", "eligible", server_default=None, schema="ranked")


def downgrade() -> None:
    """Go one revision down."""
    op.alter_column(
        "encounter_code",
        "document_types",
        comment="document types and sections it was found in: [[type, section, count]]",
        existing_comment="where it was found: [[document type, section, count, place among the codes there]]",
        schema="coded",
    )
    op.drop_column("encounter_code", "principal_share", schema="ranked")
    op.drop_column("encounter_code", "eligible", schema="ranked")
    op.drop_column("encounter", "review_reason", schema="ranked")
    op.drop_column("encounter", "needs_review", schema="ranked")
    op.drop_column("encounter", "principal_probability", schema="ranked")
    op.drop_index(op.f("ix_ranking_training_set_person_id"), table_name="ranking_training_set", schema="ml")
    op.drop_index(op.f("ix_ranking_training_set_encounter_id"), table_name="ranking_training_set", schema="ml")
    op.drop_table("ranking_training_set", schema="ml")
    op.drop_table("ranking_promotion", schema="ml")
    op.drop_index(op.f("ix_ranking_model_encounter_encounter_id"), table_name="ranking_model_encounter", schema="ml")
    op.drop_table("ranking_model_encounter", schema="ml")
    op.drop_table("ranking_model", schema="ml")
    op.drop_table("ranking_evaluation", schema="ml")
