"""coding model

Revision: 0003, after: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one revision up."""
    op.create_table(
        "coding_evaluation",
        sa.Column(
            "version",
            sa.Text(),
            nullable=False,
            comment="version of the model, as its folder and coded.encounter.model_version say it",
        ),
        sa.Column(
            "part",
            sa.Text(),
            nullable=False,
            comment="all documents of an encounter (encounter), or those of one type alone (the type)",
        ),
        sa.Column(
            "coder",
            sa.Text(),
            nullable=False,
            comment="model, rival, ontology, champion (the model in use), or model - the other: the difference",
        ),
        sa.Column("figure", sa.Text(), nullable=False, comment="what was measured, such as micro_f1"),
        sa.Column("value", sa.Double(), nullable=True, comment="value"),
        sa.Column(
            "low",
            sa.Double(),
            nullable=True,
            comment="lower end of the 95% interval, drawn by encounter; of a difference, by person",
        ),
        sa.Column("high", sa.Double(), nullable=True, comment="upper end of the 95% interval"),
        sa.Column("encounters", sa.Integer(), nullable=False, comment="encounters measured"),
        sa.Column("notes", sa.Text(), nullable=False, comment="unit and gold standard of the figure"),
        sa.PrimaryKeyConstraint("version", "part", "coder", "figure", name=op.f("pk_coding_evaluation")),
        schema="ml",
        comment="Figures of a model and of the coders it is measured against, on the encounters kept apart for its test",
    )
    op.create_table(
        "coding_model",
        sa.Column(
            "version",
            sa.Text(),
            nullable=False,
            comment="version of the model, as its folder and coded.encounter.model_version say it",
        ),
        sa.Column("folder", sa.Text(), nullable=False, comment="model folder, relative to the home of medcode"),
        sa.Column("trained_at", sa.DateTime(timezone=True), nullable=False, comment="when"),
        sa.Column("seconds", sa.Double(), nullable=False, comment="time the training took"),
        sa.Column(
            "text_source",
            sa.Text(),
            nullable=False,
            comment="documents, or deidentified_document where it learned from texts without identifiers",
        ),
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
            comment="encounters its probabilities and bands were set on",
        ),
        sa.Column("test_encounters", sa.Integer(), nullable=False, comment="encounters kept for the evaluation"),
        sa.Column(
            "code_count", sa.Integer(), nullable=False, comment="distinct codes among the labels it learned from"
        ),
        sa.Column(
            "data_hash",
            sa.Text(),
            nullable=False,
            comment="hash of encounters, parts, labels and texts: equal hashes, equal data",
        ),
        sa.Column(
            "parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="parameters of the training"
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_coding_model")),
        schema="ml",
        comment="One row for every coding model trained: where it lies, from what, and how",
    )
    op.create_table(
        "coding_model_encounter",
        sa.Column(
            "version",
            sa.Text(),
            nullable=False,
            comment="version of the model, as its folder and coded.encounter.model_version say it",
        ),
        sa.Column("encounter_id", sa.Text(), nullable=False, comment="encounter"),
        sa.Column("person_id", sa.Text(), nullable=False, comment="person when the model was trained"),
        sa.Column("part", sa.Text(), nullable=False, comment="train, calibration or test"),
        sa.PrimaryKeyConstraint("version", "encounter_id", name=op.f("pk_coding_model_encounter")),
        schema="ml",
        comment="Which encounter had which part in a model: what it learned from can be told later, and taken out",
    )
    op.create_index(
        op.f("ix_coding_model_encounter_encounter_id"),
        "coding_model_encounter",
        ["encounter_id"],
        unique=False,
        schema="ml",
    )
    op.create_table(
        "coding_promotion",
        sa.Column("promotion_id", sa.Text(), nullable=False, comment="hash of version and time"),
        sa.Column(
            "version",
            sa.Text(),
            nullable=False,
            comment="version of the model, as its folder and coded.encounter.model_version say it",
        ),
        sa.Column("replaced", sa.Text(), nullable=True, comment="version that was in use before"),
        sa.Column("promoted_at", sa.DateTime(timezone=True), nullable=False, comment="when"),
        sa.Column("promoted_by", sa.Text(), nullable=False, comment="who, or the asset that did"),
        sa.Column("note", sa.Text(), nullable=False, comment="why"),
        sa.PrimaryKeyConstraint("promotion_id", name=op.f("pk_coding_promotion")),
        schema="ml",
        comment="Which model codes from when on: one row a promotion, the newest counts; never overwritten",
    )
    op.create_table(
        "coding_training_set",
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
            comment="why it is in no part: no_encounter, no_discharge_date, no_release, no_documents, no_codes or labelled_again (a later day brought newer labels)",
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
        sa.Column(
            "document_ids",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="documents of the encounter, in the order in which their text is read",
        ),
        sa.Column("character_count", sa.Integer(), nullable=False, comment="characters of these documents"),
        sa.Column(
            "text_hash",
            sa.Text(),
            nullable=True,
            comment="sha256 of their text; another hash means that the text changed since",
        ),
        sa.PrimaryKeyConstraint("received_date", "encounter_id", name=op.f("pk_coding_training_set")),
        schema="ml",
        comment="One row for every encounter that coders labelled: its part of the split, or why it cannot be learned from",
    )
    op.create_index(
        op.f("ix_coding_training_set_encounter_id"), "coding_training_set", ["encounter_id"], unique=False, schema="ml"
    )
    op.create_index(
        op.f("ix_coding_training_set_person_id"), "coding_training_set", ["person_id"], unique=False, schema="ml"
    )
    op.create_index(op.f("ix_document_encounter_id"), "document", ["encounter_id"], unique=False, schema="filtered")


def downgrade() -> None:
    """Go one revision down."""
    op.drop_index(op.f("ix_document_encounter_id"), table_name="document", schema="filtered")
    op.drop_index(op.f("ix_coding_training_set_person_id"), table_name="coding_training_set", schema="ml")
    op.drop_index(op.f("ix_coding_training_set_encounter_id"), table_name="coding_training_set", schema="ml")
    op.drop_table("coding_training_set", schema="ml")
    op.drop_table("coding_promotion", schema="ml")
    op.drop_index(op.f("ix_coding_model_encounter_encounter_id"), table_name="coding_model_encounter", schema="ml")
    op.drop_table("coding_model_encounter", schema="ml")
    op.drop_table("coding_model", schema="ml")
    op.drop_table("coding_evaluation", schema="ml")
