"""serving: keys, jobs, access

Revision: 0010, after: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one revision up."""
    op.create_table(
        "access",
        sa.Column("access_id", sa.Text(), nullable=False, comment="random id of the row"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="when the request came"),
        sa.Column("request_id", sa.Text(), nullable=False, comment="id that the answer carries as X-Request-Id"),
        sa.Column(
            "subject",
            sa.Text(),
            nullable=False,
            comment="who: key:<key_id>, jwt:<hash>, no-auth, or anonymous where nobody was recognised",
        ),
        sa.Column("method", sa.Text(), nullable=False, comment="HTTP method"),
        sa.Column(
            "route",
            sa.Text(),
            nullable=False,
            comment="route as written in the OpenAPI document, never the path with its values",
        ),
        sa.Column("status", sa.Integer(), nullable=False, comment="HTTP status of the answer"),
        sa.Column(
            "decision",
            sa.Text(),
            nullable=False,
            comment="allow, or why not: unauthenticated, scope, hospital, rate, action; none where nothing was asked",
        ),
        sa.Column(
            "record_count", sa.Integer(), nullable=False, comment="records in the request; 0 where it was not read"
        ),
        sa.Column(
            "hospitals",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="hospital_id that the records name",
        ),
        sa.Column("milliseconds", sa.Double(), nullable=False, comment="time from the first byte read to the answer"),
        sa.PrimaryKeyConstraint("access_id", name=op.f("pk_access")),
        schema="served",
        comment="Every access to the API, allowed or refused, without anything of a patient",
    )
    op.create_index(op.f("ix_access_at"), "access", ["at"], unique=False, schema="served")
    op.create_index(op.f("ix_access_subject_at"), "access", ["subject", "at"], unique=False, schema="served")
    op.create_table(
        "api_key",
        sa.Column(
            "key_id",
            sa.Text(),
            nullable=False,
            comment="public part of the key, between the first and the second underscore",
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="system or person that holds it"),
        sa.Column(
            "secret_hash",
            sa.Text(),
            nullable=False,
            comment="SHA-256 of the whole key, hexadecimal; the key is 256 random bits",
        ),
        sa.Column(
            "scopes",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="what it may do: code, rank, bill, price, encounter, codes, models, metrics",
        ),
        sa.Column(
            "hospitals",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="hospital_id of the hospitals it may ask for; [*] for all",
        ),
        sa.Column(
            "rate", sa.Text(), nullable=True, comment="requests allowed, such as 600/minute; null for the setting's"
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, comment="when"),
        sa.Column("created_by", sa.Text(), nullable=False, comment="user who made it"),
        sa.Column(
            "expires_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="from then on it is refused; null for never",
        ),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True, comment="from then on it is refused"),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_api_key")),
        schema="served",
        comment="Keys of the API; the key itself is shown once and kept nowhere",
    )
    op.create_table(
        "job",
        sa.Column(
            "job_id",
            sa.Text(),
            nullable=False,
            comment="the one in /v1/jobs/{id}: a hash of owner and idempotency key where there is one, or random",
        ),
        sa.Column(
            "owner",
            sa.Text(),
            nullable=False,
            comment="who sent it: key:<key_id> or jwt:<hash of issuer and subject>; nobody else may read it",
        ),
        sa.Column(
            "request_hash",
            sa.Text(),
            nullable=False,
            comment="SHA-256 of route and body: the same key with another body is refused",
        ),
        sa.Column("operation", sa.Text(), nullable=False, comment="code, rank, bill, price or encounter"),
        sa.Column("batch", sa.Integer(), nullable=False, comment="1 for a batch of records, 0 for one record"),
        sa.Column("record_count", sa.Integer(), nullable=False, comment="records in the request"),
        sa.Column("status", sa.Text(), nullable=False, comment="queued, running, done or failed"),
        sa.Column("request", sa.Text(), nullable=True, comment="records as JSON; null once the job has ended"),
        sa.Column("answer", sa.Text(), nullable=True, comment="answer as JSON; null until done"),
        sa.Column("answer_status", sa.Integer(), nullable=True, comment="HTTP status of the answer; null until done"),
        sa.Column(
            "attempts", sa.Integer(), nullable=False, comment="how often a worker took it; the third failure ends it"
        ),
        sa.Column("worker", sa.Text(), nullable=True, comment="worker that has it"),
        sa.Column(
            "lease_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="a worker that lives prolongs it; after it any other may take the job",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, comment="when it came"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True, comment="when it was taken last"),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True, comment="when it ended"),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False, comment="when the row is deleted"),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_job")),
        schema="served",
        comment="Long work taken on by the API, and answers kept under an idempotency key",
    )
    op.create_index(op.f("ix_job_expires_at"), "job", ["expires_at"], unique=False, schema="served")
    op.create_index(op.f("ix_job_status_created_at"), "job", ["status", "created_at"], unique=False, schema="served")


def downgrade() -> None:
    """Go one revision down."""
    op.drop_index(op.f("ix_job_status_created_at"), table_name="job", schema="served")
    op.drop_index(op.f("ix_job_expires_at"), table_name="job", schema="served")
    op.drop_table("job", schema="served")
    op.drop_table("api_key", schema="served")
    op.drop_index(op.f("ix_access_subject_at"), table_name="access", schema="served")
    op.drop_index(op.f("ix_access_at"), table_name="access", schema="served")
    op.drop_table("access", schema="served")
