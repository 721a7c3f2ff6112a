"""serving: jobs may be cancelled, and owners take turns

Revision: 0017, after: 0016
"""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_SAID = {
    "status": ("queued, running, done or failed", "queued, running, done, failed or cancelled"),
    "worker": ("worker that has it", "worker that has it, and a mark of this one time that it was taken"),
}
"""What comments of columns said before and say now."""


def upgrade() -> None:
    """Go one revision up."""
    op.create_index(op.f("ix_job_owner_started_at"), "job", ["owner", "started_at"], unique=False, schema="served")
    for column, (before, now) in _SAID.items():
        op.alter_column("job", column, existing_comment=before, comment=now, schema="served")


def downgrade() -> None:
    """Go one revision down."""
    for column, (before, now) in _SAID.items():
        op.alter_column("job", column, existing_comment=now, comment=before, schema="served")
    op.drop_index(op.f("ix_job_owner_started_at"), table_name="job", schema="served")
