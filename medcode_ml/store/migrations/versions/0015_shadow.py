"""shadow runs held against the coders' codes

Revision: 0015, after: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one revision up."""
    op.create_table(
        "shadow_encounter",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column("kind", sa.Text(), nullable=False, comment="coding or ranking"),
        sa.Column("shadow", sa.Text(), nullable=False, comment="version in stage shadow"),
        sa.Column(
            "champion",
            sa.Text(),
            nullable=False,
            comment="what worked: the champion, or the rules where there is none (ontology, guidelines)",
        ),
        sa.Column("encounter_id", sa.Text(), nullable=False, comment="encounter"),
        sa.Column("champion_drg", sa.Text(), nullable=True, comment="MS-DRG of what worked"),
        sa.Column("champion_weight", sa.Numeric(14, 6), nullable=True, comment="its relative weight"),
        sa.Column("shadow_drg", sa.Text(), nullable=True, comment="MS-DRG of the version in shadow"),
        sa.Column("shadow_weight", sa.Numeric(14, 6), nullable=True, comment="its relative weight"),
        sa.Column(
            "labelled_on", sa.Date(), nullable=True, comment="day the coders' codes were received; null until then"
        ),
        sa.Column(
            "label_hash",
            sa.Text(),
            nullable=True,
            comment="hash of these codes: another one means that coders changed them",
        ),
        sa.Column(
            "coder_drg",
            sa.Text(),
            nullable=True,
            comment="MS-DRG of the coders' codes in the coders' order; null where they give none",
        ),
        sa.Column("coder_weight", sa.Numeric(14, 6), nullable=True, comment="its relative weight"),
        sa.PrimaryKeyConstraint("received_date", "kind", "shadow", "encounter_id", name=op.f("pk_shadow_encounter")),
        schema="ml",
        comment="MS-DRG of an encounter by a version in stage shadow, by what worked and, once they labelled it, by "
        "the coders",
    )
    op.create_index(op.f("ix_shadow_encounter_encounter_id"), "shadow_encounter", ["encounter_id"], schema="ml")
    op.create_index(op.f("ix_shadow_encounter_shadow"), "shadow_encounter", ["shadow"], schema="ml")


def downgrade() -> None:
    """Go one revision down."""
    op.drop_table("shadow_encounter", schema="ml")
