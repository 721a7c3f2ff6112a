"""the model of amounts: training set, versions, evaluation, promotion, predicted amounts

Revision: 0008, after: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one revision up."""
    op.create_table(
        "amount_evaluation",
        sa.Column(
            "version",
            sa.Text(),
            nullable=False,
            comment="version of the model, as its folder and billed.predicted_amount.model_version say it",
        ),
        sa.Column(
            "part", sa.Text(), nullable=False, comment="all claims (encounter), or those of one hospital (its id)"
        ),
        sa.Column(
            "pricer",
            sa.Text(),
            nullable=False,
            comment="model, drg_mean (mean of the hospital's claims of the DRG), champion (the model in use), or model - the other: the difference",
        ),
        sa.Column("figure", sa.Text(), nullable=False, comment="what was measured, such as charges_mape"),
        sa.Column("value", sa.Double(), nullable=True, comment="value"),
        sa.Column("low", sa.Double(), nullable=True, comment="lower end of the 95% interval, drawn by person"),
        sa.Column("high", sa.Double(), nullable=True, comment="upper end of the 95% interval"),
        sa.Column("encounters", sa.Integer(), nullable=False, comment="encounters measured"),
        sa.Column("notes", sa.Text(), nullable=False, comment="unit and gold standard of the figure"),
        sa.PrimaryKeyConstraint("version", "part", "pricer", "figure", name=op.f("pk_amount_evaluation")),
        schema="ml",
        comment="Figures of a model and of the prices it is measured against, on the claims kept apart for its test",
    )
    op.create_table(
        "amount_model",
        sa.Column(
            "version",
            sa.Text(),
            nullable=False,
            comment="version of the model, as its folder and billed.predicted_amount.model_version say it",
        ),
        sa.Column("folder", sa.Text(), nullable=False, comment="model folder, relative to the home of medcode"),
        sa.Column("trained_at", sa.DateTime(timezone=True), nullable=False, comment="when"),
        sa.Column("seconds", sa.Double(), nullable=False, comment="time the training took"),
        sa.Column(
            "sources",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="names of the files it learned from beside the own claims",
        ),
        sa.Column(
            "source_cases", sa.Integer(), nullable=False, comment="cases of these files: a hospital and an MS-DRG each"
        ),
        sa.Column("hospitals", sa.Integer(), nullable=False, comment="hospitals it learned from, own and others"),
        sa.Column("train_encounters", sa.Integer(), nullable=False, comment="encounters it learned from"),
        sa.Column("calibration_encounters", sa.Integer(), nullable=False, comment="claims its intervals were set on"),
        sa.Column("test_encounters", sa.Integer(), nullable=False, comment="encounters kept for the evaluation"),
        sa.Column(
            "data_hash",
            sa.Text(),
            nullable=False,
            comment="hash of claims, parts and amounts, and of the files: equal hashes, equal data",
        ),
        sa.Column(
            "parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="parameters of the training"
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_amount_model")),
        schema="ml",
        comment="One row for every amount model trained: where it lies, from what, and how",
    )
    op.create_table(
        "amount_model_encounter",
        sa.Column(
            "version",
            sa.Text(),
            nullable=False,
            comment="version of the model, as its folder and billed.predicted_amount.model_version say it",
        ),
        sa.Column("encounter_id", sa.Text(), nullable=False, comment="encounter"),
        sa.Column("person_id", sa.Text(), nullable=False, comment="person when the model was trained"),
        sa.Column("part", sa.Text(), nullable=False, comment="train, calibration or test"),
        sa.PrimaryKeyConstraint("version", "encounter_id", name=op.f("pk_amount_model_encounter")),
        schema="ml",
        comment="Which encounter had which part in a model: what it learned from can be told later, and taken out",
    )
    op.create_index(
        op.f("ix_amount_model_encounter_encounter_id"),
        "amount_model_encounter",
        ["encounter_id"],
        unique=False,
        schema="ml",
    )
    op.create_table(
        "amount_promotion",
        sa.Column("promotion_id", sa.Text(), nullable=False, comment="hash of version and time"),
        sa.Column(
            "version",
            sa.Text(),
            nullable=False,
            comment="version of the model, as its folder and billed.predicted_amount.model_version say it",
        ),
        sa.Column("replaced", sa.Text(), nullable=True, comment="version that was in use before"),
        sa.Column("promoted_at", sa.DateTime(timezone=True), nullable=False, comment="when"),
        sa.Column("promoted_by", sa.Text(), nullable=False, comment="who, or the asset that did"),
        sa.Column("note", sa.Text(), nullable=False, comment="why"),
        sa.PrimaryKeyConstraint("promotion_id", name=op.f("pk_amount_promotion")),
        schema="ml",
        comment="Which model of amounts is in use from when on: one row a promotion, the newest counts; never overwritten",
    )
    op.create_table(
        "amount_training_set",
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
            comment="why it is in no part: held (an edit holds the claim), void, outpatient, no_drg, no_discharge_date, no_charge, no_payment or labelled_again (a later day brought newer labels)",
        ),
        sa.Column("drg", sa.Text(), nullable=True, comment="MS-DRG, three digits"),
        sa.Column(
            "charges",
            sa.Numeric(precision=14, scale=2),
            nullable=True,
            comment="total charge of the claim in US dollars",
        ),
        sa.Column(
            "payments",
            sa.Numeric(precision=14, scale=2),
            nullable=True,
            comment="what the insurer allowed, the patient's share included, in US dollars",
        ),
        sa.Column(
            "payment_source",
            sa.Text(),
            nullable=True,
            comment="remittance, or contract: the expected payment of a claim not answered yet",
        ),
        sa.PrimaryKeyConstraint("received_date", "encounter_id", name=op.f("pk_amount_training_set")),
        schema="ml",
        comment="One row for every claim billed: its part of the split, or why no amount can be learned from it",
    )
    op.create_index(
        op.f("ix_amount_training_set_encounter_id"), "amount_training_set", ["encounter_id"], unique=False, schema="ml"
    )
    op.create_index(
        op.f("ix_amount_training_set_person_id"), "amount_training_set", ["person_id"], unique=False, schema="ml"
    )
    op.create_table(
        "predicted_amount",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column("encounter_id", sa.Text(), nullable=False, comment="encounter"),
        sa.Column("predicted_because", sa.Text(), nullable=False, comment="held or no_contract"),
        sa.Column(
            "charges", sa.Numeric(precision=14, scale=2), nullable=False, comment="predicted total charge in US dollars"
        ),
        sa.Column(
            "charges_low", sa.Numeric(precision=14, scale=2), nullable=False, comment="lower end of its 90% interval"
        ),
        sa.Column(
            "charges_high", sa.Numeric(precision=14, scale=2), nullable=False, comment="upper end of its 90% interval"
        ),
        sa.Column(
            "payments",
            sa.Numeric(precision=14, scale=2),
            nullable=False,
            comment="predicted payment, the patient's share included, in US dollars",
        ),
        sa.Column(
            "payments_low", sa.Numeric(precision=14, scale=2), nullable=False, comment="lower end of its 90% interval"
        ),
        sa.Column(
            "payments_high", sa.Numeric(precision=14, scale=2), nullable=False, comment="upper end of its 90% interval"
        ),
        sa.Column("model_version", sa.Text(), nullable=False, comment="model that predicted them"),
        sa.PrimaryKeyConstraint("received_date", "encounter_id", name=op.f("pk_predicted_amount")),
        schema="billed",
        comment="Amounts the model in use predicts for claims that are not final: held ones, and those no contract prices",
    )


def downgrade() -> None:
    """Go one revision down."""
    op.drop_table("predicted_amount", schema="billed")
    op.drop_index(op.f("ix_amount_training_set_encounter_id"), table_name="amount_training_set", schema="ml")
    op.drop_index(op.f("ix_amount_training_set_person_id"), table_name="amount_training_set", schema="ml")
    op.drop_table("amount_training_set", schema="ml")
    op.drop_table("amount_promotion", schema="ml")
    op.drop_index(op.f("ix_amount_model_encounter_encounter_id"), table_name="amount_model_encounter", schema="ml")
    op.drop_table("amount_model_encounter", schema="ml")
    op.drop_table("amount_model", schema="ml")
    op.drop_table("amount_evaluation", schema="ml")
