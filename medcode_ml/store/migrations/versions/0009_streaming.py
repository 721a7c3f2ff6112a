"""streaming: landed messages, offsets, dead letters, replies

Revision: 0009, after: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one revision up."""
    op.create_table(
        "stream_message",
        sa.Column("topic", sa.Text(), nullable=False, comment="topic it was read from"),
        sa.Column("partition", sa.Integer(), nullable=False, comment="partition of the topic"),
        sa.Column("offset", sa.BigInteger(), nullable=False, comment="place in the partition, 0 first"),
        sa.Column(
            "received_date",
            sa.Date(),
            nullable=False,
            comment="day the record counts as received: as the sender says, else the UTC day of the message",
        ),
        sa.Column("kind", sa.Text(), nullable=False, comment="delivered table the message is a row of"),
        sa.Column("source_system", sa.Text(), nullable=False, comment="system that sent it"),
        sa.Column("hospital_id", sa.Text(), nullable=True, comment="hospital it is about"),
        sa.Column(
            "message_id",
            sa.Text(),
            nullable=False,
            comment="the sender's id: a message sent again carries the same one, and the first counts",
        ),
        sa.Column(
            "content_hash",
            sa.Text(),
            nullable=False,
            comment="hash of kind and row: tells a message sent again from an id used for something else",
        ),
        sa.Column("payload", sa.Text(), nullable=False, comment="the message as delivered, JSON"),
        sa.Column(
            "landed_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when it was landed, by the database's clock",
        ),
        sa.PrimaryKeyConstraint("topic", "partition", "offset", name=op.f("pk_stream_message")),
        schema="raw",
        comment="Messages landed from Kafka, as delivered: one row a message, whatever was killed on the way",
    )
    op.create_index(
        op.f("ix_stream_message_received_date_kind"),
        "stream_message",
        ["received_date", "kind"],
        unique=False,
        schema="raw",
    )
    op.create_index(
        op.f("ix_stream_message_source_system_message_id"),
        "stream_message",
        ["source_system", "message_id"],
        unique=False,
        schema="raw",
    )
    op.create_table(
        "stream_offset",
        sa.Column("reader", sa.Text(), nullable=False, comment="what reads: land or work"),
        sa.Column("topic", sa.Text(), nullable=False, comment="topic"),
        sa.Column("partition", sa.Integer(), nullable=False, comment="partition of the topic"),
        sa.Column(
            "next_offset",
            sa.BigInteger(),
            nullable=False,
            comment="offset of the first message that has not been taken in",
        ),
        sa.Column(
            "epoch",
            sa.BigInteger(),
            nullable=False,
            comment="goes up when another process takes the partition over: one with an older number is shut out",
        ),
        sa.Column("owner", sa.Text(), nullable=False, comment="process that has the partition: host and process id"),
        sa.Column(
            "tries",
            sa.Integer(),
            nullable=False,
            comment="times work on the messages from next_offset on was begun and not ended",
        ),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, comment="when next_offset moved last"),
        sa.PrimaryKeyConstraint("reader", "topic", "partition", name=op.f("pk_stream_offset")),
        schema="raw",
        comment="How far each partition has come, by what reads it; written in one transaction with what was read",
    )
    op.create_table(
        "stream_dead_letter",
        sa.Column("topic", sa.Text(), nullable=False, comment="topic it was read from"),
        sa.Column("partition", sa.Integer(), nullable=False, comment="partition of the topic"),
        sa.Column("offset", sa.BigInteger(), nullable=False, comment="place in the partition"),
        sa.Column(
            "dead_letter_id", sa.Text(), nullable=False, comment="opaque id, the same however often it is published"
        ),
        sa.Column("rule", sa.Text(), nullable=False, comment="name of the fault"),
        sa.Column(
            "reason",
            sa.Text(),
            nullable=False,
            comment="what is wrong and what to do, without any value of the message",
        ),
        sa.Column(
            "faults",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="places in the message that break the schema, as [{at, fault}]",
        ),
        sa.Column(
            "key",
            sa.Text(),
            nullable=True,
            comment="key of the message; hashed where it does not look like an opaque id",
        ),
        sa.Column("encoding", sa.Text(), nullable=False, comment="how payload is written: text, base64 or none"),
        sa.Column("payload", sa.Text(), nullable=True, comment="the message as delivered"),
        sa.Column(
            "landed_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when it was set aside, by the database's clock",
        ),
        sa.Column(
            "published_at", sa.DateTime(timezone=True), nullable=True, comment="when the dead-letter topic was told"
        ),
        sa.Column(
            "settled_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when it was landed after all or sent again repaired",
        ),
        sa.Column("settled_as", sa.Text(), nullable=True, comment="landed or sent_again"),
        sa.PrimaryKeyConstraint("topic", "partition", "offset", name=op.f("pk_stream_dead_letter")),
        schema="raw",
        comment="Messages that cannot be taken in, with the reason; they never hold up their partition",
    )
    op.create_index(
        op.f("ix_stream_dead_letter_dead_letter_id"),
        "stream_dead_letter",
        ["dead_letter_id"],
        unique=False,
        schema="raw",
    )
    op.create_table(
        "reply",
        sa.Column("reply_id", sa.Text(), nullable=False, comment="hash of request id and content of the request"),
        sa.Column("request_id", sa.Text(), nullable=False, comment="the requester's id of the request"),
        sa.Column("topic", sa.Text(), nullable=False, comment="topic the request came by"),
        sa.Column("partition", sa.Integer(), nullable=False, comment="partition of that topic"),
        sa.Column("offset", sa.BigInteger(), nullable=False, comment="place of the request in the partition"),
        sa.Column(
            "operation",
            sa.Text(),
            nullable=True,
            comment="code, rank or bill; null where the request could not be read",
        ),
        sa.Column("reply_to", sa.Text(), nullable=False, comment="topic the answer goes to"),
        sa.Column("status", sa.Text(), nullable=False, comment="ok or error"),
        sa.Column("record_count", sa.Integer(), nullable=False, comment="records in the request"),
        sa.Column("payload", sa.Text(), nullable=False, comment="the answer, JSON"),
        sa.Column(
            "answered_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when it was answered, by the database's clock",
        ),
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when it was sent; null while it waits to be sent, also again",
        ),
        sa.PrimaryKeyConstraint("reply_id", name=op.f("pk_reply")),
        schema="served",
        comment="Answers to requests that came by Kafka; a request that comes again gets the same answer again",
    )
    op.create_index(op.f("ix_reply_request_id"), "reply", ["request_id"], unique=False, schema="served")
    op.create_table(
        "event",
        sa.Column("event_id", sa.Text(), nullable=False, comment="hash of kind, encounter and state"),
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the encounter was received"),
        sa.Column("kind", sa.Text(), nullable=False, comment="coded, ranked, billed or held"),
        sa.Column("encounter_id", sa.Text(), nullable=False, comment="encounter, an opaque id"),
        sa.Column(
            "state", sa.Text(), nullable=False, comment="hash of what the stage wrote: another state is another event"
        ),
        sa.Column("version", sa.Text(), nullable=True, comment="model version, or grouper version of a claim"),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False, comment="when the state was seen"),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True, comment="when the event was sent"),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_event")),
        schema="served",
        comment="What became of encounters, once for every state: the outbox of the event topic",
    )
    op.create_index(
        op.f("ix_event_received_date_encounter_id"),
        "event",
        ["received_date", "encounter_id"],
        unique=False,
        schema="served",
    )


def downgrade() -> None:
    """Go one revision down."""
    op.drop_index(op.f("ix_event_received_date_encounter_id"), table_name="event", schema="served")
    op.drop_table("event", schema="served")
    op.drop_index(op.f("ix_reply_request_id"), table_name="reply", schema="served")
    op.drop_table("reply", schema="served")
    op.drop_index(op.f("ix_stream_dead_letter_dead_letter_id"), table_name="stream_dead_letter", schema="raw")
    op.drop_table("stream_dead_letter", schema="raw")
    op.drop_table("stream_offset", schema="raw")
    op.drop_index(op.f("ix_stream_message_received_date_kind"), table_name="stream_message", schema="raw")
    op.drop_index(op.f("ix_stream_message_source_system_message_id"), table_name="stream_message", schema="raw")
    op.drop_table("stream_message", schema="raw")
